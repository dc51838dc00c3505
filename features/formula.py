"""Formulas of the catalogue as typed expression trees.

A formula is read with Python's own expression grammar, and only the nodes below are let through. Kinds are checked while
the tree is built: a SERIES is a value per month, a CONDITION a truth per month, a NUMBER one value per firm, PARTY a column
of the counterparty tile, DAY a column of the daily tile. What cannot be resolved raises ContractBroken with the row and token.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from features.vocabulary import FUNCTIONS, WINDOWS, Vocabulary, vocabulary
from lake.errors import ContractBroken


class Kind(Enum):
    """What a sub-expression yields."""

    NUMBER = "number"
    SERIES = "series"
    CONDITION = "condition"
    PARTY = "party"
    DAY = "day"
    TEXT = "text"
    CONSTANT = "constant"


@dataclass(frozen=True)
class Constant:
    """A literal number of the formula."""

    value: float
    kind: Kind = Kind.CONSTANT


@dataclass(frozen=True)
class Text:
    """A literal name: event type, attribute, flag."""

    value: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class Column:
    """`alias.name`, a column of a tile."""

    alias: str
    name: str
    kind: Kind


@dataclass(frozen=True)
class Binary:
    """`left op right`; op one of + - * / for values, < > <= >= == != for conditions."""

    op: str
    left: Node
    right: Node
    kind: Kind


@dataclass(frozen=True)
class Call:
    """`function(args)`."""

    function: str
    args: tuple[Node, ...]
    kind: Kind


Node = Constant | Text | Column | Binary | Call

_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISON = {ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_ALIAS_KIND = {"rg": Kind.NUMBER, "fcm": Kind.PARTY, "fd": Kind.DAY}


class _Builder:
    """Turns Python's tree into ours; `where` names the catalogue row in every message."""

    def __init__(self, where: str, words: Vocabulary) -> None:
        self.where, self.words = where, words

    def fail(self, token: str, problem: str) -> ContractBroken:
        return ContractBroken(f"indicator {self.where}: {token!r}: {problem}")

    def build(self, node: ast.expr) -> Node:
        match node:
            case ast.Constant(value=bool()):
                raise self.fail(ast.unparse(node), "not a number")
            case ast.Constant(value=int() | float() as value):
                return Constant(float(value))
            case ast.Constant(value=str() as value):
                return Text(value)
            case ast.Attribute(value=ast.Name(id=alias), attr=name):
                return self.column(alias, name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self.binary(_ARITHMETIC[type(op)], self.build(left), self.build(right), ast.unparse(node))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISON:
                return self.binary(_COMPARISON[type(op)], self.build(left), self.build(right), ast.unparse(node))
            case ast.Call(func=ast.Name(id=function), args=args, keywords=[]):
                return self.call(function, tuple(self.build(a) for a in args), ast.unparse(node))
        raise self.fail(ast.unparse(node), "not part of the formula language")

    def column(self, alias: str, name: str) -> Column:
        if alias not in self.words.columns:
            raise self.fail(f"{alias}.{name}", f"no tile with alias {alias!r}; known: {', '.join(sorted(self.words.columns))}")
        if name not in self.words.columns[alias]:
            raise self.fail(f"{alias}.{name}", f"the tile dictionary has no column {name!r} for {alias}")
        return Column(alias, name, _ALIAS_KIND.get(alias, Kind.SERIES))

    def binary(self, op: str, left: Node, right: Node, token: str) -> Binary:
        kinds = {left.kind, right.kind} - {Kind.CONSTANT}
        compare = op in _COMPARISON.values()
        if kinds == {Kind.SERIES}:
            return Binary(op, left, right, Kind.CONDITION if compare else Kind.SERIES)
        if kinds == {Kind.NUMBER} and not compare:
            if op in "*/":
                raise self.fail(token, "values of a firm are divided by ratio(a,b), which knows the null rule")
            return Binary(op, left, right, Kind.NUMBER)
        raise self.fail(token, f"{left.kind.value} {op} {right.kind.value} has no meaning")

    def call(self, function: str, args: tuple[Node, ...], token: str) -> Call:
        if function not in FUNCTIONS:
            raise self.fail(function, f"no such function; known: {', '.join(sorted(FUNCTIONS))}")
        signature = FUNCTIONS[function]
        if not signature.least <= len(args) <= len(signature.args):
            raise self.fail(token, f"{function} takes {signature.least} to {len(signature.args)} arguments, found {len(args)}")
        for expected, arg in zip(signature.args, args):
            self.argument(function, expected, arg, token)
        return Call(function, args, Kind(signature.result))

    def argument(self, function: str, expected: str, arg: Node, token: str) -> None:
        """Raise unless `arg` is what the signature expects at its place."""
        match expected:
            case "window":
                ok = isinstance(arg, Constant) and arg.value in (WINDOWS if function != "day_mdd" else {30, 60, 90, 120})
                problem = f"windows are {', '.join(map(str, sorted(WINDOWS)))} months"
            case "months" | "count":
                ok = isinstance(arg, Constant) and arg.value == int(arg.value) and 0 <= arg.value <= 24
                problem = "expected a whole number from 0 to 24"
            case "share":
                ok = isinstance(arg, Constant) and 0 < arg.value < 1
                problem = "expected a share between 0 and 1"
            case "number":
                ok = arg.kind in (Kind.NUMBER, Kind.CONSTANT)
                problem = "expected a value per firm"
            case "series" | "condition" | "party" | "day":
                ok = arg.kind == Kind(expected)
                problem = f"expected a {expected}, found a {arg.kind.value}"
            case _:
                allowed = self.words.names[expected]
                ok = isinstance(arg, Text) and arg.value in allowed
                problem = f"expected one of {', '.join(sorted(allowed))}"
        if not ok:
            shown = f"{arg.value:g}" if isinstance(arg, Constant) else arg.value if isinstance(arg, Text) else token
            raise self.fail(shown, f"{problem} (in {token})")


def parse(text: str, where: str, words: Vocabulary | None = None) -> Node:
    """The tree of one formula; `where` is the catalogue id used in messages."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as e:
        raise ContractBroken(f"indicator {where}: {text!r}: not a formula ({e.msg} at position {e.offset})") from e
    node = _Builder(where, words or vocabulary()).build(tree.body)
    if node.kind != Kind.NUMBER:
        raise ContractBroken(f"indicator {where}: {text!r}: yields a {node.kind.value}, expected one value per firm")
    return node


def text(node: Node) -> str:
    """The formula of a node, without spaces, as the catalogue writes it."""
    match node:
        case Constant(value=value):
            return f"{value:g}"
        case Text(value=value):
            return f"'{value}'"
        case Column(alias=alias, name=name):
            return f"{alias}.{name}"
        case Binary(op=op, left=left, right=right):
            loose = isinstance(left, Binary) and left.op in "+-" and op in "*/"
            tight = isinstance(right, Binary) and op in "+-*/"
            sides = f"({text(left)})" if loose else text(left), f"({text(right)})" if tight else text(right)
            return op.join(sides)
        case Call(function=function, args=args):
            return f"{function}({','.join(map(text, args))})"


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    children = (node.left, node.right) if isinstance(node, Binary) else node.args if isinstance(node, Call) else ()
    for child in children:
        yield from walk(child)


def columns(node: Node) -> set[tuple[str, str]]:
    """(alias, column) pairs the formula reads."""
    return {(n.alias, n.name) for n in walk(node) if isinstance(n, Column)}


def functions(node: Node) -> set[str]:
    """Functions the formula calls."""
    return {n.function for n in walk(node) if isinstance(n, Call)}
