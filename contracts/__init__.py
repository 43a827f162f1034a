"""The contract as vendors receive it: WSDL 1.1 and XML Schema of both sides, and sample envelopes.

The files are kept by hand and are the truth; code that reads the wire compiles them, and tests hold
the vocabulary and the simulators' own WSDL against them.
"""

from pathlib import Path

#: The contract's files: what both sides share, then each side's messages and its service.
NAMES: tuple[str, ...] = ("exchange.xsd", "grid.xsd", "urban.xsd", "grid.wsdl", "urban.wsdl")

_HERE = Path(__file__).parent

#: Where the sample envelopes are.
SAMPLES: Path = _HERE / "samples"


def path(name: str) -> Path:
    """Where the contract file called `name` is; `KeyError` for a name that is none of the contract's."""
    if name not in NAMES:
        raise KeyError(name)
    return _HERE / name
