"""Who is calling: WS-Security UsernameToken 1.0, as text or as digest, and who is not heard for a while.

A service knows one caller: the other platform's account. A bridge in between calls with the account
of the platform that it stands for.

| what comes                                                   | what becomes of it                          |
|--------------------------------------------------------------|---------------------------------------------|
| a wrong account or password                                  | refused and counted, by address             |
| too many of them from one address                            | that address is locked out for a while      |
| ten times as many from all addresses together                | so is every address without a right call    |
| a digest that is too old, or ahead of our clock              | refused                                     |
| a used nonce over the very same form or receipt              | taken: networks repeat, and it has no second effect (RCPT-6) |
| a used nonce over anything else, or over a query             | refused as a replay                         |

A right password is never counted, whatever is wrong with the rest of the message.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address, ip_network
from threading import RLock
from typing import Any, Protocol

from lxml import etree

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.profile import PlatformProfile, Security
from bridge.vocabulary.times import SHANGHAI
from simulators.exchange.logbook import LogbookUnavailable

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
SECURITY = f"{{{WSSE}}}Security"
_TOKEN = f"{{{WSSE}}}UsernameToken"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_TEXT, _DIGEST = f"{_PROFILE}#PasswordText", f"{_PROFILE}#PasswordDigest"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

#: What stands in a Security header and is looked at here.
KNOWN_PARTS = frozenset({_TOKEN, f"{{{WSU}}}Timestamp"})

#: Where the server puts the names in a caller's certificate.
PEER_NAMES = "duijie.peer_names"

#: Stands for all addresses without a right call, among the addresses that are locked out.
STRANGERS = "*"
_STRANGERS_FACTOR = 10
_GOOD_ADDRESSES_MAX = 200


def real_time() -> datetime:
    """Say the time by the machine's clock."""
    return datetime.now(SHANGHAI)


class Books(Protocol):
    """Where a guard keeps what must outlive the process."""

    def use_token(self, key: str, content: str, until: datetime) -> str | None:
        """Keep what a token is first used for, until it is stale; None the first time, then what that was."""

    def locked(self, source: str, until: datetime) -> None:
        """An address is locked out."""

    def unlocked(self, source: str) -> None:
        """It is heard again."""


class MemoryBooks:
    """Books that end with the process."""

    def __init__(self) -> None:
        self._uses: dict[str, str] = {}

    def use_token(self, key: str, content: str, until: datetime) -> str | None:
        """See `Books`."""
        known = self._uses.get(key)
        self._uses.setdefault(key, content)
        return known

    def locked(self, source: str, until: datetime) -> None:
        """Nobody is told."""

    def unlocked(self, source: str) -> None:
        """Nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a guard sees of a call."""

    blocks: list[etree._Element] = field(repr=False)
    environ: Mapping[str, Any] = field(repr=False)
    #: Digest of the whole envelope.
    content: str
    is_query: bool


class _Refused(Exception):
    def __init__(self, fault: Fault):
        self.fault = fault


