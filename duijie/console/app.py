"""The console's pages."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from bridge.vocabulary.parties import Party
from conformance.scenario.stage import StageRefused
from conformance.scenario.wording import Wording
from duijie.console import desks, fields, lane
from duijie.console.acting import Doing, NotDone
from duijie.console.figure_pages import figure_pages
from duijie.console.message_pages import message_pages
from duijie.console.names import name_of, photo_kind
from duijie.console.pages import Pages, Trouble
from duijie.console.seats import seat, seats
from duijie.console.shown import Shown
from duijie.console.steering_pages import steering_pages
from duijie.console.town import TownMap, town_map
from duijie.console.worker_pages import worker_pages
from duijie.console_text import Language
from simulators.openapi import Act

#: Names under which a browser on this machine asks; another one is a page that was led astray.
_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_KEY_COOKIE = "duijie_key"
_LANGUAGE_COOKIE = "duijie_lang"
#: Nothing from elsewhere, no script or style in the page itself, and nobody frames it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: The pictures that browsers are shown.
_PICTURES = ("image/png", "image/jpeg")
#: Of so many cases, the latest, those of a cell are found.
_LOOKED_THROUGH = 5_000
#: What a person is told who cannot be served.
_SENTENCES: Mapping[int, tuple[str, str]] = {
    400: (
        "提交的内容不可用,或页面属于上一次运行;请返回重试",
        "what was posted is of no use, or the page is from an earlier run; go back and try again",
    ),
    404: ("没有这个页面", "there is no such page"),
    413: ("提交的内容过大;照片请少选几张", "too much was posted; choose fewer photos"),
}
#: The bridge operator's acts on a form that is under way, in Chinese and English.
BRIDGE_ACTS: Mapping[str, tuple[str, str]] = {
    "bridge.park": ("挂起", "park"),
    "bridge.release": ("恢复发送", "release"),
    "bridge.resend": ("立即重发", "send again now"),
    "bridge.abandon": ("终止发送", "give up"),
}
#: Where an application keeps what its pages started, to be closed with it.
STARTED = "duijie-started"
#: Cases on one page of the list.
_PAGE_CASES = 50
#: What waits at a desk is counted so far, and is «many» from there on.
_COUNTED = 100
#: The most bytes that one posting may hold: photos as a phone takes them, before they are made small.
POST_BYTES = 64 * 1024 * 1024


def console_app(shown: Shown, key: str) -> Flask:
    """Make the pages. Whoever opens an address with `?key=` is let in from then on; nobody else is."""
    app = Flask(__name__)
    # For this run alone: a session of an earlier one is none.
    app.secret_key = secrets.token_bytes(32)
    app.config.update(
        SESSION_COOKIE_NAME="duijie_seat", SESSION_COOKIE_SAMESITE="Strict", MAX_CONTENT_LENGTH=POST_BYTES
    )
    csrf = secrets.token_urlsafe(18)
    book = lane.Book()
    towns: dict[str, tuple[list[Mapping[str, Any]], TownMap | None]] = {}

    def language() -> Language:
        wanted = request.args.get("lang") or request.cookies.get(_LANGUAGE_COOKIE) or shown.language
        return "en" if wanted == "en" else "zh"

    def said() -> Wording:
        return Wording(language())

    # ── at the door ──

    @app.before_request
    def check_caller() -> Any:
        host = request.host
        if host not in _OWN_HOSTS and host.rpartition(":")[0] not in _OWN_HOSTS:
            abort(403)
        if request.endpoint == "static":
            return None
        given = request.args.get("key")
        if given is not None and compare_digest(given.encode(), key.encode()):
            # A path that begins with two slashes would lead to another machine.
            answer = redirect("/" + request.path.lstrip("/"))
            answer.set_cookie(_KEY_COOKIE, key, httponly=True, samesite="Strict")
            return answer
        if not compare_digest(request.cookies.get(_KEY_COOKIE, "").encode(), key.encode()):
            return Response(page("closed.html"), 403)
        if request.method == "POST" and not compare_digest(request.form.get("csrf", "").encode(), csrf.encode()):
            abort(400)
        return None

    @app.after_request
    def seal(answer: Response) -> Response:
        answer.headers.setdefault("Content-Security-Policy", _POLICY)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        if request.endpoint != "static":
            answer.headers["Cache-Control"] = "no-store"
        if request.args.get("lang") in ("zh", "en"):
            answer.set_cookie(_LANGUAGE_COOKIE, request.args["lang"], samesite="Strict")
        return answer

    def page(template: str, **values: Any) -> str:
        chosen = language()
        return render_template(
            template,
            t=lambda zh, en: zh if chosen == "zh" else en,
            said=said(),
            lang=chosen,
            csrf=csrf,
            desks=desks.desks(),
            Party=Party,
            name_of=name_of,
            seat=seat(),
            once=secrets.token_urlsafe(12),
            now=datetime.now(UTC) if shown.steering is None else shown.steering.now,
            steered=shown.steering is not None,
            **values,
        )

    def ask(party: Party, question: str, **params: Any) -> Any:
        """What a party answers; None where it has no answer."""
        if party not in shown.parties:
            return None
        try:
            return shown.parties[party].ask(question, params)
        except StageRefused:
            return None

    def town() -> tuple[list[Mapping[str, Any]], TownMap | None]:
        """The cells and their map; they never change."""
        if "cells" not in towns:
            cells = list(ask(Party.GRID, "cells") or ())
            towns["cells"] = cells, town_map(cells)
        return towns["cells"]

    def latest() -> lane.Book:
        return book.follow(shown.records())

    @app.errorhandler(HTTPException)
    def gone_wrong(error: HTTPException) -> Any:
        if error.code is not None and error.code in _SENTENCES:
            zh, en = _SENTENCES[error.code]
            return Response(page("refused.html", trouble=(f"http_{error.code}", zh, en)), error.code)
        return error

    # ── the pages ──

    at = Pages(shown=shown, page=page, ask=ask, said=said, language=language)
    seats(app, at)
    app.extensions[STARTED] = steering_pages(app, at)
    message_pages(app, at, book)
    figure_pages(app, at)
    doing = Doing(shown)
    worker_pages(app, at, doing)

    @app.get("/")
    def home() -> str:
        skip = max(0, request.args.get("skip", 0, type=int))
        wanted = {"last": _PAGE_CASES + 1, "skip": skip}
        rows = _both_sides({party: ask(party, "cases", **wanted) or [] for party in (Party.GRID, Party.URBAN)})
        for row in rows[:_PAGE_CASES]:
            row["bridge"] = ask(Party.BRIDGE, "case", case=row["number"])
        return page(
            "home.html",
            cases=rows[:_PAGE_CASES],
            skip=skip,
            step=_PAGE_CASES,
            more=len(rows) > _PAGE_CASES,
            parked=ask(Party.BRIDGE, "parked") or [],
            arrows=lane.arrows(latest(), said(), last=12),
            lanes=lane.lanes(book),
        )

    @app.get("/waiting")
    def waiting() -> dict[str, str]:
        """How much waits at each desk, by the address of its page; apart from the overview, because every desk is asked."""
        counts = {each: len(desks.work(each, shown.parties, first=_COUNTED)) for each in desks.desks()}
        return {
            url_for("desk", party=each.party.value, role=each.role): f"{_COUNTED - 1}+"
            if count == _COUNTED
            else str(count)
            for each, count in counts.items()
            if count
        }

    @app.get("/find")
    def find() -> Any:
        number = request.args.get("case", "").strip()
        return redirect(url_for("case", number=number) if number else url_for("home"))

    @app.get("/desk/<party>/<role>")
    def desk(party: str, role: str) -> Any:
        found = desks.desk(party, role)
        if found is None:
            abort(404)
        sits = seat()
        own = sits.account if sits is not None and desks.seats(found, shown.parties, sits.account) else None
        account = request.args.get("account") or own
        level = request.args.get("level") or None
        skip = max(0, request.args.get("skip", 0, type=int))
        work = desks.work(found, shown.parties, account, level=level, first=_PAGE_CASES + 1, skip=skip)
        cell = _cell_of(account, town()[0]) if found.role == "worker" and account else None
        return page(
            "desk.html",
            desk=found,
            work=work[:_PAGE_CASES],
            more=len(work) > _PAGE_CASES,
            level=level,
            skip=skip,
            step=_PAGE_CASES,
            accounts=desks.accounts(found, shown.parties),
            account=account,
            cell=cell,
            living=None if cell is None else living(cell),
        )

    def living(cell: Mapping[str, Any]) -> dict[str, Any]:
        """Who and what is in a worker's own cell, and its cases."""
        cases = ask(Party.GRID, "cases", last=_LOOKED_THROUGH) or []
        return {
            **(ask(Party.GRID, "people", cell=cell["code"]) or {}),
            "cases": [each for each in cases if each.get("cell") == cell["code"]][:_PAGE_CASES],
        }

    @app.get("/case/<number>")
    def case(number: str) -> Any:
        books = {party: ask(party, "case", case=number) for party in shown.parties}
        if not any(books.values()):
            return Response(page("missing.html", number=number), 404)
        return page(
            "case.html",
            number=number,
            grid=books.get(Party.GRID) or {},
            urban=books.get(Party.URBAN) or {},
            bridge=books.get(Party.BRIDGE) or {},
            history=_history(books),
            waiting=list(desks.waiting_for(number, shown.parties)),
            own=own_acts(number),
            photos=_photos(books),
            kind_of=lambda code: photo_kind(code)[0 if language() == "zh" else 1],
            arrows=lane.arrows(latest(), said(), number, last=200),
            lanes=lane.lanes(book),
        )

    def after() -> str:
        """Where somebody goes on who did something about no case."""
        sits = seat()
        return url_for("app_cell") if sits is not None and sits.role == "worker" else url_for("home")

    def own_acts(number: str) -> list[Act] | None:
        """What whoever is signed in may do with a case, as their platform says; None when nobody is."""
        sits = seat()
        if sits is None:
            return None
        names = ask(sits.party, "may", case=number, account=sits.account) or ()
        return [found[1] for name in names if (found := desks.act_named(name)) is not None]

    @app.get("/photo/<party>/<number>/<sha256>")
    def photo(party: str, number: str, sha256: str) -> Any:
        if party not in (Party.GRID.value, Party.URBAN.value):
            abort(404)
        found = ask(Party(party), "photo", case=number, sha256=sha256)
        if found is None or found.get("content") is None or found.get("media_type") not in _PICTURES:
            abort(404)
        answer = Response(base64.b64decode(found["content"]), mimetype=found["media_type"])
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return answer

    @app.route("/act/<name>", methods=["GET", "POST"])
    def act(name: str) -> Any:
        found = desks.act_named(name)
        if found is None:
            abort(404)
        at, wanted = found
        given = {**request.args.to_dict(), **request.form.to_dict()}
        sits = seat()
        by = sits.account if sits is not None else given.get("by") or None
        trouble: Trouble | None = None
        if request.method == "POST":
            try:
                done = doing.act(at, wanted, given, request.files.getlist("taken"), by)
            except NotDone as refused:
                trouble = refused.trouble
            else:
                number = done.get("case") or given.get("case")
                return redirect(url_for("case", number=number) if number else after())
        told = page(
            "act.html",
            desk=at,
            act=wanted,
            fields=fields.fields(wanted),
            cells=town()[0] if any(field.kind == "cell" for field in fields.fields(wanted)) else (),
            town=town()[1] if any(field.kind == "cell" for field in fields.fields(wanted)) else None,
            given=given,
            accounts=desks.accounts(at, shown.parties),
            trouble=trouble,
        )
        return Response(told, 409 if trouble else 200)

    @app.route("/bridge", methods=["GET", "POST"])
    def bridge() -> Any:
        trouble = None
        if request.method == "POST" and Party.BRIDGE in shown.parties:
            given = request.form
            params = {
                "case": given.get("case", ""),
                "message": given.get("message", ""),
                "reason": given.get("reason", ""),
            }
            try:
                shown.parties[Party.BRIDGE].act(given.get("act", ""), params, given.get("by") or None)
            except StageRefused as refused:
                trouble = (refused.code, refused.zh, refused.en)
            else:
                return redirect(url_for("bridge"))
        under_way = ask(Party.BRIDGE, "under_way") or []
        skip = max(0, request.args.get("skip", 0, type=int))
        told = page(
            "bridge.html",
            under_way=under_way[skip : skip + _PAGE_CASES],
            count=len(under_way),
            skip=skip,
            step=_PAGE_CASES,
            notices=(ask(Party.BRIDGE, "notices") or [])[-20:],
            contacts={party: ask(party, "contacts") or [] for party in shown.parties},
            audit=ask(Party.BRIDGE, "audit"),
            acts=BRIDGE_ACTS,
            trouble=trouble,
            arrows=lane.arrows(latest(), said()),
            lanes=lane.lanes(book),
        )
        return Response(told, 409 if trouble else 200)

    @app.get("/pulse")
    def pulse() -> str:
        """Grows with everything that crosses; pages look at it to know when to look again."""
        return str(shown.count)

    return app


