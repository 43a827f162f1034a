"""A tiny urban platform that answers queries and says its WSDL, and does one of the two as a test wants it."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import contracts

PAGE = (contracts.SAMPLES / "urban-QueryCasesResponse.xml").read_bytes()
REFUSED = (contracts.SAMPLES / "urban-fault-client.xml").read_bytes()
EMPTY = PAGE[: PAGE.index(b"<urban:cases>")] + PAGE[PAGE.index(b"<urban:nextCursor>") :]

#: Status, content type and body.
Said = tuple[int, str, bytes]


def xml(body: bytes, status: int = 200) -> Said:
    return status, "text/xml; charset=utf-8", body


@dataclass
class Fake:
    """What the system answers; a test changes what it is about."""

    #: The passwords that are let in; None for any.
    password: str | None = "grid-demo"
    wsdl: Said | None = None
    #: Answers a query, from its bytes, after the password was found right.
    query: Callable[[bytes], Said] = lambda body: xml(EMPTY)
    #: The Date header; None for none.
    date: Callable[[], datetime] | None = None
    #: What the control API says, by method and path; 404 for what is not here.
    control: Mapping[str, Any] = field(default_factory=lambda: {"GET /asks/case": {"unknown": True}})
    address: str = ""
    asked: list[bytes] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> Said:
        path, _, query = path.partition("?")
        if path == "/soap" and method == "GET":
            return self.wsdl or _contract(query)
        if path == "/soap":
            self.asked.append(body)
            text = body.decode("latin-1")
            # Passwords travel as text here, so that nothing has to be computed.
            right = self.password is None or f">{self.password}</wsse:Password>" in text
            return self.query(body) if right else xml(REFUSED, 500)
        said = self.control.get(f"{method} {path}")
        if callable(said):
            said = said()
        return (404, "text/plain", b"") if said is None else (200, "application/json", json.dumps(said).encode())


def _contract(query: str) -> Said:
    name = query.removeprefix("xsd=") if query.startswith("xsd=") else "urban.wsdl"
    text = contracts.path(name).read_bytes()
    for part in contracts.NAMES:
        text = text.replace(f'schemaLocation="{part}"'.encode(), f'schemaLocation="?xsd={part}"'.encode())
    return xml(text)


@contextmanager
def running(fake: Fake) -> Iterator[Fake]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            status, kind, body = fake.answer(self.command, self.path, self.rfile.read(length))
            self.send_response_only(status)
            if fake.date is not None:
                self.send_header("Date", format_datetime(fake.date(), usegmt=False))
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 - the names that the library calls

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    fake.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
