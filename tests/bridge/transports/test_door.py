"""The door lets the right platform in once for each message, and keeps guessers out without shutting out anybody else."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sample_forms import MONDAY, PROFILE, form, message, message_id, receipt_for
from test_endpoint import HAND_OVER, QUERY, Reception, Reply, ask

from bridge.core.engine import Engine
from bridge.core.shell import Shell
from bridge.stores.memory import MemoryStore
from bridge.transports.clock import SteeredClock
from bridge.transports.door import Door
from bridge.transports.endpoint import Endpoint
from bridge.transports.tls import PEER_NAMES, names_in
from bridge.vocabulary.calls import Message
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault, Operation, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile, Security
from bridge.wire import Token, build_request, without_credentials
from bridge.wire.tokens import _digest

NONCE = b"0123456789abcdef"
OTHER = message(Side.GRID, form(FormType.HAND_OVER, description="另一处"), 2)
A, B = "192.0.2.1", "192.0.2.2"
WRONG = Token.with_text("grid", "guess")
RIGHT = Token.with_text("grid", "g")


class Bridge:
    """A door with all that stands behind it; `restart` keeps the store alone."""

    def __init__(self, profile: Profile = PROFILE):
        self.profile = profile
        self.clock = SteeredClock(MONDAY)
        self.store = MemoryStore()
        self.desk = Reception()
        self.said: list[str] = []
        self.restart()

    def restart(self) -> None:
        shell = Shell(Engine(self.profile), self.store, self.profile)
        self.door = Door(self.profile, self.clock, shell, lambda _side, why: self.said.append(why))
        self.endpoint = Endpoint(self.profile, self.desk, "http://bridge.example/exchange", self.door)

    def call(self, given: Message, token: Token, side: Side = Side.URBAN, source: str = A, **more: str) -> Fault | None:
        return self.send(build_request(given, side, token), side, given, source=source, **more)

    def send(
        self, body: bytes, side: Side = Side.URBAN, given: Message = HAND_OVER, source: str = A, **more: str
    ) -> Fault | None:
        operation = Operation.QUERY_CASES if given is QUERY else Operation.DELIVER_FORM
        if isinstance(given, ReceiptMessage):
            operation = Operation.DELIVER_RECEIPT
        ending = answer(self.endpoint, side, body, source, **more).ending(side, operation)
        return getattr(ending, "fault", None)

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))


def answer(endpoint: Endpoint, side: Side, body: bytes, source: str, **more: str) -> Reply:
    headers = {"forwarded": more["forwarded"]} if "forwarded" in more else {}

    def from_there(environ: dict, start: Callable) -> object:
        environ["REMOTE_ADDR"] = source
        if "forwarded" in headers:
            environ["HTTP_X_FORWARDED_FOR"] = headers["forwarded"]
        if "names" in more:
            environ[PEER_NAMES] = frozenset(filter(None, more["names"].split()))
        return endpoint(environ, start)

    return ask(from_there, f"/{side.value}", body)  # type: ignore[arg-type]


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


def digest(nonce: bytes = NONCE, at: datetime = MONDAY, password: str = "g", user: str = "grid") -> Token:
    return Token.with_digest(user, password, nonce=nonce, created_at=at)


def place(fault: Fault | None) -> tuple[ErrorCode, str | None]:
    assert fault is not None
    return fault.code, fault.field


REPLAYED = (ErrorCode.NOT_AUTHENTICATED, "Security/UsernameToken/Nonce")
STALE = (ErrorCode.NOT_AUTHENTICATED, "Security/UsernameToken/Created")
LOCKED = (ErrorCode.ACCOUNT_LOCKED, "Security/UsernameToken")


# A token is good for one message


def test_the_very_same_form_may_come_twice_because_networks_repeat(bridge: Bridge) -> None:
    assert bridge.call(HAND_OVER, digest()) is None
    assert bridge.call(HAND_OVER, digest()) is None
    assert bridge.desk.brought == [("form", Side.GRID, HAND_OVER)] * 2


def test_the_very_same_receipt_may_come_twice(bridge: Bridge) -> None:
    header = replace(HAND_OVER.header, sender="wuhu-urban", recipient="wuhu-grid", message_id=message_id(9))
    given = ReceiptMessage(header=header, receipt=receipt_for(HAND_OVER))
    token = digest(password="u", user="urban")
    assert [bridge.call(given, token, Side.GRID) for _ in range(2)] == [None, None]


def test_another_form_under_a_used_nonce_is_a_replay(bridge: Bridge) -> None:
    bridge.call(HAND_OVER, digest())
    assert place(bridge.call(OTHER, digest())) == REPLAYED
    assert len(bridge.desk.brought) == 1
    assert bridge.said == ["replayed"]


def test_other_words_under_the_same_message_id_and_a_used_nonce_are_a_replay(bridge: Bridge) -> None:
    body = build_request(HAND_OVER, Side.URBAN, digest())
    bridge.send(body)
    changed = body.replace(b"</ex:description>", b".</ex:description>", 1)
    assert changed != body
    assert place(bridge.send(changed)) == REPLAYED


def test_a_used_nonce_made_new_by_another_moment_is_a_replay(bridge: Bridge) -> None:
    bridge.call(HAND_OVER, digest())
    assert place(bridge.call(HAND_OVER, digest(at=MONDAY + timedelta(seconds=1)))) == REPLAYED


def test_the_very_same_query_is_a_replay_because_its_answer_is_what_a_listener_is_after(bridge: Bridge) -> None:
    token = digest(password="u", user="urban")
    assert bridge.call(QUERY, token, Side.GRID) is None
    assert place(bridge.call(QUERY, token, Side.GRID)) == REPLAYED


def test_a_form_that_is_not_right_uses_its_token_up_too(bridge: Bridge) -> None:
    bad = build_request(HAND_OVER, Side.URBAN, digest()).replace(b"<ex:category>01<", b"<ex:category>1<")
    assert [bridge.send(bad), bridge.send(bad)] == [None, None]
    assert place(bridge.call(HAND_OVER, digest())) == REPLAYED


def test_a_restart_forgets_no_nonce(bridge: Bridge) -> None:
    bridge.call(HAND_OVER, digest())
    bridge.restart()
    assert place(bridge.call(OTHER, digest())) == REPLAYED
    assert bridge.call(HAND_OVER, digest()) is None


def test_both_platforms_may_happen_on_the_same_nonce(bridge: Bridge) -> None:
    assert bridge.call(HAND_OVER, digest()) is None
    assert bridge.call(QUERY, digest(password="u", user="urban"), Side.GRID) is None


def test_what_is_too_old_to_come_again_is_forgotten(bridge: Bridge) -> None:
    for number in range(20):
        assert bridge.call(HAND_OVER, digest(b"%d" % number, bridge.clock.now())) is None
        bridge.later(100)
    assert len(bridge.store._tokens) <= 5


# A token is fresh


@pytest.mark.parametrize(("seconds", "fresh"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_digest_is_taken_within_the_window_of_our_clock(bridge: Bridge, seconds: int, fresh: bool) -> None:
    bridge.later(3600)
    fault = bridge.call(HAND_OVER, digest(at=bridge.clock.now() + timedelta(seconds=seconds)))
    assert fault is None if fresh else place(fault) == STALE
    if fault is not None:
        assert f" {abs(seconds)} s " in fault.message_en


def test_the_window_is_the_profiles() -> None:
    bridge = Bridge(replace(PROFILE, security=Security(clock_skew_seconds=5)))
    assert bridge.call(HAND_OVER, digest(at=MONDAY - timedelta(seconds=5))) is None
    assert place(bridge.call(OTHER, digest(b"x", at=MONDAY - timedelta(seconds=6)))) == STALE


def test_a_digest_kept_back_until_its_window_is_over_does_not_come_in_as_a_repetition(bridge: Bridge) -> None:
    bridge.call(HAND_OVER, digest())
    bridge.later(301)
    assert place(bridge.call(HAND_OVER, digest())) == STALE


def test_a_moment_that_cannot_be_read_is_named(bridge: Bridge) -> None:
    honest = digest()
    made = replace(honest, created="yesterday", password=_digest("g", NONCE, "yesterday"))
    assert place(bridge.call(HAND_OVER, made)) == STALE


def test_a_message_past_its_timestamp_is_refused(bridge: Bridge) -> None:
    wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

    def expiring(moment: str) -> bytes:
        block = f'<w:Timestamp xmlns:w="{wsu}"><w:Expires>{moment}</w:Expires></w:Timestamp><wsse:UsernameToken>'
        return build_request(HAND_OVER, Side.URBAN, RIGHT).replace(b"<wsse:UsernameToken>", block.encode())

    assert bridge.send(expiring("2026-03-02T01:05:00Z")) is None
    bridge.later(3600)
    assert place(bridge.send(expiring("2026-03-02T01:05:00Z")))[1] == "Security/Timestamp/Expires"


# Wrong passwords


def guess(bridge: Bridge, times: int, source: str = A) -> list[ErrorCode]:
    return [place(bridge.call(HAND_OVER, WRONG, source=source))[0] for _ in range(times)]


def test_the_tenth_wrong_password_locks_its_address_out_and_says_until_when(bridge: Bridge) -> None:
    assert guess(bridge, 9) == [ErrorCode.NOT_AUTHENTICATED] * 9
    fault = bridge.call(HAND_OVER, WRONG)
    assert place(fault) == LOCKED
    assert fault is not None
    assert "2026-03-02 09:05:00" in fault.message_zh
    assert "2026-03-02 09:05:00" in fault.message_en


def test_who_is_locked_out_is_not_heard_with_the_right_password_either(bridge: Bridge) -> None:
    guess(bridge, 10)
    assert place(bridge.call(HAND_OVER, RIGHT)) == LOCKED
    assert not bridge.desk.brought


def test_a_strangers_guesses_do_not_shut_the_platform_out(bridge: Bridge) -> None:
    guess(bridge, 30, source=B)
    assert bridge.call(HAND_OVER, RIGHT, source=A) is None


def test_wrong_passwords_for_two_accounts_are_not_added_up(bridge: Bridge) -> None:
    guess(bridge, 9)
    for _ in range(9):
        bridge.call(QUERY, WRONG, Side.GRID)
    assert bridge.call(HAND_OVER, RIGHT) is None


def test_a_lock_is_for_one_account_only(bridge: Bridge) -> None:
    guess(bridge, 10)
    assert bridge.call(QUERY, Token.with_text("urban", "u"), Side.GRID) is None


def test_a_lock_ends_by_time_and_counts_from_nothing_again(bridge: Bridge) -> None:
    guess(bridge, 10)
    bridge.later(299)
    assert place(bridge.call(HAND_OVER, RIGHT)) == LOCKED
    bridge.later(1)
    assert bridge.call(HAND_OVER, RIGHT) is None
    assert guess(bridge, 9) == [ErrorCode.NOT_AUTHENTICATED] * 9


def test_wrong_passwords_far_apart_do_not_add_up(bridge: Bridge) -> None:
    for _ in range(4):
        assert ErrorCode.ACCOUNT_LOCKED not in guess(bridge, 5)
        bridge.later(300)


def test_a_wrong_digest_and_a_wrong_name_count_as_well(bridge: Bridge) -> None:
    for number in range(9):
        bridge.call(
            HAND_OVER, digest(b"%d" % number, password="guess") if number % 2 else Token.with_text("admin", "g")
        )
    assert place(bridge.call(HAND_OVER, WRONG)) == LOCKED


def test_forms_that_are_not_right_tokens_that_are_stale_and_no_tokens_never_lock(bridge: Bridge) -> None:
    bad = build_request(HAND_OVER, Side.URBAN, RIGHT).replace(b"<ex:category>01<", b"<ex:category>1<")
    old = MONDAY - timedelta(days=1)
    none = re.sub(
        rb"<wsse:Security.*</wsse:Security>", b"", build_request(HAND_OVER, Side.URBAN, RIGHT), flags=re.DOTALL
    )
    for number in range(15):
        bridge.send(bad)
        bridge.send(b"<no/>")
        bridge.send(none)
        bridge.call(HAND_OVER, digest(b"%d" % number, old))
    assert bridge.call(HAND_OVER, RIGHT) is None


def test_guesses_from_many_addresses_lock_out_all_but_those_that_called_rightly(bridge: Bridge) -> None:
    assert bridge.call(HAND_OVER, RIGHT, source=A) is None
    codes = [guess(bridge, 1, f"198.51.100.{number}")[0] for number in range(100)]
    assert codes == [ErrorCode.NOT_AUTHENTICATED] * 99 + [ErrorCode.ACCOUNT_LOCKED]
    assert place(bridge.call(HAND_OVER, RIGHT, source="203.0.113.5")) == LOCKED
    assert bridge.call(OTHER, RIGHT, source=A) is None


def test_the_contact_is_told_once_at_the_start_and_once_at_the_end(bridge: Bridge) -> None:
    guess(bridge, 25)
    bridge.restart()
    assert place(bridge.call(HAND_OVER, RIGHT)) == LOCKED
    bridge.later(300)
    bridge.door.open_up()
    bridge.door.open_up()
    told = bridge.store.read_notices()
    assert [(notice.kind.value, notice.phase.value, notice.case_number) for notice in told] == [
        ("system_fault", "started", ""),
        ("system_fault", "over", ""),
    ]
    assert A in told[0].text_zh
    assert [entry.what for _, entry in bridge.store.read_journal()] == ["door.locked", "door.unlocked"]


def test_an_ipv6_caller_is_known_by_his_network(bridge: Bridge) -> None:
    for number in range(10):
        bridge.call(HAND_OVER, WRONG, source=f"2001:db8:1:2::{number}")
    assert place(bridge.call(HAND_OVER, RIGHT, source="2001:db8:1:2:ffff::1")) == LOCKED
    assert bridge.call(HAND_OVER, RIGHT, source="2001:db8:1:3::1") is None


def test_only_a_trusted_proxy_is_believed_on_where_a_call_came_from() -> None:
    bridge = Bridge(replace(PROFILE, security=Security(trusted_proxies=("10.0.0.1",))))
    for number in range(10):
        bridge.call(HAND_OVER, WRONG, source="10.0.0.1", forwarded=f"10.9.9.{number}, {B}")
    assert place(bridge.call(HAND_OVER, RIGHT, source="10.0.0.1", forwarded=B)) == LOCKED
    assert bridge.call(HAND_OVER, RIGHT, source="10.0.0.1", forwarded=A) is None
    for number in range(10):
        bridge.call(HAND_OVER, WRONG, source="10.0.0.2", forwarded=f"192.0.2.{100 + number}")
    assert place(bridge.call(HAND_OVER, RIGHT, source="10.0.0.2", forwarded=A)) == LOCKED


# Certificates

BOUND = replace(PROFILE, grid=replace(PROFILE.grid, certificate_names=("grid.city.example", "bridge.city.example")))


@pytest.mark.parametrize(
    ("names", "welcome"), [("grid.city.example", True), ("urban.city.example", False), ("", False)]
)
def test_a_certificate_must_be_of_the_accounts_platform(names: str, welcome: bool) -> None:
    fault = Bridge(BOUND).call(HAND_OVER, RIGHT, names=names)
    assert fault is None if welcome else place(fault) == (ErrorCode.NOT_AUTHORISED, "Security/UsernameToken")


def test_another_partys_certificate_is_no_wrong_password() -> None:
    bridge = Bridge(BOUND)
    for _ in range(15):
        bridge.call(HAND_OVER, WRONG, names="urban.city.example")
    assert bridge.call(HAND_OVER, RIGHT, names="grid.city.example") is None


def test_a_certificate_is_known_by_its_subject_and_its_dns_and_uri_names() -> None:
    certificate = {
        "subject": ((("countryName", "CN"),), (("commonName", "网格"),)),
        "subjectAltName": (("DNS", "grid.example"), ("URI", "urn:party:grid"), ("IP Address", "192.0.2.1")),
    }
    assert names_in(certificate) == {"网格", "grid.example", "urn:party:grid"}


# What is kept


def test_neither_password_nor_digest_nor_nonce_is_kept(bridge: Bridge) -> None:
    token = digest()
    bridge.call(HAND_OVER, token)
    bridge.call(OTHER, token)
    for secret in (token.password.encode(), base64.b64encode(NONCE)):
        assert all(secret not in raw for raw in bridge.desk.raw)
        assert secret.decode() not in repr(token)
        assert secret.decode() not in repr(bridge.store._tokens)
    strange = (
        build_request(HAND_OVER, Side.URBAN, token)
        .replace(b"wsse:", "安全:".encode())
        .replace(b"xmlns:wsse", "xmlns:安全".encode())
    )
    assert token.password.encode() not in without_credentials(strange)
