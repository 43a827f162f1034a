"""The door of the endpoint: who may come in, and who is kept out for a while.

    1. an address that is locked out is told until when, whatever it brings
    2. a certificate, where the profile asks for one, must be of the party that the account belongs to
    3. account and password must be right; wrong ones are counted by address
    4. a password digest must be fresh by our clock, and its nonce must not have been used for anything else

A digest proves the password and nothing about the message, so whoever copied one could put it over a message of his own for as
long as it is fresh. Hence a token is good for one message: the very same bytes may come again, because networks repeat and a
known form or receipt has no second effect (RCPT-6); anything else under a used nonce is a replay. A query is refused
even in the very same bytes, since its answer is what a listener would be after. What was used is kept in the store, so a
restart opens no gap.

Wrong passwords are counted for each address and account, so that a stranger's guesses lock out the stranger. Guesses from many
addresses add up too: then every address is locked out from which no right call has come.
"""

import hashlib
import hmac
import ipaddress
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from bridge.core.notices import Lock
from bridge.transports.clock import Clock
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PasswordType, Profile
from bridge.vocabulary.times import in_shanghai
from bridge.wire import Token

#: Wrong passwords from all addresses together, as a multiple of those from one, that lock out unknown addresses.
_SPREAD = 10
#: Addresses remembered for their right calls; the one that was quiet longest makes room.
_KNOWN = 256


class TokenMemory(Protocol):
    """What the store remembers of tokens and locks."""

    def token_used(self, token: str, content: str, *, expires_at: datetime, at: datetime) -> str | None:
        """Note a token's use; the content of its first use when there was one."""

    def locks(self) -> list[Lock]:
        """Locks that are on."""

    def lock_began(self, lock: Lock, *, at: datetime) -> None:
        """Keep a lock and tell of it."""

    def lock_ended(self, lock: Lock, *, at: datetime) -> None:
        """Forget a lock and tell of it."""


class Knock(NamedTuple):
    """A call at the door."""

    #: The platform whose place it takes: the one this face is for.
    caller: Side
    token: Token | None
    #: Where it came from, and the names in its certificate when one was asked for.
    source: str
    names: frozenset[str] | None
    #: The envelope as it came, and whether its answer shows something.
    envelope: bytes
    is_query: bool


class Door:
    """Decides on every call before anything is done. Used by several threads."""

    def __init__(self, profile: Profile, clock: Clock, memory: TokenMemory, refused: Callable[[Side, str], None]):
        self._profile = profile
        self._security = profile.security
        self._skew = timedelta(seconds=profile.security.clock_skew_seconds)
        self._proxies = frozenset(map(ipaddress.ip_address, profile.security.trusted_proxies))
        self._clock = clock
        self._memory = memory
        #: Told of every refusal in one word, for the log.
        self._say_refused = refused
        self._lock = threading.Lock()
        self._locks = {(lock.side, lock.source): lock for lock in memory.locks()}
        #: Wrong passwords within the window. Few: whoever reaches the limit is not heard any more.
        self._failures: dict[Side, deque[tuple[datetime, str]]] = {side: deque() for side in Side}
        self._known: dict[Side, OrderedDict[str, None]] = {side: OrderedDict() for side in Side}

    def source(self, environ: Mapping[str, Any]) -> str:
        """Where a call came from: a trusted proxy is asked, everybody else is taken for the caller himself."""
        address = str(environ.get("REMOTE_ADDR", ""))
        try:
            if ipaddress.ip_address(address) in self._proxies:
                address = str(environ.get("HTTP_X_FORWARDED_FOR", address)).rpartition(",")[2].strip()
            found = ipaddress.ip_address(address)
        except ValueError:
            return "unknown"
        if isinstance(found, ipaddress.IPv6Address):
            if found.ipv4_mapped is not None:
                return str(found.ipv4_mapped)
            # Whoever has one address of a network has all of them.
            return str(ipaddress.ip_network((found, 64), strict=False))
        return str(found)

    def stranger(self, knock: Knock) -> Fault | None:
        """The fault for a caller that may not come in; None for one that may."""
        now = self._clock.now()
        self.open_up()
        locked = self._locked(knock)
        if locked is not None:
            return self._refuse(knock, "locked out", _locked_until(locked))
        account = self._profile.platform(knock.caller)
        wanted = account.certificate_names
        if wanted and (knock.names is None or knock.names.isdisjoint(wanted)):
            return self._refuse(knock, "certificate of another party", _other_certificate())
        if knock.token is None:
            return self._refuse(knock, "no UsernameToken", _missing())
        # Both comparisons are always made, so that the time taken does not tell which of the two was wrong.
        known = hmac.compare_digest(knock.token.username.encode(), account.username.encode())
        right = knock.token.matches(account.password)
        if not (known and right):
            self._refuse(knock, "wrong password" if known else "wrong account", _wrong())
            begun = self._failed(knock, now)
            return _wrong() if begun is None else _locked_until(begun)
        self._came_rightly(knock)
        expires = knock.token.expires_at
        if knock.token.expires is not None and (expires is None or expires + self._skew < now):
            return self._refuse(knock, "expired", _expired())
        return self._used(knock, knock.token, now) if knock.token.password_type is PasswordType.DIGEST else None

    def open_up(self) -> None:
        """End the locks whose time has come."""
        now = self._clock.now()
        # A lock that would last longer than any does is one from before the clock was set back.
        longest = now + timedelta(seconds=self._security.lock_seconds)
        with self._lock:
            ended = [lock for lock in self._locks.values() if not now < lock.until <= longest]
        for lock in ended:
            # First on the books, or a store that is unavailable just now would leave the contact without the end of it.
            self._memory.lock_ended(lock, at=now)
            with self._lock:
                self._locks.pop((lock.side, lock.source), None)

    def next_end(self) -> datetime | None:
        """When the soonest lock ends."""
        with self._lock:
            return min((lock.until for lock in self._locks.values()), default=None)

    # Freshness

    def _used(self, knock: Knock, token: Token, now: datetime) -> Fault | None:
        created = token.created_at
        if created is None:
            return self._refuse(knock, "unreadable Created", _unreadable_created())
        if abs(created - now) > self._skew:
            return self._refuse(knock, "stale", _stale(created, now, self._skew))
        first = self._memory.token_used(
            _hash(knock.caller.value.encode(), token.nonce or b""),
            _hash(knock.envelope),
            expires_at=created + self._skew,
            at=now,
        )
        if first is None or (first == _hash(knock.envelope) and not knock.is_query):
            return None
        return self._refuse(knock, "replayed", _replayed())

    # Locks

    def _locked(self, knock: Knock) -> Lock | None:
        with self._lock:
            lock = self._locks.get((knock.caller, knock.source))
            if lock is None and knock.source not in self._known[knock.caller]:
                lock = self._locks.get((knock.caller, None))
            return lock

    def _failed(self, knock: Knock, now: datetime) -> Lock | None:
        """Count a wrong password; the lock that it brings, if it does."""
        limit = self._security.lock_after_failures
        with self._lock:
            failures = self._failures[knock.caller]
            failures.append((now, knock.source))
            begin = now - timedelta(seconds=self._security.lock_window_seconds)
            while failures and failures[0][0] <= begin:
                failures.popleft()
            source: str | None = knock.source
            if sum(each == source for _, each in failures) < limit:
                if len(failures) < limit * _SPREAD or source in self._known[knock.caller]:
                    return None
                source = None
            lock = Lock(knock.caller, source, now + timedelta(seconds=self._security.lock_seconds))
            self._locks[knock.caller, source] = lock
            kept = [each for each in failures if source is not None and each[1] != source]
            failures.clear()
            failures.extend(kept)
        self._memory.lock_began(lock, at=now)
        return lock

    def _came_rightly(self, knock: Knock) -> None:
        with self._lock:
            known = self._known[knock.caller]
            known[knock.source] = None
            known.move_to_end(knock.source)
            if len(known) > _KNOWN:
                known.popitem(last=False)

    def _refuse(self, knock: Knock, why: str, fault: Fault) -> Fault:
        self._say_refused(knock.caller, why)
        return fault


