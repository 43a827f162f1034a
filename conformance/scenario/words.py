"""The words a scenario may use, with their parameters and the kinds of value that these take.

`words.yaml` is the catalogue, to which every fault of the network adds its word; `answers.yaml` says what a party's books hold of a
case. The loader checks files against them, `schema.py` makes the editor's schema from them, and the narrator takes the titles.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import located_yaml
from bridge.vocabulary import codes, forms, parties, stages
from conformance.scenario.faults import Fault, FaultWhat, faults
from conformance.scenario.written import WRITINGS

#: Enumerations of the vocabulary that a parameter may take its value from.
VOCABULARY: dict[str, type[StrEnum]] = {
    enum.__name__: enum
    for enum in (
        codes.CaseKind,
        codes.CaseSource,
        codes.CaseGrade,
        codes.VerificationOutcome,
        codes.DeclineReason,
        codes.NoticeKind,
        codes.NoticePhase,
        codes.ContactDuty,
        codes.ReceiptOutcome,
        codes.ErrorCode,
        forms.FormType,
        parties.Party,
        parties.Side,
        stages.UrbanStage,
        stages.ExchangeStage,
        stages.GridState,
        stages.HandedOverState,
    )
}

#: Reasons for which a party refuses an act.
REFUSALS = (
    "unknown_act",
    "unknown_case",
    "not_your_role",
    "not_your_level",
    "not_your_territory",
    "wrong_state",
    "wrong_department",
    "already_filed",
    "photo_required",
    "reason_required",
    "no_such_person",
    "hidden",
    "bad_value",
    "not_waiting",
    "duplicate_application",
)

#: How far `given` brings a case, in the order of its life.
MILESTONES = (
    "reported",
    "handed_over",
    "filed",
    "dispatched",
    "disposal",
    "verification",
    "verified",
    "verification_failed",
    "closed",
)

#: Enumerations that only scenarios need.
CHOICES: dict[str, tuple[str, ...]] = {
    "milestone": MILESTONES,
    "refusal": REFUSALS,
    "level": ("city", "district", "street", "community"),
    "fault_what": tuple(FaultWhat),
    "hop": ("first", "last"),
    "kept_as": ("late", "repeated", "contradictory", "stray", "effective"),
    "written": tuple(WRITINGS),
    "injected_answer": ("acknowledged", "receipt", "confirmed", "error", "fault", "page"),
    "receipt_outcome": ("confirmed", "error", "fault", "none"),
    "UrbanOrigin": ("native", "transferred"),
    "UrbanStatus": ("received", "open", "closed", "closed_false_report", "declined", "withdrawn"),
}

#: What a value in an `expect` may say instead of being the value itself.
MATCHERS: dict[str, dict[str, Any]] = {
    "not": {},
    "at_least": {"type": "number"},
    "at_most": {"type": "number"},
    "contains": {},
    "lacks": {},
    "matches": {"type": "string"},
    "present": {"type": "boolean"},
    "count": {"type": "integer", "minimum": 0},
    "moment": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$"},
    "case": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,19}$"},
    "same_as": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,19}$"},
    "other_than": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,19}$"},
}

_ALIAS = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,19}$"}
_MATCHER: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "properties": MATCHERS,
    "additionalProperties": False,
}
_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}

#: Every other kind of value, as the JSON Schema that says what it looks like.
SHAPES: dict[str, dict[str, Any]] = {
    "alias": _ALIAS,
    "case": _ALIAS,
    "cases": {"type": "array", "items": _ALIAS, "uniqueItems": True},
    "text": _TEXT,
    "role": {"type": "string", "pattern": "^[a-z][a-z_]*$"},
    "two_digits": {"type": "string", "pattern": "^[0-9]{2}$"},
    "district": {"type": "string", "pattern": "^[0-9]{6}$"},
    "cell": {"type": "string", "pattern": "^[0-9]{15}$"},
    "component_code": {"type": "string", "pattern": "^[0-9]{16}$"},
    "department": {"type": "string", "pattern": "^[A-Z0-9-]{1,20}$"},
    "photos": {
        "type": "array",
        "items": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,59}$"},
        "maxItems": 20,
    },
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "positive": {"type": "integer", "minimum": 1},
    "count": _COUNT,
    "nth": {"type": "integer", "minimum": 1},
    "page_size": {"type": "integer", "minimum": 1, "maximum": 200},
    "rejections": {"type": "integer", "minimum": 0, "maximum": 20},
    "attempt": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "every"}]},
    "share": {"type": "string", "pattern": r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?)%$"},
    "page_status": {"enum": [200, 400, 403, 404, 407, 429, 500, 502, 503, 504]},
    "duration": {"type": "string", "pattern": "^[0-9]+ (second|minute|hour|day)s?$"},
    "advance": {
        "type": "string",
        "pattern": (
            r"^([0-9]+ (second|minute|hour|day|working hour|working day)s?"
            r"|to next timer|to [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2})$"
        ),
    },
    "target": {
        "type": "string",
        # YAML takes ` #2` for a comment unless the text is quoted, so the number is not demanded here but by the loader.
        "pattern": (
            r"^((answer of receipt|receipt|answer) of )?[a-zA-Z]+( (#|no\. ?)?[0-9]+)?"
            r"( of [a-z][a-z0-9_]{0,19})?( (attempt [0-9]+|every attempt))?( (first|last) hop)?$"
        ),
    },
    "moment": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$"},
    "message_id": {
        "type": "string",
        "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    },
    "changes": {"type": "object"},
    "fields": {"type": "object"},
    "list": {"type": "array"},
    "mapping": {"type": "object"},
    "matcher": {},
}

#: What a value of this kind is called when it is wrong; the pattern alone would say little.
CALLED: dict[str, tuple[str, str]] = {
    "alias": ("案卷代号,如 c1", "a name such as c1"),
    "case": ("案卷代号,如 c1", "the name of a case such as c1"),
    "two_digits": ('加引号的两位数字,如 "01"', 'two digits in quotes, such as "01"'),
    "district": ('六位区划代码,如 "340202"', 'a district code of six digits, such as "340202"'),
    "cell": ("十五位单元网格编码", "a cell code of fifteen digits"),
    "component_code": ("十六位部件标识码", "a component code of sixteen digits"),
    "department": ("部门编码,如 CA-340202", "a department code such as CA-340202"),
    "photos": ("照片短名列表,如 [roadside]", "a list of short photo names such as [roadside]"),
    "duration": ("时长,如 10 minutes", "a duration such as 10 minutes"),
    "advance": (
        "10 minutes、2 working hours、3 working days、to next timer 或 to 2026-03-05 10:00",
        "10 minutes, 2 working hours, 3 working days, to next timer, or to 2026-03-05 10:00",
    ),
    "target": (
        "receipt of dispatch #2、dispatch #1 of c1、answer of handOver #1",
        "receipt of dispatch #2, dispatch #1 of c1, or answer of handOver #1",
    ),
    "share": ("百分数,如 2%", "a percentage such as 2%"),
    "moment": ("时刻,如 2026-03-05 10:00", "a moment such as 2026-03-05 10:00"),
    "message_id": ("urn:uuid: 加小写 UUID", "urn:uuid: and a lower-case UUID"),
    "attempt": ("次数或 every", "a number or 'every'"),
}


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a word."""

    name: str
    kind: str
    required: bool

    @property
    def schema(self) -> dict[str, Any]:
        """What its value looks like."""
        return shape(self.kind)


