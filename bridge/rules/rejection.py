"""How often a case may be rejected, and what the next rejection leads to (INT-7, INT-8)."""

from bridge.vocabulary.profile import Choices


def is_within_limit(ordinal: int, choices: Choices) -> bool:
    """True when this rejection leads back to disposal; the first one beyond makes the filing overdue (INT-8)."""
    return ordinal <= choices.max_rejections


def rejections_after_filing(rejections: int, choices: Choices) -> int:
    """Where the counter stands when a (new) filing begins."""
    return 0 if choices.counter_restarts_on_refiling else rejections
