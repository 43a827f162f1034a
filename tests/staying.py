"""A pair over real SOAP that goes on living after the story that was played on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.scenario.load import load_all
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.live import LiveStage


class _Staying(LiveStage):
    """A stage that outlives the story played on it."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


@contextmanager
def staying_after(story: Path, **options: Any) -> Iterator[LiveStage]:
    """Play a story with the bridge between, and keep the pair with its control ports until the block is left."""
    (scenario,) = load_all([story])
    stages: list[_Staying] = []

    def made(*args: Any) -> _Staying:
        stages.append(_Staying(*args, control_ports=True, **options))
        return stages[0]

    play(scenario, Wiring.BRIDGED, made, seed=1)
    yield stages[0]
    stages[0].end()
