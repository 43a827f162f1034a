"""The place of every key in a TOML file, whatever stands around it."""

import tomllib
from datetime import date, time

from conformance.drivers.located_toml import located, nearest, places

TEXT = '''format = "1.0"   # the format
top.inner = 1

[system]
name = "a # no comment"
"quoted key" = 'x = 1'
text = """
[not.a.header]
also = "no key"
"""
list = [
  "a", # ] no end
  "b = 2",
]
table = { x = 1, y = [2, 3] }

[profile.grid]
code = "g"

[[profile.contacts]]
duty = "one"
[[profile.contacts]]
  duty = "two"
[profile.contacts.more]
x = 1

[last]
'''


def test_every_key_and_header_has_its_line():
    tomllib.loads(TEXT)
    found = {".".join(map(str, path)): place.line for path, place in places(TEXT).items()}
    assert found == {
        "": 1,
        "format": 1,
        "top": 2,
        "top.inner": 2,
        "system": 4,
        "system.name": 5,
        "system.quoted key": 6,
        "system.text": 7,
        "system.list": 11,
        "system.table": 15,
        "profile": 17,
        "profile.grid": 17,
        "profile.grid.code": 18,
        "profile.contacts": 20,
        "profile.contacts.0": 20,
        "profile.contacts.0.duty": 21,
        "profile.contacts.1": 22,
        "profile.contacts.1.duty": 23,
        "profile.contacts.1.more": 24,
        "profile.contacts.1.more.x": 25,
        "last": 27,
    }
    assert places(TEXT)["profile", "contacts", 1, "duty"].column == 3


def test_what_is_not_there_has_the_place_of_what_it_would_stand_in():
    assert nearest(places(TEXT), ("profile", "grid", "endpoint")).line == 17
    assert nearest(places(TEXT), ("nothing",)).line == 1


def test_a_table_becomes_a_document_of_its_own_with_days_as_texts():
    document = located(
        {"days": [date(2027, 1, 1)], "at": time(8, 0), "grid": {"code": "g"}}, "profile", places(TEXT), "f"
    )
    assert document.value == {"days": ["2027-01-01"], "at": "08:00", "grid": {"code": "g"}}
    assert document.where(("grid", "code")).line == 18
    assert str(document.problem(("grid", "endpoint"), "缺", "lacks")) == "f:17:1: 缺 / lacks"
