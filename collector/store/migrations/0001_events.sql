-- Events as probes sent them. (host, epoch, sequence, position) names an event: the position of its message in one
-- life of the probe's spool, and its own position in that message. `time` stands in the sorting key for speed; it is
-- part of the message, so a resend has the same one and ReplacingMergeTree keeps one row of the two.
--
-- Not partitioned, on purpose: an insert becomes one part, which is there whole or not at all after a crash. With
-- partitions a message on a boundary would be two parts, and one of them could be there without the other.
--
-- Retention is a TTL on `received_time`, the collector's clock, set by the collector when it starts: a probe whose clock
-- stands at 1970 loses no events by it.
CREATE TABLE IF NOT EXISTS events
(
    cluster LowCardinality(String),
    host LowCardinality(String),
    epoch LowCardinality(String),
    sequence UInt64,
    position UInt32,
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    monotonic_ns UInt64 CODEC(Delta, ZSTD),
    received_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    kind LowCardinality(String),
    severity Enum8('info' = 1, 'warning' = 2, 'critical' = 3),
    message String CODEC(ZSTD),
    subject Map(LowCardinality(String), String),
    attributes Map(LowCardinality(String), String),
    INDEX by_time time TYPE minmax,
    INDEX by_kind kind TYPE set(100)
)
ENGINE = ReplacingMergeTree
ORDER BY (host, time, epoch, sequence, position)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1;
