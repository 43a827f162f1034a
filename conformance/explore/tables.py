"""When an act may be done, and when it must be refused: two tables to be read aloud.

«The urban side may file a transferred or native case that it has received (INT-1)» is the row `file`. «Once it is filed, nobody cancels
it (EXC-2)» are the rows that end in `_cancels`. What the clauses leave open stands in neither.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.vocabulary.codes import DeclineReason
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from conformance.explore import model as do
from conformance.explore.life import (
    ASSIGNMENT,
    CITY_VERIFICATION,
    CLOSING,
    DISPOSAL,
    DISTRICT_VERIFICATION,
    ENDED,
    FAR,
    FARTHER,
    FILING,
    GRID,
    NOT_PASSED,
    OPEN,
    URBAN,
    Kind,
    Life,
    Rules,
)

Condition = Callable[[Life, Rules], bool]


def _always(life: Life, rules: Rules) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Act:
    """One way of doing an act: where it may be done, and what comes of it."""

    id: str
    #: The word of scenarios.
    word: str
    clause: str
    side: Side
    kinds: frozenset[Kind]
    #: Where the case stands in the eyes of the side that acts.
    at: frozenset[str]
    does: do.Deed
    params: Mapping[str, Any] = field(default_factory=dict)
    when: Condition = _always
    #: True for what leads a case on; the others are asides.
    leads_on: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt that must be refused."""

    id: str
    word: str
    clause: str
    side: Side
    kinds: frozenset[Kind]
    at: frozenset[str]
    because: str
    params: Mapping[str, Any] = field(default_factory=dict)
    when: Condition = _always


_T, _O, _N = frozenset({Kind.TRANSFERRED}), frozenset({Kind.OWN}), frozenset({Kind.NATIVE})
_G, _U = GRID, URBAN
_LIVE = frozenset({"handed_over", "awaiting_verification", "verified", "verification_failed"})
_NOT_DONE = frozenset({"reported", "accepted", "dispatched", "in_handling"})
_ALL_GRID = _LIVE | _NOT_DONE | ENDED


def _places(*names: str) -> frozenset[str]:
    return frozenset(names)


def _busy(life: Life) -> bool:
    return life.urban.false_report is not None


def _no_false_report(life: Life, rules: Rules) -> bool:
    return not _busy(life)


def _may_assign(life: Life, rules: Rules) -> bool:
    return not life.urban.waiting & {"return", "transfer"}


def _may_apply(application: str) -> Condition:
    def may(life: Life, rules: Rules) -> bool:
        return application not in life.urban.waiting and not _busy(life)

    return may


def _may_transfer_to(district: str) -> Condition:
    def may(life: Life, rules: Rules) -> bool:
        return _may_apply("transfer")(life, rules) and life.urban.place != district

    return may


def _may_decide(application: str) -> Condition:
    def may(life: Life, rules: Rules) -> bool:
        return application in life.urban.waiting - life.urban.overtaken and not _busy(life)

    return may


def _nobody_asked(application: str) -> Condition:
    def may(life: Life, rules: Rules) -> bool:
        return application not in life.urban.waiting and not _busy(life)

    return may


def _is_filed(life: Life, rules: Rules) -> bool:
    return life.grid.filing > 0


def _is_unfiled(life: Life, rules: Rules) -> bool:
    return life.grid.handed_over and life.grid.filing == 0 and not life.grid.withdrawing


def _may_fail_again(life: Life, rules: Rules) -> bool:
    # What becomes of a native case that fails once too often is left open.
    return life.urban.counted < rules.max_rejections


