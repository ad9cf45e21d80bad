"""Expressions over the octets of a message, as trees. Pure.

A tree is a number, "size", "first", or a list that begins with the operator: the engine evaluates it
(`engine/src/rules/expression.rs`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LENGTH = 1000
MAX_DEPTH = 12
MAX_CHOICES = 64

Tree = int | str | list["Tree | list[int] | None"]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9a-fA-F]{1,32}|[0-9]{1,40})|(?P<read>u(?:8|(?:16|24|32|64)(?:le)?)@)"
    r"|(?P<word>[a-z][a-z0-9_]*)|(?P<mark>\.\.|<<|>>|[=!<>]=|[-+*/%&|^()<>,{}]))"
)
_LEVELS = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LARGEST = (1 << 63) - 1


class ExpressionError(ValueError):
    """Says what is wrong in an expression, and at which character."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Found(NamedTuple):
    tree: Tree
    truth: bool
    """Whether it is true or false, and not a number."""


def parse(text: str) -> Tree:
    """The tree of an expression that is true or false. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"{len(text)} characters; at most {MAX_LENGTH}")
    reader = _Reader(_tokens(text), len(text))
    found = reader.either(0)
    if reader.token.kind != "end":
        raise reader.wrong("expected an operator or the end")
    if not found.truth:
        raise ExpressionError("a number; compare it with something, as in `u16@2 == size`")
    return found.tree


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            here = len(text) - len(text[at:].lstrip())
            raise ExpressionError(f"character {here + 1}: {text[here]!r} has no meaning here")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return tokens


class _Reader:
    """Descends through an expression."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self.tokens = tokens
        self.end = _Token("end", "", length)
        self.place = 0
        self.in_records = False

    @property
    def token(self) -> _Token:
        return self.tokens[self.place] if self.place < len(self.tokens) else self.end

    def wrong(self, reason: str) -> ExpressionError:
        found = f"; found {self.token.text!r}" if self.token.text else ""
        return ExpressionError(f"character {self.token.at + 1}: {reason}{found}")

    def take(self, *texts: str) -> str:
        """The next token's text if it is one of these, else nothing."""
        text = self.token.text
        if self.token.kind in {"mark", "word"} and text in texts:
            self.place += 1
            return text
        return ""

    def need(self, text: str) -> None:
        if not self.take(text):
            raise self.wrong(f"expected `{text}`")

    def either(self, depth: int) -> _Found:
        return self.joined("or", depth)

    def joined(self, word: str, depth: int) -> _Found:
        if depth > MAX_DEPTH:
            raise self.wrong(f"nested more than {MAX_DEPTH} deep")
        parts = [self.part(word, depth)]
        while self.take(word):
            parts.append(self.part(word, depth))
        if len(parts) == 1:
            return parts[0]
        if not all(part.truth for part in parts):
            raise self.wrong(f"`{word}` joins comparisons, and here is a number")
        return _Found([word, *(part.tree for part in parts)], True)

    def part(self, word: str, depth: int) -> _Found:
        return self.joined("and", depth) if word == "or" else self.negation(depth)

    def negation(self, depth: int) -> _Found:
        if not self.take("not"):
            return self.comparison(depth)
        if depth > MAX_DEPTH:
            raise self.wrong(f"nested more than {MAX_DEPTH} deep")
        found = self.negation(depth + 1)
        if not found.truth:
            raise self.wrong("`not` is said of a comparison, and here is a number")
        return _Found(["not", found.tree], True)

    def comparison(self, depth: int) -> _Found:
        left = self.arithmetic(0, depth)
        if operator := self.take(*_COMPARISONS):
            right = self.arithmetic(0, depth)
            if left.truth or right.truth:
                raise self.wrong("numbers are compared, and here is a comparison; is something in parentheses missing?")
            return _Found([operator, left.tree, right.tree], True)
        if self.take("in"):
            if left.truth:
                raise self.wrong("`in` is said of a number")
            return _Found(self.choices(left.tree), True)
        return left

    def choices(self, number: Tree) -> Tree:
        if not self.take("{"):
            first = self.constant()
            self.need("..")
            last = self.constant()
            if first > last:
                raise self.wrong(f"nothing is in {first}..{last}; the lower one comes first")
            return ["in", number, first, last]
        values = [self.constant()]
        while self.take(","):
            values.append(self.constant())
        self.need("}")
        if len(values) > MAX_CHOICES:
            raise self.wrong(f"at most {MAX_CHOICES} numbers in braces")
        return ["among", number, values]

    def constant(self) -> int:
        sign = -1 if self.take("-") else 1
        if self.token.kind != "number":
            raise self.wrong("expected a number")
        value = int(self.token.text, 0) if self.token.text.startswith("0x") else int(self.token.text)
        if value > _LARGEST:
            raise self.wrong("numbers have 63 bits")
        self.place += 1
        return sign * value

    def arithmetic(self, level: int, depth: int) -> _Found:
        if level == len(_LEVELS):
            return self.operand(depth)
        left = self.arithmetic(level + 1, depth)
        count = 0
        while operator := self.take(*_LEVELS[level]):
            right = self.arithmetic(level + 1, depth)
            count += 1
            if left.truth or right.truth:
                raise self.wrong(f"`{operator}` is said of numbers, and here is a comparison")
            if count > MAX_DEPTH:
                raise self.wrong(f"more than {MAX_DEPTH} operators in a row")
            left = _Found([operator, left.tree, right.tree], False)
        return left

    def operand(self, depth: int) -> _Found:
        token = self.token
        if token.kind == "number" or token.text == "-":
            return _Found(self.constant(), False)
        if token.kind == "read":
            self.place += 1
            return _Found([token.text[:-1], self.offset(depth)], False)
        if word := self.take("size", "first"):
            return _Found(word, False)
        if self.take("records"):
            return self.records(depth)
        if self.take("("):
            found = self.either(depth + 1)
            self.need(")")
            return found
        raise self.wrong("expected a number, u8@N, u16@N, u32le@N, ..., `size`, `first`, `records(...)` or `(`")

    def offset(self, depth: int) -> Tree:
        if not self.take("("):
            return self.constant()
        found = self.either(depth + 1)
        self.need(")")
        if found.truth:
            raise self.wrong("an offset is a number, and here is a comparison")
        return found.tree

    def records(self, depth: int) -> _Found:
        if self.in_records:
            raise self.wrong("`records` within `records`")
        self.need("(")
        start = self.either(depth + 1)
        self.need(",")
        self.in_records = True
        length = self.either(depth + 1)
        condition = self.either(depth + 1) if self.take(",") else None
        self.in_records = False
        self.need(")")
        if start.truth or length.truth or (condition is not None and not condition.truth):
            raise self.wrong("records(START, LENGTH, CONDITION) takes two numbers, then a comparison")
        return _Found(["records", start.tree, length.tree, condition and condition.tree], False)
