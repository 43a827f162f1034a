"""One world: people report, people act as their tables say, machines answer, until nobody has anything to do."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, TextIO, cast

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.ledger import Books, Finding, audit, read
from conformance.oracle.judge import Verdict
from conformance.oracle.stream import Stream
from conformance.scenario.faults import CUT, RESTORE, FaultRule, Noise
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.cast import RIGHT, Cast
from duijie.simulation.figures import Figures
from duijie.simulation.journal import Journal
from duijie.simulation.lots import below, between, lots, weighted
from duijie.simulation.remembered import Remembered
from duijie.simulation.situations import Situation, at_grid, at_urban, is_over
from duijie.simulation.tables import HUNDRED, Custom, Weather, city_table, customs
from duijie.simulation.worlds import FIRST_DAY, SERIALS_OF_A_WORLD, Birth, World, births, seed_of
from duijie.virtual import VirtualStage
from simulators.city.town import Town
from simulators.grid.casebook import GridCase
from simulators.grid.platform import GridPlatform
from simulators.urban.calendar import WorkingCalendar
from simulators.urban.cases import DisposalEnd, UrbanCase
from simulators.urban.platform import UrbanPlatform

#: After the last day of reports a world has so long to come to rest.
REST_WITHIN = timedelta(days=120)
#: A case that is over on both sides is kept at hand for so long after the longest delay of its network.
QUIET = timedelta(days=2)
#: Whoever sent a parked form again looks after so long whether it has gone through.
LOOK_AGAIN = timedelta(hours=6)
#: Whoever has sent a form again so often at one party leaves the case to others.
RESENT_MAX = 5
#: A fault makes a form go again on the hop where it was met and, while its sender waits for the receipt, on the one before.
REPEATED_FOR_A_FAULT = 2
#: A restart cuts off whatever is under way just then; there is never much.
REPEATED_FOR_A_RESTART = 20
#: Photos that people take: few, because it does not matter what is on them, and each is drawn once.
_PHOTOS = 400
#: When it is counted where the cases stand.
_AFTERNOON = time(15)
_MONTH_DAYS = 30
#: The second report of the same thing, or of something alike, comes so many minutes after the first.
_REPEAT_AFTER = (30, 240, 1440, 4320)

_PARTIES = (Party.GRID, Party.BRIDGE, Party.URBAN)
_PARKED_AT = {Party.GRID: "parked_at_grid", Party.URBAN: "parked_at_urban", Party.BRIDGE: "parked_at_bridge"}
_FORM_TYPES = tuple(FormType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a world is made from. The same plan gives the same world, to the byte."""

    profile: Profile
    world: World
    days: int
    seed: int
    weather: Weather
    #: Id of a member of the zoo that takes the place of one party.
    planted: str | None = None
    #: Only these things are reported, when not all.
    only: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """Something that no clause forbids by itself, and that a sound pair does not show over a whole life."""

    #: `stuck` or `needless`.
    name: str
    zh: str
    en: str


@dataclass(slots=True, kw_only=True)
class Lived:
    """What became of a world."""

    world: World
    digest: str
    at_rest: bool
    figures: Figures
    verdicts: tuple[Verdict, ...]
    findings: list[Finding]
    #: Records about cases that the judge had let go.
    heard_after_the_end: int
    ailments: tuple[Ailment, ...] = ()
    #: What the world stumbled over, when it did not live to its end.
    error: str | None = None

    @property
    def broken(self) -> tuple[str, ...]:
        """Clauses that were broken, and facts of the books that do not hold."""
        clauses = [verdict.clause for verdict in self.verdicts if verdict.failed]
        books = dict.fromkeys(f"books/{finding.rule}" for finding in self.findings)
        lives = (f"lives/{ailment.name}" for ailment in self.ailments)
        return (*clauses, *books, *lives, *(("error",) if self.error else ()))


@dataclass(slots=True, eq=False)
class _Life:
    """A case under way, as the simulation follows it."""

    number: str
    birth: Birth
    #: 0 for the first report of a thing, 1 for the second.
    again: int
    drawn: set[Situation] = field(default_factory=set)
    over_at: datetime | None = None


