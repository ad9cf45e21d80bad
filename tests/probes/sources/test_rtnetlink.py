from __future__ import annotations

import errno
import struct
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import rtnetlink
from probes.sources.rtnetlink import STATS_FIELDS, DumpInterruptedError, Link, RtnetlinkError, parse_links
from tests.fixtures import netlink_bytes as nl
from tests.fixtures.fake_netlink import CUT_OFF, FakeSocket, Said


def parsed(*messages: bytes) -> list[Link]:
    return parse_links(b"".join(messages), nl.SEQUENCE, nl.PORT).links


def stats(count: int) -> bytes:
    return nl.attribute(nl.STATS64, struct.pack(f"={count}Q", *range(1, count + 1)))


def test_every_attribute_of_an_adapter() -> None:
    body = nl.interface(
        7,
        nl.text(nl.IFNAME, "eth7"),
        nl.u32(nl.MTU, 9000),
        nl.u8(nl.OPERSTATE, 6),
        nl.u8(nl.CARRIER, 1),
        nl.u32(nl.CARRIER_CHANGES, 3),
        nl.u32(nl.CARRIER_UP_COUNT, 2),
        nl.u32(nl.CARRIER_DOWN_COUNT, 1),
        nl.attribute(nl.ADDRESS, bytes.fromhex("b83fd2aabbcc")),
        nl.text(nl.PARENT_BUS, "pci"),
        nl.text(nl.PARENT_NAME, "0000:17:00.0"),
        stats(25),
    )
    assert parsed(nl.message(nl.NEWLINK, body)) == [
        Link(
            ifindex=7,
            name="eth7",
            hardware_type=rtnetlink.ETHERNET,
            kind="",
            admin_up=True,
            lower_up=True,
            operstate="up",
            mtu=9000,
            address="b8:3f:d2:aa:bb:cc",
            carrier=True,
            carrier_changes=3,
            carrier_up_count=2,
            carrier_down_count=1,
            parent_bus="pci",
            parent_name="0000:17:00.0",
            stats=dict(zip(STATS_FIELDS, range(1, 26), strict=True)),
        )
    ]


def test_what_the_kernel_does_not_say_is_none() -> None:
    (link,) = parsed(nl.named("old0"))
    assert (link.mtu, link.carrier, link.carrier_changes, link.stats) == (None, None, None, {})
    assert (link.operstate, link.parent_bus, link.address) == ("unknown", "", "")


def test_the_kind_is_nested_and_flagged_so() -> None:
    nested = nl.attribute(nl.LINKINFO | 0x8000, nl.text(1, "veth"))
    (link,) = parsed(nl.message(nl.NEWLINK, nl.interface(3, nl.text(nl.IFNAME, "veth0"), nested, flags=0)))
    assert (link.kind, link.admin_up, link.lower_up) == ("veth", False, False)


@pytest.mark.parametrize(
    ("fields", "last"), [(23, "tx_compressed"), (24, "rx_nohandler"), (25, "rx_otherhost_dropped")]
)
def test_counters_of_older_kernels_are_absent_and_not_zero(fields: int, last: str) -> None:
    (link,) = parsed(nl.message(nl.NEWLINK, nl.interface(1, nl.text(nl.IFNAME, "a"), stats(fields))))
    assert list(link.stats) == list(STATS_FIELDS[:fields])
    assert link.stats[last] == fields


def test_counters_that_a_later_kernel_adds_are_passed_over() -> None:
    (link,) = parsed(nl.message(nl.NEWLINK, nl.interface(1, nl.text(nl.IFNAME, "a"), stats(30))))
    assert len(link.stats) == len(STATS_FIELDS)


def test_counters_are_64_bits_wide() -> None:
    payload = struct.pack("=Q", (1 << 64) - 1)
    (link,) = parsed(
        nl.message(nl.NEWLINK, nl.interface(1, nl.text(nl.IFNAME, "a"), nl.attribute(nl.STATS64, payload)))
    )
    assert link.stats == {"rx_packets": (1 << 64) - 1}


