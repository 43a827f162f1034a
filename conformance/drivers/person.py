"""A driver that is a person: the terminal says exactly what to do now, and what was answered is kept as an attestation.

A person makes the system's people act and reads its screens. Nothing is asked that the wire shows by itself; what the person
cannot say is not offered, and so inconclusive.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, TextIO

from conformance.drivers.driver import Capabilities, Quiet
from conformance.scenario.stage import NotOffered, StageRefused
from conformance.scenario.words import catalogue


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a person was asked for, and said."""

    asked: str
    said: str
    at: datetime


class PersonDriver:
    """Asks on a terminal. `d` done, `r` refused by the system, `s` it cannot be done or seen."""

    #: What no person can do.
    told: Mapping[str, Any] = MappingProxyType({"steered_clock": False, "tells_quiet": False, "reset": False})

    def __init__(
        self,
        name: str,
        language: str,
        now: Any,
        declared: Capabilities | None = None,
        given: TextIO | None = None,
        shown: TextIO | None = None,
    ):
        self.name = name
        self.capabilities = declared or Capabilities()
        self.attestations: list[Attestation] = []
        self._language = language
        self._now = now
        self._given = given or sys.stdin
        self._shown = shown or sys.stderr

    def open(self) -> None:
        """Nothing to get in touch with."""

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Driver`; for an act that brings a case into being the case number is asked for."""
        word = catalogue().get(name)
        title = name if word is None else word.title(self._language)
        told = ", ".join(f"{key} = {_shown(value)}" for key, value in params.items())
        as_whom = self._pick(f"(以 {by} 的身份)", f" (as {by})") if by else ""
        asked = self._pick(
            f"请在系统中办理:{title}{as_whom}。{told}", f"Please do this in the system: {title}{as_whom}. {told}"
        )
        said = self._ask(
            asked, self._pick("办成 d,系统拒绝 r,无法办理 s", "d done, r refused by the system, s cannot be done")
        )
        if said == "r":
            raise StageRefused("refused", "人工确认:系统拒绝", "attested: the system refused", own_words=True)
        if said != "d":
            raise NotOffered(f"无法人工办理 {name}", f"{name} could not be done by hand")
        if word is None or word.introduces is None:
            return {}
        return {"case": self._ask(self._pick("新案卷的案卷号", "The number of the new case"), "")}

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `Driver`; the answer is typed as JSON, and an empty one means that it cannot be seen."""
        told = ", ".join(f"{key} = {_shown(value)}" for key, value in params.items())
        asked = self._pick(f"请在系统中查看 {name}:{told}", f"Please look at {name} in the system: {told}")
        said = self._ask(
            asked,
            self._pick("以 JSON 输入所见,看不到则直接回车", "type what is seen as JSON; Enter when it cannot be seen"),
        )
        if not said:
            raise NotOffered(f"无法人工查看 {name}", f"{name} could not be seen")
        try:
            return json.loads(said)
        except ValueError:
            return said

    def quiet(self) -> Quiet | None:
        """A person cannot tell."""
        return None

    def steer(self, to: datetime) -> None:
        """See `Driver`."""
        raise NotOffered("无法人工拨动时钟", "a clock is not set by hand")

    def restart(self) -> None:
        """See `Driver`."""
        asked = self._pick("请立即停止系统并重新启动", "Please stop the system at once and start it again")
        if self._ask(asked, self._pick("办成 d,无法办理 s", "d done, s cannot be done")) != "d":
            raise NotOffered("无法人工重启", "it could not be restarted by hand")

    def reset(self, settings: Mapping[str, Any]) -> None:
        """See `Driver`."""
        raise NotOffered("无法人工恢复初始状态", "a fresh start is not made by hand")

    def close(self) -> None:
        """Nothing to let go of."""

    def _ask(self, asked: str, how: str) -> str:
        waiting = self._pick("等待您办理", "WAITING FOR YOU")
        self._shown.write(f"\n▶ {waiting}: {asked}\n  {how + ' ' if how else ''}> ")
        self._shown.flush()
        line = self._given.readline()
        if not line:
            raise NotOffered("没有人应答", "nobody answers")
        said = line.strip()
        self.attestations.append(Attestation(asked, said, self._now()))
        return said

    def _pick(self, zh: str, en: str) -> str:
        return zh if self._language == "zh" else en


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
