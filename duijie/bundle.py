"""The evidence bundle: `duijie conform --report` writes it, `duijie bundle verify`, `diff` and `keygen` are what becomes of it."""

import json
import os
import platform
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import contracts
from bridge.settings import ProfileInvalid, profile_from_mapping, profile_to_mapping
from bridge.vocabulary.messages import CONTRACT_VERSION
from bridge.vocabulary.profile import Profile
from conformance.checks.result import VERDICTS, Text, Verdict
from conformance.evidence import seal
from conformance.evidence.bundle import Bundle, BundleUnreadable, contents, read_bundle, sealed
from conformance.evidence.diff import Change, Difference, Kind, difference
from conformance.evidence.manifest import MANIFEST, PROFILE, RESULTS, SYSTEM, VERSIONS, manifest_of
from conformance.evidence.mask import Mask, masked
from conformance.evidence.verify import Verification, problem_of_results, verify
from conformance.observe.envelope import HIDDEN
from conformance.reports.report import Report
from duijie import __version__
from duijie.console_text import Language, reason, say
from duijie.exits import Exit, UserMistake

#: The name of the file beside the reports.
EVIDENCE = "evidence.zip"
#: Where the password of an encrypted signing key is looked for.
PASSWORD_VARIABLE = "DUIJIE_SIGN_PASSWORD"  # noqa: S105 - the name of the variable, no password
#: The version of what `diff --json` and `verify --json` write.
JSON_VERSION = "1.0"

