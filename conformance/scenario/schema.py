"""The JSON Schema of scenario files, made from the catalogue of words, for editors that complete and check.

`python -m conformance.scenario.schema` writes `scenarios/schema/scenario-1.0.json`; a test says when it is stale.
"""

import json
from pathlib import Path
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.clauses import clauses
from conformance.scenario.load import CHECK_ID, FORMAT
from conformance.scenario.profile import setting_schema, settings
from conformance.scenario.steps import Wiring
from conformance.scenario.words import CALLED, Param, Word, acts, catalogue, shape

#: Where the schema is kept.
SCHEMA_FILE = Path(__file__).parents[2] / "scenarios" / "schema" / f"scenario-{FORMAT}.json"


def scenario_schema() -> dict[str, Any]:
    """The schema, draft 2020-12."""
    words = {name: _word_schema(word) for name, word in catalogue().items() if name != "refused"}
    bare = [name for name, word in catalogue().items() if not word.required and name != "refused"]
    step: dict[str, Any] = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {name: {"$ref": f"#/$defs/{name}"} for name in words} | {"refused": {"$ref": "#/$defs/refused"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:duijie:scenario:{FORMAT}",
        "title": "对接场景 / scenario of the exchange",
        "type": "object",
        "additionalProperties": False,
        "required": ["format", "title", "clauses", "steps"],
        "properties": {
            "format": {"const": FORMAT, "description": "格式版本,须加引号 / format version, in quotes"},
            "title": {
                "type": "object",
                "description": "中英文标题 / title in Chinese and English",
                "additionalProperties": False,
                "required": ["zh", "en"],
                "properties": {"zh": {"type": "string", "minLength": 1}, "en": {"type": "string", "minLength": 1}},
            },
            "clauses": {
                "type": "array",
                "description": "涉及的条款 / clauses that the story touches",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"anyOf": [{"const": c.id, "description": f"{c.zh} / {c.en}"} for c in clauses().values()]},
            },
            "check": {
                "type": "object",
                "description": "作为一致性检查:永久编号和评判对象 / as a check of the conformance suite: its permanent id and whom it judges",
                "additionalProperties": False,
                "required": ["id", "judges"],
                "properties": {
                    "id": {"type": "string", "pattern": f"^{CHECK_ID}$"},
                    "judges": {
                        "type": "array",
                        "minItems": 1,
                        "uniqueItems": True,
                        "items": {"enum": [party.value for party in Party]},
                    },
                },
            },
            "wiring": {
                "type": "array",
                "description": "接法,默认两种都跑 / with the bridge between or directly; by default both where possible",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"enum": [wiring.value for wiring in Wiring]},
            },
            "profile": {
                "type": "object",
                "description": "改动的对接设置 / settings of the integration profile that this story changes",
                "additionalProperties": False,
                "properties": {key: setting_schema(kind) for key, kind in settings().items()},
            },
            "quirks": {
                "description": "平台的脾气 / how awkward the simulated platforms are",
                "anyOf": [
                    {"const": "calm"},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["seed"],
                        "properties": {"seed": {"type": "integer", "minimum": 0}},
                    },
                ],
            },
            "steps": {
                "type": "array",
                "minItems": 1,
                "items": {"if": {"type": "string"}, "then": {"enum": bare}, "else": step},
            },
        },
        "$defs": words | {"refused": _refused_schema()} | _kinds(),
    }


def _kinds() -> dict[str, Any]:
    """Every kind of value once, with what it is called."""
    kinds = sorted({param.kind for word in catalogue().values() for param in word.params.values()})
    found = {}
    for kind in kinds:
        called = CALLED.get(kind)
        described = {} if called is None else {"description": f"{called[0]} / {called[1]}"}
        found[f"kind.{kind}"] = described | shape(kind)
    return found


def _word_schema(word: Word) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "type": "object",
        "properties": {name: _param_schema(param) for name, param in word.params.items()},
        "required": list(word.required),
        "additionalProperties": bool(word.open),
    }
    if word.any_of:
        whole["anyOf"] = [{"required": [name]} for name in word.any_of]
    description = f"{word.zh} / {word.en}"
    if word.bare is not None:
        short = _target() if word.bare == "target" else _param_schema(word.params[word.bare])
        return {"description": description, "if": {"type": "object"}, "then": whole, "else": short}
    if not word.required:
        return {"description": description, "if": {"type": "null"}, "else": whole}
    return {"description": description} | whole


def _param_schema(param: Param) -> dict[str, Any]:
    return {"$ref": f"#/$defs/kind.{param.kind}"}


def _target() -> dict[str, Any]:
    zh, en = CALLED["target"]
    return {"description": f"{zh} / {en}"} | shape("target")


def _refused_schema() -> dict[str, Any]:
    word = catalogue()["refused"]
    properties = {name: {"$ref": f"#/$defs/{name}"} for name in acts()}
    return {
        "description": f"{word.zh} / {word.en}",
        "type": "object",
        "minProperties": 2,
        "maxProperties": 2,
        "additionalProperties": False,
        "required": ["because"],
        "properties": {"because": _param_schema(word.params["because"])} | properties,
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(scenario_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
