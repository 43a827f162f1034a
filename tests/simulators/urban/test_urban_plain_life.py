"""A transferred case's plain life, as the urban platform sees it (URBAN-2, INT-1, INT-4, INT-5, INT-6)."""

import json
from itertools import pairwise

import pytest
from urban_world import OWN, World

from bridge.vocabulary.codes import CaseSource, FilingOutcome, PhotoKind
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.stages import UrbanStage
from simulators.city.photos import attachment


def test_a_transferred_case_lives_through_all_stages_and_closes() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    receipt = world.close(case)

    assert receipt is not None
    assert receipt.fault is None
    seen = world.case(case)
    assert seen["status"] == "closed"
    assert [record["stage"] for record in seen["stages"]] == [stage.value for stage in UrbanStage]
    assert all(record["completed_at"] for record in seen["stages"])


@pytest.mark.parametrize("source", list(CaseSource))
def test_a_transferred_case_keeps_the_source_it_was_handed_over_with(source: CaseSource) -> None:
    """GEN-1."""
    world = World()
    assert world.case(world.hand_over(source=source))["source"] == source


def test_the_grid_side_is_told_of_every_step_in_order() -> None:
    """INT-1."""
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    world.close(case)

    assert world.taken(case) == [
        FormType.FILING_RESULT,
        FormType.DISPATCH,
        FormType.STAGE_PROGRESS,
        FormType.VERIFICATION_REQUEST,
        FormType.STAGE_PROGRESS,
    ]
    filing, dispatch, disposal, request, closing = world.forms
    assert filing.outcome is FilingOutcome.FILED
    assert filing.filing_ordinal == 1
    assert {filing.task_number, dispatch.task_number, disposal.task_number, request.task_number} == {world.task(case)}
    assert dispatch.district == OWN
    assert disposal.stage is UrbanStage.DEPARTMENT_DISPOSAL
    assert disposal.disposal_due_at is not None
    assert request.round == 1
    assert [a.name for a in request.attachments] == ["after.png"]
    assert closing.stage is UrbanStage.CLOSING


def test_the_verification_stages_complete_by_themselves_with_the_whole_record() -> None:
    """INT-5: time, photos and result of the grid worker stand in both stages, under the default user."""
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case, photos=("one", "two"))

    records = {record["stage"]: record for record in world.case(case)["stages"]}
    digests = [attachment(name, PhotoKind.VERIFICATION).sha256 for name in ("one", "two")]
    for stage in ("district_verification", "city_verification"):
        record = records[stage]
        assert record["handler"] == "系统自动核查"
        assert record["automatic"] is True
        assert record["result"] == "passed"
        assert record["completed_at"] == world.now.isoformat()
        assert record["note"] == "到场查看"
        assert [photo["sha256"] for photo in record["photos"]] == digests
    assert world.case(case)["stage"] == "closing"


def test_who_did_what_and_when_is_on_record() -> None:
    """GEN-3."""
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    world.close(case)

    history = world.case(case)["history"]
    assert [line["what"] for line in history] == [
        "received",
        "filed",
        "dispatched",
        "assigned",
        "disposed",
        "verified",
        "closed",
    ]
    assert all(line["who"] and line["role"] for line in history)
    assert all(one["at"] <= other["at"] for one, other in pairwise(history))


def test_what_the_platform_shows_is_json() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    for name, params in {
        "case": {"case": case},
        "cases": {},
        "worklist": {"role": "operator"},
        "notices": {},
        "contacts": {},
        "journal": {},
        "forms": {"case": case},
        "accounts": {},
        "departments": {},
        "assessment": {"month": "2026-03"},
        "parked": {},
        "refused": {},
        "receipts_kept": {},
    }.items():
        assert json.loads(json.dumps(world.ask(name, **params))) is not None
