//! How full a deployed stack's bucket is.

use spillway_contracts::log_line::Invoker;
use spillway_contracts::usage::{AppliedRule, Kept, KeptVersions, Usage, VersionTally};

use super::outcome::Outcome;
use super::scenario::say;
use crate::api;
use crate::connection::{Choice, Connection};
use crate::error::Error;
use crate::shell::printable;
use crate::units::{count, grouped, size, span};

/// Of which stack.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
}

/// Asks the stack's API, and prints what it answers.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let connection = options.choice.connect().await?;
    eprintln!("{connection}");
    let usage: Usage = api::ask(&connection, "usage", &[]).await?;
    say(&text(&usage, &connection));
    Ok(Outcome::Success)
}

fn text(usage: &Usage, connection: &Connection) -> String {
    let ago = |at: jiff::Timestamp| {
        format!("{} ago, at {at:.0}", span(usage.as_of.duration_since(at).as_secs().max(0).unsigned_abs()))
    };
    let total = format!("{}, {} % of the threshold", size(usage.total_size), usage.fill_percent);
    let left = match usage.left_bytes {
        0 => "nothing: the threshold is reached".to_owned(),
        left => size(left),
    };
    let alarm = usage.alarm.as_ref().map_or_else(
        || "it is not there".to_owned(),
        |alarm| match alarm.since {
            Some(since) => format!("{} since {since:.0} ({})", alarm.state, alarm.name),
            None => format!("{} ({})", alarm.state, alarm.name),
        },
    );
    let cleaning = usage.last_cleaning.as_ref().map_or_else(
        || "none in the last 15 days".to_owned(),
        |it| {
            let by = match it.invoked_by {
                Invoker::Alarm => "the alarm",
                Invoker::Schedule => "the schedule",
            };
            let [chosen, deleted] = [it.chosen, it.deleted].map(|tally| grouped(tally.objects));
            let of = if chosen == deleted { String::new() } else { format!(" of {chosen} that were chosen") };
            let objects = if it.deleted.objects == 1 && of.is_empty() { "object" } else { "objects" };
            let what = format!("{deleted} {objects}{of}, {}", size(it.deleted.bytes));
            format!("{}, by {by}: {what} ({})", ago(it.begun_at), it.cleaning)
        },
    );
    let audit = usage.last_audit.as_ref().map_or_else(
        || "none has ended well".to_owned(),
        |it| {
            let wrong = match it.drift.objects {
                0 => "the ledger was right".to_owned(),
                objects => format!("the ledger was wrong by {}, {}", count(objects, "object"), size(it.drift.bytes)),
            };
            format!("{}: {wrong} ({})", ago(it.started_at), it.audit_id)
        },
    );
    let changed = usage.ledger_changed_at.map_or_else(|| "it has heard of nothing yet".to_owned(), ago);
    let rows = [
        ("bucket", usage.bucket_name.clone()),
        ("total", total),
        ("objects", grouped(usage.object_count)),
        ("still fits", left),
        ("kept for undo", kept(usage.kept, |kept| kept.deleted)),
        ("overwritten", kept(usage.kept, |kept| kept.overwritten)),
        ("threshold", size(usage.rule.threshold_bytes)),
        ("rule", rule(&usage.rule)),
        ("alarm", alarm),
        ("last cleaning", cleaning),
        ("ledger changed", changed),
        ("last audit", audit),
    ];
    let mut text: String = rows.iter().map(|(what, value)| format!("{what:<16}{}\n", printable(value))).collect();
    if usage.is_cleaning {
        text += "A cleaning goes on, or was interrupted: the schedule's next look goes on with it.\n";
    }
    if usage.kept.is_some_and(takes_space) {
        text += "What is kept and what was overwritten takes space that the threshold doesn't count.\n";
    }
    if usage.dry_run {
        text += "DryRun is on: nothing is deleted.\n";
    }
    if usage.awaits_audit {
        text += &format!("Nothing is deleted before an audit has ended well: {}\n", connection.cargo_stack(["audit"]));
    }
    text + &format!("What would go now: {}", connection.cargo_stack(["plan"]))
}

