"""What a request can ask: a Struct per endpoint, whose fields are the parameters, and its parser.

The same Structs describe the parameters in the OpenAPI document.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import msgspec
from msgspec import Meta, Struct
from starlette.datastructures import QueryParams

from collector.api import times
from collector.api.problems import ProblemError, bad_parameter
from collector.store import GroupBy, RowKey
from collector.store.flows import MAX_TOP
from collector.store.paging import MAX_PAGE
from fabricscope.settings import unknown

Parameters = TypeVar("Parameters", bound=Struct)
_Position = TypeVar("_Position")

_MAX_TEXT = 256

Text = Annotated[str, Meta(min_length=1, max_length=_MAX_TEXT)]
Time = Annotated[str, Meta(max_length=40, pattern=times.PATTERN)]
Pair = Annotated[str, Meta(max_length=2 * _MAX_TEXT, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*=")]
MetricName = Annotated[str, Meta(max_length=_MAX_TEXT, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*\*?$")]
EventKind = Annotated[str, Meta(max_length=_MAX_TEXT, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]
Word = Annotated[str, Meta(max_length=_MAX_TEXT)]
Port = Annotated[int, Meta(ge=0, le=(1 << 16) - 1)]
QueuePair = Annotated[int, Meta(ge=0, le=(1 << 24) - 1)]
Protocol = Annotated[int, Meta(ge=0, le=255)]
Octets = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Position = Annotated[str, Meta(max_length=4096)]

Host = Annotated[Text, Meta(description="Name of the host.")]
After = Annotated[Position | None, Meta(description="`after` of the page before: where this one begins.")]


class NoParameters(Struct, frozen=True, kw_only=True):
    """For endpoints that take none."""


class HostsQuery(Struct, frozen=True, kw_only=True):
    """Which hosts are wanted."""

    cluster: Annotated[Text | None, Meta(description="Only hosts of this cluster.")] = None
    status: Annotated[
        Literal["live", "stale"] | None, Meta(description="Only hosts that are live, or that fell silent.")
    ] = None
    label: Annotated[
        list[Pair], Meta(max_length=8, description="Only hosts with this label, as name=value. May be repeated.")
    ] = []
    limit: Annotated[int, Meta(ge=1, le=1000, description="Hosts in the answer at most.")] = 100
    after: After = None


class HostPath(Struct, frozen=True, kw_only=True):
    """One host, named in the path."""

    host: Host


class MetricsQuery(Struct, frozen=True, kw_only=True):
    """Whose metrics are wanted."""

    host: Annotated[Text | None, Meta(description="Only metrics of this host.")] = None


class SeriesQuery(Struct, frozen=True, kw_only=True):
    """Which series of a host are wanted."""

    host: Host
    sampler: Annotated[Text | None, Meta(description="Only series of this sampler.")] = None
    metric: Annotated[
        MetricName | None,
        Meta(
            description="Only series of this metric, or of those that begin so when it ends with `*`.",
        ),
    ] = None
    label: Annotated[
        list[Pair], Meta(max_length=8, description="Only series with this label, as name=value. May be repeated.")
    ] = []
    limit: Annotated[int, Meta(ge=1, le=10_000, description="Series in the answer at most.")] = 1000
    after: After = None


class EventsQuery(Struct, frozen=True, kw_only=True):
    """Which events are wanted."""

    since: Annotated[Time | None, Meta(description="Earliest time, included: RFC 3339, or seconds since 1970.")] = None
    until: Annotated[Time | None, Meta(description="Latest time, left out: RFC 3339, or seconds since 1970.")] = None
    cluster: Annotated[Text | None, Meta(description="Only events of this cluster.")] = None
    host: Annotated[Text | None, Meta(description="Only events of this host.")] = None
    kind: Annotated[
        EventKind | None,
        Meta(
            description="Only events of this kind, or of those below it: `ethernet` takes `ethernet.down`.",
        ),
    ] = None
    severity: Annotated[
        Literal["info", "warning", "critical"] | None, Meta(description="Only events of this severity or a higher one.")
    ] = None
    subject: Annotated[
        list[Pair],
        Meta(max_length=8, description="Only events about this, as key=value, such as device=mlx5_0. May be repeated."),
    ] = []
    text: Annotated[Text | None, Meta(description="Only events with this in their message.")] = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Events in the answer at most.")] = 100
    after: After = None


class FlowConditions(Struct, frozen=True, kw_only=True):
    """Which flows are wanted."""

    since: Annotated[
        Time | None, Meta(description="Earliest last packet, included: RFC 3339, or seconds since 1970.")
    ] = None
    until: Annotated[
        Time | None, Meta(description="Latest last packet, left out: RFC 3339, or seconds since 1970.")
    ] = None
    cluster: Annotated[Text | None, Meta(description="Only flows that probes of this cluster saw.")] = None
    host: Annotated[Text | None, Meta(description="Only flows that this host's probe saw.")] = None
    observer: Annotated[Text | None, Meta(description="Only flows seen on this interface.")] = None
    label: Annotated[Word | None, Meta(description="Only flows of this application; empty for unknown ones.")] = None
    behaviour: Annotated[Word | None, Meta(description="Only flows of this behaviour; empty for none.")] = None
    address: Annotated[Text | None, Meta(description="Only flows with this address at either end.")] = None
    port: Annotated[Port | None, Meta(description="Only flows with this port at either end.")] = None
    queue_pair: Annotated[QueuePair | None, Meta(description="Only flows with this queue pair at either end.")] = None
    protocol: Annotated[Protocol | None, Meta(description="Only flows of this IP protocol.")] = None
    min_octets: Annotated[Octets | None, Meta(description="Only flows with as many octets, both ways.")] = None


class FlowsQuery(FlowConditions, frozen=True, kw_only=True):
    """Which flows are wanted, and how many."""

    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Flows in the answer at most.")] = 100
    after: After = None


class TopFlowsQuery(FlowConditions, frozen=True, kw_only=True):
    """Which flows are wanted, and by what they are taken together."""

    by: Annotated[GroupBy, Meta(description="What flows of one group have in common.")] = "label"
    limit: Annotated[int, Meta(ge=1, le=MAX_TOP, description="Groups in the answer at most.")] = 20


def parse(kind: type[Parameters], path: Mapping[str, str], query: QueryParams) -> Parameters:
    """The parameters of a request. Raises ProblemError naming the one that is wrong."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101  by its bound
    names = [field.name for field in info.fields]
    values: dict[str, Any] = {}
    for name in query:
        if name not in names or name in path:
            allowed = [known for known in names if known not in path]
            raise bad_parameter(name, query[name], "not known here", unknown(name, allowed, "parameter"))
    types = get_type_hints(kind, include_extras=True)
    for field in info.fields:
        given = [path[field.name]] if field.name in path else query.getlist(field.name)
        if not given:
            if field.required:
                raise bad_parameter(field.name, "", "missing", f"add {field.name}=... to the request")
            continue
        repeatable = isinstance(field.default_factory, type) and issubclass(field.default_factory, list)
        if len(given) > 1 and not repeatable:
            raise bad_parameter(field.name, ", ".join(given), "given more than once", "give it once")
        try:
            values[field.name] = msgspec.convert(given if repeatable else given[0], types[field.name], strict=False)
        except msgspec.ValidationError as error:
            raise bad_parameter(field.name, ", ".join(given), str(error), _remedy(field.type)) from error
    return kind(**values)


