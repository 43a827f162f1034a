"""Plays a scenario on a stage: does what the steps say, looks at what they expect, and has the trace judged.

The runner knows the stage by its protocol only. It tells listeners what happens and decides nothing for them. The first
unmet expectation ends the run: what would come after it is no longer the story.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bridge.vocabulary.calls import Answered, Ending, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import CaseQuery
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.stages import HandedOverState
from conformance.oracle.judge import judge
from conformance.oracle.trace import Record, Sending
from conformance.scenario import forge, given
from conformance.scenario.clock import arrive, read_advance, read_moment
from conformance.scenario.events import (
    Event,
    ExpectationFailed,
    Failure,
    Listener,
    Outcome,
    Recorded,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from conformance.scenario.faults import Hop
from conformance.scenario.match import Names, Observable, dig, fits, mismatches, observable
from conformance.scenario.network import read_rule
from conformance.scenario.stage import NotOffered, Stage, StageMaker, StageRefused, StageUnusable
from conformance.scenario.steps import Scenario, Step, Wiring
from conformance.scenario.words import Word, acts, catalogue

#: Work lists that must never show a transferred case (INT-4); they are looked at while one is being verified.
_VERIFIER_ROLES = ("district_verifier", "city_verifier")

#: A query that goes on for so many pages goes on for ever.
_PAGES_MAX = 1000

#: What a party says when it has never heard of a case.
_UNKNOWN = "unknown_case"


class _Unmet(Exception):
    """An expectation that was not met."""

    def __init__(self, zh: str, en: str, expected: Any, seen: Any):
        self.zh, self.en, self.expected, self.seen = zh, en, expected, seen
        super().__init__(en)


def play(
    scenario: Scenario,
    wiring: Wiring,
    make_stage: StageMaker,
    *,
    seed: int = 0,
    listeners: Iterable[Listener] = (),
    before_step: Callable[[Step], None] | None = None,
) -> Run:
    """Play a scenario once, in one of its wirings, on a fresh stage. `before_step` may wait for somebody who watches."""
    if wiring not in scenario.wirings:
        raise ValueError(f"scenario {scenario.id} is not for the wiring {wiring}")
    stage = make_stage(scenario.profile, wiring, seed, scenario.quirks)
    try:
        return Player(scenario, stage, tuple(listeners), before_step).play()
    finally:
        stage.close()


class Player:
    """One run on a stage that is somebody else's to close. `play` tells the scenario's own story; a program that decides as it goes calls `begin`, `step` and `end`."""

    def __init__(
        self,
        scenario: Scenario,
        stage: Stage,
        listeners: tuple[Listener, ...] = (),
        before_step: Callable[[Step], None] | None = None,
    ):
        self.stage = stage
        self.trace = stage.trace
        self.run = Run(scenario=scenario, wiring=stage.wiring, stage=stage.name, seed=stage.seed, trace=stage.trace)
        self._listeners = listeners
        self._before_step = before_step
        self._told = 0
        #: What came of the last act.
        self.done: Mapping[str, Any] = {}
        self._remembered: dict[str, Any] = {}
        self._step: Step | None = None
        self._forged = 0
        #: The cursors of queries that were left off in the middle, by whom was asked and in whose name.
        self._left_off: dict[tuple[Party, Side], str] = {}
        self._do: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "given": self._given,
            "remember": self._remember,
            **{name: self._network for name in catalogue() if name.startswith("network.")},
            "clock.advance": self._advance,
            "party.restart": self._restart,
            "receipt.inject": self._inject_receipt,
            "form.inject": self._inject_form,
            "query.inject": self._inject_query,
            "expect": self._expect,
            "expect.form": self._expect_form,
            "expect.receipt": self._expect_receipt,
            "expect.notice": self._expect_notice,
            "expect.worklist": self._expect_worklist,
            "expect.parked": self._expect_parked,
            "expect.kept": self._expect_kept,
            "expect.count": self._expect_count,
            "expect.answer": self._expect_answer,
        }

    def play(self) -> Run:
        """The whole story."""
        self.begin()
        for step in self.run.scenario.steps:
            if not self.run.passed:
                break
            self.step(step)
        return self.end()

    def begin(self) -> None:
        """Let both platforms do what they do on their own at the beginning, such as a first query."""
        self._tell(RunStarted(run=self.run))
        self._guarded(self.stage.settle)

    def step(self, step: Step) -> None:
        """Play one step; the outcome of the run says whether the story goes on."""
        self._guarded(lambda: self._play_step(step))

    def end(self) -> Run:
        """Have a story judged that has come to its end; the run is over."""
        if self.run.passed:
            self._guarded(self._judge_the_end)
        if not self.run.passed:
            self.trace.at_rest = False
        self._tell_records()
        self._tell(RunFinished(run=self.run))
        return self.run

    def _judge_the_end(self) -> None:
        self._step = None
        self._final_facts()
        self._judge()
        self._conclude()

    def _guarded(self, do: Callable[[], None]) -> None:
        """Do it; whatever is raised decides how the run ends."""
        run = self.run
        try:
            do()
        except _Unmet as unmet:
            self._fail(unmet)
        except NotOffered as missing:
            self._break_off(missing)
        except StageUnusable as unusable:
            run.outcome, run.obstacle = Outcome.CONFIG, (unusable.zh, unusable.en)
        except Exception as broke:
            run.outcome = Outcome.ERROR
            run.error = f"{type(broke).__name__}: {broke}"
            run.error_detail = "".join(traceback.format_exception(broke))

    def _play_step(self, step: Step) -> None:
        self._step = step
        if self._before_step is not None:
            self._before_step(step)
        self._tell(StepStarted(run=self.run, step=step))
        if step.inner is not None:
            self._refused(step.inner, step.params["because"])
        elif step.word.is_act:
            self._act(step.word, step.params)
        elif step.word.name.startswith("expect"):
            self._look(step)
        else:
            self._do[step.word.name](step.params)
        self.stage.settle()
        self._tell_records()
        self._tell(StepFinished(run=self.run, step=step))

    def _look(self, step: Step) -> None:
        known_of = len(self.run.unobserved)
        try:
            self._do[step.word.name](step.params)
        except NotOffered:
            if len(self.run.unobserved) > known_of:
                return
            question = step.params.get("ask", step.params.get("of", step.word.name))
            self.run.unobserved.append((str(step.params.get("party", "")), str(question)))

    def _fail(self, unmet: _Unmet) -> None:
        self.run.outcome = Outcome.FAIL
        self.run.failure = Failure(step=self._step, zh=unmet.zh, en=unmet.en, expected=unmet.expected, seen=unmet.seen)
        self._tell_records()
        self._tell(ExpectationFailed(run=self.run, failure=self.run.failure))

    def _break_off(self, missing: NotOffered) -> None:
        """The story cannot be told to its end; what was seen up to here is judged all the same."""
        self.run.outcome, self.run.obstacle = Outcome.INCONCLUSIVE, (missing.zh, missing.en)
        self.trace.at_rest = False
        try:
            self._judge()
        except _Unmet as unmet:
            self._fail(unmet)

    def _conclude(self) -> None:
        """A story of which a step could be looked at by nobody proves nothing."""
        if self.run.unobserved:
            told = ", ".join(f"{party}/{question}" for party, question in dict.fromkeys(self.run.unobserved))
            self.run.outcome = Outcome.INCONCLUSIVE
            self.run.obstacle = (f"无从观察:{told}", f"could not be observed: {told}")

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _tell_records(self) -> None:
        fresh = tuple(self.trace.records[self._told :])
        self._told = len(self.trace.records)
        if fresh:
            self._tell(Recorded(run=self.run, records=fresh))

    # ── people ──

    def _act(self, word: Word, params: Mapping[str, Any]) -> dict[str, Any]:
        try:
            result = self._try(word, params)
        except NotOffered:
            raise
        except StageRefused as refused:
            raise _Unmet(
                f"{word.zh}被拒绝:{refused.code},{refused.zh}",
                f"{word.name} was refused: {refused.code}, {refused.en}",
                "done",
                refused.code,
            ) from None
        if word.introduces is not None:
            self.run.cases[params["as"]] = str(result["case"])
        self.done = result
        if word.name == "department.dispose":
            self.stage.settle()
            self._look_at_verifiers()
        return result

    def _try(self, word: Word, params: Mapping[str, Any]) -> dict[str, Any]:
        handed = {
            name: self._case(value) if name in word.params and word.params[name].kind == "case" else value
            for name, value in params.items()
            if name not in ("as", "by")
        }
        party = Party(word.party or "")
        return self.stage.act(
            party, word.name, handed, params.get("by", _AT_THE_BRIDGE if party is Party.BRIDGE else None)
        )

    def _refused(self, inner: Step, because: str) -> None:
        try:
            self._try(inner.word, inner.params)
        except NotOffered:
            raise
        except StageRefused as refused:
            if not _same_reason(refused.code, because) and not refused.own_words:
                raise _Unmet(
                    f"{inner.word.zh}被拒绝的原因应为 {because},实为 {refused.code}:{refused.zh}",
                    f"{inner.word.name} should be refused because of {because}, but it was {refused.code}: {refused.en}",
                    because,
                    refused.code,
                ) from None
            return
        raise _Unmet(
            f"{inner.word.zh}应被拒绝({because}),却办成了",
            f"{inner.word.name} should have been refused ({because}), but it was done",
            because,
            "done",
        )

    def _given(self, params: Mapping[str, Any]) -> None:
        known = acts()
        self._act(known["worker.report"], given.report(params))
        self.stage.settle()
        for name, own in given.acts_to(params, self.stage.profile.choices):
            self._act(known[name], {"case": params["case"]} | own)
            self.stage.settle()

    def _case(self, name: str) -> str:
        return self.run.cases[name]

    # ── network, clock, parties ──

    def _network(self, params: Mapping[str, Any]) -> None:
        if self._step is None:
            raise RuntimeError("the network is told something only in a step")
        self.stage.fault(read_rule(self._step.word.name, params, self._case))

    def _advance(self, params: Mapping[str, Any]) -> None:
        advance = read_advance(params["by"])
        if advance.to_next_timer:
            due = self.stage.next_timer()
            if due is None:
                raise _Unmet("没有任何定时事项在等待", "no timer is running", "a timer", None)
            self.stage.advance(due)
            return
        to = arrive(self.stage.now, advance, self.stage.profile.working_time)
        if to < self.stage.now:
            raise _Unmet(
                f"时钟已过 {to:%Y-%m-%d %H:%M}", f"the clock is already past {to:%Y-%m-%d %H:%M}", to, self.stage.now
            )
        self.stage.advance(to)

    def _restart(self, params: Mapping[str, Any]) -> None:
        self.stage.restart(Party(params["party"]))

    def _remember(self, params: Mapping[str, Any]) -> None:
        answer = self.stage.ask(Party(params["party"]), "case", {"case": self._case(params["case"])})
        key = str(params["field"]).partition(".")[0]
        if key not in answer:
            raise NotOffered(
                f"{_ZH[Party(params['party'])]}的 case 答复中没有 {key}",
                f"the {params['party']} side's answer about a case does not tell {key}",
            )
        self._remembered[params["as"]] = dig(answer, params["field"])

    # ── forged messages ──

    def _pretending(self, params: Mapping[str, Any]) -> Side:
        if "as" in params:
            return Side(params["as"])
        return Side(params["to"]).other

    def _forged_id(self, params: Mapping[str, Any]) -> str:
        self._forged += 1
        return params.get("message_id") or forge.message_id(f"{self.run.scenario.id}/{self._forged}")

    def _inject_receipt(self, params: Mapping[str, Any]) -> None:
        form_type = FormType(params["of"])
        case_number = self._case(params["case"]) if "case" in params else params["case_number"]
        id_ = params.get("message_id")
        if id_ is None:
            sending = self._nth_sending(case_number, form_type, params.get("nth", 1), None, None)
            id_ = sending.message_id if sending is not None else forge.message_id(f"nobody's/{self.run.scenario.id}")
        message = forge.receipt_message(
            self.stage.profile,
            self._pretending(params),
            self._forged_id({}),
            self.stage.now,
            case_number=case_number,
            form_message_id=id_,
            form_type=form_type,
            code=ErrorCode(params["code"]) if "code" in params else None,
        )
        # The books before and after show that a receipt out of place changes nothing (RCPT-3).
        self._books_of(case_number)
        ending = self.stage.inject(message, Party(params["to"]), self._pretending(params))
        self.stage.settle()
        self._books_of(case_number)
        self._check_answer(params, ending)

    def _inject_form(self, params: Mapping[str, Any]) -> None:
        form_type = FormType(params["type"])
        case_number = self._case(params["case"]) if "case" in params else params["case_number"]
        id_, like = self._forged_id(params), None
        if "like" in params:
            sending = self._nth_sending(case_number, form_type, params["like"], None, None)
            if sending is None:
                raise _Unmet(
                    f"还没有第 {params['like']} 份 {form_type}",
                    f"there is no {form_type} #{params['like']} yet",
                    "a form",
                    None,
                )
            id_, like = params.get("message_id", sending.message_id), sending.form
        fields = self._resolved(params.get("fields", {}))
        if like is None and "taskNumber" not in fields:
            number = self._task_number(case_number)
            fields = ({"taskNumber": number} if number else {}) | fields
        form = forge.build_form(form_type, case_number, fields, self.stage.now, like)
        pretending = self._pretending(params)
        message = forge.form_message(
            self.stage.profile,
            pretending,
            form,
            id_,
            self.stage.now,
            sender=params.get("sender"),
            recipient=params.get("recipient"),
            case_number=params.get("header_case_number"),
        )
        self._check_answer(params, self.stage.inject(message, Party(params["to"]), pretending, params.get("written")))

    def _task_number(self, case_number: str) -> str | None:
        answer = self._answer(Party.URBAN, "case", {"case": case_number})
        if isinstance(answer, Mapping):
            number = answer.get("task_number")
        else:
            # A platform that does not tell has said it in its forms.
            told = [
                s.form["taskNumber"]
                for s in self.trace.sendings()
                if s.case_number == case_number and "taskNumber" in s.form
            ]
            number = told[-1] if told else None
        return None if number is None else str(number)

    def _inject_query(self, params: Mapping[str, Any]) -> None:
        to = Party(params["to"])
        pretending = Side(params["as"]) if "as" in params else Side.URBAN
        seen: list[str] = []
        cursor = params.get("cursor")
        if params.get("go_on"):
            cursor = self._left_off.get((to, pretending))
            if cursor is None:
                raise _Unmet("没有中途停下的查询可以接着查", "no query was left off that could go on", "a cursor", None)
        pages = 0
        while True:
            query = CaseQuery(
                since=read_moment(params["since"]) if "since" in params else None,
                state=HandedOverState(params["state"]) if "state" in params else None,
                cursor=cursor,
                page_size=params.get("page_size", 50),
            )
            message = forge.query_message(self.stage.profile, pretending, self._forged_id({}), self.stage.now, query)
            ending = self.stage.inject(message, to, pretending)
            pages += 1
            page = ending.page if isinstance(ending, Answered) else None
            if page is None or pages > _PAGES_MAX:
                break
            seen += [found.hand_over.case_number for found in page.cases]
            cursor = page.next_cursor
            if pages == params.get("stop_after"):
                self._left_off[to, pretending] = cursor
                break
            if not page.more:
                break
        self._check_answer(params, ending)
        if "cases" in params:
            wanted = [self._case(name) for name in params["cases"]]
            self._equal(wanted, seen, "查询得到的案卷", "the cases that the query brought")
        if "pages" in params:
            self._equal(params["pages"], pages, "查询的页数", "the number of pages")

    def _check_answer(self, params: Mapping[str, Any], ending: Ending) -> None:
        wanted = params.get("answer")
        if wanted is None:
            return
        kinds = _answer_kinds(ending)
        if wanted not in kinds:
            detail = ending.fault.message_en if isinstance(ending, Faulted) else ""
            raise _Unmet(
                f"应答应为 {wanted},实为 {kinds[0]} {detail}".rstrip(),
                f"the answer should be {wanted}, but it was {kinds[0]} {detail}".rstrip(),
                wanted,
                kinds[0],
            )

    # ── expectations ──

    @property
    def _names(self) -> Names:
        return Names(self.run.cases, self._remembered)

    def _resolved(self, value: Any) -> Any:
        """Parameters with names of cases turned into numbers where they stand as `{case: c1}` or under `case`."""
        if not isinstance(value, Mapping):
            return [self._inner(item) for item in value] if isinstance(value, list) else value
        cases = self.run.cases
        return {
            key: cases[item] if key == "case" and isinstance(item, str) and item in cases else self._inner(item)
            for key, item in value.items()
        }

    def _inner(self, value: Any) -> Any:
        if isinstance(value, Mapping) and set(value) == {"case"} and value["case"] in self.run.cases:
            return self.run.cases[value["case"]]
        return self._resolved(value)

    def _answer(self, party: Party, question: str, params: Mapping[str, Any]) -> Any:
        """What a party answers; None when it refuses to."""
        try:
            return self.stage.ask(party, question, params)
        except StageRefused:
            return None

    def _parties(self) -> tuple[Party, ...]:
        if self.stage.wiring is Wiring.BRIDGED:
            return (Party.GRID, Party.BRIDGE, Party.URBAN)
        return (Party.GRID, Party.URBAN)

    def _equal(self, wanted: Any, seen: Any, zh: str, en: str) -> None:
        found = mismatches(wanted, seen, self._names)
        if found:
            raise _Unmet(
                f"{zh}:" + ";".join(f"{_at(m.path)}应为 {_said(m.expected)},实为 {_said(m.seen)}" for m in found),
                f"{en}: "
                + "; ".join(f"{_at_en(m.path)}expected {_said(m.expected)}, seen {_said(m.seen)}" for m in found),
                found[0].expected if len(found) == 1 else {m.path: m.expected for m in found},
                found[0].seen if len(found) == 1 else {m.path: m.seen for m in found},
            )

    def _expect(self, params: Mapping[str, Any]) -> None:
        name = params["case"]
        unseen: list[tuple[str, str]] = []
        looked = False
        for party in self._parties():
            wanted = params.get(party.value)
            if wanted is None:
                continue
            try:
                seen = self.stage.ask(party, "case", {"case": self._case(name)})
            except NotOffered:
                unseen.append((party.value, "case"))
                continue
            except StageRefused as refused:
                if refused.code != _UNKNOWN:
                    raise
                seen = {"unknown": True}
            looked = True
            unknown = {"unknown"} & {*wanted, *seen}
            known = Observable(wanted, ()) if unknown else observable(wanted, seen)
            self.run.unobserved += [(party.value, f"case.{path}") for path in known.untold]
            self._equal(known.expected, seen, f"{_ZH[party]}的案卷 {name}", f"case {name} on the {party} side")
        if not looked:
            self.run.unobserved += unseen

    def _sendings(self, case_number: str, form_type: FormType, sender: str | None, to: str | None) -> list[Sending]:
        return [
            sending
            for sending in self.trace.sendings()
            if sending.case_number == case_number
            and sending.form_type == form_type
            and sender in (None, sending.sender)
            and to in (None, sending.to)
        ]

    def _nth_sending(
        self, case_number: str, form_type: FormType, nth: int, sender: str | None, to: str | None
    ) -> Sending | None:
        """The nth form as it went over one hop; without a choice of hop, over the first one."""
        found = self._sendings(case_number, form_type, sender, to)
        if sender is None and to is None:
            found = [sending for sending in found if sending.sender != Party.BRIDGE]
        return found[nth - 1] if len(found) >= nth else None

    def _expect_form(self, params: Mapping[str, Any]) -> None:
        form_type, case_number = FormType(params["type"]), self._case(params["case"])
        found = self._sendings(case_number, form_type, params.get("from"), params.get("to"))
        if "from" not in params and "to" not in params:
            # As its recipient sees it: the last hop.
            found = [sending for sending in found if sending.to != Party.BRIDGE]
        if "count" in params:
            fields = params.get("fields", {})
            counted = [sending for sending in found if fits(fields, sending.form, self._names)]
            like = f" {_said(fields)}" if fields else ""
            self._equal(
                params["count"],
                len(counted),
                f"表单 {form_type}{like} 的份数",
                f"the number of {form_type}{like} forms",
            )
            return
        nth = params.get("nth", 1)
        if len(found) < nth:
            raise _Unmet(
                f"案卷 {params['case']} 应有第 {nth} 份 {form_type},只见 {len(found)} 份",
                f"case {params['case']} should have {form_type} #{nth}, but {len(found)} were seen",
                nth,
                len(found),
            )
        sending = found[nth - 1]
        self._equal(params.get("fields", {}), sending.form, f"表单 {form_type} #{nth}", f"the form {form_type} #{nth}")
        if "attempts" in params:
            tries = sum(not attempt.by_network for attempt in sending.attempts)
            self._equal(
                params["attempts"], tries, f"{form_type} #{nth} 的发送次数", f"the sendings of {form_type} #{nth}"
            )

    def _expect_receipt(self, params: Mapping[str, Any]) -> None:
        form_type, nth = FormType(params["of"]), params.get("nth", 1)
        case_number = self._case(params["case"])
        found = [
            sending
            for sending in self._sendings(case_number, form_type, None, None)
            if (sending.to if params.get("hop") == Hop.LAST else sending.sender) != Party.BRIDGE
        ]
        if len(found) < nth:
            raise _Unmet(
                f"案卷 {params['case']} 应有第 {nth} 份 {form_type},只见 {len(found)} 份",
                f"case {params['case']} should have {form_type} #{nth}, but {len(found)} were seen",
                nth,
                len(found),
            )
        seen = _receipt_seen(found[nth - 1])
        wanted: dict[str, Any] = {"outcome": params["outcome"]}
        wanted |= {key: params[key] for key in ("code", "field", "times") if key in params}
        self._equal(wanted, seen, f"{form_type} #{nth} 的回执", f"the receipt of {form_type} #{nth}")

    def _items(self, party: Party, question: str, params: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Any]:
        try:
            answer = self.stage.ask(party, question, params)
        except NotOffered:
            raise
        except StageRefused:
            return []
        items = answer if isinstance(answer, list) else []
        untold = observable({"contains": wanted}, items).untold
        if untold:
            self.run.unobserved += [(party.value, f"{question}{path}") for path in untold]
            raise NotOffered(
                f"对 {question} 的答复没有 {', '.join(untold)}", f"the answer to {question} has no {', '.join(untold)}"
            )
        return [item for item in items if fits(wanted, item, self._names)]

    def _counted(self, found: list[Any], params: Mapping[str, Any], wanted: Any, zh: str, en: str, all_: Any) -> None:
        """Exactly `count` of them, or at least one when no count is said."""
        ok = len(found) == params["count"] if "count" in params else bool(found)
        if not ok:
            number = params.get("count", "≥1")
            raise _Unmet(
                f"{zh}应有 {number} 项 {_said(wanted)},实有 {len(found)} 项",
                f"{en}: expected {number} like {_said(wanted)}, seen {len(found)}",
                {"count": number, "like": wanted},
                all_,
            )

    def _expect_notice(self, params: Mapping[str, Any]) -> None:
        party = Party(params["party"])
        wanted = {key: params[key] for key in ("kind", "phase", "duty") if key in params}
        for name, key in (("case", "case_number"), ("related", "related_case_number")):
            if name in params:
                wanted[key] = self._case(params[name])
        found = self._items(party, "notices", {}, wanted)
        self._counted(
            found,
            params,
            wanted,
            f"{_ZH[party]}的通知",
            f"notices of the {party} side",
            self._answer(party, "notices", {}),
        )

    def _expect_worklist(self, params: Mapping[str, Any]) -> None:
        party = Party(params["party"])
        question = {key: params[key] for key in ("role", "account", "level") if key in params}
        number = self._case(params["case"])
        answer = self.stage.ask(party, "worklist", question)
        listed = [item["case_number"] if isinstance(item, Mapping) else item for item in answer]
        wanted = params.get("listed", True)
        if (number in listed) is not wanted:
            zh, en = ("应在", "should be") if wanted else ("不应在", "should not be")
            raise _Unmet(
                f"案卷 {params['case']} {zh} {params['role']} 的待办列表中",
                f"case {params['case']} {en} on the work list of {params['role']}",
                wanted,
                listed,
            )

    def _expect_parked(self, params: Mapping[str, Any]) -> None:
        party = Party(params["party"])
        wanted = {"case_number": self._case(params["case"])}
        wanted |= {"form_type": params["type"]} if "type" in params else {}
        found = self._items(party, "parked", {}, wanted)
        self._counted(
            found,
            params,
            wanted,
            f"{_ZH[party]}挂起的表单",
            f"parked forms of the {party} side",
            self._answer(party, "parked", {}),
        )

    def _expect_kept(self, params: Mapping[str, Any]) -> None:
        party = Party(params["party"])
        wanted = {"kept_as": params["kept_as"]}
        wanted |= {"case_number": self._case(params["case"])} if "case" in params else {}
        wanted |= {"form_type": params["of"]} if "of" in params else {}
        wanted |= {"reason": params["reason"]} if "reason" in params else {}
        found = self._items(party, "receipts_kept", {}, wanted)
        self._counted(
            found,
            params,
            wanted,
            f"{_ZH[party]}留存的回执",
            f"receipts kept by the {party} side",
            self._answer(party, "receipts_kept", {}),
        )

    def _expect_count(self, params: Mapping[str, Any]) -> None:
        party = Party(params["party"])
        answer = self.stage.ask(party, params["of"], {})
        items = answer if isinstance(answer, list) else []
        found = [item for item in items if fits(self._resolved(params.get("where", {})), item, self._names)]
        self._equal(params["count"], len(found), f"{_ZH[party]}的 {params['of']} 数", f"the number of {params['of']}")

    def _expect_answer(self, params: Mapping[str, Any]) -> None:
        party = Party(params["party"])
        try:
            seen = self.stage.ask(party, params["ask"], self._resolved(params.get("params", {})))
        except NotOffered:
            raise
        except StageRefused as refused:
            seen = {"refused": refused.code}
        self._equal(
            params["answer"], seen, f"{_ZH[party]}对 {params['ask']} 的答复", f"the {party} side's {params['ask']}"
        )

    # ── for the judge ──

    def _look_at_verifiers(self) -> None:
        for role in _VERIFIER_ROLES:
            self._answer(Party.URBAN, "worklist", {"role": role})

    def _books_of(self, case_number: str) -> None:
        for party in self._parties():
            self._answer(party, "case", {"case": case_number})

    def _final_facts(self) -> None:
        """Ask every party what it believes at the end, so that the judge can compare."""
        for number in self.run.cases.values():
            self._books_of(number)
            for party in (Party.GRID, Party.URBAN):
                self._answer(party, "forms", {"case": number})
        self._look_at_verifiers()
        for party in self._parties():
            self._answer(party, "notices", {})

    def _judge(self) -> None:
        self.run.judged_at_rest = self.trace.at_rest
        self.run.verdicts = tuple(judge(self.trace, self.stage.profile))
        broken = self.run.broken
        if broken:
            first = broken[0]
            raise _Unmet(
                ";".join(f"条款 {v.clause} 未守:{v.seen_zh}" for v in broken),
                "; ".join(f"clause {v.clause} was broken: {v.seen_en}" for v in broken),
                first.expected_en,
                [record for record in self.trace.records if record["n"] in first.records],
            )


#: Reasons that lie in who acts: somebody of another role at another level can be told either.
_WHO_ACTS = ("not_your_role", "not_your_level", "not_your_territory")


def _same_reason(code: str, because: str) -> bool:
    return code == because or (code in _WHO_ACTS and because in _WHO_ACTS)


#: Whoever acts at the bridge does it under a name, for it keeps a book of that.
_AT_THE_BRIDGE = "值班员"
_ZH = {Party.GRID: "网格平台", Party.URBAN: "城管平台", Party.BRIDGE: "对接桥"}


def _receipt_seen(sending: Sending) -> Record:
    """What became of a form as its sender on this hop saw it."""
    times = sum(not receipt.injected for receipt in sending.receipts)
    effective = sending.effective
    if effective is not None:
        fault = effective.receipt.get("fault") or {}
        return {"outcome": effective.outcome, "code": effective.code, "field": fault.get("field"), "times": times}
    refused = sending.refused_for_good
    if refused is not None:
        fault = refused.fault or {}
        return {"outcome": "fault", "code": fault.get("code"), "field": fault.get("field"), "times": times}
    return {"outcome": "none", "code": None, "field": None, "times": times}


def _answer_kinds(ending: Ending) -> tuple[str, ...]:
    if isinstance(ending, Faulted):
        return ("fault",)
    if not isinstance(ending, Answered):
        return ("unanswered",)
    if ending.page is not None:
        return ("page",)
    if ending.receipt is not None:
        return (str(ending.receipt.outcome), "receipt")
    return ("acknowledged",)


def _at(path: str) -> str:
    return "" if path == "value" else f"{path} "


def _at_en(path: str) -> str:
    return "" if path == "value" else f"{path}: "


def _said(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"
