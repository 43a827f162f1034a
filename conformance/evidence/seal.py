"""Who vouches for a bundle: an Ed25519 signature over the bytes of its manifest.

The signature file names the key that made it, so that anybody sees whether the bundle is whole; whose key that is, only who knows it can say:
give the public key to `verify`. Without a key a bundle is unsigned, and its hashes show damage and careless changes, not a forger.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"


class SealImpossible(Exception):
    """A key cannot be used, or the library is missing; one sentence in each language says why."""

    def __init__(self, zh: str, en: str):
        self.zh, self.en = zh, en
        super().__init__(en)


@dataclass(frozen=True, slots=True)
class Seal:
    """What a signature file says."""

    public_key: bytes
    signature: bytes

    @property
    def fingerprint(self) -> str:
        """By which people compare keys over the telephone."""
        return fingerprint(self.public_key)


def fingerprint(public_key: bytes) -> str:
    """Sixteen groups of four: SHA-256 of the raw public key."""
    digest = sha256(public_key).hexdigest()
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def new_keys(password: bytes | None) -> tuple[bytes, bytes]:
    """A fresh private key, encrypted where there is a password, and its public key, both as PEM."""
    _needed()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    )
    return (
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption),
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def private_key(pem: bytes, password: bytes | None) -> "Ed25519PrivateKey":
    """The key in a PEM file; raises `SealImpossible`."""
    _needed()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password)
    except TypeError:
        if password is None:
            raise SealImpossible(
                "私钥已加密,须给出口令", "the private key is encrypted; its password is needed"
            ) from None
        # A password for a key that needs none does no harm.
        return private_key(pem, None)
    except (ValueError, UnsupportedAlgorithm):
        raise SealImpossible(
            "不是可用的 PEM 私钥,或口令不对", "it is no usable private key in PEM, or the password is wrong"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SealImpossible("私钥不是 Ed25519", "the private key is not of Ed25519")
    return key


def public_key(pem: bytes) -> "Ed25519PublicKey":
    """The public key in a PEM file; raises `SealImpossible`."""
    _needed()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise SealImpossible("不是可用的 PEM 公钥", "it is no usable public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SealImpossible("公钥不是 Ed25519", "the public key is not of Ed25519")
    return key


def signature_file(manifest: bytes, key: "Ed25519PrivateKey") -> bytes:
    """The signature over a manifest, with the key that made it."""
    said = {
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "signature": base64.b64encode(key.sign(manifest)).decode(),
    }
    return (json.dumps(said, indent=1) + "\n").encode()


def read_seal(data: bytes) -> Seal | None:
    """What a signature file says; None when it is none."""
    try:
        said = json.loads(data)
        if said["algorithm"] != ALGORITHM:
            return None
        return Seal(*(base64.b64decode(said[name], validate=True) for name in ("public_key", "signature")))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None


def is_genuine(seal: Seal, manifest: bytes) -> bool:
    """Whether the key that the seal names made it, over just these bytes."""
    _needed()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(seal.public_key).verify(seal.signature, manifest)
    except (InvalidSignature, ValueError):
        return False
    return True


def _needed() -> None:
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ImportError:
        raise SealImpossible(
            "签名需要 cryptography:pip install 'duijie[signing]'",
            "signatures need the package cryptography: pip install 'duijie[signing]'",
        ) from None