def parse_time(name: str, text: str | None) -> int | None:
    """The time that parameter `name` holds, in Unix ns. Raises ProblemError."""
    if text is None:
        return None
    try:
        return times.parse_time(text)
    except ValueError as error:
        raise bad_parameter(
            name, text, str(error), "write it as 2026-11-22T23:05:38Z (`+` as %2B), or as 1795388738"
        ) from error


def pairs(texts: list[str]) -> tuple[tuple[str, str], ...]:
    """`name=value` texts apart; the value may hold further `=`."""
    return tuple((name, value) for name, _, value in (text.partition("=") for text in texts))


def encode_position(position: object) -> str:
    """A place in a list as an opaque word for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_position(text: str, kind: type[_Position]) -> _Position:
    """The place that `after` names. Raises ProblemError when it is not one of this endpoint's."""
    try:
        content = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        position = msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise _bad_position(text) from error
    if isinstance(position, RowKey) and not _storable(position):
        raise _bad_position(text)
    return position


def _storable(key: RowKey) -> bool:
    """Whether the numbers fit their columns."""
    return 0 <= key.time_unix_ns < 1 << 63 and 0 <= key.sequence < 1 << 64 and 0 <= key.position < 1 << 32


def _bad_position(text: str) -> ProblemError:
    return bad_parameter("after", text, "not a place in this list", "use `after` of the page before, unchanged")


def _remedy(info: msgspec.inspect.Type) -> str:
    """What a parameter of this type takes."""
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.UnionType):
        info = next(kind for kind in info.types if not isinstance(kind, msgspec.inspect.NoneType))
        return _remedy(info)
    match info:
        case msgspec.inspect.LiteralType(values):
            return f"one of {', '.join(map(str, values))}"
        case msgspec.inspect.IntType():
            return f"a whole number from {info.ge} to {info.le}"
        case msgspec.inspect.ListType():
            return "name=value, at most 8 of them"
        case msgspec.inspect.StrType() if info.pattern:
            return f"a text that matches {info.pattern}"
    return "see /api/v1/openapi.json"
