"""The SOAP endpoint: the bridge shows each platform the interface of the other one.

    POST …/urban      the urban contract; here calls the grid platform
    POST …/grid       the grid contract; here calls the urban platform
    GET  …/urban?wsdl the contract's files, with our own configured address (never the Host header of a caller)
    GET  …/health     this process answers
    GET  …/ready      the store answers and can be written too

A plain WSGI application. Whatever comes in by POST, what goes out is SOAP: a response of the contract, or its typed
fault. Who may call is checked before anything is done (`bridge.transports.door`).
"""

import json
import logging
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import quoteattr

import contracts
from bridge.core.errors import StoreUnavailable
from bridge.transports.door import Door, Knock
from bridge.transports.tls import PEER_NAMES
from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.liberties import Liberties
from bridge.vocabulary.messages import Fault, FormMessage, Header, Operation, QueryMessage, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.wire import (
    Found,
    Malformed,
    Request,
    Token,
    build_fault,
    build_faults,
    build_response,
    liberties_of,
    parse_request,
    unpacked,
    whole_refusal,
    without_credentials,
)

XML = "text/xml; charset=utf-8"
JSON = "application/json; charset=utf-8"

_log = logging.getLogger("duijie.bridge")


class Desk(Protocol):
    """Who decides on what arrives. `caller` is the platform that calls; `raw` the envelope, passwords blanked."""

    def form_received(self, caller: Side, message: FormMessage, raw: bytes) -> Answered | Faulted:
        """A form that follows the contract."""

    def form_refused(self, caller: Side, header: Header, faults: Sequence[Fault], raw: bytes) -> Answered | Faulted:
        """A form that does not, of which the header could be read."""

    def receipt_received(self, caller: Side, message: ReceiptMessage, raw: bytes) -> Answered | Faulted:
        """A receipt."""

    def query_received(self, caller: Side, message: QueryMessage, raw: bytes) -> Answered | Faulted:
        """A query of handed-over cases."""

    def answered(self, caller: Side, message: Header | None, answer: bytes) -> None:
        """Note the envelope that was given as the answer; `message` is the header of what it answers, None for a query."""

    def is_ready(self) -> bool:
        """Whether the store answers and can be written."""


class Reply(NamedTuple):
    """An HTTP answer."""

    status: str
    content_type: str
    body: bytes


