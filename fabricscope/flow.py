"""Flow records: what the packets of one conversation came to, by one observer.

Terms and numbers as in IPFIX (RFC 7011, RFC 5103): *forward* is towards the destination, *reverse* towards the source,
which is who began as far as that was seen. The engine writes these structures as MessagePack arrays in the order of
their fields (`engine/src/flows/record.rs` is the other side).
"""

from __future__ import annotations

import enum
import ipaddress

import msgspec
from msgspec import Struct


class EndReason(enum.IntEnum):
    """Why a record was written; flowEndReason (information element 136)."""

    IDLE = 1
    """Nothing came for the idle timeout."""
    ACTIVE = 2
    """It goes on; the active timeout has passed."""
    END_OF_FLOW = 3
    """Its end was seen: FIN both ways, RST, or a disconnect of connection management."""
    FORCED = 4
    """The input or the probe ended."""
    LACK_OF_RESOURCES = 5
    """It made room for others."""


class Tunnel(enum.IntEnum):
    """What a packet came through."""

    NONE = 0
    IP = 1
    GRE = 2
    ERSPAN1 = 3
    ERSPAN2 = 4
    ERSPAN3 = 5
    VXLAN = 6
    GENEVE = 7
    GTP = 8
    CAPWAP = 9


class RdmaLink(enum.IntEnum):
    """What carries RDMA."""

    ROCEV2 = 0
    ROCEV1 = 1
    INFINIBAND = 2


class JoinedBy(enum.IntEnum):
    """How both ways of a queue pair connection were found to be one."""

    NOTHING = 0
    SEQUENCE_NUMBERS = 1
    CONNECTION_MANAGEMENT = 2


class FlowKey(Struct, array_like=True, frozen=True):
    """Both ends of a flow."""

    source: bytes
    """IPv4 in 4 octets, IPv6 or a GID in 16, an Ethernet address in 6, an InfiniBand LID in 2."""
    destination: bytes
    protocol: int
    """IP protocol number; 0 for what is not IP."""
    ether_type: int
    source_port: int
    """Of TCP, UDP, SCTP and DCCP; type and code of ICMP; 0 for RDMA, whose source ports say nothing."""
    destination_port: int
    """4791 for RoCE v2."""
    source_queue_pair: int
    """0 when it is not known."""
    destination_queue_pair: int
    vlan: int
    """0 for none."""
    tunnel: Tunnel
    tunnel_id: int
    """The tunnel's session, network or key."""


class Way(Struct, array_like=True, frozen=True):
    """One way of a flow."""

    packets: int
    octets: int
    """On the wire, of whole frames."""
    payload_octets: int
    """Of the transport's payload."""
    first_ns: int
    """First packet, ns since 1970; 0 for none."""
    last_ns: int
    ecn_capable: int
    """Packets of an ECN capable transport, marked or not."""
    ecn_marked: int
    """Packets marked congestion experienced."""
    fragments: int
    dscp: int
    """Of the first packet."""
    tcp_flags: int
    """All that were seen: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128."""


class Times(Struct, array_like=True, frozen=True):
    """Times of one kind, in ns."""

    count: int
    min_ns: int
    sum_ns: int
    max_ns: int


class TcpWay(Struct, array_like=True, frozen=True):
    """One way of a TCP connection."""

    retransmissions: int
    retransmitted_octets: int
    out_of_order: int
    """Segments that came after later ones without having been seen before."""
    zero_windows: int
    duplicate_acknowledgements: int
    resets: int
    round_trips: Times
    """From data of this way to its acknowledgement, as seen from where packets are mirrored."""


class Tcp(Struct, array_like=True, frozen=True):
    """A TCP connection."""

    handshake_ns: int
    """From SYN to the acknowledgement of SYN+ACK; 0 when it was not seen."""
    forward: TcpWay
    reverse: TcpWay


