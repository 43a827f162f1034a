"""Sentences of the page in both languages, of which one is shown."""

from html import escape

from conformance.checks.result import Text


def both(zh: str, en: str) -> str:
    """A sentence in both languages."""
    if zh == en:
        return escape(zh)
    return f"<span class=zh>{escape(zh)}</span><span class=en>{escape(en)}</span>"


def said(text: Text) -> str:
    """A text of the suite in both languages."""
    return both(text.zh, text.en)