def _cell_of(account: str, cells: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((each for each in cells if each["worker"] == account), None)


def _photos(books: Mapping[Party, Any]) -> list[dict[str, str]]:
    """The photos that stand anywhere in the books of either platform, each picture once."""
    found: dict[str, dict[str, str]] = {}

    def look(party: Party, value: Any) -> None:
        if isinstance(value, Mapping):
            if {"name", "sha256", "kind"} <= set(value):
                found.setdefault(str(value["sha256"]), {**value, "party": party.value})
                return
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                look(party, each)

    for party in (Party.GRID, Party.URBAN):
        look(party, books.get(party))
    return list(found.values())


def _both_sides(listed: Mapping[Party, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """One row a case with what each side has of it, the newest first."""
    rows: dict[str, dict[str, Any]] = {}
    for party, cases in listed.items():
        for each in cases:
            rows.setdefault(each["case_number"], {"number": each["case_number"]})[party.value] = each
    return sorted(rows.values(), key=_since, reverse=True)


def _since(row: Mapping[str, Any]) -> tuple[str, str]:
    known = row.get("grid") or row.get("urban") or {}
    return str(known.get("reported_at") or known.get("received_at") or ""), str(row["number"])


def _history(books: Mapping[Party, Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """What was done on both sides, in order of time."""
    found = [
        {**entry, "party": party.value}
        for party, book in books.items()
        for entry in (book or {}).get("history", ())
        if isinstance(entry, Mapping)
    ]
    return sorted(found, key=lambda entry: str(entry.get("at")))
