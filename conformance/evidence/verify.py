"""Whether a bundle is what it says: whole, signed, at one with itself, and judged as our oracle judges."""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jsonschema import Draft202012Validator

from bridge.vocabulary.profile import Profile
from conformance.checks.result import Text, Verdict
from conformance.evidence import seal
from conformance.evidence.bundle import Bundle, BundleUnreadable, judged
from conformance.evidence.manifest import (
    JUDGEMENTS,
    JUNIT,
    MANIFEST,
    RESULTS,
    SAID_TWICE,
    SIGNATURE,
    Manifest,
    read_manifest,
    trace_name,
)
from conformance.oracle.judge import Judgement, judge
from conformance.oracle.trace import Trace
from conformance.reports import report as reports
from conformance.scenario.profile import apply_settings, read_setting, settings


@dataclass(slots=True)
class Verification:
    """What was found."""

    manifest: Manifest
    #: What is wrong; nothing when the bundle is good.
    wrong: list[Text] = field(default_factory=list)
    #: None when nobody signed.
    signed: seal.Seal | None = None
    #: Whether the key that signed is the one that was asked for; None when none was.
    known_key: bool | None = None
    #: Traces that were judged again.
    rejudged: int = 0

    @property
    def good(self) -> bool:
        """True when nothing is wrong."""
        return not self.wrong


def verify(bundle: Bundle, *, key: bytes | None = None, profile: Profile | None = None) -> Verification:
    """Hold a bundle against its manifest, its signature and itself; with `profile`, judge its traces again.

    `key` is a public key in PEM that must have signed. Raises `BundleUnreadable` without a manifest, `seal.SealImpossible` for a key that
    cannot be used.
    """
    data = bundle.files.get(MANIFEST)
    manifest = None if data is None else read_manifest(data)
    if data is None or manifest is None:
        raise BundleUnreadable(
            "其中没有可读的 manifest.json,不是证据包", "there is no readable manifest.json in it, so it is no bundle"
        )
    found = Verification(manifest, list(bundle.wrong))
    _hashes(bundle, found)
    _signature(bundle, data, key, found)
    results = _results(bundle, found)
    if results is not None:
        _counts(bundle, results, found)
        if profile is not None:
            _judged_again(bundle, results, profile, found)
    return found


def _hashes(bundle: Bundle, found: Verification) -> None:
    listed = Counter(entry.name for entry in found.manifest.files)
    for name in [name for name, times in listed.items() if times > 1]:
        found.wrong.append(Text(f"清单列了两次 {name}", f"the manifest lists {name} twice"))
    for entry in found.manifest.files:
        content = bundle.files.get(entry.name)
        if content is None:
            found.wrong.append(Text(f"缺少 {entry.name}", f"{entry.name} is missing"))
        elif len(content) != entry.size or sha256(content).hexdigest() != entry.sha256:
            found.wrong.append(
                Text(f"{entry.name} 与清单中的摘要不符", f"{entry.name} is not what the manifest's hash says")
            )
    for name in sorted(set(bundle.files) - set(listed) - {MANIFEST, SIGNATURE}):
        found.wrong.append(Text(f"清单中没有 {name}", f"the manifest does not list {name}"))
    for name in (RESULTS, JUDGEMENTS):
        if name not in listed:
            found.wrong.append(Text(f"清单中缺少 {name}", f"the manifest lacks {name}"))


def _signature(bundle: Bundle, manifest: bytes, key: bytes | None, found: Verification) -> None:
    data = bundle.files.get(SIGNATURE)
    expected = None if key is None else seal.public_key(key).public_bytes_raw()
    if data is None:
        if expected is not None:
            found.wrong.append(Text("未签名", "it is not signed"))
        return
    found.signed = seal.read_seal(data)
    if found.signed is None:
        found.wrong.append(Text(f"{SIGNATURE} 不是签名", f"{SIGNATURE} is no signature"))
        return
    if not seal.is_genuine(found.signed, manifest):
        found.wrong.append(Text("签名与清单不符", "the signature is not over this manifest"))
    if expected is not None:
        found.known_key = found.signed.public_key == expected
        if not found.known_key:
            found.wrong.append(
                Text(
                    f"不是由给定的密钥签名,而是 {found.signed.fingerprint}",
                    f"it was not signed with the key given, but with {found.signed.fingerprint}",
                )
            )


def _results(bundle: Bundle, found: Verification) -> dict[str, Any] | None:
    data = bundle.files.get(RESULTS, b"")
    problem = problem_of_results(data)
    if problem is not None:
        found.wrong.append(problem)
        return None
    results: dict[str, Any] = json.loads(data)
    return results


