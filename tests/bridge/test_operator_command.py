"""`duijie operator`, as a person on duty meets it: a bridge that runs, an urban platform that nobody can reach."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from peers import Peer, linked
from sample_forms import CASE, MONDAY, OTHER_CASE, fingerprint, form, message, message_id

from bridge.core.engine import Engine
from bridge.core.exchange import DeliveryState
from bridge.core.shell import Shell
from bridge.runtime import BridgeProcess
from bridge.stores.memory import MemoryStore
from bridge.transports.clock import SteeredClock
from bridge.vocabulary.calls import Answered, NotReached
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from duijie.cli import main
from duijie.exits import Exit

Command = Callable[..., tuple[int, str, str]]


@contextmanager
def running() -> Iterator[BridgeProcess]:
    """Two cases whose hand-overs are parked, and a third one's that waits for its receipt."""
    with Peer(Side.GRID) as grid, Peer(Side.URBAN) as urban:
        profile = linked(grid.address, urban.address, delivery__max_attempts=1)
        store = MemoryStore()
        shell = Shell(Engine(profile), store, profile)
        for number, case, ending in (
            (1, CASE, NotReached(detail="no connection")),
            (2, OTHER_CASE, NotReached(detail="no connection")),
            (3, "340202-20260302-000003", Answered()),
        ):
            handed_over = form(FormType.HAND_OVER, case)
            shell.receive_form(Side.GRID, message(Side.GRID, handed_over, number), fingerprint(handed_over), at=MONDAY)
            (item,) = store.outbox()
            shell.send_ended(item, ending, at=MONDAY)
        process = BridgeProcess(profile, store, SteeredClock(MONDAY), control_port=0)
        process.start()
        yield process
        process.stop()


@pytest.fixture
def bridge() -> Iterator[BridgeProcess]:
    with running() as process:
        yield process


@pytest.fixture(scope="module")
def untouched() -> Iterator[BridgeProcess]:
    """For tests that change nothing."""
    with running() as process:
        yield process
        assert [state(process, number) for number in (1, 2, 3)] == [
            DeliveryState.PARKED,
            DeliveryState.PARKED,
            DeliveryState.AWAITING_RECEIPT,
        ]


@pytest.fixture
def commanding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[BridgeProcess], Command]:
    def commanding(bridge: BridgeProcess) -> Command:
        monkeypatch.setenv("DUIJIE_CONTROL", str(bridge.control_address))
        monkeypatch.setenv("DUIJIE_CONTROL_TOKEN", bridge.control_token)

        def told(*words: str, lang: str = "en") -> tuple[int, str, str]:
            code = main(["operator", *words, "--lang", lang])
            said = capsys.readouterr()
            return code, said.out, said.err

        return told

    return commanding


@pytest.fixture
def told(commanding: Callable[[BridgeProcess], Command], bridge: BridgeProcess) -> Command:
    return commanding(bridge)


@pytest.fixture
def asked(commanding: Callable[[BridgeProcess], Command], untouched: BridgeProcess) -> Command:
    return commanding(untouched)


def state(bridge: BridgeProcess, number: int) -> DeliveryState:
    exchange = bridge.store.read_exchange(f"340202-20260302-{number:06d}")
    assert exchange is not None
    return exchange.deliveries[message_id(number)].state


SAID = ("--by", "王值班", "--reason", "对方已恢复")


def test_the_list_shows_what_waits_with_state_and_trouble(asked: Command) -> None:
    code, out, _ = asked("list")
    assert code == Exit.OK
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["parked", "parked", "awaiting_receipt"]
    assert all("not_taken" in line and "hand-over" in line for line in lines[1:3])
    assert lines[-1] == "3 under way"


def test_it_speaks_chinese_too_and_its_columns_stay_in_line(asked: Command) -> None:
    _, out, _ = asked("list", lang="zh")
    head, first, *_ = out.splitlines()
    assert "状态" in head
    assert "挂起" in first
    assert "案卷移交" in first


def test_the_list_as_json_is_one_line_a_form_and_takes_filters(asked: Command) -> None:
    code, out, _ = asked("list", "--state", "parked", "--platform", "urban", "--older-than", "0m", "--json")
    assert code == Exit.OK
    assert [json.loads(line)["case_number"] for line in out.splitlines()] == [CASE, OTHER_CASE]
    _, out, _ = asked("list", "--older-than", "1d", "--json")
    assert out == ""


def test_one_form_is_shown_with_its_story(asked: Command) -> None:
    code, out, _ = asked("show", message_id(1))
    assert code == Exit.OK
    assert "state: parked (not_taken)" in out
    assert "form.parked" in out
    code, of_case, _ = asked("show", CASE)
    assert (code, of_case) == (Exit.OK, out)


def test_one_form_is_sent_again_under_its_own_id(told: Command, bridge: BridgeProcess) -> None:
    code, out, _ = told("release", message_id(1), *SAID)
    assert code == Exit.OK
    assert out.startswith("✓ release")
    with bridge._changed:
        assert bridge._changed.wait_for(bridge.is_quiet, 30)
    assert state(bridge, 1) is DeliveryState.AWAITING_RECEIPT