@dataclass(frozen=True, slots=True)
class Word:
    """A step word: what it is called, who does it, and what goes with it."""

    name: str
    zh: str
    en: str
    params: Mapping[str, Param]
    #: Whose people do it; None for words that are no act.
    party: str | None = None
    #: The platform whose case comes into being, for reports.
    introduces: str | None = None
    #: `bridge` when it makes sense only where a bridge stands between the platforms.
    needs: str | None = None
    #: True when further fields are handed on as they are.
    open: bool = False
    #: The parameter that a bare text stands for.
    bare: str | None = None
    any_of: tuple[str, ...] = ()

    @property
    def is_act(self) -> bool:
        """True when somebody at a party does it."""
        return self.party is not None

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters that must be given."""
        return tuple(p.name for p in self.params.values() if p.required)

    def title(self, language: str) -> str:
        """The word in Chinese (`zh`) or English (`en`)."""
        return self.zh if language == "zh" else self.en


def shape(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of value."""
    if kind in VOCABULARY:
        return {"enum": [member.value for member in VOCABULARY[kind]]}
    if kind in CHOICES:
        return {"enum": list(CHOICES[kind])}
    if kind in ("grid_case", "urban_case", "bridge_case"):
        return _books(kind.removesuffix("_case"))
    return SHAPES[kind]