class Guard:
    """Looks at every call before anything is done with it. `locks` are those that an earlier life left."""

    def __init__(
        self,
        account: PlatformProfile,
        rules: Security,
        now: Callable[[], datetime],
        books: Books | None = None,
        locks: Mapping[str, datetime] | None = None,
    ):
        self._account = account
        self._rules = rules
        self._window = timedelta(seconds=rules.clock_skew_seconds)
        self._now = now
        self._books = books or MemoryBooks()
        self._mutex = RLock()
        self._locks = dict(locks or {})
        self._wrong: list[tuple[datetime, str]] = []
        #: Addresses of right calls, the latest last.
        self._good: dict[str, None] = {}

    def refusal(self, call: Call) -> Fault | None:
        """Say why the caller may not come in; None when he may."""
        try:
            self._check(call)
        except _Refused as refused:
            return refused.fault
        except LogbookUnavailable as error:
            return Fault(code=ErrorCode.BUSY, field=None, message_zh=error.message_zh, message_en=error.message_en)
        return None

    def next_end(self) -> datetime | None:
        """Say when the next lock ends."""
        with self._mutex:
            return min(self._locks.values(), default=None)

    def end_locks(self) -> None:
        """Hear those again whose lock has run out."""
        now = self._now()
        with self._mutex:
            # Also those that a clock which was set back would stretch.
            longest = now + timedelta(seconds=self._rules.lock_seconds)
            over = [source for source, until in self._locks.items() if not now < until <= longest]
        for source in over:
            # Written down first: books that are shut just now must not keep the contact from being told.
            self._books.unlocked(source)
            with self._mutex:
                self._locks.pop(source, None)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────

    def _check(self, call: Call) -> None:
        now = self._now()
        source = self._source(call.environ)
        self.end_locks()
        with self._mutex:
            until = self._locks.get(source)
            if until is None and source not in self._good:
                until = self._locks.get(STRANGERS)
        if until is not None:
            raise _Refused(_locked_out(until))
        names = call.environ.get(PEER_NAMES)
        if self._account.certificate_names and not (names or frozenset()) & {*self._account.certificate_names}:
            raise _Refused(
                Fault(
                    code=ErrorCode.NOT_AUTHORISED,
                    field="header/Security",
                    message_zh="证书不是此账号所属平台的证书。",
                    message_en="The certificate is not one of the platform that this account belongs to.",
                )
            )
        if len(call.blocks) != 1:
            raise _unknown(
                "header/Security", "报文应恰有一个 Security 头。", "There must be exactly one Security header."
            )
        token = _Token.of(call.blocks[0])
        if not token.proves(self._account):
            self._wrong_once_more(source, now)
        with self._mutex:
            self._good.pop(source, None)
            self._good[source] = None
            if len(self._good) > _GOOD_ADDRESSES_MAX:
                del self._good[next(iter(self._good))]
        if token.expires is not None and token.expires < now - self._window:
            raise _unknown("header/Security/Timestamp", "报文已过有效期。", "The message has expired.")
        if token.created is not None:
            self._fresh(token, token.created, call, now)

    def _fresh(self, token: "_Token", created: datetime, call: Call, now: datetime) -> None:
        if abs(now - created) > self._window:
            apart = round(abs(now - created).total_seconds())
            zh, en = ("早", "before") if created < now else ("晚", "after")
            raise _unknown(
                "header/Security/UsernameToken/Created",
                f"令牌时间比本系统时钟{zh} {apart} 秒,最多相差 {self._rules.clock_skew_seconds} 秒。",
                f"The token was made {apart} s {en} our time; {self._rules.clock_skew_seconds} s are allowed.",
            )
        first = self._books.use_token(sha256(token.nonce).hexdigest(), call.content, created + self._window)
        if first is not None and (first != call.content or call.is_query):
            raise _unknown(
                "header/Security/UsernameToken/Nonce",
                "令牌的 Nonce 已经用过。",
                "The nonce of the token has been used before.",
            )

    def _wrong_once_more(self, source: str, now: datetime) -> None:
        with self._mutex:
            since = now - timedelta(seconds=self._rules.lock_window_seconds)
            self._wrong = [one for one in self._wrong if one[0] > since] + [(now, source)]
            locked = None
            if sum(one[1] == source for one in self._wrong) >= self._rules.lock_after_failures:
                locked = source
            elif source not in self._good and len(self._wrong) >= (self._rules.lock_after_failures * _STRANGERS_FACTOR):
                locked = STRANGERS
            if locked is None:
                raise _unknown(
                    "header/Security", "身份验证失败。", "The caller is not known here, or the password is wrong."
                )
            until = self._locks[locked] = now + timedelta(seconds=self._rules.lock_seconds)
            self._wrong = [one for one in self._wrong if locked not in (STRANGERS, one[1])]
        self._books.locked(locked, until)
        raise _Refused(_locked_out(until))

    def _source(self, environ: Mapping[str, Any]) -> str:
        said = str(environ.get("REMOTE_ADDR", ""))
        if said in self._rules.trusted_proxies:
            said = str(environ.get("HTTP_X_FORWARDED_FOR", said)).split(",")[-1].strip()
        try:
            address = ip_address(said)
        except ValueError:
            return "?"
        # A network of IPv6 addresses belongs to one caller.
        return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)


