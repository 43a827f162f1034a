"""Holds the WSDL that a system offers against the contract's and lists what differs on the wire.

Two descriptions may be written very differently and mean the same: schemas inline or in files, named or anonymous types, other prefixes,
other names of messages, ports and bindings. So what is compared is what a message looks like: from each operation's request and
response down, element by element, by qualified names.

A difference is *grave* when a caller that keeps to the contract cannot even begin: an operation is missing, or is called by another element
or in another style. Whether a differing field matters shows when messages are sent, and the checks judge that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from urllib.parse import urljoin

from lxml import etree

import contracts
from bridge.vocabulary.parties import Side
from conformance.checks.result import Text

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
#: Facets that are compared as numbers: 10 and 10.0 are the same limit.
_NUMBERS = {"minInclusive", "maxInclusive", "minExclusive", "maxExclusive", "minLength", "maxLength", "length"}
#: Documents that one description may be made of.
_DOCUMENTS_MAX = 20

#: Gives the document at an address; None when it cannot be had.
Loader = Callable[[str], bytes | None]


class NoWsdl(Exception):
    """What was read is no WSDL 1.1 with a SOAP 1.1 binding; one sentence in each language says why."""

    def __init__(self, zh: str, en: str):
        self.zh = zh
        self.en = en
        super().__init__(en)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a description departs from the contract."""

    grave: bool
    said: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation as it looks on the wire."""

    action: str
    style: str
    request: str | None
    response: str | None
    #: Elements of the request's SOAP header.
    headers: frozenset[str]
    #: Elements that stand in the detail of a SOAP fault.
    faults: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Node:
    """A schema component and the schema that it stands in."""

    element: etree._Element
    schema: etree._Element


@dataclass(slots=True)
class Description:
    """A WSDL with all its schemas."""

    operations: dict[str, Operation] = field(default_factory=dict)
    elements: dict[str, _Node] = field(default_factory=dict)
    types: dict[str, _Node] = field(default_factory=dict)
    groups: dict[str, _Node] = field(default_factory=dict)
    #: Addresses of parts that could not be had.
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """The content of an element without elements in it."""

    base: str
    facets: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Child:
    node: _Node
    optional: bool
    many: bool


@dataclass(frozen=True, slots=True)
class _Fields:
    """The content of an element with elements in it, in order; `open` when any others may stand there too."""

    children: Mapping[str, _Child]
    open: bool


_ANYTHING = _Fields({}, open=True)


def read_wsdl(document: bytes, address: str, load: Loader) -> Description:
    """The description, with what it imports; raises `NoWsdl`."""
    root = _parsed(document)
    if root is None or root.tag != f"{_WSDL}definitions":
        raise NoWsdl("不是 WSDL 1.1 文档", "this is no WSDL 1.1 document")
    found = Description()
    definitions = [root]
    waiting = [(root, address)]
    seen = {address}
    while waiting:
        part, where = waiting.pop()
        for schema in part.iter(f"{_XSD}schema"):
            _collect(schema, found)
        for link in _links(part):
            at = urljoin(where, link)
            if at in seen or len(seen) > _DOCUMENTS_MAX:
                continue
            seen.add(at)
            loaded = load(at)
            imported = None if loaded is None else _parsed(loaded)
            if imported is None:
                found.missing.append(at)
                continue
            definitions.append(imported)
            waiting.append((imported, at))
    _operations(definitions, found)
    if not found.operations:
        raise NoWsdl("文档中没有 SOAP 1.1 绑定的操作", "it has no operation with a SOAP 1.1 binding")
    return found


@cache
def contract_of(side: Side) -> Description:
    """The contract of a platform's service."""
    name = f"{side}.wsdl"
    return read_wsdl(contracts.path(name).read_bytes(), name, lambda wanted: contracts.path(wanted).read_bytes())


def differences(contract: Description, theirs: Description) -> list[Difference]:
    """What the other description lacks or says differently; grave ones first."""
    comparing = _Comparing(contract, theirs)
    found = list(comparing.all())
    return sorted(found, key=lambda each: not each.grave)


# --- reading ----------------------------------------------------------------------------------------------------


