"""Hand-written YAML is read plainly, and every mistake is shown where it stands."""

import pytest

from located_yaml import DocumentInvalid, Problem, check, load, loads

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "maxLength": 10},
        "category": {"type": "string", "pattern": "^[0-9]{2}$"},
        "rounds": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["push", "query"]},
        "steps": {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {"report": {"type": "object", "required": ["case"]}},
                        "required": ["report"],
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "properties": {"close": {"type": "string"}},
                        "required": ["close"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
        "who": {"anyOf": [{"type": "string"}, {"type": "array"}]},
    },
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("01", "01"),
        ("0", 0),
        ("-7", -7),
        ("340202", 340202),
        ("1.0", 1.0),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("08:00", "08:00"),
        ("12:30", "12:30"),
        ("2026-03-02", "2026-03-02"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        (".inf", ".inf"),
        ("路边垃圾", "路边垃圾"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    read = loads(f"a: {text}\n").value["a"]
    assert value == read
    assert type(value) is type(read)


def test_a_key_is_always_text() -> None:
    assert loads("01: 1\n2: 2\ntrue: 3\n").value == {"01": 1, "2": 2, "true": 3}


def test_every_value_and_key_knows_its_position() -> None:
    located = loads("a:\n  - x\n  - b: 1\n    c: 二\n")
    assert located.where(("a", 1, "c")) == (4, 8)
    assert located.where_key(("a", 1, "c")) == (4, 5)
    assert located.where(("a", 1)) == (3, 5)
    assert located.where(("a", 1, "c", "deeper")) == (4, 8)


def the_problem(text: str) -> Problem:
    with pytest.raises(DocumentInvalid) as caught:
        loads(text, "f.yaml")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "given twice, first in line 1"),
        ("a: !!python/object:os.system x\n", 1, 4, "tag"),
        ("a: !mine x\n", 1, 4, "tag"),
        ("a: &x [*x]\n", 1, 4, "alias"),
        ("? [a]\n: b\n", 1, 3, "a key must be a word"),
        ("a: [1\nb: 2\n", 2, 2, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, 1, "single document"),
        ("a: 1\nb: \x07\n", 2, 4, "U+0007"),
        ("a: *nobody\n", 1, 4, "undefined alias"),
    ],
)
def test_a_text_that_is_no_plain_document_is_refused_with_its_position(
    text: str, line: int, column: int, part: str
) -> None:
    problem = the_problem(text)
    assert (line, column) == (problem.line, problem.column)
    assert part in problem.message_en


def test_deep_nesting_is_refused_without_exhausting_the_stack() -> None:
    for depth in (61, 5000):
        with pytest.raises(DocumentInvalid, match="nested"):
            loads("[" * depth + "]" * depth)


def test_aliases_of_aliases_do_not_exhaust_memory() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(DocumentInvalid, match="too many values"):
        loads("\n".join(lines))


def test_a_file_that_is_missing_is_one_sentence(tmp_path) -> None:
    with pytest.raises(DocumentInvalid, match=r"none.yaml:1:1: .*cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_file_in_another_encoding_is_shown_where_it_begins(tmp_path) -> None:
    path = tmp_path / "gbk.yaml"
    path.write_bytes("a: 1\nb: 圾".encode("gbk"))
    with pytest.raises(DocumentInvalid, match=r"gbk.yaml:2:4: .*not UTF-8"):
        load(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load(path).value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("titel: x\n", "f.yaml:1:1: 缺少“title” / 'title' is missing"),
        (
            "title: x\ncategroy: '01'\n",
            "f.yaml:2:1: 未知的键“categroy”,是否想写“category”? / unknown key 'categroy'; did you mean 'category'?",
        ),
        ("title: 7\n", 'f.yaml:1:8: 应为文字,而不是 7;请加引号:"7" / expected text, not 7; put it in quotes: "7"'),
        ("title: x\nrounds: 0\n", "f.yaml:2:9: 0 小于最小值 1 / 0 is less than 1"),
        (
            "title: x\nmode: pus\n",
            "f.yaml:2:7: 'pus' 不在允许的取值之内,是否想写“push”? / 'pus' is not one of the permitted values; did you mean 'push'?",
        ),
        (
            "title: x\nsteps:\n  - clsoe: c1\n",
            "f.yaml:3:5: 未知的键“clsoe”,是否想写“close”? / unknown key 'clsoe'; did you mean 'close'?",
        ),
        ("title: x\nsteps:\n  - report: {}\n", "f.yaml:3:5: 缺少“case” / 'case' is missing"),
        ("title: x\nsteps:\n  - close: [1]\n", "f.yaml:3:12: 应为文字,而不是 […] / expected text, not […]"),
        ("title: x\nwho: 3\n", "f.yaml:2:6: 这里应为文字或列表,而不是 3 / expected text or a list, not 3"),
    ],
)
def test_what_the_schema_forbids_is_said_in_both_languages_at_its_place(text: str, shown: str) -> None:
    assert shown in [str(problem) for problem in check(loads(text, "f.yaml"), SCHEMA)]


def test_all_problems_are_said_at_once_in_file_order() -> None:
    problems = check(loads("rounds: 0\nmode: x\nnonsense: 1\n", "f.yaml"), SCHEMA)
    assert [problem.line for problem in problems] == [1, 1, 2, 3]


def test_a_document_that_fits_has_no_problems() -> None:
    assert check(loads("title: x\nsteps:\n  - close: c1\n  - report: {case: c2}\nwho: me\n"), SCHEMA) == []
