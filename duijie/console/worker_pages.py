"""The grid worker's app (社管通), for a phone: report, verify, my cases, my cell. Every act is the grid platform's own."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, abort, redirect, request, session, url_for

from bridge.vocabulary.parties import Party
from duijie.console import desks, fields
from duijie.console.acting import Doing, NotDone
from duijie.console.pages import Pages, Trouble
from duijie.console.seats import Seat, seat
from duijie.console.town import town_map

_ROLE = "worker"
#: Cases and tasks on one screen.
_PAGE = 30
#: The books of a cell: name in the platform's answer, act that keeps it, Chinese, English, the columns that a card shows.
BOOKS: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("people", "worker.upkeep_person", "人口", "People", ("name", "phone", "birth_year", "household")),
    ("households", "worker.upkeep_household", "住户", "Households", ("room", "building")),
    ("buildings", "worker.upkeep_building", "房屋", "Buildings", ("name", "address", "floors")),
)
#: What a worker answers to a verification task: value, Chinese, English.
OUTCOMES: tuple[tuple[str, str, str], ...] = (
    ("passed", "通过", "Passed"),
    ("not_passed", "不通过", "Not passed"),
    ("dissatisfied", "举报人不满意", "Reporter dissatisfied"),
)


def worker_pages(app: Flask, at: Pages, doing: Doing) -> None:
    """The screens of the app; whoever is not signed in as a worker chooses a cell first."""

    def cells() -> list[Mapping[str, Any]]:
        return list(at.ask(Party.GRID, "cells") or ())

    def own_cell(sits: Seat) -> Mapping[str, Any]:
        found = next((each for each in cells() if each["worker"] == sits.account), None)
        if found is None:
            abort(404)
        return found

    def me() -> Seat | None:
        sits = seat()
        return sits if sits is not None and (sits.party, sits.role) == (Party.GRID, _ROLE) else None

    def who() -> Any:
        return redirect(url_for("app_who"))

    @app.route("/app/who", methods=["GET", "POST"])
    def app_who() -> Any:
        if request.method == "POST":
            cell = next((each for each in cells() if each["code"] == request.form.get("cell")), None)
            if cell is None:
                abort(400)
            session["seat"] = {
                "party": Party.GRID.value,
                "account": cell["worker"],
                "role": _ROLE,
                "person": cell["worker_name"],
            }
            return redirect(url_for("app_tasks"))
        return at.page("app_who.html", cells=cells())

    @app.get("/app")
    def app_tasks() -> Any:
        sits = me()
        if sits is None:
            return who()
        cell = own_cell(sits)
        skip = max(0, request.args.get("skip", 0, type=int))
        wanted = {"first": _PAGE + 1, "skip": skip}
        tasks = at.ask(Party.GRID, "worklist", role=_ROLE, account=sits.account, **wanted) or []
        heard = at.ask(Party.GRID, "cases", cell=cell["code"], state="verified", last=_PAGE) or []
        return at.page(
            "app_tasks.html",
            cell=cell,
            tasks=tasks[:_PAGE],
            more=len(tasks) > _PAGE,
            skip=skip,
            step=_PAGE,
            to_hear=[each for each in heard if "reporter.dissatisfied" in _may(at, each["case_number"], sits)],
        )

    @app.route("/app/report", methods=["GET", "POST"])
    def app_report() -> Any:
        sits = me()
        if sits is None:
            return who()
        found = desks.act_named("worker.report")
        if found is None:
            abort(404)
        trouble: Trouble | None = None
        if request.method == "POST":
            try:
                done = doing.act(*found, request.form, request.files.getlist("taken"), sits.account)
            except NotDone as refused:
                trouble = refused.trouble
            else:
                return redirect(url_for("case", number=done["case"]))
        cell = own_cell(sits)
        named = {field.name: field for field in fields.fields(found[1])}
        near = [each for each in cells() if each["district"] == cell["district"]]
        told = at.page(
            "app_report.html",
            cell=cell,
            town=town_map(near),
            cells=near,
            given=request.form,
            fields=named,
            trouble=trouble,
        )
        return Response(told, 409 if trouble else 200)

    @app.route("/app/verify/<number>", methods=["GET", "POST"])
    def app_verify(number: str) -> Any:
        sits = me()
        if sits is None:
            return who()
        case = at.ask(Party.GRID, "case", case=number)
        if case is None:
            abort(404)
        trouble: Trouble | None = None
        if request.method == "POST":
            try:
                _answer(at, doing, number, sits)
            except NotDone as refused:
                trouble = refused.trouble
            else:
                return redirect(url_for("case", number=number))
        may = _may(at, number, sits)
        told = at.page(
            "app_verify.html",
            cell=own_cell(sits),
            number=number,
            case=case,
            given=request.form,
            outcomes=[each for each in OUTCOMES if "worker.verify" in may or each[0] == "dissatisfied"],
            open=bool({"worker.verify", "reporter.dissatisfied"} & may),
            heard="reporter.satisfied" in may,
            trouble=trouble,
        )
        return Response(told, 409 if trouble else 200)

    @app.get("/app/cases")
    def app_cases() -> Any:
        sits = me()
        if sits is None:
            return who()
        cell = own_cell(sits)
        skip = max(0, request.args.get("skip", 0, type=int))
        found = at.ask(Party.GRID, "cases", cell=cell["code"], last=_PAGE + 1, skip=skip) or []
        return at.page("app_cases.html", cell=cell, cases=found[:_PAGE], more=len(found) > _PAGE, skip=skip, step=_PAGE)

    @app.get("/app/cell")
    def app_cell() -> Any:
        sits = me()
        if sits is None:
            return who()
        cell = own_cell(sits)
        return at.page(
            "app_cell.html", cell=cell, living=at.ask(Party.GRID, "people", cell=cell["code"]) or {}, books=BOOKS
        )


def _may(at: Pages, number: str, sits: Seat) -> set[str]:
    return set(at.ask(Party.GRID, "may", case=number, account=sits.account) or ())


def _answer(at: Pages, doing: Doing, number: str, sits: Seat) -> None:
    """Answer a task. A reporter who is dissatisfied is two acts: what was found on site, and what the reporter says to it (INT-7)."""
    given = request.form
    outcome, note = given.get("outcome", ""), given.get("note", "")
    verify, dissatisfied = desks.act_named("worker.verify"), desks.act_named("reporter.dissatisfied")
    satisfied = desks.act_named("reporter.satisfied")
    if verify is None or dissatisfied is None or satisfied is None:
        abort(404)
    uploads = request.files.getlist("taken")
    about = {"case": number, "once": given.get("once", "")}
    if outcome == "satisfied":
        doing.act(*satisfied, about, (), sits.account)
        return
    site = "passed" if outcome == "dissatisfied" else outcome
    if "worker.verify" in _may(at, number, sits) or outcome != "dissatisfied":
        doing.act(*verify, {**about, "outcome": site, "note": note}, uploads, sits.account)
    if outcome == "dissatisfied":
        doing.act(*dissatisfied, {**about, "reason": note}, (), sits.account)
