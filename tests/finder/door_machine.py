"""Who may come in: tokens are good for one message, and locks last as long as they should, over restarts too."""

from datetime import timedelta
from typing import ClassVar

import sample_forms as sample
from bench import Bridge, ShellMaker
from facts import holds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bridge.core.notices import Lock
from bridge.core.shell import open_shell
from bridge.vocabulary.parties import Side

ONCE = "a token is good for one message"
LOCKED = "an address is locked out for as long as it should be, and the contact is told once"
_TOLD = "city_information_office", "system_fault"
sources = st.sampled_from(("10.0.0.1", "10.0.0.2", None))


class Door(RuleBasedStateMachine):
    """Tokens and locks."""

    make: ClassVar[ShellMaker] = open_shell

    @initialize()
    def the_door_opens(self) -> None:
        self.bridge = Bridge(sample.PROFILE, type(self).make)
        #: What each token that was seen was used for first, and until when it is fresh.
        self.used: dict[str, tuple[str, timedelta]] = {}
        self.passed = timedelta(0)
        self.locks: dict[tuple[Side, str | None], Lock] = {}

    @rule(token=st.sampled_from(("t1", "t2", "t3")), content=st.sampled_from(("one", "another")))
    def a_token_comes(self, token: str, content: str) -> None:
        """The very same message may come twice, and nothing else under its token."""
        known = self.used.get(token)
        first = None if known is None else known[0]
        expires = self.bridge.now + timedelta(minutes=10)
        seen = self.bridge.shell.token_used(token, content, expires_at=expires, at=self.bridge.now)
        if known is None or known[1] >= self.passed:
            # A token that expired may be forgotten, and need not be.
            holds(ONCE, first if first != content else None, seen if seen != content else None)
        if seen is None:
            self.used[token] = (content, self.passed + timedelta(minutes=10))

    @rule(side=st.sampled_from(Side), source=sources, seconds=st.integers(1, 300))
    def an_address_is_locked_out(self, side: Side, source: str | None, seconds: int) -> None:
        lock = Lock(side, source, self.bridge.now + timedelta(seconds=seconds))
        self.bridge.new_notices()
        self.bridge.shell.lock_began(lock, at=self.bridge.now)
        fresh = (side, source) not in self.locks
        self.locks.setdefault((side, source), lock)
        holds(LOCKED, [(*_TOLD, "started", "")] if fresh else [], self.bridge.new_notices())

    @rule(side=st.sampled_from(Side), source=sources)
    def a_lock_ends(self, side: Side, source: str | None) -> None:
        lock = self.locks.pop((side, source), None)
        self.bridge.new_notices()
        self.bridge.shell.lock_ended(lock or Lock(side, source, self.bridge.now), at=self.bridge.now)
        holds(LOCKED, [(*_TOLD, "over", "")] if lock else [], self.bridge.new_notices())

    @rule(minutes=st.sampled_from((1, 9, 11)))
    def time_goes_by(self, minutes: int) -> None:
        self.passed += timedelta(minutes=minutes)
        self.bridge.time_passes(timedelta(minutes=minutes))

    @rule()
    def the_bridge_restarts(self) -> None:
        self.bridge.restart()

    @invariant()
    def locks_are_kept(self) -> None:
        if hasattr(self, "locks"):
            key = repr
            holds(LOCKED, sorted(self.locks.values(), key=key), sorted(self.bridge.shell.locks(), key=key))
