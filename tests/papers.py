"""Certificates for tests, made anew by authorities of a made-up city."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from bridge.vocabulary.profile import Tls


class Papers:
    """Certificates of a made-up city, as files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.authority = trustme.CA()
        self.other_authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.other_authority.cert_pem.write_to_path(folder / "other-ca.pem")

    def of(
        self, name: str, *, authority: trustme.CA | None = None, not_after: datetime | None = None
    ) -> tuple[str, str]:
        """Certificate and key of somebody."""
        issued = (authority or self.authority).issue_cert(name, common_name=name, not_after=not_after)
        stem = f"{name}-{id(issued)}"
        certificate, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        for index, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(certificate, append=index > 0)
        issued.private_key_pem.write_to_path(key)
        return str(certificate), str(key)

    def tls(self, name: str, **changes: Any) -> Tls:
        """A party's section of the profile: it serves and calls by one certificate, and trusts the city's authority."""
        certificate, key = self.of(name)
        authority = str(self.folder / "ca.pem")
        told = Tls(
            certificate=certificate,
            key=key,
            client_authorities=authority,
            authorities=authority,
            client_certificate=certificate,
            client_key=key,
        )
        return replace(told, **changes)

    def showing(self, pair: tuple[str, str]) -> Tls:
        """A section whose caller shows this certificate, of whoever it may be."""
        return self.tls("x", client_certificate=pair[0], client_key=pair[1])

    def expired(self, name: str) -> tuple[str, str]:
        """A certificate of yesterday."""
        return self.of(name, not_after=datetime.now(UTC) - timedelta(days=1))

    def of_strangers(self, name: str) -> tuple[str, str]:
        """A certificate with this name from an authority that nobody trusts."""
        return self.of(name, authority=self.other_authority)
