"""The seam at which somebody else takes a party's place, the same on both stages."""

from dataclasses import replace

import pytest

from bridge.core.ports import Store
from bridge.core.shell import Shell, Stumble, open_shell
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from conformance.scenario.load import load_all
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.cast import RIGHT, Cast
from duijie.library import library_folder
from duijie.virtual import VirtualStage
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform

STORIES = {story.id: story for story in load_all([library_folder()])}


def test_the_right_cast_plays_when_nobody_says_otherwise() -> None:
    story = STORIES["restart/the-bridge-in-the-middle-of-a-life"]
    as_ever = play(story, Wiring.BRIDGED, VirtualStage)
    said_so = play(story, Wiring.BRIDGED, lambda *args: VirtualStage(*args, cast=RIGHT))

    assert as_ever.passed
    assert as_ever.trace.to_lines() == said_so.trace.to_lines()


@pytest.mark.parametrize("party", [Party.GRID, Party.URBAN, Party.BRIDGE])
def test_one_part_is_given_to_somebody_else_and_the_others_stay(party: Party) -> None:
    def somebody(*args: object) -> None:
        raise NotImplementedError

    cast = RIGHT.with_part(party, somebody)

    assert replace(cast, **{party.value: getattr(RIGHT, party.value)}) == RIGHT
    assert getattr(cast, party.value) is somebody


def test_only_the_grid_side_is_told_the_first_serial() -> None:
    told = []

    def grid(*args: object) -> GridPlatform:
        told.append(("grid", args[4:]))
        return GridPlatform(*args)  # type: ignore[arg-type]

    def urban(*args: object) -> UrbanPlatform:
        told.append(("urban", args[4:]))
        return UrbanPlatform(*args)  # type: ignore[arg-type]

    stage = VirtualStage(STORIES["lifecycle/the-first-case"].profile, Wiring.DIRECT, cast=Cast(grid=grid, urban=urban))

    assert told == [("grid", (1,)), ("urban", ())]
    stage.close()


def test_a_bridge_is_asked_for_again_when_it_restarts_over_the_store_that_it_had() -> None:
    stores: list[Store] = []

    def counting(profile: Profile, store: Store, stumbled: Stumble = lambda *_: None, /) -> Shell:
        stores.append(store)
        return open_shell(profile, store, stumbled)

    stage = VirtualStage(
        STORIES["lifecycle/the-first-case"].profile, Wiring.BRIDGED, cast=RIGHT.with_part(Party.BRIDGE, counting)
    )
    stage.restart(Party.BRIDGE)

    assert len(stores) == 2
    assert stores[0] is stores[1]


@pytest.mark.parametrize("side", list(Side))
def test_a_platform_is_told_that_it_was_restarted(side: Side) -> None:
    told = []

    class _Listening(GridPlatform if side is Side.GRID else UrbanPlatform):  # type: ignore[misc]
        def restarted(self, now: object) -> None:
            told.append(now)

    profile = STORIES["lifecycle/the-first-case"].profile
    stage = VirtualStage(profile, Wiring.DIRECT, cast=RIGHT.with_part(side.party, _Listening))
    stage.restart(side.party)

    assert told == [stage.now]