_SECRET_KEY = re.compile(r"passw|secret|token|key|auth|cookie|credential|pwd", re.IGNORECASE)
_FROM_ENVIRONMENT = re.compile(r"\$\{\w+\}")
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_ASSIGNED = re.compile(r"([\w.-]*(?:passw|secret|token|key|auth|pwd)[\w.-]*=)[^&\s]+", re.IGNORECASE)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs the bundles of this run."""

    pem: bytes
    password: bytes | None

    def sign(self, manifest: bytes) -> bytes:
        """The signature file over a manifest."""
        return seal.signature_file(manifest, seal.private_key(self.pem, self.password))


def signing_key(path: Path | None) -> SigningKey | None:
    """The key in the file, tried before anything is run; None without a file. Raises `UserMistake`."""
    if path is None:
        return None
    password = os.environ.get(PASSWORD_VARIABLE)
    key = SigningKey(_bytes_of(path), password.encode() if password else None)
    try:
        seal.private_key(key.pem, key.password)
    except seal.SealImpossible as why:
        raise UserMistake(
            f"{path}:{why.zh}(口令取自环境变量 {PASSWORD_VARIABLE})",
            f"{path}: {why.en} (the password is taken from {PASSWORD_VARIABLE})",
        ) from None
    return key


def evidence(
    report: Report, profile: Profile, source: Path | None, language: Language, key: SigningKey | None
) -> bytes:
    """The bundle of a run; `source` is the file that describes the system, where there is one."""
    system, secrets = ({}, []) if source is None else _system(source)
    secrets += [profile.grid.password, profile.urban.password]
    mask = Mask(secrets=secrets, spared={profile.choices.auto_verifier})
    for contact in profile.contacts:
        mask.learn({"duty": contact.duty.value, "name": contact.name, "phone": contact.phone})
    shown = masked(report, mask)
    beside = {PROFILE: _profile(profile, mask), VERSIONS: _versions()} | ({} if not system else {SYSTEM: system})
    written = {
        name: (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode() for name, value in beside.items()
    }
    files = contents(shown, language, written)
    return sealed(shown, files, None if key is None else key.sign(manifest_of(shown, files)))


def _profile(profile: Profile, mask: Mask) -> dict[str, Any]:
    """The integration profile as the judge needs it, without passwords, people and paths."""
    said = profile_to_mapping(profile)
    for party in ("grid", "urban", "bridge"):
        if said[party].get("tls"):
            said[party]["tls"] = {key: value and Path(value).name for key, value in said[party]["tls"].items()}
        said[party]["endpoint"] = _USER_OF_URL.sub(HIDDEN, said[party]["endpoint"])
    said["grid"]["password"] = said["urban"]["password"] = HIDDEN
    said["bridge"]["store"] = "sqlite:///hidden"
    said["contacts"] = [{**mask.over(contact), "phone": None} for contact in said["contacts"]]
    return said


def _versions() -> dict[str, Any]:
    """What judged, to the library."""
    needed = [re.match(r"[\w.-]+", each) for each in metadata.requires("duijie") or () if "extra ==" not in each]
    libraries = {}
    for name in sorted(found[0] for found in needed if found):
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    texts = sorted(path for path in contracts.SAMPLES.parent.iterdir() if path.suffix in (".xsd", ".wsdl"))
    digest = sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()
    return {
        "suite": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "contract": {"version": CONTRACT_VERSION, "sha256": digest},
        "libraries": libraries,
    }


def _system(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file that describes the system, without its secrets; and these."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, []
    secrets: list[str] = []
    return _without_secrets(said, secrets), secrets


def _without_secrets(value: Any, secrets: list[str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(item, secrets, name) for name, item in value.items()}
    if isinstance(value, list):
        # The word behind `--token` is one.
        before = ["", *value[:-1]]
        return [
            _without_secrets(item, secrets, str(flag) if str(flag).startswith("-") and "=" not in str(flag) else key)
            for item, flag in zip(value, before, strict=True)
        ]
    if not isinstance(value, str):
        return value
    if _SECRET_KEY.search(key):
        if found := _FROM_ENVIRONMENT.fullmatch(value):
            secrets.append(os.environ.get(found[0][2:-1], ""))
            return value
        secrets.append(value)
        return HIDDEN
    return _ASSIGNED.sub(rf"\1{HIDDEN}", _USER_OF_URL.sub(HIDDEN, value))


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────


def run_keygen(path: Path, language: Language) -> Exit:
    """Write a new key pair: `path` for the private key, `path` with `.pub` behind it for the public one."""
    password = os.environ.get(PASSWORD_VARIABLE)
    public_path = path.with_name(f"{path.name}.pub")
    try:
        private, public = seal.new_keys(password.encode() if password else None)
    except seal.SealImpossible as why:
        raise UserMistake(why.zh, why.en) from None
    _write_new(path, private, 0o600)
    _write_new(public_path, public, 0o644)
    shown = seal.fingerprint(seal.public_key(public).public_bytes_raw())
    encrypted = say(
        language,
        "已用口令加密" if password else f"未加密,请妥善保管;设置 {PASSWORD_VARIABLE} 则加密",
        "encrypted" if password else f"not encrypted: keep it safe; with {PASSWORD_VARIABLE} set it would be",
    )
    sys.stdout.write(
        say(
            language,
            f"私钥:{path}({encrypted})\n公钥:{public_path},交给核验的人\n指纹:{shown}\n",
            f"private key: {path} ({encrypted})\npublic key: {public_path}, for whoever verifies\nfingerprint: {shown}\n",
        )
    )
    return Exit.OK


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise UserMistake(f"{path} 已存在,未改动", f"{path} is there already and was left alone") from None
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


# ── verifying ───────────────────────────────────────────────────────────────────────────────────────


def run_verify(path: Path, *, key: Path | None, rejudge: bool, as_json: bool, language: Language) -> Exit:
    """Say whether a bundle is good, and if not, what exactly is wrong with it."""
    bundle = _bundle(path)
    try:
        found = verify(
            bundle,
            key=None if key is None else _bytes_of(key),
            profile=_profile_in(bundle, path) if rejudge else None,
        )
    except BundleUnreadable as why:
        raise _unreadable(path, why) from None
    except seal.SealImpossible as why:
        raise UserMistake(
            why.zh if key is None else f"{key}:{why.zh}", why.en if key is None else f"{key}: {why.en}"
        ) from None
    told = _verification_json(found) if as_json else _verification_told(path, found, rejudge, language)
    sys.stdout.write(told + "\n")
    return Exit.OK if found.good else Exit.FAILED


def _profile_in(bundle: Bundle, path: Path) -> Profile:
    try:
        return profile_from_mapping(json.loads(bundle.files.get(PROFILE, b"")))
    except (ValueError, TypeError, RecursionError, ProfileInvalid):
        raise _unreadable(
            path,
            BundleUnreadable(
                f"{PROFILE} 不可用,无法重新评判", f"{PROFILE} cannot be used, so nothing can be judged again"
            ),
        ) from None


def _verification_told(path: Path, found: Verification, rejudge: bool, language: Language) -> str:
    said = found.manifest.said
    counts = say(language, ",", ", ").join(
        f"{VERDICTS[Verdict(name)].of(language)} {count}"
        for name, count in said["counts"].items()
        if count and name in set(Verdict)
    )
    lines = [
        f"{path}: {said['system']} · {said['run']} · {counts}",
        say(language, f"{len(found.manifest.files)} 个文件", f"{len(found.manifest.files)} files"),
        _signed(found, language),
    ]
    if rejudge:
        lines.append(
            say(
                language,
                f"{found.rejudged} 份轨迹已重新评判",
                f"{found.rejudged} traces were judged again",
            )
        )
    lines += [f"✗ {wrong.of(language)}" for wrong in found.wrong]
    lines.append(
        say(language, "证据包完好。", "The bundle is good.")
        if found.good
        else say(
            language, f"证据包有 {len(found.wrong)} 处不符。", f"The bundle is not good: {len(found.wrong)} findings."
        )
    )
    return "\n".join(lines)


def _signed(found: Verification, language: Language) -> str:
    if found.signed is None:
        return say(
            language,
            "未签名:摘要只能发现损坏和疏忽的改动",
            "unsigned: hashes show damage and careless changes, not a forger",
        )
    by = say(language, f"签名密钥:{found.signed.fingerprint}", f"signed with the key {found.signed.fingerprint}")
    if found.known_key is None:
        return by + say(
            language, "(是谁的密钥未核对;用 --key 给出公钥)", " (whose key it is was not checked; give it with --key)"
        )
    return by


def _verification_json(found: Verification) -> str:
    signature = None
    if found.signed is not None:
        signature = {"key": found.signed.fingerprint.replace(" ", ""), "is_the_key_given": found.known_key}
    return json.dumps(
        {
            "version": JSON_VERSION,
            "run": found.manifest.said["run"],
            "system": found.manifest.said["system"],
            "counts": found.manifest.said["counts"],
            "files": len(found.manifest.files),
            "signature": signature,
            "rejudged": found.rejudged,
            "wrong": [{"zh": wrong.zh, "en": wrong.en} for wrong in found.wrong],
            "good": found.good,
        },
        ensure_ascii=False,
    )


# ── comparing ───────────────────────────────────────────────────────────────────────────────────────


def run_diff(earlier: Path, later: Path, *, as_json: bool, language: Language) -> Exit:
    """Say what changed between two runs; the exit code says whether something got worse."""
    found = difference(_comparable(earlier), _comparable(later))
    if as_json:
        sys.stdout.write(json.dumps(_difference_json(found), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_difference_told(found, language)) + "\n")
    return Exit.FAILED if found.worse else Exit.OK


def _comparable(path: Path) -> Bundle:
    """A bundle, a `results.json`, or the folder of a report, as far as it is needed for a comparison."""
    file = path / EVIDENCE if path.is_dir() and (path / EVIDENCE).exists() else path
    file = file / RESULTS if file.is_dir() else file
    bundle = Bundle({RESULTS: _bytes_of(file)}) if file.suffix == ".json" else _bundle(file)
    problem = problem_of_results(bundle.files.get(RESULTS, b""))
    if problem is not None:
        raise UserMistake(f"{path}:{problem.zh}", f"{path}: {problem.en}")
    if MANIFEST in bundle.files:
        try:
            wrong = verify(bundle).wrong
        except BundleUnreadable as why:
            raise _unreadable(path, why) from None
        except seal.SealImpossible:
            # Whether the signature is genuine is for `verify` to say.
            wrong = []
        if wrong:
            raise UserMistake(
                f"{path}:证据包不完好,{wrong[0].zh};先用 duijie bundle verify 查看",
                f"{path}: the bundle is not good, {wrong[0].en}; see duijie bundle verify",
            )
    return bundle


_KINDS: Mapping[Kind, Text] = {
    Kind.BROKEN: Text("变为不合格", "broken"),
    Kind.LOST: Text("不再有结论", "lost"),
    Kind.DIFFERENTLY: Text("不合格的方式不同", "fails differently"),
    Kind.FIXED: Text("已改好", "fixed"),
    Kind.OTHER: Text("结论改变", "changed"),
    Kind.NEW: Text("新增", "new"),
    Kind.GONE: Text("不再有此检查", "gone"),
}


def _difference_told(found: Difference, language: Language) -> Iterator[str]:
    if found.conditions:
        yield say(language, "两次运行的条件不同:", "The two runs were not made alike:")
        yield from (f"  {text.of(language)}: {was} → {now}" for text, was, now in found.conditions)
    for change in found.changes:
        yield from _change_told(change, language)
    worse = sum(change.worse for change in found.changes)
    yield say(
        language,
        f"{found.same} 项相同,{len(found.changes)} 项改变,其中 {worse} 项变差。",
        f"{found.same} the same, {len(found.changes)} changed, {worse} of them for the worse.",
    )


def _change_told(change: Change, language: Language) -> Iterator[str]:
    verdicts = [VERDICTS[Verdict(each)].of(language) if each is not None else "–" for each in (change.was, change.now)]
    sign = "✗" if change.worse else "·"
    yield f"{sign} {_KINDS[change.kind].of(language)}: {change.id} {change.title.of(language)} ({' → '.join(verdicts)})"
    for name, (was, now) in change.told.items():
        before = f"{_value(was, language)} → " if change.kind is Kind.DIFFERENTLY else ""
        yield f"    {name}: {before}{_value(now, language)}"
    yield from (f"    {line}" for line in change.messages)


def _value(value: Any, language: Language) -> str:
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return str(value[language])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _difference_json(found: Difference) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "conditions": [{"zh": text.zh, "en": text.en, "was": was, "now": now} for text, was, now in found.conditions],
        "changes": [
            {
                "id": change.id,
                "kind": change.kind.value,
                "worse": change.worse,
                "title": {"zh": change.title.zh, "en": change.title.en},
                "was": change.was,
                "now": change.now,
                "told": {name: {"was": was, "now": now} for name, (was, now) in change.told.items()},
                "messages": list(change.messages),
            }
            for change in found.changes
        ],
        "same": found.same,
        "worse": found.worse,
    }


# ── files ───────────────────────────────────────────────────────────────────────────────────────────


def _bundle(path: Path) -> Bundle:
    try:
        return read_bundle(path)
    except OSError as error:
        raise UserMistake(
            f"无法读取 {path}:{reason(error, 'zh')}", f"cannot read {path}: {reason(error, 'en')}"
        ) from error
    except BundleUnreadable as why:
        raise _unreadable(path, why) from None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserMistake(
            f"无法读取 {path}:{reason(error, 'zh')}", f"cannot read {path}: {reason(error, 'en')}"
        ) from error


def _unreadable(path: Path, why: BundleUnreadable) -> UserMistake:
    return UserMistake(f"{path}:{why.zh}", f"{path}: {why.en}")