class RdmaWay(Struct, array_like=True, frozen=True):
    """One way of a connection between queue pairs."""

    opcodes: list[tuple[int, int]]
    """Packets by opcode of the base transport header, ascending."""
    messages: int
    """That ended (LAST or ONLY)."""
    message_octets: int
    message_min: int
    message_max: int
    message_sizes: list[int]
    """By powers of two: the nth number counts sizes of n bits."""
    lost: int
    """Sequence numbers that the fabric lost: not seen, and asked for again or timed out; or seen here, and refused with
    a PSN sequence error, which names the first one only. Of UC all that were not seen."""
    unseen: int
    """Not seen, and acknowledged nevertheless: the mirror lost them."""
    duplicates: int
    """Packets whose sequence number had been seen."""
    repeated_octets: int
    """Payload that was sent again (go-back-N waste)."""
    fresh_octets: int
    """Payload that was sent for the first time (goodput)."""
    naks: list[tuple[int, int]]
    """By syndrome: 0 PSN sequence error, 1 invalid request, 2 remote access, 3 remote operation, 4 invalid RD."""
    rnr_naks: int
    """Receiver not ready."""
    cnps: int
    """Congestion notification packets."""
    icrc_checked: int
    icrc_wrong: int


class Rdma(Struct, array_like=True, frozen=True):
    """A connection between queue pairs."""

    link: RdmaLink
    service: int
    """Upper three bits of the opcode: 0 RC, 1 UC, 2 RD, 3 UD, 4 CNP, 5 XRC."""
    joined_by: JoinedBy
    forward: RdmaWay
    reverse: RdmaWay


class Features(Struct, array_like=True, frozen=True):
    """How a flow behaves."""

    sizes_forward: list[int]
    """Packets by wire size: the nth number counts sizes of n bits (0 to 15)."""
    sizes_reverse: list[int]
    gaps_forward: list[int]
    """Times between packets by bits of their length in microseconds (0 to 31)."""
    gaps_reverse: list[int]
    bursts: int
    """Runs of packets, either way, with less than 1 ms between two of them."""
    burst_octets: int
    """Octets of the largest."""
    busy_ns: int
    """Time inside such runs: over the flow's duration it is the duty cycle."""
    bin_ns: int
    """Width of `bins`, a power of two times 10 ms; 0 when the flow was too small for a series."""
    bins: list[int]
    """Octets, both ways, in each bin from the first packet on."""
    period_ns: int
    """The period found in the bins; 0 for none."""
    period_strength: float
    """How much of the series repeats so, 0 to 1."""


class Classification(Struct, array_like=True, frozen=True):
    """What a flow's payload says."""

    label: str
    """The application, such as `tls`; empty when nothing matched."""
    rule: str
    confidence: float
    """0 to 1."""
    evidence: list[str]
    packets: int
    """Packets with payload that were looked at."""
    alternatives: list[tuple[str, float]]
    """Other labels that fit, best first."""
    fields: list[tuple[str, str]]
    """What was read out of the payload, by name: `sni`, `alpn`, `ja4`, `host`, ..."""


class FlowRecord(Struct, array_like=True, frozen=True):
    """One flow that ended, or went on past the active timeout."""

    key: FlowKey
    start_ns: int
    """First packet, ns since 1970."""
    end_ns: int
    end_reason: EndReason
    forward: Way
    reverse: Way
    sampling: int
    """1 when every packet was looked at; N when one of N was."""
    tcp: Tcp | None
    rdma: Rdma | None
    features: Features
    classification: Classification
    visibility: float
    """Which part of what the mirror sent while the flow went on came here, 0 to 1, by gaps in the mirror's own sequence
    numbers; 1 where it has none."""


class Flow(Struct, frozen=True):
    """A record with what rules made of it: what travels to the collector."""

    record: FlowRecord
    behaviour: Classification
    """What the behaviour says (DFI); what the payload says is the record's."""
    observer: str
    """The interface or file that the packets were read from."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """What policies made of it."""
    priority: int = 0
    """0 for none; higher comes first."""


UNCLASSIFIED = Classification("", "", 0.0, [], 0, [], [])
"""When nothing matched."""

_RECORDS = msgspec.msgpack.Decoder(list[FlowRecord])


def decode_records(content: bytes) -> list[FlowRecord]:
    """What the engine wrote. Raises msgspec.DecodeError for anything else."""
    return _RECORDS.decode(content)


def address_text(address: bytes) -> str:
    """As people write it: IP addresses, Ethernet addresses with colons, a LID as `lid:N`."""
    match len(address):
        case 4 | 16:
            return str(ipaddress.ip_address(address))
        case 2:
            return f"lid:{int.from_bytes(address)}"
    return address.hex(":")
