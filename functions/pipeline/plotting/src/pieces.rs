//! Which parts of a range are read as they are, and which as summed up.

use jiff::Timestamp;

use crate::level::{Level, ceil, floor};

/// A part of a range; `to` is excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The records.
    Records { from: Timestamp, to: Timestamp },
    /// What they come to, in whole rows.
    Summaries { level: Level, from: Timestamp, to: Timestamp },
}

/// The parts of a range, in order, given up to when the history is summed up in seconds and in minutes, as far as the picture
/// can do with that: minutes in the middle, seconds around them, and the records at the edges, where no whole row is.
pub fn pieces(from: Timestamp, to: Timestamp, seconds: Option<Timestamp>, minutes: Option<Timestamp>) -> Vec<Piece> {
    let whole = |(from, to): (Timestamp, Timestamp), level: Level, summed_to: Option<Timestamp>| {
        let to = floor(summed_to?.min(to), level.row());
        let from = ceil(from, level.row());
        (from < to).then_some((from, to))
    };
    let records = |from, to| (from < to).then_some(Piece::Records { from, to });
    let summaries = |level, from, to| (from < to).then_some(Piece::Summaries { level, from, to });
    let Some((low, high)) = whole((from, to), Level::Seconds, seconds) else {
        return vec![Piece::Records { from, to }];
    };
    // Where there are no minutes, all is seconds.
    let (first, last) = whole((low, high), Level::Minutes, minutes).unwrap_or((high, high));
    let pieces = [
        records(from, low),
        summaries(Level::Seconds, low, first),
        summaries(Level::Minutes, first, last),
        summaries(Level::Seconds, last, high),
        records(high, to),
    ];
    pieces.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-08-{text}Z").parse().unwrap()
    }

    fn bounds(piece: &Piece) -> (Timestamp, Timestamp) {
        match *piece {
            Piece::Records { from, to } | Piece::Summaries { from, to, .. } => (from, to),
        }
    }

    #[test]
    fn minutes_are_in_the_middle_and_the_records_at_the_edges() {
        // Rows of minutes begin every ten hours, counted from the epoch.
        let (from, to) = (at("01T11:03:20"), at("04T09:41:00"));
        let [first, last] = [at("01T16:00:00"), at("03T18:00:00")];
        let [low, high] = [at("01T11:10:00"), at("04T09:30:00")];
        let expect = [
            Piece::Records { from, to: low },
            Piece::Summaries { level: Level::Seconds, from: low, to: first },
            Piece::Summaries { level: Level::Minutes, from: first, to: last },
            Piece::Summaries { level: Level::Seconds, from: last, to: high },
            Piece::Records { from: high, to },
        ];
        assert_eq!(pieces(from, to, Some(high), Some(last)), expect);
        assert_eq!(pieces(from, to, None, None), [Piece::Records { from, to }]);
        let seconds = [expect[0], Piece::Summaries { level: Level::Seconds, from: low, to: high }, expect[4]];
        assert_eq!(pieces(from, to, Some(high), None), seconds);
    }

    proptest! {
        #[test]
        fn pieces_are_whole_rows_that_are_summed_up_and_leave_nothing_out(
            from in 0_i64..1_000_000, length in 1_i64..1_000_000, seconds in 0_i64..1_700, fewer in 0_i64..1_700
        ) {
            let moment = |millis: i64| Timestamp::from_millisecond(1_790_000_000_000 + millis * 1_000 / 7).unwrap();
            let (from, to) = (moment(from), moment(from + length));
            let summed = |level: Level, rows: i64| floor(Timestamp::from_second(1_790_000_000 + rows * 600).unwrap(), level.row());
            let (seconds, minutes) = (summed(Level::Seconds, seconds), summed(Level::Minutes, (seconds - fewer).max(0)));
            let pieces = pieces(from, to, Some(seconds), Some(minutes));
            let mut end = from;
            for piece in &pieces {
                let (from, to) = bounds(piece);
                prop_assert_eq!(from, end);
                prop_assert!(from < to);
                end = to;
                if let Piece::Summaries { level, .. } = piece {
                    prop_assert_eq!((floor(from, level.row()), floor(to, level.row())), (from, to));
                    let summed_to = if *level == Level::Seconds { seconds } else { minutes };
                    prop_assert!(to <= summed_to);
                }
            }
            prop_assert_eq!(end, to);
        }
    }
}
