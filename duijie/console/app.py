"""The console's pages."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, url_for

from bridge.vocabulary.parties import Party
from conformance.oracle.trace import Record
from conformance.scenario.stage import StageRefused
from conformance.scenario.wording import Wording
from duijie.console import desks, fields, lane
from duijie.console.names import name_of
from duijie.pair import Acting

#: Names under which a browser on this machine asks; another one is a page that was led astray.
_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_KEY_COOKIE = "duijie_key"
_LANGUAGE_COOKIE = "duijie_lang"
#: Nothing from elsewhere, no script or style in the page itself, and nobody frames it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: The bridge operator's acts on a form that is under way, in Chinese and English.
BRIDGE_ACTS: Mapping[str, tuple[str, str]] = {
    "bridge.park": ("挂起", "park"),
    "bridge.release": ("恢复发送", "release"),
    "bridge.resend": ("立即重发", "send again now"),
    "bridge.abandon": ("终止发送", "give up"),
}
_PAGE_CASES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the console looks at."""

    parties: Mapping[Party, Acting]
    #: Everything that crossed so far.
    records: Callable[[], Sequence[Record]]
    language: str


def console_app(shown: Shown, key: str) -> Flask:
    """Make the pages. Whoever opens an address with `?key=` is let in from then on; nobody else is."""
    app = Flask(__name__)
    csrf = secrets.token_urlsafe(18)

    def language() -> str:
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
            answer = redirect(request.path)
            answer.set_cookie(_KEY_COOKIE, key, httponly=True, samesite="Strict")
            return answer
        if not compare_digest(request.cookies.get(_KEY_COOKIE, "").encode(), key.encode()):
            return Response(page("closed.html"), 403)
        if request.method == "POST" and not compare_digest(request.form.get("csrf", "").encode(), csrf.encode()):
            abort(400)
        return None

    @app.after_request
    def seal(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = _POLICY
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

    # ── the pages ──

    @app.get("/")
    def home() -> str:
        records = shown.records()
        return page(
            "home.html",
            cases=_both_sides({party: ask(party, "cases") or [] for party in (Party.GRID, Party.BRIDGE, Party.URBAN)})[
                :_PAGE_CASES
            ],
            waiting={each: len(desks.work(each, shown.parties)) for each in desks.desks()},
            parked=ask(Party.BRIDGE, "parked") or [],
            arrows=lane.arrows(records, said(), last=12),
            lanes=lane.lanes(records),
        )

    @app.get("/desk/<party>/<role>")
    def desk(party: str, role: str) -> Any:
        found = desks.desk(party, role)
        if found is None:
            abort(404)
        account = request.args.get("account") or None
        return page(
            "desk.html",
            desk=found,
            work=desks.work(found, shown.parties, account),
            accounts=desks.accounts(found, shown.parties),
            account=account,
        )

    @app.get("/case/<number>")
    def case(number: str) -> Any:
        books = {party: ask(party, "case", case=number) for party in shown.parties}
        if not any(books.values()):
            return Response(page("missing.html", number=number), 404)
        records = shown.records()
        return page(
            "case.html",
            number=number,
            grid=books.get(Party.GRID) or {},
            urban=books.get(Party.URBAN) or {},
            bridge=books.get(Party.BRIDGE) or {},
            history=_history(books),
            waiting=list(desks.waiting_for(number, shown.parties)),
            arrows=lane.arrows(records, said(), number, last=200),
            lanes=lane.lanes(records),
        )

    @app.route("/act/<name>", methods=["GET", "POST"])
    def act(name: str) -> Any:
        found = desks.act_named(name)
        if found is None:
            abort(404)
        at, wanted = found
        given = {**request.args.to_dict(), **request.form.to_dict()}
        trouble: tuple[str, str, str] | None = None
        if request.method == "POST":
            try:
                done = shown.parties[at.party].act(name, fields.params(wanted, given), given.get("by") or None)
            except fields.NotAnAnswer as wrong:
                trouble = (wrong.name, wrong.zh, wrong.en)
            except StageRefused as refused:
                trouble = (refused.code, refused.zh, refused.en)
            else:
                number = done.get("case") or given.get("case")
                return redirect(url_for("case", number=number) if number else url_for("home"))
        told = page(
            "act.html",
            desk=at,
            act=wanted,
            fields=fields.fields(wanted),
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
        cases = ask(Party.BRIDGE, "cases") or []
        forms = [form for each in cases for form in each["deliveries"]]
        records = shown.records()
        told = page(
            "bridge.html",
            under_way=[form for form in forms if form["state"] not in ("confirmed", "refused", "abandoned")],
            settled=len(forms),
            notices=(ask(Party.BRIDGE, "notices") or [])[-20:],
            acts=BRIDGE_ACTS,
            trouble=trouble,
            arrows=lane.arrows(records, said()),
            lanes=lane.lanes(records),
        )
        return Response(told, 409 if trouble else 200)

    @app.get("/pulse")
    def pulse() -> str:
        """Grows with everything that crosses; pages look at it to know when to look again."""
        return str(len(shown.records()))

    return app


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
