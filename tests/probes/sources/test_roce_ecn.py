from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.roce_ecn import Ecn, Setting, read_ecn
from tests.fixtures.roce_nics import write_ecn


def test_switches_by_priority_and_parameters(tmp_path: Path) -> None:
    write_ecn(tmp_path, off=(2, 5))
    ecn = read_ecn(tmp_path / "ecn")
    assert [switch.value for switch in ecn.switches if switch.role == "notification"] == [1, 1, 0, 1, 1, 0, 1, 1]
    assert Setting("notification", "cnp_dscp", 48) in ecn.parameters
    assert Setting("reaction", "rpg_byte_reset", 32767) in ecn.parameters
    # What the tree does not have is left out, which is not 0.
    assert Setting("reaction", "rpg_max_rate", 0) in ecn.parameters
    assert "rpg_gd" not in {parameter.name for parameter in ecn.parameters}


def test_drivers_of_the_kernel_itself_have_none(tmp_path: Path) -> None:
    assert read_ecn(tmp_path / "ecn") == Ecn((), ())


def test_only_known_files_are_read(tmp_path: Path) -> None:
    write_ecn(tmp_path)
    (tmp_path / "ecn" / "roce_np" / "vendor_secret").write_text("7\n")
    (tmp_path / "ecn" / "roce_np" / "enable" / "9").write_text("1\n")
    settings = [setting for part in read_ecn(tmp_path / "ecn") for setting in part]
    assert not {"vendor_secret", "9"} & {setting.name for setting in settings}


def test_a_file_that_cannot_be_used_has_no_value(tmp_path: Path) -> None:
    write_ecn(tmp_path)
    (tmp_path / "ecn" / "roce_rp" / "enable" / "3").write_text("on\n")
    assert Setting("reaction", "3", None) in read_ecn(tmp_path / "ecn").switches


@given(content=st.binary(max_size=60))
def test_any_bytes_give_a_number_or_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    directory = tmp_path_factory.mktemp("ecn") / "ecn"
    (directory / "roce_np").mkdir(parents=True)
    (directory / "roce_np" / "cnp_dscp").write_bytes(content)
    (setting,) = read_ecn(directory).parameters
    assert setting.value is None or isinstance(setting.value, int)
