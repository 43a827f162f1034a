"""Small wrong changes to a module, one at a time: what a tired developer could have written instead.

    source  ──►  mutations(source)  ──►  Mutation: where, what is changed, and how to write the source with it

Sentences, notes in the journal and types are left alone: they are for people. Everything else is fair game.
"""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
#: Numbers that mean something; the others only say that there is a bound.
_SMALL = 10_000
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
#: What only people read; a wrong word in there is no wrong act.
_FOR_PEOPLE = frozenset({"_record", "Record", "_note", "JournalEntry", "_stumbled"})


#: Changes what stands in a place; gives what is to be shown of it.
Change = Callable[[ast.AST], ast.AST | None]


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One change."""

    line: int
    #: The function, or the table, that it lies in.
    within: str
    kind: str
    before: str
    place: int
    change: Change
    tree: ast.Module

    def written(self) -> tuple[str, str]:
        """The source with the change in it, and what stands there now."""
        changed = deepcopy(self.tree)
        after = self.change(next(each for at, each in enumerate(_places(changed)) if at == self.place))
        return ast.unparse(ast.fix_missing_locations(changed)), "" if after is None else _first_line(after)


def mutations(source: str, enums: dict[str, list[str]]) -> Iterator[Mutation]:
    """Every change to the source; `enums` has the members of the enumerations that its names mean."""
    tree = ast.parse(source)
    for number, node in enumerate(_places(tree)):
        line = getattr(node, "lineno", 0)
        for kind, change in _changes(node, enums):
            yield Mutation(
                line=line,
                within=_within(tree, line),
                kind=kind,
                before=_first_line(node),
                place=number,
                change=change,
                tree=tree,
            )


def _places(tree: ast.AST) -> Iterator[ast.AST]:
    """Every place that may be changed, in an order that a copy has too."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in _FOR_PEOPLE:
            continue
        if isinstance(child, ast.AnnAssign) and child.value is None:
            continue
        if isinstance(child, ast.ClassDef) and any(
            isinstance(b, ast.Name) and b.id in ("StrEnum", "Protocol") for b in child.bases
        ):
            continue
        if isinstance(child, ast.JoinedStr | ast.arguments | ast.Import | ast.ImportFrom | ast.Assert):
            continue
        yield child
        if isinstance(child, ast.AnnAssign) and child.value is not None:
            yield from _with(child.value)
        elif isinstance(child, ast.FunctionDef):
            for part in child.body:
                yield part
                yield from _places(part)
        else:
            yield from _places(child)


def _with(value: ast.AST) -> Iterator[ast.AST]:
    yield value
    yield from _places(value)


def _changes(node: ast.AST, enums: dict[str, list[str]]) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARED[type(node.ops[0])]:
            yield "compares otherwise", _comparing(other)
    elif isinstance(node, ast.BoolOp):
        yield "and for or, or for and", _joining
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", _affirming
    elif isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED and not _is_of_words(node):
        yield "calculates otherwise", _calculating
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLED:
        yield "calls the opposite", _calling
    elif isinstance(node, ast.Dict):
        yield from ((f"row {row + 1} of a table left out", _without_row(row)) for row in range(len(node.keys)))
    elif isinstance(node, ast.Set) and len(node.elts) > 1:
        yield from ((f"member {row + 1} of a set left out", _without_member(row)) for row in range(len(node.elts)))
    elif (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in enums.get(node.value.id, ())
    ):
        yield "another member", _another_member(enums[node.value.id])
    elif isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield "condition negated", _negating
    if (isinstance(node, ast.Expr | ast.AugAssign | ast.Continue) and not _is_for_people(node)) or (
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    ):
        yield "statement left out", _left_out


def _constants(node: ast.Constant) -> Iterator[tuple[str, Change]]:
    if isinstance(node.value, bool):
        yield "true for false, false for true", _valued(not node.value)
    elif isinstance(node.value, int) and abs(node.value) < _SMALL:
        yield "one more", _valued(node.value + 1)
        if node.value > 0:
            yield "one less", _valued(node.value - 1)


