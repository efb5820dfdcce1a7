-- One row a source: of several loads the engine keeps the newest (FINAL shows it before the parts are merged).
CREATE TABLE IF NOT EXISTS raw_data (
    source    LowCardinality(String),
    loaded_at DateTime64(6, 'UTC'),
    run_id    String,
    value     String COMMENT 'the whole answer, JSON'
) ENGINE = ReplacingMergeTree(loaded_at) ORDER BY source;

-- Everybody who was ever seen, with the load that saw them last.
CREATE TABLE IF NOT EXISTS people (
    craft     String,
    name      String,
    loaded_at DateTime64(6, 'UTC')
) ENGINE = ReplacingMergeTree(loaded_at) ORDER BY (craft, name);

CREATE MATERIALIZED VIEW IF NOT EXISTS raw_data_people TO people AS
SELECT
    JSONExtractString(person, 'craft') AS craft,
    JSONExtractString(person, 'name')  AS name,
    loaded_at
FROM raw_data
ARRAY JOIN JSONExtractArrayRaw(value, 'people') AS person;