def test_a_state_that_nobody_knows_yet_is_unknown() -> None:
    (link,) = parsed(nl.message(nl.NEWLINK, nl.interface(1, nl.text(nl.IFNAME, "a"), nl.u8(nl.OPERSTATE, 9))))
    assert link.operstate == "unknown"


def test_several_messages_and_the_end() -> None:
    part = parse_links(nl.named("a", 1) + nl.named("b", 2) + nl.done() + nl.named("c", 3), nl.SEQUENCE, nl.PORT)
    assert [link.name for link in part.links] == ["a", "b"]
    assert part.done


def test_no_end_yet() -> None:
    assert not parse_links(nl.named("a"), nl.SEQUENCE, nl.PORT).done
    assert not parse_links(b"", nl.SEQUENCE, nl.PORT).done


@pytest.mark.parametrize("stray", [{"sequence": 99}, {"port": 99}])
def test_messages_for_others_are_skipped(stray: dict[str, int]) -> None:
    assert parsed(nl.message(nl.ERROR, b"", **stray), nl.named("a"))[0].name == "a"


def test_an_error_carries_its_number() -> None:
    refusal = nl.message(nl.ERROR, struct.pack("=i", -errno.EPERM))
    with pytest.raises(RtnetlinkError, match="refused the dump of interfaces: Operation not permitted") as caught:
        parsed(refusal)
    assert caught.value.errno == errno.EPERM


def test_the_end_can_report_an_error() -> None:
    with pytest.raises(RtnetlinkError) as caught:
        parsed(nl.done(-errno.EMSGSIZE))
    assert caught.value.errno == errno.EMSGSIZE


def test_an_end_that_says_nothing_is_an_end() -> None:
    assert parse_links(nl.message(nl.DONE, b""), nl.SEQUENCE, nl.PORT).done


@pytest.mark.parametrize(
    "interrupted",
    [nl.message(nl.NEWLINK, nl.interface(1), flags=nl.MULTI | nl.INTERRUPTED), nl.done(-errno.EINTR)],
    ids=["flag", "end"],
)
def test_an_interrupted_dump_is_told_apart(interrupted: bytes) -> None:
    with pytest.raises(DumpInterruptedError):
        parsed(interrupted)


@pytest.mark.parametrize(
    ("datagram", "complaint"),
    [
        (b"\0" * 5, "5 bytes left where a message header should be"),
        (nl.message(nl.NEWLINK, b"", length=15), "message of length 15"),
        (nl.message(nl.NEWLINK, b"", length=4096), "message of length 4096 where 16 bytes are left"),
        (nl.message(nl.NEWLINK, b"\0" * 8), "interface message of 8 bytes"),
        (nl.message(nl.NEWLINK, nl.interface(1)), "interface name ''"),
        (nl.named("../../etc"), "interface name"),
        (nl.named(".."), "interface name"),
        (nl.message(nl.NEWLINK, nl.interface(1, nl.attribute(nl.MTU, b"", length=3))), "attribute 4 of length 3"),
        (nl.message(nl.NEWLINK, nl.interface(1, nl.attribute(nl.MTU, b"", length=400))), "attribute 4 of length 400"),
        (nl.message(nl.NEWLINK, nl.interface(1, nl.text(nl.IFNAME, "a"), nl.attribute(nl.MTU, b"\1"))), "expected 4"),
        (nl.message(nl.NEWLINK, nl.interface(1, nl.text(nl.IFNAME, "a"), nl.attribute(nl.CARRIER, b""))), "empty"),
        (nl.message(nl.ERROR, b"\0"), "error message without a number"),
        (nl.message(nl.OVERRUN, b""), "lost part of the dump"),
        (nl.message(99, b""), "message type 99"),
    ],
)
def test_malformed_answers_are_refused_by_name(datagram: bytes, complaint: str) -> None:
    with pytest.raises(RtnetlinkError, match=complaint):
        parsed(datagram)


