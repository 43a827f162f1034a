"""HAR files as recorders write them, made from exchanges that really happened."""

import base64
import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.vocabulary.calls import Answered, Ending, Faulted, Message, NotReached
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Party, Side
from bridge.wire import Token, build_fault, build_request, build_response, operation_of, soap_action
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.virtual import VirtualStage

SCENARIOS = Path(__file__).parents[1] / "scenarios"
XML = "text/xml; charset=utf-8"
SECRET = "password-that-nobody-may-keep"

#: Where the parties of a recording listen.
ADDRESSES = {
    Party.GRID: "http://grid.city.example:8101/soap",
    Party.URBAN: "https://urban.city.example/services/exchange",
    Party.BRIDGE: "http://10.1.2.3:8100",
}


@dataclass(frozen=True)
class Passed:
    """One HTTP exchange as it was on the wire."""

    began_at: datetime
    ended_at: datetime
    sender: Party
    to: Party
    url: str
    request: bytes
    #: None when the caller got no answer.
    response: bytes | None
    action: str = ""
    status: int = 200
    request_type: str = XML
    response_type: str = XML
    #: What the recorder says of a connection that failed.
    error: str = ""


def played(scenario: str, wiring: Wiring) -> list[Passed]:
    """What crosses HTTP while a scenario of the library is played, each message as the bridge's codec writes it."""
    calls: dict[int, tuple[Party, Party, Message, datetime]] = {}
    found: list[Passed] = []

    def make(*args: Any, **more: Any) -> VirtualStage:
        stage = VirtualStage(*args, **more)
        trace = stage.trace
        call, answer = trace.call, trace.answer

        def at_once(at: datetime) -> datetime:
            # Messages take no time in virtual time; a millisecond for each record keeps their order in a file of moments.
            return at + timedelta(milliseconds=len(trace))

        def take_call(sender: str, to: str, message: Message, at: datetime, **how: Any) -> int:
            number = call(sender, to, message, at, **how)
            calls[number] = Party(sender), Party(to), message, at_once(at)
            return number

        def take_answer(number: int, ending: Ending, at: datetime, **how: Any) -> Any:
            record = answer(number, ending, at, **how)
            found.append(_passed(*calls[number], at_once(at), how.get("given") or ending))
            return record

        trace.call, trace.answer = take_call, take_answer  # type: ignore[method-assign,assignment]
        return stage

    path = SCENARIOS / f"{scenario}.yaml"
    run = play(load_scenario(path, SCENARIOS), wiring, make, seed=1)
    assert run.passed
    return sorted(found, key=lambda passed: passed.began_at)


def _passed(
    sender: Party, to: Party, message: Message, began_at: datetime, ended_at: datetime, ending: Ending
) -> Passed:
    served = Side.URBAN if sender is Party.GRID or to is Party.URBAN else Side.GRID
    url = ADDRESSES[to] + (f"/{served.value}" if to is Party.BRIDGE else "")
    request = build_request(message, served, Token.with_text("somebody", SECRET))
    operation = operation_of(message)
    error = "net::ERR_CONNECTION_REFUSED" if isinstance(ending, NotReached) else ""
    return Passed(
        began_at=began_at,
        ended_at=ended_at,
        sender=sender,
        to=to,
        url=url,
        request=request,
        response=_response(ending, operation, served),
        action=f'"{soap_action(served, operation)}"',
        status=500 if isinstance(ending, Faulted) else 200,
        error=error,
    )


def _response(ending: Ending, operation: Operation, served: Side) -> bytes | None:
    if isinstance(ending, Answered):
        return build_response(operation, served, ending)
    return build_fault(ending.fault, served) if isinstance(ending, Faulted) else None


# -- how recorders write an exchange down ---------------------------------------------------------------------------

Entry = dict[str, Any]


def entry(passed: Passed, *, zone: str = "") -> Entry:
    """As a browser writes it: bodies as text, already unfolded."""
    began = passed.began_at.isoformat() if not zone else passed.began_at.replace(tzinfo=None).isoformat() + zone
    milliseconds = (passed.ended_at - passed.began_at).total_seconds() * 1000
    found: Entry = {
        "startedDateTime": began,
        "time": milliseconds,
        "request": {
            "method": "POST",
            "url": passed.url,
            "httpVersion": "HTTP/1.1",
            "headers": [
                {"name": "Content-Type", "value": passed.request_type},
                {"name": "SOAPAction", "value": passed.action},
            ],
            "postData": {"mimeType": passed.request_type, "text": passed.request.decode("utf-8", "replace")},
        },
        "response": {"status": 0, "statusText": "", "headers": [], "content": {"size": 0, "mimeType": ""}},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }
    if passed.response is None:
        found["response"]["_error"] = passed.error
        return found
    found["response"] = {
        "status": passed.status,
        "statusText": "",
        "headers": [{"name": "content-type", "value": passed.response_type}],
        "content": {
            "size": len(passed.response),
            "mimeType": passed.response_type,
            "text": passed.response.decode("utf-8", "replace"),
        },
    }
    return found


