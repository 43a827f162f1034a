"""Values become plain JSON and come back the same; what does not fit is refused, not guessed."""

import json

import pytest
from sample_forms import form, message, receipt_for

from bridge.stores.plain import from_plain, to_plain
from bridge.vocabulary.codes import CoordinateSystem, ErrorCode
from bridge.vocabulary.forms import Form, FormType, Position
from bridge.vocabulary.messages import Header, Receipt
from bridge.vocabulary.parties import Side


@pytest.mark.parametrize("kind", list(FormType))
def test_a_form_without_bytes_survives_json(kind: FormType) -> None:
    written = form(kind)
    kept = json.loads(json.dumps(to_plain(Form, written)))
    bare = {name: getattr(written, name) for name in type(written).__slots__ if name != "attachments"}
    back = from_plain(Form, kept)
    assert type(written) is type(back)
    assert bare == {name: getattr(back, name) for name in bare}


def test_a_receipt_and_a_header_survive_json() -> None:
    sent = message(Side.GRID, form(FormType.HAND_OVER), 1)
    receipt = receipt_for(sent, code=ErrorCode.BUSY)
    assert receipt == from_plain(Receipt, json.loads(json.dumps(to_plain(Receipt, receipt))))
    assert sent.header == from_plain(Header, json.loads(json.dumps(to_plain(Header, sent.header))))


def test_a_whole_number_where_a_fraction_belongs_is_read_as_one() -> None:
    position = from_plain(Position, {"x": 1, "y": 2.5, "system": "CGCS2000"})
    assert Position(x=1.0, y=2.5, system=CoordinateSystem.CGCS2000) == position
    assert isinstance(position.x, float)


@pytest.mark.parametrize("plain", [{"x": 1, "y": 2}, {"x": 1, "y": 2, "system": "CGCS2000", "z": 3}])
def test_a_missing_or_unknown_field_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Position"):
        from_plain(Position, plain)


@pytest.mark.parametrize("kind", [object, int | str, list[int]])
def test_a_type_without_a_plain_form_is_refused(kind: object) -> None:
    with pytest.raises(TypeError):
        to_plain(kind, None)
