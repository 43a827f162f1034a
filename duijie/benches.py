"""Benches of the conformance suite: a system under test with the suite's own parties around it.

`BuiltinBench` has our own platform or bridge in the place of the system, for trying the suite and for judging it. `SystemBench`
has a foreign one behind its driver.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from conformance.checks.check import Check
from conformance.drivers.attestation import Attestation
from conformance.drivers.driver import Capabilities, Driver
from conformance.drivers.person import PersonDriver
from conformance.drivers.sut import SystemUnderTest
from conformance.scenario.stage import StageMaker
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.live import LiveStage
from duijie.sut_stage import SutStage
from duijie.virtual import VirtualStage

#: Names that stand for our own party in the place of a file.
BUILTIN, BUILTIN_VIRTUAL = "builtin", "builtin-virtual"
#: How the six digits of a serial are shared out: runs, checks of a run, cases of a check.
_RUNS, _CHECKS_MAX, _CASES_A_CHECK = 60, 400, 40
#: How many of the last a play of an exploration has, and for how many plays they are enough.
_CASES_AN_EXAMPLE = 4
EXAMPLES_MAX = _CHECKS_MAX * _CASES_A_CHECK // _CASES_AN_EXAMPLE

#: What our own parties can do: everything.
EVERYTHING = Capabilities(steered_clock=True, tells_quiet=True, restart=True, reset=True, refusal_codes=True)


#: Checks over SOAP at a time, each with processes of its own: enough for two cores.
_AT_ONCE = 4
#: Seconds that a check usually takes: computed, over SOAP beside three others, over SOAP with a system behind a driver.
_COMPUTED_SECONDS, _BESIDE_OTHERS_SECONDS, _DRIVEN_SECONDS = 0.02, 1.0, 1.0


class BuiltinBench:
    """Our own party as the system under test, fresh for each check."""

    def __init__(self, role: Party, profile: Profile, *, virtual: bool = False, source: str = "builtin"):
        self.title = {Party.BRIDGE: "duijie bridge"}.get(role, f"duijie {role} simulator")
        self.profile = profile
        self.source = source
        self.at_once = 1 if virtual else _AT_ONCE
        self.usual_seconds = _COMPUTED_SECONDS if virtual else _BESIDE_OTHERS_SECONDS
        self.maker: StageMaker = VirtualStage if virtual else partial(LiveStage, envelopes=True)

    @property
    def capabilities(self) -> Capabilities:
        """Everything."""
        return EVERYTHING

    def stage(self, check: Check) -> StageMaker:
        """A stage with all parties of our own."""
        return self.maker


class SystemBench:
    """A foreign system under test behind its driver."""

    def __init__(self, sut: SystemUnderTest, driver: Driver, profile: Profile, planned: Sequence[Check]):
        self.title = sut.title
        self.profile = profile
        self.source = str(sut.path)
        self.at_once = 1
        self.usual_seconds = _DRIVEN_SECONDS
        self._sut, self._driver = sut, driver
        self._place = {check.id: place for place, check in enumerate(planned)}

    @property
    def capabilities(self) -> Capabilities:
        """What was declared and what the driver tells."""
        return self._driver.capabilities

    @property
    def attestations(self) -> Sequence[Attestation]:
        """What a person at the system has said so far."""
        return self._driver.attestations if isinstance(self._driver, PersonDriver) else ()

    def stage(self, check: Check) -> StageMaker:
        """A stage around the system; it is brought to a fresh start first where it can be."""
        return self._around(check.id, check.scenario.settings, self._place[check.id])

    def example(self, number: int, changed: Mapping[str, Any]) -> StageMaker:
        """A stage for a play of an exploration, from 1 to `EXAMPLES_MAX`, under these settings; no two have a case number in common."""
        turn, place = divmod(number - 1, _CHECKS_MAX)
        return self._around(f"explore-{number}", changed, place, turn * _CASES_AN_EXAMPLE)

    def _around(self, name: str, changed: Mapping[str, Any], place: int, after: int = 0) -> StageMaker:
        def make(profile: Profile, wiring: Wiring, seed: int, quirks: Quirkiness) -> SutStage:
            if self._driver.capabilities.reset:
                self._driver.reset(dict(changed))
            # Message ids come from the seed: the system must not take those of another check for repetitions.
            return SutStage(
                profile,
                wiring,
                _seed_for(seed, name),
                quirks,
                sut=self._sut,
                driver=self._driver,
                mark=f" 〔{name} {seed}〕",
                first_serial=first_serial(seed, place) + after,
            )

        return make


def first_serial(seed: int, place: int) -> int:
    """The first serial of the case numbers of a check: runs with other seeds, and checks of one run, keep clear of each other."""
    return (seed % _RUNS * _CHECKS_MAX + place) * _CASES_A_CHECK + 1


def serials_of(seed: int, places: Iterable[int]) -> frozenset[int]:
    """Every serial that the checks at these places may give out."""
    firsts = (first_serial(seed, place) for place in places)
    return frozenset(serial for first in firsts for serial in range(first, first + _CASES_A_CHECK))


def _seed_for(seed: int, check_id: str) -> int:
    """A seed of its own for each check, the same on every machine."""
    return zlib.crc32(check_id.encode(), seed & 0xFFFFFFFF)
