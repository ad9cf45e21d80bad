"""Requests to the child and its replies, checked on the parent's side: what a driver says is not trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from probes.sources.nvml import values
from probes.sources.nvml.wire import WireError, packed

_Text = Annotated[str, Meta(max_length=4096)]
_Index = Annotated[int, Meta(ge=-1, le=255)]


class Plan(NamedTuple):
    """Field values to read: (field, scope) pairs by the name under which the child keeps them."""

    key: str
    pairs: tuple[tuple[int, int], ...]


class Ask(NamedTuple):
    """What to ask of one GPU."""

    plans: tuple[Plan, ...] = ()
    calls: tuple[str, ...] = ()
    """Names of calls.CALLS, or `pcie_rates`."""


class Call(NamedTuple):
    """One call's outcome."""

    code: int
    value: Any
    """Plain data as calls.py describes it; None unless the code is 0."""


class Values(NamedTuple):
    """A plan's outcome: entry by entry the descriptor and the bits (values.py)."""

    code: int
    descriptors: list[int]
    bits: list[int]


class GpuAnswer(NamedTuple):
    """What one GPU said."""

    code: int
    """A code of codes.LOST or UNKNOWN when it does not answer as a whole, and then nothing else."""
    plans: tuple[Values, ...]
    calls: Mapping[str, Call]


class Xid(NamedTuple):
    """An XID event of the driver."""

    nvml_index: int
    """NVML's index of the GPU; -1 when it is none that is known."""
    xid: int
    gpu_instance: int
    compute_instance: int


class Answer(NamedTuple):
    """What came back for one sample."""

    gpus: dict[int, GpuAnswer]
    """By number, those that were asked."""
    avoided: frozenset[int]
    """Numbers of GPUs that hung a while ago and were not asked."""
    xids: list[tuple[int | None, Xid]]
    """With the number of the GPU that each is about; those of replies that came too late too."""


class Hello(Struct):
    """How NVML opened."""

    code: int
    error: _Text = ""
    driver: _Text = ""
    gpus: Annotated[list[tuple[int, _Text]], Meta(max_length=64)] = msgspec.field(default_factory=list)


class _GpuRow(Struct):
    index: _Index
    code: int
    plans: Annotated[list[tuple[int, int]], Meta(max_length=16)]
    calls: Annotated[list[tuple[int, Any]], Meta(max_length=64)]


class Reply(Struct):
    """The document of a reply; `gpus` is in the order of the request."""

    id: int
    error: _Text = ""
    gpus: Annotated[list[_GpuRow], Meta(max_length=64)] = msgspec.field(default_factory=list)
    events: Annotated[list[tuple[_Index, int, int, int]], Meta(max_length=64)] = msgspec.field(default_factory=list)
    events_code: int = 0


_HELLO = msgspec.json.Decoder(Hello)
_REPLY = msgspec.json.Decoder(Reply)


def hello(document: bytes) -> Hello:
    """How NVML opened, from the child's first frame. Raises WireError."""
    try:
        return _HELLO.decode(document)
    except msgspec.MsgspecError as error:
        raise WireError(f"the child's first frame: {error}") from error


def reply(document: bytes) -> Reply:
    """A reply's document. Raises WireError."""
    try:
        return _REPLY.decode(document)
    except msgspec.MsgspecError as error:
        raise WireError(f"the child's reply: {error}") from error


def request(number: int, asks: Mapping[int, Ask], unknown: Sequence[tuple[int, Plan]], *, events: bool) -> bytes:
    """The frame that asks all this, by NVML's index; `unknown` are (index, plan) that the child does not have yet."""
    document = {
        "id": number,
        "plans": {_key(index, plan): _grouped(plan.pairs) for index, plan in unknown},
        "gpus": [
            {"index": index, "plans": [_key(index, plan) for plan in ask.plans], "calls": ask.calls}
            for index, ask in asks.items()
        ],
        "events": events,
    }
    return packed(msgspec.json.encode(document))


def answers(asks: Mapping[int, Ask], document: Reply, raw: bytes) -> dict[int, GpuAnswer]:
    """What each GPU said, by NVML's index. Raises WireError for a reply that does not fit what was asked."""
    if [row.index for row in document.gpus] != list(asks):
        raise WireError("the child's reply is about other GPUs than were asked")
    found: dict[int, GpuAnswer] = {}
    start = 0
    for row, ask in zip(document.gpus, asks.values(), strict=True):
        if row.code:
            found[row.index] = GpuAnswer(row.code, (), {})
            continue
        if len(row.plans) != len(ask.plans) or len(row.calls) != len(ask.calls):
            raise WireError("the child's reply is about other values than were asked")
        plans = []
        for plan, (code, size) in zip(ask.plans, row.plans, strict=True):
            if size not in (0, len(plan.pairs) * values.ENTRY):
                raise WireError(f"{size} octets of field values for a plan of {len(plan.pairs)}")
            try:
                plans.append(Values(code, *values.decoded(raw[start : start + size])))
            except ValueError as error:
                raise WireError(str(error)) from error
            start += size
        calls = {name: Call(code, value) for name, (code, value) in zip(ask.calls, row.calls, strict=True)}
        found[row.index] = GpuAnswer(0, tuple(plans), calls)
    if start != len(raw):
        raise WireError(f"{len(raw)} octets of field values where {start} were announced")
    return found


def _key(index: int, plan: Plan) -> str:
    return f"{index}.{plan.key}"


def _grouped(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    """The pairs with scopes of one field that follow each other put together."""
    grouped: list[tuple[int, list[int]]] = []
    for field, scope in pairs:
        if grouped and grouped[-1][0] == field:
            grouped[-1][1].append(scope)
        else:
            grouped.append((field, [scope]))
    return grouped
