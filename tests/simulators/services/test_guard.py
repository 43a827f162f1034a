"""The simulators know their one caller, take each token for one message, and lock guessers out without shutting out anybody else."""

import logging
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1

import pytest
from conftest import NOW, ScriptedMachine, ScriptedReception, make_profile
from test_soap_service import FORM, HEADER, TOKEN, TYPES, WSSE, Reply, assert_typed_fault, envelope, send

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Security
from simulators.exchange.logbook import Keeper, Logbook
from simulators.exchange.security import PEER_NAMES, Guard
from simulators.process import SteeredClock
from simulators.urban.service import soap_front

WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
SOAP_NEXT = "http://schemas.xmlsoap.org/soap/actor/next"
A, B = "192.0.2.1", "192.0.2.2"
QUERY = "<u:QueryCases><u:pageSize>10</u:pageSize></u:QueryCases>"
WRONG = TOKEN.replace("grid-secret", "guess")


def digest_token(password: str = "grid-secret", nonce: bytes = b"0123456789abcdef", at: datetime | str = NOW) -> str:
    created = at if isinstance(at, str) else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = b64encode(sha1(nonce + created.encode() + password.encode()).digest()).decode()
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}"><wsse:UsernameToken><wsse:Username>grid-account</wsse:Username>'
        f'<wsse:Password Type="{TYPES}#PasswordDigest">{digest}</wsse:Password>'
        f"<wsse:Nonce>{b64encode(nonce).decode()}</wsse:Nonce>"
        f'<wsu:Created xmlns:wsu="{WSU}">{created}</wsu:Created></wsse:UsernameToken></wsse:Security>'
    )


class Books:
    """A keeper's books, as the process around a machine leads them."""

    def __init__(self, keeper: Keeper, clock: SteeredClock):
        self.keeper, self.clock = keeper, clock

    def use_token(self, key, content, until):
        return self.keeper.use_token(key, content, until, self.clock.now())

    def locked(self, source, until):
        self.keeper.lock_out(source, until, self.clock.now())

    def unlocked(self, source):
        self.keeper.hear_again(source, self.clock.now())


class Platform:
    """The urban service behind its guard; `restart` keeps the logbook's file alone."""

    def __init__(self, path, security: Security = Security(), names: tuple[str, ...] = ()):  # noqa: B008 - frozen
        profile = make_profile()
        self.profile = replace(profile, security=security, grid=replace(profile.grid, certificate_names=names))
        self.path = path
        self.clock = SteeredClock(NOW)
        self.reception = ScriptedReception()
        self.restart()

    def restart(self) -> None:
        self.keeper = Keeper(lambda: ScriptedMachine(Side.URBAN, self.profile), Logbook(self.path))
        self.guard = Guard(
            self.profile.grid, self.profile.security, self.clock.now, Books(self.keeper, self.clock), self.keeper.locks
        )
        self.front = soap_front(self.profile, self.reception, address="http://x/", guard=self.guard)

    def call(self, token: str, body: str = FORM, source: str = A, **environ) -> Reply:
        return send(self.front, envelope(header=token + HEADER, body=body), REMOTE_ADDR=source, **environ)

    def later(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))


@pytest.fixture(params=["file", "memory"])
def platform(request, tmp_path) -> Platform:
    return Platform(tmp_path / "log.db" if request.param == "file" else None)


def assert_refused(reply: Reply, field: str = "", code: ErrorCode = ErrorCode.NOT_AUTHENTICATED) -> None:
    assert_typed_fault(reply, code)
    assert (reply.field or "").endswith(field)


# A token is good for one message


def test_a_digest_is_taken_and_a_wrong_one_is_not(platform):
    assert_refused(platform.call(digest_token("guess")))
    assert platform.call(digest_token()).fault is None


def test_the_very_same_form_may_come_twice_because_networks_repeat(platform):
    assert platform.call(digest_token()).fault is None
    assert platform.call(digest_token()).fault is None
    assert len(platform.reception.came) == 2