ACTS: Mapping[str, Act] = {
    act.id: act
    for act in (
        # The grid side, transferred cases.
        Act("hand_over", "workstation.hand_over", "GRID-6", _G, _T, _places("reported"), do.hand_over, leads_on=True),
        Act(
            "supplement", "workstation.supplement", "XCHG-3", _G, _T, _LIVE, do.told(FormType.SUPPLEMENT, URBAN),
            {"note": "补充说明"},
        ),
        Act(
            "withdraw", "workstation.withdraw", "EXC-2", _G, _T, _places("handed_over"), do.withdraw,
            {"reason": "已自行处理"}, _is_unfiled,
        ),
        Act(
            "insist", "workstation.force_withdraw", "EXC-2", _G, _T, _LIVE, do.told(FormType.WITHDRAWAL, URBAN),
            {"reason": "坚持撤回"}, _is_filed,
        ),
        Act(
            "verify_passed", "worker.verify", "INT-5", _G, _T, _places("awaiting_verification"), do.verified(True),
            {"outcome": "passed"}, leads_on=True,
        ),
        Act(
            "verify_not_passed", "worker.verify", "INT-5", _G, _T, _places("awaiting_verification"), do.verified(False),
            {"outcome": "not_passed"}, leads_on=True,
        ),
        Act("satisfied", "reporter.satisfied", "INT-6", _G, _T, _places("verified"), do.nothing),
        Act("dissatisfied", "reporter.dissatisfied", "INT-7", _G, _T, _places("verified"), do.dissatisfied),
        Act("close", "workstation.close", "INT-6", _G, _T, _places("verified"), do.close, leads_on=True),
        Act("reject", "workstation.reject", "INT-7", _G, _T, _places("verification_failed"), do.reject, leads_on=True),
        Act(
            "confirm_false_report", "workstation.answer_false_report", "EXC-3", _G, _T, _places("handed_over"),
            do.answered(True), {"confirmed": True}, lambda life, rules: life.grid.asked, leads_on=True,
        ),
        Act(
            "deny_false_report", "workstation.answer_false_report", "EXC-3", _G, _T, _places("handed_over"),
            do.answered(False), {"confirmed": False}, lambda life, rules: life.grid.asked, leads_on=True,
        ),
        Act(
            "notify", "workstation.notify", "CONT-2", _G, _T, _LIVE, do.notify,
            {"kind": "system_fault", "text": "今晚停机"}, lambda life, rules: not life.grid.told,
        ),
        Act(
            "notify_over", "workstation.notify", "CONT-2", _G, _T, _LIVE, do.notify,
            {"kind": "system_fault", "phase": "over", "text": "已恢复"}, lambda life, rules: life.grid.told,
        ),
        # The grid side's own loop.
        Act("cancel_at_home", "workstation.cancel", "EXC-2", _G, _T | _O, _places("reported"), do.grid_goes("closed"), {"reason": "误报"}),
        Act("accept", "dispatcher.accept", "GRID-5", _G, _O, _places("reported"), do.grid_goes("accepted"), leads_on=True),
        Act(
            "dispatch_own", "dispatcher.dispatch", "GRID-5", _G, _O, _places("accepted"), do.grid_goes("dispatched"),
            {"department": "PS-340202"}, leads_on=True,
        ),
        Act(
            "handle", "handler.handle", "GRID-5", _G, _O, _places("dispatched", "in_handling"),
            do.grid_goes("awaiting_verification"), {"result": "已处理"}, leads_on=True,
        ),
        Act(
            "verify_own_passed", "worker.verify", "GRID-5", _G, _O, _places("awaiting_verification"), do.verified(True),
            {"outcome": "passed"}, leads_on=True,
        ),
        Act(
            "verify_own_not_passed", "worker.verify", "GRID-5", _G, _O, _places("awaiting_verification"), do.verified(False),
            {"outcome": "not_passed"}, leads_on=True,
        ),
        Act("dissatisfied_own", "reporter.dissatisfied", "GRID-5", _G, _O, _places("verified"), do.dissatisfied),
        Act("close_own", "dispatcher.close", "GRID-5", _G, _O, _places("verified"), do.grid_goes("closed"), leads_on=True),
        # The urban side.
        Act("file", "operator.file", "INT-1", _U, _T | _N, _places("received"), do.file, leads_on=True),
        Act(
            "decline", "operator.decline", "URBAN-4", _U, _T | _N, _places("received"), do.decline,
            {"reason_code": DeclineReason.UNCLEAR.value, "reason": "位置不清"},
        ),
        Act("complete", "operator.complete", "INT-1", _U, _T | _N, _places("received"), do.nothing, {"address": "北京路 1 号"}),
        Act("dispatch", "supervision.dispatch", "URBAN-2", _U, _T | _N, _places(FILING), do.dispatch, leads_on=True),
        Act(
            "dispatch_elsewhere", "supervision.dispatch", "EXC-4", _U, _T | _N, _places(FILING), do.dispatch_elsewhere,
            {"district": FAR},
        ),
        Act("assign", "district.assign", "URBAN-2", _U, _T | _N, _places(ASSIGNMENT), do.start_disposal, when=_may_assign, leads_on=True),
        Act(
            "send_back", "district.send_back", "URBAN-4", _U, _T | _N, _places(ASSIGNMENT), do.apply("return"),
            {"reason": "不在本区"}, _may_assign,
        ),
        Act(
            "grant_return", "supervision.decide_return", "URBAN-4", _U, _T | _N, _places(ASSIGNMENT),
            do.decide("return", True), {"grant": True}, _may_decide("return"), leads_on=True,
        ),
        Act(
            "refuse_return", "supervision.decide_return", "URBAN-4", _U, _T | _N, _places(ASSIGNMENT),
            do.decide("return", False), {"grant": False, "reason": "确在本区"}, _may_decide("return"), leads_on=True,
        ),
        Act(
            "apply_transfer", "district.apply_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), do.apply("transfer"),
            {"to_district": FARTHER, "reason": "属弋江区管辖"}, _may_transfer_to(FARTHER),
        ),
        Act(
            "apply_transfer_on", "district.apply_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), do.apply("transfer"),
            {"to_district": FAR, "reason": "属鸠江区管辖"},
            lambda life, rules: life.urban.place == FARTHER and _may_transfer_to(FAR)(life, rules),
        ),
        Act(
            "grant_transfer", "city.decide_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), do.decide("transfer", True),
            {"grant": True}, _may_decide("transfer"), leads_on=True,
        ),
        Act(
            "refuse_transfer", "city.decide_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), do.decide("transfer", False),
            {"grant": False, "reason": "确属本区"}, _may_decide("transfer"), leads_on=True,
        ),
        Act(
            "apply_extension", "department.apply_extension", "URBAN-4", _U, _T | _N, _places(DISPOSAL), do.apply("extension"),
            {"hours": 8, "reason": "需调用吊车"}, _may_apply("extension"),
        ),
        Act(
            "grant_extension", "district.decide_extension", "URBAN-4", _U, _T | _N, _places(DISPOSAL),
            do.decide("extension", True), {"grant": True}, _may_decide("extension"), leads_on=True,
        ),
        Act(
            "refuse_extension", "district.decide_extension", "URBAN-4", _U, _T | _N, _places(DISPOSAL),
            do.decide("extension", False), {"grant": False, "reason": "可调配人员"}, _may_decide("extension"), leads_on=True,
        ),
        Act(
            "apply_false_report", "department.apply_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL),
            do.apply_false_report, {"reason": "现场无此问题", "photos": ["empty-site"]}, _no_false_report,
        ),
        Act(
            "grant_false_report", "city_verifier.decide_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL),
            do.decide_false_report(True), {"grant": True}, lambda life, rules: life.urban.false_report == "applied", leads_on=True,
        ),
        Act(
            "refuse_false_report", "city_verifier.decide_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL),
            do.decide_false_report(False), {"grant": False, "reason": "照片拍错了地方"},
            lambda life, rules: life.urban.false_report == "applied", leads_on=True,
        ),
        Act(
            "dispose", "department.dispose", "INT-4", _U, _T | _N, _places(DISPOSAL), do.dispose, {"result": "已清理完毕"},
            _no_false_report, leads_on=True,
        ),
        Act(
            "tell", "exchange.tell", "CONT-2", _U, _T, OPEN, do.tell,
            {"kind": "system_fault", "text": "明早升级"}, lambda life, rules: not life.urban.told,
        ),
        Act(
            "tell_over", "exchange.tell", "CONT-2", _U, _T, OPEN, do.tell,
            {"kind": "system_fault", "phase": "over", "text": "升级完毕"}, lambda life, rules: life.urban.told,
        ),
        # The urban side's own cases.
        Act(
            "verify_district", "district_verifier.verify", "URBAN-2", _U, _N, _places(DISTRICT_VERIFICATION),
            do.native_verified(CITY_VERIFICATION), {"outcome": "passed"}, leads_on=True,
        ),
        Act(
            "verify_city", "city_verifier.verify", "URBAN-2", _U, _N, _places(CITY_VERIFICATION),
            do.native_verified(CLOSING), {"outcome": "passed"}, leads_on=True,
        ),
        Act(
            "fail_district", "district_verifier.verify", "URBAN-3", _U, _N, _places(DISTRICT_VERIFICATION),
            do.native_verified(DISPOSAL), {"outcome": "not_passed"}, _may_fail_again,
        ),
        Act("close_native", "closer.close", "URBAN-2", _U, _N, _places(CLOSING), do.urban_closes, leads_on=True),
    )
}  # fmt: skip

