"""Photos with a content of their own: taken as they are, refused when they are none, and given back on request."""

import base64

import pytest

from bridge.vocabulary.codes import PhotoKind
from simulators.city.photos import TAKEN_BYTES_MAX, photo
from simulators.exchange.errors import ActRefused
from simulators.exchange.params import Params

JPEG = b"\xff\xd8\xff" + b"0" * 20


def given(*photos):
    return Params("worker.report", {"photos": list(photos)}).photos(PhotoKind.REPORT)


def with_content(content, name="街角.PNG"):
    return {"name": name, "content": base64.b64encode(content).decode()}


def test_a_photo_that_was_taken_keeps_its_bytes_and_is_named_by_what_they_are():
    taken, drawn = given(with_content(JPEG), "roadside")
    assert (taken.name, taken.media_type, taken.content) == ("街角.jpg", "image/jpeg", JPEG)
    assert drawn.content == photo("roadside")


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        ([with_content(b"GIF89a")], "neither a JPEG nor a PNG"),
        ([with_content(b"")], "neither a JPEG nor a PNG"),
        ([{"name": "a", "content": "ä"}], "no base64"),
        ([{"name": "a"}], "neither a JPEG nor a PNG"),
        ([{"name": "", "content": "AA=="}], "should be a list"),
        ([{"content": "AA=="}], "should be a list"),
        ([7], "should be a list"),
        ("abc", "should be a list"),
        ([with_content(JPEG + b"0" * TAKEN_BYTES_MAX)], "are the most"),
    ],
)
def test_what_is_no_photo_is_refused_in_words(photos, said):
    with pytest.raises(ActRefused) as refused:
        Params("worker.report", {"photos": photos}).photos(PhotoKind.REPORT)
    assert said in refused.value.message_en
