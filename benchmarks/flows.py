"""What a packet costs in the flow engine, beside NFStream on the same captures, and what flows take of memory.

    python -m benchmarks.flows [--write] [--runs 7] [--captures ../shared/data/captures/ndpi/pcap]

One worker reads each capture from a file, decodes, follows flows and connections of RDMA, and looks at payload where
that is said. Times are of the processor, user and system, medians of several runs; so is NFStream's, which is installed
from PyPI into a throw-away environment and runs in turn with the engine. NFStream gives its records as objects of
Python; the engine's own time ends with records in Rust, and a second ratio has them packed and decoded in Python too.

The captures: a million packets of 1,000 queue pair connections, cut to 128 octets; 60,000 short flows of UDP; nDPI's
captures of Ethernet, as if they had all begun at once, several times one after the other, with the shipped rules.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.processes import resident_mib
from fabricscope.flow import decode_records
from probes.engine import CaptureFile, Classifier, Meter
from probes.flows.language import normal_form
from probes.flows.language.rule_files import load
from tests.fixtures.roce.scenarios import many

TARGETS = {
    "roce_ns": 150.0,
    "udp_ns": 300.0,
    "captures_ns": 1000.0,
    "roce_nfstream_ratio": 15.0,
    "udp_nfstream_ratio": 15.0,
    "captures_nfstream_ratio": 15.0,
}
NFSTREAM = "nfstream==6.6.0"
CAPTURES = Path(__file__).parents[2] / "shared" / "data" / "captures" / "ndpi" / "pcap"
STEP = 100_000
ETHERNET = 1
_SETTINGS = {"max_flows": 1 << 21, "max_records": 1 << 22}
_RECORD = struct.Struct("<IIII")
_NANOSECONDS = 10**9
_START = 1_760_000_000 * _NANOSECONDS
_LONGEST_GAP = 60 * _NANOSECONDS
_REPETITIONS = 10
_PEER_RUNS = 3

Frame = tuple[int, int, bytes]
"""Time in ns, octets on the wire, octets."""


class Run(NamedTuple):
    """One capture, once, in seconds of the processor."""

    packets: int
    reading: float
    """From the first octet of the file to the last flow told."""
    decoding: float
    """Of the records in Python."""
    flows: int


def meter_once(path: Path, rules: Classifier | None) -> Run:
    """The whole way of a capture."""
    meter = Meter(json.dumps(_SETTINGS).encode())
    if rules is not None:
        meter.set_rules(rules)
    began = time.thread_time()
    capture, packets = CaptureFile(str(path)), 0
    while count := meter.read(capture, STEP):
        packets += count
    meter.finish()
    read = time.thread_time()
    records = decode_records(meter.take())
    return Run(packets, read - began, time.thread_time() - read, len(records))


def read_once(path: Path) -> float:
    """Reading the file alone."""
    began = time.thread_time()
    capture = CaptureFile(str(path))
    while capture.skip(STEP)[0]:
        pass
    return time.thread_time() - began


def write(path: Path, frames: Iterator[Frame]) -> None:
    """A pcap of Ethernet, with times in ns."""
    with path.open("wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, ETHERNET))
        for time_ns, wire_octets, octets in frames:
            seconds, rest = divmod(time_ns, _NANOSECONDS)
            file.write(_RECORD.pack(seconds, rest, len(octets), wire_octets) + octets)


def udp(flows: int, packets: int) -> Iterator[Frame]:
    """So many flows of UDP, each of so many packets both ways, that come in turn: a thousand are at work at a time."""
    for first in range(0, flows, 1000):
        for packet in range(packets):
            for flow in range(first, min(first + 1000, flows)):
                ends = [struct.pack("!I", 0x0A000000 | flow), struct.pack("!I", 0x0AFF0000 | flow % 200)]
                ports = [20_000 + flow % 40_000, 443]
                if packet % 3 == 2:
                    ends.reverse()
                    ports.reverse()
                head = struct.pack("!BBHHHBBH", 0x45, 0, 228, 0, 0, 64, 17, 0)
                datagram = struct.pack("!HHHH", *ports, 208, 0) + bytes(86)
                time_ns = _START + (first * packets + packet * 1000 + flow % 1000) * 1000
                yield time_ns, 242, bytes(12) + b"\x08\x00" + head + b"".join(ends) + datagram


def merged(folder: Path, repetitions: int) -> Iterator[Frame]:
    """All captures of Ethernet in a folder as if they had begun at once; and again, when they are over."""
    captures = [some for path in sorted(folder.iterdir()) if (some := _frames(path))]
    span = max(some[-1][0] for some in captures) + 3600 * _NANOSECONDS
    for repetition in range(repetitions):
        for time_ns, wire_octets, octets in heapq.merge(*captures):
            yield _START + repetition * span + time_ns, wire_octets, octets


def _frames(path: Path) -> list[Frame]:
    """What a capture has of Ethernet, as far as it can be read: from time 0 on, and without hours of silence."""
    capture, found = CaptureFile(str(path)), list[Frame]()
    try:
        while some := capture.frames(STEP):
            found += [(time_ns, wire, octets) for time_ns, wire, link, octets, _ in some if link == ETHERNET]
    except (OSError, ValueError):
        pass  # It breaks off; what came before is there.
    found.sort(key=lambda frame: frame[0])
    now = last = 0
    frames = []
    for time_ns, wire_octets, octets in found:
        now += min(time_ns - last, _LONGEST_GAP) if last else 0
        last = time_ns
        frames.append((now, wire_octets, octets))
    return frames


class Peer:
    """NFStream in its own environment."""

    def __init__(self, folder: Path) -> None:
        python = folder / "bin" / "python"
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, NFSTREAM, "setuptools"], check=True)
        self._command = [str(python), str(Path(__file__).with_name("nfstream_peer.py"))]

    def once(self, path: Path, dissections: int) -> dict[str, float]:
        """Packets, flows, and seconds of the processor."""
        command = [*self._command, str(dissections), str(path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        told: dict[str, float] = json.loads(printed.splitlines()[-1])
        return told


def compare(name: str, path: Path, peer: Peer, runs: int, rules: Classifier | None = None) -> dict[str, Any]:
    """Both on one capture, in turn."""
    ours, reading, theirs = [], [], []
    for run in range(runs):
        ours.append(meter_once(path, rules))
        reading.append(read_once(path))
        if run < _PEER_RUNS:
            theirs.append(peer.once(path, 0 if rules is None else 20))
    packets, flows = ours[0].packets, ours[0].flows
    engine = statistics.median(run.reading for run in ours) * _NANOSECONDS / packets
    whole = statistics.median(run.reading + run.decoding for run in ours) * _NANOSECONDS / packets
    nfstream = statistics.median(told["seconds"] / told["packets"] for told in theirs) * _NANOSECONDS
    return {
        f"{name}_packets": packets,
        f"{name}_records": flows,
        f"{name}_ns": engine,
        f"{name}_fastest_ns": min(run.reading for run in ours) * _NANOSECONDS / packets,
        f"{name}_of_which_file_ns": statistics.median(reading) * _NANOSECONDS / packets,
        f"{name}_with_records_in_python_ns": whole,
        f"{name}_nfstream_ns": nfstream,
        f"{name}_nfstream_ratio": nfstream / engine,
        f"{name}_nfstream_ratio_in_python": nfstream / whole,
    }


def memory(flows: int) -> dict[str, Any]:
    """What so many flows of two packets take while they go on."""
    meter = Meter(json.dumps(_SETTINGS | {"idle_ns": 3600 * _NANOSECONDS}).encode())
    before = resident_mib()
    for flow in range(flows):
        for back in (False, True):
            ends = [struct.pack("!I", 0x0A000000 + flow), b"\x0b\x00\x00\x01"]
            head = struct.pack("!BBHHHBBH", 0x45, 0, 228, 0, 0, 64, 17, 0)
            frame = bytes(12) + b"\x08\x00" + head + b"".join(ends[::-1] if back else ends)
            meter.observe(_START + flow, ETHERNET, frame + struct.pack("!HHHH", 443, 443, 208, 0), 242)
    used = resident_mib() - before
    return {"flows_at_once": flows, "flows_mib": used, "flows_octets_each": used * (1 << 20) / flows}


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs of the engine on each capture (default: %(default)s)")
    parser.add_argument("--captures", type=Path, default=CAPTURES, help="folder of nDPI's captures")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    rules = Classifier(normal_form.as_json(load([]).rules))
    figures: dict[str, Any] = {"nfstream": NFSTREAM.partition("==")[2], "runs": options.runs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = Peer(folder / "nfstream")
        many(1_000_000, 1000).write(folder / "roce.pcap")
        figures |= compare("roce", folder / "roce.pcap", peer, options.runs)
        write(folder / "udp.pcap", udp(60_000, 8))
        figures |= compare("udp", folder / "udp.pcap", peer, options.runs)
        if options.captures.is_dir():
            write(folder / "captures.pcap", merged(options.captures, _REPETITIONS))
            figures |= compare("captures", folder / "captures.pcap", peer, options.runs, rules)
    figures |= memory(1_000_000)
    for key, value in {**machine.facts(), **figures}.items():
        print(f"{key:<38}{value:>16.3f}" if isinstance(value, float) else f"{key:<38}{value:>16}")
    for key, target in TARGETS.items():
        if key in figures:
            met = figures[key] >= target if key.endswith("_ratio") else figures[key] <= target
            print(f"target {key} {target:g}: {'met' if met else 'MISSED'}")
    if options.write:
        print(f"written to {machine.write('flows', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
