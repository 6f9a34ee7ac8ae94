//! What AWS documents of DynamoDB's capacity, and what others have measured. Each figure has its source.

use std::time::Duration;

use crate::capacity::latency::Latency;

/// Every figure of the model.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Write units that one partition takes in a second. [Developer guide: Best practices for designing and using partition keys;
    /// Understanding DynamoDB warm throughput in different scenarios]
    pub partition_write_units: f64,
    /// Read units that one partition takes in a second. [The same]
    pub partition_read_units: f64,
    /// Bytes of an item that one write unit pays for. [Developer guide: DynamoDB read and write operations]
    pub write_unit_bytes: u64,
    /// Bytes of an item that one read unit pays for, in a consistent read; in another one half a unit does. [The same]
    pub read_unit_bytes: u64,
    /// How many times each item of a transaction is written: to prepare it, and to commit it. [Developer guide: DynamoDB transactions: How
    /// it works, capacity management]
    pub transaction_writes: f64,
    /// How many times each item of a cancelled transaction is charged for. A write whose condition fails is charged for [developer
    /// guide: DynamoDB read and write operations], and a cancelled transaction was prepared, not committed; that it is therefore once is derived.
    pub cancelled_writes: f64,
    /// Partitions of a new table that is paid by request. It takes 4,000 write units and 12,000 read units a second. [Developer
    /// guide: Understanding DynamoDB warm throughput in different scenarios; that these are four partitions is derived]
    pub first_partitions: u64,
    /// Seconds whose unused units are kept for later. [Developer guide: DynamoDB burst and adaptive capacity]
    pub burst_seconds: f64,
    /// Whether what is kept lets a partition go beyond its own limit. It does not: "burst capacity can't alleviate partition-level
    /// throttling". [Knowledge center: How does DynamoDB handle spiky workloads in short intervals?]
    pub bursts_beyond_partition: bool,
    /// For how long a partition has to be close to its limit until it is split. AWS says "sustained", and no more.
    /// [Database blog: Scaling DynamoDB: How partitions, hot keys, and split for heat impact performance, part 3]
    pub split_after: Duration,
    /// The part of its limit that a partition has to take to be close to it. AWS says "near", and no more. [The same]
    pub hot: f64,
    /// Whether a table has a local index. If it has, the items of one partition key stay together. [Developer guide: DynamoDB burst
    /// and adaptive capacity, isolate frequently accessed items]
    pub local_index: bool,
    /// What a transaction is told that a partition has no room for: `ThrottlingError` if the table is paid by request,
    /// `ProvisionedThroughputExceeded` otherwise. [API reference: TransactWriteItems, TransactionCanceledException]
    pub throttled: &'static str,
    /// The indexes of ObjectTable. Their writes are those that the developer guide lists: one for an item that is new in the index,
    /// gone from it, or has changed in what is projected; two if one of its keys has changed; none otherwise. An index that has no
    /// room refuses the table's write. [Developer guide: Using global secondary indexes, provisioned throughput considerations]
    pub indexes: Vec<Index>,
    /// How long the indexes take to know of a write. "Within a fraction of a second, under normal conditions", of which this is a
    /// large one. [Developer guide: Using global secondary indexes, data synchronization]
    pub index_lag: Duration,
    /// How long a transaction takes, as the function sees it.
    pub transaction: Latency,
    /// How long a read or a page of a query takes, as the function sees it.
    pub read: Latency,
}

/// A global secondary index: as in `infra/template.yaml`.
#[derive(Clone, Debug)]
pub struct Index {
    pub name: &'static str,
    /// Its partition key and its sort key.
    pub keys: [&'static str; 2],
    /// What else it has of an item, but the table's key.
    pub projected: &'static [&'static str],
}

impl Index {
    /// The index of the default rule.
    pub const BY_SIZE: Self =
        Self { name: "by-size", keys: ["bucket_name", "size"], projected: &["etag", "sequencer"] };

    /// The index that `DeleteFirst=oldest` has besides.
    pub const BY_AGE: Self =
        Self { name: "by-age", keys: ["bucket_name", "last_modified_ms"], projected: &["size", "etag", "sequencer"] };
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            partition_write_units: 1_000.0,
            partition_read_units: 3_000.0,
            write_unit_bytes: 1_024,
            read_unit_bytes: 4_096,
            transaction_writes: 2.0,
            cancelled_writes: 1.0,
            first_partitions: 4,
            burst_seconds: 300.0,
            bursts_beyond_partition: false,
            split_after: Duration::from_secs(300),
            hot: 0.8,
            local_index: false,
            throttled: "ThrottlingError",
            indexes: vec![Index::BY_SIZE],
            index_lag: Duration::from_millis(500),
            transaction: Latency::TRANSACTION,
            read: Latency::READ,
        }
    }
}

impl Parameters {
    /// A DynamoDB that soon splits what can be split: what a table takes that has had its load for a while.
    pub fn settled() -> Self {
        Self { split_after: Duration::from_secs(2), ..Self::default() }
    }
}

/// Every figure of the model of S3.
#[derive(Clone, Debug)]
pub struct S3Parameters {
    /// How many writes and deletions one prefix takes in a second: at least that many, and S3 makes room for more in time, which
    /// nobody should count on. Each key of a DeleteObjects counts. [User guide: Optimizing Amazon S3 performance; that keys count and
    /// not requests is what others have found: github.com/fsspec/s3fs/pull/619]
    pub prefix_writes: f64,
    /// How many of those others make in each second, such as uploads.
    pub others_writes: f64,
    /// How long a request takes, as the function sees it.
    pub latency: Latency,
    /// How long an event takes from S3 to the queue. "Typically in seconds". [User guide: Amazon S3 Event Notifications]
    pub event_delay: Duration,
}

impl Default for S3Parameters {
    fn default() -> Self {
        Self { prefix_writes: 3_500.0, others_writes: 0.0, latency: Latency::S3, event_delay: Duration::from_secs(2) }
    }
}
