"""Patterns of payloads. Pure.

They are regular expressions over octets, in the part of the syntax that Rust's `regex` and Python's `re` share.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_LENGTH = 2000
MAX_REPEAT = 1000
MAX_DEPTH = 30

_SIMPLE = frozenset("dDwWsSbBnrtfv")
# Not < and >: \< is the beginning of a word to one of them.
_MARKS = frozenset("\\.+*?()|[]{}^$/-#&~ !%,:;=@_`'\"")


class Pattern(NamedTuple):
    """What is known of a pattern without looking for it."""

    anchored: bool
    """Whether every branch begins with `^`."""
    empty: bool
    """Whether it matches no octets at all, and so everywhere."""


class PatternError(ValueError):
    """Says what is wrong in a pattern, and at which character."""


def examine(text: str) -> Pattern:
    """Raises PatternError for what is not in the shared part of both languages."""
    if not text:
        raise PatternError("an empty pattern matches everything; write what is looked for")
    if len(text) > MAX_LENGTH:
        raise PatternError(f"{len(text)} characters; at most {MAX_LENGTH}")
    if not text.isascii():
        raise PatternError("characters beyond ASCII; write their octets as \\xNN")
    reader = _Reader(text)
    if text.startswith("(?i)"):
        reader.at = 4
    found = reader.branches(0)
    if reader.at < len(text):
        raise reader.wrong("`)` without `(`")
    return found


class _Reader:
    """Descends through a pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, reason: str) -> PatternError:
        return PatternError(f"character {self.at + 1}: {reason}")

    def peek(self, count: int = 1) -> str:
        return self.text[self.at : self.at + count]

    def take(self) -> str:
        octet = self.peek()
        if not octet:
            raise self.wrong("the pattern ends too early")
        self.at += 1
        return octet

    def branches(self, depth: int) -> Pattern:
        if depth > MAX_DEPTH:
            raise self.wrong(f"groups in groups, over {MAX_DEPTH} deep")
        found = [self.sequence(depth)]
        while self.peek() == "|":
            self.take()
            found.append(self.sequence(depth))
        return Pattern(all(each.anchored for each in found), any(each.empty for each in found))

    def sequence(self, depth: int) -> Pattern:
        anchored, empty = False, True
        while self.peek() not in {"", "|", ")"}:
            piece = self.piece(depth)
            anchored = anchored or (empty and piece.anchored)
            empty = empty and piece.empty
        return Pattern(anchored, empty)

    def piece(self, depth: int) -> Pattern:
        mark = self.peek()
        found = self.atom(depth)
        zero_width = mark in {"^", "$"} or (mark == "\\" and found.empty)
        least = self.repeat()
        if least is None:
            return found
        if zero_width:
            raise self.wrong("a repetition of what has no length")
        return Pattern(found.anchored and least > 0, found.empty or least == 0)

    def repeat(self) -> int | None:
        """The least number of times; None where nothing is repeated."""
        mark = self.peek()
        if mark not in {"*", "+", "?", "{"} or not mark:
            return None
        self.take()
        least = {"*": 0, "+": 1, "?": 0}.get(mark, 0)
        if mark == "{":
            end = self.text.find("}", self.at)
            low, comma, high = self.text[self.at : end if end >= 0 else None].partition(",")
            if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
                raise self.wrong("expected {n}, {n,} or {n,m} with numbers; a brace itself is \\{")
            if max(int(low[:9]), int(high[:9] or 0)) > MAX_REPEAT or (comma and high and int(low) > int(high)):
                raise self.wrong(f"repetitions go from fewer to more, {MAX_REPEAT} at most")
            self.at, least = end + 1, int(low)
        if self.peek() == "?":
            self.take()
        if self.peek() in {"*", "+", "?", "{"} and self.peek():
            raise self.wrong("a repetition of a repetition; put the first into (?:...)")
        return least

    def atom(self, depth: int) -> Pattern:
        mark = self.take()
        if mark == "^":
            return Pattern(True, True)
        if mark == "$":
            return Pattern(False, True)
        if mark == "(":
            return self.group(depth)
        if mark == "[":
            self.octet_class()
        elif mark == "\\":
            return Pattern(False, self.escape() in {"b", "B"})
        elif mark in "*+?{":
            self.at -= 1
            raise self.wrong(f"nothing before `{mark}` to repeat; the character itself is \\{mark}")
        elif mark in "]}":
            self.at -= 1
            raise self.wrong(f"`{mark}` without its beginning; the character itself is \\{mark}")
        return Pattern(False, False)

    def group(self, depth: int) -> Pattern:
        if self.peek() == "?":
            if self.peek(2) != "?:":
                raise self.wrong("only (?:...) and (...): no look-around, names or flags; (?i) at the very start alone")
            self.at += 2
        found = self.branches(depth + 1)
        if self.peek() != ")":
            raise self.wrong("`(` without `)`")
        self.take()
        return found

    def escape(self, in_class: bool = False) -> str:
        """What a backslash stands before; for a class the character, or a word such as `d`."""
        mark = self.take()
        if mark == "x":
            digits = self.peek(2)
            if len(digits) < 2 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                raise self.wrong("expected two hexadecimal digits after \\x")
            self.at += 2
            return chr(int(digits, 16))
        if mark in _SIMPLE and not (in_class and mark in "bB"):
            return mark if mark not in "nrtfv" else {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}[mark]
        if mark in _MARKS:
            return mark if mark not in _SIMPLE else "\\"
        self.at -= 1
        raise self.wrong(f"\\{mark} means nothing in both languages; write the octet as \\xNN")

    def octet_class(self) -> None:
        if self.peek() == "^":
            self.take()
        if self.peek() == "]":
            raise self.wrong("an empty class; the bracket itself is \\]")
        while self.peek() != "]":
            low = self.member()
            if self.peek() == "-" and self.peek(2) != "-]":
                self.take()
                high = self.member()
                if low is None or high is None or low > high:
                    raise self.wrong("a range goes from a lower octet to a higher one")
        self.take()

    def member(self) -> str | None:
        r"""One octet of a class; None for several, such as \d."""
        mark = self.take()
        if mark == "[":
            raise self.wrong("a bracket in a class is \\[")
        if self.peek(1) == mark and mark in "&-~":
            raise self.wrong(f"`{mark}{mark}` means different things in both languages; write \\{mark}")
        if mark != "\\":
            return mark
        named = self.peek() in set("dDwWsS")
        found = self.escape(in_class=True)
        return None if named else found
