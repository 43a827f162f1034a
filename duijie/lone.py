"""One simulator as a process of its own, for tests of a platform that is somebody else's."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from conformance.scenario.steps import Quirkiness
from duijie.exits import UserMistake
from duijie.pair import Remote, on_free_port
from duijie.processes import Child, free_port
from duijie.serve import given_token, simulator_process

#: Starts on freshly chosen ports before the trouble is somebody else's.
_STARTS_MAX = 4


class LoneSimulator:
    """A grid or urban simulator by the real clock. It calls the other platform where the profile says, and listens on a port of its own."""

    def __init__(self, side: Side, profile: Profile, *, seed: int = 1):
        self.side = side
        #: What opens the control port.
        self.control_token = given_token() or secrets.token_urlsafe(18)
        for attempt in range(1, _STARTS_MAX + 1):
            control_port = free_port()
            here = on_free_port(profile.platform(side).endpoint)
            moved: dict[str, Any] = {side.value: replace(profile.platform(side), endpoint=here)}
            self.profile = replace(profile, **moved)
            self._child = Child(side.value, self._maker(seed, control_port))
            try:
                self._child.start()
                self._child.wait_ready()
            except UserMistake:
                if attempt == _STARTS_MAX:
                    raise
            else:
                break
        self._remote = Remote(side.party, control_port, self.control_token)

    def _maker(self, seed: int, control_port: int) -> "partial[Any]":
        return partial(
            simulator_process,
            self.side,
            self.profile,
            seed=seed,
            quirks=Quirkiness(),
            control_port=control_port,
            store=None,
            link=self.calls,
            started_at=None,
            control_token=self.control_token,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Where its SOAP service listens; with `?wsdl` behind it, where the service is described."""
        return self.profile.platform(self.side).endpoint

    @property
    def calls(self) -> str:
        """Where it calls the other platform: there the system under test must listen."""
        return self.profile.platform(self.side.other).endpoint

    @property
    def account(self) -> tuple[str, str]:
        """User name and password with which the other platform calls it."""
        return self._account(self.side.other)

    @property
    def own_account(self) -> tuple[str, str]:
        """User name and password with which it calls the other platform."""
        return self._account(self.side)

    def _account(self, side: Side) -> tuple[str, str]:
        platform = self.profile.platform(side)
        return platform.username, platform.password

    @property
    def control_address(self) -> str:
        """Where its control port listens; see docs/control-port.md."""
        return self._remote.address

    def act(self, name: str, /, by: str | None = None, **params: Any) -> Mapping[str, Any]:
        """Let one of its people act; raises `conformance.scenario.stage.StageRefused`."""
        return self._remote.act(name, params, by)

    def ask(self, question: str, /, **params: Any) -> Any:
        """Ask about its state; raises `conformance.scenario.stage.StageRefused`."""
        return self._remote.ask(question, params)

    def close(self) -> None:
        """Stop the process."""
        self._remote.close()
        self._child.stop()
