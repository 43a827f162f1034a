"""The SOAP client: brings a message to a platform and tells how the call ended.

What counts is whether the message may have had an effect over there. Only a connection that was never made proves that
it did not; once bytes are on their way, silence, a cut and an unreadable answer all leave it open (RCPT-5).
"""

import secrets
import ssl
from typing import NamedTuple

from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from bridge.transports.clock import Clock
from bridge.transports.patience import patient_pools, time_limit
from bridge.transports.tls import client_context
from bridge.vocabulary.calls import Answered, Ending, Faulted, Message, NotReached, Unanswered
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PasswordType, PlatformProfile, Profile
from bridge.wire import Token, build_request, operation_of, parse_response, soap_action, without_credentials

#: Seconds to wait for a connection. How long a whole answer may take is the profile's to say.
CONNECT_SECONDS = 5.0

#: An answer to anything but a query holds one receipt or fault.
SMALL_ANSWER_BYTES = 1024 * 1024
#: A page may hold two hundred cases with their photos.
PAGE_BYTES = 256 * 1024 * 1024

#: So much of an answer is read at a time.
_PIECE_BYTES = 64 * 1024

_HEADERS = {"User-Agent": "duijie-bridge", "Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}


class Delivered(NamedTuple):
    """How a call ended, and the envelopes that went each way, passwords blanked."""

    ending: Ending
    sent: bytes
    answer: bytes | None


def _context(profile: Profile) -> ssl.SSLContext:
    """Whom calls trust. Where nobody is called over TLS it is nobody: reading all authorities of the machine takes a while."""
    called = (profile.grid.endpoint, profile.urban.endpoint)
    if profile.bridge.tls is None and not any(address.lower().startswith("https:") for address in called):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return client_context(profile.bridge.tls)


class PlatformClient:
    """Calls both platforms on behalf of the other one; used by several threads, connections are kept and used again."""

    def __init__(
        self,
        profile: Profile,
        clock: Clock,
        *,
        connections: int = 16,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float | None = None,
    ):
        self._profile = profile
        self._clock = clock
        seconds = profile.delivery.answer_timeout_seconds if answer_seconds is None else answer_seconds
        self._answer_seconds = seconds
        self._pools = patient_pools(
            ssl_context=_context(profile),
            maxsize=connections,
            timeout=Timeout(connect=connect_seconds, read=seconds),
            # What is tried again, and whether, is the delivery's to decide.
            retries=False,
        )

    def deliver(self, to: Side, message: Message) -> Delivered:
        """Bring `message` to the platform on `to`."""
        operation = operation_of(message)
        # We stand in the other platform's place, hence call with its account.
        envelope = build_request(message, to, self._token(self._profile.platform(to.other)))
        action = f'"{soap_action(to, operation)}"'
        ending, answer = self._call(to, operation, envelope, action)
        return Delivered(ending, without_credentials(envelope), answer)

    def _call(self, to: Side, operation: Operation, envelope: bytes, action: str) -> tuple[Ending, bytes | None]:
        url = self._profile.platform(to).endpoint
        limit = PAGE_BYTES if operation is Operation.QUERY_CASES else SMALL_ANSWER_BYTES
        received = bytearray()
        with time_limit(self._answer_seconds) as call:
            try:
                response = self._pools.urlopen(
                    "POST",
                    url,
                    body=envelope,
                    headers={**_HEADERS, "SOAPAction": action},
                    redirect=False,
                    preload_content=False,
                )
                try:
                    while piece := response.read(_PIECE_BYTES, decode_content=True):
                        received += piece
                        if len(received) > limit:
                            return Unanswered(detail=f"HTTP {response.status}: the answer is too long"), None
                finally:
                    # What was read to its end has given its connection back; any other is closed with it.
                    response.close()
            except (HTTPError, OSError) as error:
                if not call.connected or _certificate_refused(error):
                    return NotReached(detail=_said(error)), None
                return Unanswered(detail=_said(error)), bytes(received) or None
        answer = bytes(received)
        ending: Answered | Faulted | Unanswered = parse_response(
            answer, response.headers.get("Content-Type"), response.status, to, operation
        )
        return ending, answer

    def _token(self, account: PlatformProfile) -> Token:
        if account.password_type is PasswordType.TEXT:
            return Token.with_text(account.username, account.password)
        return Token.with_digest(
            account.username, account.password, nonce=secrets.token_bytes(16), created_at=self._clock.now()
        )

    def close(self) -> None:
        """Let the connections go."""
        self._pools.clear()


#: By these words the far end ends a handshake over our certificate, which under TLS 1.3 shows only when its answer is read. Nothing
#: of the message has been looked at then.
_CERTIFICATE_ALERTS = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
)


def _certificate_refused(error: Exception) -> bool:
    said = str(error).upper().replace(" ", "_")
    return any(words in said for words in _CERTIFICATE_ALERTS)


def _said(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
