#pragma once

// Fills a ledger for tests and benches.
namespace weir::ledger {

// 100,000 runs of 50 pipelines with three attempts each. Rows are made by SQL, since each of the ledger's own writes waits for
// the disk.
inline constexpr auto kManyRuns = R"sql(
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO runs (id, pipeline, environment, trigger, params, selection, state, created_at_us, started_at_us, finished_at_us, error)
SELECT 'r' || i, 'p' || (i % 50), '', iif(i % 10 = 0, 'manual', 'schedule'), '{"rows":10}', 'null',
  iif(i % 1000 = 0, 'failed', 'succeeded'), i * 1000000, i * 1000000, i * 1000000 + 500000, '' FROM n;
INSERT INTO attempts (run, task, number, state, rows_read, rows_written, bytes_read, memory_bytes_max, log_path, error, output)
SELECT id, task, 1, 'succeeded', 10, 10, 0, 0, '', 'null', '{}' FROM runs, (SELECT 'load' AS task UNION ALL SELECT 'clean' UNION ALL SELECT 'publish');
)sql";

}  // namespace weir::ledger