def _hash(*parts: bytes) -> str:
    """Stands for a nonce or an envelope where it is kept: enough to know it again, and nothing to use."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _fault(code: ErrorCode, field: str, zh: str, en: str) -> Fault:
    return Fault(code=code, field=field, message_zh=zh, message_en=en)


_TOKEN = "Security/UsernameToken"  # noqa: S105 - a place


def _missing() -> Fault:
    return _fault(ErrorCode.NOT_AUTHENTICATED, _TOKEN, "缺少身份令牌 UsernameToken", "The UsernameToken is missing")


def _wrong() -> Fault:
    return _fault(ErrorCode.NOT_AUTHENTICATED, _TOKEN, "账号或口令不符", "The account or the password is not right")


def _locked_until(lock: Lock) -> Fault:
    until = in_shanghai(lock.until).strftime("%Y-%m-%d %H:%M:%S")
    return _fault(
        ErrorCode.ACCOUNT_LOCKED,
        _TOKEN,
        f"口令多次错误,来自此地址的呼叫锁定至 {until}(北京时间)",
        f"After wrong passwords, calls from this address are locked out until {until} (Beijing time)",
    )


def _other_certificate() -> Fault:
    return _fault(
        ErrorCode.NOT_AUTHORISED,
        _TOKEN,
        "客户端证书不属于此账号的平台",
        "The client certificate is not that of the platform that the account belongs to",
    )


def _unreadable_created() -> Fault:
    return _fault(
        ErrorCode.NOT_AUTHENTICATED,
        f"{_TOKEN}/Created",
        "令牌的 Created 应为 ISO 8601 时间",
        "Created of the token should be an ISO 8601 moment",
    )


def _expired() -> Fault:
    return _fault(
        ErrorCode.NOT_AUTHENTICATED,
        "Security/Timestamp/Expires",
        "报文已过其 Timestamp 的有效期,或 Expires 不可读",
        "The message is past the Expires of its Timestamp, or that cannot be read",
    )


def _stale(created: datetime, now: datetime, skew: timedelta) -> Fault:
    apart = round(abs(created - now).total_seconds())
    allowed = round(skew.total_seconds())
    zh, en = ("早", "before") if created < now else ("晚", "ahead of")
    return _fault(
        ErrorCode.NOT_AUTHENTICATED,
        f"{_TOKEN}/Created",
        f"令牌的 Created 比本方时钟{zh} {apart} 秒,最多允许 {allowed} 秒",
        f"Created of the token lies {apart} s {en} our clock; {allowed} s are allowed",
    )


def _replayed() -> Fault:
    return _fault(
        ErrorCode.NOT_AUTHENTICATED,
        f"{_TOKEN}/Nonce",
        "令牌的 Nonce 已用过;每次呼叫请用新的 Nonce",
        "The Nonce of the token was used before; each call needs one of its own",
    )
