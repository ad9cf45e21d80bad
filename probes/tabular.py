"""Tables to files, some rows at a time: CSV, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TextIO

_AT_A_TIME = 65536
"""Rows that are in memory at once on their way to Parquet."""

Value = int | float | str | None
Row = Sequence[Value]
FileKind = Literal["csv", "parquet"]


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: str = "String"
    """Int64, UInt64, Float64 or String."""
    optional: bool = False
    """Whether it can be empty."""


class NoParquetError(Exception):
    """The library that writes Parquet is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install 'fabricscope[store]', or write CSV")


def write(kind: FileKind, columns: Sequence[Column], rows: Iterable[Row], path: Path) -> int:
    """Write a file, which is there whole or not at all; how many rows there were. Raises NoParquetError and OSError."""
    partial = path.with_name(f".{path.name}.part")
    try:
        if kind == "parquet":
            count = to_parquet(columns, rows, partial)
        else:
            output: IO[str]
            with partial.open("w", encoding="utf-8", newline="") as output:
                count = to_csv(columns, rows, output)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def to_csv(columns: Sequence[Column], rows: Iterable[Row], output: TextIO | IO[str]) -> int:
    """Write the rows with a heading; how many there were. What has no value is empty."""
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def to_parquet(columns: Sequence[Column], rows: Iterable[Row], path: Path) -> int:
    """Write the rows; how many there were. Raises NoParquetError."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise NoParquetError from error
    types = {"Int64": arrow.int64(), "UInt64": arrow.uint64(), "Float64": arrow.float64(), "String": arrow.string()}
    schema = arrow.schema(
        [arrow.field(column.name, types[column.kind], nullable=column.optional) for column in columns]
    )
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for part in _batched(rows):
            arrays = [
                arrow.array(column, field.type) for column, field in zip(zip(*part, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))
            count += len(part)
    return count


def _batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _AT_A_TIME)):
        yield batch
