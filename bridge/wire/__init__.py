"""The language of the exchange: bytes to values and values to bytes, in both directions, against the contract's schema.

Pure: no clock, no socket, no memory. Whatever bytes come in, reading a request ends in a `Request` or in `Malformed`, and
reading a response in one of the endings of a call.
"""

from bridge.wire.envelope import without_credentials
from bridge.wire.faults import Malformed, SoapCode
from bridge.wire.fingerprint import fingerprint
from bridge.wire.liberties import Found, liberties_of, whole_refusal
from bridge.wire.multipart import unpacked
from bridge.wire.requests import Request, build_request, operation_of, parse_request, soap_action
from bridge.wire.responses import build_fault, build_faults, build_response, parse_response
from bridge.wire.tokens import Token

__all__ = [
    "Found",
    "Malformed",
    "Request",
    "SoapCode",
    "Token",
    "build_fault",
    "build_faults",
    "build_request",
    "build_response",
    "fingerprint",
    "liberties_of",
    "operation_of",
    "parse_request",
    "parse_response",
    "soap_action",
    "unpacked",
    "whole_refusal",
    "without_credentials",
]