class Endpoint:
    """The WSGI application; `address` is where callers find it, as the WSDL says."""

    def __init__(self, profile: Profile, desk: Desk, address: str, door: Door):
        self._profile = profile
        self._door = door
        self._desk = desk
        self._address = address.rstrip("/")
        self._base = urlsplit(self._address).path
        self._faces = {f"{self._base}/{side.value}": side for side in Side}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        reply = self._reply(environ)
        start_response(reply.status, [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def refusal(self, status: int, path: str) -> tuple[str, bytes]:
        """What a request gets that the server cannot hand over, such as one that is too heavy: SOAP all the same."""
        serves = self._faces.get(path.rstrip("/"), Side.URBAN)
        if status == 413:
            limit = self._profile.limits.message_bytes
            fault = Fault(
                code=ErrorCode.LIMIT_EXCEEDED,
                field=None,
                message_zh=f"报文超过 {limit} 字节的限额",
                message_en=f"The message is heavier than the limit of {limit} bytes",
            )
        elif status == 426:
            # No matter of the message: it is the caller's address that is wrong, and everything for it waits.
            fault = _fault(ErrorCode.NOT_AUTHORISED, "此地址只接受 https 呼叫", "This address takes https calls only")
        else:
            fault = _fault(ErrorCode.SCHEMA_INVALID, "HTTP 请求无法读取", "The HTTP request cannot be read")
        return XML, build_fault(fault, serves)

    def busy(self, path: str) -> tuple[str, bytes]:
        """What a call gets that comes while the process stops: surely no effect, send the same again."""
        return XML, build_fault(_busy(), self._faces.get(path.rstrip("/"), Side.URBAN))

    def _reply(self, environ: dict[str, Any]) -> Reply:
        path = environ.get("PATH_INFO", "").rstrip("/")
        method = environ["REQUEST_METHOD"]
        serves = self._faces.get(path)
        if method in ("GET", "HEAD"):
            return self._look(path, serves, environ.get("QUERY_STRING", ""))
        if serves is None:
            fault = _fault(ErrorCode.SCHEMA_INVALID, "此地址没有服务", "There is no service at this address")
            return Reply("404 Not Found", XML, build_fault(fault, Side.URBAN))
        if method != "POST":
            fault = _fault(ErrorCode.SCHEMA_INVALID, "请用 POST 调用", "Calls are made with POST")
            return Reply("405 Method Not Allowed", XML, build_fault(fault, serves))
        return self._call(serves, environ)

    # What can be looked at

    def _look(self, path: str, serves: Side | None, query: str) -> Reply:
        if path == f"{self._base}/health":
            return _json("200 OK", {"status": "ok"})
        if path == f"{self._base}/ready":
            if self._desk.is_ready():
                return _json("200 OK", {"status": "ready"})
            return _json("503 Service Unavailable", {"status": "store unavailable"})
        if serves is None:
            return _json("404 Not Found", {"status": "nothing here"})
        asked = {key.lower(): values for key, values in parse_qs(query, keep_blank_values=True).items()}
        if "wsdl" in asked:
            return Reply("200 OK", XML, self._contract_file(f"{serves.value}.wsdl", serves))
        name = asked.get("xsd", [""])[0]
        if name in contracts.NAMES:
            return Reply("200 OK", XML, self._contract_file(name, serves))
        return _json(
            "200 OK", {"service": f"{self._address}/{serves.value}", "wsdl": f"{self._address}/{serves.value}?wsdl"}
        )

    def _contract_file(self, name: str, serves: Side) -> bytes:
        own = f"{self._address}/{serves.value}"
        text = contracts.path(name).read_text(encoding="utf-8")
        text = re.sub(
            r'schemaLocation="([^"]+)"', lambda found: f"schemaLocation={quoteattr(f'{own}?xsd={found[1]}')}", text
        )
        text = re.sub(r'(<soap:address location=)"[^"]*"', lambda found: found[1] + quoteattr(own), text)
        return text.encode()

    # Calls

    def _call(self, serves: Side, environ: dict[str, Any]) -> Reply:
        caller = serves.other
        try:
            body = self._body(environ)
            data, content_type = unpacked(body, environ.get("CONTENT_TYPE") or None, self._profile.limits.message_bytes)
            try:
                request = parse_request(data, content_type, serves, self._profile.limits)
            except Malformed as malformed:
                if malformed.header is None:
                    raise
                knock = self._knock(caller, malformed.token, environ, data)
                return self._refuse(knock, malformed.header, malformed, without_credentials(data))
            knock = self._knock(caller, request.token, environ, data, request.operation is Operation.QUERY_CASES)
            return self._decide(
                knock, request, without_credentials(data), lambda: self._liberties(serves, request, environ, body)
            )
        except Malformed as malformed:
            return _faulted(build_faults(malformed, serves))
        except StoreUnavailable as error:
            _log.error("store.unavailable", extra={"fields": {"caller": caller.value, "reason": str(error)}})
            busy = _fault(
                ErrorCode.BUSY, "暂时无法受理,请稍后原样重发", "Cannot take it now; send the same again later"
            )
            return _faulted(build_fault(busy, serves))
        except Exception as error:  # A caller gets SOAP even when we are at fault.
            # The traceback stays out of the log: its values may be personal data.
            _log.critical(
                "endpoint.failed",
                extra={"fields": {"caller": caller.value, "error": type(error).__name__, "where": _where(error)}},
            )
            internal = _fault(
                ErrorCode.INTERNAL, "系统内部错误,请稍后原样重发", "An internal error; send the same again later"
            )
            return _faulted(build_fault(internal, serves))

    def _knock(
        self, caller: Side, token: Token | None, environ: dict[str, Any], envelope: bytes, is_query: bool = False
    ) -> Knock:
        return Knock(caller, token, self._door.source(environ), environ.get(PEER_NAMES), envelope, is_query)

    def _refuse(self, knock: Knock, header: Header, malformed: Malformed, raw: bytes) -> Reply:
        """Answer a form that could not be read, of which enough is known for an error receipt (RCPT-1)."""
        refused = self._stranger(knock)
        return refused or self._refuse_form(knock.caller, header, malformed, raw)

    def _refuse_form(self, caller: Side, header: Header, malformed: Malformed, raw: bytes) -> Reply:
        serves = caller.other
        wrong = self._wrong_party(caller, header)
        if wrong is not None:
            return _faulted(build_fault(wrong, serves))
        answer = self._desk.form_refused(caller, header, malformed.faults, raw)
        return self._answer(serves, header, Operation.DELIVER_FORM, answer)

    def _liberties(self, serves: Side, request: Request, environ: dict[str, Any], body: bytes) -> tuple[Found, ...]:
        if self._profile.choices.liberties is Liberties.TAKE:
            return ()
        return liberties_of(
            body,
            environ.get("CONTENT_TYPE") or None,
            serves,
            request.operation,
            encoding=environ.get("HTTP_CONTENT_ENCODING", ""),
            action=environ.get("HTTP_SOAPACTION"),
            limit=self._profile.limits.message_bytes,
        )

    def _decide(
        self, knock: Knock, request: Request, raw: bytes, liberties_taken: Callable[[], Sequence[Found]]
    ) -> Reply:
        caller, serves = knock.caller, knock.caller.other
        if (refused := self._stranger(knock)) is not None:
            return refused
        message = request.message
        liberties = liberties_taken()
        if liberties and self._profile.choices.liberties is Liberties.REFUSE:
            strict = Malformed([found.fault for found in liberties])
            if isinstance(message, FormMessage):
                return self._refuse_form(caller, message.header, strict, raw)
            return _faulted(build_fault(whole_refusal(liberties), serves))
        for found in liberties:
            _log.info(
                "liberty.taken",
                extra={
                    "fields": {
                        "caller": caller.value,
                        "message_id": message.header.message_id,
                        "liberty": found.liberty.value,
                        "field": found.field,
                    }
                },
            )
        if isinstance(message, FormMessage):
            answer = self._desk.form_received(caller, message, raw)
        elif isinstance(message, ReceiptMessage):
            answer = self._desk.receipt_received(caller, message, raw)
        else:
            wrong = self._wrong_party(caller, message.header)
            if wrong is not None:
                return _faulted(build_fault(wrong, serves))
            answer = self._desk.query_received(caller, message, raw)
        header = None if isinstance(message, QueryMessage) else message.header
        return self._answer(serves, header, request.operation, answer)

    def _answer(self, serves: Side, header: Header | None, operation: Operation, answer: Answered | Faulted) -> Reply:
        if isinstance(answer, Faulted):
            reply = _faulted(build_fault(answer.fault, serves))
        else:
            reply = Reply("200 OK", XML, build_response(operation, serves, answer))
        self._desk.answered(serves.other, header, reply.body)
        return reply

    def _body(self, environ: dict[str, Any]) -> bytes:
        limit = self._profile.limits.message_bytes
        data: bytes = environ["wsgi.input"].read()
        encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if encoding in ("", "identity"):
            return data
        if encoding not in ("gzip", "x-gzip"):
            raise Malformed(
                [
                    _fault(
                        ErrorCode.SCHEMA_INVALID, "不支持的 Content-Encoding", "This Content-Encoding is not supported"
                    )
                ]
            )
        return _unzipped(data, limit)

    def _stranger(self, knock: Knock) -> Reply | None:
        fault = self._door.stranger(knock)
        return None if fault is None else _faulted(build_fault(fault, knock.caller.other))

    def _wrong_party(self, caller: Side, header: Any) -> Fault | None:
        sender, recipient = self._profile.platform(caller).code, self._profile.platform(caller.other).code
        if (header.sender, header.recipient) == (sender, recipient):
            return None
        return Fault(
            code=ErrorCode.WRONG_PARTY,
            field="messageHeader/sender" if header.sender != sender else "messageHeader/recipient",
            message_zh=f"发送方 {header.sender} 或接收方 {header.recipient} 与对接配置不符",
            message_en=f"sender {header.sender} or recipient {header.recipient} is not that of this link",
        )


def _faulted(body: bytes) -> Reply:
    # SOAP 1.1 over HTTP: a fault comes under status 500, whoever is to blame.
    return Reply("500 Internal Server Error", XML, body)


def _unzipped(data: bytes, limit: int) -> bytes:
    """The content of a gzip body; a small body that would unfold beyond the limit is refused before it does."""
    unfolding = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unfolded = unfolding.decompress(data, limit + 1)
    except zlib.error:
        unfolded = None
    if unfolded is None or (len(unfolded) <= limit and (not unfolding.eof or unfolding.unused_data)):
        raise Malformed([_fault(ErrorCode.SCHEMA_INVALID, "gzip 内容损坏", "The gzip content is damaged")])
    if len(unfolded) > limit:
        raise Malformed(
            [
                _fault(
                    ErrorCode.LIMIT_EXCEEDED,
                    f"解压后的报文超过 {limit} 字节的限额",
                    f"The message unfolds beyond the limit of {limit} bytes",
                )
            ]
        )
    return unfolded


def _busy() -> Fault:
    return _fault(ErrorCode.BUSY, "暂时无法受理,请稍后原样重发", "Cannot take it now; send the same again later")


def _fault(code: ErrorCode, zh: str, en: str) -> Fault:
    return Fault(code=code, field=None, message_zh=zh, message_en=en)


def _json(status: str, content: dict[str, str]) -> Reply:
    return Reply(status, JSON, json.dumps(content, ensure_ascii=False).encode())


def _where(error: Exception) -> str:
    """The file and line in which an error arose, without any value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else ""
