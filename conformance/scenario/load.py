"""Reading a scenario file: either it is whole and possible, or everything wrong with it is said and nothing is run.

What is checked: the words and the kinds of their values; that clauses and settings exist; and that each step is
possible where it stands: a case must have come into being before it is acted on, a bridge must be there to be
restarted, a name must be free before it is given.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import located_yaml
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FORM_CLASSES, FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.parties import Direction, Party
from conformance.clauses import clauses
from conformance.scenario.clock import read_advance
from conformance.scenario.faults import Fate, Fault, FaultRule, FaultWhat, Noise, faults
from conformance.scenario.network import read_rule, read_share
from conformance.scenario.profile import SettingInvalid, apply_settings, read_setting, settings
from conformance.scenario.steps import CheckMark, Quirkiness, Scenario, Step, Wiring
from conformance.scenario.target import TargetInvalid, read_target
from conformance.scenario.words import CALLED, MATCHERS, Word, acts, answers, catalogue, meant, shape
from located_yaml import DocumentInvalid, Located, Problem

#: The format that this reader understands.
FORMAT = "1.0"

_TOP = ("format", "title", "clauses", "check", "wiring", "profile", "quirks", "steps")
#: A clause and a number.
CHECK_ID = r"([A-Z]+-[0-9]+)-[0-9]{2,3}"
_FAULTS = frozenset(f"network.{name}" for name in faults())
#: Seconds that callers wait for an answer in a story in which one waits in vain: over real SOAP that is real time.
SHORT_PATIENCE = 4
_Path = tuple[str | int, ...]


def load_scenario(path: str | Path, root: str | Path | None = None) -> Scenario:
    """Read one file; raises `DocumentInvalid` with every problem. `root` is the library that the id is relative to."""
    located = located_yaml.load(path)
    return _Reader(located, _id_of(Path(path), Path(root) if root is not None else None)).scenario()


def loads_scenario(text: str, path: str = "<text>", scenario_id: str | None = None) -> Scenario:
    """Read a scenario from a text."""
    return _Reader(located_yaml.loads(text, path), scenario_id or Path(path).stem, text).scenario()


def load_network(path: str | Path) -> tuple[FaultRule | Noise, ...]:
    """Read a file of steps about the network, for a proxy of its own; raises `DocumentInvalid`."""
    return _NetworkReader(located_yaml.load(path), "").rules()


def loads_network(text: str, path: str = "<text>") -> tuple[FaultRule | Noise, ...]:
    """Read steps about the network from a text; raises `DocumentInvalid`."""
    return _NetworkReader(located_yaml.loads(text, path), "", text).rules()


def load_all(paths: Iterable[str | Path], root: str | Path | None = None) -> list[Scenario]:
    """Read files and folders, in the order of their paths; raises one `DocumentInvalid` with the problems of all of them."""
    found: list[Scenario] = []
    problems: list[Problem] = []
    for path in find_files(paths):
        try:
            found.append(load_scenario(path, root))
        except DocumentInvalid as invalid:
            problems += invalid.problems
    if problems:
        raise DocumentInvalid(problems)
    return found


def find_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The scenario files that are named or lie in the named folders; a folder's `selftest` is left out unless it is named itself."""
    for given in paths:
        path = Path(given)
        if path.is_dir():
            files = (f for f in sorted(path.rglob("*.yaml")) if "selftest" not in f.relative_to(path).parts)
            yield from files
        else:
            yield path


def _id_of(path: Path, root: Path | None) -> str:
    if root is None:
        # The library's own folder gives the id, wherever the command was started.
        parts = path.resolve().with_suffix("").parts
        below = parts[len(parts) - parts[::-1].index("scenarios") :] if "scenarios" in parts else parts[-1:]
        return "/".join(below)
    return path.resolve().relative_to(root.resolve()).with_suffix("").as_posix()


