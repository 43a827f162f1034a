"""Wrong grid platforms at home: cells, books, workers, roles, the own loop and handing over (GRID-1 … GRID-6)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge.vocabulary.forms import Form, HandOver
from bridge.vocabulary.stages import GridState
from conformance.zoo.bases import AlteringMailroom
from conformance.zoo.member import member
from simulators.city.places import Cell
from simulators.city.seats import Account, Level
from simulators.exchange.params import Params
from simulators.grid import people
from simulators.grid.casebook import GridCase
from simulators.grid.desk import Row, Seat
from simulators.grid.platform import GridPlatform

# ── GRID-1: cells leave no gap, do not overlap, and have one worker each ────────────────────────────


class _OtherCells(GridPlatform):
    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        answer = super().ask(name, params, now)
        return self.drawn(answer) if name == "cells" else answer

    def drawn(self, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The cells as they are shown."""
        raise NotImplementedError


@member(
    "grid-gives-one-worker-two-cells",
    clause="GRID-1",
    zh="一名网格员负责两个网格",
    en="makes one worker responsible for two cells",
)
class GridGivesOneWorkerTwoCells(_OtherCells):
    def drawn(self, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [cells[0], {**cells[1], "worker": cells[0]["worker"]}, *cells[2:]]


@member(
    "grid-lets-cells-overlap",
    clause="GRID-1",
    zh="相邻网格的边界互相重叠",
    en="draws a cell over its neighbour",
)
class GridLetsCellsOverlap(_OtherCells):
    def drawn(self, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        left, bottom, right, top = cells[0]["bounds"]
        over = [left, bottom, right + (right - left) / 2, top + (top - bottom) / 2]
        return [{**cells[0], "bounds": over}, *cells[1:]]


@member(
    "grid-leaves-a-gap-between-cells",
    clause="GRID-1",
    zh="网格之间留有空隙,有的地方无人负责",
    en="leaves a gap between cells, for which nobody is responsible",
)
class GridLeavesAGap(_OtherCells):
    def drawn(self, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        left, bottom, right, top = cells[0]["bounds"]
        return [{**cells[0], "bounds": [left, bottom, right, bottom + (top - bottom) / 2]}, *cells[1:]]


# ── GRID-2: the worker keeps the books of the own cell ──────────────────────────────────────────────


class _OpenBooks(people.People):
    def _in_a_cell(
        self, row: Row, given: Params, params: Mapping[str, Any], now: datetime, by: str | None
    ) -> dict[str, Any]:
        # Whoever writes is taken for the cell's own worker.
        return super()._in_a_cell(row, given, params, now, None)


@member(
    "grid-opens-the-books-to-every-worker",
    clause="GRID-2",
    zh="网格员可以改别的网格的人口、住户和房屋信息",
    en="lets a worker change the people, households and buildings of another cell",
)
class GridOpensTheBooks(GridPlatform):
    people_type = _OpenBooks


class _LosesEntries(people.People):
    def _in_a_cell(
        self, row: Row, given: Params, params: Mapping[str, Any], now: datetime, by: str | None
    ) -> dict[str, Any]:
        if row.act != "worker.report" and "id" not in params:
            before = {book: dict(entries) for book, entries in self.registry.cell(given.text("cell")).items()}
            answer = super()._in_a_cell(row, given, params, now, by)
            for book, entries in before.items():
                kept = self.registry.cell(given.text("cell"))[book]
                kept.clear()
                kept.update(entries)
            return answer
        return super()._in_a_cell(row, given, params, now, by)


@member(
    "grid-loses-what-the-worker-enters",
    clause="GRID-2",
    zh="网格员新登记的信息没有保存",
    en="does not keep what a worker enters into the books of the cell",
)
class GridLosesEntries(GridPlatform):
    people_type = _LosesEntries


# ── GRID-3: the worker's app reports and verifies ───────────────────────────────────────────────────


class _NoTasks(people.People):
    def worklist(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [] if given.get("role") == Seat.WORKER else super().worklist(given)


@member(
    "grid-shows-the-worker-no-task",
    clause="GRID-3",
    zh="城管请求核查的案卷不出现在网格员的待办里",
    en="does not show the worker what waits for verification",
)
class GridShowsNoTask(GridPlatform):
    people_type = _NoTasks


class _CityAppearanceOnly(people.People):
    def _report(self, cell: Cell, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        answer = super()._report(cell, account, given, now)
        case = self._casework.cases[answer["case"]]
        if not self._casework.town.departments[case.department].city_appearance:
            # Community management and disputes vanish into a drawer.
            self._casework.end(case, GridState.CLOSED, now)
        return {**answer, "state": case.state.value}


@member(
    "grid-reports-city-appearance-only",
    clause="GRID-3",
    zh="网格员上报的矛盾纠纷、社区管理事项直接归档,无人受理",
    en="files away disputes and community matters that a worker reports, so that nobody takes them up",
)
class GridReportsCityAppearanceOnly(GridPlatform):
    people_type = _CityAppearanceOnly


# ── GRID-4: nine roles, each for its own acts, level and territory ──────────────────────────────────


class _AnyAccount(people.People):
    """Takes whoever acts for the account that the case lies with."""

    def takes(self, account: Account, row: Row, case: GridCase) -> bool:
        """Whether this account passes for the right one."""
        raise NotImplementedError

    def _seated(self, row: Row, case: GridCase, given: Params, by: str | None) -> Account:
        account = None if by is None else self._casework.accounts.get(by)
        if account is not None and self.takes(account, row, case):
            by = None
        return super()._seated(row, case, given, by)


class _AnyTerritory(_AnyAccount):
    def takes(self, account: Account, row: Row, case: GridCase) -> bool:
        return not account.covers(case.cell.code)


@member(
    "grid-ignores-territories",
    clause="GRID-4",
    zh="不核对辖区,别处的人员也能办理",
    en="does not look at territories: people from elsewhere may act",
)
class GridIgnoresTerritories(GridPlatform):
    people_type = _AnyTerritory


class _AnyRole(_AnyAccount):
    def takes(self, account: Account, row: Row, case: GridCase) -> bool:
        return account.role != row.seat


@member(
    "grid-ignores-roles",
    clause="GRID-4",
    zh="不核对岗位,谁都能办理",
    en="does not look at roles: anybody may do anybody's work",
)
class GridIgnoresRoles(GridPlatform):
    people_type = _AnyRole


class _AnyLevel(_AnyAccount):
    def takes(self, account: Account, row: Row, case: GridCase) -> bool:
        return case.level is not None and account.level is not case.level


@member(
    "grid-ignores-levels",
    clause="GRID-4",
    zh="不核对层级,社区受理的案卷市级也能办",
    en="does not look at levels: what a community accepted, a city may deal with",
)
class GridIgnoresLevels(GridPlatform):
    people_type = _AnyLevel


class _CommunityOnly(people.People):
    def _accept(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        super()._accept(row, case, account, given, now)
        case.level = Level.COMMUNITY


@member(
    "grid-accepts-at-community-level-only",
    clause="GRID-4",
    zh="无论哪一级受理,都记为社区级",
    en="records every case as accepted by the community, whichever level did",
)
class GridAcceptsAtCommunityOnly(GridPlatform):
    people_type = _CommunityOnly


# ── GRID-5: the own closed loop ─────────────────────────────────────────────────────────────────────


class _ClosesOwnUnverified(people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        case = self._casework.cases.get(str(params.get("case")))
        if name == "dispatcher.close" and case is not None and not case.handed_over and not case.ended:
            case.state = GridState.VERIFIED
        return super().act(name, params, now, by)


@member(
    "grid-closes-its-own-cases-unverified",
    clause="GRID-5",
    zh="自办案卷未经核查就能结案",
    en="lets a dispatcher close an own case that nobody has verified",
)
class GridClosesOwnUnverified(GridPlatform):
    people_type = _ClosesOwnUnverified


class _HandledOrNot(people.People):
    def _verify(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        super()._verify(row, case, account, given, now)
        if not case.handed_over:
            case.state = GridState.VERIFIED


@member(
    "grid-lets-unhandled-cases-pass",
    clause="GRID-5",
    zh="核查未处理的自办案卷不退回处理,照样待结案",
    en="does not send an own case back to handling when it was found unhandled",
)
class GridLetsUnhandledPass(GridPlatform):
    people_type = _HandledOrNot


class _HandlesUndispatched(people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        case = self._casework.cases.get(str(params.get("case")))
        if name == "handler.handle" and case is not None and case.state in (GridState.REPORTED, GridState.ACCEPTED):
            case.state = GridState.DISPATCHED
        return super().act(name, params, now, by)


@member(
    "grid-handles-what-nobody-dispatched",
    clause="GRID-5",
    zh="未经受理、派遣的案卷也能直接反馈处理结果",
    en="takes a handling of a case that was neither accepted nor dispatched",
)
class GridHandlesUndispatched(GridPlatform):
    people_type = _HandlesUndispatched


# ── GRID-6: the city-appearance department's cases only, through the virtual account ────────────────


class _HandsOverAnything(people.People):
    def _hand_over(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        if not self._casework.town.departments[case.department].city_appearance:
            case.department = next(
                code
                for code, department in self._casework.town.departments.items()
                if department.city_appearance and code.endswith(case.cell.district)
            )
        return super()._hand_over(row, case, account, given, now)


@member(
    "grid-hands-over-cases-of-other-departments",
    clause="GRID-6",
    zh="其他部门的案卷也移交给城管",
    en="hands over cases of other departments than the city-appearance one",
)
class GridHandsOverAnything(GridPlatform):
    people_type = _HandsOverAnything


class _SignsItself(AlteringMailroom):
    hander: str | None = None

    def altered(self, form: Form) -> Form | None:
        return replace(form, handed_over_by=self.hander) if isinstance(form, HandOver) and self.hander else form


class _SignedByWhoeverActs(people.People):
    def _hand_over(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        mailroom = self._casework.mailroom
        if isinstance(mailroom, _SignsItself):
            mailroom.hander = account.name
        return super()._hand_over(row, case, account, given, now)


@member(
    "grid-hands-over-under-a-personal-account",
    clause="GRID-6",
    zh="移交用经办人个人账号,不用虚拟账号",
    en="hands over under the account of the person at the workstation instead of the virtual one",
)
class GridHandsOverUnderAPersonalAccount(GridPlatform):
    mailroom_type = _SignsItself
    people_type = _SignedByWhoeverActs


class _HandsOverByItself(people.People):
    def _report(self, cell: Cell, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        answer = super()._report(cell, account, given, now)
        case = self._casework.cases[answer["case"]]
        if self._casework.town.departments[case.department].city_appearance:
            self.act("workstation.hand_over", {"case": case.case_number}, now)
        return {**answer, "state": case.state.value}


@member(
    "grid-hands-over-by-itself",
    clause="GRID-6",
    zh="市容案卷一上报就自动移交,不经工作站",
    en="hands a city-appearance case over as soon as it is reported, without the workstation",
)
class GridHandsOverByItself(GridPlatform):
    people_type = _HandsOverByItself
