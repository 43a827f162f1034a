"""What travels: the header of every message, the receipt, the fault, and the query of handed-over cases."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.forms import Form, FormType, HandOver
from bridge.vocabulary.stages import HandedOverState

#: The contract version that both ends speak; the header carries it.
CONTRACT_VERSION = "1.0"


class Operation(StrEnum):
    """The three operations that both sides offer, mirror images of each other (XCHG-1)."""

    #: 传递业务表单.
    DELIVER_FORM = "DeliverForm"
    #: 传递业务回执.
    DELIVER_RECEIPT = "DeliverReceipt"
    #: 查询移交案卷.
    QUERY_CASES = "QueryCases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The envelope header, the same in both directions (XCHG-1).

    `sender` and `recipient` are party codes from the profile and stay end to end when a bridge
    lies between; `message_id` too. `attempt` and `sent_at` belong to the one hop.
    """

    #: `urn:uuid:` and a lower-case UUID; a repeated sending keeps it (RCPT-5).
    message_id: str
    sender: str
    recipient: str
    case_number: str
    #: The form's type; for a receipt, the type of the form it answers.
    form_type: FormType
    #: 1 for the first sending over this hop.
    attempt: int
    sent_at: datetime
    contract_version: str = CONTRACT_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a message was refused: code, the field it lies in, a sentence in Chinese and in English (RCPT-2)."""

    code: ErrorCode
    #: Path of the field, such as `form/handOver/category`; None when no single field is at fault.
    field: str | None
    message_zh: str
    message_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """回执: the one effective answer to a form (RCPT-1, RCPT-2)."""

    #: Equals the form's case number.
    case_number: str
    #: The message id of the form that it answers.
    form_message_id: str
    form_type: FormType
    outcome: ReceiptOutcome
    #: When the business system decided on the form.
    decided_at: datetime
    #: Present exactly when the outcome is `error`.
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormMessage:
    """A form under its header."""

    header: Header
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptMessage:
    """A receipt that travels as a call of its own; the header has a message id of its own."""

    header: Header
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseQuery:
    """Which handed-over cases to list (XCHG-2)."""

    #: Only cases handed over at or after this moment.
    since: datetime | None = None
    #: Only cases in this state on the asked side's books.
    state: HandedOverState | None = None
    #: Where the last page ended; None for the first page.
    cursor: str | None = None
    #: At most this many; the answering side may give fewer.
    page_size: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryHeader:
    """The header of a query: like a form's, without case number, form type and attempt."""

    message_id: str
    sender: str
    recipient: str
    sent_at: datetime
    contract_version: str = CONTRACT_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryMessage:
    """A query under its header."""

    header: QueryHeader
    query: CaseQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOverCase:
    """One handed-over case in the answer to a query; `message_id` is the one its hand-over form has or would have when pushed."""

    message_id: str
    state: HandedOverState
    hand_over: HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """A page of handed-over cases in hand-over order; `next_cursor` is always given and stays valid as cases arrive."""

    cases: tuple[HandedOverCase, ...]
    next_cursor: str
    #: True when more cases stood behind this page at the moment of the answer.
    more: bool
