"""The bridge's errors, one tree.

BridgeError
├── MessageRefused      theirs: the message cannot be taken; carries one Fault per fault found
├── CursorInvalid       theirs: a query cursor that this side never gave
├── OperatorMistake     theirs: an operator's act that does not fit the delivery's state
└── StoreUnavailable    ours: the store did not commit; the sender is told to repeat
"""

from collections.abc import Sequence

from bridge.vocabulary.messages import Fault


class BridgeError(Exception):
    """Anything the bridge raises on purpose."""


class MessageRefused(BridgeError):
    """A message that cannot become a form or receipt; `faults` holds everything wrong with it, the worst first."""

    def __init__(self, faults: Sequence[Fault]):
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{f.code} {f.field or ''}: {f.message_en}" for f in self.faults))


class CursorInvalid(BridgeError):
    """A query cursor that this side never gave."""

    def __init__(self, cursor: str):
        self.cursor = cursor
        super().__init__(f"unknown cursor {cursor!r}")


class OperatorMistake(BridgeError):
    """An operator's act that does not fit the state of the delivery."""


class StoreUnavailable(BridgeError):
    """The store did not commit; nothing of the input is kept."""