#: What somebody will do.
_Deed = Callable[[], None]


class LivingWorld:
    """A world while it lives."""

    def __init__(self, plan: Plan, town: Town, out: TextIO | None = None, parties: Cast = RIGHT):
        self._plan = plan
        self._memories: dict[Side, Remembered] = {}
        self._own = seed_of(plan.world, plan.seed)
        self._figures = Figures()
        self._stream = Stream(plan.profile)
        serial = 1 + plan.world.index * SERIALS_OF_A_WORLD
        # What it takes to set the same stage again.
        simulated = {"seed": plan.seed, "world": plan.world.key, "stage_seed": self._own, "first_serial": serial}
        self._journal = Journal(self._stream, self._figures, simulated, out)
        self._stage = VirtualStage(
            plan.profile,
            Wiring.BRIDGED,
            self._own,
            Quirkiness(seed=self._own),
            cast=self._with_memory(parties),
            town=town,
            first_serial=serial,
            trace=self._journal,
        )
        self._cells = [cell.code for cell in town.places.cells if cell.district == plan.world.district]
        self._districts = sorted(town.districts)
        self._calendar = WorkingCalendar(plan.profile.working_time)
        self._customs = customs()
        #: What people will do, soonest first; the count keeps equal moments in order.
        self._agenda: list[tuple[datetime, int, _Deed]] = []
        self._planned = 0
        self._lives: dict[str, _Life] = {}
        #: Cases that are over and may still be heard of, oldest first.
        self._ending: dict[str, _Life] = {}
        self._quiet = QUIET + timedelta(seconds=plan.weather.up_to_seconds)
        self._notices_seen = {Party.GRID: 0, Party.URBAN: 0}
        self._parked_seen: set[tuple[str, str, int]] = set()

    def _with_memory(self, parties: Cast) -> Cast:
        """The same parties, both platforms with their logs."""

        def remembered(side: Side) -> Callable[..., Remembered]:
            maker = parties.grid if side is Side.GRID else parties.urban

            def from_log(restart: int) -> bool:
                lot = lots(self._own, "from the log", side.value, restart)[0]
                return below(lot, HUNDRED) < city_table().from_log_of_a_hundred

            def make(*given: Any) -> Remembered:
                self._memories[side] = Remembered(partial(maker, *given), from_log)
                return self._memories[side]

            return make

        return replace(parties, grid=remembered(Side.GRID), urban=remembered(Side.URBAN))

    @property
    def _grid(self) -> GridPlatform:
        """The grid platform's own books; a restart may have made another machine of it."""
        return cast("GridPlatform", self._memories[Side.GRID].machine)

    @property
    def _urban(self) -> UrbanPlatform:
        return cast("UrbanPlatform", self._memories[Side.URBAN].machine)

    def live(self, tell: Callable[[datetime, int], None] | None = None) -> Lived:
        """Live to the end; `tell` hears each moment, and how many cases are over by then."""
        horizon = datetime.combine(FIRST_DAY, time(0), SHANGHAI) + timedelta(days=self._plan.days) + REST_WITHIN
        self._make_weather()
        for birth in births(self._plan.world, self._plan.days, self._plan.seed):
            if self._plan.only is None or birth.ordinal in self._plan.only:
                self._conceive(birth)
        while (due := self._next()) is not None and due <= horizon:
            # Timers come first; what they bring about may change what people find.
            self._stage.reach(due)
            while self._agenda and self._agenda[0][0] <= due:
                deed = heapq.heappop(self._agenda)[2]
                deed()
                self._look()
            self._look()
            if tell is not None:
                tell(due, self._figures.cases["over"])
        return self._end(at_rest=self._next() is None)

    def _next(self) -> datetime | None:
        moments = [self._agenda[0][0]] if self._agenda else []
        timer = self._stage.next_timer()
        return min([*moments, timer]) if timer is not None else min(moments, default=None)

    def _at(self, moment: datetime, deed: _Deed) -> None:
        self._planned += 1
        heapq.heappush(self._agenda, (moment, self._planned, deed))

    # ── reports ──

    def _conceive(self, birth: Birth) -> None:
        self._at(birth.at, lambda: self._report(birth, 0))
        if birth.trait in ("duplicate", "alike"):
            wait = between(lots(self._own, "again", birth.ordinal)[0], _REPEAT_AFTER)
            self._at(birth.at + timedelta(minutes=wait), lambda: self._report(birth, 1))

    def _report(self, birth: Birth, again: int) -> None:
        place = self._cells[below(birth.cell, len(self._cells))]
        words = f"{self._plan.world.key}片区第{birth.ordinal}件"
        if again and birth.trait == "alike":
            words += "(另一处)"
        params = {
            "kind": birth.kind.value,
            "category": birth.category,
            "subcategory": birth.subcategory,
            "description": words,
            "photos": [f"photo-{birth.ordinal % _PHOTOS}"],
            "cell": place,
            "reporter_name": f"市民{birth.ordinal}",
        }
        number = self._stage.act(Party.GRID, "worker.report", params)["case"]
        self._lives[number] = _Life(number, birth, again)
        self._figures.cases["reported"] += 1
        self._figures.reported_on[_day(self._stage.now)] += 1

    # ── people ──

    def _look(self) -> None:
        """Let people notice what has come to them."""
        touched, self._journal.touched = self._journal.touched, {}
        for number in touched:
            life = self._lives.get(number)
            if life is not None:
                self._consider(life)
        self._look_after_parked()
        self._let_go()

    def _consider(self, life: _Life) -> None:
        grid = self._grid.cases[life.number]
        urban = self._urban.cases.get(life.number)
        for situation in (*at_grid(grid), *(() if urban is None else at_urban(urban))):
            if situation not in life.drawn:
                life.drawn.add(situation)
                self._come_into(life, *situation)
        if is_over(grid, urban):
            if life.over_at is None:
                self._figures.cases["over"] += 1
            # What is still said about it keeps it at hand.
            life.over_at = self._stage.now
            self._ending.pop(life.number, None)
            self._ending[life.number] = life

    def _custom(self, situation: str, visit: int, trait: str) -> Custom:
        special = self._customs.get((situation, trait))
        if special is None or (special.first is not None and visit > special.first):
            return self._customs[situation, ""]
        return special

    def _come_into(self, life: _Life, situation: str, visit: int) -> None:
        """Draw what will be done in a situation, and when."""
        custom = self._custom(situation, visit, life.birth.trait)
        which, wait, other, _ = lots(self._own, life.birth.ordinal, life.again, situation, visit)
        choice = custom.choices[weighted(which, custom.shares)]
        if not choice.act:
            return
        delay = timedelta(seconds=between(wait, [60 * minutes for minutes in custom.after]))
        due = self._calendar.add(self._stage.now, delay) if custom.office else self._stage.now + delay
        self._at(due, lambda: self._do(life, situation, visit, choice.act, choice.params, other))

    def _do(self, life: _Life, situation: str, visit: int, act: str, params: Mapping[str, Any], other: int) -> None:
        """Do it, if the case is still in that situation when the time has come."""
        grid, urban = self._grid.cases[life.number], self._urban.cases.get(life.number)
        waiting = (*at_grid(grid), *(() if urban is None else at_urban(urban)))
        if not situation.startswith("parked") and (situation, visit) not in waiting:
            return
        filled = {name: self._fill(name, value, life, urban, other) for name, value in params.items()}
        party, by = _seat_of(act)
        try:
            self._stage.act(party, act, {"case": life.number} | filled, by)
        except StageRefused:
            # Somebody was quicker; the trace has it.
            return
        if situation in _PARKED_AT.values():
            self._at(self._stage.now + LOOK_AGAIN, lambda: self._look_again(party, life, visit))

    def _fill(self, name: str, value: Any, life: _Life, urban: UrbanCase | None, other: int) -> Any:
        if name == "photos":
            return [f"photo-{below(other, _PHOTOS)}" for _ in range(value)]
        if value == "another":
            here = life.number[:6] if urban is None or urban.district is None else urban.district
            others = [code for code in self._districts if code != here]
            return others[below(other, len(others))]
        return value

    def _look_after_parked(self) -> None:
        """Whoever is told of a parked form, or finds one at the bridge, sends it on its way again."""
        for party, machine in ((Party.GRID, self._grid), (Party.URBAN, self._urban)):
            told = machine.notices
            for notice in told[self._notices_seen[party] :]:
                if notice.kind == "parked" and notice.phase == "started":
                    self._wait_parked(party, notice.case_number, len(told))
            self._notices_seen[party] = len(told)
        for parked in self._stage.parked_at_bridge():
            if parked not in self._parked_seen:
                self._parked_seen.add(parked)
                self._wait_parked(Party.BRIDGE, parked[0], parked[2])

    def _look_again(self, party: Party, life: _Life, visit: int) -> None:
        """A platform tells of a parked form once, however often it is parked again."""
        if party is not Party.BRIDGE and any(
            each["case_number"] == life.number for each in self._stage.look(party, "parked", {})
        ):
            self._find_parked(life, party, visit + 1)

    def _wait_parked(self, party: Party, number: str, visit: int) -> None:
        if (life := self._lives.get(number)) is not None:
            self._find_parked(life, party, visit)

    def _find_parked(self, life: _Life, party: Party, visit: int) -> None:
        situation = _PARKED_AT[party], visit
        if sum(name == situation[0] for name, _ in life.drawn) < RESENT_MAX:
            life.drawn.add(situation)
            self._come_into(life, *situation)

    # ── the weather ──

    def _make_weather(self) -> None:
        weather = self._plan.weather
        if weather.shares:
            self._stage.fault(Noise(seed=self._own, shares=weather.shares, up_to_seconds=weather.up_to_seconds))
        for what, number in (("restart", weather.restarts), ("crash", weather.crashes), ("outage", weather.outages)):
            for party in _PARTIES:
                for day in range(self._plan.days):
                    self._strike(what, number, party, day)

    def _strike(self, what: str, in_a_month: int, party: Party, day: int) -> None:
        strikes, second, more, _ = lots(self._own, what, party.value, day)
        if below(strikes, _MONTH_DAYS) >= in_a_month:
            return
        moment = datetime.combine(FIRST_DAY + timedelta(days=day), time(0), SHANGHAI)
        moment += timedelta(seconds=below(second, 24 * 3600))
        if what == "restart":
            self._at(moment, lambda: self._stage.restart(party))
        elif what == "crash":
            of = _FORM_TYPES[below(more, len(_FORM_TYPES))]
            self._at(moment, lambda: self._stage.fault(FaultRule(kind="crash", of=of)))
        else:
            minutes = 1 + below(more, self._plan.weather.outage_minutes)
            self._at(moment, lambda: self._stage.fault(FaultRule(kind=CUT, party=party)))
            self._at(
                moment + timedelta(minutes=minutes), lambda: self._stage.fault(FaultRule(kind=RESTORE, party=party))
            )

    # ── ends ──

    def _let_go(self) -> None:
        """Let go of cases that have been over and quiet for so long that nothing is under way about them any more."""
        while self._ending:
            number, life = next(iter(self._ending.items()))
            if life.over_at is None or self._stage.now - life.over_at < self._quiet:
                return
            del self._ending[number]
            self._finish(life)

    def _finish(self, life: _Life) -> None:
        if life.birth.asked:
            for party in (Party.GRID, Party.URBAN):
                if party is Party.GRID or life.number in self._urban.cases:
                    self._stage.ask(party, "case", {"case": life.number})
        del self._lives[life.number]
        self._stream.finish(life.number)
        self._count(self._grid.cases[life.number], self._urban.cases.get(life.number))

    def broken_off(self, error: str) -> Lived:
        """The world stumbled; what it came to until then."""
        self._figures.cases.pop("over", None)
        return Lived(
            world=self._plan.world,
            digest=self._journal.end(at_rest=False),
            at_rest=False,
            figures=self._figures,
            verdicts=self._stream.verdicts(at_rest=False),
            findings=[],
            heard_after_the_end=self._stream.heard_after_the_end,
            error=error,
        )

    def _end(self, *, at_rest: bool) -> Lived:
        for life in list(self._lives.values()):
            self._finish(life)
        books = Books({party: read(party, self._asking(party)) for party in _PARTIES})
        findings = audit(books, at_rest=at_rest)
        for party in (Party.GRID, Party.URBAN):
            for receipt in books.of[party].receipts:
                self._figures.receipts[receipt.kept_as] += 1
        digest = self._journal.end(at_rest=at_rest)
        self._figures.cases.pop("over", None)
        return Lived(
            world=self._plan.world,
            digest=digest,
            at_rest=at_rest,
            figures=self._figures,
            verdicts=self._stream.verdicts(at_rest=at_rest),
            findings=findings,
            heard_after_the_end=self._stream.heard_after_the_end,
            ailments=tuple(_ailments(self._figures)) if at_rest else (),
        )

    def _asking(self, party: Party) -> Callable[[str, Mapping[str, Any]], Any]:
        return lambda name, params: self._stage.look(party, name, params)

    # ── counting ──

    def _count(self, grid: GridCase, urban: UrbanCase | None) -> None:
        figures, cases = self._figures, self._figures.cases
        if grid.handed_over:
            cases["handed_over"] += 1
        if not is_over(grid, urban):
            cases["open"] += 1
        elif urban is not None and urban.original_case_number is not None:
            cases["duplicate"] += 1
        else:
            cases[grid.state.value] += 1
        figures.rejections[len(grid.rejected)] += 1
        if grid.closed_at is not None:
            figures.ended_on[_day(grid.closed_at)] += 1
        if urban is None:
            return
        if len(urban.filings) > 1:
            cases["refiled"] += 1
        for disposal in urban.disposals:
            if disposal.ending is DisposalEnd.DISPOSED and disposal.ended_at is not None:
                due = _day(disposal.due_at)
                figures.due_on[due] += 1
                figures.on_time_on[due] += disposal.ended_at <= disposal.due_at
        for record in urban.records:
            if record.completed_at is not None:
                stage = record.stage.value
                # The automatic verification is recorded under the moment on site, before the case came to it (INT-5).
                figures.waited[stage] += max(0, int((record.completed_at - record.entered_at).total_seconds()))
                figures.stays[stage] += 1
                for day in _afternoons(record.entered_at, record.completed_at):
                    figures.standing[f"{day}/{stage}"] += 1