@dataclass(frozen=True, slots=True)
class _Token:
    """A UsernameToken that is complete."""

    username: str
    kind: str
    password: str = field(repr=False)
    nonce: bytes = field(default=b"", repr=False)
    created_text: str = ""
    #: Of a digest alone.
    created: datetime | None = None
    expires: datetime | None = None

    @classmethod
    def of(cls, security: etree._Element) -> "_Token":
        """Read it; raises `_Refused` for one that is not complete or leaves two readings."""
        where = "header/Security/UsernameToken"
        tokens = security.findall(_TOKEN)
        if len(tokens) != 1:
            raise _unknown(where, "应恰有一个 UsernameToken。", "There must be exactly one UsernameToken.")
        parts = [child for child in tokens[0] if isinstance(child.tag, str)]
        found = {etree.QName(child).localname: child for child in parts}
        if len(found) != len(parts):
            raise _unknown(where, "令牌中有内容重复。", "A part of the token stands twice.")
        if "Password" not in found or "Username" not in found:
            raise _unknown(where, "令牌缺少账号或口令。", "The token lacks a user name or a password.")
        kind = found["Password"].get("Type", _TEXT).strip()
        username, password = found["Username"].text or "", found["Password"].text or ""
        expires = security.findtext(f"{{{WSU}}}Timestamp/{{{WSU}}}Expires")
        ends = None if expires is None else _moment(expires, "header/Security/Timestamp")
        if kind == _TEXT:
            return cls(username, kind, password, expires=ends)
        if kind != _DIGEST:
            raise _unknown(f"{where}/Password", "口令的 Type 不是规范所定的。", "The password's Type is unknown.")
        if "Nonce" not in found or "Created" not in found:
            raise _unknown(where, "摘要须带 Nonce 和 Created。", "A digest needs Nonce and Created.")
        created = found["Created"].text or ""
        return cls(
            username,
            kind,
            password,
            _nonce(found["Nonce"]),
            created,
            _moment(created, f"{where}/Created"),
            ends,
        )

    def proves(self, account: PlatformProfile) -> bool:
        """Whether it proves knowledge of the account's password; takes the same time for a wrong name and a wrong password."""
        expected = account.password
        if self.kind == _DIGEST:
            expected = digest(self.nonce, self.created_text, account.password)
        right_name = compare_digest(self.username.encode(), account.username.encode())
        right_password = compare_digest(self.password.encode(), expected.encode())
        return right_name and right_password


def digest(nonce: bytes, created: str, password: str) -> str:
    """Compute the PasswordDigest of the UsernameToken profile."""
    # SHA-1 is what the profile prescribes.
    return b64encode(sha1(nonce + created.encode() + password.encode()).digest()).decode()  # noqa: S324


def _nonce(element: etree._Element) -> bytes:
    try:
        if element.get("EncodingType", _BASE64).strip() != _BASE64:
            raise NotBase64
        nonce = b64decode((element.text or "").strip(), validate=True)
    except (NotBase64, ValueError):
        nonce = b""
    if not nonce:
        raise _unknown("header/Security/UsernameToken/Nonce", "Nonce 应为 base64。", "The nonce must be base64.")
    return nonce


def _moment(text: str, where: str) -> datetime:
    """Read a moment; without a zone it is UTC, as the standard has it."""
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        raise _unknown(where, "令牌中的时间不可读。", "A moment of the token cannot be read.") from None


def _unknown(where: str, zh: str, en: str) -> _Refused:
    return _Refused(Fault(code=ErrorCode.NOT_AUTHENTICATED, field=where, message_zh=zh, message_en=en))


def _locked_out(until: datetime) -> Fault:
    moment = until.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    return Fault(
        code=ErrorCode.ACCOUNT_LOCKED,
        field="header/Security",
        message_zh=f"口令多次错误,此地址锁定至北京时间 {moment}。",
        message_en=f"Too many wrong passwords; this address is locked out until {moment}, Beijing time.",
    )
