"""What the answer to a harmless query says of accounts and encodings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from bridge.vocabulary.calls import Answered, Ending, Faulted
from bridge.vocabulary.codes import ErrorCode
from conformance.checks.result import Text
from conformance.doctor.finding import Finding, Level, Topic
from conformance.observe.body import BodyUnreadable, envelope_in
from conformance.observe.soap import read_response

_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]+)""", re.IGNORECASE)
#: Faults that speak of who is calling.
_NOT_LET_IN = (ErrorCode.NOT_AUTHENTICATED, ErrorCode.NOT_AUTHORISED, ErrorCode.ACCOUNT_LOCKED)
_NOT_LET_IN_BY_HTTP = (401, 403)


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer to a query."""

    status: int
    content_type: str
    body: bytes

    @property
    def envelope(self) -> bytes:
        """The envelope in UTF-8; empty when none can be made out."""
        try:
            return envelope_in(self.body, self.content_type or None)
        except BodyUnreadable:
            return b""

    @property
    def ending(self) -> Ending:
        """How the call ended in the contract's terms."""
        return read_response(self.envelope)

    @property
    def is_page(self) -> bool:
        """Whether the query was answered as the contract has it."""
        ending = self.ending
        return isinstance(ending, Answered) and ending.page is not None

    @property
    def is_soap(self) -> bool:
        """Whether the answer is a SOAP 1.1 envelope of any kind."""
        try:
            return etree.fromstring(self.envelope, _PARSER).tag == _ENVELOPE
        except (etree.XMLSyntaxError, ValueError):
            return False

    @property
    def encoding(self) -> str:
        """In which encoding the answer says it is written; UTF-8 when it does not say."""
        declared = _DECLARED.match(self.body.removeprefix(b"\xef\xbb\xbf")[:200])
        charset = _CHARSET.search(self.content_type)
        return (charset[1] if charset else declared[1].decode() if declared else "utf-8").upper()

    def in_short(self, language: str) -> str:
        """What it is, for people."""
        ending = self.ending
        if isinstance(ending, Faulted):
            return f"{ending.fault.code} {ending.fault.message_zh if language == 'zh' else ending.fault.message_en}".strip()
        if self.is_soap:
            said = {"zh": "不合契约的 SOAP 应答", "en": "a SOAP answer outside the contract"}[language]
        else:
            said = {"zh": "不是 SOAP 的应答", "en": "an answer that is not SOAP"}[language]
        return f"HTTP {self.status}, {said}"


def with_the_right_password(answer: Answer, username: str) -> Finding:
    """What the answer to a query under the right account means."""
    ending = answer.ending
    shown = Text(answer.in_short("zh"), answer.in_short("en"))
    if answer.is_page:
        return Finding(
            Topic.ACCOUNT, Level.OK, Text(f"账号 {username} 的查询有应答", f"a query of {username} is answered")
        )
    locked = isinstance(ending, Faulted) and ending.fault.code is ErrorCode.ACCOUNT_LOCKED
    if locked or _is_not_let_in(answer):
        return Finding(
            Topic.ACCOUNT,
            Level.FAILURE,
            Text(f"账号 {username} 不被接受:{shown.zh}", f"the account {username} is not accepted: {shown.en}"),
            Text(
                "核对系统与配置中的账号、口令和 password_type;被锁定则等到解锁",
                "compare account, password and password_type in the system and in the profile; wait for a lock to end",
            ),
        )
    if isinstance(ending, Faulted) and ending.fault.code is ErrorCode.WRONG_PARTY:
        return Finding(
            Topic.ACCOUNT,
            Level.FAILURE,
            Text(f"平台代码不符:{shown.zh}", f"the party codes do not fit: {shown.en}"),
            Text("核对配置中两个平台的 code", "compare `code` of both platforms in the profile"),
        )
    if answer.is_soap:
        return Finding(
            Topic.ACCOUNT,
            Level.WARNING,
            Text(f"查询未得到一页案卷:{shown.zh}", f"the query did not get a page of cases: {shown.en}"),
            Text(
                '查询由检查评判;没有查询则写入 unsupported = ["XCHG-2"]',
                'the checks judge queries; a system without them says unsupported = ["XCHG-2"]',
            ),
        )
    return Finding(
        Topic.ACCOUNT,
        Level.FAILURE,
        Text(f"此处应答的不是 SOAP 服务:{shown.zh}", f"what answers here is no SOAP service: {shown.en}"),
        Text("核对地址中的路径", "compare the path of the address"),
    )


def with_a_wrong_password(answer: Answer, username: str) -> Finding:
    """What the answer to a query under a wrong password means."""
    if isinstance(answer.ending, Answered):
        return Finding(
            Topic.ACCOUNT,
            Level.FAILURE,
            Text(f"账号 {username} 用错误口令也被接受", f"the account {username} is let in with a wrong password too"),
            Text("在系统中启用口令验证", "let the system verify passwords"),
        )
    if _is_not_let_in(answer):
        return Finding(Topic.ACCOUNT, Level.OK, Text("错误口令被拒绝", "a wrong password is refused"))
    return Finding(
        Topic.ACCOUNT,
        Level.WARNING,
        Text(
            f"错误口令未被接受,但拒绝的方式不合契约:{answer.in_short('zh')}",
            f"a wrong password is not let in, but not refused as the contract has it: {answer.in_short('en')}",
        ),
        Text("以 NOT_AUTHENTICATED 拒绝", "refuse it with NOT_AUTHENTICATED"),
    )


def in_encodings(answers: Sequence[tuple[str, Answer]]) -> Finding:
    """What the answers to the same query in different encodings mean."""
    strange = [(label, answer) for label, answer in answers if not answer.is_page]
    given = ", ".join(sorted({answer.encoding for _, answer in answers}))
    if not strange:
        labels = ", ".join(label for label, _ in answers)
        return Finding(
            Topic.ENCODINGS,
            Level.OK,
            Text(f"能读 {labels};以 {given} 应答", f"reads {labels}; answers in {given}"),
        )
    labels = ", ".join(label for label, _ in strange)
    return Finding(
        Topic.ENCODINGS,
        Level.WARNING,
        Text(f"不能照常应答 {labels} 的查询", f"does not answer a query in {labels} as usual"),
        Text("由宽松读取的检查(XCHG-3)评判", "the checks of liberal reading (XCHG-3) judge it"),
        tuple(
            Text(f"{label}:{answer.in_short('zh')}", f"{label}: {answer.in_short('en')}") for label, answer in strange
        ),
    )


def _is_not_let_in(answer: Answer) -> bool:
    ending = answer.ending
    by_fault = isinstance(ending, Faulted) and ending.fault.code in _NOT_LET_IN
    return by_fault or (answer.status in _NOT_LET_IN_BY_HTTP and not answer.is_page)
