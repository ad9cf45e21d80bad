"""docs/reference/wire.md says what the code does, and is enough to write a client from."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

from collector import session
from collector.server import GrpcServer, GrpcSettings
from collector.service import MAX_STORING, CollectorService
from collector.session import ToStore
from collector.state import HostState, State, StateSettings
from fabricscope.codec import PROTOCOL, bounds
from fabricscope.model import Event, HostIdentity, Now, Quality, Severity
from fabricscope.tally import Tally
from fabricscope.v1 import events_pb2, flows_pb2, hints_pb2, samples_pb2, stream_pb2
from tests.docs import plain_client
from tools.wire_examples import examples

PAGE = (Path(__file__).parents[2] / "docs/reference/wire.md").read_text("utf-8")
FILES = (events_pb2, flows_pb2, hints_pb2, samples_pb2, stream_pb2)


def section(title: str) -> str:
    """The text below a heading, down to the next one of its level or above."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |^#{{1,2}} |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert match, f"no section {title!r}"
    return match[2]


def rows(title: str) -> list[list[str]]:
    """The cells of the first table in a section, its header apart."""
    table = re.search(r"(^\|.*\n)+", section(title), re.MULTILINE)
    assert table, f"no table in {title!r}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]


def plain(cell: str) -> str:
    return cell.replace("`", "").strip()


# --- the tables


def type_of(field: Any) -> str:
    """A field's type as the page writes it."""
    names = {
        FieldDescriptor.TYPE_FIXED64: "fixed64",
        FieldDescriptor.TYPE_UINT64: "uint64",
        FieldDescriptor.TYPE_UINT32: "uint32",
        FieldDescriptor.TYPE_DOUBLE: "double",
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_BYTES: "bytes",
    }
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return "map<string, string>"
    message = field.message_type or field.enum_type
    name = message.name if message is not None else names[field.type]
    return f"repeated {name}" if field.is_repeated else str(name)


def messages() -> dict[str, Any]:
    return {name: kind for file in FILES for name, kind in file.DESCRIPTOR.message_types_by_name.items()}


@pytest.mark.parametrize("name", sorted(messages()))
def test_every_field_is_described_with_its_number_and_type(name: str) -> None:
    described = [(int(row[0]), plain(row[1]), row[2]) for row in rows(name)]
    assert described == [(f.number, f.name, type_of(f)) for f in messages()[name].fields]


def test_every_value_of_an_enumeration_is_described() -> None:
    for file in FILES:
        for enumeration in file.DESCRIPTOR.enum_types_by_name.values():
            for value in enumeration.values:
                if value.number:
                    written = rf"`{value.name}` = {value.number}\b|\| {value.number} \| `{value.name}` \|"
                    assert re.search(written, PAGE), value.name


def identity() -> HostIdentity:
    return HostIdentity("node7", "b", "e", {}, "v")


def test_the_limits_are_those_of_the_code() -> None:
    grpc_settings, state = GrpcSettings(), StateSettings()
    assert {row[0]: int(row[1].replace(",", "")) for row in rows("Limits")} == {
        "Octets of a message": grpc_settings.max_message_bytes,
        "Streams of a collector": grpc_settings.max_streams,
        "Hosts of a collector": state.max_hosts,
        "Series of a host": state.max_series_per_host,
        "Metric names of a collector": state.max_metrics,
        "Series sets declared on a stream": session.MAX_SETS_PER_STREAM,
        "Series declared on a stream": session.MAX_SERIES_PER_STREAM,
        "Series, or metrics, in a set": bounds.MAX_SERIES,
        "Octets of a set's id": bounds.MAX_ID,
        "Labels of a metric or host; entries of a subject or of attributes": bounds.MAX_LABELS,
        "Characters of a name": bounds.MAX_NAME,
        "Characters of any other text": bounds.MAX_TEXT,
        "Events in a message": bounds.MAX_EVENTS,
        "Flows in a message": bounds.MAX_FLOWS,
        "Entries of a list within a flow": bounds.MAX_LIST,
        "Prefixes in a hint": bounds.MAX_PREFIXES,
    }


