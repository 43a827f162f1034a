"""One exchange that was listened to: a request of ours and what became of it, from whatever recorder it comes."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from conformance.observe.body import BodyUnreadable, envelope_in
from conformance.observe.soap import Heard, hear_request
from conformance.oracle.trace import Record

#: How the names of the contract begin.
_OURS = "urn:duijie:"


class NotUsable(Exception):
    """Something is ours and cannot be used; one sentence in each language says why."""

    def __init__(self, zh: str, en: str):
        self.zh = zh
        self.en = en
        super().__init__(en)


def hear(body: bytes, content_type: str, content_encoding: str, *, soap_action: str, meant: bool) -> Heard | None:
    """What a posted body says; None when it is none of ours. Raises `NotUsable`.

    `meant` says that it came to an address of the exchange and nothing else, so that what cannot be read was meant for us too.
    """
    meant = meant or _OURS in soap_action
    try:
        envelope = envelope_in(body, content_type, content_encoding)
    except BodyUnreadable as why:
        if meant or _OURS.encode() in body:
            raise NotUsable(f"请求正文无法读取:{why.zh}", f"the request's body cannot be read: {why.en}") from None
        return None
    heard = hear_request(envelope)
    if heard is None and (meant or _OURS.encode() in envelope):
        raise NotUsable(
            "请求不是对接契约的 SOAP 1.1 报文", "the request is no SOAP 1.1 message in the contract's terms"
        )
    return heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request of the exchange and how it ended."""

    #: The file that it was read from, and its place in it: index of the entry, from 0.
    file: str
    entry: int
    began_at: datetime
    #: None when nobody recorded that it ended.
    ended_at: datetime | None
    #: Where the request went.
    url: str
    heard: Heard
    answer: Record | None


@dataclass(frozen=True, slots=True)
class Broken:
    """Something of ours that cannot be read: where it stands, and why."""

    file: str
    #: Index of the entry from 0, or number of the line from 1.
    entry: int
    zh: str
    en: str
    #: When it passed, where that is known.
    at: datetime | None = None
    #: True when only the answer is missing; the request stands in the trace.
    only_the_answer: bool = False


@dataclass(slots=True)
class Gathered:
    """What a file holds."""

    path: Path
    exchanges: list[Exchange] = field(default_factory=list)
    #: How many of its calls are none of ours.
    not_ours: int = 0
    broken: list[Broken] = field(default_factory=list)