def _ailments(figures: Figures) -> Iterator[Ailment]:
    """What the counts of a world at rest give away."""
    stuck = figures.cases["open"]
    if stuck:
        yield Ailment(
            name="stuck",
            zh=f"{stuck} 件案卷没有结果,而谁也无事可做",
            en=f"{stuck} cases never came to an end, and nobody has anything to do",
        )
    repeated, met = figures.messages["repeated"], figures.messages["faults"]
    explained = REPEATED_FOR_A_FAULT * met + REPEATED_FOR_A_RESTART * sum(figures.restarts.values())
    if repeated > explained:
        yield Ailment(
            name="needless",
            zh=f"重发 {repeated} 次,而只遇到 {met} 次故障",
            en=f"{repeated} sendings were repeated, and only {met} faults were met",
        )


def _seat_of(act: str) -> tuple[Party, str | None]:
    """At which party an act is done, and by whom where the party wants to know."""
    if act.startswith("bridge."):
        return Party.BRIDGE, "值班员"
    role = act.partition(".")[0]
    return (Party.GRID if role in ("worker", "workstation", "reporter") else Party.URBAN), None


def _day(moment: datetime) -> int:
    return (moment.astimezone(SHANGHAI).date() - FIRST_DAY).days


def _afternoons(start: datetime, end: datetime) -> Iterator[int]:
    """The days on whose afternoon something stood there."""
    day = _day(start)
    moment = datetime.combine(FIRST_DAY + timedelta(days=day), _AFTERNOON, SHANGHAI)
    while moment < end:
        if moment >= start:
            yield day
        day += 1
        moment += timedelta(days=1)