def _parsed(document: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _links(part: etree._Element) -> Iterator[str]:
    for tag, attribute in (
        (f"{_WSDL}import", "location"),
        (f"{_XSD}import", "schemaLocation"),
        (f"{_XSD}include", "schemaLocation"),
    ):
        for element in part.iter(tag):
            if location := element.get(attribute):
                yield location


def _collect(schema: etree._Element, found: Description) -> None:
    namespace = schema.get("targetNamespace", "")
    for child in schema.iterchildren(etree.Element):
        kind = etree.QName(child).localname
        name = f"{{{namespace}}}{child.get('name')}"
        if kind == "element":
            found.elements.setdefault(name, _Node(child, schema))
        elif kind in ("complexType", "simpleType"):
            found.types.setdefault(name, _Node(child, schema))
        elif kind == "group":
            found.groups.setdefault(name, _Node(child, schema))


def _operations(definitions: list[etree._Element], found: Description) -> None:
    messages = {
        _own(root, message): [_name(part, "element") for part in message.findall(f"{_WSDL}part")]
        for root in definitions
        for message in root.findall(f"{_WSDL}message")
    }
    ports = {_own(root, port): port for root in definitions for port in root.findall(f"{_WSDL}portType")}
    for root in definitions:
        for binding in root.findall(f"{_WSDL}binding"):
            soap = binding.find(f"{_SOAP}binding")
            port = ports.get(_name(binding, "type") or "")
            if soap is None or port is None:
                continue
            abstract = {each.get("name"): each for each in port.findall(f"{_WSDL}operation")}
            for bound in binding.findall(f"{_WSDL}operation"):
                name = bound.get("name") or ""
                if name in abstract and name not in found.operations:
                    found.operations[name] = _operation(bound, abstract[name], soap, messages)


def _operation(
    bound: etree._Element,
    abstract: etree._Element,
    soap: etree._Element,
    messages: Mapping[str, list[str | None]],
) -> Operation:
    how = bound.find(f"{_SOAP}operation")
    style = (None if how is None else how.get("style")) or soap.get("style") or "document"
    literal = all(body.get("use", "literal") == "literal" for body in bound.iter(f"{_SOAP}body"))

    def elements(told: Iterable[etree._Element]) -> list[str]:
        return [name for part in told for name in messages.get(_name(part, "message") or "", []) if name is not None]

    def element(direction: str) -> str | None:
        return next(iter(elements(abstract.findall(f"{_WSDL}{direction}"))), None)

    return Operation(
        action="" if how is None else how.get("soapAction", ""),
        style=style if literal else f"{style}/encoded",
        request=element("input"),
        response=element("output"),
        headers=frozenset(elements(bound.iterfind(f"{_WSDL}input/{_SOAP}header"))),
        faults=frozenset(elements(abstract.iterfind(f"{_WSDL}fault"))),
    )


def _own(root: etree._Element, component: etree._Element) -> str:
    return f"{{{root.get('targetNamespace', '')}}}{component.get('name')}"


def _name(element: etree._Element, attribute: str) -> str | None:
    """The qualified name that an attribute holds."""
    value = element.get(attribute)
    if value is None:
        return None
    prefix, _, name = value.strip().rpartition(":")
    return f"{{{element.nsmap.get(prefix or None, '')}}}{name}"


# --- what a message looks like ------------------------------------------------------------------------------------


def _content(described: Description, node: _Node) -> _Leaf | _Fields:
    """What stands in an element."""
    element = node.element
    for tag in (f"{_XSD}complexType", f"{_XSD}simpleType"):
        inline = element.find(tag)
        if inline is not None:
            return _of_type(described, _Node(inline, node.schema))
    return _of_named(described, _name(element, "type"))


def _of_named(described: Description, name: str | None) -> _Leaf | _Fields:
    if name is None or name == f"{_XSD}anyType":
        return _ANYTHING
    if name.startswith(_XSD):
        return _Leaf(name.removeprefix(_XSD), {})
    node = described.types.get(name)
    return _ANYTHING if node is None else _of_type(described, node)


def _of_type(described: Description, node: _Node) -> _Leaf | _Fields:
    element = node.element
    if element.tag == f"{_XSD}simpleType":
        restriction = element.find(f"{_XSD}restriction")
        return _Leaf("string", {}) if restriction is None else _restricted(described, restriction, node.schema)
    simple = element.find(f"{_XSD}simpleContent/*")
    if simple is not None:
        return _restricted(described, simple, node.schema)
    children: dict[str, _Child] = {}
    opened = _particles(described, _Node(element, node.schema), children, optional=False, many=False)
    return _Fields(children, opened)


def _restricted(described: Description, restriction: etree._Element, schema: etree._Element) -> _Leaf | _Fields:
    inline = restriction.find(f"{_XSD}simpleType")
    base = (
        _of_named(described, _name(restriction, "base"))
        if inline is None
        else _of_type(described, _Node(inline, schema))
    )
    if isinstance(base, _Fields):
        return base
    facets: dict[str, set[str]] = {}
    for facet in restriction.iterchildren(etree.Element):
        name = etree.QName(facet).localname
        if facet.get("value") is not None and name != "whiteSpace":
            facets.setdefault(name, set()).add(_limit(name, facet.get("value", "")))
    return _Leaf(base.base, {**base.facets, **{name: frozenset(values) for name, values in facets.items()}})


def _limit(name: str, value: str) -> str:
    if name not in _NUMBERS:
        return value
    try:
        return f"{Decimal(value).normalize():f}"
    except InvalidOperation:
        return value


def _particles(described: Description, node: _Node, children: dict[str, _Child], *, optional: bool, many: bool) -> bool:
    """Gather the elements that may stand in a type; True when any others may stand there too."""
    opened = False
    for child in node.element.iterchildren(etree.Element):
        kind = etree.QName(child).localname
        here_optional = optional or child.get("minOccurs") == "0"
        here_many = many or child.get("maxOccurs", "1") not in ("0", "1")
        inner = _Node(child, node.schema)
        if kind == "element":
            _add(described, inner, children, optional=here_optional, many=here_many)
        elif kind == "any":
            opened = True
        elif kind in ("sequence", "all", "choice"):
            freely = here_optional or kind == "choice"
            opened |= _particles(described, inner, children, optional=freely, many=here_many)
        elif kind == "group" and (group := described.groups.get(_name(child, "ref") or "")) is not None:
            opened |= _particles(described, group, children, optional=here_optional, many=here_many)
        elif kind == "complexContent":
            opened |= _particles(described, inner, children, optional=optional, many=many)
        elif kind in ("extension", "restriction"):
            base = described.types.get(_name(child, "base") or "")
            if kind == "extension" and base is not None:
                opened |= _particles(described, base, children, optional=optional, many=many)
            opened |= _particles(described, inner, children, optional=optional, many=many)
    return opened


def _add(described: Description, node: _Node, children: dict[str, _Child], *, optional: bool, many: bool) -> None:
    element = node.element
    name = _name(element, "ref")
    if name is not None:
        referred = described.elements.get(name)
        if referred is not None:
            children[name] = _Child(referred, optional, many)
        return
    form = element.get("form") or node.schema.get("elementFormDefault", "unqualified")
    namespace = node.schema.get("targetNamespace", "") if form == "qualified" else ""
    children[f"{{{namespace}}}{element.get('name')}"] = _Child(node, optional, many)


# --- comparing --------------------------------------------------------------------------------------------------------


class _Comparing:
    def __init__(self, contract: Description, theirs: Description):
        self._contract = contract
        self._theirs = theirs
        #: Types that were compared already: what differs in an attachment is said once, not for every form.
        self._compared: set[tuple[str, str]] = set()

    def all(self) -> Iterator[Difference]:
        for name, meant in self._contract.operations.items():
            said = self._theirs.operations.get(name)
            if said is None:
                yield _grave(f"缺少操作 {name}", f"the operation {name} is missing")
                continue
            yield from self._operation(name, meant, said)

    def _operation(self, name: str, meant: Operation, said: Operation) -> Iterator[Difference]:
        if said.style != meant.style:
            yield _grave(
                f"操作 {name} 的绑定方式是 {said.style},契约为 {meant.style}",
                f"the operation {name} is bound as {said.style}; the contract has {meant.style}",
            )
        if said.action != meant.action:
            yield _slight(
                f"操作 {name} 的 SOAPAction 是“{said.action}”,契约为“{meant.action}”",
                f"the SOAPAction of {name} is '{said.action}'; the contract has '{meant.action}'",
            )
        for direction, theirs, ours in (
            ("in", said.request, meant.request),
            ("out", said.response, meant.response),
        ):
            zh, en = ("请求", "request") if direction == "in" else ("应答", "response")
            if theirs != ours:
                yield _grave(
                    f"操作 {name} 的{zh}元素是 {theirs},契约为 {ours}",
                    f"the {en} of {name} is the element {theirs}; the contract has {ours}",
                )
            elif ours is not None:
                yield from self._element(ours, etree.QName(ours).localname)
        for zh, en, theirs_too, meant_too in (
            ("请求头", "header", said.headers, meant.headers),
            ("错误内容", "fault detail", said.faults, meant.faults),
        ):
            for element in sorted(meant_too):
                if element not in theirs_too:
                    local = etree.QName(element).localname
                    yield _slight(f"操作 {name} 未声明{zh} {local}", f"{name} does not declare the {en} {local}")
                else:
                    yield from self._element(element, etree.QName(element).localname)

    def _element(self, name: str, path: str) -> Iterator[Difference]:
        mine, other = self._contract.elements.get(name), self._theirs.elements.get(name)
        if mine is None or self._not_loaded(name):
            return
        if other is None:
            yield _grave(f"缺少元素 {name}", f"the element {name} is missing")
            return
        yield from self._nodes(mine, other, path)

    def _not_loaded(self, name: str) -> bool:
        """Whether the element may stand in a part of the description that could not be had."""
        return name not in self._theirs.elements and bool(self._theirs.missing)

    def _nodes(self, mine: _Node, other: _Node, path: str) -> Iterator[Difference]:
        pair = (_identity(mine), _identity(other))
        if pair in self._compared:
            return
        self._compared.add(pair)
        meant, said = _content(self._contract, mine), _content(self._theirs, other)
        if isinstance(meant, _Leaf) and isinstance(said, _Leaf):
            yield from _leaves(meant, said, path)
        elif isinstance(meant, _Fields) and isinstance(said, _Fields):
            yield from self._fields(meant, said, path)
        elif said is not _ANYTHING:
            yield _slight(
                f"{path} 的内容种类不同:一方为文字,一方为元素", f"{path} holds text in one and elements in the other"
            )

    def _fields(self, meant: _Fields, said: _Fields, path: str) -> Iterator[Difference]:
        for name, mine in meant.children.items():
            inner = f"{path}/{etree.QName(name).localname}"
            theirs = said.children.get(name)
            if theirs is None:
                if not said.open:
                    yield from _absent(name, said, inner)
                continue
            if mine.optional and not theirs.optional:
                yield _slight(f"{inner} 应可省略,此处为必填", f"{inner} may be left out; here it must be there")
            if theirs.optional and not mine.optional:
                yield _slight(f"{inner} 应为必填,此处可省略", f"{inner} must be there; here it may be left out")
            if mine.many != theirs.many:
                zh, en = ("可重复", "may be repeated") if mine.many else ("至多一个", "stands once at the most")
                yield _slight(f"{inner} 应{zh}", f"{inner} {en} in the contract")
            yield from self._nodes(mine.node, theirs.node, inner)
        for name, child in said.children.items():
            if name not in meant.children and not child.optional and not meant.open:
                inner = f"{path}/{etree.QName(name).localname}"
                yield _slight(f"{inner} 为必填,契约中没有", f"{inner} must be there; the contract does not have it")


def _absent(name: str, said: _Fields, path: str) -> Iterator[Difference]:
    local = etree.QName(name).localname
    elsewhere = next((each for each in said.children if etree.QName(each).localname == local), None)
    if elsewhere is None:
        yield _slight(f"缺少元素 {path}", f"the element {path} is missing")
    else:
        yield _slight(
            f"{path} 的命名空间是“{etree.QName(elsewhere).namespace or ''}”,契约为“{etree.QName(name).namespace}”",
            f"{path} has the namespace '{etree.QName(elsewhere).namespace or ''}'; the contract has '{etree.QName(name).namespace}'",
        )


def _leaves(meant: _Leaf, said: _Leaf, path: str) -> Iterator[Difference]:
    if said.base != meant.base:
        yield _slight(
            f"{path} 的类型是 {said.base},契约为 {meant.base}",
            f"{path} is of the type {said.base}; the contract has {meant.base}",
        )
    for facet in sorted({*meant.facets, *said.facets}):
        ours, theirs = meant.facets.get(facet, frozenset()), said.facets.get(facet, frozenset())
        if ours == theirs:
            continue
        if facet == "enumeration":
            lacks, more = ", ".join(sorted(ours - theirs)), ", ".join(sorted(theirs - ours))
            if theirs and lacks:
                yield _slight(f"{path} 缺少代码 {lacks}", f"{path} lacks the codes {lacks}")
            if more:
                yield _slight(f"{path} 多出代码 {more}", f"{path} has the codes {more}, which the contract has not")
        elif theirs:
            shown, wanted = ", ".join(sorted(theirs)), ", ".join(sorted(ours)) or "–"
            yield _slight(
                f"{path} 的 {facet} 是 {shown},契约为 {wanted}",
                f"{path} has {facet} {shown}; the contract has {wanted}",
            )


def _identity(node: _Node) -> str:
    """The type of a node where it has a name, so that what is the same is compared once."""
    return _name(node.element, "type") or f"#{id(node.element)}"


def _grave(zh: str, en: str) -> Difference:
    return Difference(True, Text(zh, en))


def _slight(zh: str, en: str) -> Difference:
    return Difference(False, Text(zh, en))
