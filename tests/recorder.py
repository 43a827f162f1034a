"""A recorder on a hop: an HTTP proxy on loopback that passes everything on unchanged and keeps what crossed, both ways, to the byte."""

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: More than a bridge holds a caller; a service that hangs ends the exchange with 502.
PATIENCE = 60.0
#: Belong to one connection and not to the message.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "host", "content-length", "accept-encoding"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response. Names of headers are in lower case."""

    hop: str
    method: str
    path: str
    request_headers: dict[str, str]
    request: bytes
    status: int
    response_headers: dict[str, str]
    response: bytes

    def __str__(self) -> str:
        return f"{self.hop}: {self.method} {self.path} → {self.status}"


class Recorder:
    """Listens on a port of its own in front of the service at `port`."""

    def __init__(self, hop: str, port: int):
        self.hop = hop
        self.exchanges: list[Exchange] = []
        recorder = self

        class Handler(_Handler):
            def take(self) -> None:
                body = self.body()
                sent = {name.lower(): value for name, value in self.headers.items()}
                status, headers, answer = _pass_on(port, self.command, self.path, dict(self.headers), body)
                recorder.exchanges.append(
                    Exchange(
                        hop=hop,
                        method=self.command,
                        path=self.path,
                        request_headers=sent,
                        request=body,
                        status=status,
                        response_headers={name.lower(): value for name, value in headers.items()},
                        response=answer,
                    )
                )
                self.answer(status, headers, answer)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def calls(self) -> list[Exchange]:
        """The SOAP exchanges among what crossed."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _pass_on(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        connection.request(method, path, body or None, kept)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    except (OSError, http.client.HTTPException):
        return 502, {"Content-Type": "text/plain"}, b"the service is not there"
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def take(self) -> None:
        raise NotImplementedError

    def do_POST(self) -> None:
        self.take()

    def do_GET(self) -> None:
        self.take()

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: the exchanges are the record."""
