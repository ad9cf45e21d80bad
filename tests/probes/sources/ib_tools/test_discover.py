from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.ib_tools import discover
from probes.sources.ib_tools.discover import DiscoverError, End, Port, parse

# As the tool writes them; addresses and names are made up.
LINKED = "SW     6  4 0x00000000000000b0 4x EDR - CA    22  1 0x00000000000000c1 ( 'leaf04' - 'node16 mlx5_0' )"
UNLINKED = "SW     6  5 0x00000000000000b0 4x SDR                                    'leaf04'"
FRAGMENTS = (
    *(
        "SW",
        "CA",
        "RT",
        "??",
        "4x",
        "12x",
        "EDR",
        "???",
        "undefined (7)",
        " - ",
        " ( '",
        "' - '",
        "' )",
        "'",
        "leaf",
        " ",
    ),
    *("1", "70000", "999", "-1", "0x00000000000000b0", "0xZ", "\t", "\0", "٣", "\n"),
)


def the_port(line: str) -> Port:
    (port,) = parse(line + "\n").ports.values()
    return port


def test_a_cable() -> None:
    port = the_port(LINKED)
    assert port == Port(
        end=End("0x00000000000000b0", 4),
        kind="SW",
        lid=6,
        node="leaf04",
        lanes=4,
        speed="EDR",
        remote=End("0x00000000000000c1", 1),
        remote_kind="CA",
        remote_node="node16 mlx5_0",
    )
    assert port.bytes_per_second == 12.5e9


def test_a_port_without_a_cable_tells_of_its_switch_alone() -> None:
    found = parse(UNLINKED)
    assert found.ports == {}
    assert found.switches == {"0x00000000000000b0": ("leaf04", 6)}


@pytest.mark.parametrize(
    ("link", "gigabits"),
    [
        ("1x SDR", 2.5),
        ("4x DDR", 20),
        ("4x QDR", 40),
        ("4x FDR10", 40),
        ("4x FDR", 56),
        ("12x EDR", 300),
        ("2x HDR", 100),
        ("4x NDR", 400),
        ("8x NDR", 800),
        ("4x XDR", 800),
    ],
)
def test_rates_as_linux_has_them(link: str, gigabits: float) -> None:
    assert the_port(LINKED.replace("4x EDR", link)).bytes_per_second == gigabits * 1e9 / 8


@pytest.mark.parametrize("link", ["4x ???", "?? EDR", "4x undefined (32)", "3x EDR"])
def test_a_rate_that_the_tool_has_no_name_for(link: str) -> None:
    port = the_port(LINKED.replace("4x EDR", link))
    assert port.bytes_per_second is None
    assert port.remote == End("0x00000000000000c1", 1)


def test_a_description_with_quotes_in_it_costs_the_names_alone() -> None:
    odd = LINKED.replace("leaf04", "leaf' - 'four")
    assert (the_port(odd).node, the_port(odd).remote_node) == ("", "")
    assert the_port(odd).remote == End("0x00000000000000c1", 1)


def test_a_name_is_taken_from_another_line_where_one_is_unclear() -> None:
    odd = LINKED.replace("node16 mlx5_0", "a' - 'b")
    (port,) = parse(f"{odd}\n{UNLINKED}\n").ports.values()
    assert (port.node, port.remote_node) == ("leaf04", "")


def test_a_description_cannot_make_up_a_cable() -> None:
    spoofed = UNLINKED.replace("leaf04", "x - CA    22  1 0x00000000000000c1 ( 'a' - 'b' )")
    found = parse(f"{spoofed}\n{LINKED}\n")
    assert list(found.ports) == [End("0x00000000000000b0", 4)]


def test_what_cannot_be_printed_is_not_passed_on() -> None:
    assert the_port(LINKED.replace("leaf04", "le\x1baf")).node == "le?af"


def test_of_two_lines_of_one_port_the_first_holds() -> None:
    found = parse(f"{LINKED}\n{LINKED.replace('EDR', 'SDR')}\n")
    assert [port.speed for port in found.ports.values()] == ["EDR"]


@pytest.mark.parametrize(
    "line",
    [
        "# Topology file: generated on Sun Nov 22 01:22:04 2026",
        LINKED.replace("SW     6", "SW 70000"),
        LINKED.replace(" 4 0x", " 256 0x"),
        LINKED.replace("0x00000000000000b0", "0xb0"),
        LINKED.replace("SW  ", "XX  "),
        LINKED.replace("' )", "'"),
        UNLINKED.replace("'leaf04'", "'leaf04"),
        UNLINKED.replace("leaf04", "l" * discover.MAX_LINE),
    ],
)
def test_lines_that_are_no_port_are_counted(line: str) -> None:
    found = parse(f"{line}\n\n{LINKED}\n   \n")
    assert (len(found.ports), found.unread) == (1, 1)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "no output"), ("\n \n", "no output"), ("a\nb\n", "no port in 2 lines")]
)
def test_a_report_without_a_port(text: str, reason: str) -> None:
    with pytest.raises(DiscoverError, match=reason):
        parse(text)


def test_how_the_tool_is_called() -> None:
    command = discover.command("/usr/sbin/ibnetdiscover", ["-C", "mlx5_0"], 30)
    assert command.words == ("/usr/sbin/ibnetdiscover", "-p", "-C", "mlx5_0")


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(" ".join)))
def test_any_text_gives_ports_or_a_typed_error(text: str) -> None:
    try:
        found = parse(text)
    except DiscoverError:
        return
    for end, port in found.ports.items():
        assert port.end == end
        assert 0 <= end.port < 256
        assert 0 <= port.lid < 1 << 16
        assert port.node.isprintable()
        assert port.remote_node.isprintable()
    assert all(name.isprintable() and lid < 1 << 16 for name, lid in found.switches.values())


@given(st.lists(st.integers(0, len(LINKED)), max_size=4), st.text(max_size=4))
def test_a_line_that_was_tampered_with_gives_what_a_port_can_be_or_nothing(places: list[int], text: str) -> None:
    line = LINKED
    for place in places:
        line = line[:place] + text + line[place + 1 :]
    found = parse(f"{line}\n{UNLINKED}\n")
    assert all(0 <= port.end.port < 256 and port.speed for port in found.ports.values())
