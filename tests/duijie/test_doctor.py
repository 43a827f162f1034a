"""`duijie conform doctor`: what is amiss with a set-up is found before anything is judged, and told with the next step."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_system import EMPTY, PAGE, Fake, running, xml

from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.times import SHANGHAI
from conformance.scenario.steps import Quirkiness
from duijie.benches import first_serial
from duijie.cli import main
from duijie.exits import Exit
from duijie.processes import free_port
from duijie.profiles_io import profile_of
from duijie.serve import BridgeService, simulator_process
from duijie.wrong_tries import may_try

pytestmark = pytest.mark.live
TOKEN = "t"
SEED = 5


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sut_text(
    own: str, control: str, *, role: str = "urban", password_type: str = "text", more: str = "", **given
) -> str:
    """A file for a system at `own`; `more` stands before the profile."""
    other = {"grid": "urban", "urban": "grid"}.get(role, "")
    suite = given.get("suite") or f"http://127.0.0.1:{free_port()}/soap"
    ends = {"grid": suite, "urban": f"http://127.0.0.1:{free_port()}/soap", "bridge": "http://127.0.0.1:1"}
    ends |= {other: suite} if other else {}
    ends[role] = own
    password = given.get("password", "grid-demo")
    return f"""format = "1.0"
[system]
role = "{role}"
name = "某某"
[driver]
kind = "control"
address = "{control}"
token = "{TOKEN}"
{more}
[profile]
name = "try"
[profile.grid]
code = "wuhu-grid"
endpoint = "{ends["grid"]}"
username = "grid"
password = "{password}"
password_type = "{password_type}"
[profile.urban]
code = "wuhu-urban"
endpoint = "{ends["urban"]}"
username = "urban"
password = "urban-demo"
[profile.bridge]
endpoint = "{ends["bridge"]}"
"""


class Doctor:
    """Calls the command and reads what it finds."""

    def __init__(self, folder: Path, capsys):
        self._file = folder / "sut.toml"
        self._capsys = capsys

    def __call__(self, text: str, role: str = "urban") -> tuple[int, dict[str, list[dict]]]:
        self._file.write_text(text, encoding="utf-8")
        options = ["--sut", str(self._file), "--seed", str(SEED), "--json"]
        code = main(["conform", "doctor", role, *options])
        found: dict[str, list[dict]] = {}
        for line in self._capsys.readouterr().out.splitlines():
            finding = json.loads(line)
            found.setdefault(finding["topic"], []).append(finding)
        return code, found


@pytest.fixture
def doctor(tmp_path, capsys):
    return Doctor(tmp_path, capsys)


def of(found: dict[str, list[dict]], topic: str) -> tuple[str, str]:
    """The level and the English sentences of the gravest finding on a topic."""
    order = ["failure", "warning", "unknown", "ok"]
    finding = min(found[topic], key=lambda each: order.index(each["level"]))
    return finding["level"], " ".join([finding["said"]["en"], *(each["en"] for each in finding["details"])])


def levels(found: dict[str, list[dict]]) -> set[str]:
    return {finding["level"] for findings in found.values() for finding in findings}


def asked(fake: Fake, doctor: Doctor, more: str = "", **given):
    with running(fake):
        return doctor(sut_text(f"{fake.address}/soap", fake.address, more=more, **given))


# --- our own parties, running


@contextmanager
def simulator(side: Side, tmp_path: Path) -> Iterator[str]:
    """A simulator by the real clock; gives its file."""
    from conformance.drivers.sut import load_sut

    port = free_port()
    text = sut_text(
        f"http://127.0.0.1:{free_port()}/soap", f"http://127.0.0.1:{port}", role=side.value, password_type="digest"
    )
    (tmp_path / "sut.toml").write_text(text, encoding="utf-8")
    profile = profile_of(load_sut(tmp_path / "sut.toml"))
    process = simulator_process(
        side,
        profile,
        seed=1,
        quirks=Quirkiness(),
        control_port=port,
        store=None,
        link=profile.platform(side.other).endpoint,
        started_at=None,
        control_token=TOKEN,
    )
    process.start()
    try:
        yield text
    finally:
        process.stop()


@pytest.mark.parametrize("side", list(Side))
def test_nothing_is_amiss_with_our_own_platform(side, tmp_path, doctor):
    with simulator(side, tmp_path) as text:
        code, found = doctor(text, side.value)
    # No party of ours opens connections because somebody asks it to.
    assert levels({"way_back": found.pop("way_back")}) == {"unknown"}
    assert (code, levels(found)) == (Exit.OK, {"ok"})
    assert {"listening", "reaching", "wsdl", "clock", "account", "encodings", "capabilities"} <= set(found)
    assert len(found["account"]) == 2


def test_nothing_is_amiss_with_our_own_bridge_on_either_of_its_faces(tmp_path, doctor):
    from conformance.drivers.sut import load_sut

    control = free_port()
    text = (
        sut_text(
            f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{control}", role="bridge", password_type="digest"
        )
        + f'store = "sqlite:///{tmp_path / "b.db"}"\n'
    )
    (tmp_path / "sut.toml").write_text(text, encoding="utf-8")
    service = BridgeService(
        profile_of(load_sut(tmp_path / "sut.toml")), control_port=control, started_at=None, control_token=TOKEN
    )
    service.start()
    try:
        code, found = doctor(text, "bridge")
    finally:
        service.stop()
    assert levels({"way_back": found.pop("way_back")}) == {"unknown"}
    assert (code, levels(found)) == (Exit.OK, {"ok"})
    assert {len(found[topic]) for topic in ("reaching", "wsdl", "listening", "encodings")} == {2}


def test_a_password_that_is_not_the_systems_is_found(tmp_path, doctor):
    with simulator(Side.URBAN, tmp_path) as text:
        code, found = doctor(text.replace("grid-demo", "guessed"))
    assert code == Exit.CONFIGURATION
    assert of(found, "account")[0] == "failure"
    assert "NOT_AUTHENTICATED" in of(found, "account")[1]


def test_looking_again_and_again_locks_nobody_out(tmp_path, doctor):
    with simulator(Side.URBAN, tmp_path) as text:
        outcomes = [doctor(text)[1]["account"] for _ in range(12)]
    assert [each[0]["level"] for each in outcomes] == ["ok"] * 12
    assert [each[1]["level"] for each in outcomes] == ["ok"] * 5 + ["unknown"] * 7


def test_a_run_is_not_begun_while_the_set_up_is_wrong_and_the_report_says_why(tmp_path, doctor, capsys):
    with simulator(Side.URBAN, tmp_path) as text:
        (tmp_path / "sut.toml").write_text(text.replace("grid-demo", "guessed"), encoding="utf-8")
        options = ["--sut", str(tmp_path / "sut.toml"), "--only", "INT-6-01", "--report", str(tmp_path / "out")]
        assert main(["conform", "urban", *options, "--lang", "en"]) == Exit.CONFIGURATION
        said = capsys.readouterr().out
        assert "✗ account: the account grid is not accepted" in said
        assert "no check was run" in said
        assert main(["conform", "urban", *options, "--json", "--lang", "zh"]) == Exit.CONFIGURATION
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    report = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert report["results"] == []
    assert [finding["level"] for finding in report["doctor"]][-1] == "failure"
    assert told[-1]["topic"] == "account"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<details id="doctor" open>' in page
    assert "✗ 账号: 账号 grid 不被接受" in (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")


def test_what_is_skipped_although_the_system_has_it_is_told(tmp_path, capsys):
    more = '[suite]\nchecks = ["INT-1-0*", "INT-4-01"]\nskip = ["INT-1-01"]\n'
    with simulator(Side.URBAN, tmp_path) as text:
        (tmp_path / "sut.toml").write_text(text.replace("[profile]", f"{more}[profile]", 1), encoding="utf-8")
        options = ["--sut", str(tmp_path / "sut.toml"), "--report", str(tmp_path / "out"), "--lang", "en"]
        main(["conform", "urban", *options, "--skip", "INT-4-01"])
    said = capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [result["id"] for result in report["results"]] == ["INT-1-02/urban"]
    assert "left out although the system declares to have what they are about: " in said
    assert said.splitlines()[-1].endswith("2 (INT-1-01/urban, INT-4-01/urban)")


# --- a system with one thing amiss


def test_nothing_is_amiss_with_the_fake_itself(doctor):
    fake = Fake(date=lambda: datetime.now(UTC))
    code, found = asked(fake, doctor)
    assert (code, levels(found)) == (Exit.OK, {"ok", "unknown"})
    assert levels({topic: said for topic, said in found.items() if topic != "way_back"}) == {"ok"}
    assert all(b"QueryCases" in body for body in fake.asked)


def test_a_system_that_does_not_listen_is_named_with_its_address(doctor):
    port = free_port()
    with running(Fake()) as fake:
        code, found = doctor(sut_text(f"http://127.0.0.1:{port}/soap", fake.address))
    assert code == Exit.CONFIGURATION
    assert of(found, "reaching") == ("failure", f"cannot connect to 127.0.0.1:{port}: Connection refused")
    assert "wsdl" not in found


def test_a_driver_that_does_not_answer_is_named_and_the_rest_is_looked_at_all_the_same(doctor):
    port = free_port()
    with running(Fake()) as fake:
        code, found = doctor(sut_text(f"{fake.address}/soap", f"http://127.0.0.1:{port}"))
    assert code == Exit.CONFIGURATION
    assert f"http://127.0.0.1:{port} cannot be reached" in of(found, "driver")[1]
    assert of(found, "account")[0] == "ok"


def test_a_driver_that_does_not_answer_brings_no_word_against_the_checks_that_the_file_names(doctor):
    more = '[suite]\nchecks = ["INT-6"]\nskip = ["RCPT-1-01/urban"]'
    with running(Fake()) as fake:
        _, found = doctor(sut_text(f"{fake.address}/soap", f"http://127.0.0.1:{free_port()}", more=more))
    assert "driver" in found
    assert "checks" not in found


def test_an_address_of_the_suite_that_is_taken_is_named(doctor):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/soap"
        code, found = asked(Fake(), doctor, suite=address)
    assert code == Exit.CONFIGURATION
    level, said = of(found, "listening")
    assert level == "failure"
    assert address in said
    assert "in use" in said


def test_an_address_of_the_suite_that_is_not_of_this_machine_is_named(doctor):
    code, found = asked(Fake(), doctor, suite="http://192.0.2.1:8101/soap")
    assert code == Exit.CONFIGURATION
    assert "cannot listen at 192.0.2.1:8101" in of(found, "listening")[1]


def test_a_system_that_can_be_asked_proves_that_it_gets_through_to_the_suite(doctor):
    port = free_port()
    listened = []

    def reach() -> dict[str, object]:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            listened.append(port)
        return {"reached": True}

    fake = Fake(control=Fake().control | {"GET /asks/reach": reach})
    code, found = asked(fake, doctor, suite=f"http://127.0.0.1:{port}/soap")
    assert (code, of(found, "way_back")[0], listened) == (Exit.OK, "ok", [port])


def test_a_system_that_does_not_get_through_to_the_suite_is_a_matter_of_the_set_up(doctor):
    fake = Fake(control=Fake().control | {"GET /asks/reach": {"reached": False, "detail": "no route to host"}})
    code, found = asked(fake, doctor)
    assert code == Exit.CONFIGURATION
    level, said = of(found, "way_back")
    assert level == "failure"
    assert "no route to host" in said


@pytest.mark.parametrize("said", ["yes", {"reached": "yes"}, {}, []])
def test_an_answer_about_the_way_back_that_makes_no_sense_is_told_and_stops_nobody(doctor, said):
    code, found = asked(Fake(control=Fake().control | {"GET /asks/reach": said}), doctor)
    assert (code, of(found, "way_back")[0]) == (Exit.OK, "warning")


def test_a_wrong_password_that_is_let_in_is_found(doctor):
    code, found = asked(Fake(password=None), doctor)
    assert code == Exit.CONFIGURATION
    assert of(found, "account") == ("failure", "the account grid is let in with a wrong password too")


def test_something_else_at_the_address_is_found(doctor):
    code, found = asked(Fake(query=lambda body: (200, "text/html", b"<html>welcome</html>")), doctor)
    assert code == Exit.CONFIGURATION
    assert "no SOAP service" in of(found, "account")[1]


def test_an_operation_that_the_wsdl_lacks_is_named(doctor):
    import contracts

    text = contracts.path("urban.wsdl").read_bytes()
    begin = text.index(b'<wsdl:operation name="QueryCases">')
    end = text.index(b"</wsdl:operation>", begin)
    code, found = asked(Fake(wsdl=xml(text[:begin] + text[end + len(b"</wsdl:operation>") :])), doctor)
    assert code == Exit.CONFIGURATION
    assert of(found, "wsdl")[0] == "failure"
    assert "the operation QueryCases is missing" in of(found, "wsdl")[1]


def test_no_wsdl_is_a_warning(doctor):
    code, found = asked(Fake(wsdl=(404, "text/plain", b"")), doctor)
    assert code == Exit.OK
    assert of(found, "wsdl")[0] == "warning"
    assert "offers no WSDL: HTTP 404" in of(found, "wsdl")[1]


def test_a_clock_that_is_an_hour_off_is_found_in_the_header(doctor):
    code, found = asked(Fake(date=lambda: datetime.now(UTC) + timedelta(hours=1)), doctor)
    assert code == Exit.CONFIGURATION
    level, said = of(found, "clock")
    assert level == "failure"
    assert "ahead of ours" in said


def test_a_clock_that_is_an_hour_off_is_found_in_what_the_driver_tells(doctor):
    late = {"quiet": True, "now": (datetime.now(SHANGHAI) - timedelta(hours=1)).isoformat()}
    code, found = asked(Fake(date=lambda: datetime.now(UTC), control={"GET /quiet": late}), doctor)
    assert code == Exit.CONFIGURATION
    assert "behind ours" in of(found, "clock")[1]


def test_a_clock_that_nobody_tells_is_not_known(doctor):
    code, found = asked(Fake(), doctor)
    assert code == Exit.OK
    assert of(found, "clock")[0] == "unknown"


def test_a_steered_clock_is_not_compared_and_its_time_makes_the_tokens(doctor):
    standing = {"quiet": True, "now": "2026-03-02T09:00:00+08:00"}
    fake = Fake(control={"GET /quiet": standing})
    code, found = asked(fake, doctor, "[capabilities]\nsteered_clock = true\n")
    assert code == Exit.OK
    assert "not compared" in of(found, "clock")[1]
    assert all(b"<ex:sentAt>2026-03-02T09:00:00+08:00</ex:sentAt>" in body for body in fake.asked)


def test_a_steered_clock_that_moves_by_itself_is_a_contradiction(doctor):
    moving = {"GET /quiet": lambda: {"quiet": True, "now": datetime.now(SHANGHAI).isoformat()}}
    code, found = asked(Fake(control=moving), doctor, "[capabilities]\nsteered_clock = true\n")
    assert code == Exit.CONFIGURATION
    assert "sut.toml:10: steered_clock is declared, but the system's clock moves" in of(found, "clock")[1]


def test_case_numbers_that_the_system_has_already_are_found(doctor):
    serial = first_serial(SEED, 0)
    number = f"340202-{datetime.now(SHANGHAI):%Y%m%d}-{serial:06}".encode()
    page = PAGE.replace(b"340202-20260302-000001", number)
    code, found = asked(Fake(query=lambda body: xml(page)), doctor)
    assert code == Exit.CONFIGURATION
    assert number.decode() in of(found, "case_numbers")[1]


def test_case_numbers_that_cannot_be_looked_through_are_not_known(doctor):
    endless = EMPTY.replace(b"<urban:more>false", b"<urban:more>true")
    code, found = asked(Fake(query=lambda body: xml(endless)), doctor)
    assert code == Exit.OK
    assert of(found, "case_numbers")[0] == "unknown"


def test_an_encoding_that_is_not_read_is_a_warning(doctor):
    def answer(body):
        return (500, "text/html", b"") if b"GBK" in body[:60] else xml(EMPTY)

    code, found = asked(Fake(query=answer), doctor)
    assert code == Exit.OK
    level, said = of(found, "encodings")
    assert (level, "GBK" in said, "GB18030" in said) == ("warning", True, False)


def test_an_act_that_nobody_knows_is_told_with_what_was_meant(doctor):
    code, found = asked(Fake(), doctor, '[capabilities]\nacts = ["operator.fill", "operator.*"]\n')
    assert code == Exit.OK
    level, said = of(found, "capabilities")
    assert level == "warning"
    assert "sut.toml:10: capabilities.acts: nothing is called operator.fill; did you mean 'operator.file'?" in said


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("restart = true", "restart = true is declared"),
        ('acts = ["district.*"]', "district.* is declared"),
        ('unsupported = ["EXC-55"]', "nothing is called EXC-55"),
        ("tells_quiet = true", "tells_quiet"),
    ],
)
def test_a_declaration_that_cannot_be_true_is_found_with_its_line(doctor, declared, said):
    document = {"paths": {"/acts/operator.file": {}, "/asks/case": {}}}
    code, found = asked(Fake(control={"GET /openapi.json": document}), doctor, f"[capabilities]\n{declared}\n")
    assert code == Exit.CONFIGURATION
    assert said in of(found, "capabilities")[1]
    assert "sut.toml:10: " in of(found, "capabilities")[1]


def test_a_question_that_is_promised_and_not_answered_is_found(doctor):
    document = {"paths": {"/acts/operator.file": {}, "/asks/case": {}}}
    code, found = asked(Fake(control={"GET /openapi.json": document}), doctor)
    assert code == Exit.CONFIGURATION
    assert "the question `case` is not offered" in of(found, "capabilities")[1]


def test_a_checks_entry_that_means_nothing_is_found_with_its_line(doctor):
    code, found = asked(Fake(), doctor, '[suite]\nskip = ["INT-66"]\n')
    assert code == Exit.CONFIGURATION
    assert "sut.toml:10: INT-66 in suite.skip means no check" in of(found, "checks")[1]


def test_certificate_files_that_cannot_be_used_are_named(doctor, tmp_path):
    text = sut_text("https://127.0.0.1:2/soap", "http://127.0.0.1:1").replace(
        "[profile.urban]", f'[profile.grid.tls]\nauthorities = "{tmp_path / "no.pem"}"\n[profile.urban]'
    )
    code, found = doctor(text)
    assert code == Exit.CONFIGURATION
    assert "no.pem" in of(found, "tls")[1]


@pytest.mark.parametrize(
    ("old", "new", "topic", "said"),
    [
        ('role = "urban"', 'role = "urbane"', "file", "sut.toml:3: "),
        ('role = "urban"', 'role = "grid"', "file", "describes a grid system, not a urban one"),
        ('password = "grid-demo"', 'passwort = "x"', "profile", "sut.toml:16:1: "),
        ('password = "grid-demo"', 'password = "${NOBODY_SET_THIS}"', "profile", "NOBODY_SET_THIS is not set"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(doctor, old, new, topic, said):
    code, found = doctor(sut_text("http://127.0.0.1:1/soap", "http://127.0.0.1:1").replace(old, new))
    assert code == Exit.CONFIGURATION
    assert said in of(found, topic)[1]
    assert list(found)[-1] == topic


def test_a_person_reads_one_line_for_each_finding_in_both_languages(tmp_path, capsys):
    with running(Fake()) as fake:
        (tmp_path / "sut.toml").write_text(sut_text(f"{fake.address}/soap", fake.address), encoding="utf-8")
        for language, words in (
            ("zh", ("✓ 账号:错误口令被拒绝", "– 时钟")),
            ("en", ("✓ account: a wrong password is refused",)),
        ):
            main(["conform", "doctor", "urban", "--sut", str(tmp_path / "sut.toml"), "--lang", language])
            said = capsys.readouterr().out
            assert all(word in said for word in words)


def test_a_role_that_is_none_is_refused(capsys):
    assert main(["conform", "doctor", "tram", "--sut", "x.toml", "--lang", "en"]) == Exit.CONFIGURATION
    assert "the role is grid, urban or bridge" in capsys.readouterr().err


def test_our_own_party_without_a_file_has_nothing_to_look_at(capsys):
    assert main(["conform", "doctor", "urban", "--sut", "builtin", "--lang", "en"]) == Exit.OK
    assert "our own party has no set-up to look at" in capsys.readouterr().out


# --- the suite's table


def builtin(tmp_path: Path, more: str) -> str:
    file = tmp_path / "sut.toml"
    head = f'format = "1.0"\n[system]\nrole = "{Party.URBAN}"\nname = "x"\n[driver]\nkind = "builtin"\n'
    file.write_text(head + more, encoding="utf-8")
    return str(file)


def test_known_failures_of_the_file_count(tmp_path, capsys):
    (tmp_path / "known.yaml").write_text("- {check: NO-1, reason: x}\n", encoding="utf-8")
    file = builtin(tmp_path, '[suite]\nknown_failures = "known.yaml"\n')
    assert main(["conform", "urban", "--sut", file, "--only", "INT-6-02", "--lang", "en"]) == Exit.CONFIGURATION
    assert "known.yaml:1:" in capsys.readouterr().err


def test_the_command_lines_choice_goes_before_the_files(tmp_path, capsys):
    file = builtin(tmp_path, '[suite]\nchecks = ["INT-8"]\nskip = ["INT-6-01"]\n')
    main(["conform", "urban", "--sut", file, "--only", "INT-6-0[12]", "--json"])
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["INT-6-02/urban"]


def test_a_choice_that_means_nothing_is_told_with_its_line(tmp_path, capsys):
    file = builtin(tmp_path, '[suite]\nchecks = ["INT-66"]\n')
    assert main(["conform", "urban", "--sut", file, "--lang", "en"]) == Exit.CONFIGURATION
    assert "sut.toml:8: INT-66 in suite.checks means no check" in capsys.readouterr().err


def test_our_own_party_is_looked_at_too_as_far_as_its_file_goes(tmp_path, capsys):
    file = builtin(tmp_path, '[capabilities]\nunsupported = ["EXC-55"]\n')
    assert main(["conform", "urban", "--sut", file, "--only", "INT-6-01", "--lang", "en"]) == Exit.CONFIGURATION
    assert "sut.toml:8: capabilities.unsupported: nothing is called EXC-55" in capsys.readouterr().out


# --- how often a wrong password is tried


def test_half_of_what_locks_is_never_passed_within_the_window(tmp_path, monkeypatch):
    moments = iter([0.0, 1.0, 2.0, 299.0, 302.0])
    monkeypatch.setattr(time, "time", lambda: next(moments))
    tried = [may_try("a", lock_after=4, window_seconds=300) for _ in range(5)]
    assert tried == [True, True, False, False, True]


def test_another_service_has_a_count_of_its_own():
    assert may_try("a", lock_after=2, window_seconds=300)
    assert may_try("b", lock_after=2, window_seconds=300)
    assert not may_try("a", lock_after=2, window_seconds=300)


def test_what_cannot_be_noted_is_not_tried(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not may_try("a", lock_after=10, window_seconds=300)