def _books(party: str) -> dict[str, Any]:
    """What `expect` may say of a case on the books of `party`."""
    properties = {}
    for key, kind in answers()[party].items():
        plain = shape(kind.rstrip("?")) if not kind.startswith(("moment", "text")) else {"type": "string"}
        options = [plain, _MATCHER]
        if kind.endswith("?"):
            options.append({"type": "null"})
        properties[key] = {"anyOf": options}
    unknown = {"type": "object", "properties": {"unknown": {"const": True}}, "required": ["unknown"]}
    known = {"type": "object", "minProperties": 1, "properties": properties, "additionalProperties": False}
    return {"if": {"required": ["unknown"]}, "then": unknown | {"additionalProperties": False}, "else": known}


@cache
def answers() -> dict[str, dict[str, str]]:
    """For each party, the keys of its answer about a case and the kind of each value."""
    found: dict[str, dict[str, str]] = located_yaml.load(Path(__file__).with_name("answers.yaml")).value
    return found


@cache
def catalogue() -> dict[str, Word]:
    """Every word by name."""
    raw: dict[str, dict[str, Any]] = located_yaml.load(Path(__file__).with_name("words.yaml")).value
    found = {name: _word(name, entry) for name, entry in raw.items()}
    for fault in faults().values():
        name = f"network.{fault.name}"
        found[name] = _word(name, _fault_entry(fault))
    noisy = {fault.name: "share" for fault in faults().values() if fault.noisy}
    found["network.noise"] = _word(
        "network.noise",
        {
            "zh": "网络嘈杂",
            "en": "the network is noisy",
            "params": {"seed": "count!"} | noisy | {"up_to": "duration"},
            "any_of": tuple(noisy),
        },
    )
    return found


def _fault_entry(fault: Fault) -> dict[str, Any]:
    what = {"what": "fault_what"} if len(fault.hits) > 1 else {}
    named = {"of": "FormType!", "nth": "nth", "case": "case", "hop": "hop", "attempt": "attempt"}
    demanding = any(kind.endswith("!") for kind in fault.params.values())
    return {
        "zh": fault.zh,
        "en": fault.en,
        "bare": None if demanding else "target",
        "params": what | named | dict(fault.params),
    }


def _word(name: str, entry: Mapping[str, Any]) -> Word:
    params = {
        key: Param(key, str(kind).rstrip("!"), str(kind).endswith("!")) for key, kind in (entry["params"] or {}).items()
    }
    if entry.get("party") is not None:
        # Any act may be tried by an account other than the natural one.
        params["by"] = Param("by", "text", False)
    bare = entry.get("bare")
    if bare is None and "case" in params and {p.name for p in params.values() if p.required} == {"case"}:
        bare = "case"
    return Word(
        name=name,
        zh=entry["zh"],
        en=entry["en"],
        params=params,
        party=entry.get("party"),
        introduces=entry.get("introduces"),
        needs=entry.get("needs"),
        open=bool(entry.get("open")),
        bare=bare,
        any_of=tuple(entry.get("any_of", ())),
    )


def acts() -> dict[str, Word]:
    """The words that somebody at a party does."""
    return {name: word for name, word in catalogue().items() if word.is_act}


def meant(word: str, known: Iterable[str]) -> tuple[str, str]:
    """«Did you mean», in both languages, led by punctuation; nothing when no known word is near."""
    names = list(known)
    role, dot, act = word.partition(".")
    # The act may be right and the role wrong, or the role be missing.
    close = [name for name in names if dot and name.endswith(f".{act}")][:1] or [
        name for name in names if not dot and word and name.endswith(f".{word}")
    ][:1]
    close = get_close_matches(word, names, n=1, cutoff=0.8) or close or get_close_matches(word, names, n=1, cutoff=0.6)
    if not close and dot:
        close = [name for name in names if name.startswith(f"{role}.")][:1]
    if close:
        return f",是否想写“{close[0]}”?", f"; did you mean '{close[0]}'?"
    return "", ""
