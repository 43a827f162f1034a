"""Reads HAR 1.2, the format in which browsers and recording proxies keep HTTP traffic, and finds the exchange's messages in it.

Recorders differ. Some keep bodies as text that they decoded, rightly or with the wrong character set, some as base64; some unfold
compression and some do not; some lose the answer. What can be understood is; what is ours and cannot be is named with its entry.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.vocabulary.times import in_shanghai
from conformance.observe.body import BodyUnreadable, envelope_in
from conformance.observe.exchange import Broken, Exchange, Gathered, NotUsable, hear
from conformance.observe.soap import hear_response
from conformance.oracle.trace import Outcome, Record

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+=*\s*")
#: What a body looks like once it is out of base64: an envelope, a multipart message, or something compressed.
_OPENINGS = (b"<", b"--", b"\x1f\x8b", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
#: How recorders say that no connection was made; the message then surely did not arrive.
_NO_CONNECTION = re.compile(r"CONNECTION_REFUSED|NAME_NOT_RESOLVED|ADDRESS_UNREACHABLE|ECONNREFUSED|ENOTFOUND", re.I)


class NoHar(Exception):
    """The file as a whole is none."""

    def __init__(self, zh: str, en: str):
        self.zh = zh
        self.en = en
        super().__init__(en)


def read_har(path: Path, text: str, expected: Callable[[str], bool]) -> Gathered:
    """The exchange's messages in a HAR file; `expected` tells whether a URL is one of theirs. Raises `NoHar`."""
    try:
        log = json.loads(text)["log"]
        entries = log["entries"]
        if not isinstance(entries, list):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise NoHar(
            "没有 log.entries 列表,或 JSON 不完整", "it holds no list log.entries, or its JSON is cut off"
        ) from None
    found = Gathered(path)
    for index, entry in enumerate(entries):
        try:
            exchange = _exchange(path, index, entry, expected)
        except NotUsable as why:
            found.broken.append(Broken(str(path), index, why.zh, why.en, _moment_if_any(entry)))
            continue
        if exchange is None:
            found.not_ours += 1
            continue
        found.exchanges.append(exchange)
        if exchange.answer is None:
            found.broken.append(
                Broken(
                    str(path),
                    index,
                    "应答没有记录正文",
                    "the response was recorded without its body",
                    exchange.began_at,
                    only_the_answer=True,
                )
            )
    return found


def _exchange(path: Path, index: int, entry: Any, expected: Callable[[str], bool]) -> Exchange | None:
    request = _mapping(_mapping(entry).get("request"))
    url = str(request.get("url", ""))
    if str(request.get("method", "")).upper() != "POST":
        return None
    headers = _headers(request)
    posted = _mapping(request.get("postData"))
    kind = str(posted.get("mimeType") or headers.get("content-type") or "")
    if not isinstance(posted.get("text"), str) or not posted["text"]:
        if expected(url) or "urn:duijie:" in headers.get("soapaction", ""):
            raise NotUsable("请求没有记录正文", "the request was recorded without its body")
        return None
    body = _bytes(posted["text"], str(posted.get("encoding") or posted.get("_encoding") or ""))
    action = headers.get("soapaction", "")
    heard = hear(body, kind, headers.get("content-encoding", ""), soap_action=action, meant=expected(url))
    if heard is None:
        return None
    began_at = _moment_if_any(entry)
    if began_at is None:
        said = entry.get("startedDateTime")
        raise NotUsable(f"startedDateTime 不是时刻:{said}", f"startedDateTime is no moment: {said}")
    answer = _answer(_mapping(entry.get("response")), entry)
    return Exchange(
        file=str(path),
        entry=index,
        began_at=began_at,
        ended_at=None if answer is None else began_at + _duration(entry),
        url=url,
        heard=heard,
        answer=answer,
    )


def _answer(response: Mapping[str, Any], entry: Mapping[str, Any]) -> Record | None:
    """How the call ended; None when the caller saw an answer and the recorder kept nothing of it."""
    status = response.get("status")
    if not isinstance(status, int) or status <= 0:
        said = str(response.get("_error") or entry.get("_error") or response.get("statusText") or "")
        outcome = Outcome.NOT_REACHED if _NO_CONNECTION.search(said) else Outcome.UNANSWERED
        return {"outcome": outcome.value, "detail": said or "no response was recorded"}
    content, headers = _mapping(response.get("content")), _headers(response)
    text = content.get("text")
    if not isinstance(text, str):
        if content.get("size") in (0, None, -1) and status != 200:
            return {"outcome": Outcome.UNANSWERED.value, "detail": f"HTTP {status} without a body"}
        return None
    kind = str(content.get("mimeType") or headers.get("content-type") or "")
    try:
        body = _bytes(text, str(content.get("encoding") or ""))
    except NotUsable:
        return None
    try:
        heard = hear_response(envelope_in(body, kind, headers.get("content-encoding")))
    except BodyUnreadable as why:
        return {"outcome": Outcome.UNANSWERED.value, "detail": f"HTTP {status}: {why.en}"}
    if heard["outcome"] == Outcome.UNANSWERED.value:
        heard["detail"] = f"HTTP {status}: {heard['detail']}"
    return heard


def _bytes(text: str, encoding: str) -> bytes:
    """The bytes that a recorder kept as text."""
    if encoding.lower() == "base64":
        return _from_base64(text)
    if not text.lstrip("\ufeff \t\r\n").startswith(("<", "--")) and _BASE64.fullmatch(text):
        # Some keep bytes in base64 without saying so.
        try:
            decoded = base64.b64decode(text)
        except ValueError:
            decoded = b""
        if decoded.startswith(_OPENINGS):
            return decoded
    return _as_sent(text)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        raise NotUsable("正文不是有效的 base64", "the body is not valid base64") from None


def _as_sent(text: str) -> bytes:
    """Text as bytes; where a recorder took the bytes for Latin-1, the bytes that it took."""
    if not text.isascii():
        for taken_for in ("latin-1", "cp1252"):
            try:
                return _plausible(text.encode(taken_for))
            except (UnicodeEncodeError, UnicodeDecodeError):
                continue
    # A recorder that could not decode a byte may have kept it as half of a surrogate pair.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _plausible(data: bytes) -> bytes:
    """The bytes, if they are text in a character set that Chinese is written in; raises `UnicodeDecodeError`."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        data.decode("gb18030")
    return data


def _moment_if_any(entry: Any) -> datetime | None:
    try:
        return in_shanghai(datetime.fromisoformat(str(_mapping(entry).get("startedDateTime"))))
    except ValueError:
        return None


def _duration(entry: Mapping[str, Any]) -> timedelta:
    total = entry.get("time")
    if not _is_span(total):
        total = sum(span for span in _mapping(entry.get("timings")).values() if _is_span(span))
    return timedelta(milliseconds=float(total or 0))


def _is_span(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value < 86_400_000


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _headers(part: Mapping[str, Any]) -> dict[str, str]:
    listed = part.get("headers")
    pairs = [_mapping(item) for item in listed] if isinstance(listed, Sequence) else []
    return {str(pair.get("name", "")).lower(): str(pair.get("value", "")) for pair in pairs}
