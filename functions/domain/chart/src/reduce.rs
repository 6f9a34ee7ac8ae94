//! Any number of totals, reduced to what a row of pixels can show.

/// The totals that fall on one column of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Which column, from the left.
    pub index: u32,
    /// The first total.
    pub first: u64,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    /// The last.
    pub last: u64,
}

/// A piece of the step line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The total held from one column to another.
    Hold { from: u32, to: u32, total: u64 },
    /// The total moved within a column.
    Move { at: u32, low: u64, high: u64 },
}

/// Takes totals in their order and keeps first, least, greatest and last of each column, so that a spike is never lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reducer {
    columns: Vec<Column>,
}

impl Reducer {
    /// Takes what the next totals come to, all of which fall on one column. If that is an earlier one than that of the totals
    /// before, they count for that one's.
    pub fn push(&mut self, next: Column) {
        match self.columns.last_mut() {
            Some(column) if column.index >= next.index => {
                column.min = column.min.min(next.min);
                column.max = column.max.max(next.max);
                column.last = next.last;
            }
            _ => self.columns.push(next),
        }
    }

    /// The columns that hold a total, from the left.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The step line from `initial` at column 0 to `last_column`.
    pub fn pieces(&self, initial: u64, last_column: u32) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(2 * self.columns.len() + 1);
        let (mut from, mut total) = (0, initial);
        for column in &self.columns {
            pieces.push(Piece::Hold { from, to: column.index, total });
            pieces.push(Piece::Move { at: column.index, low: column.min.min(total), high: column.max.max(total) });
            (from, total) = (column.index, column.last);
        }
        pieces.push(Piece::Hold { from, to: last_column, total });
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reduced(totals: &[(u32, u64)]) -> Reducer {
        let mut reducer = Reducer::default();
        totals.iter().for_each(|&(index, total)| {
            reducer.push(Column { index, first: total, min: total, max: total, last: total })
        });
        reducer
    }

    #[test]
    fn a_spike_within_a_column_stays() {
        let reducer = reduced(&[(3, 10), (7, 11), (7, 900), (7, 2), (7, 12)]);
        assert_eq!(
            reducer.columns(),
            [
                Column { index: 3, first: 10, min: 10, max: 10, last: 10 },
                Column { index: 7, first: 11, min: 2, max: 900, last: 12 },
            ]
        );
    }

    #[test]
    fn a_total_holds_until_the_next() {
        assert_eq!(
            reduced(&[(3, 18), (7, 46)]).pieces(0, 9),
            [
                Piece::Hold { from: 0, to: 3, total: 0 },
                Piece::Move { at: 3, low: 0, high: 18 },
                Piece::Hold { from: 3, to: 7, total: 18 },
                Piece::Move { at: 7, low: 18, high: 46 },
                Piece::Hold { from: 7, to: 9, total: 46 },
            ]
        );
    }

    #[test]
    fn with_no_change_the_line_is_flat() {
        assert_eq!(Reducer::default().pieces(5, 9), [Piece::Hold { from: 0, to: 9, total: 5 }]);
    }

    proptest! {
        #[test]
        fn each_column_keeps_first_least_greatest_and_last(
            mut totals in proptest::collection::vec((0u32..40, any::<u64>()), 0..400)
        ) {
            totals.sort_by_key(|(index, _)| *index);
            let expected: Vec<_> = totals
                .chunk_by(|a, b| a.0 == b.0)
                .map(|chunk| {
                    let sizes = || chunk.iter().map(|(_, total)| *total);
                    Column {
                        index: chunk[0].0,
                        first: chunk[0].1,
                        min: sizes().min().unwrap(),
                        max: sizes().max().unwrap(),
                        last: chunk[chunk.len() - 1].1,
                    }
                })
                .collect();
            let reducer = reduced(&totals);
            prop_assert_eq!(reducer.columns(), expected);
        }

        #[test]
        fn the_line_reaches_every_total_at_its_column(
            mut totals in proptest::collection::vec((0u32..40, 0u64..1_000), 1..400), initial in 0u64..1_000
        ) {
            totals.sort_by_key(|(index, _)| *index);
            let pieces = reduced(&totals).pieces(initial, 39);
            for (index, total) in totals {
                let reached = pieces.iter().any(|piece| match *piece {
                    Piece::Move { at, low, high } => at == index && (low..=high).contains(&total),
                    Piece::Hold { .. } => false,
                });
                prop_assert!(reached);
            }
        }

        #[test]
        fn columns_never_go_back(totals in proptest::collection::vec((0u32..40, any::<u64>()), 0..400)) {
            let reducer = reduced(&totals);
            prop_assert!(reducer.columns().is_sorted_by(|a, b| a.index < b.index));
        }
    }
}
