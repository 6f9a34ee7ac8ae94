//! Bringing back what was deleted.

use std::error::Error as StdError;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use spillway_contracts::ObjectName;

use super::outcome::Outcome;
use super::scenario::say;
use crate::connection::{Choice, Connection};
use crate::error::Error;
use crate::restore::copy::Copied;
use crate::restore::versions::Refusal;
use crate::restore::{Plan, Sum, Which};
use crate::shell::printable;
use crate::units::plural;

/// What to restore, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
    /// Which objects.
    #[command(flatten)]
    pub which: Objects,
    /// Restore although the total will be at or over SizeThreshold: the cleaner then deletes again, by its rule.
    #[arg(long)]
    pub over_threshold: bool,
    /// Only say what would be restored.
    #[arg(long)]
    pub dry_run: bool,
}

/// Which objects: one of the three.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Objects {
    /// The objects' names: each comes back as it was last, whoever deleted it.
    #[arg(value_name = "NAME", value_parser = name)]
    pub names: Vec<ObjectName>,
    /// What the cleaner has deleted since then: 2026-11-26T10:00:00Z, or how long ago, such as 90m, 2h or 3d.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// What one cleaning deleted: `cleaning` or `request_id` of the cleaner's decision line.
    #[arg(long, value_name = "ID")]
    pub cleaning: Option<String>,
}

fn name(text: &str) -> Result<ObjectName, String> {
    ObjectName::new(text).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<Timestamp, Box<dyn StdError + Send + Sync>> {
    moment_at(text, Timestamp::now())
}

/// A moment, or how long before `now` it was.
fn moment_at(text: &str, now: Timestamp) -> Result<Timestamp, Box<dyn StdError + Send + Sync>> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let ago = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    match ago {
        Ok(ago) if ago > SignedDuration::ZERO => Ok(now.checked_sub(ago)?),
        _ => {
            Err("it is neither a moment, such as 2026-11-26T10:00:00Z, nor how long ago, such as 90m, 2h or 3d".into())
        }
    }
}

impl Objects {
    fn which(self) -> Which {
        match (self.since, self.cleaning) {
            (Some(since), _) => Which::Since(since),
            (None, Some(cleaning)) => Which::Cleaning(cleaning),
            (None, None) => {
                let mut names = self.names;
                names.sort();
                names.dedup();
                Which::Named(names)
            }
        }
    }
}

/// Restores, and says what became of each object.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let Options { choice, which, over_threshold, dry_run } = options;
    let connection = choice.connect().await?;
    eprintln!("{connection}");
    let plan = Plan::make(&connection, &which.which()).await?;
    if !over_threshold {
        plan.fits()?;
    }
    let (mut sum, mut refused) = (Sum::default(), 0);
    let mut refuse = |name: &ObjectName, refusal: &Refusal| {
        refused += 1;
        tell(&connection, plan.bucket(), name, refusal);
    };
    if dry_run {
        for (name, found) in &plan.objects {
            match found {
                Ok(kept) => say(&format!("would restore  {} ({})", printable(name.as_str()), bytes(kept.size))),
                Err(refusal) => refuse(name, refusal),
            }
        }
        sum = plan.sum();
    } else {
        let done = plan.carry_out(|name, result| match result {
            Ok(copied) => {
                sum = sum.and(copied.size);
                say(&restored(name, &copied));
            }
            Err(refusal) => refuse(name, &refusal),
        });
        done.await;
    }
    say(&conclusion(sum, refused, plan.open, dry_run));
    if refused > 0 && plan.keeps_nothing {
        say(
            "The stack keeps nothing, for its KeepDeletedDays is 0. With more, what is deleted from then on can come back.",
        );
    }
    Ok(if refused == 0 { Outcome::Success } else { Outcome::Unexpected })
}

fn restored(name: &ObjectName, copied: &Copied) -> String {
    let other = copied.other_etag.as_ref().map(|etag| format!("; its ETag is now {etag}")).unwrap_or_default();
    format!("restored       {} ({}{other})", printable(name.as_str()), bytes(copied.size))
}

fn bytes(size: u64) -> String {
    format!("{size} byte{}", plural(size))
}

