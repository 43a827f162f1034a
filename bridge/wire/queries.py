"""The query of handed-over cases and its pages: elements to values and values to elements (XCHG-2)."""

from collections.abc import Callable
from typing import Any

from lxml import etree

from bridge.vocabulary.messages import CasePage, CaseQuery, HandedOverCase
from bridge.vocabulary.stages import HandedOverState
from bridge.wire.envelope import escaped
from bridge.wire.forms import Problems, element_writer, moment_text, read_moment, read_text, reader

_STATES = {state.value: state for state in HandedOverState}
_read_case = reader(HandedOverCase)
_write_case = element_writer("m:cases", HandedOverCase)


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2]


def read_query(element: etree._Element, problems: Problems) -> CaseQuery:
    """The query in a `QueryCases` element."""
    values: dict[str, Any] = {}
    for child in element:
        name = _local(child)
        if name == "since":
            values["since"] = read_moment(child, problems)
        elif name == "state":
            values["state"] = _STATES[child.text or ""]
        elif name == "cursor":
            values["cursor"] = read_text(child, problems)
        else:
            values["page_size"] = int(child.text or "")
    return CaseQuery(**values)


def write_query(query: CaseQuery, out: list[str]) -> None:
    """Append the content of a `QueryCases` element."""
    if query.since is not None:
        out.append(f"<m:since>{moment_text(query.since)}</m:since>")
    if query.state is not None:
        out.append(f"<m:state>{query.state.value}</m:state>")
    if query.cursor is not None:
        out.append(f"<m:cursor>{escaped(query.cursor)}</m:cursor>")
    out.append(f"<m:pageSize>{query.page_size}</m:pageSize>")


def read_page(element: etree._Element, is_valid: Callable[[], bool]) -> tuple[CasePage, tuple[str, ...]] | None:
    """The page in a `QueryCasesResponse` element and the numbers of cases on it that cannot be read; None when there is no page.

    A case that cannot be read is named and passed over: it must not keep the others, which stand behind the same cursor, from being
    taken. `is_valid` says whether the element, as it is now, follows the contract.
    """
    cases = element.findall(f"{{{etree.QName(element).namespace}}}cases")
    if not is_valid():
        for case in cases:
            element.remove(case)
        if not is_valid():
            return None
        readable = [case for case in cases if _is_valid_alone(element, case, is_valid)]
    else:
        readable = list(cases)
    read: list[HandedOverCase] = []
    unreadable = [_number_of(case) for case in cases if case not in readable]
    for case in readable:
        problems: Problems = []
        found = _read_case(case, problems)
        if problems:
            unreadable.append(found.hand_over.case_number)
        else:
            read.append(found)
    cursor, more = list(element)[-2:]
    page = CasePage(
        cases=tuple(read),
        next_cursor=cursor.text or "",
        more=(more.text or "").strip() in {"true", "1"},
    )
    return page, tuple(unreadable)


def _is_valid_alone(element: etree._Element, case: etree._Element, is_valid: Callable[[], bool]) -> bool:
    element.insert(0, case)
    try:
        return is_valid()
    finally:
        element.remove(case)


def _number_of(case: etree._Element) -> str:
    return next((" ".join((each.text or "").split())[:40] for each in case.iter("{*}caseNumber")), "")


def write_page(page: CasePage, out: list[str]) -> None:
    """Append the content of a `QueryCasesResponse` element."""
    for case in page.cases:
        _write_case(case, out)
    out.append(
        f"<m:nextCursor>{escaped(page.next_cursor)}</m:nextCursor><m:more>{'true' if page.more else 'false'}</m:more>"
    )
