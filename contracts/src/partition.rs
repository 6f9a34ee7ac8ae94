//! The partitions of HistoryTable that a bucket's records are spread over, and how they are put together again.
//!
//! Under one partition key DynamoDB writes 1,000 units a second, and a record takes two of them in a transaction. So records
//! go by turns to several keys, by their numbers. A record's `event_key` orders all of them, whatever partition they are in.
//!
//! Reads of several partitions are no snapshot: one may show a record, and another, which was read before, not yet the one
//! before it. [`in_order`] leaves out what comes after such a gap.

use serde::{Deserialize, Deserializer};

/// Over how many partitions new records are spread.
pub const PARTITIONS: u64 = 8;

/// The partition of the record with this key. No bucket has a name with a `#`.
pub fn partition(bucket_name: &str, event_key: &str) -> String {
    format!("{bucket_name}#{}", record_number(event_key).unwrap_or(0) % PARTITIONS)
}

/// All partitions that a bucket's records are in. Versions of Spillway before 0.2 had one, with the bucket's own name, and what
/// they wrote stays there.
pub fn partitions(bucket_name: &str) -> impl Iterator<Item = String> {
    let numbered = (0..PARTITIONS).map(move |number| format!("{bucket_name}#{number}"));
    std::iter::once(bucket_name.to_owned()).chain(numbered)
}

/// The partition of what each second, or each minute, of a bucket's history comes to.
pub fn summaries(bucket_name: &str, of: &str) -> String {
    format!("{bucket_name}#{of}")
}

/// The bucket whose records a partition has.
pub fn bucket_of(partition: &str) -> &str {
    partition.split_once('#').map_or(partition, |(bucket_name, _)| bucket_name)
}

/// The record's number, which its key ends in: the first record's is 1, and each commit goes on where the last one ended.
pub fn record_number(event_key: &str) -> Option<u64> {
    event_key.rsplit_once('#')?.1.parse().ok()
}

/// Puts records from all partitions, read after the key `after`, in order, and leaves out those after the first that is
/// missing: it was not there yet when its partition was read. An empty `after` is before the first record; after one that
/// is only a time, any record may be the first.
pub fn in_order<T>(after: &str, mut records: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    records.sort_by(|one, other| key(one).cmp(key(other)));
    let mut last = if after.is_empty() { Some(0) } else { record_number(after) };
    let follows = |record: &T| {
        let number = record_number(key(record));
        let follows = last.is_none() || number == last.map(|last| last + 1);
        last = number;
        follows
    };
    let whole = records.iter().map(follows).take_while(|follows| *follows).count();
    records.truncate(whole);
    records
}

/// Reads the name of a partition as that of its bucket.
pub(crate) fn read_bucket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let partition = String::deserialize(deserializer)?;
    Ok(bucket_of(&partition).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["t1#08", "t1#09", "t2#10", "t3#11"];

    #[test]
    fn each_partition_gets_every_eighth_record_and_is_among_all_of_them() {
        assert_eq!(KEYS.map(|key| partition("b", key)), ["b#0", "b#1", "b#2", "b#3"]);
        let all: Vec<String> = partitions("b").collect();
        assert_eq!(all, ["b", "b#0", "b#1", "b#2", "b#3", "b#4", "b#5", "b#6", "b#7"]);
        assert!(all.iter().all(|partition| bucket_of(partition) == "b"));
    }

    #[track_caller]
    fn check(after: &str, read: &[usize], expect: &[usize]) {
        let records = read.iter().map(|&index| KEYS[index]).collect();
        let expect: Vec<_> = expect.iter().map(|&index| KEYS[index]).collect();
        assert_eq!(in_order(after, records, |key| key), expect);
    }

    #[test]
    fn records_of_several_partitions_are_in_order_up_to_the_first_that_is_missing() {
        check("t0#07", &[3, 1, 0, 2], &[0, 1, 2, 3]);
        check("t0#07", &[3, 1, 0], &[0, 1]);
        check("t0#07", &[3, 1, 2], &[]);
        check("t0#07", &[], &[]);
        check("t1", &[3, 1, 2], &[1, 2, 3]);
        check("", &[0, 1], &[]);
        assert_eq!(in_order("", vec!["t2#2", "t1#1"], |key| key), ["t1#1", "t2#2"]);
    }
}
