"""What the API answers when it cannot answer: RFC 9457 problem details that name the remedy."""

from __future__ import annotations

from msgspec import Struct

MEDIA_TYPE = "application/problem+json"


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a request failed, and what to do about it."""

    title: str
    status: int
    detail: str
    parameter: str = ""
    """The parameter that is wrong, for status 400."""
    value: str = ""
    """Its value, shortened."""
    remedy: str = ""


class ProblemError(Exception):
    """Raised by whatever finds that a request cannot be answered."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def bad_parameter(name: str, value: str, why: str, remedy: str) -> ProblemError:
    """400: a parameter of the request is wrong."""
    return ProblemError(
        Problem("Bad parameter", 400, f"parameter {name}: {why}", parameter=name, value=value[:200], remedy=remedy)
    )


def unknown_host(host: str) -> ProblemError:
    """404: no probe of that name was ever heard, or not for long."""
    return ProblemError(
        Problem(
            "Unknown host",
            404,
            f"no probe has reported as host {host[:200]!r} lately",
            value=host[:200],
            remedy="GET /api/v1/hosts lists the hosts that are known",
        )
    )


def unavailable(why: str) -> ProblemError:
    """503: the store does not answer."""
    return ProblemError(
        Problem("Store unavailable", 503, why, remedy="try again; live values do not need the store and are served on")
    )