def in_base64(passed: Passed) -> Entry:
    """As mitmproxy and Charles write what they take for binary, request bodies without a word about it."""
    found = entry(passed)
    found["request"]["postData"]["text"] = base64.b64encode(passed.request).decode()
    if passed.response is not None:
        content = found["response"]["content"]
        content |= {"text": base64.b64encode(passed.response).decode(), "encoding": "base64"}
    return found


def compressed(passed: Passed) -> Entry:
    """As recorders write that keep the bytes as they were, compressed."""
    squeezed = replace(
        passed,
        request=gzip.compress(passed.request),
        response=None if passed.response is None else gzip.compress(passed.response),
    )
    found = in_base64(squeezed)
    for part in ("request", "response"):
        found[part]["headers"].append({"name": "Content-Encoding", "value": "gzip"})
    return found


def in_gbk(passed: Passed) -> Entry:
    """An old client's GBK, which the recorder kept as bytes."""

    def old(body: bytes) -> bytes:
        text = body.decode().partition("?>")[2].encode("gb18030").decode("gb18030")
        return b'<?xml version="1.0" encoding="GBK"?>' + text.encode("gb18030")

    wide = replace(
        passed,
        request=old(passed.request),
        request_type="text/xml; charset=gb2312",
        response=None if passed.response is None else old(passed.response),
        # Old servers say so only inside the XML.
        response_type="text/xml",
    )
    return in_base64(wide)


def taken_for_latin(passed: Passed) -> Entry:
    """A recorder that took UTF-8 for Latin-1."""
    found = entry(passed)
    found["request"]["postData"]["text"] = passed.request.decode("latin-1")
    if passed.response is not None:
        found["response"]["content"]["text"] = passed.response.decode("latin-1")
    return found


def in_parts(passed: Passed) -> Entry:
    """MTOM, whose binary parts the recorder damaged."""

    def parts(body: bytes) -> bytes:
        return (
            b"--uuid:1\r\nContent-Id: <root>\r\nContent-Type: application/xop+xml;charset=utf-8\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n" + body + b"\r\n--uuid:1\r\nContent-Id: <photo>\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n\x89PNG\xff\xfe--\r\n--uuid:1--\r\n"
        )

    kind = 'multipart/related; type="application/xop+xml"; start="<root>"; boundary="uuid:1"'
    return entry(
        replace(
            passed,
            request=parts(passed.request),
            request_type=kind,
            response=None if passed.response is None else parts(passed.response),
            response_type=kind,
        )
    )


def of_other_traffic(at: datetime) -> list[Entry]:
    """What stands in a recording beside the exchange."""
    page = {
        "startedDateTime": at.isoformat(),
        "time": 3,
        "request": {"method": "GET", "url": "http://grid.city.example:8101/soap?wsdl", "headers": []},
        "response": {"status": 200, "headers": [], "content": {"size": 3, "mimeType": "text/xml", "text": "<a/>"}},
    }
    body = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><weather/></s:Body></s:Envelope>'
    other = {
        "startedDateTime": at.isoformat(),
        "time": 3,
        "request": {
            "method": "POST",
            "url": "http://weather.example/soap",
            "headers": [],
            "postData": {"mimeType": "text/xml", "text": body},
        },
        "response": {"status": 200, "headers": [], "content": {"size": 0, "mimeType": "text/xml", "text": body}},
    }
    return [page, other]


def har(entries: Iterable[Entry]) -> str:
    """A HAR 1.2 file."""
    log = {"version": "1.2", "creator": {"name": "a recorder", "version": "1"}, "entries": list(entries)}
    return json.dumps({"log": log}, ensure_ascii=False)


def written(folder: Path, passed: Iterable[Passed], style: Callable[[Passed], Entry] = entry) -> list[Path]:
    """One HAR file for each hop, as people record them."""
    hops: dict[str, list[Passed]] = {}
    for each in passed:
        hops.setdefault(f"{each.sender}-{each.to}", []).append(each)
    paths = []
    for name, exchanges in hops.items():
        path = folder / f"{name}.har"
        path.write_text("\ufeff" + har(map(style, exchanges)), encoding="utf-8")
        paths.append(path)
    return paths
