"""Refusals of the codec: what is wrong with a message, said in both languages.

    Malformed      theirs: what came in is no message of the contract; carries one Fault per fault found

Whatever the bytes, reading them ends in a value or in `Malformed`, never in another exception.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault, Header, Operation
from bridge.wire.tokens import Token

#: What the contract's schema allows (types `Sentence` and `FieldPath`); a longer text is cut, never a reason to fall silent.
_SENTENCE_LENGTH = 500
_PATH_LENGTH = 200

#: A message with more faults than this is told about these.
FAULTS_TOLD = 20


class SoapCode(StrEnum):
    """The fault codes of SOAP 1.1."""

    CLIENT = "Client"
    SERVER = "Server"
    VERSION_MISMATCH = "VersionMismatch"
    MUST_UNDERSTAND = "MustUnderstand"


#: Errors on the answering side, which pass by themselves; every other error is the caller's.
_OURS = frozenset({ErrorCode.BUSY, ErrorCode.INTERNAL})


def soap_code_for(code: ErrorCode) -> SoapCode:
    """Whose fault it is, in SOAP's words."""
    return SoapCode.SERVER if code in _OURS else SoapCode.CLIENT


class Malformed(Exception):
    """What came in is no message of the contract.

    `header` is there when the message is a form whose message id, parties, case number and form type
    could be read all the same: then the refusal can be given as an error receipt (RCPT-1). Its case
    number and form type are the form's own where header and form differ, since a receipt names those
    of its form. `token` and `operation` are what could be read of them.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        *,
        header: Header | None = None,
        token: Token | None = None,
        operation: Operation | None = None,
        soap_code: SoapCode = SoapCode.CLIENT,
    ):
        self.faults = tuple(faults)
        self.header = header
        self.token = token
        self.operation = operation
        self.soap_code = soap_code
        super().__init__("; ".join(f"{f.code} {f.field or ''}: {f.message_en}" for f in self.faults))


def fault(code: ErrorCode, field: str | None, zh: str, en: str) -> Fault:
    """A fault that fits the contract's schema."""
    return fitted(Fault(code=code, field=field, message_zh=zh, message_en=en))


def fitted(told: Fault) -> Fault:
    """The same fault, its texts cut to what the contract's schema allows; an empty one falls back on the code."""
    return replace(
        told,
        field=told.field[:_PATH_LENGTH] if told.field else None,
        message_zh=told.message_zh[:_SENTENCE_LENGTH] or told.code.value,
        message_en=told.message_en[:_SENTENCE_LENGTH] or told.code.value,
    )


def refused(code: ErrorCode, field: str | None, zh: str, en: str) -> Malformed:
    """A refusal for one reason, before anything of the message could be read."""
    return Malformed([fault(code, field, zh, en)])
