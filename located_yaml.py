"""YAML that remembers where everything stands, so that a mistake is shown with file, line and column.

Files that people write by hand (profiles, scenarios) are read here. Three things differ from plain
PyYAML, each because it has bitten people who write city codes:

- Scalars are read plainly: `01`, `340202000`, `08:00`, `yes` and `2026-03-02` are what they look
  like. Only `true`/`false`, `null`/`~`, plain decimal numbers without a leading zero are not text.
- A key given twice is a mistake, not a silent overwrite. Tags, merge keys and documents after the
  first are refused.
- Every value and key knows its position, and `check` says all that a JSON Schema finds at once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

Path = tuple[str | int, ...]

#: Files written by hand stay far below; a deeper one is a slip or an attack, and Python's stack is finite.
DEPTH_MAX = 60


class Position(NamedTuple):
    """Line and column, both counted from 1 as editors do."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, and where. Line 0: not in a file; `path` then says where."""

    path: str
    line: int
    column: int
    message_zh: str
    message_en: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.message_zh} / {self.message_en}"


class DocumentInvalid(Exception):
    """A file that cannot be used; `problems` holds everything that is wrong with it, in file order."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Located:
    """A document as plain Python values, and the position of each of them."""

    value: Any
    path: str
    _values: Mapping[Path, Position] = field(repr=False)
    _keys: Mapping[Path, Position] = field(repr=False)

    def where(self, path: Iterable[str | int] = ()) -> Position:
        """Where the value at `path` begins; the nearest enclosing value when there is none at `path`."""
        return self._nearest(self._values, tuple(path))

    def where_key(self, path: Iterable[str | int]) -> Position:
        """Where the key at the end of `path` stands; for an item of a list, where the item begins."""
        wanted = tuple(path)
        return self._keys.get(wanted) or self.where(wanted)

    def problem(self, path: Iterable[str | int], zh: str, en: str, *, key: bool = False) -> Problem:
        """A problem at the value (or the key) of `path`, for rules that no schema can say."""
        wanted = tuple(path)
        position = self.where_key(wanted) if key else self.where(wanted)
        name = self.path if position.line else ".".join([self.path, *(str(part) for part in wanted)])
        return Problem(name, position.line, position.column, zh, en)

    @staticmethod
    def _nearest(positions: Mapping[Path, Position], path: Path) -> Position:
        while path not in positions:
            path = path[:-1]
        return positions[path]


def load(path: str | FilePath) -> Located:
    """Read a YAML file; raises `DocumentInvalid` when it cannot be read as one document of plain values."""
    name = str(path)
    try:
        data = FilePath(path).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DocumentInvalid(
            [Problem(name, 1, 1, f"文件无法读取:{reason}", f"the file cannot be read: {reason}")]
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        zh, en = "文件不是 UTF-8 编码,请另存为 UTF-8", "the file is not UTF-8; save it as UTF-8"
        raise DocumentInvalid([Problem(name, line, column, zh, en)]) from None
    return loads(text, name)


def loads(text: str, path: str = "<text>") -> Located:
    """Read YAML from a text; `path` is the name shown in problems."""
    try:
        root = yaml.compose(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise DocumentInvalid([Problem(path, *position, f"YAML 语法错误:{said}", f"not valid YAML: {said}")]) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        code = f"U+{ord(error.character):04X}" if isinstance(error.character, str) else f"U+{error.character:04X}"
        zh, en = f"文件中有不可用的字符 {code}", f"the character {code} may not stand in the file"
        raise DocumentInvalid([Problem(path, *position, zh, en)]) from None
    except RecursionError:
        raise DocumentInvalid([Problem(path, 1, 1, "嵌套过深", "nested too deeply")]) from None
    builder = _Builder(path)
    if root is None:
        return Located(None, path, {(): Position(1, 1)}, {})
    value = builder.build(root, (), ())
    if builder.problems:
        raise DocumentInvalid(sorted(builder.problems, key=lambda p: (p.line, p.column)))
    return Located(value, path, builder.values, builder.keys)


def place(value: Any, name: str) -> Located:
    """Values that come from a program and not from a file, so that `check` can judge them; problems name the path."""
    return Located(value, name, {(): Position(0, 0)}, {})


class _PlainLoader(yaml.SafeLoader):
    """A composer with few implicit types: text stays text unless it can be nothing else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own shape


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]{0,17})$", list("-+0123456789")),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?$", list("-+0123456789")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "map", "seq")}


