"""Parquet files of Weir's against pyarrow, which knows the format better than our own tests: what pyarrow writes is read
by Weir, what Weir writes is read by pyarrow, and the values are compared. Takes the weir program as its argument."""

import datetime as dt
import decimal
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

WEIR = sys.argv[1]
D = decimal.Decimal
UTC = dt.timezone.utc

# Name: values, pyarrow's type, and the type that comes back when it is another one.
COLUMNS = {
    "b": ([True, False, None], pa.bool_()),
    "i8": ([-128, 127, None], pa.int8()),
    "i64": ([-(2**63), 2**63 - 1, None], pa.int64()),
    "u8": ([0, 255, None], pa.uint8()),
    "u32": ([0, 2**32 - 1, None], pa.uint32()),
    "u64": ([0, 2**64 - 1, None], pa.uint64()),
    "f32": ([0.5, float("-inf"), None], pa.float32()),
    "f64": ([0.1, 5e-324, None], pa.float64()),
    "d9": ([D("9999999.99"), D("-0.01"), None], pa.decimal128(9, 2)),
    "d38": ([D("9" * 28 + "." + "9" * 10), D("-0.0000000001"), None], pa.decimal128(38, 10)),
    "d76": ([D("9" * 38 + "." + "9" * 38), D("-1"), None], pa.decimal256(76, 38)),
    "day": ([dt.date(1, 1, 1), dt.date(9999, 12, 31), None], pa.date32()),
    "t_us": ([dt.time(23, 59, 59, 999999), dt.time(0), None], pa.time64("us")),
    "t_ms": ([dt.time(23, 59, 59, 999000), dt.time(0), None], pa.time32("ms"), pa.time64("us")),
    "naive": ([dt.datetime(1, 1, 1, 0, 0, 0, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), None], pa.timestamp("us")),
    "naive_ms": ([dt.datetime(2026, 3, 1, 12, 45, 0, 250000), None, None], pa.timestamp("ms")),
    "instant": ([dt.datetime(2026, 3, 1, 12, 45, tzinfo=UTC), dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None],
                pa.timestamp("us", "UTC")),
    "moscow": ([dt.datetime(2026, 3, 1, 9, 45, tzinfo=UTC), None, None], pa.timestamp("ms", "Europe/Moscow"), pa.timestamp("ms", "UTC")),
    "s": (["", "Привет, 'мир' \\ 🌍", None], pa.string()),
    "raw": ([b"", b"\x00\xff\n", None], pa.binary()),
    "fixed": ([b"ab\x00", b"xyz", None], pa.binary(3), pa.binary()),
    "id": ([uuid.UUID("61f0c404-5cb3-11e7-907b-a6006ad3dba0").bytes, bytes(16), None], pa.uuid()),
    "l": ([[1, None, -3], [], [7]], pa.list_(pa.int32())),
    "ll": ([[["a", ""], []], [], [[None]]], pa.list_(pa.list_(pa.string()))),
    "lt": ([[dt.datetime(2026, 3, 1, 12, 45, 0, 1)], [], [None]], pa.list_(pa.timestamp("us"))),
}


def weir(folder, *arguments, code=0):
    done = subprocess.run([WEIR, *arguments], cwd=folder, capture_output=True, check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout.decode(), done.stderr.decode())
    return done.stdout


def plain(value):
    if isinstance(value, uuid.UUID):
        return value.bytes
    return value


def compare(found, read_back):
    for name, (values, *types) in COLUMNS.items():
        column = found.column(name)
        if read_back:
            expected_type = types[-1]
            got = column.type
            if isinstance(got, pa.ListType):
                assert isinstance(expected_type, pa.ListType), (name, got)
            else:
                assert got == expected_type, (name, got, expected_type)
        assert [plain(v) for v in column.to_pylist()] == values, (name, column.to_pylist(), values)


def test_both_directions(folder):
    table = pa.table({name: pa.array(values, types[0]) for name, (values, *types) in COLUMNS.items()})
    os.makedirs(folder / "files")
    pq.write_table(table, folder / "files/in.parquet", row_group_size=2)
    weir(folder, "run", "both")
    found = pq.read_table(folder / "files/out.parquet")
    assert found.num_rows == 3
    compare(found, True)
    metadata = pq.ParquetFile(folder / "files/out.parquet").metadata
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_row_order_and_row_groups(folder):
    rows = 700_000
    table = pa.table({"id": pa.array(range(rows), pa.int64()), "s": pa.array([f"row {i}" for i in range(rows)])})
    pq.write_table(table, folder / "files/many.parquet", row_group_size=9_999)
    weir(folder, "run", "many")
    found = pq.read_table(folder / "files/many_out.parquet")
    assert found.column("id").to_pylist() == list(range(rows))
    assert pq.ParquetFile(folder / "files/many_out.parquet").num_row_groups >= 2


def test_query(folder):
    out = weir(folder, "query", "warehouse", "SELECT number AS n, toDate32('2026-03-01') AS d FROM numbers(3)", "--format", "parquet")
    (folder / "files/query.parquet").write_bytes(out)
    found = pq.read_table(folder / "files/query.parquet")
    assert found.to_pylist() == [{"n": i, "d": dt.date(2026, 3, 1)} for i in range(3)]


with tempfile.TemporaryDirectory(prefix="weir_pyarrow_") as name:
    project = pathlib.Path(name)
    (project / "weir.yml").write_text("name: parquet\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n")
    (project / "pipelines").mkdir()
    (project / "pipelines/both.yml").write_text(
        "name: both\ntasks:\n  copy: {copy: {from: files/in.parquet, to: files/out.parquet, mode: replace}}\n")
    (project / "pipelines/many.yml").write_text(
        "name: many\ntasks:\n  copy: {copy: {from: files/many.parquet, to: files/many_out.parquet, mode: replace}}\n")
    try:
        for test in (test_both_directions, test_row_order_and_row_groups, test_query):
            test(project)
            print("ok", test.__name__)
    finally:
        subprocess.run([WEIR, "services", "down"], cwd=project, check=False, capture_output=True)
