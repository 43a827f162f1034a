"""The page about the contract knows every form and every error, and what follows from each."""

from pathlib import Path

import pytest

from bridge.vocabulary.codes import ErrorCode, Remedy, remedy_for
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.messages import Operation
from bridge.wire.faults import soap_code_for

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("`"): cells
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
REMEDIES = {
    Remedy.REPAIR: "repair, new `messageId`",
    Remedy.RETRY: "send the same again",
    Remedy.PARK: "a person decides",
}


@pytest.mark.parametrize("form_type", FormType)
def test_each_form_has_its_row_with_those_who_write_it(form_type):
    writers = [direction.sender.value for direction, types in FORMS_BY_DIRECTION.items() if form_type in types]
    assert ROWS[form_type.value][-1] == " and ".join(writers)


@pytest.mark.parametrize("code", ErrorCode)
def test_each_error_has_its_row_with_soap_code_and_remedy(code):
    assert ROWS[code.value][-2:] == [soap_code_for(code).value, REMEDIES[remedy_for(code)]]


@pytest.mark.parametrize("operation", Operation)
def test_each_operation_has_its_row(operation):
    assert len(ROWS[operation.value]) == 4
