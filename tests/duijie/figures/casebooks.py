"""Casebooks of made-up cities on disk."""

import json
from pathlib import Path

from city_histories import city, on_the_wire

from duijie.case_sources import CASEBOOK_HEAD
from duijie.figures.cases import NATIVE, Case, to_line
from duijie.figures.forms import cases_from


def cases(seed: int = 7, number: int = 60) -> list[Case]:
    made = list(cases_from(on_the_wire(city(seed, number), seed)))
    for case in made[::3]:
        case.origin = NATIVE
    return made


def casebook(path: Path, seed: int = 7, number: int = 60) -> Path:
    lines = [CASEBOOK_HEAD, *(to_line(case) for case in cases(seed, number))]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path
