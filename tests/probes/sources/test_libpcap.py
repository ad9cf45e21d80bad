"""Expressions become programs, or errors that say what helps."""

from __future__ import annotations

import ctypes.util

import pytest

from probes.sources import libpcap

needs_libpcap = pytest.mark.skipif(
    ctypes.util.find_library("pcap") is None, reason="libpcap is not installed (Debian package libpcap0.8)"
)


@needs_libpcap
def test_an_expression_becomes_the_program_that_tcpdump_prints() -> None:
    assert libpcap.compile_filter("ip") == [(40, 0, 0, 12), (21, 0, 1, 0x800), (6, 0, 0, 262144), (6, 0, 0, 0)]


@needs_libpcap
def test_raw_ip_has_no_link_header() -> None:
    assert libpcap.compile_filter("ip", link=101)[0] == (48, 0, 0, 0)


@needs_libpcap
def test_a_bad_expression_is_named_with_its_reason() -> None:
    with pytest.raises(libpcap.FilterError, match=r"'udp prt 5'.*syntax error.*pcap-filter"):
        libpcap.compile_filter("udp prt 5")
    with pytest.raises(libpcap.FilterError, match="NUL"):
        libpcap.compile_filter("udp\0")


@needs_libpcap
def test_files_get_a_program_for_each_link_type_that_knows_the_expression() -> None:
    everywhere = dict(libpcap.compile_for_files("udp"))
    assert set(everywhere) == set(libpcap.COMMON_LINKS)
    assert 1 in dict(libpcap.compile_for_files("ether host 2:0:0:0:0:1"))
    assert 228 not in dict(libpcap.compile_for_files("ether host 2:0:0:0:0:1"))
    with pytest.raises(libpcap.FilterError, match="nonsense"):
        libpcap.compile_for_files("nonsense")


@needs_libpcap
def test_an_interface_that_cannot_be_opened_is_taken_for_ethernet() -> None:
    assert libpcap.compile_for_interface("ip", "no-such-nic") == libpcap.compile_filter("ip")


def test_a_missing_library_is_named_with_its_package() -> None:
    with pytest.raises(libpcap.FilterError, match=r"libpcap0\.8"):
        libpcap.compile_filter("ip", library="libpcap-that-is-not.so.9")