def test_anything_else_under_a_used_nonce_is_a_replay(platform):
    platform.call(digest_token())
    assert_refused(platform.call(digest_token(), FORM.replace("误报", "改写")), "Nonce")
    assert_refused(platform.call(digest_token(at=NOW + timedelta(seconds=1))), "Nonce")
    assert len(platform.reception.came) == 1


def test_the_very_same_query_is_a_replay(platform):
    platform.call(digest_token(), QUERY)
    assert_refused(platform.call(digest_token(), QUERY), "Nonce")


def test_a_restart_forgets_no_nonce(tmp_path):
    platform = Platform(tmp_path / "log.db")
    platform.call(digest_token())
    platform.restart()
    assert_refused(platform.call(digest_token(), FORM.replace("误报", "改写")), "Nonce")
    assert platform.call(digest_token()).fault is None


def test_stale_nonces_are_forgotten(tmp_path):
    platform = Platform(tmp_path / "log.db")
    for number in range(20):
        assert platform.call(digest_token(nonce=b"%d" % number, at=platform.clock.now())).fault is None
        platform.later(100)
    ((kept,),) = platform.keeper._logbook._database.execute("SELECT count(*) FROM token")
    assert kept <= 5


@pytest.mark.parametrize(("seconds", "fresh"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_digest_is_taken_within_the_window_of_our_clock(platform, seconds, fresh):
    platform.later(3600)
    reply = platform.call(digest_token(at=platform.clock.now() + timedelta(seconds=seconds)))
    assert (reply.fault is None) is fresh
    if not fresh:
        assert_refused(reply, "Created")


INCOMPLETE = {
    "a moment that is none": (digest_token(at="yesterday"), "Created"),
    "no nonce": (digest_token().replace("Nonce>", "Once>"), "UsernameToken"),
    "a nonce that is no base64": (digest_token().replace("<wsse:Nonce>", "<wsse:Nonce>*"), "Nonce"),
    "another encoding of the nonce": (
        digest_token().replace("<wsse:Nonce>", '<wsse:Nonce EncodingType="urn:hex">'),
        "Nonce",
    ),
    "no moment": (digest_token().replace("Created>", "Made>").replace("<wsu:Created ", "<wsu:Made "), "UsernameToken"),
    "a type of its own": (TOKEN.replace(f"{TYPES}#PasswordText", "PasswordText"), "Password"),
    "two passwords": (
        TOKEN.replace("</wsse:UsernameToken>", "<wsse:Password>x</wsse:Password></wsse:UsernameToken>"),
        "",
    ),
    "two security headers": (TOKEN + f'<wsse:Security xmlns:wsse="{WSSE}"/>', "Security"),
    "a security header for somebody else": (
        TOKEN.replace("<wsse:Security ", '<wsse:Security soap:actor="urn:proxy" '),
        "Security",
    ),
}


@pytest.mark.parametrize("what", INCOMPLETE)
def test_a_token_that_is_not_whole_is_refused_and_named(platform, what):
    token, field = INCOMPLETE[what]
    assert_refused(platform.call(token), field)
    assert not platform.reception.came


def test_an_expired_message_is_refused(platform):
    stamp = (
        f'<w:Timestamp xmlns:w="{WSU}"><w:Expires>2026-03-02T01:05:00Z</w:Expires></w:Timestamp><wsse:UsernameToken>'
    )
    token = TOKEN.replace("<wsse:UsernameToken>", stamp)
    assert platform.call(token).fault is None
    platform.later(3600)
    assert_refused(platform.call(token), "Timestamp")


# What must be understood

UNDERSTOOD = {
    "true in words": ('<x:Route xmlns:x="urn:x" soap:mustUnderstand="true"/>', False),
    "true with blanks": ('<x:Route xmlns:x="urn:x" soap:mustUnderstand=" 1 "/>', False),
    "for the next one": (f'<x:Route xmlns:x="urn:x" soap:mustUnderstand="1" soap:actor="{SOAP_NEXT}"/>', False),
    "for somebody on the way": ('<x:Route xmlns:x="urn:x" soap:mustUnderstand="1" soap:actor="urn:proxy"/>', True),
    "not demanded": ('<x:Route xmlns:x="urn:x" soap:mustUnderstand="0"/>', True),
}


@pytest.mark.parametrize("what", UNDERSTOOD)
def test_a_block_that_must_be_understood_is_or_stops_the_message(platform, what):
    block, taken = UNDERSTOOD[what]
    reply = platform.call(TOKEN + block)
    assert (reply.fault is None) is taken
    if not taken:
        assert reply.fault.findtext("faultcode").endswith(":MustUnderstand")
        assert not platform.reception.came


def test_a_signature_that_nobody_checks_stops_a_security_header_that_must_be_understood(platform):
    signed = TOKEN.replace("<wsse:UsernameToken>", '<d:Signature xmlns:d="urn:d"/><wsse:UsernameToken>')
    assert platform.call(signed).fault is None
    demanded = signed.replace("<wsse:Security ", '<wsse:Security soap:mustUnderstand="1" ')
    assert platform.call(demanded).fault.findtext("faultcode").endswith(":MustUnderstand")


# Wrong passwords


def guess(platform: Platform, times: int, source: str = A) -> list[str]:
    return [platform.call(WRONG, source=source).code for _ in range(times)]


def test_the_tenth_wrong_password_locks_its_address_out_until_a_moment_that_is_said(platform):
    assert guess(platform, 9) == ["NOT_AUTHENTICATED"] * 9
    reply = platform.call(WRONG)
    assert_typed_fault(reply, ErrorCode.ACCOUNT_LOCKED)
    assert "2026-03-02 09:05:00" in reply.body.decode()
    assert_typed_fault(platform.call(TOKEN), ErrorCode.ACCOUNT_LOCKED)
    assert platform.call(TOKEN, source=B).fault is None


def test_a_lock_outlives_a_restart_and_ends_by_time_with_its_contact_told_once_each(tmp_path):
    platform = Platform(tmp_path / "log.db")
    guess(platform, 25)
    platform.restart()
    assert_typed_fault(platform.call(TOKEN), ErrorCode.ACCOUNT_LOCKED)
    platform.later(300)
    assert platform.call(TOKEN).fault is None
    assert platform.keeper.machine.doors == [("locked", A), ("heard", A)]


def test_what_is_merely_wrong_with_a_message_never_locks(platform):
    for number in range(15):
        platform.call(TOKEN, FORM.replace("withdrawal", "petition"))
        platform.call("")
        platform.call(digest_token(nonce=b"%d" % number, at=NOW - timedelta(days=1)))
    assert platform.call(TOKEN).fault is None


def test_guesses_from_everywhere_lock_out_all_but_those_that_called_rightly(platform):
    platform.call(TOKEN, source=A)
    for number in range(100):
        guess(platform, 1, f"198.51.100.{number}")
    assert_typed_fault(platform.call(TOKEN, source="203.0.113.5"), ErrorCode.ACCOUNT_LOCKED)
    assert platform.call(TOKEN, source=A).fault is None


def test_only_a_trusted_proxy_is_believed_on_where_a_call_came_from():
    platform = Platform(None, Security(trusted_proxies=("10.0.0.1",)))
    for _ in range(10):
        platform.call(WRONG, source="10.0.0.1", HTTP_X_FORWARDED_FOR=f"10.9.9.9, {B}")
    assert platform.call(TOKEN, source="10.0.0.1", HTTP_X_FORWARDED_FOR=A).fault is None
    assert_typed_fault(platform.call(TOKEN, source="10.0.0.1", HTTP_X_FORWARDED_FOR=B), ErrorCode.ACCOUNT_LOCKED)


def test_a_certificate_must_be_of_the_accounts_platform():
    platform = Platform(None, names=("grid.city.example",))
    assert platform.call(TOKEN, **{PEER_NAMES: {"grid.city.example"}}).fault is None
    assert_refused(platform.call(TOKEN, **{PEER_NAMES: {"urban.city.example"}}), code=ErrorCode.NOT_AUTHORISED)


def test_the_log_names_the_reason_and_none_of_the_callers_words(platform, caplog):
    with caplog.at_level(logging.DEBUG):
        platform.call(WRONG)
    assert "NOT_AUTHENTICATED" in caplog.text
    assert "guess" not in caplog.text
