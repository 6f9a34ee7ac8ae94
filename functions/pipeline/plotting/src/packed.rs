//! Summaries as a row has them: differences of neighbours, which are small, as postcard writes numbers, in a byte or two each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use spillway_chart::Summary;

/// A summary, as far as it isn't known from the one before.
#[derive(Serialize, Deserialize)]
struct Packed {
    /// How many units after the one before it begins; the first one, after the row.
    units: u16,
    /// How much the first total is above the last one before it; of the first summary, the total itself.
    first: i64,
    /// How much the least total is below the first one.
    below: u64,
    /// How much the greatest is above the first one.
    above: u64,
    /// How much the last is above the least.
    last: u64,
    /// How many milliseconds after the summary begins the total first was at its greatest.
    max_after: u16,
    uploads: u64,
    deletions: u64,
    repairs: u64,
}

/// Why summaries can't be read.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("it is not in Base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("it is not what postcard wrote: {0}")]
    Postcard(#[from] postcard::Error),
    #[error("a time is out of range: {0}")]
    Time(#[from] jiff::Error),
}

/// Packs the summaries of a row that begins at `row`.
pub fn pack(summaries: &[Summary], row: Timestamp, unit: SignedDuration) -> Result<String, postcard::Error> {
    let (mut before, mut total) = (row, 0_u64);
    let packed: Vec<Packed> = summaries
        .iter()
        .map(|summary| {
            let &Summary { at, first, min, max, last, max_at, uploads, deletions, repairs } = summary;
            let units = (before.duration_until(at).as_nanos() / unit.as_nanos()) as u16;
            let max_after = at.duration_until(max_at).as_millis() as u16;
            let first_above = first.wrapping_sub(total).cast_signed();
            (before, total) = (at, last);
            let (below, above, last) = (first - min, max - first, last - min);
            Packed { units, first: first_above, below, above, last, max_after, uploads, deletions, repairs }
        })
        .collect();
    Ok(STANDARD.encode(postcard::to_allocvec(&packed)?))
}

/// Unpacks them again.
pub fn unpack(text: &str, row: Timestamp, unit: SignedDuration) -> Result<Vec<Summary>, UnpackError> {
    let bytes = STANDARD.decode(text)?;
    let packed: Vec<Packed> = postcard::from_bytes(&bytes)?;
    let (mut before, mut total) = (row, 0_u64);
    let unpack = |packed: Packed| {
        let at = before.checked_add(unit * i32::from(packed.units))?;
        let first = total.wrapping_add_signed(packed.first);
        let min = first.wrapping_sub(packed.below);
        let last = min.wrapping_add(packed.last);
        (before, total) = (at, last);
        Ok(Summary {
            at,
            first,
            min,
            max: first.wrapping_add(packed.above),
            last,
            max_at: at.checked_add(SignedDuration::from_millis(packed.max_after.into()))?,
            uploads: packed.uploads,
            deletions: packed.deletions,
            repairs: packed.repairs,
        })
    };
    packed.into_iter().map(unpack).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spillway_chart::{Change, ChangeKind};

    use super::*;
    use crate::level::{Level, floor};

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(
            changes in proptest::collection::vec((0_i64..36_000_000, any::<u64>(), 0..3), 1..200),
            level in prop_oneof![Just(Level::Seconds), Just(Level::Minutes)]
        ) {
            let row = Timestamp::from_second(1_790_000_000 / 36_000 * 36_000).unwrap();
            let mut changes = changes;
            let length = level.row().as_millis() as i64;
            changes.iter_mut().for_each(|change| change.0 %= length);
            changes.sort_by_key(|change| change.0);
            let mut summaries: Vec<Summary> = Vec::new();
            for (millis, total_size, kind) in changes {
                let at = row + SignedDuration::from_millis(millis);
                let kind = [ChangeKind::Created, ChangeKind::Deleted, ChangeKind::Repaired][kind as usize];
                let change = Change { at, object_name: "a".into(), size_delta: 0, total_size, kind };
                let next = Summary::of(floor(at, level.unit()), &change);
                match summaries.last_mut().filter(|last| last.at == next.at) {
                    Some(last) => last.add(&next),
                    None => summaries.push(next),
                }
            }
            let packed = pack(&summaries, row, level.unit()).unwrap();
            prop_assert_eq!(unpack(&packed, row, level.unit()).unwrap(), summaries);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let read = |text: &str| unpack(text, Timestamp::UNIX_EPOCH, Level::Seconds.unit()).unwrap_err().to_string();
        assert_eq!(read("?"), "it is not in Base64: Invalid symbol 63, offset 0.");
        assert!(read("Bw==").starts_with("it is not what postcard wrote: "));
    }
}
