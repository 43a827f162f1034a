"""TLS for a simulated platform: a small ending of TLS in front of its server, and what its client shows and asks for.

    caller ──TLS──► one thread per connection ──a pair of sockets──► the HTTP server, as without TLS

The server gets what is inside a connection together with the address and the names of whoever made it.
"""

import logging
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bridge.vocabulary.profile import Tls

log = logging.getLogger(__name__)

#: Seconds for a handshake, and for a connection on which nothing moves.
HANDSHAKE_SECONDS = 10.0
IDLE_SECONDS = 60.0
#: Seconds for a caller to read why his handshake failed.
HEARING_SECONDS = 2.0
#: Connections at one time; more wait.
CONNECTIONS_MAX = 200
_PIECE = 65536

_PLAIN = (
    b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade, close\r\n"
    b"Content-Type: text/xml; charset=utf-8\r\n"
)


class TlsFilesUnusable(Exception):
    """A certificate or key cannot be used, and why."""

    def __init__(self, zh: str, en: str):
        self.message_zh = zh
        self.message_en = en
        super().__init__(en)


def serving(tls: Tls | None) -> ssl.SSLContext | None:
    """Make the context of a service; None where it speaks plain HTTP."""
    if tls is None or not tls.certificate or not tls.key:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _pair(context, tls.certificate, tls.key)
    if tls.client_authorities:
        _authorities(context, tls.client_authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def check_calling(tls: Tls | None) -> None:
    """Look at the files of a client, so that what is wrong with them is said at the start and not at the first call."""
    if tls is not None:
        calling(tls)


def calling(tls: Tls) -> ssl.SSLContext:
    """Make the context of a client: whom it trusts, where authorities are named these alone, and what it shows. Raises `TlsFilesUnusable`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if tls.authorities else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.authorities:
        _authorities(context, tls.authorities)
    if tls.client_certificate and tls.client_key:
        _pair(context, tls.client_certificate, tls.client_key)
    return context


def _pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    for path in (certificate, key):
        _there(path)
    if "ENCRYPTED" in Path(key).read_text(encoding="latin-1"):
        raise TlsFilesUnusable(f"私钥 {key} 已加密,无法使用。", f"The key {key} is encrypted and cannot be used.")
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise TlsFilesUnusable(
            f"证书 {certificate} 与私钥 {key} 不可用或不配套({error.reason})。",
            f"The certificate {certificate} and the key {key} are of no use together ({error.reason}).",
        ) from None


def _authorities(context: ssl.SSLContext, path: str) -> None:
    _there(path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise TlsFilesUnusable(f"{path} 中没有证书。", f"There is no certificate in {path}.") from None


def _there(path: str) -> None:
    try:
        Path(path).read_bytes()
    except OSError as error:
        raise TlsFilesUnusable(
            f"无法读取 {path}({error.strerror})。", f"{path} cannot be read ({error.strerror})."
        ) from None


#: Takes one end of a pair of sockets, the caller's address, and the names in his certificate if one was asked for.
HandOver = Callable[[socket.socket, Any, frozenset[str] | None], None]


class TlsEnding:
    """Takes connections from a port that is open already until `close`."""

    def __init__(self, opened: socket.socket, context: ssl.SSLContext, hand_over: HandOver, plain_body: bytes):
        self._opened = opened
        self._context = context
        self._hand_over = hand_over
        self._plain = _PLAIN + f"Content-Length: {len(plain_body)}\r\n\r\n".encode() + plain_body
        self._room = threading.Semaphore(CONNECTIONS_MAX)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True, name="tls")
        self._thread.start()

    def close(self) -> None:
        """Take no more connections; those that are open end with the server behind."""
        self._closing.set()
        self._thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            ready, _, _ = select.select([self._opened], [], [], 0.2)
            if not ready or not self._room.acquire(timeout=0.2):
                continue
            try:
                connection, address = self._opened.accept()
            except OSError:
                self._room.release()
                continue
            threading.Thread(target=self._serve, args=(connection, address), daemon=True, name="tls-connection").start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        try:
            connection.settimeout(HANDSHAKE_SECONDS)
            if connection.recv(1, socket.MSG_PEEK) != b"\x16":
                log.warning("a call without TLS was turned away")
                connection.recv(_PIECE)
                connection.sendall(self._plain)
                return
            with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as inside:
                try:
                    inside.do_handshake()
                except ssl.SSLError as error:
                    log.warning("a TLS connection was refused: %s", getattr(error, "verify_message", error.reason))
                    _hear_out(inside)
                    return
                names = _names(inside) if self._context.verify_mode is ssl.CERT_REQUIRED else None
                ours, theirs = socket.socketpair()
                self._hand_over(theirs, address, names)
                with ours:
                    _carry(inside, ours)
        except OSError:
            # The caller is gone, says nothing, or breaks off.
            pass
        finally:
            connection.close()
            self._room.release()


def _hear_out(inside: ssl.SSLSocket) -> None:
    """Wait until a caller who was told why has read it: a connection closed over what he sent meanwhile takes the words with it."""
    with socket.socket(fileno=inside.detach()) as plain, suppress(OSError):
        plain.settimeout(HEARING_SECONDS)
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(_PIECE):
            pass


def _names(inside: ssl.SSLSocket) -> frozenset[str]:
    certificate: Any = inside.getpeercert() or {}
    alternative = {value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI")}
    subject = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return frozenset(alternative | subject)


def _carry(inside: ssl.SSLSocket, server: socket.socket) -> None:
    """Carry bytes both ways until one end is done."""
    server.settimeout(IDLE_SECONDS)
    while True:
        ready = [inside] if inside.pending() else select.select([inside, server], [], [], IDLE_SECONDS)[0]
        if not ready:
            return
        if inside in ready:
            inside.settimeout(0)
            with suppress(ssl.SSLWantReadError):
                piece = inside.recv(_PIECE)
                if not piece:
                    return
                server.sendall(piece)
        if server in ready:
            piece = server.recv(_PIECE)
            if not piece:
                return
            inside.settimeout(IDLE_SECONDS)
            inside.sendall(piece)
