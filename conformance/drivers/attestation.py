"""What a person said of a system under test, kept for whoever reads the report."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a person was asked for, and said."""

    asked: str
    said: str
    at: datetime
    #: Who said it; empty when nobody gave a name.
    by: str = ""