_VERIFIER = {"outcome": "passed"}
_BEFORE_ASSIGNMENT = _places("received", FILING)
_ANY_URBAN = OPEN | ENDED | {"received"}


def _cancels() -> Iterator[Refusal]:
    """EXC-2: by any role, on any path."""
    for role in ("operator", "supervision", "district", "department", "city"):
        at = OPEN | {"closed", "closed_false_report"}
        yield Refusal(
            f"{role}_cancels", f"{role}.cancel", "EXC-2", _U, _T | _N, at, "already_filed", {"reason": "误立"}
        )


REFUSALS: Mapping[str, Refusal] = {
    refusal.id: refusal
    for refusal in (
        *_cancels(),
        Refusal(
            "withdraw_filed", "workstation.withdraw", "EXC-2", _G, _T, _ALL_GRID, "already_filed", {"reason": "误报"}, _is_filed
        ),
        Refusal("cancel_filed", "workstation.cancel", "EXC-2", _G, _T, _ALL_GRID, "already_filed", {"reason": "误报"}, _is_filed),
        Refusal("hand_over_own", "workstation.hand_over", "GRID-6", _G, _O, _places("reported", "accepted"), "wrong_department"),
        Refusal("hand_over_again", "workstation.hand_over", "GRID-6", _G, _T, _ALL_GRID - _NOT_DONE, "wrong_state",
                when=lambda life, rules: life.grid.handed_over),
        Refusal("close_unverified", "workstation.close", "INT-6", _G, _T, _ALL_GRID - {"verified"}, "wrong_state"),
        Refusal("close_own_unverified", "dispatcher.close", "GRID-5", _G, _O, _ALL_GRID - {"verified"}, "wrong_state"),
        Refusal("reject_unverified", "workstation.reject", "INT-7", _G, _T, _ALL_GRID - {"verification_failed"}, "wrong_state"),
        Refusal("complain_early", "reporter.dissatisfied", "INT-7", _G, _T, _ALL_GRID - {"verified"}, "wrong_state"),
        Refusal("verify_unasked", "worker.verify", "INT-4", _G, _T, _ALL_GRID - {"awaiting_verification"}, "wrong_state", _VERIFIER),
        Refusal("verify_own_early", "worker.verify", "GRID-5", _G, _O, _ALL_GRID - {"awaiting_verification"}, "wrong_state", _VERIFIER),
        Refusal("answer_unasked", "workstation.answer_false_report", "EXC-3", _G, _T, _places("handed_over"), "not_waiting",
                {"confirmed": True}, lambda life, rules: not life.grid.asked),
        Refusal("file_again", "operator.file", "INT-8", _U, _T | _N, OPEN | ENDED, "wrong_state"),
        Refusal("decline_filed", "operator.decline", "EXC-2", _U, _T | _N, OPEN | {"closed", "closed_false_report"}, "already_filed",
                {"reason_code": DeclineReason.UNCLEAR.value, "reason": "位置不清"}),
        Refusal("dispatch_early", "supervision.dispatch", "URBAN-2", _U, _T | _N, _places("received"), "wrong_state"),
        Refusal("dispatch_again", "supervision.dispatch", "URBAN-2", _U, _T | _N, _ANY_URBAN - {"received", FILING}, "wrong_state"),
        Refusal("assign_early", "district.assign", "URBAN-2", _U, _T | _N, _BEFORE_ASSIGNMENT, "wrong_state"),
        Refusal("dispose_early", "department.dispose", "URBAN-2", _U, _T | _N, _BEFORE_ASSIGNMENT | {ASSIGNMENT}, "wrong_state", {"result": "已清理"}),
        Refusal("dispose_again", "department.dispose", "URBAN-2", _U, _T | _N,
                _places(DISTRICT_VERIFICATION, CITY_VERIFICATION, CLOSING) | ENDED, "wrong_state", {"result": "已清理"}),
        Refusal("send_back_late", "district.send_back", "URBAN-4", _U, _T | _N, _ANY_URBAN - {"received", FILING, ASSIGNMENT}, "wrong_state", {"reason": "想退回"}),
        Refusal("extend_late", "department.apply_extension", "URBAN-4", _U, _T | _N, _ANY_URBAN - {DISPOSAL}, "wrong_state", {"hours": 8, "reason": "太晚了"}),
        Refusal("extend_without_reason", "department.apply_extension", "URBAN-4", _U, _T | _N, _places(DISPOSAL), "reason_required",
                {"hours": 8, "reason": " "}, _may_apply("extension")),
        Refusal("transfer_without_reason", "district.apply_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), "reason_required",
                {"to_district": FARTHER, "reason": " "}, _may_transfer_to(FARTHER)),
        Refusal("transfer_twice", "district.apply_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), "duplicate_application",
                {"to_district": FAR, "reason": "改为鸠江区"},
                lambda life, rules: _may_decide("transfer")(life, rules) and life.urban.place != FAR),
        Refusal("decide_no_extension", "district.decide_extension", "URBAN-4", _U, _T | _N, _places(DISPOSAL), "not_waiting", {"grant": True}, _nobody_asked("extension")),
        Refusal("decide_no_transfer", "city.decide_transfer", "EXC-5", _U, _T | _N, _places(DISPOSAL), "not_waiting", {"grant": True}, _nobody_asked("transfer")),
        Refusal("decide_no_false_report", "city_verifier.decide_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL), "not_waiting", {"grant": True}, _no_false_report),
        Refusal("false_report_without_photo", "department.apply_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL), "photo_required",
                {"reason": "现场无此问题", "photos": []}, _no_false_report),
        Refusal("false_report_without_reason", "department.apply_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL), "reason_required",
                {"photos": ["empty-site"]}, _no_false_report),
        Refusal("second_false_report", "department.apply_false_report", "EXC-3", _U, _T | _N, _places(DISPOSAL), "duplicate_application",
                {"reason": "再次申请", "photos": ["empty-site"]}, lambda life, rules: _busy(life)),
        Refusal("verify_hidden", "district_verifier.verify", "INT-4", _U, _T, _places(DISTRICT_VERIFICATION, NOT_PASSED, CLOSING), "hidden", _VERIFIER),
        Refusal("verify_hidden_city", "city_verifier.verify", "INT-4", _U, _T, _places(DISTRICT_VERIFICATION, NOT_PASSED, CLOSING), "hidden", _VERIFIER),
        Refusal("close_hidden", "closer.close", "INT-6", _U, _T, _places(DISTRICT_VERIFICATION, CLOSING), "hidden"),
        Refusal("close_native_early", "closer.close", "URBAN-2", _U, _N, _ANY_URBAN - {CLOSING}, "wrong_state"),
        Refusal("verify_city_early", "city_verifier.verify", "URBAN-2", _U, _N, _places("received", FILING, ASSIGNMENT, DISPOSAL, DISTRICT_VERIFICATION), "wrong_state", _VERIFIER),
    )
}  # fmt: skip


def possible(life: Life, rules: Rules) -> list[Act]:
    """The acts that may be done to the case now."""
    return [act for act in ACTS.values() if _fits(act, life, rules)]


def forbidden(life: Life, rules: Rules) -> list[Refusal]:
    """The attempts that must be refused now."""
    return [refusal for refusal in REFUSALS.values() if _fits(refusal, life, rules)]


def _fits(row: Act | Refusal, life: Life, rules: Rules) -> bool:
    view = life.grid if row.side is GRID else life.urban
    return life.kind in row.kinds and row.side not in life.unsure and view.at in row.at and row.when(life, rules)
