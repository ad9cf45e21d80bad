"""Expressions over the octets of a message: lengths that agree, bits that are set.

A tree is a number, `"size"`, `"first"`, or a list that begins with an operator: `["u16le", OFFSET]`, `["+", A, B]`,
`["in", X, FROM, TO]`, `["among", X, [..]]`, `["and", A, B]`, `["not", A]`, `["records", START, LENGTH, CONDITION or
null]`. What cannot be had (octets that are not there, a division by 0, 64 bits exceeded) makes the whole expression
false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from probes.engine.rules.sides import Message

MAX_DEPTH = 32
MAX_RECORDS = 16
LEAST, MOST = -(1 << 63), (1 << 63) - 1
WIDTHS = {"u8": 1, "u16": 2, "u24": 3, "u32": 4, "u64": 8}

Node: TypeAlias = Callable[[Message, int], int]
"""Its value of a message; the number is added to every offset that is not negative. Raises `UnknownError`."""


class UnknownError(Exception):
    """A value that cannot be had."""


class Expression:
    """A compiled expression with its text."""

    def __init__(self, text: str, tree: Any) -> None:
        """Raises ValueError for what is no expression."""
        self.text = text
        self._root = _compile(tree, 0, in_records=False)

    def holds(self, message: Message) -> bool:
        """Whether it holds of a message."""
        try:
            return self._root(message, 0) != 0
        except UnknownError:
            return False


def _compile(tree: Any, depth: int, *, in_records: bool) -> Node:
    if depth > MAX_DEPTH:
        raise ValueError("an expression is nested too deeply")

    def inner(each: Any, *, inside: bool = in_records) -> Node:
        return _compile(each, depth + 1, in_records=inside)

    match tree:
        case int() if not isinstance(tree, bool):
            number = _number(tree)
            return lambda message, base: number
        case "size":
            return lambda message, base: message.size
        case "first":
            return lambda message, base: message.first
        case ["and", *several]:
            return _every([inner(each) for each in several])
        case ["or", *several]:
            return _some([inner(each) for each in several])
        case ["not", a]:
            negated = inner(a)
            return lambda message, base: int(negated(message, base) == 0)
        case ["in", x, least, most]:
            return _between(inner(x), _number(least), _number(most))
        case ["among", x, list(values)]:
            return _among(inner(x), frozenset(_number(each) for each in values))
        case ["records", start, length, condition] if not in_records:
            each = None if condition is None else inner(condition, inside=True)
            return _records(inner(start), inner(length, inside=True), each)
        case [str(name), offset] if name.removesuffix("le") in WIDTHS:
            little = name.endswith("le")
            return _read(WIDTHS[name.removesuffix("le")], "little" if little else "big", inner(offset))
        case [str(name), a, b] if name in OPERATORS:
            return _binary(OPERATORS[name], inner(a), inner(b))
    raise _wrong(tree)


def _wrong(tree: Any) -> ValueError:
    return ValueError(f"{msgspec.json.encode(tree).decode()[:100]} is no expression")


def _number(tree: Any) -> int:
    if isinstance(tree, bool) or not isinstance(tree, int) or not LEAST <= tree <= MOST:
        raise _wrong(tree)
    return tree


def _every(several: list[Node]) -> Node:
    return lambda message, base: int(all(each(message, base) for each in several))


def _some(several: list[Node]) -> Node:
    return lambda message, base: int(any(each(message, base) for each in several))


def _between(x: Node, least: int, most: int) -> Node:
    return lambda message, base: int(least <= x(message, base) <= most)


def _among(x: Node, values: frozenset[int]) -> Node:
    return lambda message, base: int(x(message, base) in values)


def _read(width: int, order: Any, offset: Node) -> Node:
    def read(message: Message, base: int) -> int:
        start = offset(message, base)
        if start >= 0:
            start += base
        elif not message.stream and message.size == len(message.octets):
            # From the end, which has to be there.
            start += len(message.octets)
        else:
            raise UnknownError
        octets = message.octets[max(start, 0) : start + width]
        if start < 0 or len(octets) < width:
            raise UnknownError
        return _bounded(int.from_bytes(octets, order))

    return read


def _binary(act: Callable[[int, int], int], a: Node, b: Node) -> Node:
    return lambda message, base: _bounded(act(a(message, base), b(message, base)))


def _bounded(number: int) -> int:
    if not LEAST <= number <= MOST:
        raise UnknownError
    return int(number)


def _divide(a: int, b: int) -> int:
    """Towards 0."""
    if b == 0:
        raise UnknownError
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    """With the sign of the dividend. The quotient has to be one of 64 bits."""
    return a - b * _bounded(_divide(a, b))


def _left(a: int, b: int) -> int:
    if not 0 <= b < 63:
        raise UnknownError
    return a << b


def _right(a: int, b: int) -> int:
    if not 0 <= b < 64:
        raise UnknownError
    return a >> b


OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": _left,
    ">>": _right,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _records(start: Node, length: Node, condition: Node | None) -> Node:
    """How many whole records follow one another; 0 when one of them is none."""

    def records(message: Message, base: int) -> int:
        at, count = start(message, base), 0
        if at < 0:
            raise UnknownError
        at += base
        while count < MAX_RECORDS and at < message.size:
            size = _known(length, message, at)
            if condition is not None:
                held = _known(condition, message, at)
                # Where that is not known, not all of the record's beginning is here: the message goes on, or was cut.
                if held == 0 or (held is None and size is not None and 0 <= size <= len(message.octets) - at):
                    return 0
            if size is None:
                # A header that is cut short: right in what goes on, wrong in a datagram that is all here.
                return 0 if not message.stream and message.size == len(message.octets) else count
            if size <= 0:
                return 0
            if at + size > message.size:
                return count if message.stream else 0
            at += size
            count += 1
        return count

    return records


def _known(node: Node, message: Message, base: int) -> int | None:
    try:
        return node(message, base)
    except UnknownError:
        return None
