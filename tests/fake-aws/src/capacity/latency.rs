//! How long DynamoDB and S3 take: published distributions.

/// The parts of all requests that take no longer than the milliseconds at the same place of a [`Percentiles`].
const PARTS: [f64; 6] = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0];

/// The least, p50, p90, p95, p99 and the most, in milliseconds.
pub type Percentiles = [f64; 6];

/// The distribution for two numbers of items. In between and beyond, each percentile grows with the logarithm of the number.
///
/// The figures are Alex DeBrie's of 400 calls each from Lambda, in Python, so that the client's own share is in them
/// (github.com/alexdebrie/dynamodb-performance-testing, put-batch-transaction-performance; 2020, when a transaction had 25 items at
/// most). AWS has published how latencies relate to one another, but without a scale (Distributed Transactions at Scale in Amazon
/// DynamoDB, USENIX ATC 2023). What a transaction does to its items it does to all of them at once, and waits for the slowest
/// (the same, section 3): the slowest of n grows with the logarithm of n. So much is derived.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    pub few: (f64, Percentiles),
    pub many: (f64, Percentiles),
    /// What all of it is multiplied with.
    pub scale: f64,
}

impl Latency {
    /// TransactWriteItems of 5 and of 25 items. One that fails takes as long.
    pub const TRANSACTION: Self = Self {
        few: (5.0, [19.4, 25.3, 30.7, 36.4, 92.5, 218.0]),
        many: (25.0, [23.5, 32.1, 40.5, 47.2, 97.5, 258.0]),
        scale: 1.0,
    };

    /// BatchGetItem: nobody has published its percentiles, so that it has those of BatchWriteItem of 5 and of 25 items, which asks
    /// as many partitions and has each wait for a quorum besides.
    pub const READ: Self = Self {
        few: (5.0, [6.59, 8.14, 13.3, 15.4, 25.5, 56.8]),
        many: (25.0, [7.96, 10.2, 16.0, 18.0, 27.6, 76.4]),
        scale: 1.0,
    };

    /// A request to S3 about one small object. Nobody has published percentiles of deletions. AWS says "roughly 100-200 milliseconds"
    /// (user guide, Optimizing Amazon S3 performance), which are the median and p90 here; elsewhere "often in the tens of
    /// milliseconds", and to send a request again after 2 s (Best practices design patterns, Timeouts and retries), which is the most. What
    /// is between is derived. Others have seen 60 to 133 ms for 60 kB from Lambda (kkc.github.io/2020/03/16/s3-latency).
    pub const S3: Self = Self {
        few: (1.0, [40.0, 100.0, 200.0, 250.0, 500.0, 2_000.0]),
        many: (2.0, [40.0, 100.0, 200.0, 250.0, 500.0, 2_000.0]),
        scale: 1.0,
    };

    /// How many milliseconds a request takes that comes at this place, from 0 to 1, among all of as many items.
    pub fn milliseconds(&self, items: usize, place: f64) -> f64 {
        let upper = PARTS.iter().position(|part| place <= *part).unwrap_or(PARTS.len() - 1).max(1);
        let (from, to) = (PARTS[upper - 1], PARTS[upper]);
        let at = |part: usize| self.percentile(items, part);
        let share = (place - from) / (to - from);
        self.scale * (at(upper - 1) + (at(upper) - at(upper - 1)) * share)
    }

    /// The mean, in milliseconds.
    pub fn mean(&self, items: usize) -> f64 {
        let pairs = PARTS.windows(2).enumerate();
        let sum = pairs
            .map(|(n, part)| (part[1] - part[0]) * (self.percentile(items, n) + self.percentile(items, n + 1)) / 2.0);
        self.scale * sum.sum::<f64>()
    }

    fn percentile(&self, items: usize, part: usize) -> f64 {
        let ((few, fast), (many, slow)) = (self.few, self.many);
        let growth = ((items.max(1) as f64) / few).ln() / (many / few).ln();
        fast[part] + (slow[part] - fast[part]) * growth
    }
}
