from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from fabricscope.assemble import Assembler
from fabricscope.model import Now, Quality, Reading
from probes.samplers.queue_pairs import QueuePairsSampler, QueuePairsSettings
from probes.sampling.sampler import Roots
from probes.sources import rdma_netlink
from probes.sources.rdma_netlink import RdmaNetlinkError
from probes.sources.rdma_nldev import Counter, Device, QueuePair, Resources
from tests.probes.following import Following

NOW = Now(wall=1_700_000_000_000_000_000, mono=0)


def pair(number: int, state: str = "rts", *, pid: int | None = 4242, kernel: str = "", kind: str = "rc") -> QueuePair:
    return QueuePair(number, 1, kind, state, pid, kernel, 0x99, 77, 0)


class FakeKernel:
    """Answers as data; an errno instead of an answer is raised."""

    def __init__(self) -> None:
        self.known = [Device(0, "mlx5_0", 1)]
        self.summaries = [Resources("mlx5_0", {"qp": 4, "mr": 12})]
        self.pairs: dict[int, list[QueuePair] | int] = {
            0: [pair(1), pair(2), pair(3, "err"), pair(4, pid=None, kernel="ib_core", kind="gsi")]
        }
        self.bound: dict[int, list[Counter] | int] = {}
        self.ports: dict[str, int] | int = errno.EOPNOTSUPP
        self.limits: list[int] = []

    def devices(self) -> list[Device]:
        return self.known

    def resources(self) -> list[Resources]:
        return self.summaries

    def queue_pairs(self, device: int, limit: int) -> list[QueuePair]:
        self.limits.append(limit)
        return answer(self.pairs.get(device, []))[:limit]

    def counters(self, device: int, limit: int) -> list[Counter]:
        return answer(self.bound.get(device, []))[:limit]

    def statistics(self, device: int, port: int) -> dict[str, int]:
        return answer(self.ports)


_T = TypeVar("_T")


def answer(given: _T | int) -> _T:
    if isinstance(given, int):
        raise RdmaNetlinkError(given, "refused")
    return given


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


def sampler(kernel: FakeKernel, proc: Path = Path("/nowhere"), **settings: object) -> QueuePairsSampler:
    return QueuePairsSampler(msgspec.convert(settings, QueuePairsSettings), Roots(proc=str(proc)), kernel)


def values(readings: list[Reading]) -> dict[tuple[str, ...], Any]:
    found = {(row.spec.name.removeprefix("fabricscope_queue_pairs_"), *row.labels): row.value for row in readings}
    assert len(found) == len(readings), "a series was read twice"
    return found


def sampled(tested: QueuePairsSampler) -> dict[tuple[str, ...], Any]:
    return values(list(tested.sample(NOW)))


def write_process(proc: Path, pid: int, name: str) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "comm").write_text(f"{name}\n")


def test_counts_by_state_and_by_process(kernel: FakeKernel, tmp_path: Path) -> None:
    write_process(tmp_path, 4242, "python3")
    rows = sampled(sampler(kernel, tmp_path))
    assert rows["open", "mlx5_0", "1", "rc", "rts"] == 2
    assert rows["open", "mlx5_0", "1", "rc", "err"] == 1
    assert rows["process_open", "mlx5_0", "4242", "python3"] == 3
    assert rows["process_broken", "mlx5_0", "4242", "python3"] == 1
    assert rows["process_open", "mlx5_0", "", "ib_core"] == 1
    assert rows["resources", "mlx5_0", "mr"] == 12
    assert rows["left_out", "mlx5_0"] == rows["processes_left_out",] == rows["bound_left_out",] == 0


@pytest.mark.parametrize(
    ("state", "broken"),
    [("reset", 0), ("init", 0), ("rtr", 0), ("rts", 0), ("sqd", 0), ("sqe", 1), ("err", 1)],
)
def test_nothing_goes_through_a_queue_pair_in_an_error_state(kernel: FakeKernel, state: str, broken: int) -> None:
    kernel.pairs[0] = [pair(1, state)]
    assert sampled(sampler(kernel))["process_broken", "mlx5_0", "4242", ""] == broken


