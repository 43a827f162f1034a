"""Chinese text arrives in the character sets that real systems send, labelled in the ways they label it."""

import pytest

import contracts
from bridge import wire
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits

LIMITS = Limits()
RARE = "㛃𠮷"  # names that GB 2312 and GBK do not have
BODY = (
    (contracts.SAMPLES / "urban-DeliverForm-handOver.xml")
    .read_text(encoding="utf-8")
    .partition("?>")[2]
    .lstrip()
    .replace("王秀兰", f"王{RARE}")
)
PLAIN = BODY.replace(RARE, "秀兰")


def document(declared: str | None, body: str = BODY) -> str:
    return body if declared is None else f'<?xml version="1.0" encoding="{declared}"?>\n{body}'


def name_read(data: bytes, content_type: str | None) -> str:
    return wire.parse_request(data, content_type, Side.URBAN, LIMITS).message.form.reporter_name


ROWS = {
    "UTF-8 without a word": (document(None).encode(), None),
    "UTF-8 declared": (document("UTF-8").encode(), None),
    "UTF-8 quoted in the content type": (document(None).encode(), 'text/xml; charset="utf-8"'),
    "UTF-8 with a byte order mark": (b"\xef\xbb\xbf" + document("utf-8").encode(), "text/xml; charset=utf-8"),
    "UTF-8 called US-ASCII": (document(None).encode(), "text/xml; charset=us-ascii"),
    "UTF-8 called ISO 8859-1": (document(None).encode(), "text/xml; charset=ISO-8859-1"),
    "UTF-8 under the label of an unknown set": (document("utf-8").encode(), "text/xml; charset=x-unknown"),
    "UTF-16 with a byte order mark": (document("UTF-16").encode("utf-16"), "text/xml"),
    "UTF-16 big end first": (document("UTF-16").encode("utf-16-be"), None),
    "UTF-16 little end first": (document("UTF-16").encode("utf-16-le"), "text/xml; charset=utf-16"),
    "UTF-8 called UTF-16 since it was text in a program": (document("utf-16").encode(), "text/xml"),
    "GB18030 declared": (document("GB18030").encode("gb18030"), None),
    "GB18030 by content type alone": (document(None).encode("gb18030"), "text/xml; charset=GB18030"),
    "rare names under a gb2312 label": (document("gb2312").encode("gb18030"), "text/xml; charset=gb2312"),
    "rare names under a GBK label": (document("GBK").encode("gb18030"), None),
    "GBK declared, UTF-8 in the content type": (document("GBK").encode("gb18030"), "text/xml; charset=utf-8"),
    "UTF-8 declared, GBK in the content type": (document("UTF-8").encode("gb18030"), "text/xml; charset=gbk"),
    "GBK declared and said, and really UTF-8 in one": (document("GBK").encode(), "text/xml; charset=utf-8"),
    "all Chinese as numeric references": (document("us-ascii").encode("ascii", "xmlcharrefreplace"), None),
    "a blank line before the declaration": (b"\r\n" + document("utf-8").encode(), "text/xml"),
}


@pytest.mark.parametrize("case", ROWS)
def test_the_name_is_read_as_it_was_written(case):
    data, content_type = ROWS[case]
    assert name_read(data, content_type) == f"王{RARE}"


def test_plain_gb2312_is_read():
    assert name_read(document("gb2312", PLAIN).encode("gb2312"), "text/xml; charset=gb2312") == "王秀兰"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (document(None).encode("gb18030"), None),
        (document("utf-8").encode("gb18030"), "text/xml; charset=utf-8"),
        (document("x-unknown").encode(), None),
        (document("x-unknown").encode(), "text/xml; charset=y-unknown"),
        (document("utf-16").encode("utf-16")[:-1], None),
        (document("gbk").encode("gb18030").replace("王".encode("gbk"), b"\xff\xff"), None),
    ],
    ids=["GBK unlabelled", "GBK called UTF-8", "unknown set", "two unknown sets", "torn UTF-16", "no GBK"],
)
def test_bytes_that_do_not_fit_their_label_are_refused_and_not_guessed_at(data, content_type):
    with pytest.raises(wire.Malformed) as caught:
        wire.parse_request(data, content_type, Side.URBAN, LIMITS)
    assert caught.value.header is None


def test_an_answer_in_gbk_named_only_in_the_content_type_is_read():
    data = (contracts.SAMPLES / "urban-DeliverFormResponse-error.xml").read_text(encoding="utf-8").partition("?>")[2]
    ending = wire.parse_response(
        data.lstrip().encode("gbk"), "text/xml; charset=GBK", 200, Side.URBAN, Operation.DELIVER_FORM
    )
    assert isinstance(ending, Answered)
    assert ending.receipt.fault.message_zh == "当前环节不接受此表单"