class _Reader:
    """Reads one file and gathers its problems; `scenario` raises them all at once."""

    #: Where the list of steps stands in the file.
    _root: _Path = ("steps",)

    def __init__(self, located: Located, scenario_id: str, text: str | None = None):
        self._at = located
        self._id = scenario_id
        self._text = text
        self._problems: list[Problem] = []
        #: Cases so far, with the platform that they came into being on.
        self._cases: dict[str, str] = {}
        self._remembered: set[str] = set()
        self._cut: set[str] = set()
        self._noisy = False
        #: Steps that make sense only with a bridge between.
        self._bridge_steps: list[tuple[_Path, str]] = []

    def scenario(self) -> Scenario:
        raw = self._at.value
        if not isinstance(raw, dict):
            self._say((), "场景文件应为键值表", "a scenario file is a mapping")
            self._give_up()
        self._top_keys(raw)
        if raw.get("format") != FORMAT and "format" in raw:
            self._say(
                ("format",), f'本程序读取格式 "{FORMAT}"(须加引号)', f'this program reads format "{FORMAT}" (in quotes)'
            )
            self._give_up()
        title_zh, title_en = self._title(raw.get("title"))
        clause_ids = self._clauses(raw.get("clauses"))
        overrides = self._settings(raw.get("profile", {}))
        quirks = self._quirks(raw.get("quirks", "calm"))
        steps = self._steps(raw.get("steps"))
        wirings = self._wirings(raw)
        check = self._check(raw["check"], clause_ids, wirings) if "check" in raw else None
        self._ambiguous_faults(steps)
        if self._problems:
            self._give_up()
        written = dict(raw.get("profile", {}))
        if any(map(_starves, steps)):
            patience = {"delivery.answer_timeout_seconds": SHORT_PATIENCE}
            overrides, written = patience | overrides, patience | written
        return Scenario(
            id=self._id,
            path=self._at.path,
            title_zh=title_zh,
            title_en=title_en,
            clauses=clause_ids,
            wirings=wirings,
            profile=apply_settings(overrides),
            settings=written,
            quirks=quirks,
            check=check,
            steps=tuple(steps),
        )

    # ── the head of the file ──

    def _top_keys(self, raw: Mapping[str, Any]) -> None:
        for key in raw:
            if key not in _TOP:
                zh, en = meant(key, _TOP)
                self._say((key,), f"未知的键“{key}”{zh}", f"unknown key '{key}'{en}", key=True)
        for key in ("format", "title", "clauses", "steps"):
            if key not in raw:
                self._say((), f"缺少“{key}”", f"'{key}' is missing")

    def _title(self, title: Any) -> tuple[str, str]:
        if title is None:
            return "", ""
        if not isinstance(title, dict):
            self._say(("title",), "标题应为 {zh: …, en: …}", "a title is {zh: …, en: …}")
            return "", ""
        for language in ("zh", "en"):
            if not isinstance(title.get(language), str) or not title[language].strip():
                self._say(("title",), f"标题缺少 {language}", f"the title lacks {language}", key=True)
        for key in title:
            if key not in ("zh", "en"):
                zh, en = _comma_hint(title[key])
                self._say(("title", key), f"未知的键“{key}”{zh}", f"unknown key '{key}'{en}", key=True)
        return str(title.get("zh")), str(title.get("en"))

    def _clauses(self, given: Any) -> tuple[str, ...]:
        if given is None:
            return ()
        if not isinstance(given, list) or not given:
            self._say(("clauses",), "应列出至少一个条款号", "at least one clause id must be listed")
            return ()
        for index, clause_id in enumerate(given):
            if str(clause_id) not in clauses():
                zh, en = meant(str(clause_id), clauses())
                self._say(("clauses", index), f"没有条款 {clause_id}{zh}", f"there is no clause {clause_id}{en}")
            elif clause_id in given[:index]:
                self._say(("clauses", index), f"条款 {clause_id} 重复", f"clause {clause_id} is listed twice")
        return tuple(str(clause_id) for clause_id in given)

    def _settings(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._say(("profile",), "应为 {设置名: 值}", "expected {setting: value}")
            return {}
        known = settings()
        found = {}
        for key, value in given.items():
            if key not in known:
                zh, en = meant(key, known)
                self._say(
                    ("profile", key),
                    f"对接配置没有设置“{key}”{zh}",
                    f"the profile has no setting '{key}'{en}",
                    key=True,
                )
                continue
            try:
                found[key] = read_setting(known[key], value)
            except SettingInvalid as invalid:
                self._say(("profile", key), f"{key} {invalid.zh}", f"{key}: {invalid.en}")
        return found

    def _quirks(self, given: Any) -> Quirkiness:
        if given == "calm":
            return Quirkiness()
        if isinstance(given, dict) and set(given) == {"seed"} and _is_count(given["seed"]):
            return Quirkiness(seed=given["seed"])
        self._say(("quirks",), "应为 calm 或 {seed: 整数}", "expected calm or {seed: a whole number}")
        return Quirkiness()

    def _check(self, given: Any, clause_ids: Sequence[str], wirings: Sequence[Wiring]) -> CheckMark | None:
        """The mark that makes a scenario a check: an id under one of its clauses, and parties that its wirings can judge."""
        if not isinstance(given, dict) or set(given) != {"id", "judges"} or not isinstance(given["judges"], list):
            self._say(
                ("check",),
                "应写作 {id: RCPT-3-04, judges: [grid, urban, bridge]}",
                "expected {id: RCPT-3-04, judges: [grid, urban, bridge]}",
            )
            return None
        filed = re.fullmatch(CHECK_ID, str(given["id"]))
        if filed is None or filed[1] not in clause_ids:
            self._say(
                ("check", "id"),
                f"检查编号由本场景的一个条款加两位或三位序号组成,如 {(clause_ids or ('RCPT-3',))[0]}-04",
                f"a check's id is one of the scenario's clauses and two or three digits, such as {(clause_ids or ('RCPT-3',))[0]}-04",
            )
        judges = []
        for index, name in enumerate(given["judges"]):
            needed = Wiring.BRIDGED if name == Party.BRIDGE else Wiring.DIRECT
            if name not in tuple(Party):
                zh, en = meant(str(name), [party.value for party in Party])
                self._say(("check", "judges", index), f"没有“{name}”这一方{zh}", f"there is no party '{name}'{en}")
            elif needed not in wirings:
                self._say(
                    ("check", "judges", index),
                    f"评判 {name} 须有接法 {needed},本场景没有",
                    f"to judge the {name} side the wiring {needed} is needed, which this scenario does not have",
                )
            else:
                judges.append(Party(name))
        return CheckMark(id=str(given["id"]), judges=tuple(judges))

    def _wirings(self, raw: Mapping[str, Any]) -> tuple[Wiring, ...]:
        given = raw.get("wiring")
        if given is None:
            return (Wiring.BRIDGED,) if self._bridge_steps else (Wiring.BRIDGED, Wiring.DIRECT)
        if not isinstance(given, list) or not given:
            self._say(
                ("wiring",),
                "应为 [bridged, direct] 或其中之一的列表",
                "expected [bridged, direct] or a list of one of them",
            )
            return ()
        found: list[Wiring] = []
        for index, name in enumerate(given):
            if name not in tuple(Wiring):
                zh, en = meant(str(name), [wiring.value for wiring in Wiring])
                self._say(("wiring", index), f"没有接法“{name}”{zh}", f"there is no wiring '{name}'{en}")
            elif Wiring(name) in found:
                self._say(("wiring", index), f"接法“{name}”重复", f"the wiring '{name}' is listed twice")
            else:
                found.append(Wiring(name))
        if Wiring.DIRECT in found:
            for path, what in self._bridge_steps:
                self._say(
                    path,
                    f"{what}需要对接桥,而接法中有 direct;请写 wiring: [bridged]",
                    f"{what} needs a bridge, but the wiring includes direct; write wiring: [bridged]",
                )
        return tuple(found)

    # ── steps ──

    def _steps(self, given: Any) -> list[Step]:
        if given is None:
            return []
        if not isinstance(given, list) or not given:
            self._say(("steps",), "应列出至少一个步骤", "at least one step must be listed")
            return []
        steps = [self._step(item, index) for index, item in enumerate(given)]
        found = [step for step in steps if step is not None]
        if len(found) == len(given) and not any(_looks(step.word) for step in found):
            self._say(
                ("steps",),
                "没有任何期望(expect… 或 refused),此场景什么也证明不了",
                "there is no expectation (expect… or refused), so the scenario would prove nothing",
                key=True,
            )
        return found

    def _step(self, item: Any, index: int) -> Step | None:
        path: _Path = (*self._root, index)
        if isinstance(item, str) and item in catalogue() and not catalogue()[item].required:
            item = {item: {}}
        if not isinstance(item, dict):
            self._say(path, "步骤应写作 - 词: {参数}", "a step is written - word: {parameters}")
            return None
        if len(item) != 1:
            second = list(item)[1] if item else ""
            self._say(
                (*path, second) if item else path,
                "一个步骤只能有一个词;请各占一行并以 - 开头",
                "a step has exactly one word; give each a line of its own that begins with -",
                key=bool(item),
            )
            return None
        name, value = next(iter(item.items()))
        word = self._word(name, (*path, name), catalogue())
        if word is None:
            if isinstance(value, dict) and isinstance(value.get("as"), str):
                self._cases.setdefault(value["as"], "grid")
            return None
        position = self._at.where_key((*path, name))
        if word.name == "refused":
            return self._refused(word, value, path, index + 1)
        params = self._params(word, value, (*path, name))
        if params is None:
            self._named_all_the_same(word, value)
            return None
        step = Step(number=index + 1, word=word, params=params, line=position.line, column=position.column)
        self._possible(step, (*path, name))
        return step

    def _word(self, name: str, path: _Path, known: Mapping[str, Word]) -> Word | None:
        word = known.get(name)
        if word is None:
            zh, en = meant(name, known)
            if name in catalogue():
                self._say(path, f"“{name}”不能被拒绝", f"'{name}' is nothing that can be refused", key=True)
            else:
                self._say(path, f"没有“{name}”这个词{zh}", f"there is no word '{name}'{en}", key=True)
        return word

    def _refused(self, word: Word, value: Any, path: _Path, number: int) -> Step | None:
        here = (*path, word.name)
        names = [key for key in value if key != "because"] if isinstance(value, dict) else []
        if len(names) != 1:
            self._say(
                here,
                "应写作 refused: {词: {参数}, because: 原因}",
                "write it as refused: {word: {parameters}, because: reason}",
            )
            return None
        because = value.get("because")
        if because is None:
            self._say(here, "缺少“because”", "'because' is missing", key=True)
        elif because not in shape("refusal")["enum"]:
            zh, en = meant(str(because), shape("refusal")["enum"])
            self._say((*here, "because"), f"没有拒绝原因“{because}”{zh}", f"there is no refusal '{because}'{en}")
        inner_word = self._word(names[0], (*here, names[0]), acts())
        if inner_word is None:
            return None
        params = self._params(inner_word, value[names[0]], (*here, names[0]))
        if params is None:
            return None
        outer = self._at.where_key(here)
        position = self._at.where_key((*here, names[0]))
        inner = Step(number=number, word=inner_word, params=params, line=position.line, column=position.column)
        self._possible(inner, (*here, names[0]), refused=True)
        return Step(
            number=number,
            word=word,
            params={"because": str(because)},
            line=outer.line,
            column=outer.column,
            inner=inner,
        )

    def _params(self, word: Word, value: Any, path: _Path) -> dict[str, Any] | None:
        """The parameters of a word with short forms spelled out; None when they are of no use for looking further."""
        if value is None and not word.required:
            value = {}
        if isinstance(value, str | int) and not isinstance(value, bool) and word.bare is not None:
            return self._bare(word, value, path)
        if not isinstance(value, dict):
            example = "、".join(word.required) or "…"
            self._say(
                path,
                f"{word.name} 的参数应为键值表,必填:{example}",
                f"{word.name} takes a mapping; it must hold {', '.join(word.required) or '…'}",
            )
            return None
        before = len(self._problems)
        for key in value:
            if key not in word.params and not word.open:
                zh, en = meant(key, word.params)
                if value[key] is None:
                    zh, en = _comma_hint(None)
                elif not zh:
                    zh, en = f";可用:{'、'.join(word.params)}", f"; known are {', '.join(word.params)}"
                self._say(
                    (*path, key),
                    f"{word.name} 没有参数“{key}”{zh}",
                    f"{word.name} has no parameter '{key}'{en}",
                    key=True,
                )
        for key in word.required:
            if key not in value:
                self._say(path, f"{word.name} 缺少“{key}”", f"{word.name}: '{key}' is missing", key=True)
        if word.any_of and not any(key in value for key in word.any_of):
            listed = "、".join(word.any_of)
            self._say(
                path, f"{word.name} 至少要有:{listed}", f"{word.name} needs one of {', '.join(word.any_of)}", key=True
            )
        for key, given in value.items():
            if key in word.params:
                self._value(word, key, given, (*path, key))
        return dict(value) if len(self._problems) == before else None

    def _bare(self, word: Word, value: str | int, path: _Path) -> dict[str, Any] | None:
        bare = word.bare or ""
        if bare != "target":
            return {bare: value} if self._fits(word.params[bare].kind, value, path, word.name) else None
        text = self._with_ordinal(str(value), path)
        try:
            parts = read_target(text)
        except TargetInvalid as invalid:
            self._say(path, invalid.zh, invalid.en)
            return None
        if not self._can_hit(word, FaultWhat(parts["what"]), path):
            return None
        return {key: value for key, value in parts.items() if key in word.params}

    def _can_hit(self, word: Word, what: FaultWhat, path: _Path) -> bool:
        """Whether this fault can happen to such a message."""
        fault = _fault(word)
        if what in fault.hits:
            return True
        zh, en = _WHAT_CALLED[what]
        possible = [_WHAT_WRITTEN[hit] for hit in fault.hits]
        self._say(
            path,
            f"{word.name} 不能发生在{zh}上;可写 {'、'.join(possible)}",
            f"{word.name} cannot happen to {en}; write it like {', '.join(possible)}",
        )
        return False

    def _with_ordinal(self, text: str, path: _Path) -> str:
        """The text with the `#2` that YAML took for a comment, read back from the line."""
        lines = self._source().splitlines()
        position = self._at.where(path)
        if position.line > len(lines):
            return text
        rest = lines[position.line - 1][position.column - 1 :]
        if rest.startswith(text):
            lost = re.match(r"\s+(#[0-9]+(?:\s+[A-Za-z0-9_ -]+)?)\s*(?:#.*)?$", rest[len(text) :])
            if lost is not None:
                return f"{text} {lost[1].strip()}"
        return text

    def _source(self) -> str:
        if self._text is None:
            self._text = Path(self._at.path).read_text(encoding="utf-8-sig")
        return self._text

    def _value(self, word: Word, key: str, value: Any, path: _Path) -> None:
        kind = word.params[key].kind
        if kind in ("grid_case", "urban_case", "bridge_case"):
            self._books(kind.removesuffix("_case"), value, path)
        elif kind == "fields":
            self._form_fields(word, value, path)
        else:
            self._fits(kind, value, path, key)

    def _fits(self, kind: str, value: Any, path: _Path, name: str) -> bool:
        schema = shape(kind)
        errors = list(Draft202012Validator(schema).iter_errors(value))
        if not errors:
            return True
        shown, shown_en = _shown(value), _shown_en(value)
        if "enum" in schema:
            zh, en = meant(str(value), [str(option) for option in schema["enum"]])
            if not zh:
                listed = [str(option) for option in schema["enum"]][:14]
                zh, en = f";可用:{'、'.join(listed)}", f"; known are {', '.join(listed)}"
            self._say(path, f"{name} 不能是 {shown}{zh}", f"{name} cannot be {shown_en}{en}")
        elif kind in CALLED:
            zh, en = CALLED[kind]
            self._say(path, f"{name} 应为{zh},而不是 {shown}", f"{name} should be {en}, not {shown_en}")
        else:
            error = errors[0]
            zh, en = _plain_sentence(error.validator, error.validator_value)
            self._say((*path, *error.absolute_path), f"{name} {zh},而不是 {shown}", f"{name} {en}, not {shown_en}")
        return False

    def _books(self, party: str, value: Any, path: _Path) -> None:
        if not isinstance(value, dict) or not value:
            self._say(path, "应为 {键: 值}", "expected {key: value}")
            return
        known = answers()[party]
        for key, wanted in value.items():
            if key == "unknown":
                if wanted is not True or len(value) > 1:
                    self._say(
                        (*path, key), "unknown 只能单独写作 {unknown: true}", "unknown stands alone, as {unknown: true}"
                    )
                continue
            if key not in known:
                zh, en = meant(key, known)
                if not zh:
                    zh, en = f";可用:{'、'.join(known)}", f"; known are {', '.join(known)}"
                self._say(
                    (*path, key),
                    f"{party} 的案卷没有“{key}”{zh}",
                    f"a case on the {party} side has no '{key}'{en}",
                    key=True,
                )
                continue
            self._expected(known[key], wanted, (*path, key), key)

    def _expected(self, kind: str, wanted: Any, path: _Path, name: str) -> None:
        """A value in an expectation: the value itself, nothing where that is possible, or a matcher."""
        if isinstance(wanted, dict):
            if kind.rstrip("?") != "mapping":
                self._matcher(wanted, path)
            return
        if wanted is None:
            if not kind.endswith("?"):
                self._say(path, f"{name} 从不为空", f"{name} is never empty")
            return
        plain = kind.rstrip("?")
        self._fits("text" if plain == "moment" else plain, wanted, path, name)

    def _matcher(self, wanted: Mapping[str, Any], path: _Path) -> None:
        for key, value in wanted.items():
            if key not in MATCHERS:
                zh, en = meant(key, MATCHERS)
                if not zh:
                    zh, en = f";可用:{'、'.join(MATCHERS)}", f"; known are {', '.join(MATCHERS)}"
                self._say((*path, key), f"没有比较词“{key}”{zh}", f"there is no comparison '{key}'{en}", key=True)
            elif next(Draft202012Validator(MATCHERS[key]).iter_errors(value), None) is not None:
                self._say((*path, key), f"{key} 的值不对:{_shown(value)}", f"{key} cannot be {_shown_en(value)}")
            elif key == "case" and value not in self._cases:
                self._unknown_case(value, (*path, key))
            elif key in ("same_as", "other_than") and value not in self._remembered:
                zh, en = meant(str(value), self._remembered)
                self._say(
                    (*path, key),
                    f"没有记下过“{value}”{zh};请先用 remember",
                    f"nothing was remembered as '{value}'{en}; use remember before",
                )
            elif key == "matches":
                try:
                    re.compile(value)
                except re.error as error:
                    self._say((*path, key), f"不是正则表达式:{error}", f"not a regular expression: {error}")

    def _form_fields(self, word: Word, value: Any, path: _Path) -> None:
        if not isinstance(value, dict):
            self._say(path, "应为 {字段: 值}", "expected {field: value}")
            return
        if word.name not in ("expect.form", "form.inject"):
            return
        holder = self._at.value
        for part in path[:-1]:
            holder = holder[part]
        form_type = holder.get("type")
        if form_type not in {t.value for t in FormType}:
            return
        known = [_camel(name) for name in FORM_CLASSES[FormType(form_type)].__dataclass_fields__]
        for key in value:
            if key not in known:
                zh, en = meant(key, known)
                if not zh:
                    zh, en = f";可用:{'、'.join(known)}", f"; known are {', '.join(known)}"
                self._say(
                    (*path, key),
                    f"表单 {form_type} 没有字段“{key}”{zh}",
                    f"the form {form_type} has no field '{key}'{en}",
                    key=True,
                )
            elif isinstance(value[key], dict) and word.name == "expect.form":
                self._matcher(value[key], (*path, key))

    # ── is the step possible here? ──

    def _possible(self, step: Step, path: _Path, *, refused: bool = False) -> None:
        word, params = step.word, step.params
        before = len(self._problems)
        if word.introduces is not None and not refused:
            self._introduce(params["as"], word.introduces, (*path, "as"))
        for name, param in word.params.items():
            if param.kind == "case" and name in params:
                self._acted_on(word, params[name], self._param_path(path, name))
            elif param.kind == "cases" and name in params:
                for index, alias in enumerate(params[name]):
                    if alias not in self._cases:
                        self._unknown_case(alias, (*path, name, index))
        if len(self._problems) > before:
            return
        if word.needs == "bridge":
            self._bridge_steps.append((path, word.name))
        check = getattr(self, f"_possible_{word.name.replace('.', '_')}", None)
        if check is not None:
            check(params, path)
        if word.name in _FAULTS and "what" in params:
            self._can_hit(word, FaultWhat(params["what"]), (*path, "what"))
        if word.name in _FAULTS and params.get("case") and self._cases.get(params["case"]) == "urban":
            self._say(
                path,
                "城管平台自有案卷不经过网络",
                "a case of the urban platform's own never crosses the network",
            )

    def _named_all_the_same(self, word: Word, value: Any) -> None:
        """Take a case for introduced whose step is wrong in something else, so that one mistake is said once."""
        alias = value.get("case" if word.name == "given" else "as") if isinstance(value, dict) else None
        if isinstance(alias, str) and alias not in self._cases:
            if word.introduces is not None or word.name == "given":
                self._cases[alias] = word.introduces or "grid"
            elif word.name == "remember":
                self._remembered.add(alias)

    def _param_path(self, path: _Path, name: str) -> _Path:
        value: Any = self._at.value
        for part in path:
            value = value[part]
        return (*path, name) if isinstance(value, dict) else path

    def _introduce(self, alias: str, side: str, path: _Path) -> None:
        if alias in self._cases:
            self._say(path, f"案卷代号“{alias}”已用过", f"the name '{alias}' is already taken by a case")
        self._cases[alias] = side

    def _acted_on(self, word: Word, alias: str, path: _Path) -> None:
        if alias not in self._cases:
            self._unknown_case(alias, path)
        elif word.party == "grid" and self._cases[alias] == "urban":
            self._say(
                path,
                f"“{alias}”是城管平台自有案卷,网格平台没有它",
                f"'{alias}' is a case of the urban platform's own; the grid platform does not have it",
            )

    def _unknown_case(self, alias: Any, path: _Path) -> None:
        zh, en = meant(str(alias), self._cases)
        self._say(
            path,
            f"案卷“{alias}”此时尚未出现{zh};请先用 given 或 worker.report",
            f"there is no case '{alias}' at this point{en}; bring it in with given or worker.report before",
        )

    def _possible_given(self, params: Mapping[str, Any], path: _Path) -> None:
        self._introduce(params["case"], "grid", (*path, "case"))
        if params.get("rejections", 0) and params["at"] in ("reported", "handed_over", "filed", "dispatched"):
            self._say(
                (*path, "rejections"),
                f"办到 {params['at']} 的案卷不可能已被驳回",
                f"a case that only came to {params['at']} cannot have been rejected",
            )

    def _possible_remember(self, params: Mapping[str, Any], path: _Path) -> None:
        self._remembered.add(params["as"])
        key = str(params["field"]).split(".", 1)[0]
        if key not in answers()[params["party"]]:
            zh, en = meant(key, answers()[params["party"]])
            self._say(
                (*path, "field"),
                f"{params['party']} 的案卷没有“{key}”{zh}",
                f"a case on the {params['party']} side has no '{key}'{en}",
            )
        if params["party"] == "bridge":
            self._bridge_steps.append((path, "remember"))

    def _possible_network_cut(self, params: Mapping[str, Any], path: _Path) -> None:
        self._bridge_party(params["party"], path, "network.cut")
        if params["party"] in self._cut:
            self._say(path, f"{params['party']} 已经中断", f"{params['party']} is already cut off")
        self._cut.add(params["party"])

    def _possible_network_restore(self, params: Mapping[str, Any], path: _Path) -> None:
        if params["party"] not in self._cut:
            self._say(path, f"{params['party']} 并未中断", f"{params['party']} is not cut off")
        self._cut.discard(params["party"])

    def _possible_network_noise(self, params: Mapping[str, Any], path: _Path) -> None:
        if sum(read_share(params[name]) for name in faults() if name in params) > 100:
            self._say(path, "各项之和超过 100%", "the shares come to more than 100%", key=True)
        self._noisy = True

    def _possible_network_calm(self, params: Mapping[str, Any], path: _Path) -> None:
        if not self._noisy:
            self._say(path, "网络此时并不嘈杂", "the network is not noisy at this point", key=True)
        self._noisy = False

    def _possible_party_restart(self, params: Mapping[str, Any], path: _Path) -> None:
        self._bridge_party(params["party"], path, "party.restart")

    def _bridge_party(self, party: str, path: _Path, what: str) -> None:
        if party == "bridge":
            self._bridge_steps.append((path, what))

    def _possible_clock_advance(self, params: Mapping[str, Any], path: _Path) -> None:
        try:
            advance = read_advance(params["by"])
        except ValueError:
            self._say(path, f"没有“{params['by']}”这个时刻", f"there is no such moment as '{params['by']}'")
            return
        if advance == read_advance("0 seconds") or 0 in (advance.working_seconds, advance.working_days):
            self._say(path, "时间须向前推进", "the clock must move forward")

    def _possible_receipt_inject(self, params: Mapping[str, Any], path: _Path) -> None:
        self._inject(params, path, "receipt.inject")
        if params["outcome"] == "error" and "code" not in params:
            self._say(path, "错误回执须有 code", "an error receipt needs a code", key=True)
        if params["outcome"] == "confirmed" and "code" in params:
            self._say((*path, "code"), "确认回执没有 code", "a confirmation has no code", key=True)

    def _possible_form_inject(self, params: Mapping[str, Any], path: _Path) -> None:
        self._inject(params, path, "form.inject")
        side = params.get("as") or {"grid": "urban", "urban": "grid"}.get(params["to"])
        if side is None:
            return
        direction = Direction.TO_URBAN if side == "grid" else Direction.TO_GRID
        if FormType(params["type"]) not in FORMS_BY_DIRECTION[direction]:
            self._say(
                (*path, "type"),
                f"{side} 一方不写表单 {params['type']}",
                f"the {side} side writes no {params['type']}",
            )

    def _possible_query_inject(self, params: Mapping[str, Any], path: _Path) -> None:
        if params["to"] == "bridge":
            self._bridge_steps.append((path, "query.inject"))

    def _inject(self, params: Mapping[str, Any], path: _Path, what: str) -> None:
        if ("case" in params) == ("case_number" in params):
            self._say(
                path,
                "case 与 case_number 须且只须写一个",
                "exactly one of case and case_number must be given",
                key=True,
            )
        if params["to"] == "bridge":
            self._bridge_steps.append((path, what))
            if "as" not in params:
                self._say(
                    path,
                    "发给 bridge 的须用 as 说明冒充哪一方(grid 或 urban)",
                    "to the bridge, `as` must say which platform it pretends to come from",
                    key=True,
                )
        elif params.get("as") == params["to"]:
            self._say((*path, "as"), "发送方与接收方不能相同", "a platform does not write to itself")

    def _possible_expect(self, params: Mapping[str, Any], path: _Path) -> None:
        if not ({"grid", "urban"} & set(params)):
            self._bridge_steps.append((path, "expect"))
        if "grid" in params and self._cases.get(params["case"]) == "urban" and params["grid"] != {"unknown": True}:
            self._say(
                (*path, "grid"),
                "网格平台没有城管平台自有案卷;可写 grid: {unknown: true}",
                "the grid platform has no case of the urban platform's own; grid: {unknown: true} says so",
            )

    def _possible_expect_notice(self, params: Mapping[str, Any], path: _Path) -> None:
        self._bridge_party(params["party"], path, "expect.notice")

    def _possible_expect_parked(self, params: Mapping[str, Any], path: _Path) -> None:
        self._bridge_party(params["party"], path, "expect.parked")

    def _possible_expect_count(self, params: Mapping[str, Any], path: _Path) -> None:
        self._bridge_party(params["party"], path, "expect.count")
        if isinstance(params["count"], dict):
            self._matcher(params["count"], (*path, "count"))

    def _possible_expect_answer(self, params: Mapping[str, Any], path: _Path) -> None:
        self._bridge_party(params["party"], path, "expect.answer")

    def _possible_expect_form(self, params: Mapping[str, Any], path: _Path) -> None:
        for key in ("from", "to"):
            if key in params:
                self._bridge_party(params[key], path, f"expect.form {key}: bridge")
        if "count" in params and "nth" in params:
            self._say(path, "count 与 nth 不能同时写", "count and nth cannot stand together", key=True)
        if isinstance(params.get("attempts"), dict):
            self._matcher(params["attempts"], (*path, "attempts"))

    def _possible_expect_receipt(self, params: Mapping[str, Any], path: _Path) -> None:
        if params["outcome"] != "error" and "code" in params:
            self._say((*path, "code"), "只有错误回执有 code", "only an error receipt has a code", key=True)
        if "code" in params and params["code"] not in tuple(ErrorCode):
            self._say((*path, "code"), "未知的错误代码", "unknown error code")

    def _ambiguous_faults(self, steps: Sequence[Step]) -> None:
        """With several cases in a story, a fault must say whose message it means."""
        if sum(side == "grid" for side in self._cases.values()) < 2:
            return
        for step in steps:
            if step.word.name in _FAULTS and "case" not in step.params:
                path: _Path = ("steps", step.number - 1, step.word.name)
                self._say(
                    path,
                    "场景中有多个案卷,须说明是哪一个,如 dispatch #1 of c1",
                    "there are several cases; say whose message is meant, such as dispatch #1 of c1",
                )

    # ── saying what is wrong ──

    def _say(self, path: Sequence[str | int], zh: str, en: str, *, key: bool = False) -> None:
        self._problems.append(self._at.problem(tuple(path), zh, en, key=key))

    def _give_up(self) -> None:
        raise DocumentInvalid(sorted(set(self._problems), key=lambda p: (p.line, p.column, p.message_en)))


class StepReader(_Reader):
    """Reads the steps of a story that a program tells one by one, in one wiring; each must be possible after those before it."""

    def __init__(self, wiring: Wiring, name: str):
        super().__init__(located_yaml.place({}, name), name)
        self._wiring = wiring
        self._number = 0

    def step(self, word: str, params: Mapping[str, Any], line: int = 0) -> Step:
        """The next step, told in a line of the program; raises `DocumentInvalid`."""
        told = {word: dict(params)}
        self._at = located_yaml.place({"steps": [told]}, self._at.path)
        step = self._step(told, 0)
        if self._wiring is Wiring.DIRECT and self._bridge_steps:
            what = self._bridge_steps[0][1]
            self._say((), f"{what}需要对接桥,此处没有", f"{what} needs a bridge, and there is none here")
        self._bridge_steps.clear()
        if self._problems or step is None:
            problems, self._problems = self._problems, []
            raise DocumentInvalid(list(dict.fromkeys(problems)))
        self._number += 1
        return replace(step, number=self._number, line=line, column=1)


class _NetworkReader(_Reader):
    """Reads steps about the network alone. They stand by themselves, so a case is meant by its number and need not have come up."""

    _root = ()

    def rules(self) -> tuple[FaultRule | Noise, ...]:
        given = self._at.value
        if not isinstance(given, list) or not given:
            self._say((), "应为步骤列表,每行如 - network.lose: …", "expected a list of steps such as - network.lose: …")
            self._give_up()
        steps = [self._step(item, index) for index, item in enumerate(given)]
        if self._problems:
            self._give_up()
        return tuple(read_rule(step.word.name, step.params, str) for step in steps if step is not None)

    def _word(self, name: str, path: _Path, known: Mapping[str, Word]) -> Word | None:
        possible = {word: found for word, found in known.items() if word in _FOR_PROXIES}
        if name in possible:
            return possible[name]
        zh, en = meant(name, possible)
        if not zh:
            zh, en = f";可用:{'、'.join(possible)}", f"; known are {', '.join(possible)}"
        self._say(path, f"此处不能用“{name}”{zh}", f"'{name}' is of no use here{en}", key=True)
        return None

    def _fits(self, kind: str, value: Any, path: _Path, name: str) -> bool:
        return super()._fits("text" if kind == "case" else kind, value, path, name)

    def _acted_on(self, word: Word, alias: str, path: _Path) -> None:
        """Any case may come up."""


#: What a proxy between other people's platforms can do: it stops nobody, and it is stopped to cut a line.
_FOR_PROXIES = frozenset(f"network.{name}" for name, fault in faults().items() if fault.fate is not Fate.CRASH) | {
    "network.noise"
}


def _fault(word: Word) -> Fault:
    return faults()[word.name.removeprefix("network.")]


def _starves(step: Step) -> bool:
    """Whether the step leaves somebody to wait in vain."""
    if step.word.name == "network.noise":
        return any(fault.starves for fault in faults().values() if fault.name in step.params)
    return step.word.name in _FAULTS and _fault(step.word).starves


#: What a fault can happen to, as people call it and as a step says it.
_WHAT_CALLED = {
    FaultWhat.FORM: ("表单", "a form"),
    FaultWhat.RECEIPT: ("回执", "a receipt"),
    FaultWhat.ANSWER: ("应答", "an answer"),
    FaultWhat.RECEIPT_ANSWER: ("对回执的应答", "the answer to a receipt"),
}
_WHAT_WRITTEN = {
    FaultWhat.FORM: "dispatch #1",
    FaultWhat.RECEIPT: "receipt of dispatch #1",
    FaultWhat.ANSWER: "answer of dispatch #1",
    FaultWhat.RECEIPT_ANSWER: "answer of receipt of dispatch #1",
}


def _looks(word: Word) -> bool:
    return word.name.startswith("expect") or word.name == "refused" or "answer" in word.params


def _comma_hint(value: Any) -> tuple[str, str]:
    """A key without a value is mostly the rest of a text after its comma."""
    return (";含逗号的文字须加引号", "; a text with a comma needs quotes") if value is None else ("", "")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _shown_en(value: Any) -> str:
    return _shown(value).replace("“", "'").replace("”", "'")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    return (
        {None: "null", True: "true", False: "false"}.get(value, f"“{value}”")
        if not isinstance(value, int) or isinstance(value, bool)
        else str(value)
    )


def _plain_sentence(rule: Any, limit: Any) -> tuple[str, str]:
    called = {
        "string": ("应为文字", "should be text"),
        "integer": ("应为整数", "should be a whole number"),
        "number": ("应为数字", "should be a number"),
        "boolean": ("应为 true 或 false", "should be true or false"),
        "array": ("应为列表", "should be a list"),
        "object": ("应为键值表", "should be a mapping"),
    }
    if rule == "type":
        return called.get(str(limit), ("类型不对", "is of the wrong kind"))
    if rule == "minimum":
        return f"应不小于 {limit}", f"should be at least {limit}"
    if rule == "maximum":
        return f"应不大于 {limit}", f"should be at most {limit}"
    if rule == "minLength":
        return "不应为空", "should not be empty"
    return f"不符合要求({rule})", f"does not fit ({rule})"