def test_a_process_that_cannot_be_seen_or_is_gone(kernel: FakeKernel) -> None:
    kernel.pairs[0] = [pair(1, pid=None), pair(2, pid=0), pair(3, pid=77)]
    rows = sampled(sampler(kernel))
    assert rows["process_open", "mlx5_0", "", ""] == 2
    assert rows["process_open", "mlx5_0", "77", ""] == 1


def test_a_process_with_a_name_to_deceive(kernel: FakeKernel, tmp_path: Path) -> None:
    write_process(tmp_path, 4242, "a\x1b[31m" + "b" * 5000)
    (name,) = [key[3] for key in sampled(sampler(kernel, tmp_path)) if key[:3] == ("process_open", "mlx5_0", "4242")]
    assert name.isprintable()
    assert len(name) <= 256


def test_queue_pairs_beyond_the_bound_are_counted_and_not_asked_for(kernel: FakeKernel) -> None:
    kernel.summaries = [Resources("mlx5_0", {"qp": 10_000})]
    kernel.pairs[0] = [pair(number) for number in range(10_000)]
    rows = sampled(sampler(kernel, max_queue_pairs=100))
    assert rows["open", "mlx5_0", "1", "rc", "rts"] == 100
    assert rows["left_out", "mlx5_0"] == 9900
    assert kernel.limits == [100]


def test_those_that_the_kernel_does_not_list_are_not_left_out_by_a_bound(kernel: FakeKernel) -> None:
    kernel.summaries = [Resources("mlx5_0", {"qp": 6})]
    assert sampled(sampler(kernel))["left_out", "mlx5_0"] == 0


def test_they_need_not_be_listed_at_all(kernel: FakeKernel) -> None:
    rows = sampled(sampler(kernel, max_queue_pairs=0))
    assert kernel.limits == []
    assert (rows["resources", "mlx5_0", "qp"], rows["left_out", "mlx5_0"]) == (4, 4)


def test_the_processes_with_the_most_queue_pairs_stay(kernel: FakeKernel) -> None:
    kernel.pairs[0] = [pair(number, pid=pid) for pid in range(1, 6) for number in range(pid)]
    rows = sampled(sampler(kernel, max_processes=2))
    assert {key[2] for key in rows if key[0] == "process_open"} == {"5", "4"}
    assert rows["processes_left_out",] == 3


def test_counters_that_an_operator_bound(kernel: FakeKernel, tmp_path: Path) -> None:
    write_process(tmp_path, 4242, "python3")
    kernel.bound[0] = [
        Counter(4, 1, "manual", "", None, (418,), {"out_of_sequence": 7}),
        Counter(5, 1, "auto", "rc", 4242, (1, 2, 3), {"out_of_sequence": 1, "cc_rx_ce_pkts": 9}),
    ]
    rows = sampled(sampler(kernel, tmp_path))
    assert rows["bound_open", "mlx5_0", "1", "4", "manual", "", "", "", "418"] == 1
    assert rows["bound_open", "mlx5_0", "1", "5", "auto", "rc", "4242", "python3", ""] == 3
    assert rows["bound_statistics_total", "mlx5_0", "1", "4", "out_of_sequence"] == 7
    assert rows["bound_statistics_total", "mlx5_0", "1", "5", "cc_rx_ce_pkts"] == 9


def test_a_bound_counter_goes_round_at_32_bits(kernel: FakeKernel) -> None:
    tested, tracks = sampler(kernel), Following()

    def counted(second: int) -> int | float | None:
        kernel.bound[0] = [Counter(4, 1, "manual", "", None, (418,), {"acks": (2**32 - 2500 + 1000 * second) % 2**32})]
        now = Now(wall=NOW.wall, mono=second * 1_000_000_000)
        (row,) = [row for row in tracks.apply(list(tested.sample(now)), now) if row.labels[-1:] == ("acks",)]
        return row.value

    assert [counted(second) for second in range(4)] == [2**32 - 2500, 2**32 - 1500, 2**32 - 500, 2**32 + 500]


