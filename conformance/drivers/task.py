"""What a person is asked to do or to look at, and the place where that is shown: a terminal or a page."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridge.vocabulary.forms import FormType


class TaskKind(StrEnum):
    """What sort of answer is asked for."""

    #: Done, refused by the system, or it cannot be done.
    ACT = "act"
    #: The same, and when it is done the number of the case that has come into being.
    NEW_CASE = "new_case"
    #: What is seen, as JSON or as it stands there, or that it cannot be seen.
    QUESTION = "question"


class Said(StrEnum):
    """What a person says of a task."""

    DONE = "done"
    REFUSED = "refused"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that a person is asked for."""

    kind: TaskKind
    zh: str
    en: str
    #: What will cross the wire once it is done, in both languages; empty when nothing is waited for.
    awaited_zh: str = ""
    awaited_en: str = ""
    #: So long is waited for an answer.
    patience_seconds: float

    def text(self, language: str) -> str:
        """What is asked, in Chinese (`zh`) or English (`en`)."""
        return self.zh if language == "zh" else self.en

    def awaited(self, language: str) -> str:
        """What is waited for, in Chinese (`zh`) or English (`en`)."""
        return self.awaited_zh if language == "zh" else self.awaited_en


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; `value` is the number of a new case, or what is seen."""

    said: Said
    value: str = ""


class Desk(Protocol):
    """Where tasks are shown and answers come from."""

    def open(self) -> None:
        """Be ready; raises `DriverBroken`."""

    def ask(self, task: Task) -> Answer | None:
        """Show the task and wait for its answer; None when the patience of the task is over or nobody is there."""

    def close(self) -> None:
        """Let go of it."""


#: The form that the system sends when somebody has done this; the other acts stay inside a platform.
AWAITED = {
    "workstation.hand_over": FormType.HAND_OVER,
    "workstation.supplement": FormType.SUPPLEMENT,
    "workstation.withdraw": FormType.WITHDRAWAL,
    "workstation.force_withdraw": FormType.WITHDRAWAL,
    "workstation.reject": FormType.REJECTION,
    "workstation.close": FormType.CLOSING,
    "workstation.answer_false_report": FormType.FALSE_REPORT_ANSWER,
    "workstation.notify": FormType.CONTACT_NOTICE,
    "worker.verify": FormType.VERIFICATION_RESULT,
    "reporter.dissatisfied": FormType.REJECTION,
    "operator.file": FormType.FILING_RESULT,
    "operator.decline": FormType.FILING_RESULT,
    "supervision.dispatch": FormType.DISPATCH,
    "supervision.decide_return": FormType.RETURN_NOTICE,
    "district.assign": FormType.STAGE_PROGRESS,
    "district.send_back": FormType.RETURN_NOTICE,
    "district.apply_transfer": FormType.TRANSFER_NOTICE,
    "city.decide_transfer": FormType.TRANSFER_NOTICE,
    "department.apply_extension": FormType.EXTENSION_NOTICE,
    "department.dispose": FormType.VERIFICATION_REQUEST,
    "city_verifier.decide_false_report": FormType.FALSE_REPORT_APPLICATION,
    "exchange.tell": FormType.CONTACT_NOTICE,
}