/// Says why an object does not come back, and what would bring it back, if something does.
fn tell(connection: &Connection, bucket: &str, name: &ObjectName, refusal: &Refusal) {
    say(&format!("not restored   {}: {refusal}", printable(name.as_str())));
    if let Refusal::TooLarge { marker_id, .. } = refusal {
        let words = ["s3api", "delete-object", "--bucket", bucket, "--key", name.as_str(), "--version-id", marker_id];
        say("  Without its delete marker it is there again. S3 tells nobody of that, so an audit has to follow:");
        say(&format!("  {} && {}", connection.aws(words), connection.cargo_stack(["audit"])));
    }
}

fn conclusion(sum: Sum, refused: usize, open: usize, dry_run: bool) -> String {
    let mut text = match (dry_run, sum.objects) {
        (true, 0) => "Nothing would be restored.".to_owned(),
        (false, 0) => "Nothing was restored.".to_owned(),
        (true, _) => format!("{sum} would be restored."),
        (false, 1) => format!("{sum} was restored."),
        (false, _) => format!("{sum} were restored."),
    };
    if refused > 0 && sum.objects > 0 {
        let rest = match (dry_run, refused) {
            (true, _) => "would",
            (false, 1) => "was",
            (false, _) => "were",
        };
        text += &format!(" {refused} {rest} not.");
    }
    if open > 0 {
        let objects = if open == 1 { "object was" } else { "objects were" };
        text += &format!(
            " {open} more {objects} chosen by a cleaning that was cut off: whatever of that is gone comes back by its name."
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn refusal(words: &[&str]) -> String {
        Command::try_parse_from(std::iter::once("restore").chain(words.iter().copied())).unwrap_err().to_string()
    }

    #[test]
    fn it_takes_names_or_a_time_or_a_cleaning() {
        let nothing = refusal(&[]);
        assert!(nothing.contains("<NAME|--since <TIME>|--cleaning <ID>>"), "{nothing}");
        assert!(refusal(&["a", "--since", "2h"]).contains("cannot be used with"));
        assert!(refusal(&["--cleaning", "x", "--since", "2h"]).contains("cannot be used with"));
        let wrong = refusal(&["--since", "yesterday"]);
        assert!(wrong.contains("neither a moment, such as 2026-11-26T10:00:00Z, nor how long ago"), "{wrong}");
        assert!(refusal(&[""]).contains("an object name must have 1 to 1024 bytes"));
    }

    #[test]
    fn a_time_is_a_moment_or_how_long_ago_it_was() {
        let now: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        for (text, expect) in [
            ("2026-11-26T08:00:00Z", "2026-11-26T08:00:00Z"),
            ("2026-11-26T09:00:00+02:00", "2026-11-26T07:00:00Z"),
            ("90m", "2026-11-26T08:30:00Z"),
            ("2h", "2026-11-26T08:00:00Z"),
            ("3d", "2026-11-23T10:00:00Z"),
        ] {
            assert_eq!(moment_at(text, now).unwrap().to_string(), expect, "{text}");
        }
        for text in ["-2h", "0s", "1mo", "2026-11-26", ""] {
            assert!(moment_at(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn what_it_did_is_a_line_for_each_object_and_a_sum() {
        let name = ObjectName::new("a\u{1b}[2J").unwrap();
        let copied = |other_etag: Option<&str>| Copied { size: 1, other_etag: other_etag.map(str::to_owned) };
        assert_eq!(restored(&name, &copied(None)), r"restored       a\u001b[2J (1 byte)");
        assert_eq!(restored(&name, &copied(Some("e"))), r"restored       a\u001b[2J (1 byte; its ETag is now e)");
        let sum = Sum { objects: 2, bytes: 46 };
        assert_eq!(conclusion(sum, 0, 0, false), "2 objects with 46 bytes were restored.");
        assert_eq!(conclusion(Sum::default(), 2, 0, false), "Nothing was restored.");
        let expect = "1 object with 5 bytes would be restored. 2 would not. 1 more object was chosen by a cleaning that was cut off: \
                      whatever of that is gone comes back by its name.";
        assert_eq!(conclusion(Sum { objects: 1, bytes: 5 }, 2, 1, true), expect);
    }
}
