"""Rules of the WS-I Basic Profile 1.1 (and of its SOAP binding profile for what is serialised), each under its own number.

A rule is a function that names what breaks it; its two sentences say what it asks, in our words. Rules that are about things we do not use
(RPC style, `wsdl:import`, encoded arrays beyond their absence, cookies, UDDI) are left out. `python tests/basic_profile.py` prints the table
for docs/basic-profile.md.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from recorder import Exchange
from second_engine import ENVELOPE, envelope_errors, wsdl_errors

from bridge.vocabulary.messages import Operation

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
XSD = "{http://www.w3.org/2001/XMLSchema}"
ENV = f"{{{ENVELOPE}}}"
SOAP_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
HTTP_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"
STANDARD_FAULTS = {"VersionMismatch", "MustUnderstand", "Client", "Server"}
MESSAGE_HEADER = "{urn:duijie:exchange:1.0}messageHeader"


@dataclass(frozen=True)
class Rule:
    """What one rule of the profile asks, and who breaks it."""

    number: str
    zh: str
    en: str
    broken_by: Callable[[Any], Iterator[str]]

    def violations(self, subject: Any) -> list[str]:
        """What in the subject breaks the rule."""
        return [f"{self.number}: {what}" for what in self.broken_by(subject)]


DESCRIPTION_RULES: dict[str, Rule] = {}
MESSAGE_RULES: dict[str, Rule] = {}

Check = Callable[[Any], Iterator[str]]


def _rule(rules: dict[str, Rule], number: str, zh: str, en: str) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        rules[number] = Rule(number, zh, en, check)
        return check

    return add


def describes(number: str, zh: str, en: str) -> Callable[[Check], Check]:
    """A rule about a WSDL with its schemas."""
    return _rule(DESCRIPTION_RULES, number, zh, en)


def sends(number: str, zh: str, en: str) -> Callable[[Check], Check]:
    """A rule about a message."""
    return _rule(MESSAGE_RULES, number, zh, en)


# ── descriptions ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Description:
    """A WSDL as it is served, and the schemas that it imports, by where it says that they are."""

    data: bytes
    imported: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = etree.fromstring(self.data)
        self.target = self.root.get("targetNamespace")
        self.inline = self.root.findall(f"{WSDL}types/{XSD}schema")
        self.schemas = [*self.inline, *map(etree.fromstring, self.imported.values())]
        self.messages = {message.get("name"): message for message in self.root.findall(f"{WSDL}message")}
        self.bindings = self.root.findall(f"{WSDL}binding")
        self.port_types = self.root.findall(f"{WSDL}portType")

    def all(self, *paths: str) -> list[etree._Element]:
        """Everything found below the root by one of the paths."""
        return [found for path in paths for found in self.root.iterfind(path)]

    def soap_bodies(self) -> Iterator[tuple[etree._Element, etree._Element]]:
        """Each `soap:body` with the message that it is about."""
        for binding in self.bindings:
            port_type = self.port_type_of(binding)
            for operation in binding.findall(f"{WSDL}operation"):
                for way in ("input", "output"):
                    body = operation.find(f"{WSDL}{way}/{SOAP}body")
                    named = port_type.find(f"{WSDL}operation[@name='{operation.get('name')}']/{WSDL}{way}")
                    if body is not None and named is not None:
                        yield body, self.messages[_local(named.get("message"))]

    def port_type_of(self, binding: etree._Element) -> etree._Element:
        """The port type that a binding is of."""
        return next(each for each in self.port_types if each.get("name") == _local(binding.get("type")))


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2]


def _qname(element: etree._Element, name: str | None) -> str:
    prefix, _, local = (name or "").rpartition(":")
    return f"{{{element.nsmap.get(prefix or None, '')}}}{local}"


def _bound(description: Description) -> list[etree._Element]:
    names = ("body", "header", "headerfault", "fault")
    return [part for binding in description.bindings for name in names for part in binding.iter(f"{SOAP}{name}")]


def _encoding(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    said = re.match(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=[\"']([^\"']+)", data)
    return said[1].decode().lower() if said else "utf-8"


@describes("R2028", "WSDL 部分符合 WSDL 的模式", "the WSDL's own elements are valid by WSDL's schema")
def _(description: Description) -> Iterator[str]:
    yield from (error for error in wsdl_errors(description.root) if "soap:" not in error)


@describes("R2029", "SOAP 绑定部分符合其模式", "the elements of the SOAP binding are valid by its schema")
def _(description: Description) -> Iterator[str]:
    yield from (error for error in wsdl_errors(description.root) if "soap:" in error)


@describes("R2002", "模式以 xs:import 引入,不用 wsdl:import", "schemas come in by xs:import, not by wsdl:import")
def _(description: Description) -> Iterator[str]:
    for each in description.all(f"{WSDL}import"):
        if re.search(r"xsd\b", each.get("location", "")):
            yield each.get("location", "")


@describes(
    "R2003", "xs:import 只出现在 types 的 xs:schema 中", "xs:import stands in a schema within types and nowhere else"
)
def _(description: Description) -> Iterator[str]:
    for each in description.root.iter(f"{XSD}import"):
        if [above.tag for above in each.iterancestors()][:2] != [f"{XSD}schema", f"{WSDL}types"]:
            yield each.get("namespace", "")


@describes("R2004", "schemaLocation 指向的文档确是模式", "what a schemaLocation leads to is a schema")
def _(description: Description) -> Iterator[str]:
    for location, data in description.imported.items():
        if etree.fromstring(data).tag != f"{XSD}schema":
            yield location
    for each in description.root.iter(f"{XSD}import"):
        if each.get("schemaLocation") not in (None, *description.imported):
            yield f"{each.get('schemaLocation')} leads nowhere"


@describes("R2010", "引入的模式用 UTF-8 或 UTF-16", "imported schemas are in UTF-8 or UTF-16")
def _(description: Description) -> Iterator[str]:
    yield from (
        location for location, data in description.imported.items() if _encoding(data) not in ("utf-8", "utf-16")
    )


@describes("R4003", "WSDL 用 UTF-8 或 UTF-16", "the WSDL is in UTF-8 or UTF-16")
def _(description: Description) -> Iterator[str]:
    if _encoding(description.data) not in ("utf-8", "utf-16"):
        yield _encoding(description.data)


@describes("R4004", "WSDL 为 XML 1.0", "the WSDL is XML 1.0")
def _(description: Description) -> Iterator[str]:
    version = re.match(rb"(?:\xef\xbb\xbf)?<\?xml\s+version=[\"']([^\"']+)", description.data)
    if version is not None and version[1] != b"1.0":
        yield version[1].decode()


@describes(
    "R2023",
    "types 先于除 import、documentation 以外的一切",
    "types comes before everything but import and documentation",
)
def _(description: Description) -> Iterator[str]:
    names = [_tag(child) for child in description.root if isinstance(child.tag, str) and child.tag.startswith(WSDL)]
    if "types" in names:
        yield from (name for name in names[: names.index("types")] if name not in ("import", "documentation"))


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname


@describes("R2026", '扩展元素不带 wsdl:required="true"', "no extension element is marked as required")
def _(description: Description) -> Iterator[str]:
    yield from (
        element.tag for element in description.root.iter(etree.Element) if element.get(f"{WSDL}required") == "true"
    )


@describes(
    "R2101",
    "引用的名称都在本文档定义或引入的命名空间内",
    "every name referred to is of a namespace that is defined or imported here",
)
def _(description: Description) -> Iterator[str]:
    known = {description.target, *(each.get("namespace") for each in description.root.iter(f"{XSD}import"))}
    known |= {schema.get("targetNamespace") for schema in description.inline}
    for element in description.root.iter(f"{WSDL}*", f"{SOAP}header"):
        for attribute in ("element", "message", "binding", "type"):
            value = element.get(attribute)
            if value is not None and _qname(element, value)[1:].partition("}")[0] not in known:
                yield value


@describes(
    "R2102",
    "模式中引用的名称在其目标命名空间或其 xs:import 内",
    "names in a schema are of its own namespace or of one that it imports",
)
def _(description: Description) -> Iterator[str]:
    for schema in description.schemas:
        known = {
            schema.get("targetNamespace"),
            XSD[1:-1],
            *(each.get("namespace") for each in schema.findall(f"{XSD}import")),
        }
        for element in schema.iter(etree.Element):
            for attribute in ("type", "base", "ref", "itemType"):
                value = element.get(attribute)
                if value is not None and _qname(element, value)[1:].partition("}")[0] not in known:
                    yield value


@describes(
    "R2105",
    "types 中的模式有目标命名空间,除非其中只有 xs:import",
    "a schema in types has a target namespace, unless it only imports",
)
def _(description: Description) -> Iterator[str]:
    for schema in description.inline:
        others = [child for child in schema.iterchildren(etree.Element) if _tag(child) not in ("import", "annotation")]
        if others and not schema.get("targetNamespace"):
            yield f"a schema with {len(others)} definitions"


@describes("R2110", "不由 soapenc:Array 派生", "nothing is derived from soapenc:Array")
def _(description: Description) -> Iterator[str]:
    for schema in description.schemas:
        for element in schema.iter(f"{XSD}extension", f"{XSD}restriction"):
            if _qname(element, element.get("base")) == f"{{{SOAP_ENCODING}}}Array":
                yield element.get("base", "")


@describes("R2111", "不用 wsdl:arrayType", "wsdl:arrayType is not used")
def _(description: Description) -> Iterator[str]:
    for schema in description.schemas:
        yield from (
            element.tag for element in schema.iter(etree.Element) if element.get(f"{WSDL}arrayType") is not None
        )


@describes("R2112", "元素不叫 ArrayOf…", "no element is called ArrayOf…")
def _(description: Description) -> Iterator[str]:
    for schema in description.schemas:
        names = (element.get("name", "") for element in schema.iter(f"{XSD}element"))
        yield from (name for name in names if name.startswith("ArrayOf"))


@describes("R2201", "soap:body 若给出 parts,至多一个", "a soap:body lists one part at the most")
def _(description: Description) -> Iterator[str]:
    for body, _message in description.soap_bodies():
        if len((body.get("parts") or "").split()) > 1:
            yield body.get("parts", "")


@describes("R2204", "soap:body 所含的 part 以 element 定义", "the parts of a soap:body are defined by element")
def _(description: Description) -> Iterator[str]:
    for _body, message in description.soap_bodies():
        yield from (message.get("name", "") for part in message.findall(f"{WSDL}part") if part.get("element") is None)


@describes("R2205", "头块和错误所含的 part 以 element 定义", "the parts of headers and faults are defined by element")
def _(description: Description) -> Iterator[str]:
    named = {_local(header.get("message")) for header in description.root.iter(f"{SOAP}header")}
    named |= {_local(fault.get("message")) for fault in description.all(f"{WSDL}portType/{WSDL}operation/{WSDL}fault")}
    for name in named:
        parts = description.messages[name].findall(f"{WSDL}part")
        yield from (name for part in parts if part.get("element") is None)


@describes("R2206", "part 的 element 是全局元素", "the element of a part is a global one")
def _(description: Description) -> Iterator[str]:
    known = {
        f"{{{schema.get('targetNamespace')}}}{element.get('name')}"
        for schema in description.schemas
        for element in schema.findall(f"{XSD}element")
    }
    for part in description.all(f"{WSDL}message/{WSDL}part[@element]"):
        if _qname(part, part.get("element")) not in known:
            yield part.get("element", "")


@describes(
    "R2210",
    "soap:body 不给 parts 时,消息至多一个 part",
    "without a list of parts the message of a soap:body has one part at the most",
)
def _(description: Description) -> Iterator[str]:
    for body, message in description.soap_bodies():
        if body.get("parts") is None and len(message.findall(f"{WSDL}part")) > 1:
            yield message.get("name", "")


@describes("R2303", "只有请求/应答和单向操作", "operations are request-response or one-way")
def _(description: Description) -> Iterator[str]:
    for operation in description.all(f"{WSDL}portType/{WSDL}operation"):
        ways = [_tag(child) for child in operation if isinstance(child.tag, str) and _tag(child) in ("input", "output")]
        if ways not in (["input", "output"], ["input"]):
            yield operation.get("name", "")


@describes("R2304", "操作名互不相同", "operations of a port type have different names")
def _(description: Description) -> Iterator[str]:
    for port_type in description.port_types:
        names = Counter(operation.get("name", "") for operation in port_type.findall(f"{WSDL}operation"))
        yield from (name for name, count in names.items() if count > 1)


@describes("R2306", "part 不同时给 type 和 element", "no part has both type and element")
def _(description: Description) -> Iterator[str]:
    for part in description.all(f"{WSDL}message/{WSDL}part"):
        if part.get("type") is not None and part.get("element") is not None:
            yield part.get("name", "")


@describes("R2401", "绑定使用 WSDL 的 SOAP 绑定", "a binding is WSDL's SOAP binding")
def _(description: Description) -> Iterator[str]:
    yield from (each.get("name", "") for each in description.bindings if each.find(f"{SOAP}binding") is None)


@describes("R2701", "soap:binding 给出 transport", "soap:binding names its transport")
def _(description: Description) -> Iterator[str]:
    yield from (each.tag for each in description.root.iter(f"{SOAP}binding") if each.get("transport") is None)


@describes("R2702", "transport 为 HTTP", "the transport is HTTP")
def _(description: Description) -> Iterator[str]:
    for each in description.root.iter(f"{SOAP}binding"):
        if each.get("transport", HTTP_TRANSPORT) != HTTP_TRANSPORT:
            yield each.get("transport", "")


@describes(
    "R2705", "一个绑定全为文档/文字(或全为 RPC/文字)", "a binding is document-literal throughout (or RPC throughout)"
)
def _(description: Description) -> Iterator[str]:
    for binding in description.bindings:
        own = [each.get("style", "document") for each in binding.findall(f"{SOAP}binding")]
        styles = set(own) | {each.get("style", *own[:1]) for each in binding.iter(f"{SOAP}operation")}
        if len(styles) > 1:
            yield f"{binding.get('name')}: {sorted(map(str, styles))}"


@describes("R2706", "use 一律为 literal", "every use is literal")
def _(description: Description) -> Iterator[str]:
    yield from (
        f"{part.tag}: {part.get('use')}" for part in _bound(description) if part.get("use", "literal") != "literal"
    )


@describes(
    "R2710",
    "同一绑定的操作,其请求的根元素互不相同",
    "requests of the operations in a binding differ in their root element",
)
def _(description: Description) -> Iterator[str]:
    for binding in description.bindings:
        inputs = description.port_type_of(binding).findall(f"{WSDL}operation/{WSDL}input")
        parts = [description.messages[_local(each.get("message"))].find(f"{WSDL}part") for each in inputs]
        roots = Counter(_qname(part, part.get("element")) for part in parts if part is not None)
        yield from (root for root, count in roots.items() if count > 1)


@describes("R2711", "不同端口的地址互不相同", "no two ports have the same address")
def _(description: Description) -> Iterator[str]:
    addresses = Counter(each.get("location", "") for each in description.root.iter(f"{SOAP}address"))
    yield from (address for address, count in addresses.items() if count > 1)


@describes("R2716", "绑定中的部件不带 namespace", "no namespace is given on what is bound")
def _(description: Description) -> Iterator[str]:
    yield from (part.tag for part in _bound(description) if part.get("namespace") is not None)


@describes("R2718", "绑定的操作与其端口类型的相同", "a binding has exactly the operations of its port type")
def _(description: Description) -> Iterator[str]:
    for binding in description.bindings:
        names = [
            {operation.get("name") for operation in each.findall(f"{WSDL}operation")}
            for each in (binding, description.port_type_of(binding))
        ]
        yield from map(str, names[0] ^ names[1])


@describes("R2720", "soap:header 以 part 给出一个名称", "soap:header names one part, by part")
def _(description: Description) -> Iterator[str]:
    for header in description.root.iter(f"{SOAP}header", f"{SOAP}headerfault"):
        if not re.fullmatch(r"[\w.-]+", header.get("part", "")) or header.get("parts") is not None:
            yield header.get("part", "without part")


@describes("R2721", "soap:fault 有 name", "every soap:fault has a name")
def _(description: Description) -> Iterator[str]:
    yield from (each.tag for each in description.root.iter(f"{SOAP}fault") if each.get("name") is None)


@describes("R2754", "soap:fault 的 name 与其 wsdl:fault 的相同", "a soap:fault has the name of its wsdl:fault")
def _(description: Description) -> Iterator[str]:
    for each in description.root.iter(f"{SOAP}fault"):
        parent = each.getparent()
        if parent is None or each.get("name", parent.get("name")) != parent.get("name"):
            yield each.get("name", "")


@describes("R2740", "端口类型声明的错误都有绑定", "every fault that the port type declares is bound")
def _(description: Description) -> Iterator[str]:
    for binding in description.bindings:
        for operation in description.port_type_of(binding).findall(f"{WSDL}operation"):
            bound = binding.find(f"{WSDL}operation[@name='{operation.get('name')}']")
            names = set() if bound is None else {fault.get("name") for fault in bound.iter(f"{SOAP}fault")}
            declared = {fault.get("name") for fault in operation.findall(f"{WSDL}fault")}
            yield from (f"{operation.get('name')}: {name}" for name in declared - names)


# ── messages ────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Sent:
    """One message as it went out: a request, or the response to one."""

    exchange: Exchange
    is_request: bool

    def __post_init__(self) -> None:
        self.data = self.exchange.request if self.is_request else self.exchange.response
        self.headers = self.exchange.request_headers if self.is_request else self.exchange.response_headers
        self.root = etree.fromstring(self.data)
        self.body = self.root.find(f"{ENV}Body")
        self.content = [] if self.body is None else [child for child in self.body if isinstance(child.tag, str)]
        faults = [child for child in self.content if child.tag == f"{ENV}Fault"]
        self.fault = faults[0] if faults else None

    def __str__(self) -> str:
        return f"{'request' if self.is_request else 'response'} of {self.exchange}"


def _of_soap(sent: Sent) -> Iterator[etree._Element]:
    yield from sent.root.iter(f"{ENV}*")


@sends(
    "R9980",
    "信封符合 SOAP 1.1 的结构,内容符合契约",
    "the envelope is as SOAP 1.1 has it, its content as the contract has it",
)
def _(sent: Sent) -> Iterator[str]:
    yield from envelope_errors(sent.data)


@sends("R9981", "soap:Body 至多一个子元素", "soap:Body has one child at the most")
def _(sent: Sent) -> Iterator[str]:
    if len(sent.content) > 1:
        yield f"{len(sent.content)} children"


@sends(
    "R1000",
    "soap:Fault 只有 faultcode、faultstring、faultactor、detail",
    "soap:Fault has no other children than its four",
)
def _(sent: Sent) -> Iterator[str]:
    for child in () if sent.fault is None else sent.fault:
        if _tag(child) not in ("faultcode", "faultstring", "faultactor", "detail"):
            yield child.tag


@sends("R1001", "soap:Fault 的子元素不带命名空间", "children of soap:Fault are in no namespace")
def _(sent: Sent) -> Iterator[str]:
    yield from (child.tag for child in (() if sent.fault is None else sent.fault) if etree.QName(child).namespace)


@sends("R1004", "faultcode 是 SOAP 1.1 的四种之一", "faultcode is one of SOAP 1.1's four")
def _(sent: Sent) -> Iterator[str]:
    code = None if sent.fault is None else sent.fault.find("faultcode")
    if code is not None and (_qname(code, code.text) not in {f"{ENV}{name}" for name in STANDARD_FAULTS}):
        yield code.text or ""


@sends("R1031", "faultcode 不用点号写法", "faultcode is not in dot notation")
def _(sent: Sent) -> Iterator[str]:
    code = "" if sent.fault is None else sent.fault.findtext("faultcode", "")
    if "." in _local(code):
        yield code


@sends("R1005", "SOAP 的元素不带 encodingStyle", "no element of SOAP has an encodingStyle")
def _(sent: Sent) -> Iterator[str]:
    yield from (element.tag for element in _of_soap(sent) if element.get(f"{ENV}encodingStyle") is not None)


@sends("R1006", "soap:Body 的子元素不带 encodingStyle", "no child of soap:Body has an encodingStyle")
def _(sent: Sent) -> Iterator[str]:
    yield from (element.tag for element in sent.content if element.get(f"{ENV}encodingStyle") is not None)


@sends("R1008", "没有 DOCTYPE", "there is no document type declaration")
def _(sent: Sent) -> Iterator[str]:
    if sent.root.getroottree().docinfo.doctype:
        yield sent.root.getroottree().docinfo.doctype


@sends("R1009", "没有处理指令", "there are no processing instructions")
def _(sent: Sent) -> Iterator[str]:
    yield from (str(found.target) for found in sent.root.getroottree().xpath("//processing-instruction()"))


@sends("R1011", "soap:Body 之后没有别的元素", "nothing follows soap:Body")
def _(sent: Sent) -> Iterator[str]:
    if sent.body is not None:
        yield from (sibling.tag for sibling in sent.body.itersiblings(etree.Element))


@sends("R1012", "以 UTF-8 或 UTF-16 写成", "it is written in UTF-8 or UTF-16")
def _(sent: Sent) -> Iterator[str]:
    if _encoding(sent.data) not in ("utf-8", "utf-16"):
        yield _encoding(sent.data)


@sends("R1013", "mustUnderstand 只写 0 或 1", "mustUnderstand is written 0 or 1")
def _(sent: Sent) -> Iterator[str]:
    for element in sent.root.iter(etree.Element):
        if element.get(f"{ENV}mustUnderstand", "0") not in ("0", "1"):
            yield element.get(f"{ENV}mustUnderstand", "")


@sends("R1014", "soap:Body 的子元素有命名空间", "children of soap:Body are in a namespace")
def _(sent: Sent) -> Iterator[str]:
    yield from (element.tag for element in sent.content if not etree.QName(element).namespace)


@sends(
    "R1032",
    "Envelope、Header、Body 没有 SOAP 命名空间的属性",
    "Envelope, Header and Body have no attributes of SOAP's namespace",
)
def _(sent: Sent) -> Iterator[str]:
    for element in sent.root.iter(f"{ENV}Envelope", f"{ENV}Header", f"{ENV}Body"):
        yield from (str(name) for name in element.attrib if str(name).startswith(ENV))


@sends("R1033", "不声明 xmlns:xml", "xmlns:xml is not declared")
def _(sent: Sent) -> Iterator[str]:
    if re.search(rb"\sxmlns:xml\s*=", sent.data):
        yield "xmlns:xml"


@sends("R1018", "Content-Type 以 charset 写明字符集", "Content-Type names the character set")
def _(sent: Sent) -> Iterator[str]:
    content_type = sent.headers.get("content-type", "")
    said = re.fullmatch(r"text/xml\s*;\s*charset=\"?([\w-]+)\"?", content_type)
    if said is None or said[1].lower() != _encoding(sent.data):
        yield content_type


@sends("R2113", "没有 soapenc:arrayType", "there is no soapenc:arrayType")
def _(sent: Sent) -> Iterator[str]:
    yield from (
        element.tag for element in sent.root.iter(etree.Element) if element.get(f"{{{SOAP_ENCODING}}}arrayType")
    )


@sends("R1132", "请求用 POST", "a request is a POST")
def _(sent: Sent) -> Iterator[str]:
    if sent.is_request and sent.exchange.method != "POST":
        yield sent.exchange.method


@sends("R1109", "请求的 SOAPAction 带引号", "the SOAPAction of a request is quoted")
def _(sent: Sent) -> Iterator[str]:
    action = sent.headers.get("soapaction", "")
    if sent.is_request and not re.fullmatch(r'"[^"]*"', action):
        yield action or "none"


@sends("R2744", "SOAPAction 是 WSDL 所给的", "the SOAPAction is the one of the WSDL")
def _(sent: Sent) -> Iterator[str]:
    if sent.is_request and sent.content:
        name = etree.QName(sent.content[0])
        if sent.headers.get("soapaction", "").strip('"') != f"{name.namespace}:{name.localname}":
            yield sent.headers.get("soapaction", "none")


@sends("R2712", "soap:Body 的子元素是 WSDL 的消息所指的", "the child of soap:Body is the element of the WSDL's message")
def _(sent: Sent) -> Iterator[str]:
    suffix = "" if sent.is_request else "Response"
    for element in sent.content:
        if element is not sent.fault and _tag(element) not in {f"{known.value}{suffix}" for known in Operation}:
            yield element.tag


@sends("R2738", "请求带有 WSDL 声明的头块", "a request has the header block of the WSDL")
def _(sent: Sent) -> Iterator[str]:
    if sent.is_request and len(sent.root.findall(f"{ENV}Header/{MESSAGE_HEADER}")) != 1:
        yield "no messageHeader"


@sends("R1111", "不是错误的应答用 200", "a response that is no fault comes under 200")
def _(sent: Sent) -> Iterator[str]:
    if not sent.is_request and sent.fault is None and sent.exchange.status != 200:
        yield str(sent.exchange.status)


def _statuses(exchange: Exchange) -> set[int]:
    """Under which a fault may come: what HTTP itself turns away has HTTP's own status (R1113)."""
    is_http = not any(ord(letter) < 0x20 for value in exchange.request_headers.values() for letter in value)
    return {500} if is_http else {400}


@sends("R1126", "错误的应答用 500", "a fault comes under 500")
def _(sent: Sent) -> Iterator[str]:
    if not sent.is_request and sent.fault is not None and sent.exchange.status not in _statuses(sent.exchange):
        yield str(sent.exchange.status)


# ── the table ───────────────────────────────────────────────────────────────────────────────────────


def table() -> str:
    """The page's table of rules, a line each."""
    lines = ["| 规则 rule | 要求 | what it asks | 对象 of |", "|---|---|---|---|"]
    for rules, of in ((DESCRIPTION_RULES, "WSDL, XSD"), (MESSAGE_RULES, "报文 messages")):
        lines += [f"| {rule.number} | {rule.zh} | {rule.en} | {of} |" for rule in rules.values()]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(f"{table()}\n")
