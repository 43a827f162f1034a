"""Writes a SOAP document under other namespace prefixes: nobody may rely on the ones that a library likes."""

from collections.abc import Callable

from lxml import etree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"

#: Chooses a prefix for a namespace, or leaves it as it is (None).
PrefixChoice = Callable[[str], str | None]


def with_prefixes(root: etree._Element, choose: PrefixChoice) -> etree._Element:
    """Make the same document under the prefixes that `choose` says; two namespaces never share one."""
    names: dict[str, str] = {}
    for namespace in sorted({etree.QName(element).namespace or "" for element in root.iter(etree.Element)} - {""}):
        wanted = choose(namespace) or _present(root, namespace)
        prefix, number = wanted, 1
        while prefix in names:
            number += 1
            prefix = f"{wanted}{number}"
        names[prefix] = namespace
    copy = etree.Element(root.tag, _attributes(root), nsmap=names)
    _copy_content(root, copy)
    envelope = next((prefix for prefix, namespace in names.items() if namespace == ENVELOPE), None)
    for code in copy.iter("faultcode"):
        # The one place where a prefix stands in a text.
        code.text = f"{envelope}:{(code.text or '').rpartition(':')[2]}"
    return copy


def _present(root: etree._Element, namespace: str) -> str:
    return next((prefix for prefix, uri in root.nsmap.items() if uri == namespace and prefix), "n")


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def _copy_content(source: etree._Element, target: etree._Element) -> None:
    target.text, target.tail = source.text, source.tail
    for child in source.iterchildren(etree.Element):
        _copy_content(child, etree.SubElement(target, child.tag, _attributes(child)))
