"""EXC-1: a case is a duplicate when words and photos are both the same, and only then; and it is one wherever the first one stands.

The truth table of the rule: the same words or others, against the same photos or others in every way in which photos can differ, and then
the same case again while the first is at each point of its life.
"""

from collections.abc import Iterator

from conformance.checks.writing import Step, story

_WORDS = "窨井盖破损 积水"
_OTHER_WORDS = "窨井盖丢失 积水"
_PHOTOS = ["kerb", "manhole"]
#: Name, both languages, the photos of the second case, whether they are the same set.
PHOTOS: tuple[tuple[str, str, str, list[str], bool], ...] = (
    ("the-same-photos", "照片相同", "the same photos", ["kerb", "manhole"], True),
    ("photos-in-another-order", "照片次序不同", "the same photos in another order", ["manhole", "kerb"], True),
    ("one-photo-less", "照片少一张", "one photo less", ["kerb"], False),
    ("one-photo-more", "照片多一张", "one photo more", ["kerb", "manhole", "lamp"], False),
    ("one-photo-other", "照片有一张不同", "one photo is another", ["kerb", "lamp"], False),
    ("no-photo", "没有照片", "no photo", [], False),
)
#: Points of its life at which the first case stands.
POINTS: tuple[tuple[str, str, str], ...] = (
    ("filed", "已立案", "is filed"),
    ("disposal", "处置中", "is being disposed of"),
    ("verification", "待核查", "waits for verification"),
    ("verification_failed", "核查未通过", "has failed verification"),
)
_FIRST_NUMBER = 101


def scenarios() -> Iterator[tuple[str, str]]:
    """The truth table, then the points."""
    number = _FIRST_NUMBER
    for same_words in (True, False):
        for name, zh, en, photos, same_photos in PHOTOS:
            words = ("the-same-words", "文字相同", "The same words") if same_words else _OTHERS
            yield (
                f"{words[0]}-{name}",
                _story(
                    number,
                    (f"{words[1]},{zh}", f"{words[2]}, {en}"),
                    [_reported("c1", _WORDS, _PHOTOS), ("workstation.hand_over", "c1")],
                    _reported("c2", _WORDS if same_words else _OTHER_WORDS, photos),
                    is_duplicate=same_words and same_photos,
                ),
            )
            number += 1
    for point, zh, en in POINTS:
        yield (
            f"the-first-{point.replace('_', '-')}",
            _story(
                number,
                (f"首案{zh}时再报同一事", f"The same again while the first case {en}"),
                [("given", {"case": "c1", "at": point, "description": _WORDS, "photos": _PHOTOS})],
                _reported("c2", _WORDS, _PHOTOS),
                is_duplicate=True,
            ),
        )
        number += 1


_OTHERS = ("other-words", "文字不同", "Other words")


def _reported(name: str, words: str, photos: list[str]) -> Step:
    return (
        "worker.report",
        {"as": name, "category": "01", "subcategory": "02", "description": words, "photos": photos},
    )


def _story(number: int, title: tuple[str, str], before: list[Step], second: Step, *, is_duplicate: bool) -> str:
    declined: list[Step] = [
        (
            "expect.form",
            {
                "case": "c2",
                "type": "filingResult",
                "fields": {
                    "outcome": "declined",
                    "declineReason": "duplicate",
                    "originalCaseNumber": {"case": "c1"},
                },
            },
        ),
        ("expect", {"case": "c2", "grid": {"state": "declined"}, "urban": {"status": "declined"}}),
    ]
    stands: list[Step] = [
        ("expect", {"case": "c2", "grid": {"state": "handed_over"}, "urban": {"status": "received"}}),
        ("operator.file", "c2"),
        ("expect", {"case": "c2", "urban": {"status": "open"}}),
    ]
    return story(
        zh=title[0],
        en=title[1],
        clauses=("EXC-1",),
        check=f"EXC-1-{number}",
        judges=("urban", "bridge"),
        steps=[*before, second, ("workstation.hand_over", "c2"), *(declined if is_duplicate else stands)],
    )
