"""`duijie audit` asks running parties for their books and says what does not agree."""

import itertools
import json
from collections.abc import Iterator

import pytest
from staying import staying_after

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party, Side
from conformance.scenario import forge
from conformance.scenario.stage import START
from duijie.cli import main
from duijie.exits import Exit
from duijie.library import library_folder
from duijie.live import LiveStage
from duijie.pair import Quiet, Remote
from duijie.processes import free_port

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def stage() -> Iterator[LiveStage]:
    story = library_folder() / "rejection" / "the-first-leads-back-to-disposal.yaml"
    with staying_after(story) as made:
        yield made


@pytest.fixture
def told(stage, capsys, monkeypatch):
    monkeypatch.setenv("DUIJIE_CONTROL_TOKEN", stage.pair.control_token)

    def told(*options: str) -> tuple[int, str]:
        ports = {party: stage.pair.control_address(party).rpartition(":")[2] for party in stage.pair.parties}
        code = main(["audit", *(f"--{party}={port}" for party, port in ports.items()), *options])
        return code, capsys.readouterr().out

    return told


def test_books_that_agree_are_said_to_agree(told):
    code, said = told("--lang", "en")
    assert (code, said) == (Exit.OK, "1 cases handed over, 8 forms; 0 finding(s)\n")


def test_a_form_that_nobody_sent_is_found_with_party_case_and_message(told, stage):
    case = stage.ask(Party.GRID, "cases", {})[0]["case_number"]
    form = forge.build_form(FormType.SUPPLEMENT, case, {}, stage.now, None)
    message = forge.form_message(stage.profile, Side.GRID, form, forge.message_id("nobody"), stage.now)
    stage.inject(message, Party.URBAN, Side.GRID)
    stage.settle()
    code, said = told("--json")
    findings = [json.loads(line) for line in said.splitlines()]
    assert code == Exit.FAILED
    assert ("same-outcome", "urban", case, message.header.message_id) in {
        (each["rule"], each["party"], each["case_number"], each["message_id"]) for each in findings
    }


def test_while_something_is_under_way_only_that_is_judged_which_holds_at_any_time(told, monkeypatch):
    """The form of the last test is still in the urban book; what differs only at rest is not said of a pair in motion."""
    monkeypatch.setattr(Remote, "quiet", lambda remote: Quiet(quiet=False, next_due=None, now=START))
    code, said = told("--lang", "en")
    assert code == Exit.OK
    assert said.endswith("ask again at rest\n")


def test_what_happens_while_the_books_are_read_counts_as_under_way(told, monkeypatch):
    inputs = itertools.count()
    monkeypatch.setattr(Remote, "quiet", lambda _: Quiet(quiet=True, next_due=None, now=START, inputs=next(inputs)))
    assert told("--lang", "en")[1].endswith("ask again at rest\n")


def test_without_a_token_the_variable_is_named(capsys, monkeypatch):
    monkeypatch.delenv("DUIJIE_CONTROL_TOKEN", raising=False)
    assert main(["audit", "--grid", "1", "--urban", "1", "--lang", "en"]) == Exit.CONFIGURATION
    assert "DUIJIE_CONTROL_TOKEN" in capsys.readouterr().err


def test_a_port_where_nobody_answers_is_named(capsys, monkeypatch):
    monkeypatch.setenv("DUIJIE_CONTROL_TOKEN", "any")
    port = free_port()
    assert main(["audit", "--grid", str(port), "--urban", str(port), "--lang", "en"]) == Exit.CONFIGURATION
    assert f"nothing answers as the grid control port at http://127.0.0.1:{port}" in capsys.readouterr().err
