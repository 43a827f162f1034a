"""The evidence bundle: written beside the reports, verified by a stranger, attacked, and compared with another."""

import base64
import json
import random
import stat
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jsonschema import Draft202012Validator

from conformance.evidence import bundle as bundles
from conformance.evidence import seal
from conformance.evidence.bundle import BundleUnreadable, packed, read_bundle
from conformance.evidence.verify import verify
from conformance.zoo import members
from duijie.bundle import _without_secrets
from duijie.cli import main
from duijie.exits import Exit
from duijie.virtual import VirtualStage
from duijie.zoo import cast_with


def as_published(name: str) -> Draft202012Validator:
    """What is said to programs, as its published schema has it."""
    return Draft202012Validator(json.loads(Path(bundles.__file__).with_name(f"{name}.schema.json").read_text("utf-8")))


AT = datetime(2026, 3, 2)  # noqa: DTZ001 - ZIP knows no zones
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "office.pem"
    assert main(["bundle", "keygen", str(path)]) == Exit.OK
    return path


def made(folder: Path, *options: str, role: str = "urban", only: str = "RCPT-6") -> Path:
    main(["conform", role, "--sut", "builtin-virtual", "--only", only, "--report", str(folder), *options])
    return folder / "evidence.zip"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    return made(tmp_path_factory.mktemp("signed"), "--sign-key", str(keys))


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a platform that answers a repetition otherwise than the first time."""
    return wrong_one(tmp_path_factory.mktemp("failing"), "urban-contradicts-itself")


def wrong_one(folder: Path, member_id: str) -> Path:
    member = next(each for each in members() if each.id == member_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("duijie.benches.VirtualStage", partial(VirtualStage, cast=cast_with(member)))
        return made(folder)


def verified(path: Path, *options: str) -> int:
    return main(["bundle", "verify", str(path), "--lang", "en", *options])


def unpacked(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def with_files(path: Path, to: Path, change: Callable[[Files], None], *, rehash: bool = False) -> Path:
    """The bundle with some files changed, and the manifest made to fit them where the forger thought of that."""
    files = unpacked(path)
    change(files)
    if rehash:
        manifest = json.loads(files["manifest.json"])
        manifest["files"] = [
            {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()}
            for name, content in sorted(files.items())
            if name not in ("manifest.json", "signature.json")
        ]
        if "results.json" in files:
            manifest["counts"] = json.loads(files["results.json"])["counts"]
        files["manifest.json"] = json.dumps(manifest).encode()
    to.write_bytes(packed(files, AT))
    return to


# ── a good one ──────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_bundle_is_good_and_judged_again_the_same(signed, keys, capsys):
    assert verified(signed, "--key", f"{keys}.pub", "--rejudge") == Exit.OK
    said = capsys.readouterr().out
    assert "The bundle is good." in said
    assert "signed with the key" in said
    assert "traces were judged again" in said
    assert "was not checked" not in said


def test_without_the_key_it_says_that_nobody_checked_whose_it_is(signed, capsys):
    assert verified(signed) == Exit.OK
    assert "whose key it is was not checked" in capsys.readouterr().out


def test_a_bundle_of_failures_is_good_evidence(failing, capsys):
    assert verified(failing, "--rejudge", "--json") == Exit.OK
    said = json.loads(capsys.readouterr().out)
    as_published("verification").validate(said)
    assert said["counts"]["fail"] >= 2
    assert said["rejudged"] >= 2
    assert said["signature"] is None
    assert said["good"] is True


def test_a_signature_and_what_is_wrong_are_told_to_programs_as_published(signed, tmp_path, capsys):
    files = unpacked(signed)
    files["results.json"] = b"{}"
    bad = tmp_path / "bad.zip"
    bad.write_bytes(packed(files, AT))
    assert verified(bad, "--json") == Exit.FAILED
    said = json.loads(capsys.readouterr().out)
    as_published("verification").validate(said)
    assert said["wrong"]
    assert not said["good"]
    assert verified(signed, "--json") == Exit.OK
    said = json.loads(capsys.readouterr().out)
    as_published("verification").validate(said)
    assert said["signature"]["is_the_key_given"] is None


def test_an_unsigned_bundle_says_so(failing, capsys):
    assert verified(failing) == Exit.OK
    assert "unsigned" in capsys.readouterr().out


def test_it_holds_everything_that_a_stranger_needs(signed):
    names = set(unpacked(signed))
    assert {
        "manifest.json",
        "signature.json",
        "results.json",
        "junit.xml",
        "report.html",
        "summary.md",
        "judgements.json",
        "profile.json",
        "versions.json",
    } <= names
    assert {name for name in names if name.startswith("traces/RCPT-6-01")} == {"traces/RCPT-6-01-urban.jsonl"}


def test_its_traces_are_judged_by_the_judge_as_any_other(signed, tmp_path):
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(unpacked(signed)["traces/RCPT-6-01-urban.jsonl"])
    assert main(["judge", str(trace)]) == Exit.OK


def test_it_names_no_person_and_holds_no_password(signed):
    text = "".join(content.decode() for content in unpacked(signed).values())
    for named in ("温勇", "何小满", "grid-demo", "urban-demo"):
        assert named not in text


def test_the_same_run_packs_to_the_same_bytes(signed):
    files = unpacked(signed)
    assert packed(files, AT) == packed(files, AT)
    with zipfile.ZipFile(signed) as archive:
        names = [entry.filename for entry in archive.infolist()]
        assert names == ["manifest.json", "signature.json", *sorted(names[2:])]
        assert len({entry.date_time for entry in archive.infolist()}) == 1


def test_the_signature_is_over_the_bytes_of_the_manifest(signed, keys):
    files = unpacked(signed)
    said = json.loads(files["signature.json"])
    public = seal.public_key(Path(f"{keys}.pub").read_bytes())
    public.verify(base64.b64decode(said["signature"]), files["manifest.json"])


# ── attacks ─────────────────────────────────────────────────────────────────────────────────────────


def replaced(name: str, old: bytes, new: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


def passed(files: Files) -> None:
    """Every failure called a pass, and the counts with them."""
    results = json.loads(files["results.json"])
    for each in results["results"]:
        each["verdict"] = "pass"
    results["counts"] = dict.fromkeys(results["counts"], 0) | {"pass": len(results["results"])}
    files["results.json"] = json.dumps(results).encode()


ATTACKS: dict[str, tuple[Callable[[Files], None], str]] = {
    "a changed byte": (replaced("summary.md", b"duijie", b"Duijie"), "summary.md is not what the manifest's hash says"),
    "a file less": (lambda files: files.pop("junit.xml") and None, "junit.xml is missing"),
    "a file more": (lambda files: files.update({"more.txt": b"x"}), "the manifest does not list more.txt"),
    "failures called passes": (passed, "results.json is not what the manifest's hash says"),
    "no results": (lambda files: files.pop("results.json") and None, "results.json is missing"),
    "a path that leads out": (lambda files: files.update({"../evil": b"x"}), "'../evil' is no name"),
    "a path from the root": (lambda files: files.update({"/etc/passwd": b"x"}), "'/etc/passwd' is no name"),
    "a path of Windows": (lambda files: files.update({"..\\evil": b"x"}), "is no name"),
    "no signature any more": (lambda files: files.pop("signature.json") and None, "it is not signed"),
    "nonsense for a signature": (
        lambda files: files.update({"signature.json": b"[]"}),
        "signature.json is no signature",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_found_and_named(attack, signed, keys, tmp_path, capsys):
    change, said = ATTACKS[attack]
    bad = with_files(signed, tmp_path / "bad.zip", change)
    assert verified(bad, "--key", f"{keys}.pub") == Exit.FAILED
    assert said in capsys.readouterr().out


def test_a_manifest_that_was_made_to_fit_is_not_the_signed_one(signed, tmp_path, capsys):
    assert verified(with_files(signed, tmp_path / "bad.zip", passed, rehash=True)) == Exit.FAILED
    assert "the signature is not over this manifest" in capsys.readouterr().out


def test_a_manifest_that_was_made_to_fit_and_signed_by_another_is_not_ours(signed, keys, tmp_path, capsys):
    other = seal.private_key(seal.new_keys(None)[0], None)

    def sign(files: Files) -> None:
        files["signature.json"] = seal.signature_file(files["manifest.json"], other)

    bad = with_files(with_files(signed, tmp_path / "a.zip", passed, rehash=True), tmp_path / "b.zip", sign)
    assert verified(bad, "--key", f"{keys}.pub") == Exit.FAILED
    assert "it was not signed with the key given" in capsys.readouterr().out


def test_an_unsigned_bundle_is_not_one_of_the_key_that_was_asked_for(failing, keys, capsys):
    assert verified(failing, "--key", f"{keys}.pub") == Exit.FAILED
    assert "it is not signed" in capsys.readouterr().out


def test_a_failure_called_a_pass_is_found_by_judging_again(failing, tmp_path, capsys):
    bad = with_files(failing, tmp_path / "bad.zip", passed, rehash=True)
    assert verified(bad, "--rejudge") == Exit.FAILED
    assert "is said to have passed, and its trace breaks RCPT-6" in capsys.readouterr().out


def test_a_trace_that_was_mended_is_found_by_judging_again(failing, tmp_path, capsys):
    change = replaced("traces/RCPT-6-01-urban.jsonl", b"OUT_OF_SEQUENCE", b"CASE_ALREADY_FILED")
    bad = with_files(failing, tmp_path / "bad.zip", change, rehash=True)
    assert verified(bad) == Exit.OK
    assert verified(bad, "--rejudge") == Exit.FAILED
    assert "judged again, the trace of RCPT-6-01/urban gives another verdict on RCPT-6" in capsys.readouterr().out


def test_counts_that_are_not_those_of_the_results_are_found(failing, tmp_path, capsys):
    def change(files: Files) -> None:
        results = json.loads(files["results.json"])
        results["counts"]["fail"] -= 1
        files["results.json"] = json.dumps(results).encode()

    assert verified(with_files(failing, tmp_path / "bad.zip", change, rehash=True)) == Exit.FAILED
    assert "the counts are not those of the results" in capsys.readouterr().out


def test_an_entry_that_is_there_twice_is_found(signed, tmp_path, capsys):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(signed.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("results.json", b"{}")
    assert verified(bad) == Exit.FAILED
    assert "results.json is there twice" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"before" + data,
        lambda data: data + b"after",
        lambda data: data[:-2] + (5).to_bytes(2, "little") + b"after",
    ],
    ids=["before", "behind", "a comment"],
)
def test_bytes_that_belong_to_no_entry_are_found(change, signed, tmp_path):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(change(signed.read_bytes()))
    assert verified(bad) in (Exit.FAILED, Exit.CONFIGURATION)


def test_an_entry_that_unfolds_to_too_much_is_not_unfolded(signed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bundles, "ENTRY_BYTES_MAX", 4_000_000)
    bad = with_files(signed, tmp_path / "bad.zip", lambda files: files.update({"summary.md": b"0" * 50_000_000}))
    assert bad.stat().st_size < 1_000_000
    assert verified(bad) == Exit.FAILED
    assert "summary.md unfolds to too much" in capsys.readouterr().out


def test_entries_that_unfold_to_too_much_together_are_not_all_unfolded(signed, tmp_path, monkeypatch):
    monkeypatch.setattr(bundles, "UNFOLDED_BYTES_MAX", 1_000_000)
    bad = with_files(
        signed, tmp_path / "bad.zip", lambda files: files.update({f"bomb{n}": b"0" * 900_000 for n in range(5)})
    )
    assert sum(map(len, read_bundle(bad).files.values())) <= 1_000_000


def test_a_list_of_entries_without_end_is_not_read(tmp_path):
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        for number in range(bundles.ENTRIES_MAX + 1):
            archive.writestr(f"f{number}", b"")
    assert verified(bad) == Exit.CONFIGURATION


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_half_a_bundle_is_unreadable_and_says_so(share, signed, tmp_path, capsys):
    data = signed.read_bytes()
    bad = tmp_path / "bad.zip"
    bad.write_bytes(data[: int(len(data) * share)])
    assert verified(bad) == Exit.CONFIGURATION
    assert "it is no ZIP file, or not all of one" in capsys.readouterr().err


def test_a_zip_without_manifest_is_no_bundle(tmp_path, capsys):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(packed({"a.txt": b"x"}, AT))
    assert verified(bad) == Exit.CONFIGURATION
    assert "no readable manifest.json" in capsys.readouterr().err


def test_no_flipped_bit_passes_unless_it_changes_nothing(signed, tmp_path):
    data, files = signed.read_bytes(), unpacked(signed)
    rng = random.Random(7)
    bad = tmp_path / "bad.zip"
    for _ in range(60):
        at = rng.randrange(len(data))
        bad.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        try:
            bundle = read_bundle(bad)
            good = verify(bundle).good
        except BundleUnreadable:
            continue
        assert not good or bundle.files == files, f"byte {at}"


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_private_key_is_for_its_owner_alone_and_is_never_overwritten(keys, capsys):
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    before = keys.read_bytes()
    assert main(["bundle", "keygen", str(keys), "--lang", "en"]) == Exit.CONFIGURATION
    assert "was left alone" in capsys.readouterr().err
    assert keys.read_bytes() == before


def test_a_key_with_a_password_signs_with_it_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DUIJIE_SIGN_PASSWORD", "long enough")
    key = tmp_path / "k.pem"
    assert main(["bundle", "keygen", str(key)]) == Exit.OK
    assert b"ENCRYPTED" in key.read_bytes()
    assert verified(made(tmp_path / "out", "--sign-key", str(key)), "--key", f"{key}.pub") == Exit.OK
    for password in ("wrong", None):
        if password is None:
            monkeypatch.delenv("DUIJIE_SIGN_PASSWORD")
        else:
            monkeypatch.setenv("DUIJIE_SIGN_PASSWORD", password)
        options = ["--sut", "builtin-virtual", "--only", "RCPT-6", "--report", str(tmp_path / "no"), "--lang", "en"]
        assert main(["conform", "urban", *options, "--sign-key", str(key)]) == Exit.CONFIGURATION
        assert "DUIJIE_SIGN_PASSWORD" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_key_of_another_kind_is_refused(signed, tmp_path, capsys):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = tmp_path / "rsa.pub"
    pem.write_bytes(
        other.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert verified(signed, "--key", str(pem)) == Exit.CONFIGURATION
    assert "not of Ed25519" in capsys.readouterr().err
    pem.write_text("no key")
    assert verified(signed, "--key", str(pem)) == Exit.CONFIGURATION


def test_without_the_library_a_bundle_is_written_and_a_signed_one_says_what_is_needed(
    signed, failing, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert verified(failing) == Exit.OK
    assert verified(made(tmp_path / "out")) == Exit.OK
    assert verified(signed) == Exit.CONFIGURATION
    assert "pip install 'duijie[signing]'" in capsys.readouterr().err


# ── comparing ───────────────────────────────────────────────────────────────────────────────────────


def compared(earlier: Path, later: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = main(["bundle", "diff", str(earlier), str(later), "--json"])
    said = json.loads(capsys.readouterr().out)
    as_published("difference").validate(said)
    return code, said


def test_a_check_that_fails_now_is_for_the_worse_and_the_way_back_is_not(signed, failing, capsys):
    code, said = compared(signed, failing, capsys)
    assert code == Exit.FAILED
    assert "RCPT-6-01/urban" in {change["id"] for change in said["changes"] if change["kind"] == "broken"}
    code, said = compared(failing, signed, capsys)
    assert code == Exit.OK
    assert {change["kind"] for change in said["changes"]} == {"fixed"}


def test_two_runs_that_came_out_the_same_are_the_same(signed, tmp_path, capsys):
    code, said = compared(signed, made(tmp_path), capsys)
    assert (code, said["changes"], said["conditions"]) == (Exit.OK, [], [])
    assert said["same"] > 3


def test_another_seed_is_told_first_and_changes_nothing(signed, tmp_path, capsys):
    other = made(tmp_path, "--seed", "9")
    assert main(["bundle", "diff", str(signed), str(other), "--lang", "en"]) == Exit.OK
    said = capsys.readouterr().out.splitlines()
    told = said.index("The two runs were not made alike:")
    assert said[told + 1] == "  seed: 1 → 9"


def test_checks_of_one_run_alone_are_new_or_gone(signed, tmp_path, capsys):
    fewer = made(tmp_path, only="RCPT-6-01")
    assert {change["kind"] for change in compared(signed, fewer, capsys)[1]["changes"]} == {"gone"}
    assert {change["kind"] for change in compared(fewer, signed, capsys)[1]["changes"]} == {"new"}


def test_a_check_that_fails_in_another_way_shows_how_its_messages_differ(failing, tmp_path, capsys):
    other = wrong_one(tmp_path, "urban-confirms-a-duplicate-of-a-failure")
    _, said = compared(failing, other, capsys)
    (change,) = [change for change in said["changes"] if change["kind"] == "differently"]
    assert not change["worse"]
    assert "received" in change["told"]
    assert any(line.startswith("+") for line in change["messages"])


@pytest.mark.parametrize("which", ["results.json", ""])
def test_results_and_folders_can_be_compared_too(which, signed, failing, capsys):
    code, said = compared(signed.parent / which, failing.parent / which, capsys)
    assert code == Exit.FAILED
    assert said["worse"] is True


def test_what_cannot_be_compared_says_why(signed, tmp_path, capsys):
    bad = tmp_path / "results.json"
    bad.write_text("{}", encoding="utf-8")
    assert main(["bundle", "diff", str(signed), str(bad), "--lang", "en"]) == Exit.CONFIGURATION
    assert "results.json is not as its schema says" in capsys.readouterr().err
    changed = with_files(signed, tmp_path / "bad.zip", passed)
    assert main(["bundle", "diff", str(signed), str(changed), "--lang", "en"]) == Exit.CONFIGURATION
    assert "the bundle is not good" in capsys.readouterr().err
    assert main(["bundle", "diff", str(tmp_path / "none.zip"), str(signed)]) == Exit.CONFIGURATION


# ── the system's file ───────────────────────────────────────────────────────────────────────────────


def test_the_systems_file_goes_without_its_secrets(monkeypatch):
    monkeypatch.setenv("TOKEN_OF_OURS", "from the environment")
    secrets: list[str] = []
    shown = _without_secrets(
        {
            "driver": {
                "address": "http://user:word@10.0.0.1/x?token=abc",
                "token": "literal-token",
                "command": ["node", "driver.js", "--password", "behind", "--api-key=joined", "-v", "plain"],
                "options": {"apiKey": "nested", "region": "340202"},
            },
            "other": {"token": "${TOKEN_OF_OURS}"},
        },
        secrets,
    )
    assert shown == {
        "driver": {
            "address": "http://‹hidden›@10.0.0.1/x?token=‹hidden›",
            "token": "‹hidden›",
            "command": ["node", "driver.js", "--password", "‹hidden›", "--api-key=‹hidden›", "-v", "plain"],
            "options": {"apiKey": "‹hidden›", "region": "340202"},
        },
        "other": {"token": "${TOKEN_OF_OURS}"},
    }
    assert {"literal-token", "behind", "nested", "from the environment"} <= set(secrets)


def test_the_bundle_of_a_described_system_holds_its_file_and_not_its_token(tmp_path):
    sut = tmp_path / "sut.toml"
    sut.write_text(
        'format = "1.0"\n[system]\nrole = "urban"\nname = "某某城管"\n[driver]\nkind = "builtin"\ntoken = "s3cr3t-token"\n',
        encoding="utf-8",
    )
    main(["conform", "urban", "--sut", str(sut), "--only", "RCPT-6-01", "--report", str(tmp_path)])
    files = unpacked(tmp_path / "evidence.zip")
    assert json.loads(files["sut.json"])["system"]["name"] == "某某城管"
    assert not any(b"s3cr3t-token" in content for content in files.values())
