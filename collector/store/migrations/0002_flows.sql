-- Flow records as probes sent them; an origin names a row as it does in `events`, and all that is said there of the
-- sorting key, of partitions and of retention holds here.
--
-- What is asked for has a column; `detail` is the whole record as JSON (fabricscope.flow.Flow), for what is shown of one.
-- Addresses are text: IP addresses as people write them, Ethernet addresses with colons, a LID as `lid:N`.
CREATE TABLE IF NOT EXISTS flows
(
    cluster LowCardinality(String),
    host LowCardinality(String),
    epoch LowCardinality(String),
    sequence UInt64,
    position UInt32,
    received_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    observer LowCardinality(String),
    source LowCardinality(String),
    destination LowCardinality(String),
    protocol UInt8,
    ether_type UInt16,
    source_port UInt16,
    destination_port UInt16,
    source_queue_pair UInt32,
    destination_queue_pair UInt32,
    vlan UInt16,
    packets UInt64,
    octets UInt64,
    forward_octets UInt64,
    reverse_octets UInt64,
    label LowCardinality(String),
    behaviour LowCardinality(String),
    priority UInt32,
    labels Map(LowCardinality(String), String),
    ecn_marked UInt64,
    retransmissions UInt64,
    rdma_lost UInt64,
    rdma_unseen UInt64,
    rdma_naks UInt64,
    rdma_cnps UInt64,
    visibility Float64,
    detail String CODEC(ZSTD(3)),
    INDEX by_time time TYPE minmax,
    INDEX by_label label TYPE set(200),
    INDEX by_source source TYPE bloom_filter,
    INDEX by_destination destination TYPE bloom_filter
)
ENGINE = ReplacingMergeTree
ORDER BY (host, time, epoch, sequence, position)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1;
