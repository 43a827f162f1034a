"""Looks at a set-up before a run: the driver, the addresses in both directions, the WSDL, clocks, accounts, encodings, case numbers.

Nothing is changed anywhere: the only message that is sent is a query. What the finds mean stands in `conformance.doctor`.
"""

import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from bridge.vocabulary.messages import CaseQuery
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.catalogue import checks
from conformance.checks.check import Check
from conformance.checks.result import Text
from conformance.doctor import answers, clock, declared, numbers, wsdl
from conformance.doctor.answers import Answer
from conformance.doctor.finding import Finding, Level, Topic, failed, fine
from conformance.doctor.query import WRITINGS, Asking, Writing, query_envelope, query_headers
from conformance.drivers.driver import Driver, DriverBroken, Quiet, told_by
from conformance.drivers.sut import DriverKind, SystemUnderTest
from conformance.scenario.stage import NotOffered, StageRefused
from duijie.benches import serials_of
from duijie.library import library_folder
from duijie.probes import Caller, Face, Heard, NotReached, called_by, connect, faces, listen_and_connect, trusted
from duijie.sut_stage import first_moment
from duijie.wrong_tries import may_try
from simulators.openapi import ASKS

#: Pages of a query that are looked at for case numbers; a system with more cases of the day than they hold is not looked through.
_PAGES_MAX = 10
_PAGE_SIZE = 200
#: Differences of a WSDL that are listed.
_LISTED_MAX = 30
#: So far ahead of the system's clock nobody has handed a case over.
_IN_THE_FUTURE = timedelta(days=3650)
#: The question whether the system gets through to an address.
_REACH = "reach"
#: A case that no system has.
_NO_CASE = "000000-00000000-000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is going to do, as far as it matters beforehand."""

    sut: SystemUnderTest
    profile: Profile
    driver: Driver
    #: Every check of the role, in the order that places are counted in.
    everything: Sequence[Check]
    planned: Sequence[Check]
    #: Checks that would be run but for `--skip` and `[suite] skip`.
    skipped: Sequence[Check] = ()
    seed: int = field(default=1)


def declarations(sut: SystemUnderTest, everything: Sequence[Check]) -> Iterator[Finding]:
    """What can be said of the file alone."""
    yield from _without_checks(sut, everything)
    yield from _declared(sut)


def _without_checks(sut: SystemUnderTest, everything: Sequence[Check]) -> Iterator[Finding]:
    wrong = declared.patterns_without_checks(sut, everything)
    if wrong:
        yield _remarked(Topic.CHECKS, wrong, Text("", ""))


def _declared(sut: SystemUnderTest) -> Iterator[Finding]:
    remarks = declared.in_the_file(sut, _known())
    if any(remark.wrong for remark in remarks):
        yield _remarked(Topic.CAPABILITIES, remarks, Text("", ""))


def examine(plan: Plan) -> Iterator[Finding]:
    """Everything that is looked at before a run; opens the driver."""
    yield from _Examination(plan).findings()


def left_out(plan: Plan) -> tuple[Check, ...]:
    """The checks that are skipped although the system declares to have what they are about."""
    can = plan.driver.capabilities
    return tuple(
        check
        for check in plan.skipped
        if can.lacks(check.id, check.clause, *sorted(check.needs.acts), *sorted(check.needs.asks)) is None
    )


