"""Who sits at the console: nobody, who may see and do everything as a director of the play does, or one account of a platform.

An account's acts go to the platform in its name; what it may do is the platform's to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response as Answer

from bridge.vocabulary.parties import Party
from duijie.console.pages import Pages

#: Accounts that are listed; a city has thousands, and then one looks for a name.
LISTED_MAX = 200


@dataclass(frozen=True, slots=True)
class Seat:
    """One account of a platform."""

    party: Party
    account: str
    role: str
    person: str


def seat() -> Seat | None:
    """Who is signed in."""
    told = session.get("seat")
    if not isinstance(told, dict):
        return None
    return Seat(Party(told["party"]), told["account"], told["role"], told["person"])


def seats(app: Flask, at: Pages) -> None:
    """The page to sign in, and the way out."""

    @app.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> Any:
        if request.method == "POST":
            party, account = request.form.get("party", ""), request.form.get("account", "")
            found = next((each for each in _accounts(at, party) if each["name"] == account), None)
            if found is None:
                return Response(at.page("sign_in.html", people=_listed(at, ""), wanted="", unknown=account), 404)
            session["seat"] = {
                "party": party,
                "account": found["name"],
                "role": found["role"],
                "person": found.get("person") or found["name"],
            }
            return redirect(_own_desk(at))
        wanted = request.args.get("find", "").strip()
        return at.page("sign_in.html", people=_listed(at, wanted), wanted=wanted, unknown=None)

    @app.post("/sign-out")
    def sign_out() -> Answer:
        session.pop("seat", None)
        return redirect(url_for("home"))


def _accounts(at: Pages, party: str) -> Sequence[Mapping[str, Any]]:
    try:
        return list(at.ask(Party(party), "accounts") or ())
    except ValueError:
        abort(400)


def _listed(at: Pages, wanted: str) -> dict[Party, list[Mapping[str, Any]]]:
    """The accounts of both platforms that hold this text anywhere, at most `LISTED_MAX` of each."""
    found = {}
    for party in (Party.GRID, Party.URBAN):
        people = [each for each in at.ask(party, "accounts") or () if wanted in " ".join(map(str, each.values()))]
        # One of each role first: a town has far more workers than anything else.
        first = {each["role"]: each for each in reversed(people)}
        rest = [each for each in people if each not in first.values()]
        found[party] = [*sorted(first.values(), key=lambda each: str(each["role"])), *rest][:LISTED_MAX]
    return found


def _own_desk(at: Pages) -> str:
    sits = seat()
    if sits is None:
        return url_for("home")
    if sits.role == "worker":
        return url_for("app_tasks")
    return url_for("desk", party=sits.party.value, role=sits.role, account=sits.account)
