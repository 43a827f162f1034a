"""Looking at a system from outside before it is judged: addresses, services, certificates. What the answers mean stands in `conformance.doctor`."""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import PlatformProfile, Profile, Tls
from bridge.vocabulary.times import SHANGHAI
from conformance.doctor.answers import Answer
from conformance.drivers.control import PLAIN_HTTP_ALONE
from duijie.console_text import reason

#: Seconds that a connection, and then an answer, may take; a system that is slower than this before it has anything to do is not ready.
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
#: The most that is read of one answer.
_BYTES_MAX = 64 * 1024 * 1024


class NotReached(Exception):
    """Nobody answers; one sentence in each language says why."""

    def __init__(self, zh: str, en: str):
        self.zh = zh
        self.en = en
        super().__init__(en)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One SOAP service of the system, and as whom the suite calls it."""

    address: str
    #: Whose contract it keeps.
    serves: Side
    caller: PlatformProfile
    recipient: str


@dataclass(frozen=True, slots=True)
class Heard:
    """An HTTP answer and between which moments of our clock it was given."""

    answer: Answer
    headers: Mapping[str, str]
    before: datetime
    after: datetime


def faces(role: Party, profile: Profile) -> tuple[Face, ...]:
    """Where the suite calls the system: a platform has one service, a bridge one for each platform."""
    served = (Side.URBAN, Side.GRID) if role is Party.BRIDGE else (Side(role.value),)
    return tuple(
        Face(
            address=f"{profile.bridge.endpoint}/{side}" if role is Party.BRIDGE else profile.platform(side).endpoint,
            serves=side,
            caller=profile.platform(side.other),
            recipient=profile.platform(side).code,
        )
        for side in served
    )


def called_by(role: Party, profile: Profile) -> tuple[tuple[Side, str], ...]:
    """Where the system calls the suite: the other platform's address, or both platforms'."""
    others = tuple(Side) if role is Party.BRIDGE else (Side(role.value).other,)
    return tuple((side, profile.platform(side).endpoint) for side in others)


def host_and_port(address: str) -> tuple[str, int]:
    """Where an address leads."""
    parts = urlsplit(address)
    return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)


def listen_and_connect(addresses: tuple[str, ...], meanwhile: Callable[[str], None]) -> dict[str, NotReached]:
    """Listen at all the addresses at once, reach each from here, and let go; gives those at which it fails, and why.

    `meanwhile` is called with each address at which it works, while it does.
    """
    failed: dict[str, NotReached] = {}
    with _Listeners() as listeners:
        for address in addresses:
            try:
                listeners.open(address)
            except NotReached as problem:
                failed[address] = problem
        for address in addresses:
            if address not in failed:
                meanwhile(address)
    return failed


def connect(address: str) -> None:
    """Open a TCP connection and close it; raises `NotReached`."""
    host, port = host_and_port(address)
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except TimeoutError:
        raise NotReached(
            f"{host}:{port} 在 {CONNECT_SECONDS:g} 秒内没有应答",
            f"{host}:{port} does not answer in {CONNECT_SECONDS:g} s",
        ) from None
    except (OSError, UnicodeError) as error:
        zh, en = _why(error)
        raise NotReached(f"无法连接 {host}:{port}:{zh}", f"cannot connect to {host}:{port}: {en}") from None


class Caller:
    """Makes the calls of one face."""

    def __init__(self, face: Face):
        self.face = face
        # A proxy that is set for the machine is not meant for these calls.
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(verify=trusted(face)),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, address: str) -> Heard:
        """Ask for a document; raises `NotReached`."""
        return self._heard("GET", address)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Heard:
        """Call the service; raises `NotReached`."""
        return self._heard("POST", self.face.address, content=body, headers=dict(headers))

    def document(self, address: str) -> bytes | None:
        """A part of a description, from the very service that offers it and from nowhere else; None when it cannot be had."""
        own, asked = urlsplit(self.face.address), urlsplit(address)
        if (asked.scheme, asked.netloc) != (own.scheme, own.netloc):
            return None
        with suppress(NotReached):
            heard = self.get(address)
            if heard.answer.status == httpx.codes.OK:
                return heard.answer.body
        return None

    def _heard(self, method: str, address: str, **parts: object) -> Heard:
        before = datetime.now(SHANGHAI)
        body = bytearray()
        try:
            with self._http.stream(method, address, **parts) as response:  # type: ignore[arg-type]
                after = datetime.now(SHANGHAI)
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _BYTES_MAX:
                        break
        except httpx.TimeoutException:
            raise NotReached(
                f"{address} 在 {ANSWER_SECONDS:g} 秒内没有应答", f"{address} does not answer in {ANSWER_SECONDS:g} s"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = str(error) or type(error).__name__
            raise NotReached(f"{address} 没有 HTTP 应答:{told}", f"{address} gives no HTTP answer: {told}") from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status_code, headers.get("content-type", ""), bytes(body))
        return Heard(answer, headers, before, after)


def trusted(face: Face) -> ssl.SSLContext:
    """Whom the caller trusts and what it shows, from the profile; raises `NotReached` for files that cannot be used."""
    return calling(face.caller.tls) if face.address.startswith("https:") else PLAIN_HTTP_ALONE


def calling(tls: Tls | None) -> ssl.SSLContext:
    """Whom a party trusts that calls over TLS, and what it shows; raises `NotReached` for files that cannot be used."""
    named = [] if tls is None else [tls.authorities, tls.client_certificate, tls.client_key]
    try:
        context = ssl.create_default_context(cafile=None if tls is None else tls.authorities)
        if tls is not None and tls.client_certificate:
            context.load_cert_chain(tls.client_certificate, tls.client_key)
    except (OSError, ValueError) as error:
        files = ", ".join(name for name in named if name)
        zh, en = _why(error)
        raise NotReached(
            f"证书文件不可用({files}):{zh}", f"the certificate files cannot be used ({files}): {en}"
        ) from None
    return context


class _Listeners:
    """Sockets that listen until all have been tried."""

    def __init__(self) -> None:
        self._open: list[socket.socket] = []

    def __enter__(self) -> "_Listeners":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open:
            each.close()

    def open(self, address: str) -> None:
        host, port = host_and_port(address)
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = socket.socket(family, kind, protocol)
            self._open.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(1)
            listening.settimeout(CONNECT_SECONDS)
        except (OSError, UnicodeError) as error:
            zh, en = _why(error)
            raise NotReached(f"无法在 {host}:{port} 监听:{zh}", f"cannot listen at {host}:{port}: {en}") from None
        connect(address)
        try:
            line, _ = listening.accept()
            line.close()
        except OSError:
            raise NotReached(
                f"{host}:{port} 上的连接到了别处", f"a connection to {host}:{port} arrives somewhere else"
            ) from None


def _why(error: Exception) -> tuple[str, str]:
    return (reason(error, "zh"), reason(error, "en")) if isinstance(error, OSError) else (str(error), str(error))