class _Builder:
    """Turns composed nodes into values, noting where each stands."""

    def __init__(self, path: str):
        self.path = path
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, path: Path, above: tuple[int, ...]) -> Any:
        self.values[path] = _position(node)
        if id(node) in above:
            return self._wrong(node, "别名引用了自身", "an alias refers to what it stands in")
        if len(above) >= DEPTH_MAX:
            return self._wrong(node, f"嵌套超过 {DEPTH_MAX} 层", f"nested deeper than {DEPTH_MAX} levels")
        if len(self.values) > _VALUES_MAX:
            return self._wrong(node, "内容过多", "too many values") if not self.problems else None
        if node.tag not in _PLAIN_TAGS:
            return self._wrong(node, f"不允许使用标签 {node.tag}", f"the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*above, id(node)))
        if isinstance(node, yaml.SequenceNode):
            inner = (*above, id(node))
            return [self.build(item, (*path, index), inner) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(key_node, "键必须是文字", "a key must be a word")
                continue
            key = str(key_node.value)
            if key in built:
                line = self.keys[(*path, key)].line
                self._wrong(
                    key_node,
                    f"键“{key}”重复,首次出现在第 {line} 行",
                    f"the key '{key}' is given twice, first in line {line}",
                )
                continue
            self.keys[(*path, key)] = _position(key_node)
            built[key] = self.build(value_node, (*path, key), above)
        return built

    def _scalar(self, node: yaml.Node) -> Any:
        kind = node.tag.rsplit(":", 1)[-1]
        text = str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        return text

    def _wrong(self, node: yaml.Node, zh: str, en: str) -> None:
        self.problems.append(Problem(self.path, *_position(node), zh, en))


#: Aliases of aliases can make a short text stand for millions of values.
_VALUES_MAX = 200_000


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def check(located: Located, json_schema: Mapping[str, Any]) -> list[Problem]:
    """Everything in the document that the schema (draft 2020-12) does not allow, in file order."""
    validator = Draft202012Validator(json_schema, format_checker=FormatChecker())
    found: dict[Problem, None] = {}
    for error in validator.iter_errors(located.value):
        for finding in _explain(error):
            found[located.problem(finding.path, finding.zh, finding.en, key=finding.at_key)] = None
    return sorted(found, key=lambda problem: (problem.line, problem.column))


class _Finding(NamedTuple):
    path: Path
    zh: str
    en: str
    at_key: bool = False


def _explain(error: ValidationError) -> Iterator[_Finding]:
    path: Path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword in ("anyOf", "oneOf") and error.context:
        yield from _explain_alternatives(error, path)
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        yield from _explain_unknown_keys(error, path)
    elif keyword == "propertyNames" or _is_property_name(error):
        name = str(error.instance)
        zh, en = _meant(name, _known_names(error))
        yield _Finding((*path, name), f"未知的键“{name}”{zh}", f"unknown key '{name}'{en}", at_key=True)
    elif keyword == "required":
        missing = [name for name in _rule(error) if name not in _instance(error)]
        # One error per missing name is raised; the name is quoted at the start of jsonschema's sentence.
        names = [name for name in missing if error.message.startswith(repr(name))] or missing
        for name in names:
            yield _Finding(path, f"缺少“{name}”", f"'{name}' is missing", at_key=bool(path))
    else:
        zh, en = _sentence(keyword, error)
        yield _Finding(path, zh, en)


def _explain_alternatives(error: ValidationError, path: Path) -> Iterator[_Finding]:
    """Of several permitted shapes, explain the one that was most likely meant."""
    branches: dict[int | str, list[ValidationError]] = defaultdict(list)
    for inner in error.context or ():
        branches[inner.relative_schema_path[0]].append(inner)

    def unlikeliness(branch: list[ValidationError]) -> tuple[bool, int, int]:
        wrong_shape = any(
            not inner.relative_path and inner.validator in ("type", "const", "enum", "required") for inner in branch
        )
        return wrong_shape, -max(len(inner.relative_path) for inner in branch), len(branch)

    best = min(branches.values(), key=unlikeliness)
    if unlikeliness(best)[0]:
        same_type = [b for b in branches.values() if not any(e.validator == "type" and not e.relative_path for e in b)]
        if len(same_type) == 1:
            best = same_type[0]
        elif not same_type:
            types = [
                str(name)
                for branch in branches.values()
                for inner in branch
                if inner.validator == "type" and not inner.relative_path
                for name in (
                    inner.validator_value if isinstance(inner.validator_value, list) else [inner.validator_value]
                )
            ]
            unique = list(dict.fromkeys(types))
            zh, en = _type_words(unique)
            yield _Finding(
                path, f"这里应为{zh},而不是 {_shown(error.instance)}", f"expected {en}, not {_shown(error.instance)}"
            )
            return
        else:
            known = sorted({name for b in same_type for inner in b for name in _known_names(inner)})
            keys = [str(key) for key in error.instance] if isinstance(error.instance, dict) else []
            strange = [key for key in keys if known and key not in known]
            for key in strange:
                zh, en = _meant(key, known)
                yield _Finding((*path, key), f"未知的键“{key}”{zh}", f"unknown key '{key}'{en}", at_key=True)
            if strange:
                return
            yield _Finding(path, "与任何允许的写法都不符", "fits none of the permitted shapes")
            return
    for inner in best:
        yield from _explain(inner)


def _explain_unknown_keys(error: ValidationError, path: Path) -> Iterator[_Finding]:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    known = _known_names(error)
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    for key in _instance(error):
        if key in known or any(pattern.search(key) for pattern in patterns):
            continue
        zh, en = _meant(str(key), known)
        yield _Finding((*path, key), f"未知的键“{key}”{zh}", f"unknown key '{key}'{en}", at_key=True)


def _rule(error: ValidationError) -> Any:
    """What the schema's keyword says; an error from a validator always has it."""
    return error.validator_value


def _instance(error: ValidationError) -> Any:
    """What was found in the document."""
    return error.instance


def _is_property_name(error: ValidationError) -> bool:
    return "propertyNames" in error.absolute_schema_path


def _known_names(error: ValidationError) -> list[str]:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    names = [str(name) for name in schema.get("properties", {})]
    if error.validator in ("enum", "required"):
        names += [str(name) for name in _rule(error)]
    return names


def _meant(word: str, known: Iterable[str]) -> tuple[str, str]:
    """«Did you mean», in both languages, led by punctuation; otherwise what there is, when that is short."""
    names = list(dict.fromkeys(known))
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f",是否想写“{by_lower[close[0]]}”?", f"; did you mean '{by_lower[close[0]]}'?"
    if 0 < len(names) <= 12:
        listed = ", ".join(names)
        return f";可用:{listed}", f"; known are {listed}"
    return "", ""


_TYPE_WORDS = {
    "string": ("文字", "text"),
    "integer": ("整数", "a whole number"),
    "number": ("数字", "a number"),
    "boolean": ("true 或 false", "true or false"),
    "array": ("列表", "a list"),
    "object": ("键值表", "a mapping"),
    "null": ("空值", "nothing"),
}


def _type_words(names: Sequence[str]) -> tuple[str, str]:
    words = [_TYPE_WORDS.get(name, (name, name)) for name in names]
    return "或".join(zh for zh, _ in words), " or ".join(en for _, en in words)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    shown = text if len(text) <= 60 else text[:59] + "…"
    return f"'{shown}'" if isinstance(value, str) else shown


def _sentence(keyword: str, error: ValidationError) -> tuple[str, str]:
    limit = _rule(error)
    # JSON Schema's word for what may be written and never shown, such as a password.
    is_secret = isinstance(error.schema, Mapping) and bool(error.schema.get("writeOnly"))
    shown = "***" if is_secret else _shown(error.instance)
    if keyword == "type":
        zh, en = _type_words(limit if isinstance(limit, list) else [str(limit)])
        hint_zh = hint_en = ""
        if limit == "string" and isinstance(error.instance, int | float) and not isinstance(error.instance, bool):
            written = shown if is_secret else error.instance
            hint_zh, hint_en = f';请加引号:"{written}"', f'; put it in quotes: "{written}"'
        return f"应为{zh},而不是 {shown}{hint_zh}", f"expected {en}, not {shown}{hint_en}"
    if keyword == "enum":
        zh, en = _meant(str(error.instance), [str(value) for value in limit])
        return f"{shown} 不在允许的取值之内{zh}", f"{shown} is not one of the permitted values{en}"
    if keyword in _BOUND_SENTENCES:
        zh, en = _BOUND_SENTENCES[keyword]
        return zh.format(shown=shown, limit=limit), en.format(shown=shown, limit=limit)
    if keyword == "const":
        return f"应为 {_shown(limit)},而不是 {shown}", f"expected {_shown(limit)}, not {shown}"
    if keyword == "dependentRequired":
        return f"缺少与其他键配套的键:{error.message}", f"a key is missing beside another: {error.message}"
    return f"不符合要求({keyword}):{shown}", f"not allowed here ({keyword}): {shown}"


_BOUND_SENTENCES = {
    "pattern": ("{shown} 的格式应为 {limit}", "{shown} should look like {limit}"),
    "format": ("{shown} 不是有效的 {limit}", "{shown} is not a valid {limit}"),
    "minimum": ("{shown} 小于最小值 {limit}", "{shown} is less than {limit}"),
    "maximum": ("{shown} 大于最大值 {limit}", "{shown} is more than {limit}"),
    "exclusiveMinimum": ("{shown} 应大于 {limit}", "{shown} should be more than {limit}"),
    "exclusiveMaximum": ("{shown} 应小于 {limit}", "{shown} should be less than {limit}"),
    "minLength": ("文字过短,至少 {limit} 字", "the text is too short, at least {limit} characters"),
    "maxLength": ("文字过长,至多 {limit} 字", "the text is too long, at most {limit} characters"),
    "minItems": ("列表过短,至少 {limit} 项", "the list is too short, at least {limit} items"),
    "maxItems": ("列表过长,至多 {limit} 项", "the list is too long, at most {limit} items"),
    "minProperties": ("内容过少,至少 {limit} 个键", "too few keys, at least {limit}"),
    "maxProperties": ("内容过多,至多 {limit} 个键", "too many keys, at most {limit}"),
    "uniqueItems": ("列表中有重复的项", "the list holds an item twice"),
    "not": ("此处不允许 {shown}", "{shown} is not allowed here"),
    "contains": ("列表缺少必需的项", "the list lacks an item that must be there"),
}
