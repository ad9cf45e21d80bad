"""Tables to files, some rows at a time: CSV, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from probes.recorder.recording import Recording
from probes.recorder.rows import Row, Table

_AT_A_TIME = 65536
"""Rows that are in memory at once on their way to Parquet."""


class NoParquetError(Exception):
    """The library that writes Parquet is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install 'fabricscope[store]', or use --format csv")


def to_csv(table: Table, recording: Recording, output: TextIO) -> int:
    """Write the rows with a heading; how many there were. What has no value is empty."""
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    count = 0
    for row in table.rows(recording):
        writer.writerow(row)
        count += 1
    return count


def to_parquet(table: Table, recording: Recording, path: Path) -> int:
    """Write the rows; how many there were. Raises NoParquetError."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise NoParquetError from error
    types = {"Int64": arrow.int64(), "UInt64": arrow.uint64(), "Float64": arrow.float64(), "String": arrow.string()}
    schema = arrow.schema(
        [arrow.field(column.name, types[column.kind], nullable=column.optional) for column in table.columns]
    )
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _batched(table.rows(recording)):
            columns = [
                arrow.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(columns, schema=schema))
            count += len(rows)
    return count


def _batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _AT_A_TIME)):
        yield batch
