"""What the simulators' SOAP services make of real and of awkward requests (XCHG-1, RCPT-1, RCPT-2)."""

import io
import logging
from dataclasses import replace
from datetime import datetime

import pytest
from conftest import ScriptedReception, attachment, form_message, hand_over, make_profile, receipt_for
from lxml import etree

import contracts
from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.messages import Fault, FormMessage, QueryMessage, ReceiptMessage
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.times import SHANGHAI
from simulators.grid.service import soap_front as grid_front
from simulators.urban.service import soap_front as urban_front

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
EXCHANGE = "{urn:duijie:exchange:1.0}"
TYPES = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

TOKEN = f"""<wsse:Security xmlns:wsse="{WSSE}"><wsse:UsernameToken>
<wsse:Username>grid-account</wsse:Username><wsse:Password Type="{TYPES}#PasswordText">grid-secret</wsse:Password>
</wsse:UsernameToken></wsse:Security>"""
HEADER = """<ex:messageHeader><ex:messageId>urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000011</ex:messageId>
<ex:sender>wuhu-grid</ex:sender><ex:recipient>wuhu-urban</ex:recipient><ex:caseNumber>340202-20260302-000001</ex:caseNumber>
<ex:formType>withdrawal</ex:formType><ex:attempt>1</ex:attempt><ex:sentAt>2026-03-02T11:40:05+08:00</ex:sentAt>
<ex:contractVersion>1.0</ex:contractVersion></ex:messageHeader>"""
FORM = """<u:DeliverForm><u:form><u:withdrawal><ex:caseNumber>340202-20260302-000001</ex:caseNumber>
<ex:reason>误报,请撤回</ex:reason><ex:withdrawnAt>2026-03-02T11:40:00+08:00</ex:withdrawnAt></u:withdrawal></u:form></u:DeliverForm>"""


def envelope(header: str = TOKEN + HEADER, body: str = FORM, declaration: str = "", soap: str = ENVELOPE[1:-1]) -> str:
    return (
        f'{declaration}<soap:Envelope xmlns:soap="{soap}" xmlns:ex="urn:duijie:exchange:1.0" xmlns:u="urn:duijie:urban:1.0">'
        f"<soap:Header>{header}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )


class Reply:
    def __init__(self, status: str, headers: list, body: bytes):
        self.status = int(status.split()[0])
        self.headers = dict(headers)
        self.body = body
        self.root = etree.fromstring(body)

    @property
    def code(self) -> str | None:
        """The business code of the typed fault, or of the error receipt."""
        found = self.root.find(f".//{EXCHANGE}code")
        return None if found is None else found.text

    @property
    def field(self) -> str | None:
        return self.root.findtext(f".//{EXCHANGE}field")

    @property
    def fault(self):
        return self.root.find(f"{ENVELOPE}Body/{ENVELOPE}Fault")

    @property
    def receipt(self):
        return self.root.find(".//{urn:duijie:urban:1.0}receipt")


def send(front, body: bytes | str, content_type: str = "text/xml; charset=utf-8", **environ) -> Reply:
    raw = body.encode() if isinstance(body, str) else body
    told: list = []
    given = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/soap",
        "QUERY_STRING": "",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw),
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
    }
    answer = b"".join(front(given | environ, lambda status, headers: told.extend((status, headers))))
    return Reply(told[0], told[1], answer)


class Switched:
    """Stands in front of the reception of the test that is running; the service behind it is made once."""

    now: ScriptedReception

    def received(self, message):
        return self.now.received(message)

    def unreadable(self, header, fault, digest):
        return self.now.unreadable(header, fault, digest)


@pytest.fixture(scope="module")
def switched():
    return Switched()


@pytest.fixture(scope="module")
def fronts(switched):
    makers = {Side.GRID: grid_front, Side.URBAN: urban_front}
    return {side: make(make_profile(), switched, address="http://127.0.0.1:2/soap") for side, make in makers.items()}


