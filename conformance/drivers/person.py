"""A driver that is a person, who makes the system's people act and reads its screens; the answers are kept as attestations.

The driver's options in `sut.toml`, all of which may be left out:

    options = {patience_seconds = 600, attested_by = "王工", page = 8090}

patience_seconds   how long is waited for an answer; after that nothing can be said, and the check is inconclusive
attested_by        who answers; stands in the report beside every answer
page               ask on a page at this port of the machine, instead of on the terminal

Nothing is asked that the wire shows by itself; what the person cannot say is not offered, and so inconclusive.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.drivers.attestation import Attestation
from conformance.drivers.driver import Capabilities, DriverBroken, Quiet
from conformance.drivers.task import AWAITED, Answer, Desk, Said, Task, TaskKind
from conformance.drivers.terminal import Terminal
from conformance.scenario.stage import NotOffered, StageRefused
from conformance.scenario.wording import Wording
from conformance.scenario.words import catalogue

_SAID = {
    Said.DONE: ("办成", "done"),
    Said.REFUSED: ("系统拒绝", "refused by the system"),
    Said.CANNOT: ("无法办理", "cannot be done"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonOptions:
    """The driver's options; see the head of the file."""

    patience_seconds: float = 600.0
    attested_by: str = ""
    page: int | None = None


_KINDS: dict[str, tuple[type, ...]] = {"patience_seconds": (int, float), "attested_by": (str,), "page": (int,)}


def read_options(options: Mapping[str, Any]) -> PersonOptions:
    """The options of the file; raises `DriverBroken` for what cannot be meant."""
    for name, value in options.items():
        if name not in _KINDS:
            known = ", ".join(_KINDS)
            raise DriverBroken(
                f"driver.options 中有未知的键 {name};可用:{known}",
                f"driver.options has the unknown key {name}; known are {known}",
            )
        negative = isinstance(value, int | float) and value < 0
        if isinstance(value, bool) or not isinstance(value, _KINDS[name]) or negative:
            raise DriverBroken(
                f"driver.options.{name} 的值 {value!r} 不可用", f"driver.options.{name} cannot be {value!r}"
            )
    return PersonOptions(**options)


class PersonDriver:
    """Asks at a desk: on the terminal, unless another one is given."""

    #: What no person can do.
    told: Mapping[str, Any] = MappingProxyType({"steered_clock": False, "tells_quiet": False, "reset": False})

    def __init__(
        self,
        name: str,
        language: str,
        now: Callable[[], datetime],
        declared: Capabilities | None = None,
        *,
        options: PersonOptions = PersonOptions(),
        desk: Desk | None = None,
        role: Party = Party.URBAN,
    ):
        self.name = name
        self.capabilities = declared or Capabilities()
        self.attestations: list[Attestation] = []
        self._language = language
        self._now = now
        self._options = options
        self._desk = desk or Terminal(language)
        self._role = role

    def open(self) -> None:
        """Be ready to ask."""
        self._desk.open()

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Driver`; for an act that brings a case into being the case number is asked for."""
        word = catalogue().get(name)
        new_case = word is not None and word.introduces is not None
        zh, en = (name, name) if word is None else (word.zh, word.en)
        whom_zh, whom_en = (f"(以 {by} 的身份)", f" (as {by})") if by else ("", "")
        told = _told(params)
        answer = self._ask(
            TaskKind.NEW_CASE if new_case else TaskKind.ACT,
            f"请在系统中办理:{zh}{whom_zh}。{told}",
            f"Please do this in the system: {en}{whom_en}. {told}",
            self._awaited(name),
        )
        if answer.said is Said.REFUSED:
            raise StageRefused("refused", "人工确认:系统拒绝", "attested: the system refused", own_words=True)
        if answer.said is not Said.DONE or (new_case and not answer.value):
            raise NotOffered(f"无法人工办理 {name}", f"{name} could not be done by hand")
        return {"case": answer.value} if new_case else {}

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `Driver`; the answer is JSON, or a text as it stands there."""
        told = _told(params)
        answer = self._ask(
            TaskKind.QUESTION,
            f"请在系统中查看 {name}:{told}",
            f"Please look at {name} in the system: {told}",
        )
        if answer.said is not Said.DONE or not answer.value:
            raise NotOffered(f"无法人工查看 {name}", f"{name} could not be seen")
        try:
            return json.loads(answer.value)
        except ValueError:
            return answer.value

    def quiet(self) -> Quiet | None:
        """A person cannot tell."""
        return None

    def steer(self, to: datetime) -> None:
        """See `Driver`."""
        raise NotOffered("无法人工拨动时钟", "a clock is not set by hand")

    def restart(self) -> None:
        """See `Driver`."""
        answer = self._ask(
            TaskKind.ACT, "请立即停止系统并重新启动", "Please stop the system at once and start it again"
        )
        if answer.said is not Said.DONE:
            raise NotOffered("无法人工重启", "it could not be restarted by hand")

    def reset(self, settings: Mapping[str, Any]) -> None:
        """See `Driver`."""
        raise NotOffered("无法人工恢复初始状态", "a fresh start is not made by hand")

    def close(self) -> None:
        """Let go of the desk."""
        self._desk.close()

    def _ask(self, kind: TaskKind, zh: str, en: str, awaited: tuple[str, str] = ("", "")) -> Answer:
        patience = self._options.patience_seconds
        task = Task(kind=kind, zh=zh, en=en, awaited_zh=awaited[0], awaited_en=awaited[1], patience_seconds=patience)
        answer = self._desk.ask(task)
        if answer is None:
            raise NotOffered(f"{patience:g} 秒内没有人应答", f"nobody answered within {patience:g} s")
        said = _SAID[answer.said][self._language != "zh"]
        if answer.value:
            said = answer.value if kind is TaskKind.QUESTION else f"{said}: {answer.value}"
        self.attestations.append(Attestation(task.text(self._language), said, self._now(), self._options.attested_by))
        return answer

    def _awaited(self, act: str) -> tuple[str, str]:
        form = AWAITED.get(act)
        if form is None:
            return "", ""
        zh, en = Wording("zh"), Wording("en")
        return (
            f"{zh.party(self._role)}发出的表单 {zh.label('forms', form)}({form})",
            f"the form {en.label('forms', form)} ({form}) from the {en.party(self._role)}",
        )


def _told(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {_shown(value)}" for key, value in params.items())


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
