"""When a sending is repeated, and when to stop (RCPT-5)."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256


def gap_after(attempt: int, gaps_seconds: Sequence[int]) -> timedelta:
    """The pause between the end of sending number `attempt` (from 1) and the next one; the last gap repeats."""
    if not gaps_seconds:
        return timedelta(0)
    return timedelta(seconds=gaps_seconds[min(attempt, len(gaps_seconds)) - 1])


def spread(gap: timedelta, jitter: float, seed: int, message_id: str, attempt: int) -> timedelta:
    """The gap, made longer by up to the share `jitter`, so that many forms do not come back in one beat.

    Never shorter: what the profile says is the least. The same seed, form and attempt always give the same gap, in virtual time
    and live, before and after a restart.
    """
    if not jitter:
        return gap
    drawn = int.from_bytes(sha256(f"{seed} {message_id} {attempt}".encode()).digest()[:8]) / 2**64
    return gap + gap * (jitter * drawn)


def are_used_up(attempts: int, max_attempts: int) -> bool:
    """True when no further sending may begin without a person's decision."""
    return attempts >= max_attempts
