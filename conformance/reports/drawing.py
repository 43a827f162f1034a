"""The sequence diagram as it stands in the page: both languages in one drawing, with what all drawings share said once for the page.

`conformance.reports.diagram.svg` draws the same as a file of its own. Here hundreds of diagrams stand in one file, so lines and texts have
classes in the place of styles, and a text is given whole as a title only where it is too long for its arrow.
"""

from collections.abc import Iterator, Mapping
from html import escape

from conformance.oracle.trace import Trace
from conformance.reports.diagram import COLOURS, Arrow, arrows, cut, lanes_of
from conformance.scenario.wording import Wording

_LANE_WIDTH, _LEFT, _MARGIN, _TOP, _ROW = 520, 150, 80, 44, 26
_LANGUAGES = ("zh", "en")


def shared_style() -> str:
    """What the page's style says of all drawings."""
    kinds = "".join(
        f".dw .{kind}{{stroke:{colour};fill:none;stroke-width:1.5;marker-end:url(#tip-{kind})}}"
        f".dw text.{kind},.dw circle.{kind}{{fill:{colour};stroke:none;marker-end:none}}"
        for kind, colour in COLOURS.items()
    )
    return (
        ".dw{max-width:100%;height:auto;background:#fff}.dw text{font-size:11.5px}.dw .m{text-anchor:middle}.dw .r{text-anchor:end}"
        ".dw .t{fill:#6b7885;font-size:11px}.dw .lane{stroke:#9fb0c3;stroke-dasharray:4 4}.dw .head{fill:#e8eff7;stroke:#4a6785}"
        ".dw .receipt,.dw .lost{stroke-dasharray:6 4}.dw .x{stroke-width:2.4;stroke-dasharray:none;marker-end:none}"
        ".dw .band{fill:#fff3bf;stroke:#e0a800}" + kinds
    )


def shared_tips() -> str:
    """The tips of arrows that all drawings of the page refer to."""
    tips = "".join(
        f'<marker id="tip-{kind}" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
        f'<path d="M0,0L9,4L0,8z" fill="{colour}"/></marker>'
        for kind, colour in COLOURS.items()
    )
    return f'<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>{tips}</defs></svg>'


def drawing(
    trace: Trace, cases: Mapping[str, str], marked: Mapping[int, str] | None = None, *, titles: bool = True
) -> str:
    """The diagram in both languages; `marked` are the records that disagree, each with the anchor that its row leads to.

    With `titles`, a text that is too long for its arrow is given whole to who points at it.
    """
    told = {language: arrows(trace, cases, language) for language in _LANGUAGES}
    shown = told["zh"]
    lanes = lanes_of(shown)
    x = {lane: _LEFT + index * _LANE_WIDTH for index, lane in enumerate(lanes)}
    width, height = x[lanes[-1]] + _MARGIN, _TOP + 24 + _ROW * len(shown)
    parts = [f'<svg class="dw" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">']
    for lane in lanes:
        parts.append(
            f'<path class="lane" d="M{x[lane]},30V{height - 6}"/><rect class="head" x="{x[lane] - 65}" y="4" width="130" height="26" rx="5"/>'
        )
        parts += [
            f'<text class="m {language}" x="{x[lane]}" y="22">{escape(Wording(language).party(lane))}</text>'
            for language in _LANGUAGES
        ]
    before = ""
    for index, arrow in enumerate(shown):
        y = _TOP + 18 + _ROW * index
        texts = {language: told[language][index].text for language in _LANGUAGES}
        # A moment is written where it begins; the rows below it are of the same one.
        time = "" if arrow.time == before else f'<text class="t" x="6" y="{y + 4}">{escape(arrow.time)}</text>'
        before = arrow.time
        row = time + "".join(_row(arrow, texts, x, y, titles))
        anchor = (marked or {}).get(arrow.n)
        if anchor is not None:
            band = f'<rect class="band" x="2" y="{y - 17}" width="{width - 4}" height="{_ROW - 1}" rx="4"/>'
            row = f'<a href="#{escape(anchor)}">{band}{row}</a>'
        parts.append(row)
    return "".join([*parts, "</svg>"])


def _row(arrow: Arrow, texts: Mapping[str, str], x: Mapping[str, int], y: int, titles: bool) -> Iterator[str]:
    begin, end = x[arrow.sender], x[arrow.to]
    if begin == end:
        # What happens at the last lane is written to its left, where there is room.
        last = begin == max(x.values())
        yield f'<circle class="{arrow.kind}" cx="{begin}" cy="{y}" r="4"/>'
        place, classes = (begin - 10, "r ") if last else (begin + 10, "")
        room = (max(x.values()) - min(x.values()) if last or begin == min(x.values()) else _LANE_WIDTH) // 13
        yield from _texts(texts, place, y + 4, f"{classes}{arrow.kind}", room, titles)
        return
    tip = end - 3 if end > begin else end + 3
    if arrow.kind == "lost":
        tip = begin + (end - begin) * 9 // 10
        cross = tip + (9 if end > begin else -9)
        yield f'<path class="lost x" d="M{cross - 5},{y - 5}l10,10m-10,0l10,-10"/>'
    yield f'<path class="{arrow.kind}" d="M{begin},{y}H{tip}"/>'
    yield from _texts(texts, (begin + end) // 2, y - 5, f"m {arrow.kind}", (abs(end - begin) - 30) // 12, titles)


def _texts(texts: Mapping[str, str], x: int, y: int, classes: str, room: int, titles: bool) -> Iterator[str]:
    for language, text in texts.items():
        short = cut(text, room)
        title = "" if short == text or not titles else f"<title>{escape(text)}</title>"
        yield f'<text class="{classes} {language}" x="{x}" y="{y}">{title}{escape(short)}</text>'
