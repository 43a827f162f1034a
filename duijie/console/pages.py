"""What every module of pages is given: the means to ask the parties, and to make a page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.vocabulary.parties import Party
from conformance.scenario.wording import Wording
from duijie.console.shown import Shown
from duijie.console_text import Language


class MakePage(Protocol):
    """Renders a template with what all pages share."""

    def __call__(self, template: str, **values: Any) -> str:
        """The page."""


class AskParty(Protocol):
    """Asks a party; None where it has no answer."""

    def __call__(self, party: Party, question: str, **params: Any) -> Any:
        """The answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """One console."""

    shown: Shown
    page: MakePage
    ask: AskParty
    said: Callable[[], Wording]
    language: Callable[[], Language]


#: A sentence about what was not done: its code, Chinese, English.
Trouble = tuple[str, str, str]