def test_the_statuses_are_those_of_grpc() -> None:
    assert all(plain(row[0]) in grpc.StatusCode.__members__ for row in rows("Errors that end the stream"))


@pytest.mark.parametrize("pattern", [bounds.METRIC_NAME, re.compile("[a-zA-Z_][a-zA-Z0-9_]*")])
def test_names_are_spelled_out(pattern: re.Pattern[str]) -> None:
    assert f"`{pattern.pattern}`" in PAGE


@pytest.mark.parametrize(
    "words",
    [
        f"protocol **{PROTOCOL}**",
        f"after {GrpcSettings().ack_messages} settled messages or {GrpcSettings().ack_seconds:g} s",
        f"shown for {StateSettings().stale_after_seconds:g} s",
        f"With {MAX_STORING} messages of events",
        f"TCP port {GrpcSettings().listen.rpartition(':')[2]}",
        f"/{stream_pb2.DESCRIPTOR.services_by_name['CollectorService'].full_name}/Stream",
    ],
)
def test_the_numbers_in_the_text_are_those_of_the_code(words: str) -> None:
    assert words in " ".join(PAGE.split())


# --- the example


def octets_of(block: str) -> bytes:
    """The octets of a block of hexadecimal, without its comments."""
    match = re.search(rf"^```hex {block}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert match, f"no block {block!r}"
    return bytes.fromhex("".join(line.partition("#")[0] for line in match[1].splitlines()))


@pytest.mark.parametrize("name", list(examples()))
def test_the_octets_are_what_the_page_claims(name: str) -> None:
    expected = examples()[name]
    assert type(expected).FromString(octets_of(name)) == expected


def test_the_plain_client_writes_the_same_octets() -> None:
    example = stream_pb2.StreamRequest.FromString(octets_of("samples"))
    (batch,) = example.samples.batches
    metrics = [
        plain_client.metric("demo_bytes_total", plain_client.COUNTER, "Octets.", "bytes", ["port"], [["p1"], ["p2"]]),
        plain_client.metric("demo_ratio", plain_client.GAUGE, "Use.", "ratio", [], [[]]),
    ]
    written = {
        "hello": plain_client.hello("node7", "e1", "b1", {"rack": "r1"}, "v1"),
        "series_set": plain_client.series_set(b"A", "demo", metrics),
        "samples": plain_client.envelope(example.sequence, example.sent_unix_nano)
        + plain_client.samples(
            [
                plain_client.batch(
                    b"A",
                    batch.time_unix_nano,
                    batch.interval_nano,
                    batch.counters,
                    batch.gauges,
                    batch.qualities,
                )
            ]
        ),
    }
    decoded = {name: stream_pb2.StreamRequest.FromString(octets) for name, octets in written.items()}
    for metric in decoded["series_set"].series_set.metrics:
        metric.per_unit = 1  # which the page says not sending means
    assert decoded == {name: examples()[name] for name in written}
    assert written["samples"] == octets_of("samples")


# --- a client that knows the page alone


def test_the_plain_client_knows_nothing_of_ours() -> None:
    tree = ast.parse(Path(plain_client.__file__).read_text("utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert sorted(names) == ["__future__", "collections.abc", "grpc.aio", "struct", "typing"]


SECOND = 1_000_000_000
NOW = Now(wall=1_700_000_000 * SECOND, mono=SECOND)
GREETING = plain_client.hello("node7", "e1", "b1", {"cluster": "blue", "rack": "r1"}, "plain 1")
DECLARATION = plain_client.series_set(
    b"7",
    "demo",
    [
        plain_client.metric("demo_ratio", plain_client.GAUGE, "Use.", "ratio", ["port"], [["p1"]]),
        plain_client.metric("demo_bytes_total", plain_client.COUNTER, "Octets.", "bytes", ["port"], [["p1"], ["p2"]]),
    ],
)


def samples(counters: list[int], identifier: bytes = b"7") -> bytes:
    return plain_client.samples([plain_client.batch(identifier, NOW.wall, SECOND, counters, [0.5], bytes([1, 5, 1]))])


DOWN = plain_client.events([plain_client.event(NOW.wall, 9, "demo.down", 2, "p1 is down", {"port": "p1"})])


class Collector:
    """A real service on loopback, with a store that takes everything at once."""

    def __init__(self) -> None:
        settings = GrpcSettings(listen="127.0.0.1:0", ack_messages=1)
        self.state = State(StateSettings())
        self.stored: list[tuple[HostIdentity, ToStore]] = []
        service = CollectorService(settings, self.state, self, Tally(), lambda: NOW)
        self.server = GrpcServer(settings, service)

    @property
    def behind(self) -> bool:
        return False

    def offer(self, who: HostIdentity, rows: ToStore) -> asyncio.Future[None] | None:
        self.stored.append((who, rows))
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        durable.set_result(None)
        return durable

    async def take(self, queue: dict[int, bytes]) -> dict[int, tuple[int, str]]:
        address = f"127.0.0.1:{self.server.port}"
        return await plain_client.deliver(address, GREETING, [DECLARATION], queue, NOW.wall)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    it = Collector()
    async with it.server:
        yield it


async def test_its_values_appear(collector: Collector) -> None:
    assert await collector.take({1: samples([3, 2**64 - 1])}) == {}
    status = collector.state.host("node7", NOW)
    assert status is not None
    assert (status.cluster, status.state, status.identity.labels["rack"]) == ("blue", HostState.LIVE, "r1")
    ((series_set, batch),) = collector.state.samples("node7", NOW)
    assert [(s.spec.name, s.labels) for s in series_set.counters] == [
        ("demo_bytes_total", ("p1",)),
        ("demo_bytes_total", ("p2",)),
    ]
    assert [(s.spec.name, s.spec.unit, s.labels) for s in series_set.gauges] == [("demo_ratio", "ratio", ("p1",))]
    assert (batch.counters, batch.gauges) == ([3, 2**64 - 1], [0.5])
    assert list(batch.qualities) == [Quality.OK, Quality.UNREADABLE, Quality.OK]
    assert (batch.time_unix_ns, batch.interval_ns) == (NOW.wall, SECOND)


async def test_its_events_are_stored(collector: Collector) -> None:
    assert await collector.take({1: DOWN, 5: samples([1, 2])}) == {}
    ((who, (sequence, (event,))),) = collector.stored
    assert (who.host, who.epoch, sequence) == ("node7", "e1", 1)
    assert isinstance(event, Event)
    assert (event.kind, event.severity, event.message) == ("demo.down", Severity.WARNING, "p1 is down")
    assert (event.time_unix_ns, event.monotonic_ns, event.subject) == (NOW.wall, 9, {"port": "p1"})


async def test_it_is_told_what_was_refused_and_why(collector: Collector) -> None:
    refusals = await collector.take({1: samples([1]), 2: samples([1, 2], b"8"), 3: samples([1, 2]), 4: b""})
    assert {sequence: reason for sequence, (reason, _) in refusals.items()} == {
        1: stream_pb2.REFUSAL_REASON_COLUMN_LENGTH,
        2: stream_pb2.REFUSAL_REASON_UNKNOWN_SERIES_SET,
        4: stream_pb2.REFUSAL_REASON_UNSUPPORTED,
    }
    assert "it is not declared on this stream" in refusals[2][1]
    ((_, batch),) = collector.state.samples("node7", NOW)
    assert batch.counters == [1, 2]


async def test_what_it_sends_again_changes_nothing(collector: Collector) -> None:
    await collector.take({1: samples([1, 2]), 2: samples([3, 4])})
    assert await collector.take({1: samples([1, 2]), 3: DOWN}) == {}
    ((_, batch),) = collector.state.samples("node7", NOW)
    assert batch.counters == [3, 4]
