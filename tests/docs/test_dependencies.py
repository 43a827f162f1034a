"""The page about dependencies names exactly what an installation brings."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.match(r"[A-Za-z0-9._-]+", requirement).group() for requirement in required}
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    told = {
        row.group(1): row.group(2)
        for row in re.finditer(r"^\| ([A-Za-z][\w.-]*) \| .* \| (.+) \|$", page, re.MULTILINE)
    }
    told.pop("package", None)
    assert set(told) == names
    assert all(len(reason) > 5 for reason in told.values())
