//! The changes that are worth a marker: of many, only the largest.

use std::cmp::Reverse;

use super::Change;

/// Up to this many changes, each has its marker.
pub(super) const ALL: usize = 150;

/// Of more than that, only this many of the largest,
pub(super) const NOTABLE: usize = 8;

/// and only those that are at least this part of the peak.
const NOTABLE_PART: u64 = 20;

/// A change that may be marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its place in the order of changes, from 0.
    pub number: u64,
    /// The column of pixels that it falls on.
    pub column: u32,
    /// What changed.
    pub change: Change,
}

/// The largest changes so far; takes as much memory for a million as for a few hundred.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    kept: Vec<Mark>,
    /// How many changes were offered.
    offered: u64,
    uploads: u64,
    deletions: u64,
    repairs: u64,
}

impl Marks {
    /// Counts changes.
    pub fn add(&mut self, uploads: u64, deletions: u64, repairs: u64) {
        self.uploads += uploads;
        self.deletions += deletions;
        self.repairs += repairs;
    }

    /// Takes the next change that may be worth a marker; it is counted by itself.
    pub fn offer(&mut self, column: u32, change: Change) {
        self.kept.push(Mark { number: self.offered, column, change });
        self.offered += 1;
        if self.kept.len() >= 2 * ALL {
            self.kept.select_nth_unstable_by_key(ALL, rank);
            self.kept.truncate(ALL);
        }
    }

    /// How many changes there were.
    pub fn count(&self) -> u64 {
        self.uploads + self.deletions + self.repairs
    }

    /// How many of them uploaded an object.
    pub fn uploads(&self) -> u64 {
        self.uploads
    }

    /// How many of them deleted an object.
    pub fn deletions(&self) -> u64 {
        self.deletions
    }

    /// How many of them an audit made.
    pub fn repairs(&self) -> u64 {
        self.repairs
    }

    /// The changes to mark, the largest first, in a plot with this peak.
    pub fn notable(&self, peak: u64) -> Vec<&Mark> {
        let mut notable: Vec<_> = self.kept.iter().collect();
        notable.sort_unstable_by_key(|mark| rank(mark));
        if self.count() > ALL as u64 {
            notable.truncate(NOTABLE);
            notable.retain(|mark| mark.change.size_delta.unsigned_abs() >= peak / NOTABLE_PART);
        }
        notable
    }
}

/// Larger first; of equal ones, the earlier.
fn rank(mark: &Mark) -> (Reverse<u64>, u64) {
    (Reverse(mark.change.size_delta.unsigned_abs()), mark.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Summary};
    use jiff::Timestamp;

    fn marks(deltas: impl IntoIterator<Item = i64>) -> Marks {
        let mut marks = Marks::default();
        for (column, size_delta) in (0..).zip(deltas) {
            let kind = if size_delta < 0 { ChangeKind::Deleted } else { ChangeKind::Created };
            let object_name = format!("{size_delta}.bin");
            push(
                &mut marks,
                column,
                Change { at: Timestamp::UNIX_EPOCH, object_name, size_delta, total_size: 0, kind },
            );
        }
        marks
    }

    fn push(marks: &mut Marks, column: u32, change: Change) {
        let Summary { uploads, deletions, repairs, .. } = Summary::of(change.at, &change);
        marks.add(uploads, deletions, repairs);
        marks.offer(column, change);
    }

    fn deltas(marks: &Marks, peak: u64) -> Vec<i64> {
        marks.notable(peak).iter().map(|mark| mark.change.size_delta).collect()
    }

    #[test]
    fn a_few_changes_are_all_marked_the_largest_first() {
        let marks = marks([18, 28, -28, 2, -18]);
        assert_eq!(deltas(&marks, 1_000), [28, -28, 18, -18, 2]);
        assert_eq!((marks.uploads(), marks.deletions()), (3, 2));
    }

    #[test]
    fn a_repair_is_neither_an_upload_nor_a_deletion() {
        let mut marks = marks([18, -18]);
        let at = Timestamp::UNIX_EPOCH;
        let repair = Change { at, object_name: "a".into(), size_delta: 5, total_size: 5, kind: ChangeKind::Repaired };
        push(&mut marks, 2, repair);
        assert_eq!((marks.uploads(), marks.deletions(), marks.repairs(), marks.count()), (1, 1, 1, 3));
    }

    #[test]
    fn of_many_changes_the_largest_are_marked() {
        let shuffled = (0..10_000i64).map(|index| index * 7_919 % 10_000);
        let marks = marks(shuffled);
        assert_eq!(deltas(&marks, 20_000), [9_999, 9_998, 9_997, 9_996, 9_995, 9_994, 9_993, 9_992]);
        assert_eq!(deltas(&marks, 9_997 * 20), [9_999, 9_998, 9_997]);
    }

    #[test]
    fn many_changes_take_no_more_memory() {
        let marks = marks(0..100_000);
        assert!(marks.kept.len() < 2 * ALL);
        assert_eq!(marks.count(), 100_000);
    }
}
