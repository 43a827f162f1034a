"""Steering: the clock, the network, restarts, the story so far; scenarios step by step; the conformance suite."""

import itertools
import shlex
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask, Response, abort, redirect, request, url_for

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party
from conformance.checks.result import VERDICTS, Verdict
from conformance.scenario.faults import FaultWhat, faults
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Scenario
from duijie.console import fields, lane
from duijie.console.pages import Pages, Trouble
from duijie.console_text import Language
from duijie.library import library_folder
from duijie.steering import SPEEDS, Steering
from duijie.stepping import Stepped
from duijie.suite_run import Asked, SuiteRun
from duijie.virtual import VirtualStage
from located_yaml import DocumentInvalid

_Run = TypeVar("_Run")
#: Ways to move the clock, in the words of a scenario, with what the button says.
MOVES: tuple[tuple[str, str, str], ...] = (
    ("to next timer", "到下一事件", "to the next event"),
    ("10 minutes", "10 分钟", "10 minutes"),
    ("1 hour", "1 小时", "1 hour"),
    ("4 working hours", "4 个工作时", "4 working hours"),
    ("1 working day", "1 个工作日", "1 working day"),
)
#: What a fault can hit, in words.
_HITS: Mapping[FaultWhat, tuple[str, str]] = {
    FaultWhat.FORM: ("表单", "the form"),
    FaultWhat.RECEIPT: ("回执", "its receipt"),
    FaultWhat.ANSWER: ("对表单的应答", "the answer to the form"),
    FaultWhat.RECEIPT_ANSWER: ("对回执的应答", "the answer to the receipt"),
}
#: Faults that make sense as noise, in the order of the form.
_NOISY = ("lose", "repeat", "delay", "reorder")
#: Runs that are kept; an older one is left.
_RUNS_MAX = 8
#: A report is one file with its own style and script, made by us; in a sandbox it cannot reach the console.
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)


def steering_pages(app: Flask, at: Pages) -> ExitStack:
    """The pages about steering; without the means to steer only scenarios and the suite. What they started ends with what is given back."""
    started = ExitStack()
    _steering(app, at)
    _scenarios(app, at, started)
    _suite(app, at, started)
    return started


# ── clock, network, story ──


def _steering(app: Flask, at: Pages) -> None:
    @app.route("/steering", methods=["GET", "POST"])
    def steering() -> Any:
        held = at.shown.steering
        if held is None:
            abort(404)
        trouble: Trouble | None = None
        if request.method == "POST":
            try:
                _steer(held, request.form)
            except StageRefused as refused:
                trouble = (refused.code, refused.zh, refused.en)
            else:
                return redirect(url_for("steering"))
        told = at.page(
            "steering.html",
            held=held,
            moves=MOVES,
            speeds=SPEEDS,
            faults=faults(),
            noisy=[name for name in _NOISY if name in faults()],
            hits=list(FaultWhat),
            hit_names=_HITS,
            forms=list(FormType),
            trouble=trouble,
            given=request.form,
            rules=list(itertools.islice(held.told, 20)),
        )
        return Response(told, 409 if trouble else 200)

    @app.get("/steering/story.yaml")
    def story() -> Any:
        held = at.shown.steering
        if held is None:
            abort(404)
        try:
            text = held.story()
        except StageRefused as refused:
            return Response(at.page("refused.html", trouble=(refused.code, refused.zh, refused.en)), 409)
        answer = Response(text, mimetype="application/yaml")
        answer.headers["Content-Disposition"] = 'attachment; filename="by-hand.yaml"'
        return answer


def _steer(held: Steering, given: Mapping[str, str]) -> None:
    what = given.get("do", "")
    deed = _DEEDS.get(what)
    if deed is None:
        raise StageRefused("unknown_deed", f"没有「{what}」这项操作", f"there is nothing called «{what}» to do")
    deed(held, given)


def _advance(held: Steering, given: Mapping[str, str]) -> None:
    held.advance(given.get("by", ""))


def _speed(held: Steering, given: Mapping[str, str]) -> None:
    text = given.get("speed", "0")
    held.run_at(int(text) if text.isdecimal() else -1)


def _fault(held: Steering, given: Mapping[str, str]) -> None:
    params: dict[str, Any] = {"of": given.get("of", "")}
    for name in ("what", "case", "hop", "for"):
        if given.get(name, "").strip():
            params[name] = given[name].strip()
    for name in ("nth", "attempt"):
        text = given.get(name, "").strip()
        if text:
            params[name] = int(text) if text.isdecimal() else text
    held.fault(f"network.{given.get('fault', '')}", params)


def _noise(held: Steering, given: Mapping[str, str]) -> None:
    seed = given.get("seed", "").strip()
    params: dict[str, Any] = {"seed": int(seed) if seed.isdecimal() else seed}
    for name in _NOISY:
        text = given.get(name, "").strip().removesuffix("%")
        if text and text != "0":
            params[name] = f"{text}%"
    held.fault("network.noise", params)


def _party(given: Mapping[str, str]) -> Party:
    try:
        return Party(given.get("party", ""))
    except ValueError:
        raise StageRefused("no_such_party", "没有这一方", "there is no such party") from None


_DEEDS: Mapping[str, Callable[[Steering, Mapping[str, str]], None]] = {
    "advance": _advance,
    "speed": _speed,
    "fault": _fault,
    "noise": _noise,
    "calm": lambda held, _: held.calm(),
    "cut": lambda held, given: held.cut(_party(given), restored=False),
    "restore": lambda held, given: held.cut(_party(given), restored=True),
    "restart": lambda held, given: held.restart(_party(given)),
}