def test_bound_counters_beyond_the_bound(kernel: FakeKernel) -> None:
    kernel.bound[0] = [Counter(number, 1, "auto", "rc", None, (), {"a": 1}) for number in range(50)]
    rows = sampled(sampler(kernel, max_counters=3))
    assert {key[3] for key in rows if key[0] == "bound_open"} == {"0", "1", "2"}
    assert rows["bound_left_out",] == 1
    assert not [key for key in sampled(sampler(kernel, max_counters=0)) if key[0].startswith("bound_s")]


def test_optional_statistics_of_a_port_that_are_switched_on(kernel: FakeKernel) -> None:
    kernel.ports = {"out_of_buffer": 5, "cc_rx_ce_pkts": 7, "rdma_tx_bytes": 1 << 40}
    rows = sampled(sampler(kernel))
    assert {key[3]: value for key, value in rows.items() if key[0] == "port_statistics_total"} == {
        "cc_rx_ce_pkts": 7,
        "rdma_tx_bytes": 1 << 40,
    }


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_device_that_is_gone_or_has_no_list_disturbs_no_other(kernel: FakeKernel, number: int) -> None:
    kernel.known = [Device(0, "mlx5_0", 1), Device(1, "rxe0", 1)]
    kernel.pairs = {0: number, 1: [pair(1)]}
    kernel.bound = {0: number}
    rows = sampled(sampler(kernel))
    assert rows["open", "rxe0", "1", "rc", "rts"] == 1
    assert not [key for key in rows if key[:2] == ("open", "mlx5_0")]


def test_a_list_that_cannot_be_read_is_unreadable_by_name(kernel: FakeKernel) -> None:
    tested = sampler(kernel)
    before = {(row.spec, row.labels) for row in tested.sample(NOW) if row.spec.name.endswith("_open")}
    kernel.pairs[0] = errno.EIO
    unreadable = {(row.spec, row.labels) for row in tested.sample(NOW) if row.quality is Quality.UNREADABLE}
    assert {key for key in before if key[0].labels[-1] == "state"} <= unreadable


def test_devices_come_and_go(kernel: FakeKernel) -> None:
    tested = sampler(kernel)
    sampled(tested)
    kernel.known = []
    kernel.summaries = []
    assert sampled(tested) == {}
    assert tested._last == {}


def test_every_reading_is_in_the_table(kernel: FakeKernel) -> None:
    kernel.bound[0] = [Counter(4, 1, "manual", "", None, (418,), {"out_of_sequence": 7})]
    kernel.ports = {"cc_rx_ce_pkts": 7}
    readings = list(sampler(kernel).sample(NOW))
    assert {row.spec for row in readings} == set(QueuePairsSampler.metrics)
    assert all(len(row.labels) == len(row.spec.labels) for row in readings)
    sampled = Assembler("queue_pairs", 10**10).assemble(Following().apply(readings, NOW), NOW)
    assert len(sampled.series_set) == len(readings)


def test_why_nothing_is_available(kernel: FakeKernel) -> None:
    assert sampler(kernel).unavailable() is None
    kernel.known = []
    assert "no RDMA device" in (sampler(kernel).unavailable() or "")


def test_this_kernel_is_sampled_whether_or_not_it_has_rdma() -> None:
    tested = QueuePairsSampler(QueuePairsSettings(), Roots())
    try:
        rdma_netlink.devices()
    except RdmaNetlinkError:
        assert "ib_core is not loaded" in (tested.unavailable() or "")
        assert list(tested.sample(NOW)) == []
    else:
        assert isinstance(list(tested.sample(NOW)), list)
    tested.close()


class Refusing:
    """A kernel that answers no question."""

    def __init__(self, number: int) -> None:
        self._number = number

    def devices(self) -> list[Device]:
        raise OSError(self._number, "no")


def test_a_kernel_without_rdma_has_nothing_and_one_that_refuses_is_a_failure(tmp_path: Path) -> None:
    def tested(number: int) -> QueuePairsSampler:
        return QueuePairsSampler(QueuePairsSettings(), Roots(proc=str(tmp_path)), Refusing(number))  # type: ignore[arg-type]

    assert list(tested(errno.EPROTONOSUPPORT).sample(Now(0, 0))) == []
    with pytest.raises(OSError, match="no"):
        list(tested(errno.EPERM).sample(Now(0, 0)))
