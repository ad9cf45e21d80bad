from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.model import Now
from probes.sources import amdsmi
from probes.sources.amdsmi import RETRY_NS, Library, LibraryError, Link, parse_links
from tests.fixtures.amd_gpus import FIRST, SECOND
from tests.fixtures.fake_amdsmi import FakeAmdsmi

START = Now(0, 1_000_000_000)
NOT_SUPPORTED = "AMDSMI_STATUS_NOT_SUPPORTED - Feature not supported"
LINKS = [Link(1, True, 10, 1), Link(2, False, 20, 2)]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAmdsmi:
    it = FakeAmdsmi()
    monkeypatch.setitem(sys.modules, "amdsmi", it)
    return it


def test_links_of_every_gpu_by_its_address(fake: FakeAmdsmi) -> None:
    library = Library()
    assert library.links(START) == {FIRST: LINKS, SECOND: LINKS}
    library.links(START)
    assert fake.calls.count("amdsmi_init") == 1
    library.close()
    assert fake.calls[-1] == "amdsmi_shut_down"
    library.close()
    assert fake.calls.count("amdsmi_shut_down") == 1


def test_a_library_that_is_not_installed_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    def absent(name: str) -> Any:
        looked.append(name)
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(amdsmi, "import_module", absent)
    library = Library()
    assert [library.links(START), library.links(START)] == [{}, {}]
    assert looked == ["amdsmi"]
    library.close()


@pytest.mark.parametrize(
    "error", [KeyError("libamd_smi.so"), OSError("libdrm.so.2"), SystemExit(1), ModuleNotFoundError("x", name="x")]
)
def test_a_library_without_its_native_part_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    tried = []

    def broken(name: str) -> Any:
        tried.append(name)
        raise error

    monkeypatch.setattr(amdsmi, "import_module", broken)
    library = Library()
    for mono in (0, RETRY_NS - 1, RETRY_NS):
        with pytest.raises(LibraryError, match="amdsmi cannot be imported"):
            library.links(Now(0, START.mono + mono))
    assert len(tried) == 2


def test_a_library_that_finds_no_gpu(fake: FakeAmdsmi) -> None:
    library = Library()
    fake.failing["amdsmi_init"] = "AMDSMI_STATUS_DRIVER_NOT_LOADED - Driver not loaded"
    with pytest.raises(LibraryError, match=r"finds no GPU: .*DRIVER_NOT_LOADED"):
        library.links(START)
    fake.failing.clear()
    assert library.links(Now(0, START.mono + RETRY_NS)) == {FIRST: LINKS, SECOND: LINKS}


def test_what_is_not_supported_is_not_there_and_what_fails_is_unknown(fake: FakeAmdsmi) -> None:
    library = Library()
    fake.failing["amdsmi_get_link_metrics"] = NOT_SUPPORTED
    assert library.links(START)[FIRST] == [Link(1, True, None, None), Link(2, False, None, None)]
    fake.failing["amdsmi_get_gpu_xgmi_link_status"] = NOT_SUPPORTED
    assert library.links(START)[FIRST] == []
    fake.failing["amdsmi_get_link_metrics"] = "AMDSMI_STATUS_BUSY - Device busy"
    assert library.links(START) == {FIRST: None, SECOND: None}


def test_an_older_version_without_a_function(fake: FakeAmdsmi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FakeAmdsmi, "amdsmi_get_gpu_xgmi_link_status")
    assert Library().links(START)[FIRST] == [Link(n, None, 10 * n, n) for n in range(4)]


def test_a_library_that_fails_to_close_says_so(fake: FakeAmdsmi) -> None:
    library = Library()
    library.links(START)
    fake.failing["amdsmi_shut_down"] = "AMDSMI_STATUS_API_FAILED"
    with pytest.raises(LibraryError, match="amdsmi_shut_down"):
        library.close()


@pytest.mark.parametrize(
    ("status", "metrics", "links"),
    [
        (None, None, []),
        ({"status": ["U"]}, {"links": [{"read": (1 << 64) - 1, "write": (1 << 32) - 1}]}, [Link(0, True, None, None)]),
        (["U", "D"], [], [Link(0, True, None, None), Link(1, False, None, None)]),
        ({}, {"links": [{"read": -1, "write": 1.5}, 7]}, [Link(0, None, None, None), Link(1, None, None, None)]),
        ({"status": ["U"] * 99}, None, [Link(n, True, None, None) for n in range(16)]),
    ],
)
def test_what_the_library_gives_is_looked_at(status: Any, metrics: Any, links: list[Link]) -> None:
    assert parse_links(status, metrics) == links


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["U", "D", "X", "N/A"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.sampled_from(["status", "links", "read", "write"]), inner)
    ),
    max_leaves=30,
)


@given(ANYTHING, ANYTHING)
def test_any_answer_gives_links(status: Any, metrics: Any) -> None:
    for link in parse_links(status, metrics):
        assert 0 <= link.number < 16
        assert link.up in (True, False, None)
        assert all(count is None or 0 <= count < 1 << 64 for count in (link.read, link.write))