def test_a_name_is_printable_whatever_its_octets() -> None:
    (link,) = parsed(nl.message(nl.NEWLINK, nl.interface(1, nl.attribute(nl.IFNAME, b"e\x1b\xff\0"))))
    assert link.name == r"e\x1b\xff"


@given(st.binary(max_size=512))
def test_any_bytes_give_links_or_an_rtnetlink_error(datagram: bytes) -> None:
    try:
        links = parse_links(datagram, 0, 0).links
    except RtnetlinkError:
        return
    assert all(link.name for link in links)


@given(st.binary(max_size=256), st.integers(0, 0xFFFF), st.integers(0, 64))
def test_any_attributes_give_a_link_or_an_rtnetlink_error(junk: bytes, kind: int, length: int) -> None:
    body = nl.interface(1, nl.text(nl.IFNAME, "a"), nl.attribute(kind, junk[:8], length=length), junk)
    try:
        (link,) = parsed(nl.message(nl.NEWLINK, body))
    except RtnetlinkError:
        return
    assert link.name.isprintable()
    assert "/" not in link.name


def dump_over(*scripts: list[Said]) -> list[Link]:
    """What a dump makes of sockets that give these datagrams, one socket an attempt."""
    sockets = [FakeSocket(*script) for script in scripts]
    with mock.patch("socket.socket", side_effect=sockets):
        return rtnetlink.dump_links()


def test_a_dump_goes_on_over_datagrams_and_is_in_order() -> None:
    links = dump_over([Said(nl.named("b", 2)), Said(nl.named("a", 1)), Said(nl.done())])
    assert [link.name for link in links] == ["a", "b"]


def test_only_the_kernel_is_listened_to() -> None:
    assert dump_over([Said(nl.named("forged"), sender=4712), Said(nl.named("a")), Said(nl.done())])[0].name == "a"


def test_an_interrupted_dump_is_asked_for_again() -> None:
    interrupted = Said(nl.done(-errno.EINTR))
    assert [link.name for link in dump_over([interrupted], [Said(nl.named("a") + nl.done())])] == ["a"]


def test_a_dump_that_is_always_interrupted_fails() -> None:
    with pytest.raises(DumpInterruptedError):
        dump_over(*([Said(nl.done(-errno.EINTR))] for _ in range(5)))


def test_a_datagram_that_was_cut_off_is_refused() -> None:
    with pytest.raises(RtnetlinkError, match="longer than"):
        dump_over([Said(nl.named("a"), flags=CUT_OFF)])


def test_a_kernel_that_does_not_answer() -> None:
    with pytest.raises(RtnetlinkError, match="dump of interfaces by rtnetlink: no answer for 5 s"):
        dump_over([Said(nl.named("a"))])


def test_too_many_interfaces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtnetlink, "MAX_LINKS", 2)
    with pytest.raises(RtnetlinkError, match="more than 2 network interfaces"):
        dump_over([Said(b"".join(nl.named("a", index) for index in range(3)))])


def test_a_dump_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtnetlink, "_MAX_DATAGRAMS", 3)
    with pytest.raises(RtnetlinkError, match="without an end"):
        dump_over([Said(nl.named("a"))] * 4)


def test_this_machines_loopback() -> None:
    """The kernel's own answer, beside what /proc says of the same interface before and after."""
    before = proc_net_dev("lo")
    link = next(link for link in rtnetlink.dump_links() if link.name == "lo")
    after = proc_net_dev("lo")
    assert (link.ifindex, link.address) == (1, "00:00:00:00:00:00")
    counted = (link.stats["rx_bytes"], link.stats["rx_packets"], link.stats["tx_bytes"], link.stats["tx_packets"])
    assert all(low <= value <= high for low, value, high in zip(before, counted, after, strict=True))


def proc_net_dev(name: str) -> tuple[int, int, int, int]:
    """Bytes and packets received, bytes and packets sent."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    row = next(line.split(":")[1].split() for line in lines if line.strip().startswith(f"{name}:"))
    return int(row[0]), int(row[1]), int(row[8]), int(row[9])