/// What is kept of some objects.
fn kept(kept: Option<Kept>, of: impl Fn(KeptVersions) -> VersionTally) -> String {
    let sum = |kept| {
        let VersionTally { versions, bytes } = of(kept);
        format!("{} in {}", size(bytes), count(versions, "version"))
    };
    match kept {
        None => "unknown: the usage function's log says why".to_owned(),
        Some(Kept::All(kept)) if of(kept).versions == 0 => "nothing".to_owned(),
        Some(Kept::All(kept)) => sum(kept),
        Some(Kept::AtLeast(kept)) => format!("at least {}; the bucket has too many to count all", sum(kept)),
    }
}

fn takes_space(kept: Kept) -> bool {
    let (Kept::All(kept) | Kept::AtLeast(kept)) = kept;
    kept.deleted.bytes > 0 || kept.overwritten.bytes > 0
}

/// A rule in words.
pub(super) fn rule(rule: &AppliedRule) -> String {
    let until = match rule.target_bytes < rule.threshold_bytes {
        true => format!("until the total is below {}", size(rule.target_bytes)),
        false => "until the total is below the threshold".to_owned(),
    };
    let young = match rule.minimum_age_minutes {
        0 => String::new(),
        minutes => format!("; nothing that is younger than {}", count(minutes, "minute")),
    };
    format!("the {} objects first, {until}{young}; at most {} at once", rule.delete_first, grouped(rule.max_deletes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::aws;

    #[test]
    fn usage_is_a_page_of_a_terminal() {
        let example = include_str!("../../../../contracts/examples/usage/ok-cleaned.json");
        let expected = "\
bucket          spillway-testbucket-1
total           412.3 GB (412,345,678,901 bytes), 82 % of the threshold
objects         1,234,567
still fits      87.6 GB (87,654,321,099 bytes)
kept for undo   50.3 GB (50,300,000,000 bytes) in 1,012 versions
overwritten     1.2 GB (1,234,567,890 bytes) in 37 versions
threshold       500.0 GB (500,000,000,000 bytes)
rule            the oldest objects first, until the total is below 450.0 GB (450,000,000,000 bytes); nothing that is younger than 60 \
         minutes; at most 1,000 at once
alarm           OK since 2026-11-23T08:16:50Z (spillway-TotalSizeAlarm-1)
last cleaning   1 hour ago, at 2026-11-23T08:15:40Z, by the alarm: 998 objects of 1,000 that were chosen, 49.9 GB (49,900,000,000 \
         bytes) (2026-11-23T08:15:40.000Z#00000000000000000007#00000)
ledger changed  3 seconds ago, at 2026-11-23T09:59:57Z
last audit      5 hours ago, at 2026-11-23T04:12:00Z: the ledger was wrong by 1 object, 1.9 kB (1,990 bytes) (an-audit)
What is kept and what was overwritten takes space that the threshold doesn't count.
What would go now: cargo stack plan --stack-name other --region eu-west-1";
        let text = text(&serde_json::from_str(example).unwrap(), &aws(None, None));
        assert_eq!(text, expected);
    }

    #[test]
    fn what_keeps_the_cleaner_from_deleting_is_told() {
        let example = include_str!("../../../../contracts/examples/usage/ok-nothing-known.json");
        let text = text(&serde_json::from_str(example).unwrap(), &aws(None, None));
        for line in [
            "total           0 bytes, 0 % of the threshold",
            "kept for undo   unknown: the usage function's log says why",
            "last cleaning   none in the last 15 days",
            "ledger changed  it has heard of nothing yet",
            "last audit      none has ended well",
            "DryRun is on: nothing is deleted.",
            "Nothing is deleted before an audit has ended well: cargo stack audit --stack-name other --region eu-west-1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_part_of_what_is_kept_is_not_told_as_the_whole() {
        let tally = |versions, bytes| VersionTally { versions, bytes };
        let versions = KeptVersions { deleted: tally(1, 1990), overwritten: tally(0, 0) };
        let part = kept(Some(Kept::AtLeast(versions)), |kept| kept.deleted);
        assert_eq!(part, "at least 1.9 kB (1,990 bytes) in 1 version; the bucket has too many to count all");
        assert_eq!(kept(Some(Kept::All(versions)), |kept| kept.overwritten), "nothing");
    }
}
