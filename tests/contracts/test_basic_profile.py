"""The contract, what our parties serve of it and what they say keep the WS-I Basic Profile 1.1, by a second engine and rule by rule (XCHG-1).

Descriptions: the contract's files, and `?wsdl` of the bridge and of both simulators. Messages: the contract's samples, faults with every
error code, and everything that bridge and simulators said on the wire while cases lived and strangers sent them awkward requests.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from awkward import PROFILE, REQUESTS, SAMPLES, ageless
from basic_profile import DESCRIPTION_RULES, ENVELOPE, MESSAGE_RULES, Description, Rule, Sent, table
from lxml import etree
from recorder import Exchange, Recorder

import contracts
from bridge import wire
from bridge.runtime import BridgeProcess
from bridge.stores.memory import MemoryStore
from bridge.transports.clock import SystemClock
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile, ReceiptMode
from bridge.wire.faults import soap_code_for
from duijie.processes import free_port
from simulators.exchange.quirks import Quirks
from simulators.exchange.soap import Refusal, _fault_envelope
from simulators.process import SimulatorProcess

PAGE = Path(__file__).parents[2] / "docs" / "basic-profile.md"
XML = "text/xml; charset=utf-8"
PATIENCE = 30.0
#: As the bridge and zeep name themselves; what others send is theirs to answer for.
OURS = ("duijie", "Zeep")


# ── our parties, running ────────────────────────────────────────────────────────────────────────────


@dataclass
class Town:
    """Both simulators and the bridge in this process, with a recorder in front of each."""

    grid: SimulatorProcess
    urban: SimulatorProcess
    recorders: dict[str, Recorder]

    def act(self, side: Side, name: str, **params: Any) -> dict[str, Any]:
        platform: SimulatorProcess = getattr(self, side.value)
        return platform.act(name, params)

    def wait(self, side: Side, case: str, **state: str) -> None:
        platform: SimulatorProcess = getattr(self, side.value)
        deadline = time.monotonic() + PATIENCE
        while True:
            found = next((each for each in platform.ask("cases", {}) if each["case_number"] == case), {})
            if found and all(platform.ask("case", {"case": case})[name] == value for name, value in state.items()):
                return
            assert time.monotonic() < deadline, (side, case, state)
            threading.Event().wait(0.02)

    def live(self, description: str, rejections: int = 0) -> str:
        """A case from its report to its closing on both sides."""
        words = {"category": "01", "subcategory": "02", "description": description, "photos": ["roadside"]}
        case: str = self.act(Side.GRID, "worker.report", **words)["case"]
        self.act(Side.GRID, "workstation.hand_over", case=case)
        self.wait(Side.URBAN, case)
        for name, stage in (
            ("operator.file", "filing_and_dispatch"),
            ("supervision.dispatch", "district_assignment"),
            ("district.assign", "department_disposal"),
        ):
            self.act(Side.URBAN, name, case=case)
            self.wait(Side.URBAN, case, stage=stage)
        for number in range(rejections + 1):
            self.wait(Side.URBAN, case, stage="department_disposal")
            self.act(Side.URBAN, "department.dispose", case=case, result="已清理", photos=["after"])
            self.wait(Side.GRID, case, state="awaiting_verification")
            passed = number == rejections
            self.act(Side.GRID, "worker.verify", case=case, outcome="passed" if passed else "not_passed")
            if not passed:
                self.act(Side.GRID, "workstation.reject", case=case, reason="仍有垃圾")
        self.act(Side.GRID, "workstation.close", case=case)
        self.wait(Side.URBAN, case, status="closed")
        return case


@contextmanager
def town(receipts: ReceiptMode) -> Iterator[Town]:
    at = {name: free_port() for name in ("grid", "urban", "bridge")}
    with ExitStack() as stack:
        recorders = {name: Recorder(name, port) for name, port in at.items()}
        for recorder in recorders.values():
            stack.callback(recorder.close)

        def address(ports: dict[str, int]) -> Profile:
            grid, urban, bridge = (f"http://127.0.0.1:{ports[name]}" for name in ("grid", "urban", "bridge"))
            return replace(
                PROFILE,
                grid=replace(PROFILE.grid, endpoint=f"{grid}/soap", receipts=receipts),
                urban=replace(PROFILE.urban, endpoint=f"{urban}/soap", receipts=receipts),
                bridge=replace(PROFILE.bridge, endpoint=bridge, receipts=receipts),
            )

        through = {name: recorder.port for name, recorder in recorders.items()}
        bridge = BridgeProcess(address({**through, "bridge": at["bridge"]}), MemoryStore(), SystemClock())
        bridge.start()
        stack.callback(bridge.stop)
        platforms = [
            SimulatorProcess(
                side,
                address(at),
                7,
                Quirks(),
                link_endpoint=f"http://127.0.0.1:{through['bridge']}/{side.other.value}",
            )
            for side in Side
        ]
        for platform in platforms:
            platform.start()
            stack.callback(platform.stop)
        yield Town(*platforms, recorders)


@pytest.fixture(scope="module")
def crossed() -> list[Exchange]:
    """All that crossed while cases lived, with receipts in responses and by call, and while awkward requests came in."""
    exchanges: list[Exchange] = []
    for receipts in ReceiptMode:
        with town(receipts) as running:
            running.live("路边垃圾堆放", rejections=1)
            running.act(Side.URBAN, "operator.query")
            if receipts is ReceiptMode.RESPONSE:
                ask_awkwardly(running)
            exchanges += [call for recorder in running.recorders.values() for call in recorder.calls]
    return exchanges


def ask_awkwardly(running: Town) -> None:
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        for side, sample in SAMPLES.items():
            for path in (running.recorders["bridge"].port, side.value), (running.recorders[side.value].port, "soap"):
                for row in REQUESTS.values():
                    raw = row.make(sample)
                    headers = {**raw.headers, **({"Content-Type": raw.content_type} if raw.content_type else {})}
                    client.post(f"http://127.0.0.1:{path[0]}/{path[1]}", content=raw.body, headers=headers)


def ours(exchanges: list[Exchange]) -> list[Sent]:
    """Every response, and the requests that our parties made."""
    sent = [Sent(each, is_request=False) for each in exchanges]
    from_us = [each for each in exchanges if any(name in each.request_headers.get("user-agent", "") for name in OURS)]
    return sent + [Sent(each, is_request=True) for each in from_us]


# ── descriptions ────────────────────────────────────────────────────────────────────────────────────


def kept_by_hand(side: Side) -> Description:
    names = ("exchange.xsd", f"{side.value}.xsd")
    wsdl = contracts.path(f"{side.value}.wsdl").read_bytes()
    return Description(wsdl, {name: contracts.path(name).read_bytes() for name in names})


def served(port: int, path: str) -> Description:
    """What a party serves, followed to wherever it says that its schemas are."""
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        wsdl = client.get(f"http://127.0.0.1:{port}/{path}?wsdl").content
        found: dict[str, bytes] = {}
        waiting = [wsdl]
        while waiting:
            for location in re.findall(rb'schemaLocation="([^"]+)"', waiting.pop()):
                if location.decode() not in found:
                    found[location.decode()] = client.get(location.decode()).content
                    waiting.append(found[location.decode()])
    return Description(wsdl, found)


@pytest.fixture(scope="module")
def descriptions() -> dict[str, Description]:
    with town(ReceiptMode.RESPONSE) as running:
        found = {f"{side.value}.wsdl": kept_by_hand(side) for side in Side}
        found |= {f"bridge/{side.value}?wsdl": served(running.recorders["bridge"].port, side.value) for side in Side}
        found |= {f"{side.value} simulator?wsdl": served(running.recorders[side.value].port, "soap") for side in Side}
    return found


@pytest.mark.parametrize("number", DESCRIPTION_RULES)
def test_every_description_keeps_the_rule(number: str, descriptions: dict[str, Description]) -> None:
    assert len(descriptions) == 6
    broken = {name: DESCRIPTION_RULES[number].violations(each) for name, each in descriptions.items()}
    assert {name: violations for name, violations in broken.items() if violations} == {}


def changed(pattern: str, replacement: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        text, count = re.subn(pattern, replacement, data.decode(), count=1, flags=re.DOTALL)
        assert count, pattern
        return text.encode()

    return change


ENCODED = "http://schemas.xmlsoap.org/soap/encoding/"
#: For each rule a change that breaks it: of the urban WSDL, or below, of a schema that it imports.
BREAKING: dict[str, Callable[[bytes], bytes]] = {
    "R2028": changed(r"<wsdl:portType ", '<wsdl:portType colour="red" '),
    "R2029": changed(r'<soap:body use="literal"/>', '<soap:body use="sometimes"/>'),
    "R2002": changed(r"(<wsdl:types>)", r'<wsdl:import namespace="urn:x" location="exchange.xsd"/>\1'),
    "R2003": changed(r"(<wsdl:types>)", r'\1<xs:import namespace="urn:x"/>'),
    "R2004": changed(r'schemaLocation="exchange.xsd"', 'schemaLocation="nowhere.xsd"'),
    "R4003": changed(r'encoding="UTF-8"', 'encoding="ISO-8859-1"'),
    "R4004": changed(r'version="1.0" encoding', 'version="1.1" encoding'),
    "R2023": changed(r"(<wsdl:types>.*?</wsdl:types>)(.*?</wsdl:message>)", r"\2\1"),
    "R2026": changed(r"<soap:binding ", '<soap:binding wsdl:required="true" '),
    "R2101": changed(r'element="urban:DeliverForm"', 'xmlns:x="urn:x" element="x:DeliverForm"'),
    "R2105": changed(r"(<xs:schema>)", r'\1<xs:element name="x"/>'),
    "R2201": changed(r'<soap:body use="literal"/>', '<soap:body use="literal" parts="parameters more"/>'),
    "R2204": changed(r'element="urban:DeliverForm"', 'type="xs:string"'),
    "R2205": changed(r'element="ex:messageHeader"', 'type="ex:MessageHeader"'),
    "R2206": changed(r'element="urban:DeliverForm"', 'element="urban:InboundForm"'),
    "R2210": changed(
        r'(<wsdl:part name="parameters" [^>]*/>)', r'\1<wsdl:part name="more" element="ex:exchangeFault"/>'
    ),
    "R2303": changed(r"(<wsdl:input message[^>]*/>)\s*(<wsdl:output message[^>]*/>)", r"\2\1"),
    "R2304": changed(r'<wsdl:operation name="QueryCases">', '<wsdl:operation name="DeliverForm">'),
    "R2306": changed(r'element="urban:DeliverForm"', 'element="urban:DeliverForm" type="xs:string"'),
    "R2401": changed(r"<soap:binding [^>]*/>", ""),
    "R2701": changed(r' transport="[^"]*"', ""),
    "R2702": changed(r'transport="[^"]*"', 'transport="http://schemas.xmlsoap.org/soap/smtp"'),
    "R2705": changed(r'style="document"/>\s*<wsdl:input>', 'style="rpc"/><wsdl:input>'),
    "R2706": changed(r'<soap:body use="literal"/>', '<soap:body use="encoded"/>'),
    "R2710": changed(r'element="urban:QueryCases"', 'element="urban:DeliverForm"'),
    "R2711": changed(r"(<wsdl:port name=\"UrbanExchangePort\".*?</wsdl:port>)", r"\1\1"),
    "R2716": changed(r"<soap:body ", '<soap:body namespace="urn:x" '),
    "R2718": changed(r'<wsdl:operation name="QueryCases">(?=\s*<soap)', '<wsdl:operation name="QueryMore">'),
    "R2720": changed(r' part="messageHeader"', ' part="two words"'),
    "R2721": changed(r'<soap:fault name="ExchangeFault"', "<soap:fault"),
    "R2754": changed(r'<soap:fault name="ExchangeFault"', '<soap:fault name="OtherFault"'),
    "R2740": changed(r"<wsdl:fault name=\"ExchangeFault\">.*?</wsdl:fault>", ""),
}
BREAKING_A_SCHEMA: dict[str, Callable[[bytes], bytes]] = {
    "R2010": lambda data: data.decode().replace("UTF-8", "GB18030", 1).encode("gb18030"),
    "R2102": changed(r'type="ex:Phone"', 'xmlns:x="urn:x" type="x:Phone"'),
    "R2110": changed(r'base="xs:int"', f'xmlns:x="{ENCODED}" base="x:Array"'),
    "R2111": changed(
        r'base="xs:int"', 'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" wsdl:arrayType="xs:int[]" base="xs:int"'
    ),
    "R2112": changed(r'name="attachments"', 'name="ArrayOfAttachment"'),
}


@pytest.mark.parametrize("number", DESCRIPTION_RULES)
def test_a_description_that_breaks_the_rule_is_found_out(number: str) -> None:
    good = kept_by_hand(Side.URBAN)
    if number in BREAKING:
        bad = Description(BREAKING[number](good.data), good.imported)
    else:
        schema = BREAKING_A_SCHEMA[number](good.imported["exchange.xsd"])
        bad = Description(good.data, {**good.imported, "exchange.xsd": schema})
    assert DESCRIPTION_RULES[number].violations(bad)


# ── messages ────────────────────────────────────────────────────────────────────────────────────────


def as_response(envelope: bytes, status: int = 200) -> Sent:
    return Sent(
        Exchange(
            hop="sample",
            method="POST",
            path="/",
            request_headers={},
            request=b"",
            status=status,
            response_headers={"content-type": XML},
            response=envelope,
        ),
        is_request=False,
    )


def as_request(envelope: bytes, action: str, method: str = "POST", content_type: str = XML) -> Sent:
    return Sent(
        Exchange(
            hop="sample",
            method=method,
            path="/",
            request_headers={"content-type": content_type, "soapaction": action},
            request=envelope,
            status=200,
            response_headers={},
            response=b"",
        ),
        is_request=True,
    )


def sample(name: str) -> Sent:
    """A sample of the contract, as it would go out."""
    side, operation, *_ = name.removesuffix(".xml").split("-")
    envelope = (contracts.SAMPLES / name).read_bytes()
    if operation == "fault":
        return as_response(envelope, 500)
    if operation.endswith("Response"):
        return as_response(envelope)
    return as_request(envelope, f'"urn:duijie:{side}:1.0:{operation}"')


def assert_kept(rules: list[Rule], sent: list[Sent]) -> None:
    broken = [f"{each}: {violation}" for each in sent for rule in rules for violation in rule.violations(each)]
    assert broken == []


@pytest.mark.parametrize("name", sorted(path.name for path in contracts.SAMPLES.glob("*.xml")))
def test_a_sample_of_the_contract_keeps_every_rule(name: str) -> None:
    assert_kept(list(MESSAGE_RULES.values()), [sample(name)])


@pytest.mark.parametrize("code", ErrorCode)
def test_a_fault_keeps_every_rule_whatever_its_code(code: ErrorCode) -> None:
    for field in (None, "form/handOver/attachments[2]/sha256"):
        fault = Fault(code=code, field=field, message_zh="附件 <摘要> 不符", message_en="The digest & the size")
        answers = [wire.build_fault(fault, side) for side in Side] + [_fault_envelope(Refusal(fault))]
        assert_kept(list(MESSAGE_RULES.values()), [as_response(answer, 500) for answer in answers])
        codes = {etree.fromstring(answer).findtext(".//faultcode").partition(":")[2] for answer in answers}
        assert codes == {soap_code_for(code).value}


@pytest.mark.live
def test_enough_crossed_for_the_rules_to_mean_something(crossed: list[Exchange]) -> None:
    sent = ours(crossed)
    requests = [each for each in sent if each.is_request]
    assert {each.exchange.hop for each in requests} == {"grid", "urban", "bridge"}
    assert {each.exchange.hop for each in sent if each.fault is not None} == {"grid", "urban", "bridge"}
    assert len(requests) > 50
    assert sum(each.fault is not None for each in sent) > 50


@pytest.mark.live
@pytest.mark.parametrize("number", MESSAGE_RULES)
def test_everything_that_our_parties_said_keeps_the_rule(number: str, crossed: list[Exchange]) -> None:
    assert_kept([MESSAGE_RULES[number]], ours(crossed))


_FORM = "urban-DeliverForm-handOver.xml"
_ACTION = '"urn:duijie:urban:1.0:DeliverForm"'


def broken_request(pattern: str, replacement: str) -> Callable[[], Sent]:
    return lambda: as_request(changed(pattern, replacement)((contracts.SAMPLES / _FORM).read_bytes()), _ACTION)


def broken_fault(pattern: str, replacement: str) -> Callable[[], Sent]:
    envelope = (contracts.SAMPLES / "urban-fault-client.xml").read_bytes()
    return lambda: as_response(changed(pattern, replacement)(envelope), 500)


def whole(name: str, action: str = _ACTION, **changes: Any) -> Callable[[], Sent]:
    return lambda: as_request((contracts.SAMPLES / name).read_bytes(), action, **changes)


#: For each rule a message that breaks it.
BROKEN: dict[str, Callable[[], Sent]] = {
    "R9980": broken_request("<ex:grade>ordinary", "<ex:grade>whatever"),
    "R9981": broken_request("(</urban:DeliverForm>)", r"\1<urban:QueryCases/>"),
    "R1000": broken_fault("(</detail>)", r"\1<reason/>"),
    "R1001": broken_fault("<faultstring>(.*?)</faultstring>", r"<soap:faultstring>\1</soap:faultstring>"),
    "R1004": broken_fault("soap:Client", "soap:Sender"),
    "R1031": broken_fault("soap:Client", "soap:Client.Password"),
    "R1005": broken_request("<soap:Body>", f'<soap:Body soap:encodingStyle="{ENCODED}">'),
    "R1006": broken_request("<urban:DeliverForm>", f'<urban:DeliverForm soap:encodingStyle="{ENCODED}">'),
    "R1008": broken_request("(<soap:Envelope)", r"<!DOCTYPE soap:Envelope>\1"),
    "R1009": broken_request("(<soap:Body>)", r"\1<?hello world?>"),
    "R1011": broken_request("(</soap:Body>)", r"\1<more/>"),
    "R1012": lambda: as_request(
        (contracts.SAMPLES / _FORM).read_text("utf-8").replace("UTF-8", "GBK").encode("gb18030"), _ACTION
    ),
    "R1013": broken_request('mustUnderstand="1"', 'mustUnderstand="true"'),
    "R1014": broken_request("<urban:DeliverForm>.*</urban:DeliverForm>", "<DeliverForm/>"),
    "R1032": broken_request("<soap:Header>", '<soap:Header soap:mustUnderstand="1">'),
    "R1033": broken_request("<soap:Header>", '<soap:Header xmlns:xml="http://www.w3.org/XML/1998/namespace">'),
    "R1018": whole(_FORM, content_type="text/xml"),
    "R2113": broken_request(
        "<urban:DeliverForm>", f'<urban:DeliverForm xmlns:e="{ENCODED}" e:arrayType="urban:InboundForm[1]">'
    ),
    "R1132": whole(_FORM, method="PUT"),
    "R1109": whole(_FORM, action="urn:duijie:urban:1.0:DeliverForm"),
    "R2744": whole(_FORM, action='"urn:duijie:urban:1.0:QueryCases"'),
    "R2712": broken_request("<urban:DeliverForm>.*</urban:DeliverForm>", "<urban:DeliverReceiptResponse/>"),
    "R2738": broken_request("<ex:messageHeader>.*</ex:messageHeader>", ""),
    "R1111": lambda: as_response((contracts.SAMPLES / "urban-DeliverReceiptResponse.xml").read_bytes(), 202),
    "R1126": lambda: as_response((contracts.SAMPLES / "urban-fault-client.xml").read_bytes(), 200),
}


@pytest.mark.parametrize("number", MESSAGE_RULES)
def test_a_message_that_breaks_the_rule_is_found_out(number: str) -> None:
    assert MESSAGE_RULES[number].violations(BROKEN[number]())


# ── receivers ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def receivers() -> Iterator[dict[str, tuple[Side, str]]]:
    """Who takes calls, with the contract that it serves and its address."""
    with town(ReceiptMode.RESPONSE) as running:
        at = {name: f"http://127.0.0.1:{recorder.port}" for name, recorder in running.recorders.items()}
        yield {
            "bridge for the grid side": (Side.URBAN, f"{at['bridge']}/urban"),
            "bridge for the urban side": (Side.GRID, f"{at['bridge']}/grid"),
            "grid simulator": (Side.GRID, f"{at['grid']}/soap"),
            "urban simulator": (Side.URBAN, f"{at['urban']}/soap"),
        }


RECEIVERS = ("bridge for the grid side", "bridge for the urban side", "grid simulator", "urban simulator")
STRANGE_BLOCK = '<x:block xmlns:x="urn:x" soap:mustUnderstand="1"/>'


def answer_of(receiver: tuple[Side, str], change: Callable[[str], str], **headers: str) -> Sent:
    """What a receiver says to a query that is changed so."""
    side, address = receiver
    envelope = change(ageless((contracts.SAMPLES / f"{side.value}-QueryCases.xml").read_text(encoding="utf-8")))
    sent = {"Content-Type": XML, "SOAPAction": f'"urn:duijie:{side.value}:1.0:QueryCases"', **headers}
    response = httpx.post(address, content=envelope.encode(), headers=sent, timeout=PATIENCE, trust_env=False)
    return as_response(response.content, response.status_code)


def fault_code(answer: Sent) -> str | None:
    return None if answer.fault is None else answer.fault.findtext("faultcode", "").partition(":")[2]


def put(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.mark.live
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R1015_a_document_that_is_no_envelope_gets_a_fault(receiver: str, receivers: Any) -> None:
    assert fault_code(answer_of(receivers[receiver], lambda _: "<letter/>")) == "Client"


@pytest.mark.live
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R1027_a_mandatory_block_that_is_not_known_gets_must_understand(receiver: str, receivers: Any) -> None:
    answer = answer_of(
        receivers[receiver], lambda text: put(text, ("</soap:Header>", f"{STRANGE_BLOCK}</soap:Header>"))
    )
    assert fault_code(answer) == "MustUnderstand"


@pytest.mark.live
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R1010_a_byte_order_mark_is_accepted(receiver: str, receivers: Any) -> None:
    assert fault_code(answer_of(receivers[receiver], lambda text: f"\ufeff{text}")) is None


@pytest.mark.live
@pytest.mark.parametrize("action", ["", '""', '"something else"', "urn:duijie:urban:1.0:QueryCases"])
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R1127_a_receiver_does_not_rely_on_the_soap_action(receiver: str, action: str, receivers: Any) -> None:
    assert fault_code(answer_of(receivers[receiver], lambda text: text, SOAPAction=action)) is None


@pytest.mark.live
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R2724_a_message_that_is_not_as_the_description_says_gets_client(receiver: str, receivers: Any) -> None:
    answer = answer_of(receivers[receiver], lambda text: put(text, ("pageSize>50<", "pageSize>many<")))
    assert fault_code(answer) == "Client"


@pytest.mark.live
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R2725_the_version_is_looked_at_first_then_mandatory_blocks_then_the_rest(
    receiver: str, receivers: Any
) -> None:
    bad = ("pageSize>50<", "pageSize>many<")
    block = ("</soap:Header>", f"{STRANGE_BLOCK}</soap:Header>")
    other = (ENVELOPE, "http://www.w3.org/2003/05/soap-envelope")
    seen = [
        fault_code(answer_of(receivers[receiver], lambda text, changes=changes: put(text, *changes)))
        for changes in ((bad, block, other), (bad, block), (bad,))
    ]
    assert seen == ["VersionMismatch", "MustUnderstand", "Client"]


@pytest.mark.live
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_R1017_xsi_type_is_never_asked_for(receiver: str, receivers: Any) -> None:
    """The samples have none; what has it, with the type that it has anyway, is taken too."""
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    side, _ = receivers[receiver]
    spelled = (
        f"<{side.value}:pageSize>",
        f'<{side.value}:pageSize {xsi} xmlns:e="urn:duijie:exchange:1.0" xsi:type="e:PageSize">',
    )
    assert fault_code(answer_of(receivers[receiver], lambda text: text)) is None
    assert fault_code(answer_of(receivers[receiver], lambda text: put(text, spelled))) is None


# ── the page ────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_has_every_rule() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), "run: PYTHONPATH=. python tests/basic_profile.py"


def test_the_page_names_the_rules_for_receivers() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    numbers = set(re.findall(r"def test_(R\d{4})_", text))
    assert len(numbers) == 7
    page = PAGE.read_text(encoding="utf-8")
    assert {number for number in numbers if f"| {number} |" not in page} == set()
