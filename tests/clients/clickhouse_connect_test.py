"""clickhouse-connect against the warehouse: WEIR_PORT and WEIR_PASSWORD say where it is."""

import datetime
import decimal
import os
import threading
import time
import unittest
import uuid

import clickhouse_connect
import pyarrow
from clickhouse_connect.driver.exceptions import DatabaseError


def connect(**options):
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=int(os.environ["WEIR_PORT"]), username="default",
        password=os.environ["WEIR_PASSWORD"], **options)


class ClickHouseConnect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = connect()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def test_query(self):
        result = self.client.query("SELECT number, toString(number) AS s FROM numbers(3)")
        self.assertEqual(result.result_rows, [(0, "0"), (1, "1"), (2, "2")])
        self.assertEqual(result.column_names, ("number", "s"))
        self.assertEqual(result.summary["result_rows"], "3")
        self.assertEqual(self.client.command("SELECT currentDatabase()"), "weir")

    def test_types_both_ways_in_native(self):
        self.client.command(
            "CREATE OR REPLACE TABLE types (i Int64, u UInt8, f Float64, s String, l LowCardinality(String), n Nullable(Int32),"
            " d Date, t DateTime64(3, 'UTC'), m Decimal(18, 4), a Array(String), p Map(String, UInt32), x UUID, b Bool)"
            " ENGINE = MergeTree ORDER BY i")
        now = datetime.datetime(2026, 3, 1, 12, 45, 0, 123000)
        rows = [
            [-(2**63), 255, 1.5, "snow ☃ \0 nul", "low", None, datetime.date(1970, 1, 1), now,
             decimal.Decimal("12345.6789"), ["a", ""], {"k": 1}, uuid.UUID(int=7), True],
            [2**63 - 1, 0, -0.0, "", "low", 3, datetime.date(2149, 6, 6), now,
             decimal.Decimal("-0.0001"), [], {}, uuid.UUID(int=0), False],
        ]
        summary = self.client.insert("types", rows)
        self.assertEqual(summary.written_rows, 2)
        back = self.client.query("SELECT * FROM types ORDER BY i").result_rows
        for row, expected in zip(back, rows):
            row = list(row)
            row[7] = row[7].replace(tzinfo=None)
            self.assertEqual(row, expected)

    def test_large_insert_and_stream(self):
        self.client.command("CREATE OR REPLACE TABLE large (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        count = 300_000
        self.client.insert("large", [list(range(count)), [f"row {n}" for n in range(count)]],
                           column_names=["n", "s"], column_oriented=True)
        total = 0
        with self.client.query_row_block_stream("SELECT n, s FROM large") as stream:
            for block in stream:
                total += sum(row[0] for row in block)
        self.assertEqual(total, count * (count - 1) // 2)

    def test_raw_json_insert(self):
        self.client.command("CREATE OR REPLACE TABLE raw_json (a Int32, b String) ENGINE = Memory")
        self.client.raw_insert("raw_json", insert_block=b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n', fmt="JSONEachRow")
        self.assertEqual(self.client.query("SELECT sum(a), max(b) FROM raw_json").first_row, (3, "y"))

    def test_arrow(self):
        self.client.command("CREATE OR REPLACE TABLE arrows (a Int64, b String) ENGINE = MergeTree ORDER BY a")
        table = pyarrow.table({"a": pyarrow.array([1, 2, 3], pyarrow.int64()), "b": ["x", "y", "z"]})
        self.client.insert_arrow("arrows", table)
        back = self.client.query_arrow("SELECT * FROM arrows ORDER BY a", use_strings=True)
        self.assertEqual(back.to_pydict(), table.to_pydict())

    def test_session_keeps_temporary_tables(self):
        with connect(session_id="python-session") as client:
            client.command("CREATE TEMPORARY TABLE mine (a Int32)")
            client.insert("mine", [[1], [2]], column_names=["a"], column_type_names=["Int32"])
            self.assertEqual(client.query("SELECT sum(a) FROM mine").first_row, (3,))
        with self.assertRaises(DatabaseError):
            connect(session_id="another").query("SELECT * FROM mine")

    def test_settings_and_parameters(self):
        value = self.client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 99}).first_row
        self.assertEqual(value, (99,))
        row = self.client.query("SELECT {a:Int32} + 1, {s:String}, {d:DateTime}",
                                parameters={"a": 41, "s": "it's\ta\\b", "d": datetime.datetime(2026, 1, 2, 3, 4, 5)}).first_row
        self.assertEqual(row[:2], (42, "it's\ta\\b"))

    def test_compression(self):
        for method in ("lz4", "zstd", "gzip", False):
            with self.subTest(method=method), connect(compress=method) as client:
                client.command("CREATE OR REPLACE TABLE squeezed (n UInt32, s String) ENGINE = Memory")
                client.insert("squeezed", [[n, "x" * 50] for n in range(50_000)], column_names=["n", "s"])
                self.assertEqual(client.query("SELECT count(), sum(n) FROM squeezed").first_row, (50_000, 1_249_975_000))
                self.assertEqual(len(client.query("SELECT * FROM squeezed").result_rows), 50_000)

    def test_errors(self):
        with self.assertRaisesRegex(DatabaseError, "UNKNOWN_TABLE"):
            self.client.query("SELECT * FROM nowhere")
        with self.assertRaisesRegex(DatabaseError, "SYNTAX_ERROR"):
            self.client.command("CREATE NONSENSE")
        # Late, in the middle of a streamed body.
        with self.assertRaisesRegex(Exception, "395|throwIf|truncated|IncompleteRead|error"):
            self.client.query("SELECT number, throwIf(number = 5000000) FROM numbers(6000000)")
        with self.assertRaises(DatabaseError):
            clickhouse_connect.get_client(host="127.0.0.1", port=int(os.environ["WEIR_PORT"]), password="wrong")
        self.assertEqual(self.client.query("SELECT 1").first_row, (1,))

    def test_cancel_by_query_id(self):
        failure = []

        def run():
            with connect() as client:
                try:
                    client.query("SELECT sleepEachRow(1) FROM numbers(100)",
                                 settings={"max_block_size": 1, "query_id": "python-cancel"})
                except DatabaseError as error:
                    failure.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + 30
        while thread.is_alive() and time.monotonic() < deadline:
            self.client.command("KILL QUERY WHERE query_id = 'python-cancel'")
            thread.join(0.1)
        self.assertFalse(thread.is_alive())
        self.assertIn("QUERY_WAS_CANCELLED", failure[0])


if __name__ == "__main__":
    unittest.main()