# ── scenarios, step by step ──


def _scenarios(app: Flask, at: Pages, started: ExitStack) -> None:
    runs: dict[int, Stepped] = {}
    started.callback(lambda: _each(runs.values(), Stepped.leave))
    numbers = itertools.count(1)

    @app.get("/scenarios")
    def scenarios() -> str:
        wanted = request.args.get("find", "").strip()
        found = [each for each in _library() if wanted.lower() in _searched(each)]
        return at.page("scenarios.html", scenarios=found, wanted=wanted, runs=runs)

    @app.post("/scenarios/play")
    def play_scenario() -> Any:
        path, seed = request.form.get("scenario", ""), request.form.get("seed", "1")
        scenario = next((each for each in _library() if each.id == path), None)
        if scenario is None or not seed.isdecimal():
            abort(400)
        wanted = request.form.get("wiring", "")
        wiring = next((each for each in scenario.wirings if each.value == wanted), next(iter(scenario.wirings)))
        quirks = request.form.get("quirks", "").strip()
        if quirks.isdecimal():
            scenario = replace(scenario, quirks=replace(scenario.quirks, seed=int(quirks)))
        number = next(numbers)
        runs[number] = Stepped(scenario, wiring, int(seed), VirtualStage).start()
        while len(runs) > _RUNS_MAX:
            runs.pop(min(runs)).leave()
        return redirect(url_for("stepped", number=number))

    @app.route("/scenarios/run/<int:number>", methods=["GET", "POST"])
    def stepped(number: int) -> Any:
        run = runs.get(number)
        if run is None:
            abort(404)
        if request.method == "POST":
            if request.form.get("do") == "end":
                run.go_to_the_end()
            else:
                run.go_on()
            return redirect(url_for("stepped", number=number))
        book = lane.Book(list(run.trace.records))
        return at.page(
            "stepped.html",
            number=number,
            stepped=run,
            run=run.run,
            wording=at.said(),
            arrows=lane.arrows(book, at.said(), last=200),
            lanes=lane.lanes(book),
        )

    @app.get("/scenarios/run/<int:number>/source.yaml")
    def scenario_source(number: int) -> Any:
        run = runs.get(number)
        if run is None:
            abort(404)
        answer = Response(Path(run.scenario.path).read_text(encoding="utf-8"), mimetype="application/yaml")
        answer.headers["Content-Disposition"] = f'attachment; filename="{Path(run.scenario.path).name}"'
        return answer


def _each(runs: Iterable[_Run], end: Callable[[_Run], None]) -> None:
    for run in runs:
        end(run)


def _verdict_of(language: Language) -> Callable[[str], str]:
    return lambda verdict: VERDICTS[Verdict(verdict)].of(language) if verdict in set(Verdict) else verdict


def _library() -> list[Scenario]:
    read = (_scenario(path, path.stat().st_mtime_ns) for path in find_files([library_folder()]))
    return [each for each in read if each is not None]


@lru_cache(maxsize=4096)
def _scenario(path: Path, _: int) -> Scenario | None:
    """A scenario as it was at this moment of its file; None when it cannot be read, which `duijie replay` explains."""
    try:
        return load_scenario(path, library_folder())
    except DocumentInvalid:
        return None


def _searched(scenario: Scenario) -> str:
    return " ".join((scenario.id, scenario.title("zh"), scenario.title("en"), *scenario.clauses)).lower()


# ── the suite ──


def _suite(app: Flask, at: Pages, started: ExitStack) -> None:
    folder = tempfile.TemporaryDirectory(prefix="duijie-suite-", ignore_cleanup_errors=True)
    started.callback(folder.cleanup)
    runs: dict[int, SuiteRun] = {}
    started.callback(lambda: _each(runs.values(), SuiteRun.stop))
    numbers = itertools.count(1)

    @app.route("/suite", methods=["GET", "POST"])
    def suite() -> Any:
        if request.method == "POST":
            given = request.form
            try:
                role = Party(given.get("role", ""))
            except ValueError:
                abort(400)
            seed = given.get("seed", "").strip()
            number = next(numbers)
            place = Path(folder.name) / str(number)
            place.mkdir()
            asked = Asked(
                role=role,
                source=given.get("source", "").strip() or "builtin-virtual",
                only=tuple(word for part in fields.parts(given.get("only", "")) for word in part.split()),
                seed=int(seed) if seed.isdecimal() else None,
                language=at.language(),
            )
            for run in runs.values():
                # One at a time: each plays every other party by itself.
                run.stop()
            runs[number] = SuiteRun(asked, place)
            runs[number].start()
            return redirect(url_for("suite"))
        shown = [(number, run) for number, run in sorted(runs.items(), reverse=True)]
        return at.page("suite.html", runs=shown, shell=shlex.join, verdict_of=_verdict_of(at.language()))

    @app.post("/suite/<int:number>/stop")
    def stop_suite(number: int) -> Any:
        if number not in runs:
            abort(404)
        runs[number].stop()
        return redirect(url_for("suite"))

    @app.get("/suite/pulse")
    def suite_pulse() -> str:
        return " ".join(f"{number}:{run.counts.total()}:{run.exit}" for number, run in runs.items())

    @app.get("/suite/<int:number>/report.html")
    def suite_report(number: int) -> Any:
        page = runs[number].report if number in runs else None
        if page is None:
            abort(404)
        answer = Response(page.read_bytes(), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = _REPORT_POLICY
        return answer
