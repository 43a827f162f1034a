"""TLS for the bridge's own service and for its calls, from the files that the profile names.

    TlsUnusable     ours to put right: a file is missing, cannot be read, is no PEM, or key and certificate do not belong together

A served connection is the plain server's channel with TLS under it, so what is measured and bounded there stays so: chunked
requests, weight, number of connections, the orderly end. The handshake is made by the server's one loop, a step whenever the
caller sends something; a caller who sends nothing costs a connection for as long as an idle one does, and holds nobody up.
"""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from bridge.vocabulary.profile import Tls

#: Where the names in a caller's certificate stand for the application; absent where none is asked for.
PEER_NAMES = "duijie.peer_names"

#: The greatest TLS record; read at once, nothing of it stays behind where no loop would look.
RECORD_BYTES = 16384

#: The first byte of every TLS connection.
_HANDSHAKE = b"\x16"

_log = logging.getLogger("duijie.bridge")


class TlsUnusable(Exception):
    """Certificates or keys cannot be used; one sentence in each language says why."""

    def __init__(self, message_zh: str, message_en: str):
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{message_zh} / {message_en}")


def server_context(tls: Tls | None) -> ssl.SSLContext | None:
    """What the service shows and asks for; None where it speaks plain HTTP. Raises `TlsUnusable`."""
    if tls is None or tls.certificate is None or tls.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, tls.certificate, tls.key)
    if tls.client_authorities is not None:
        _load_authorities(context, tls.client_authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(tls: Tls | None) -> ssl.SSLContext:
    """What calls show and whom they trust; host names are always checked. Raises `TlsUnusable`."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls is None:
        return context
    if tls.authorities is not None:
        # These and no others: whom the machine trusts besides is nobody's choice.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_authorities(context, tls.authorities)
    if tls.client_certificate is not None and tls.client_key is not None:
        _load_chain(context, tls.client_certificate, tls.client_key)
    return context


def names_in(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The names that a certificate is known by: subject CN, and DNS and URI alternative names."""
    names = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return frozenset(names | {value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI")})


def _load_chain(context: ssl.SSLContext, certificate: str, key: str) -> None:
    _readable(certificate)
    if b"ENCRYPTED" in _readable(key):
        raise TlsUnusable(
            f"私钥 {key} 已加密;请提供未加密的私钥,并以文件权限保护",
            f"the key {key} is encrypted; give one that is not, and guard it by file permissions",
        )
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsUnusable(
                f"私钥 {key} 与证书 {certificate} 不配套",
                f"the key {key} does not belong to the certificate {certificate}",
            ) from None
        raise TlsUnusable(
            f"证书 {certificate} 或私钥 {key} 不是可用的 PEM 文件",
            f"the certificate {certificate} or the key {key} is no PEM file that can be used",
        ) from None


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    _readable(path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise TlsUnusable(
            f"签发机构文件 {path} 中没有可用的 PEM 证书", f"the file of authorities {path} holds no PEM certificate"
        ) from None


def _readable(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise TlsUnusable(
            f"无法读取文件 {path}:{error.strerror}", f"the file {path} cannot be read: {error.strerror}"
        ) from None


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.channel.peer_names is not None:
            environ[PEER_NAMES] = self.channel.peer_names
        return environ


def tls_channel(base: type[HTTPChannel], context: ssl.SSLContext, plain: Callable[[], bytes]) -> type[Any]:
    """The channel class `base` with TLS under it; `plain` is the whole answer for a caller that speaks HTTP without TLS."""

    class Channel(base):  # type: ignore[misc]
        task_class = _Task
        socket: Any

        def __init__(self, *given: Any, **named: Any):
            super().__init__(*given, **named)
            self.peer_names: frozenset[str] | None = None
            self._shaken = False
            #: True once a caller was told that he does not get in: what he sent meanwhile is read and dropped, because a
            #: connection that is closed over unread bytes takes the words with it.
            self._told_off = False
            self._wants_write = False
            #: The loop reads while a thread of the application writes, and one TLS connection is not made for both at once.
            self._tls = threading.Lock()

        # The handshake

        def readable(self) -> bool:
            return not (self.will_close or self._wants_write) if not self._shaken else bool(super().readable())

        def writable(self) -> bool:
            return bool(self._wants_write or self.will_close) if not self._shaken else bool(super().writable())

        def handle_write(self) -> None:
            if self._shaken:
                super().handle_write()
            elif self.will_close:
                self.handle_close()
            else:
                self._shake()

        def _shake(self) -> None:
            try:
                if not isinstance(self.socket, ssl.SSLSocket) and not self._wrapped():
                    return
                self._wants_write = False
                self.socket.do_handshake()
            except ssl.SSLWantReadError:
                return
            except ssl.SSLWantWriteError:
                self._wants_write = True
                return
            except (OSError, ValueError) as error:
                self._tell_off(_why(error))
                return
            self._shaken = True
            self.last_activity = time.time()
            if context.verify_mode is ssl.CERT_REQUIRED:
                self.peer_names = names_in(self.socket.getpeercert() or {})

        def _wrapped(self) -> bool:
            """Put TLS on the connection; False when what comes is no TLS, and was answered so."""
            first = self.socket.recv(1, socket.MSG_PEEK)
            if first == _HANDSHAKE:
                self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
                return True
            if first:
                self.socket.send(plain())
                self._tell_off("plain HTTP")
            else:
                self.handle_close()
            return False

        def _tell_off(self, why: str) -> None:
            _log.warning("tls.refused", extra={"fields": {"reason": why}})
            self._told_off = True
            self._wants_write = False
            try:
                socket.socket.shutdown(self.socket, socket.SHUT_WR)
            except OSError:
                self.handle_close()

        def _hear_out(self) -> None:
            try:
                # The bytes as they are, without TLS.
                heard = socket.socket.recv(self.socket, RECORD_BYTES)
            except BlockingIOError:
                return
            except OSError:
                heard = b""
            if not heard:
                self.handle_close()

        # What is inside

        def handle_read(self) -> None:
            if self._told_off:
                self._hear_out()
                return
            if not self._shaken:
                self._shake()
                return
            try:
                with self._tls:
                    data = self.socket.recv(RECORD_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                data = b""
            if data:
                self.last_activity = time.time()
                self.received(data)
            else:
                self.handle_close()

        def send(self, data: bytes, do_close: bool = True) -> int:
            try:
                with self._tls:
                    return int(self.socket.send(data))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return 0
            except OSError:
                if do_close:
                    self.handle_close()
                return 0

    return Channel


def _why(error: Exception) -> str:
    """What OpenSSL says of a failed handshake: words of the protocol, nothing of the message."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return getattr(error, "reason", None) or type(error).__name__
