//! What it means that bucket and ledger differ.

use std::collections::BTreeSet;

use super::look::{Look, objects, sum};
use crate::doctor::finding::Judgement;
use crate::outputs::Outputs;
use crate::shell::printable;
use crate::state::State;

/// How many differences are named.
const NAMED: usize = 3;

/// The ETag of an object without content.
const EMPTY: &str = r#""d41d8cd98f00b204e9800998ecf8427e""#;

/// Judges by two looks, one after the other.
pub(super) fn judge(before: &Look, now: &Look, outputs: &Outputs, aws: impl Fn(&[&str]) -> String) -> Judgement {
    let keys: BTreeSet<&String> = now.bucket.keys().chain(now.rows.keys()).collect();
    let stays = |key: &&&String| {
        let (here, there) = now.of(key);
        here != there && before.of(key) == (here, there)
    };
    let differing: Vec<&String> = keys.iter().filter(stays).copied().collect();
    if let Some(first) = differing.first() {
        let told: Vec<_> = differing.iter().take(NAMED).map(|key| difference(key, now.of(key))).collect();
        let more = differing.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        return Judgement::wrong(told.join("; ") + &more, announce_again(first, now.of(first), outputs, aws));
    }
    match (before.total, now.total) {
        (Some(old), Some(total)) if old == total && (total.total_size, total.object_count) != sum(&now.rows) => {
            let (size, count) = sum(&now.rows);
            let rows = objects(size, count);
            let saw = format!(
                "the total is {}, and the ledger's own rows are {rows}",
                objects(total.total_size, total.object_count)
            );
            Judgement::wrong(saw, set_total(total, (size, count), outputs, aws))
        }
        _ => Judgement::healthy("events are under way: nothing that differs from the bucket stays so"),
    }
}

fn difference(key: &str, (here, there): (Option<u64>, Option<u64>)) -> String {
    let key = printable(key);
    match (here, there) {
        (Some(here), Some(there)) => format!("{key} has {here} bytes in the bucket and {there} in the ledger"),
        (Some(here), None) => format!("{key} ({here} bytes) is in the bucket and not in the ledger"),
        (None, Some(there)) => format!("{key} ({there} bytes) is in the ledger and not in the bucket"),
        (None, None) => format!("{key} is nowhere"),
    }
}

/// How to have S3 announce an object once more. What somebody has put there in the meantime stays: nothing is written over it,
/// and only what is still empty is deleted.
fn announce_again(
    key: &str,
    (here, _): (Option<u64>, Option<u64>),
    outputs: &Outputs,
    aws: impl Fn(&[&str]) -> String,
) -> String {
    let bucket = outputs.test_bucket_name.as_str();
    let address = format!("s3://{bucket}/{key}");
    let (caution, command) = match here {
        Some(_) => (
            " (this replaces its metadata, and nobody else should be writing it)",
            aws(&["s3", "cp", &address, &address, "--metadata-directive", "REPLACE"]),
        ),
        None => {
            let object = ["--bucket", bucket, "--key", key];
            let put = aws(&[&["s3api", "put-object"], &object[..], &["--if-none-match", "*"]].concat());
            let delete = aws(&[&["s3api", "delete-object"], &object[..], &["--if-match", EMPTY]].concat());
            ("", format!("{put} && {delete}"))
        }
    };
    format!(
        "see that tracking's queue and dead-letter queue are empty first; if it still differs then, have S3 \
         announce each object again{caution}, such as: {command}"
    )
}

/// How to write the total that the rows have, unless an event is recorded in the meantime.
fn set_total(total: State, (size, count): (u64, u64), outputs: &Outputs, aws: impl Fn(&[&str]) -> String) -> String {
    let values = serde_json::json!({
        ":size": { "N": size.to_string() },
        ":count": { "N": count.to_string() },
        ":version": { "N": total.version.to_string() },
    });
    let update = ["dynamodb", "update-item", "--table-name", &outputs.object_table_name];
    let key = ["--key", r#"{"object_name":{"S":"__STATE__"}}"#];
    let set = ["--update-expression", "SET total_size = :size, object_count = :count"];
    let unless = ["--condition-expression", "version = :version", "--expression-attribute-values", &values.to_string()];
    aws(&[&update[..], &key, &set, &unless].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::tests::outputs;

    fn look(bucket: &[(&str, u64)], rows: &[(&str, u64)], total: (u64, u64)) -> Look {
        let sizes = |sizes: &[(&str, u64)]| sizes.iter().map(|&(key, size)| (key.to_owned(), size)).collect();
        let total = Some(State { total_size: total.0, object_count: total.1, version: 7 });
        Look { bucket: sizes(bucket), rows: sizes(rows), total }
    }

    fn saw(before: &Look, now: &Look) -> String {
        match judge(before, now, &outputs(), |words| words.join(" ")) {
            Judgement::Healthy { saw } => saw,
            Judgement::Wrong { saw, fix } => format!("{saw} -> {}", fix.split(": ").last().unwrap()),
            unseen => panic!("{unseen:?}"),
        }
    }

    #[test]
    fn what_stays_different_is_named_with_what_repairs_it() {
        let now = look(&[("a", 5), ("b", 7)], &[("a", 5), ("b", 9), ("c", 8)], (22, 3));
        let expect = "b has 7 bytes in the bucket and 9 in the ledger; c (8 bytes) is in the ledger and not in the bucket \
                      -> s3 cp s3://TestBucketName/b s3://TestBucketName/b --metadata-directive REPLACE";
        assert_eq!(saw(&now, &now), expect);
    }

    #[test]
    fn what_is_in_the_ledger_alone_is_announced_without_touching_what_came_in_its_place() {
        let now = look(&[], &[("c", 8)], (8, 1));
        let expect = "c (8 bytes) is in the ledger and not in the bucket \
                      -> s3api put-object --bucket TestBucketName --key c --if-none-match * && \
                      s3api delete-object --bucket TestBucketName --key c --if-match \"d41d8cd98f00b204e9800998ecf8427e\"";
        assert_eq!(saw(&now, &now), expect);
    }

    #[test]
    fn what_changes_from_look_to_look_is_under_way() {
        let before = look(&[("a", 5)], &[], (0, 0));
        let now = look(&[("a", 5), ("b", 7)], &[("a", 5)], (5, 1));
        assert_eq!(saw(&before, &now), "events are under way: nothing that differs from the bucket stays so");
    }

    #[test]
    fn a_total_that_is_not_that_of_its_own_rows_is_named() {
        let now = look(&[("a", 5)], &[("a", 5)], (6, 1));
        let expect = "the total is 6 bytes in 1 object, and the ledger's own rows are 5 bytes in 1 object -> ";
        assert!(saw(&now, &now).starts_with(expect), "{}", saw(&now, &now));
    }
}