def problem_of_results(data: bytes) -> Text | None:
    """Why this is no `results.json`; None when it is one."""
    try:
        results = json.loads(data)
    except (ValueError, RecursionError):
        return Text(f"{RESULTS} 不是 JSON", f"{RESULTS} is no JSON")
    error = next(_results_schema().iter_errors(results), None)
    if error is None:
        return None
    place = "/".join(map(str, error.absolute_path))
    return Text(f"{RESULTS} 不合格式:{place}", f"{RESULTS} is not as its schema says: {place}: {error.message[:200]}")


def _counts(bundle: Bundle, results: dict[str, Any], found: Verification) -> None:
    for name in SAID_TWICE:
        if results[name] != found.manifest.said[name]:
            found.wrong.append(
                Text(f"{RESULTS} 与清单中的 {name} 不同", f"{RESULTS} and the manifest say different things of {name}")
            )
    counted = Counter(each["verdict"] for each in results["results"])
    if any(results["counts"][verdict] != counted[verdict] for verdict in Verdict):
        found.wrong.append(Text("各结论的数量与结果不符", "the counts are not those of the results"))
    ids = Counter(each["id"] for each in results["results"])
    for check_id in [check_id for check_id, times in ids.items() if times > 1]:
        found.wrong.append(Text(f"{check_id} 有两个结果", f"there are two results of {check_id}"))
    if JUNIT in bundle.files and _cases(bundle.files[JUNIT]) != len(results["results"]):
        found.wrong.append(Text(f"{JUNIT} 的用例数与结果不符", f"{JUNIT} has another number of cases"))


def _cases(junit: bytes) -> int | None:
    if b"<!DOCTYPE" in junit:
        return None
    try:
        return sum(1 for _ in ElementTree.fromstring(junit).iter("testcase"))  # noqa: S314 - no DOCTYPE, no entities
    except ElementTree.ParseError:
        return None


def _judged_again(bundle: Bundle, results: dict[str, Any], profile: Profile, found: Verification) -> None:
    try:
        judgements: dict[str, Any] = json.loads(bundle.files.get(JUDGEMENTS, b""))
        known = {check_id: (dict(each["settings"]), dict(each["clauses"])) for check_id, each in judgements.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found.wrong.append(Text(f"{JUDGEMENTS} 不可读", f"{JUDGEMENTS} cannot be read"))
        return
    verdicts = {each["id"]: each for each in results["results"]}
    for check_id, result in verdicts.items():
        if result["verdict"] in (Verdict.PASS, Verdict.FAIL) and check_id not in known:
            found.wrong.append(Text(f"{check_id} 没有轨迹", f"there is no trace of {check_id}"))
    for check_id, (changes, clauses) in known.items():
        data = bundle.files.get(trace_name(check_id))
        if check_id not in verdicts or data is None:
            found.wrong.append(
                Text(
                    f"{check_id} 有评判而无结果或轨迹", f"{check_id} was judged, and its result or its trace is missing"
                )
            )
            continue
        _one_again(check_id, data, changes, clauses, verdicts[check_id], profile, found)


def _one_again(
    check_id: str,
    data: bytes,
    changes: dict[str, Any],
    clauses: dict[str, Any],
    result: dict[str, Any],
    profile: Profile,
    found: Verification,
) -> None:
    if not clauses and result["verdict"] != Verdict.PASS:
        # The story broke off before anything was judged.
        return
    try:
        kinds = settings()
        said = {key: read_setting(kinds[key], value) for key, value in changes.items()}
        trace = Trace.from_lines(data.decode())
        again = judged(judge(trace, apply_settings(said, profile)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found.wrong.append(
            Text(f"{check_id} 的轨迹无法评判", f"the trace of {check_id} cannot be judged ({type(error).__name__})")
        )
        return
    found.rejudged += 1
    differing = sorted(clause for clause in {*again, *clauses} if again.get(clause) != clauses.get(clause))
    for clause in differing:
        found.wrong.append(
            Text(
                f"{check_id} 的轨迹重新评判后,{clause} 的结论不同",
                f"judged again, the trace of {check_id} gives another verdict on {clause}",
            )
        )
    broken = [clause for clause, each in again.items() if each["outcome"] == Judgement.FAIL]  # type: ignore[index]
    if result["verdict"] == Verdict.PASS and broken:
        found.wrong.append(
            Text(
                f"{check_id} 记为通过,而其轨迹违反 {', '.join(broken)}",
                f"{check_id} is said to have passed, and its trace breaks {', '.join(broken)}",
            )
        )


@cache
def _results_schema() -> Draft202012Validator:
    schema = Path(reports.__file__).with_name("report.schema.json")
    return Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