# ── how each change is made ─────────────────────────────────────────────────────────────────────────


def _comparing(other: type[ast.cmpop]) -> Change:
    def change(node: ast.AST) -> ast.AST | None:
        assert isinstance(node, ast.Compare)
        node.ops = [other()]
        return node

    return change


def _joining(node: ast.AST) -> ast.AST | None:
    assert isinstance(node, ast.BoolOp)
    node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    return node


def _affirming(node: ast.AST) -> ast.AST | None:
    assert isinstance(node, ast.UnaryOp)
    # `+x` would not do for what is no number; twice not is the truth of x.
    node.operand = ast.UnaryOp(op=ast.Not(), operand=node.operand)
    return node


def _calculating(node: ast.AST) -> ast.AST | None:
    assert isinstance(node, ast.BinOp)
    node.op = _CALCULATED[type(node.op)]()
    return node


def _valued(value: int) -> Change:
    def change(node: ast.AST) -> ast.AST | None:
        assert isinstance(node, ast.Constant)
        node.value = value
        return node

    return change


def _calling(node: ast.AST) -> ast.AST | None:
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    node.func.id = _CALLED[node.func.id]
    return node


def _without_row(row: int) -> Change:
    def change(node: ast.AST) -> ast.AST | None:
        assert isinstance(node, ast.Dict)
        key, value = node.keys.pop(row), node.values.pop(row)
        return key or value

    return change


def _without_member(row: int) -> Change:
    def change(node: ast.AST) -> ast.AST | None:
        assert isinstance(node, ast.Set)
        return node.elts.pop(row)

    return change


def _another_member(names: list[str]) -> Change:
    def change(node: ast.AST) -> ast.AST | None:
        assert isinstance(node, ast.Attribute)
        node.attr = names[(names.index(node.attr) + 1) % len(names)]
        return node

    return change


def _negating(node: ast.AST) -> ast.AST | None:
    assert isinstance(node, ast.If | ast.IfExp)
    node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
    return node.test


def _left_out(node: ast.AST) -> ast.AST | None:
    # The node becomes a statement that does nothing, in its place.
    node.__class__ = ast.Pass
    return None


# ── small change ────────────────────────────────────────────────────────────────────────────────────


def _is_of_words(node: ast.AST) -> bool:
    """Sentences put together, and types."""
    parts = list(ast.walk(node))
    types = [each.id for each in parts if isinstance(each, ast.Name) and each.id.lstrip("_")[:1].isupper()]
    return any(not name.isupper() for name in types if not name.startswith("_")) or any(
        isinstance(each, ast.JoinedStr) or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in parts
    )


def _is_for_people(node: ast.AST) -> bool:
    """Docstrings, and statements that only write something down for people."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return bool(names & _FOR_PEOPLE) or any(
        isinstance(each, ast.Attribute) and each.attr in ("journal", "_stumbled") for each in ast.walk(node)
    )


def _first_line(node: ast.AST) -> str:
    told = ast.unparse(node).partition("\n")[0]
    return told if len(told) <= 90 else f"{told[:90]}…"


def _within(tree: ast.Module, line: int) -> str:
    """The function, class or table around a line."""
    found = "the module"
    waiting: list[ast.AST] = list(tree.body)
    prefix = ""
    while waiting:
        node = waiting.pop(0)
        if not (getattr(node, "lineno", 0) <= line <= getattr(node, "end_lineno", -1)):
            continue
        if isinstance(node, ast.ClassDef):
            prefix, waiting = f"{node.name}.", list(node.body)
            found = node.name
        elif isinstance(node, ast.FunctionDef):
            return f"{prefix}{node.name}"
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            return f"{prefix}{ast.unparse(target)}"
    return found
