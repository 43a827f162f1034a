"""Receipts and the typed fault: elements to values and values to elements (RCPT-1, RCPT-2)."""

from lxml import etree

from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.messages import Fault, Receipt
from bridge.wire.envelope import field_path
from bridge.wire.faults import fault, fitted
from bridge.wire.forms import Problems, element_writer, reader

_read = reader(Receipt)
read_fault = reader(Fault)
_write = element_writer("m:receipt", Receipt)
_write_fault = element_writer("ex:exchangeFault", Fault)


def read_receipt(element: etree._Element, problems: Problems) -> Receipt:
    """The receipt in an element; one that is an error without a fault, or a confirmation with one, says nothing definite."""
    receipt = _read(element, problems)
    if (receipt.outcome is ReceiptOutcome.ERROR) != (receipt.fault is not None):
        problems.append(
            fault(
                ErrorCode.SCHEMA_INVALID if receipt.fault else ErrorCode.REQUIRED_MISSING,
                f"{field_path(element)}/fault",
                "出错的回执须说明错误,确认的回执不得带错误",
                "An error receipt must have a fault, a confirming one must not",
            )
        )
    return receipt


def write_receipt(receipt: Receipt, out: list[str]) -> None:
    """Append the receipt's element, in the namespace of the side whose operation carries it."""
    if receipt.fault is not None:
        receipt = Receipt(
            case_number=receipt.case_number,
            form_message_id=receipt.form_message_id,
            form_type=receipt.form_type,
            outcome=receipt.outcome,
            decided_at=receipt.decided_at,
            fault=fitted(receipt.fault),
        )
    _write(receipt, out)


def write_fault(told: Fault, out: list[str]) -> None:
    """Append the typed fault's element."""
    _write_fault(fitted(told), out)
