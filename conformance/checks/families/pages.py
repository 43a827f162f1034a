"""XCHG-2: pages of the query miss and repeat nothing, however many cases there are, however large a page is, and whenever one more arrives."""

from collections.abc import Iterator

from conformance.checks.writing import Step, story

#: Cases before the query, cases on a page, pages that are taken before one more case arrives.
SHAPES = ((1, 1, 1), (2, 1, 1), (3, 1, 1), (3, 2, 1), (4, 2, 1), (4, 2, 2), (5, 2, 1), (4, 3, 1))
_FIRST_NUMBER = 101


def scenarios() -> Iterator[tuple[str, str]]:
    """Each shape."""
    for number, (cases, size, pages) in enumerate(SHAPES, _FIRST_NUMBER):
        yield (
            f"{cases}-cases-by-{size}-one-more-after-{pages}",
            story(
                zh=f"{cases} 件案卷每页 {size} 件,取 {pages} 页后又来一件",
                en=f"{_counted(cases, 'case')}, {size} to a page, one more after {_counted(pages, 'page')}",
                clauses=("XCHG-2",),
                check=f"XCHG-2-{number}",
                judges=("grid", "bridge"),
                wiring=None,
                steps=_steps(cases, size, pages),
            ),
        )


def _steps(cases: int, size: int, pages: int) -> Iterator[Step]:
    names = [f"c{place}" for place in range(1, cases + 1)]
    for name in names:
        yield "given", {"case": name, "at": "handed_over"}
    taken = min(cases, size * pages)
    query = {"to": "grid", "as": "urban", "page_size": size}
    yield "query.inject", {**query, "stop_after": pages, "cases": names[:taken]}
    yield "given", {"case": "late", "at": "handed_over"}
    yield "query.inject", {**query, "go_on": True, "cases": [*names[taken:], "late"]}


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