class _Examination:
    """One look at a set-up."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self._sut, self._profile, self._driver = plan.sut, plan.profile, plan.driver
        #: What the system can do: what its file says, until the driver has been opened.
        self._can = plan.sut.capabilities
        #: What the driver said when it was asked first, and between which moments.
        self._quiet: Quiet | None = None
        self._asked_between = (datetime.now(SHANGHAI), datetime.now(SHANGHAI))
        #: The answer of a service that was heard first, for its clock.
        self._first_heard: Heard | None = None
        self._opened = False

    def findings(self) -> Iterator[Finding]:
        """Look at one thing after the other; what cannot be looked at for want of another is left out."""
        yield from _without_checks(self._sut, self.plan.everything)
        yield from self._driver_findings()
        yield from self._left_out()
        yield from self._listening()
        for face in faces(self._sut.role, self._profile):
            yield from self._face(face)
        yield from self._standing_clock()

    # ── the driver and what it says ──

    def _driver_findings(self) -> Iterator[Finding]:
        try:
            self._driver.open()
        except (DriverBroken, StageRefused) as broken:
            step = "核对 [driver],并先启动系统", "compare [driver], and start the system first"
            yield failed(Topic.DRIVER, broken.zh, broken.en, step)
            yield from _declared(self._sut)
            return
        self._opened = True
        self._can = self._driver.capabilities
        before = datetime.now(SHANGHAI)
        trouble: list[declared.Remark] = []
        try:
            self._quiet = self._driver.quiet() if self._sut.kind is not DriverKind.PERSON else None
        except (DriverBroken, StageRefused) as broken:
            said = Text(f"询问是否静止未成:{broken.zh}", f"it cannot be asked whether it is at rest: {broken.en}")
            trouble.append(declared.Remark(True, said))
        self._asked_between = (before, datetime.now(SHANGHAI))
        yield fine(Topic.DRIVER, f"有应答:{self._driver.name}", f"answers: {self._driver.name}")
        known = _known()
        remarks = [
            *declared.in_the_file(self._sut, known),
            *declared.against_the_driver(self._sut, told_by(self._driver), known),
            *(trouble or self._untold()),
            *self._tried_question(),
        ]
        counted = sum(self._can.offers_act(name) for name in declared.acts_of(self._sut.role))
        of = len(declared.acts_of(self._sut.role))
        yield _remarked(
            Topic.CAPABILITIES,
            remarks,
            Text(
                f"{of} 项操作中提供 {counted} 项;时钟{'可拨动' if self._can.steered_clock else '为真实时间'}",
                f"{counted} of {of} acts; the clock is {'steered' if self._can.steered_clock else 'the real one'}",
            ),
        )

    def _untold(self) -> Iterator[declared.Remark]:
        """Whether what it is said to tell was told."""
        if self._can.tells_quiet and self._quiet is None and self._sut.kind is not DriverKind.PERSON:
            zh, en = (
                "tells_quiet,但询问是否静止没有答复",
                "tells_quiet, but there is no answer to whether it is at rest",
            )
            yield declared.Remark(True, Text(zh, en))
        if self._can.steered_clock and (self._quiet is None or self._quiet.now is None):
            zh, en = "steered_clock,但没有说明系统时间(now)", "steered_clock, but it does not tell its time (`now`)"
            yield declared.Remark(True, Text(zh, en))

    def _tried_question(self) -> Iterator[declared.Remark]:
        """Whether the question that most checks ask is answered, if only by a refusal: there is no such case."""
        if self._sut.kind is DriverKind.PERSON or not self._can.offers_ask("case"):
            return
        if not any("case" in check.needs.asks for check in self.plan.planned):
            return
        promised = "case" in (*self._sut.declared.get("asks", ()), *told_by(self._driver).get("asks", ()))
        try:
            self._driver.ask("case", {"case": _NO_CASE})
        except NotOffered:
            zh, en = (
                "查询 case 未提供,许多检查将无法判定",
                "the question `case` is not offered; many checks will be inconclusive",
            )
            yield declared.Remark(promised, Text(zh, en))
        except StageRefused:
            # It answers: there is no such case.
            return
        except DriverBroken as broken:
            zh, en = f"询问不存在的案卷未成:{broken.zh}", f"asking for a case that is not there fails: {broken.en}"
            yield declared.Remark(False, Text(zh, en))

    def _left_out(self) -> Iterator[Finding]:
        omitted = left_out(self.plan) if self._opened else ()
        if omitted:
            yield Finding(
                Topic.CHECKS,
                Level.WARNING,
                Text(
                    f"跳过 {len(omitted)} 项检查,系统却声明具备其所需能力",
                    f"{len(omitted)} checks are left out although the system declares to have what they are about",
                ),
                details=tuple(Text(check.id, check.id) for check in omitted[:_LISTED_MAX]),
            )

    def _standing_clock(self) -> Iterator[Finding]:
        """A clock that is said to stand until it is set must not have moved meanwhile."""
        if not self._can.steered_clock or self._quiet is None or self._quiet.now is None:
            return
        try:
            again = self._driver.quiet()
        except (DriverBroken, StageRefused) as broken:
            yield failed(Topic.DRIVER, broken.zh, broken.en)
            return
        if again is not None and again.now is not None and again.now != self._quiet.now:
            place = self._sut.where("capabilities", "steered_clock")
            yield failed(
                Topic.CLOCK,
                f"{place}: 声明 steered_clock,但系统时钟自行走动({self._quiet.now} → {again.now})",
                f"{place}: steered_clock is declared, but the system's clock moves by itself ({self._quiet.now} → {again.now})",
                ("让系统以可拨动的时钟启动,或改为 false", "start the system with a clock that stands, or say false"),
            )

    # ── the suite's own addresses ──

    def _listening(self) -> Iterator[Finding]:
        called = called_by(self._sut.role, self._profile)
        sealed = [address for _, address in called if address.startswith("https:")]
        if sealed:
            yield failed(
                Topic.LISTENING,
                f"套件以 http 监听,配置中为 https:{', '.join(sealed)}",
                f"the suite listens by http; the profile has https: {', '.join(sealed)}",
                ("把这些地址改为 http", "write these addresses with http"),
            )
            return
        from_there: dict[str, Finding] = {}

        def ask_the_system(address: str) -> None:
            from_there[address] = self._way_back(address)

        closed = listen_and_connect(tuple(address for _, address in called), ask_the_system)
        for side, address in called:
            problem = closed.get(address)
            if problem is None:
                yield fine(
                    Topic.LISTENING, f"可在 {address} 代 {side} 监听", f"can listen at {address} in the place of {side}"
                )
                yield from_there[address]
                continue
            yield failed(
                Topic.LISTENING,
                f"系统将呼叫 {address}({side}):{problem.zh}",
                f"the system is going to call {address} ({side}): {problem.en}",
                (
                    "停掉占用该地址的程序,或在系统与配置中改用本机另一地址",
                    "stop what uses the address, or choose another one of this machine in the system and in the profile",
                ),
            )

    def _way_back(self, address: str) -> Finding:
        """Whether the system gets through to an address of the suite, as far as it can be asked (the question `reach`)."""
        unknown = Finding(
            Topic.WAY_BACK,
            Level.UNKNOWN,
            Text(
                f"只从本机连过 {address};系统不回答查询 reach,第一次来电才能证实",
                f"{address} was reached from here alone; the system does not answer the question `reach`, so its first call will show",
            ),
        )
        if not self._opened or self._sut.kind is DriverKind.PERSON or not self._can.offers_ask(_REACH):
            return unknown
        try:
            said = self._driver.ask(_REACH, {"address": address})
        except (DriverBroken, StageRefused):
            return unknown
        if not isinstance(said, Mapping) or not isinstance(said.get("reached"), bool):
            return Finding(
                Topic.WAY_BACK,
                Level.WARNING,
                Text(
                    f"查询 reach 应答 {said!r},应为 {{reached: true 或 false}}",
                    f"the question `reach` is answered by {said!r}; it is {{reached: true or false}}",
                ),
            )
        if said["reached"]:
            return fine(Topic.WAY_BACK, f"系统能连到 {address}", f"the system gets through to {address}")
        why = f"({said['detail']})" if said.get("detail") else ""
        return failed(
            Topic.WAY_BACK,
            f"系统连不到 {address}{why}",
            f"the system does not get through to {address}{why}",
            (
                "查系统到本机的防火墙与路由;套件须以系统能到达的地址监听",
                "look at firewalls and routes from the system to this machine; the suite must listen where the system can reach it",
            ),
        )

    # ── the system's own services ──

    def _face(self, face: Face) -> Iterator[Finding]:
        try:
            trusted(face)
        except NotReached as problem:
            yield failed(Topic.TLS, problem.zh, problem.en, ("核对配置中的 tls", "compare `tls` in the profile"))
            return
        step = ("启动系统,并核对配置中的 endpoint", "start the system, and compare `endpoint` in the profile")
        with Caller(face) as caller:
            try:
                connect(face.address)
                heard = caller.get(f"{face.address}?wsdl")
            except NotReached as problem:
                yield failed(Topic.REACHING, problem.zh, problem.en, step)
                return
            yield fine(Topic.REACHING, f"{face.address} 有 HTTP 应答", f"{face.address} answers by HTTP")
            yield self._wsdl(face, caller, heard)
            if self._first_heard is None:
                self._first_heard = heard
                yield self._clock(heard)
            yield from self._called(face, caller)

    def _wsdl(self, face: Face, caller: Caller, heard: Heard) -> Finding:
        address = f"{face.address}?wsdl"
        try:
            if heard.answer.status != httpx.codes.OK:
                raise wsdl.NoWsdl(f"HTTP {heard.answer.status}", f"HTTP {heard.answer.status}")
            theirs = wsdl.read_wsdl(heard.answer.body, address, caller.document)
        except wsdl.NoWsdl as none:
            return Finding(
                Topic.WSDL,
                Level.WARNING,
                Text(f"{address} 不提供接口描述:{none.zh}", f"{address} offers no WSDL: {none.en}"),
                Text("不影响检查;对接各方以契约为准", "the checks do not need it; the contract counts"),
            )
        found = wsdl.differences(wsdl.contract_of(face.serves), theirs)
        missing = tuple(Text(f"无法取得 {part}", f"cannot be had: {part}") for part in theirs.missing)
        if not found and not missing:
            return fine(Topic.WSDL, f"{address} 与契约一致", f"{address} says what the contract says")
        grave = any(difference.grave for difference in found)
        more = len(found) - _LISTED_MAX
        listed = tuple(difference.said for difference in found[:_LISTED_MAX])
        if more > 0:
            listed += (Text(f"另有 {more} 处", f"and {more} more"),)
        return Finding(
            Topic.WSDL,
            Level.FAILURE if grave else Level.WARNING,
            Text(
                f"{address} 与契约有 {len(found)} 处不同", f"{address} differs from the contract in {len(found)} places"
            ),
            Text(
                f"对照 {face.serves}.wsdl(duijie contract export);核对地址与接口版本",
                f"compare it with {face.serves}.wsdl (duijie contract export), the address, and the version of the interface",
            ),
            (*listed, *missing),
        )

    def _clock(self, heard: Heard) -> Finding:
        if self._can.steered_clock:
            return fine(Topic.CLOCK, "可由套件拨动,不作比较", "set by the suite, so not compared")
        limit = self._profile.security.clock_skew_seconds
        if self._quiet is not None and self._quiet.now is not None:
            return clock.judged(clock.skew(self._quiet.now, *self._asked_between), limit)
        theirs = clock.date_of(heard.headers.get("date"))
        if theirs is None:
            return Finding(
                Topic.CLOCK,
                Level.UNKNOWN,
                Text("系统未说明时间(没有 Date 头)", "the system does not tell its time (no Date header)"),
            )
        return clock.judged(clock.skew(theirs, heard.before, heard.after), limit)

    def _now(self) -> datetime:
        """The system's time, as far as it matters for tokens."""
        if self._can.steered_clock and self._quiet is not None and self._quiet.now is not None:
            return self._quiet.now
        return datetime.now(SHANGHAI)

    def _called(self, face: Face, caller: Caller) -> Iterator[Finding]:
        try:
            # Nobody has handed a case over so late: the page is empty, whatever the system holds.
            right = self._query(caller, CaseQuery(since=self._now() + _IN_THE_FUTURE, page_size=1))
            finding = answers.with_the_right_password(right, face.caller.username)
            if "XCHG-2" in self._can.unsupported and finding.level is Level.WARNING:
                finding = replace(finding, level=Level.UNKNOWN, next_step=Text("", ""))
            yield finding
            if finding.level is not Level.OK:
                return
            yield from self._wrong_password(face, caller)
            yield self._encodings(caller, right)
            yield from self._case_numbers(face, caller)
        except NotReached as problem:
            yield failed(
                Topic.ACCOUNT,
                problem.zh,
                problem.en,
                ("系统应在数秒内应答查询", "the system should answer a query within seconds"),
            )

    def _wrong_password(self, face: Face, caller: Caller) -> Iterator[Finding]:
        rules = self._profile.security
        service = f"{face.address} {face.caller.username}"
        if not may_try(service, lock_after=rules.lock_after_failures, window_seconds=rules.lock_window_seconds):
            yield Finding(
                Topic.ACCOUNT,
                Level.UNKNOWN,
                Text(
                    "未试错误口令:近来已试过,再试可能被锁定",
                    "no wrong password was tried: it was lately, and more of them would lock the suite out",
                ),
            )
            return
        stranger = replace(face.caller, password=secrets.token_urlsafe(12))
        wrong = self._query(caller, CaseQuery(since=self._now() + _IN_THE_FUTURE, page_size=1), caller_as=stranger)
        yield answers.with_a_wrong_password(wrong, face.caller.username)

    def _encodings(self, caller: Caller, right: Answer) -> Finding:
        query = CaseQuery(since=self._now() + _IN_THE_FUTURE, page_size=1)
        others = [(writing.label, self._query(caller, query, writing)) for writing in WRITINGS[1:]]
        return answers.in_encodings([(WRITINGS[0].label, right), *others])

    def _query(self, caller: Caller, query: CaseQuery, writing: Writing = WRITINGS[0], caller_as: Any = None) -> Answer:
        face = caller.face
        asking = Asking(
            caller=caller_as or face.caller,
            serves=face.serves,
            recipient=face.recipient,
            now=self._now(),
            message_id=f"urn:uuid:{uuid.uuid4()}",
            nonce=secrets.token_bytes(16),
        )
        return caller.post(query_envelope(asking, query, writing), query_headers(face.serves, writing)).answer

    # ── case numbers ──

    def _case_numbers(self, face: Face, caller: Caller) -> Iterator[Finding]:
        if face.serves is not Side.URBAN:
            # The grid platform gives its cases their numbers itself.
            return
        place = {check.id: number for number, check in enumerate(self.plan.everything)}
        serials = serials_of(self.plan.seed, (place[check.id] for check in self.plan.planned))
        begins = first_moment(self._driver) if self._can.steered_clock and self._opened else datetime.now(SHANGHAI)
        since = begins.replace(hour=0, minute=0, second=0, microsecond=0)
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            answer = self._query(caller, CaseQuery(since=since, cursor=cursor, page_size=_PAGE_SIZE))
            page = getattr(answer.ending, "page", None)
            if page is None:
                yield Finding(
                    Topic.CASE_NUMBERS,
                    Level.UNKNOWN,
                    Text(
                        "查询未得到案卷,不知号段是否已用",
                        "the query gives no cases, so it is not known whether the numbers are free",
                    ),
                )
                return
            seen += [case.hand_over.case_number for case in page.cases]
            cursor = page.next_cursor
            if not page.more:
                break
        else:
            yield Finding(
                Topic.CASE_NUMBERS,
                Level.UNKNOWN,
                Text(
                    f"当日案卷超过 {len(seen)} 件,未全部查看",
                    f"there are more than {len(seen)} cases of the day; not all were looked at",
                ),
            )
            return
        used = numbers.taken(seen, serials, since.date())
        if not used:
            yield fine(
                Topic.CASE_NUMBERS,
                f"种子 {self.plan.seed} 的号段未被占用",
                f"those of seed {self.plan.seed} are free",
            )
            return
        yield failed(
            Topic.CASE_NUMBERS,
            f"本次将用的案卷号中有 {len(used)} 个已在系统中,如 {used[0]}",
            f"{len(used)} of the case numbers that this run would use are on the system's books already, such as {used[0]}",
            ("换一个 --seed,或清空系统", "choose another --seed, or empty the system"),
        )


def _known() -> declared.Known:
    """The names that the suite knows."""
    everything = checks(library_folder())
    asks = {_REACH} | {ask.name for side in Side for ask in ASKS[side]}
    asks |= {name for check in everything for name in check.needs.asks}
    return declared.Known(checks=everything, asks=frozenset(asks))


def _remarked(topic: Topic, remarks: Iterable[declared.Remark], fine: Text) -> Finding:
    """One finding for all remarks; `fine` says what there is when nothing is amiss."""
    told = sorted(remarks, key=lambda remark: not remark.wrong)
    if not told:
        return Finding(topic, Level.OK, fine)
    if any(remark.wrong for remark in told):
        said = Text("声明有矛盾或错误", "what is declared cannot be so")
        step = Text("更正所列各行", "put the listed lines right")
        return Finding(topic, Level.FAILURE, said, step, tuple(remark.said for remark in told))
    return Finding(topic, Level.WARNING, fine, details=tuple(remark.said for remark in told))
