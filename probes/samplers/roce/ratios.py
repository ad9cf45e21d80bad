"""Bit error ratios from two counters, over spans long enough to mean something.

A ratio of 1e-12 cannot be told from zero in fewer than some 1e12 bits, which a port at 400 Gbit/s receives in 2.5
seconds and one at 25 Gbit/s in 40. So a span ends by the bits received and not by time.
"""

from __future__ import annotations


class ErrorRatio:
    """The ratio of errors to bits of one port."""

    __slots__ = ("_bits", "_errors", "_last_bits", "_last_errors", "_ratio", "_span")

    def __init__(self, span: int) -> None:
        """`span` is how many bits a ratio is taken over, at least."""
        self._span = span
        self._bits = self._errors = 0
        """Where the counters stood when the span began."""
        self._last_bits = self._last_errors = -1
        self._ratio: float | None = None

    def observe(self, bits: int, errors: int) -> float | None:
        """The ratio over the last span that is complete, after the counters were read again.

        None before there is one, and after the counters stood still or fell: the link was down, or they were reset.
        """
        if self._last_bits < 0 or bits <= self._last_bits or errors < self._last_errors:
            self._ratio = None
            self._bits, self._errors = bits, errors
        elif bits - self._bits >= self._span:
            self._ratio = (errors - self._errors) / (bits - self._bits)
            self._bits, self._errors = bits, errors
        self._last_bits, self._last_errors = bits, errors
        return self._ratio

    def forget(self) -> None:
        """Begin anew, after the counters could not be read."""
        self._last_bits = self._last_errors = -1
        self._ratio = None
