//! What was seen, in words.

use jiff::Timestamp;

use super::Glance;
use crate::shell::printable;

/// The lines of a live display.
pub fn block(glance: &Glance, now: Timestamp) -> Vec<String> {
    let since = glance.since.map(|since| format!(" for {} (since {since})", lasting(since, now)));
    let mut lines = vec![
        format!("total         {}", total(glance)),
        format!("alarm         {}{}", glance.alarm, since.unwrap_or_default()),
        format!("queues        {}", counts(&glance.queues)),
        format!("dead letters  {}", counts(&glance.dead_letters)),
    ];
    if glance.deletions.is_empty() {
        lines.push("deleted       nothing lately".to_owned());
    }
    for (position, deletion) in glance.deletions.iter().enumerate() {
        let label = if position == 0 { "deleted" } else { "" };
        lines.push(format!(
            "{label:<14}{}  {:>12} bytes  {}",
            deletion.at,
            deletion.size,
            printable(&deletion.object_name)
        ));
    }
    lines
}

/// One line for a pipe, without what changes by itself.
pub fn line(glance: &Glance) -> String {
    let last = glance.deletions.first();
    let last =
        last.map_or("nothing".to_owned(), |last| format!("{} ({} bytes)", printable(&last.object_name), last.size));
    format!(
        "total {}, alarm {}, queues {}, dead letters {}, last deleted {last}",
        total(glance),
        glance.alarm,
        counts(&glance.queues),
        counts(&glance.dead_letters),
    )
}

fn total(glance: &Glance) -> String {
    let Some(total) = glance.total else { return format!("nothing recorded yet, threshold {}", glance.threshold) };
    format!("{total} bytes, threshold {}", glance.threshold)
}

fn counts(counts: &[(&str, u64)]) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(" ")
}

/// `3 h 12 min`, `12 min 5 s`, `5 s`.
fn lasting(since: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - since.as_second()).max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::glance::Deletion;

    fn glance() -> Glance {
        let deletion = |name: &str, size| Deletion {
            object_name: name.to_owned(),
            size,
            at: "2026-11-24T10:00:01.000Z".to_owned(),
        };
        Glance {
            total: Some(46),
            threshold: 20,
            alarm: "ALARM".to_owned(),
            since: Some("2026-11-24T10:00:00Z".parse().unwrap()),
            queues: vec![("tracking", 1), ("logging", 3)],
            dead_letters: vec![("tracking", 0)],
            deletions: vec![deletion("b", 28), deletion("a", 18)],
        }
    }

    #[test]
    fn a_live_display_has_a_line_for_each_thing() {
        let now = "2026-11-24T10:12:05Z".parse().unwrap();
        let expect = [
            "total         46 bytes, threshold 20",
            "alarm         ALARM for 12 min 5 s (since 2026-11-24T10:00:00Z)",
            "queues        tracking 1 logging 3",
            "dead letters  tracking 0",
            "deleted       2026-11-24T10:00:01.000Z            28 bytes  b",
            "              2026-11-24T10:00:01.000Z            18 bytes  a",
        ];
        assert_eq!(block(&glance(), now), expect);
    }

    #[test]
    fn a_line_for_a_pipe_stays_the_same_while_nothing_happens() {
        let expect = "total 46 bytes, threshold 20, alarm ALARM, queues tracking 1 logging 3, dead letters tracking 0, \
                      last deleted b (28 bytes)";
        assert_eq!(line(&glance()), expect);
        let nothing = Glance { total: None, threshold: 20, alarm: "OK".to_owned(), ..Glance::default() };
        let expect = "total nothing recorded yet, threshold 20, alarm OK, queues , dead letters , last deleted nothing";
        assert_eq!(line(&nothing), expect);
    }
}
