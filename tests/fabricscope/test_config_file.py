"""A configuration file is bounded and plain, whatever is in it; the command line goes over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fabricscope.config_file import MAX_FILE_BYTES, files_in, override, parse_placed, read_file
from fabricscope.settings import SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fabricscope.yaml"


def refusal(file: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        read_file(file)
    message = str(refused.value)
    assert message.startswith(f"{file}: ")
    return message.removeprefix(f"{file}: ")


def test_reads_a_mapping(file: Path) -> None:
    file.write_text("probe:\n  host: node7\n  collectors: [a:1]\n")
    assert read_file(file) == {"probe": {"host": "node7", "collectors": ["a:1"]}}


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(file: Path, content: str) -> None:
    file.write_text(content)
    assert read_file(file) == {}


def test_a_file_that_is_not_there(file: Path) -> None:
    assert refusal(file) == "cannot be read: No such file or directory; check the path and its permissions"


def test_a_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "cannot be read: Is a directory; check the path and its permissions"


def test_a_path_that_can_be_none() -> None:
    with pytest.raises(SettingsError, match="cannot be read: embedded null byte; check the path"):
        read_file(Path("a\0b"))


def test_a_file_that_is_too_large(file: Path) -> None:
    file.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    assert refusal(file) == "larger than 1048576 bytes; name the configuration file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"probe: [\n", "not YAML: line 2, column 1: did not find expected node content"),
        (b"probe:\n\thost: a", "not YAML: line 2, column 1: found character that cannot start any token"),
        (b"\xff\xfe\xfd", "not YAML: "),
        (b"probe: \x00", "not YAML: "),
        (b"- a\n- b", "holds a list; expected sections such as `probe:`"),
        (b"probe", "holds 'probe'; expected sections such as `probe:`"),
        (b"1: 2", "the key 1 is not text; put it in quotes"),
        (b"probe: {labels: {on: a}}", "the key true is not text; put it in quotes"),
        (b"probe: {host: a, host: b}", "line 1: 'host' is there twice; keep one"),
        (b"probe: {}\nprobe: {}", "line 2: 'probe' is there twice; keep one"),
        (b"probe: !!python/object:os.system x", "not YAML: line 1, column 8: could not determine a constructor"),
        (b"probe: !!bool x", "not YAML: a value does not fit its !!tag"),
        (b"probe: !!set {a}", "a value of YAML type set; only text, numbers, lists and sections fit"),
        (b"probe: 2001-99-99", "month must be in 1..12"),
        (b"a: &a [*a]", "more than 100000 values with its aliases written out"),
    ],
)
def test_what_is_no_configuration_is_refused(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    assert refusal(file).startswith(message)


def test_aliases_cannot_be_made_to_explode(file: Path) -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    file.write_text(f"a0: &a0 x\n{levels}\n")
    assert refusal(file).startswith("more than 100000 values")


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_nesting_that_would_use_up_the_stack_is_refused(file: Path, start: str, end: str) -> None:
    count = 100_000
    file.write_text(f"a:\n  {start * count}{end * count}")
    assert refusal(file) == "sections in sections, over 64 deep; it is no configuration"


def test_anchors_and_merge_keys_work(file: Path) -> None:
    file.write_text("probe:\n  a: &a {x: 1, y: 2}\n  b:\n    <<: *a\n    x: 3\n")
    assert read_file(file)["probe"]["b"] == {"x": 3, "y": 2}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text("{}[]:,&*!|>-?'\"#%@ \nab<1.0", max_size=60).map(str.encode))
@example(b"!!timestamp x")
@example(b"!!int x")
@example(b"? [a]\n: b")
@example(b"? {a: b}\n: c")
@example(b"!!omap [a: b]")
def test_any_bytes_give_a_mapping_or_a_settings_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        assert isinstance(override(read_file(file), []), dict)
    except SettingsError as error:
        assert str(file) in str(error)


@pytest.mark.parametrize(
    ("assignment", "result"),
    [
        ("probe.host=node7", {"probe": {"host": "node7", "http": {"listen": ":1"}}}),
        ("probe.http.listen=127.0.0.1:7452", {"probe": {"host": "a", "http": {"listen": "127.0.0.1:7452"}}}),
        ("probe.http.listen='[::1]:7452'", {"probe": {"host": "a", "http": {"listen": "[::1]:7452"}}}),
        ('probe.host="12"', {"probe": {"host": "12", "http": {"listen": ":1"}}}),
        ("probe.host=a=b", {"probe": {"host": "a=b", "http": {"listen": ":1"}}}),
        ("probe.host=", {"probe": {"host": None, "http": {"listen": ":1"}}}),
        ("probe.http={}", {"probe": {"host": "a", "http": {}}}),
        ("collector.x.y=[1, 2]", {"probe": {"host": "a", "http": {"listen": ":1"}}, "collector": {"x": {"y": [1, 2]}}}),
    ],
)
def test_an_assignment_goes_over_the_file(assignment: str, result: dict[str, Any]) -> None:
    document = {"probe": {"host": "a", "http": {"listen": ":1"}}}
    assert override(document, [assignment]) == result
    assert document == {"probe": {"host": "a", "http": {"listen": ":1"}}}


def test_the_last_assignment_wins() -> None:
    assert override({}, ["a.b=1", "a.b=2"]) == {"a": {"b": 2}}


def test_an_assignment_fills_an_empty_section() -> None:
    assert override({"a": None}, ["a.b=1"]) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("probe.host", "--set probe.host: expected KEY=VALUE, such as --set probe.http.listen=:7452"),
        ("=x", "--set =x: expected KEY=VALUE, such as --set probe.http.listen=:7452"),
        ("a..b=x", "--set a..b=x: expected KEY=VALUE, such as --set probe.http.listen=:7452"),
        ("a.b.c=x", "--set a.b.c=x: b is 3, not a section"),
        (
            "a.b=[::1]:7452",
            "--set a.b=[::1]:7452: not YAML: line 1, column 2: did not find expected node content; "
            "put text with special characters in quotes",
        ),
    ],
)
def test_an_assignment_that_cannot_be_made_is_named(assignment: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        override({"a": {"b": 3}}, [assignment])
    assert str(refused.value) == message


def test_lines_of_keys_and_members() -> None:
    placed = parse_placed(b"a: &x\n  b: [1,\n    {c: 2}]\n'd': *x\ne:\n  <<: *x\n  f: 3\n")
    assert placed.document["e"] == {"b": [1, {"c": 2}], "f": 3}
    assert placed.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 2,
        ("a", "b", 1): 3,
        ("a", "b", 1, "c"): 3,
        ("d",): 4,
        ("d", "b"): 2,
        ("d", "b", 0): 2,
        ("d", "b", 1): 3,
        ("d", "b", 1, "c"): 3,
        ("e",): 5,
        ("e", "f"): 7,
        ("e", "b"): 2,
        ("e", "b", 0): 2,
        ("e", "b", 1): 3,
        ("e", "b", 1, "c"): 3,
    }


@given(st.binary(max_size=100))
@example(b"a: &a [*a]")
@example(b"{{a: 1}: 2}")
@example(b"- <<: [{a: 1}, {a: 2}]")
def test_any_octets_have_lines_or_an_error(content: bytes) -> None:
    try:
        placed = parse_placed(content)
    except ValueError as error:
        assert str(error)
    else:
        assert all(line > 0 for line in placed.lines.values())


def test_files_of_folders_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "c.txt"):
        (tmp_path / name).touch()
    found = files_in([tmp_path / "c.txt", tmp_path], "rules", "x.rules", 3)
    assert [file.name for file in found] == ["c.txt", "a.yaml", "b.yaml"]
    with pytest.raises(SettingsError, match="3 files of rules; at most 2"):
        files_in(found, "rules", "x.rules", 2)
