"""HTTP as old and careful clients speak it, byte by byte over a socket."""

import socket
from collections.abc import Callable

PATIENCE = 20.0

Framing = Callable[[bytes], list[bytes]]


def _head(version: str, *lines: str) -> bytes:
    common = ("Host: 127.0.0.1", "Content-Type: text/xml; charset=utf-8", "Connection: close", *lines)
    return "\r\n".join((f"POST {{path}} HTTP/{version}", *common, "", "")).encode()


def _chunked(body: bytes) -> list[bytes]:
    pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return [_head("1.1", "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n"]


#: What is sent: each piece but the first only after the server has said something.
FRAMINGS: dict[str, Framing] = {
    "HTTP/1.1": lambda body: [_head("1.1", f"Content-Length: {len(body)}") + body],
    "HTTP/1.0": lambda body: [_head("1.0", f"Content-Length: {len(body)}") + body],
    "chunked": _chunked,
    "Expect: 100-continue": lambda body: [_head("1.1", f"Content-Length: {len(body)}", "Expect: 100-continue"), body],
}


def call_over_socket(port: int, path: str, pieces: list[bytes]) -> tuple[int, bytes]:
    """Send a request and give status and body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        first, *others = pieces
        connection.sendall(first.replace(b"{path}", path.encode()))
        for piece in others:
            interim = connection.recv(65536)
            assert interim.startswith(b"HTTP/1.1 100 ")
            connection.sendall(piece)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body