def test_a_form_under_way_is_parked_and_what_waits_is_sent_now(told: Command, bridge: BridgeProcess) -> None:
    assert told("resend", message_id(3), *SAID)[0] == Exit.OK
    with bridge._changed:
        assert bridge._changed.wait_for(bridge.is_quiet, 30)
    assert told("park", message_id(3), *SAID)[0] == Exit.OK
    assert state(bridge, 3) is DeliveryState.PARKED


def test_many_are_released_at_once_by_what_they_have_in_common(told: Command, bridge: BridgeProcess) -> None:
    code, out, _ = told("release", "--platform", "urban", "--yes", "--json", *SAID)
    assert code == Exit.OK
    done = [json.loads(line) for line in out.splitlines()]
    assert [(each["message_id"], each["outcome"]) for each in done] == [
        (message_id(1), "done"),
        (message_id(2), "done"),
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "done"), [("y\n", True), ("是\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_many_at_once_are_asked_about_first(
    told: Command, bridge: BridgeProcess, monkeypatch: pytest.MonkeyPatch, answer: str, done: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, _, err = told("abandon", "--state", "parked", *SAID)
    assert "abandon 2 forms of 2 cases (to urban)?" in err
    assert code == (Exit.OK if done else Exit.CONFIGURATION)
    assert (state(bridge, 1) is DeliveryState.ABANDONED) == done


def test_where_nobody_can_be_asked_many_at_once_need_yes(
    told: Command, bridge: BridgeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, _, err = told("abandon", "--state", "parked", *SAID)
    assert (code, "--yes" in err) == (Exit.CONFIGURATION, True)
    assert state(bridge, 1) is DeliveryState.PARKED


def test_an_act_that_does_not_fit_is_told_and_fails(asked: Command) -> None:
    code, out, _ = asked("abandon", message_id(3), *SAID)
    assert code == Exit.FAILED
    assert out.startswith("✗ abandon")
    assert "wrong_state" in out


def test_no_form_that_fits_is_no_failure(asked: Command) -> None:
    code, out, _ = asked("release", "--platform", "grid", *SAID)
    assert (code, out) == (Exit.OK, "no form fits\n")


def test_the_book_of_acts_is_told_in_order_and_its_seals_are_verified(told: Command, bridge: BridgeProcess) -> None:
    told("abandon", message_id(3), *SAID)
    told("abandon", message_id(1), "--by", "李主任", "--reason", "已电话告知")
    code, out, _ = told("audit")
    assert code == Exit.OK
    assert [line.split()[:1] for line in out.splitlines()[1:3]] == [["1"], ["2"]]
    assert "李主任" in out
    assert "2 lines, seals intact" in out

    store = bridge.store
    assert isinstance(store, MemoryStore)
    first = store._audit[0]
    store._audit[0] = first._replace(entry=first.entry._replace(operator="别人"))
    code, out, _ = told("audit")
    assert code == Exit.FAILED
    assert "altered: the seals do not fit from line 1 on" in out


def test_receipts_that_changed_nothing_are_asked(asked: Command) -> None:
    assert asked("receipts") == (Exit.OK, "", "")


@pytest.mark.parametrize(
    "words",
    [
        ("release", message_id(1), "--by", " ", "--reason", "好"),
        ("release", message_id(1), "--by", "王", "--reason", ""),
        ("release", message_id(1), "--by", "王"),
        ("release", message_id(1), "--reason", "好"),
        ("release", *SAID),
        ("release", message_id(1), "--case", CASE, *SAID),
        ("release", "urn:uuid:nothing", *SAID),
        ("list", "--state", "asleep"),
        ("list", "--state", "confirmed"),
        ("list", "--platform", "bridge"),
        ("list", "--type", "letter"),
        ("list", "--older-than", "a while"),
        ("show", "340202-20260302-999999"),
        ("list", "--control", "somewhere"),
        ("list", "--control", "http://127.0.0.1:9"),
        ("list", "--control", "http://[::bad"),
    ],
)
def test_what_cannot_be_done_as_it_is_said_is_one_sentence(asked: Command, words: tuple[str]) -> None:
    code, out, err = asked(*words)
    assert (code, out) == (Exit.CONFIGURATION, "")
    assert err.strip()
    assert "Traceback" not in err


@pytest.fixture
def guarded() -> Iterator[tuple[str, list[str | None]]]:
    """A control port that wants a token; the headers that came."""
    came: list[str | None] = []

    class Guard(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.headers.get("Authorization"))
            right = came[-1] == "Bearer let-me-in"
            body = b"[]" if right else b'{"code": "unauthorised", "message_zh": "", "message_en": ""}'
            self.send_response(200 if right else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Guard)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", came
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_token_is_given_by_option_or_environment(
    guarded: tuple[str, list[str | None]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, came = guarded
    monkeypatch.delenv("DUIJIE_CONTROL_TOKEN", raising=False)
    words = ["operator", "list", "--control", address, "--lang", "en"]
    assert main(words) == Exit.CONFIGURATION
    assert "DUIJIE_CONTROL_TOKEN" in capsys.readouterr().err
    assert main([*words, "--token", "let-me-in"]) == Exit.OK
    monkeypatch.setenv("DUIJIE_CONTROL_TOKEN", "let-me-in")
    assert main(words) == Exit.OK
    assert came == [None, "Bearer let-me-in", "Bearer let-me-in"]
