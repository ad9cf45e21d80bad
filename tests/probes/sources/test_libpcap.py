"""Expressions become programs, or errors that say what helps."""

from __future__ import annotations

import os

import pytest

from probes.sources import libpcap
from tests.conftest import give_up


@pytest.fixture
def pcap() -> None:
    need_libpcap()


def need_libpcap() -> None:
    """A library, and not a program: it is looked for as the module does."""
    try:
        libpcap.compile_filter("ip")
    except libpcap.FilterError as error:
        give_up(str(error), os.environ)


@pytest.mark.usefixtures("pcap")
def test_an_expression_becomes_the_program_that_tcpdump_prints() -> None:
    assert libpcap.compile_filter("ip") == [(40, 0, 0, 12), (21, 0, 1, 0x800), (6, 0, 0, 262144), (6, 0, 0, 0)]


@pytest.mark.usefixtures("pcap")
def test_raw_ip_has_no_link_header() -> None:
    assert libpcap.compile_filter("ip", link=101)[0] == (48, 0, 0, 0)


@pytest.mark.usefixtures("pcap")
def test_a_bad_expression_is_named_with_its_reason() -> None:
    with pytest.raises(libpcap.FilterError, match=r"'udp prt 5'.*syntax error.*pcap-filter"):
        libpcap.compile_filter("udp prt 5")
    with pytest.raises(libpcap.FilterError, match="NUL"):
        libpcap.compile_filter("udp\0")


@pytest.mark.usefixtures("pcap")
def test_files_get_a_program_for_each_link_type_that_knows_the_expression() -> None:
    everywhere = dict(libpcap.compile_for_files("udp"))
    assert set(everywhere) == set(libpcap.COMMON_LINKS)
    assert 1 in dict(libpcap.compile_for_files("ether host 2:0:0:0:0:1"))
    assert 228 not in dict(libpcap.compile_for_files("ether host 2:0:0:0:0:1"))
    with pytest.raises(libpcap.FilterError, match="nonsense"):
        libpcap.compile_for_files("nonsense")


@pytest.mark.usefixtures("pcap")
def test_an_interface_that_cannot_be_opened_is_taken_for_ethernet() -> None:
    assert libpcap.compile_for_interface("ip", "no-such-nic") == libpcap.compile_filter("ip")


def test_a_missing_library_is_named_with_its_package() -> None:
    with pytest.raises(libpcap.FilterError, match=r"libpcap0\.8"):
        libpcap.compile_filter("ip", library="libpcap-that-is-not.so.9")
