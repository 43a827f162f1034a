"""The integration profile: everything that a city decides, as values.

Each `[choice]` of the clauses is a field of `Choices`; a city that decided otherwise changes a
line of its profile file, not code. The file is read and checked by `bridge.settings`.
"""

from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.liberties import Liberties
from bridge.vocabulary.parties import Side


class ReceiptMode(StrEnum):
    """How a party wants or gives receipts."""

    #: The receipt stands in the response to the form.
    RESPONSE = "response"
    #: The response only acknowledges; the receipt comes as a call of its own.
    CALL = "call"


class PasswordType(StrEnum):
    """WS-Security UsernameToken password types."""

    TEXT = "text"
    DIGEST = "digest"


class HandOverMode(StrEnum):
    """How hand-overs leave the grid platform (XCHG-2). Queries are answered in either mode."""

    #: The grid platform delivers each hand-over form itself.
    PUSH = "push"
    #: The taker queries for them.
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Certificates and keys of one party, as paths of PEM files."""

    #: Shown to callers by the party's own service, the chain to its authority behind it.
    certificate: str | None = None
    key: str | None = None
    #: Authorities that a caller's certificate must come from; without them callers need none.
    client_authorities: str | None = None
    #: Authorities that the services called must show a certificate of; None for those that the machine trusts.
    authorities: str | None = None
    #: Shown to services when calling.
    client_certificate: str | None = None
    client_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProfile:
    """One platform as the exchange sees it."""

    #: Party code in message headers, such as `wuhu-grid`.
    code: str
    #: Where the platform's own SOAP service listens.
    endpoint: str
    #: Account under which the platform calls others, and under which others call it.
    username: str
    password: str = field(repr=False)
    password_type: PasswordType = PasswordType.DIGEST
    #: How this platform gives its receipts.
    receipts: ReceiptMode = ReceiptMode.CALL
    #: None where others are called over plain HTTP, or the machine's own authorities will do.
    tls: Tls | None = None
    #: Subjects (CN) or alternative names (DNS, URI) of the certificates that may call with this account; empty for any.
    certificate_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeProfile:
    """The bridge's own addresses and store."""

    #: Where the bridge listens; it offers the urban contract under /urban and the grid contract under /grid.
    endpoint: str = "http://127.0.0.1:8100"
    #: SQLAlchemy URL of the store; may hold a password.
    store: str = field(default="sqlite:///duijie-bridge.db", repr=False)
    #: How the bridge hands receipts on; in `response` mode it holds the caller for one relay attempt.
    receipts: ReceiptMode = ReceiptMode.CALL
    #: None where TLS ends at a proxy in front, or is not used.
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The `[choice]`s of the clauses, with their defaults."""

    #: INT-5: whom the automatic verification is recorded under.
    auto_verifier: str = "系统自动核查"
    #: INT-8: rejections that lead back to disposal within one filing.
    max_rejections: int = 3
    #: INT-8: a new filing starts counting rejections at 0.
    counter_restarts_on_refiling: bool = True
    #: EXC-1: fold Unicode (NFC) and white space before descriptions are compared.
    fold_description: bool = True
    #: EXC-1: no photos on both sides counts as the same photos.
    no_photos_are_same_photos: bool = True
    #: EXC-1: declined cases count among the cases received before.
    duplicate_scope_includes_declined: bool = True
    #: EXC-3: the grid side confirms a false report before it closes.
    grid_confirms_false_report: bool = True
    #: EXC-5: the limit restarts in the new place.
    restart_on_transfer: bool = True
    #: XCHG-2: how hand-overs leave the grid platform.
    hand_over: HandOverMode = HandOverMode.PUSH
    #: XCHG-3: what becomes of a message that can be read, though the contract would have it written otherwise.
    liberties: Liberties = Liberties.TAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryChoices:
    """RCPT-5: waiting for receipts and sending again."""

    #: Seconds from a sending to the moment its receipt is overdue.
    receipt_timeout_seconds: int = 300
    #: Seconds between an overdue receipt and the next sending; the last gap repeats.
    retry_gaps_seconds: tuple[int, ...] = (60, 300, 900, 3600)
    #: Each gap is made longer by up to this share, differently for each form, so that many do not come back in one beat.
    retry_jitter: float = 0.1
    #: What the longer gaps are drawn from, beside the message id and the attempt.
    retry_seed: int = 0
    #: Sendings in all before the form is parked.
    max_attempts: int = 5
    #: Seconds on its way without a receipt until a contact is warned, while repetition goes on; 0 for never.
    warn_after_seconds: int = 1800
    #: Seconds on its way without a receipt until the form is parked, however many attempts are left; 0 for no such limit.
    park_after_seconds: int = 0
    #: Seconds between two queries where `hand_over` is `query`.
    query_interval_seconds: int = 300
    #: Seconds that a caller waits for the whole answer to a call, however it comes in; then nobody knows what became of the call.
    answer_timeout_seconds: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a message may weigh at the most."""

    message_bytes: int = 32 * 1024 * 1024
    attachment_bytes: int = 8 * 1024 * 1024
    attachments_per_form: int = 20
    page_size: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Who may come in: how fresh a password digest must be, and what follows from wrong passwords."""

    #: A digest made longer ago, or further ahead, by the receiver's clock is refused.
    clock_skew_seconds: int = 300
    #: So many wrong passwords from one address for one account within the window lock that address out.
    lock_after_failures: int = 10
    lock_window_seconds: int = 300
    #: How long it stays locked out.
    lock_seconds: int = 300
    #: Addresses of proxies of our own, whose word (X-Forwarded-For) on where a call came from is believed.
    trusted_proxies: tuple[str, ...] = ()


#: Spans of a working day, in order.
Hours = tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A part of the year with working hours of its own, such as summer; it may run over the end of the year."""

    name: str
    #: Month and day like `05-01`; both belong to it.
    first: str
    last: str
    hours: Hours

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        told = f"{day:%m-%d}"
        if self.first <= self.last:
            return self.first <= told <= self.last
        return told >= self.first or told <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingTime:
    """Working time in Asia/Shanghai; public holidays and make-up days come from the national calendar."""

    hours: Hours = (
        (time(8, 0), time(12, 0)),
        (time(14, 30), time(17, 30)),
    )
    #: Parts of the year with other hours.
    seasons: tuple[Season, ...] = ()
    #: Days off beside the national calendar.
    extra_holidays: tuple[date, ...] = ()
    #: Working days beside the national calendar.
    extra_workdays: tuple[date, ...] = ()

    def hours_on(self, day: date) -> Hours:
        """The hours of a working day at that time of the year."""
        return next((season.hours for season in self.seasons if season.holds(day)), self.hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A named person of the contact book (CONT-1)."""

    duty: ContactDuty
    name: str
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An integration profile: the pair, and what the city decided."""

    name: str
    grid: PlatformProfile
    urban: PlatformProfile
    bridge: BridgeProfile = BridgeProfile()
    choices: Choices = Choices()
    delivery: DeliveryChoices = DeliveryChoices()
    limits: Limits = Limits()
    security: Security = Security()
    working_time: WorkingTime = WorkingTime()
    contacts: tuple[Contact, ...] = ()

    def platform(self, side: Side) -> PlatformProfile:
        """The profile of the platform on `side`."""
        return self.grid if side is Side.GRID else self.urban