@pytest.fixture
def reception(switched) -> ScriptedReception:
    switched.now = ScriptedReception()
    return switched.now


@pytest.fixture
def urban(fronts, reception):
    return fronts[Side.URBAN]


def assert_taken(reception: ScriptedReception, reply: Reply) -> None:
    assert reply.fault is None, reply.body.decode()
    assert [message.form.form_type for message in reception.came] == [FormType.WITHDRAWAL]
    assert reception.came[0].form.reason == "误报,请撤回"


def assert_typed_fault(reply: Reply, code: ErrorCode | None = None) -> None:
    assert reply.headers["Content-Type"].startswith("text/xml")
    assert [etree.QName(child).localname for child in reply.fault] == ["faultcode", "faultstring", "detail"]
    block = reply.fault.find(f"detail/{EXCHANGE}exchangeFault")
    assert [child.tag for child in block if child.tag != f"{EXCHANGE}field"] == [
        f"{EXCHANGE}{name}" for name in ("code", "messageZh", "messageEn")
    ]
    prefix, _, _ = reply.fault.findtext("faultcode").partition(":")
    assert reply.fault.nsmap[prefix] == ENVELOPE[1:-1]
    assert code is None or reply.code == code


TAKEN = {
    "plain": (envelope().encode(), "text/xml; charset=utf-8"),
    "byte order mark": (b"\xef\xbb\xbf" + envelope().encode(), "text/xml; charset=utf-8"),
    "UTF-16": (
        envelope(declaration='<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"),
        "text/xml; charset=utf-16",
    ),
    "a quoted charset": (envelope().encode(), 'text/xml; charset="utf-8"'),
    "no charset": (envelope(declaration='<?xml version="1.0" encoding="UTF-8"?>').encode(), "text/xml"),
    "GBK and says so": (
        envelope(declaration='<?xml version="1.0" encoding="GBK"?>').encode("gbk"),
        "text/xml; charset=GBK",
    ),
    "GBK in the declaration, utf-8 in the Content-Type": (
        envelope(declaration='<?xml version="1.0" encoding="GBK"?>').encode("gbk"),
        "text/xml; charset=utf-8",
    ),
    "GB18030": (envelope().encode("gb18030"), "text/xml; charset=gb18030"),
    "a blank line before the declaration": (
        ("\r\n" + envelope(declaration='<?xml version="1.0" encoding="UTF-8"?>')).encode(),
        "text/xml; charset=utf-8",
    ),
    "application/xml": (envelope().encode(), "application/xml"),
    "comments": (envelope(declaration="<!-- hello -->").encode(), "text/xml"),
    "CDATA": (envelope(body=FORM.replace("误报,请撤回", "<![CDATA[误报,请撤回]]>")).encode(), "text/xml"),
    "character references": (envelope(body=FORM.replace("误报", "&#35823;&#25253;")).encode(), "text/xml"),
    "other prefixes": (envelope().replace("u:", "q:").replace("xmlns:u", "xmlns:q").encode(), "text/xml"),
    "a default namespace": (
        envelope(
            body=FORM.replace("<u:", "<")
            .replace("</u:", "</")
            .replace("<DeliverForm>", '<DeliverForm xmlns="urn:duijie:urban:1.0">')
        ).encode(),
        "text/xml",
    ),
}


@pytest.mark.parametrize("what", TAKEN)
def test_what_real_systems_send_is_taken(what, urban, reception):
    body, content_type = TAKEN[what]
    assert_taken(reception, send(urban, body, content_type))


def test_a_rare_name_under_a_gb2312_label_is_read(urban, reception):
    body = FORM.replace("误报,请撤回", "朱镕基路")
    send(urban, envelope(body=body).encode("gb18030"), "text/xml; charset=gb2312")
    assert reception.came[0].form.reason == "朱镕基路"


def without(text: str) -> str:
    return HEADER.replace(text, "")


REFUSED = {
    "empty": (b"", {}, ErrorCode.SCHEMA_INVALID),
    "not XML": (b"{}", {}, ErrorCode.SCHEMA_INVALID),
    "cut off": (envelope().encode()[:-20], {}, ErrorCode.SCHEMA_INVALID),
    "DOCTYPE": (envelope(declaration='<!DOCTYPE x [<!ENTITY a "b">]>').encode(), {}, ErrorCode.SCHEMA_INVALID),
    "DOCTYPE behind a comment": (envelope(declaration="<!-- a --><!DOCTYPE x>").encode(), {}, ErrorCode.SCHEMA_INVALID),
    "unknown charset": (envelope().encode(), {"CONTENT_TYPE": "text/xml; charset=klingon"}, ErrorCode.SCHEMA_INVALID),
    "bytes outside the charset": (b"<a>\xff\xfe\xff</a>", {}, ErrorCode.SCHEMA_INVALID),
    "compressed in an unknown way": (envelope().encode(), {"HTTP_CONTENT_ENCODING": "br"}, ErrorCode.SCHEMA_INVALID),
    "multipart without parts": (
        envelope().encode(),
        {"CONTENT_TYPE": 'multipart/related; boundary="x"'},
        ErrorCode.SCHEMA_INVALID,
    ),
    "no envelope": (b"<hello/>", {}, ErrorCode.SCHEMA_INVALID),
    "empty body": (envelope(body="").encode(), {}, ErrorCode.SCHEMA_INVALID),
    "unknown operation": (envelope(body="<u:DeleteEverything/>").encode(), {}, ErrorCode.SCHEMA_INVALID),
    "a response as a request": (envelope(body="<u:DeliverReceiptResponse/>").encode(), {}, ErrorCode.SCHEMA_INVALID),
    "the other side's operation": (
        envelope(body=FORM).replace("urn:duijie:urban", "urn:duijie:grid").encode(),
        {},
        ErrorCode.SCHEMA_INVALID,
    ),
    "a SOAP fault": (envelope(body="<soap:Fault/>").encode(), {}, ErrorCode.SCHEMA_INVALID),
    "SOAP 1.2": (envelope(soap="http://www.w3.org/2003/05/soap-envelope").encode(), {}, ErrorCode.VERSION_UNSUPPORTED),
    "no header": (envelope(header="").encode(), {}, ErrorCode.NOT_AUTHENTICATED),
    "no message header": (envelope(header=TOKEN).encode(), {}, ErrorCode.SCHEMA_INVALID),
    "two message headers": (envelope(header=TOKEN + HEADER + HEADER).encode(), {}, ErrorCode.SCHEMA_INVALID),
    "two tokens": (envelope(header=TOKEN + TOKEN + HEADER).encode(), {}, ErrorCode.NOT_AUTHENTICATED),
    "wrong password": (envelope().replace("grid-secret", "guess").encode(), {}, ErrorCode.NOT_AUTHENTICATED),
    "wrong name": (envelope().replace("grid-account", "urban-account").encode(), {}, ErrorCode.NOT_AUTHENTICATED),
    "no password": (
        envelope().replace(f'<wsse:Password Type="{TYPES}#PasswordText">grid-secret</wsse:Password>', "").encode(),
        {},
        ErrorCode.NOT_AUTHENTICATED,
    ),
    "unknown password type": (envelope().replace("#PasswordText", "#Secret").encode(), {}, ErrorCode.NOT_AUTHENTICATED),
    "no message id": (
        envelope(
            header=TOKEN + without("<ex:messageId>urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000011</ex:messageId>")
        ).encode(),
        {},
        ErrorCode.SCHEMA_INVALID,
    ),
    "no case number": (
        envelope(header=TOKEN + without("<ex:caseNumber>340202-20260302-000001</ex:caseNumber>")).encode(),
        {},
        ErrorCode.REQUIRED_MISSING,
    ),
    "unknown form type": (
        envelope(header=TOKEN + HEADER.replace("withdrawal", "petition")).encode(),
        {},
        ErrorCode.CODE_UNKNOWN,
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_taken_is_answered_with_the_typed_fault(what, urban, reception):
    body, environ, code = REFUSED[what]
    reply = send(urban, body, **environ)
    assert_typed_fault(reply, code)
    assert reply.status == 500
    assert reception.came == reception.unread == []


def test_soap_1_2_is_a_version_mismatch(urban):
    reply = send(urban, envelope(soap="http://www.w3.org/2003/05/soap-envelope"))
    assert reply.fault.findtext("faultcode").endswith(":VersionMismatch")


def test_an_unknown_header_that_must_be_understood_is_refused(urban, reception):
    strange = '<x:Route xmlns:x="urn:x" soap:mustUnderstand="1"/>'
    reply = send(urban, envelope(header=TOKEN + HEADER + strange))
    assert_typed_fault(reply)
    assert reply.fault.findtext("faultcode").endswith(":MustUnderstand")
    assert_taken(reception, send(urban, envelope(header=TOKEN + HEADER + strange.replace('"1"', '"0"'))))


def test_a_token_that_must_be_understood_is_understood(urban, reception):
    token = TOKEN.replace("<wsse:Security ", '<wsse:Security soap:mustUnderstand="1" ')
    assert_taken(reception, send(urban, envelope(header=token + HEADER)))


def changed(old: str, new: str) -> str:
    assert old in FORM
    return FORM.replace(old, new)


BAD_FORMS = {
    "an unknown element": (
        changed("</u:withdrawal>", "<ex:colour>red</ex:colour></u:withdrawal>"),
        ErrorCode.SCHEMA_INVALID,
    ),
    "a missing element": (changed("<ex:reason>误报,请撤回</ex:reason>", ""), ErrorCode.SCHEMA_INVALID),
    "an empty element": (changed("误报,请撤回", ""), ErrorCode.SCHEMA_INVALID),
    "nil": (
        changed(
            "<ex:reason>误报,请撤回</ex:reason>",
            '<ex:reason xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>',
        ),
        ErrorCode.SCHEMA_INVALID,
    ),
    "another type": (
        changed(
            "<ex:reason>", '<ex:reason xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="ex:Description">'
        ).replace("误报,请撤回", "长" * 900),
        ErrorCode.SCHEMA_INVALID,
    ),
    "a wrong order": (
        changed("<ex:caseNumber>340202-20260302-000001</ex:caseNumber>", "").replace(
            "</u:withdrawal>", "<ex:caseNumber>340202-20260302-000001</ex:caseNumber></u:withdrawal>"
        ),
        ErrorCode.SCHEMA_INVALID,
    ),
    "children without a namespace": (
        changed("<ex:reason>", "<reason>").replace("</ex:reason>", "</reason>"),
        ErrorCode.SCHEMA_INVALID,
    ),
    "two forms": (changed("</u:form>", "<u:closing/></u:form>"), ErrorCode.SCHEMA_INVALID),
    "no form": ("<u:DeliverForm><u:form/></u:DeliverForm>", ErrorCode.SCHEMA_INVALID),
}


@pytest.mark.parametrize("what", BAD_FORMS)
def test_a_form_that_is_not_as_the_contract_says_gets_an_error_receipt(what, urban, reception):
    """RCPT-1: whoever sent it can be told, so it has its one effective receipt."""
    body, code = BAD_FORMS[what]
    reply = send(urban, envelope(body=body))
    assert reply.status == 200
    assert reply.fault is None
    assert reply.code == code
    assert reply.receipt.findtext(f"{EXCHANGE}formMessageId") == "urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000011"
    assert reception.came == []
    assert len(reception.unread) == 1


def test_the_field_at_fault_is_named(urban):
    reply = send(urban, envelope(body=changed("误报,请撤回", "")))
    assert reply.field == "form/withdrawal/reason"


def test_a_value_outside_its_code_list_is_refused_with_the_field(urban):
    body = (
        FORM.replace("withdrawal", "closing")
        .replace(
            "<ex:reason>误报,请撤回</ex:reason>",
            "<ex:taskNumber>T20260302-000001</ex:taskNumber><ex:kind>amicable</ex:kind>",
        )
        .replace("withdrawnAt", "closedAt")
        .replace("</u:closing>", "<ex:closedBy>工作站</ex:closedBy></u:closing>")
    )
    reply = send(urban, envelope(header=TOKEN + HEADER.replace("withdrawal", "closing"), body=body))
    assert (reply.code, reply.field) == (ErrorCode.CODE_UNKNOWN, "form/closing/kind")


def test_a_receipt_that_is_not_as_the_contract_says_gets_the_typed_fault(urban, reception):
    reply = send(urban, envelope(body="<u:DeliverReceipt><u:receipt/></u:DeliverReceipt>"))
    assert_typed_fault(reply, ErrorCode.SCHEMA_INVALID)
    assert reception.unread == []


MOMENTS = {
    "2026-03-02T11:40:00+08:00": datetime(2026, 3, 2, 11, 40, tzinfo=SHANGHAI),
    "2026-03-02T03:40:00Z": datetime(2026, 3, 2, 11, 40, tzinfo=SHANGHAI),
    "2026-03-02T11:40:00": datetime(2026, 3, 2, 11, 40, tzinfo=SHANGHAI),
    "2026-03-02T11:40:00.1234567+08:00": datetime(2026, 3, 2, 11, 40, 0, 123456, tzinfo=SHANGHAI),
    "2026-03-02T11:40:00+0800": datetime(2026, 3, 2, 11, 40, tzinfo=SHANGHAI),
    "2026-03-02 11:40:00": datetime(2026, 3, 2, 11, 40, tzinfo=SHANGHAI),
    "2026-03-01T24:00:00+08:00": datetime(2026, 3, 2, 0, 0, tzinfo=SHANGHAI),
}


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_read_as_what_it_is(text, urban, reception):
    send(urban, envelope(body=changed("2026-03-02T11:40:00+08:00", text)))
    assert reception.came[0].form.withdrawn_at == MOMENTS[text]


@pytest.mark.parametrize("text", ["12026-03-02T11:40:00+08:00", "0000-01-01T00:00:00Z", "-0044-03-15T12:00:00Z"])
def test_a_moment_that_nobody_lived_through_is_refused_in_order(text, urban, reception):
    reply = send(urban, envelope(body=changed("2026-03-02T11:40:00+08:00", text)))
    assert reply.code == ErrorCode.SCHEMA_INVALID
    assert reply.receipt is not None
    assert reception.came == []


def test_a_sending_that_nobody_lived_through_is_refused_in_order(urban, reception):
    reply = send(urban, envelope(header=TOKEN + HEADER.replace(">2026-03-02T", ">12026-03-02T")))
    assert_typed_fault(reply, ErrorCode.SCHEMA_INVALID)


def test_a_declaration_inside_a_text_is_left_alone(urban, reception):
    send(urban, envelope(body=changed("误报,请撤回", '<![CDATA[<?xml version="1.0"?>]]>')))
    assert reception.came[0].form.reason == '<?xml version="1.0"?>'


def test_a_message_over_the_limit_is_refused_before_it_is_read(profile, reception):
    small = replace(profile, limits=replace(profile.limits, message_bytes=1000))
    reply = send(urban_front(small, reception, address="http://x/"), envelope())
    assert_typed_fault(reply, ErrorCode.LIMIT_EXCEEDED)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_told_what_to_do(method, urban):
    reply = send(urban, b"", REQUEST_METHOD=method)
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, POST")
    assert_typed_fault(reply)


def test_an_error_of_ours_is_a_soap_fault_that_may_be_repeated(profile):
    def fail(message):
        raise ZeroDivisionError("张三 13800000000")

    reply = send(urban_front(profile, ScriptedReception(fail), address="http://x/"), envelope())
    assert_typed_fault(reply, ErrorCode.INTERNAL)
    assert reply.fault.findtext("faultcode").endswith(":Server")
    assert "张三" not in reply.body.decode()


def test_a_busy_platform_says_so_as_a_server_fault(profile):
    busy = Fault(code=ErrorCode.BUSY, field=None, message_zh="稍后再来。", message_en="Later, please.")
    reply = send(
        urban_front(profile, ScriptedReception(lambda _: Faulted(fault=busy)), address="http://x/"), envelope()
    )
    assert_typed_fault(reply, ErrorCode.BUSY)
    assert reply.fault.findtext("faultcode").endswith(":Server")


def test_nothing_of_a_message_is_logged(urban, caplog):
    with caplog.at_level(logging.DEBUG):
        send(urban, envelope())
        send(urban, envelope(body=changed("误报,请撤回", "")))
        send(urban, envelope().encode()[:-20])
        send(urban, envelope().replace("grid-secret", "guess"))
    assert "误报" not in caplog.text
    assert "grid-secret" not in caplog.text
    assert "<soap:" not in caplog.text


def test_the_answer_comes_under_other_prefixes_when_wanted(profile):
    def answer(message):
        return Answered(receipt=receipt_for(message))

    front = urban_front(profile, ScriptedReception(answer), address="http://x/", prefixes=lambda namespace: "S")
    reply = send(front, envelope())
    assert b"<S" in reply.body
    assert reply.receipt.findtext(f"{EXCHANGE}outcome") == "confirmed"
    assert_typed_fault(send(front, envelope().replace("grid-secret", "guess")), ErrorCode.NOT_AUTHENTICATED)


SAMPLES = sorted(
    path.name for path in contracts.SAMPLES.glob("*.xml") if "Response" not in path.name and "fault" not in path.name
)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_request_of_the_contract_is_taken(name, profile, fronts, reception):
    side = Side(name.partition("-")[0])
    root = etree.parse(contracts.SAMPLES / name).getroot()
    account = profile.platform(side.other)
    root.find(f".//{{{WSSE}}}Username").text = account.username
    password = root.find(f".//{{{WSSE}}}Password")
    password.text = account.password
    password.set("Type", f"{TYPES}#PasswordText")
    reply = send(fronts[side], etree.tostring(root))
    # Queries and receipts are answered by a scripted reception that has no page; what matters is that they came through.
    (came,) = reception.came
    expected = {"DeliverForm": FormMessage, "DeliverReceipt": ReceiptMessage, "QueryCases": QueryMessage}[
        name.split("-")[1].removesuffix(".xml")
    ]
    assert isinstance(came, expected), reply.body
    if isinstance(came, FormMessage):
        assert came.form.form_type.value in name
        assert came.form.form_type in FORMS_BY_DIRECTION[Direction.from_sender(side.other)]


def test_an_empty_attachment_is_one(urban, reception):
    message = form_message(hand_over(attachments=(attachment(b""),)))
    body = (
        "<u:DeliverForm><u:form><u:supplement><ex:caseNumber>340202-20260302-000001</ex:caseNumber><ex:note>补充</ex:note>"
        "<ex:supplementedAt>2026-03-02T11:40:00+08:00</ex:supplementedAt><ex:attachments><ex:name>a.txt</ex:name>"
        "<ex:mediaType>text/plain</ex:mediaType><ex:size>0</ex:size>"
        f"<ex:sha256>{message.form.attachments[0].sha256}</ex:sha256><ex:kind>document</ex:kind><ex:content/></ex:attachments>"
        "</u:supplement></u:form></u:DeliverForm>"
    )
    send(urban, envelope(header=TOKEN + HEADER.replace("withdrawal", "supplement"), body=body))
    (only,) = reception.came[0].form.attachments
    assert (only.content, only.reference) == (b"", None)
