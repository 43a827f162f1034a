"""The list of what is in a bundle: what everything else is held against, and what is signed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from jsonschema import Draft202012Validator

from conformance.reports.report import Report

FORMAT = "1.0"
#: Names of the files of a bundle that mean something to who reads it.
MANIFEST, SIGNATURE, RESULTS, JUNIT = "manifest.json", "signature.json", "results.json", "junit.xml"
JUDGEMENTS, PROFILE, VERSIONS, SYSTEM = "judgements.json", "profile.json", "versions.json", "sut.json"

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:duijie:evidence:{FORMAT}",
    "type": "object",
    "required": ["format", "run", "role", "system", "suite", "started_at", "profile_fingerprint", "counts", "files"],
    "properties": {
        "format": {"const": FORMAT},
        "counts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "bytes", "sha256"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "bytes": {"type": "integer", "minimum": 0},
                    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                },
            },
        },
    }
    | {name: {"type": "string"} for name in ("run", "role", "system", "suite", "started_at", "profile_fingerprint")},
}
#: What the manifest and the results both say of the run.
SAID_TWICE = ("run", "role", "system", "suite", "started_at", "profile_fingerprint", "counts")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the bundle."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says."""

    #: All of it as it stands there.
    said: Mapping[str, Any]
    files: tuple[Entry, ...]


def trace_name(check_id: str) -> str:
    """Where the trace of a check lies in the bundle."""
    return f"traces/{check_id.replace('/', '-')}.jsonl"


def manifest_of(report: Report, files: Mapping[str, bytes]) -> bytes:
    """The manifest of these files, as it is written and signed."""
    said = {
        "format": FORMAT,
        "run": report.run_id,
        "role": report.role.value,
        "system": report.system,
        "suite": report.suite,
        "started_at": report.started_at.isoformat(timespec="seconds"),
        "profile_fingerprint": report.profile_fingerprint,
        "counts": {verdict.value: count for verdict, count in report.counts.items()},
        "files": [
            {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        ],
    }
    return (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode()


def read_manifest(data: bytes) -> Manifest | None:
    """What a manifest says; None when it is none."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not Draft202012Validator(SCHEMA).is_valid(said):
        return None
    files = tuple(Entry(each["name"], each["bytes"], each["sha256"]) for each in said["files"])
    return Manifest(said, files)
