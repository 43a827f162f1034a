"""WS-Security UsernameToken 1.0: who calls, with a password as text or as digest.

Only the value; whether the account is known, and whether a digest is fresh and not replayed, is for the endpoint,
which has the clock and the memory for that.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bridge.vocabulary.profile import PasswordType


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A UsernameToken as it stands in the message."""

    username: str
    #: The password itself, or the digest in base64.
    password: str = field(repr=False)
    password_type: PasswordType
    #: Decoded; always there with a digest.
    nonce: bytes | None = field(default=None, repr=False)
    #: Exactly the text that stands in the message, because the digest covers it; always there with a digest.
    created: str | None = None
    #: When the Security header's Timestamp says that the message expires, if it has one.
    expires: str | None = None

    @classmethod
    def with_text(cls, username: str, password: str) -> "Token":
        """A token that shows the password; for links that are protected otherwise."""
        return cls(username=username, password=password, password_type=PasswordType.TEXT)

    @classmethod
    def with_digest(cls, username: str, password: str, *, nonce: bytes, created_at: datetime) -> "Token":
        """A token that proves knowledge of the password; `nonce` is fresh for every message."""
        created = created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return cls(
            username=username,
            password=_digest(password, nonce, created),
            password_type=PasswordType.DIGEST,
            nonce=nonce,
            created=created,
        )

    def matches(self, password: str) -> bool:
        """Tell whether the token was made with this password; takes the same time either way."""
        if self.password_type is PasswordType.TEXT:
            expected = password
        elif self.nonce is None or self.created is None:
            return False
        else:
            expected = _digest(password, self.nonce, self.created)
        return hmac.compare_digest(expected.encode(), self.password.encode())

    @property
    def created_at(self) -> datetime | None:
        """When the token says it was made; None when it says nothing readable. Without a zone it is UTC, as the standard has it."""
        return _moment(self.created)

    @property
    def expires_at(self) -> datetime | None:
        """When the message says it expires; None when it says nothing readable."""
        return _moment(self.expires)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat((text or "").strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _digest(password: str, nonce: bytes, created: str) -> str:
    # SHA-1 is what the UsernameToken profile prescribes; the nonce and the moment are part of what it covers.
    return base64.b64encode(
        hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    ).decode()
