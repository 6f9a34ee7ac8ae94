//! Saying what was decided, and what came of it.

use spillway_contracts::log_line::{ChosenObject, CleanerDecisionLine, Invoker, Level, Outcome, Verdict};
use spillway_contracts::rule::DeleteFirst;
use spillway_lambda::request_id;
use spillway_ledger::choice::{Candidate, Rule, Stop};

use crate::Deps;

/// How many objects the line names; all of their names may be longer than a log line.
const NAMED: usize = 20;

/// What an invocation has done so far, in bytes where it says how much.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The ledger's total when the cleaner looked first.
    pub ledger_total_size: u64,
    /// What of it was being deleted already.
    pub under_way_bytes: u64,
    /// How many deletions the ledger should have recorded long ago.
    pub unrecorded_count: usize,
    /// Whether nothing may be deleted yet, because no audit has compared ledger and bucket.
    pub is_not_audited: bool,
    /// Whether the schedule leaves the objects to the alarm.
    pub is_left_to_alarm: bool,
    /// Why no more objects were chosen; `None` before any were.
    pub stop: Option<Stop>,
    /// The total once every deletion is through.
    pub total_size: u64,
    /// What was chosen, and what became of it.
    pub chosen: Vec<(Candidate, Outcome)>,
}

impl Done {
    /// How many deletions the invocation has made, as the rule counts them: S3's refusals delete nothing.
    pub fn made(&self) -> usize {
        self.chosen.iter().filter(|(_, outcome)| *outcome != Outcome::Refused).count()
    }
}

/// The line that says it.
pub fn line(deps: &Deps, invoked_by: Invoker, cleaning: Option<String>, done: &Done) -> CleanerDecisionLine {
    let Rule { threshold_bytes, target_bytes, delete_first, .. } = deps.rule;
    let excess_bytes = (done.total_size + 1).saturating_sub(threshold_bytes);
    let refused_count = done.chosen.iter().filter(|(_, outcome)| *outcome == Outcome::Refused).count() as u64;
    let verdict = verdict(done, excess_bytes, target_bytes);
    let named = done.chosen.iter().take(NAMED).map(|(candidate, outcome)| ChosenObject {
        object_name: candidate.object_name.clone(),
        size: candidate.size,
        outcome: *outcome,
    });
    // What is left over is left to the next invocation: the schedule's, since the alarm acts once.
    let is_as_it_should_be = excess_bytes == 0 || verdict == Verdict::LeftToAlarm;
    CleanerDecisionLine {
        timestamp: (deps.now)(),
        level: if is_as_it_should_be && done.unrecorded_count == 0 { Level::Info } else { Level::Error },
        message: message(done, deps.dry_run, verdict, &deps.rule),
        request_id: request_id(),
        bucket_name: deps.store.bucket_name().into(),
        invoked_by,
        dry_run: deps.dry_run,
        cleaning,
        verdict,
        ledger_total_size: done.ledger_total_size,
        under_way_bytes: done.under_way_bytes,
        unrecorded_count: done.unrecorded_count as u64,
        threshold_bytes,
        target_bytes,
        delete_first,
        projected_total_size: done.total_size,
        excess_bytes: if verdict == Verdict::LeftToAlarm { 0 } else { excess_bytes },
        chosen_count: done.chosen.len() as u64,
        refused_count,
        chosen: named.collect(),
    }
}

fn verdict(done: &Done, excess_bytes: u64, target_bytes: u64) -> Verdict {
    let any = |outcomes: &[Outcome]| done.chosen.iter().any(|(_, outcome)| outcomes.contains(outcome));
    if done.is_not_audited {
        return Verdict::NotAudited;
    }
    if done.is_left_to_alarm {
        return Verdict::LeftToAlarm;
    }
    if any(&[Outcome::Overwritten, Outcome::Failed, Outcome::Kept]) {
        return Verdict::Incomplete;
    }
    if excess_bytes > 0 && any(&[Outcome::Refused]) {
        return Verdict::Refused;
    }
    match done.stop {
        // It ended before it could do what it had decided.
        Some(Stop::Below) if done.total_size >= target_bytes && (!done.chosen.is_empty() || excess_bytes > 0) => {
            Verdict::Incomplete
        }
        None | Some(Stop::Below) if done.chosen.is_empty() => Verdict::BelowThreshold,
        None | Some(Stop::Below) => Verdict::BroughtBelow,
        Some(Stop::MaxDeletes) => Verdict::MaxDeletesReached,
        Some(Stop::OnlyProtected) => Verdict::OnlyProtectedLeft,
        Some(Stop::OnlyYoung) => Verdict::OnlyYoungLeft,
    }
}

fn message(done: &Done, dry_run: bool, verdict: Verdict, rule: &Rule) -> String {
    let limit = match rule.target_bytes < rule.threshold_bytes {
        true => format!("the target is {}, the threshold {}", rule.target_bytes, rule.threshold_bytes),
        false => format!("the threshold is {}", rule.threshold_bytes),
    };
    let total = done.ledger_total_size - done.under_way_bytes.min(done.ledger_total_size);
    let becomes = if dry_run { "would become" } else { "become" };
    let objects = match done.chosen.len() {
        0 => String::new(),
        1 => format!("the {} object", rule.delete_first),
        count => format!("the {count} {} objects", rule.delete_first),
    };
    let change = match objects.is_empty() {
        true => format!("{total} bytes stay"),
        false => format!("{total} bytes {becomes} {} without {objects}", done.total_size),
    };
    let threshold = rule.threshold_bytes;
    match verdict {
        Verdict::BelowThreshold => format!("nothing to delete: {total} bytes are below the threshold of {threshold}"),
        Verdict::NotAudited => {
            let why = match rule.delete_first {
                DeleteFirst::Largest => "compared the ledger with the bucket",
                DeleteFirst::Oldest => "compared the ledger with the bucket, and found out how old each object is",
            };
            format!("nothing is deleted before an audit has {why}: run `cargo stack audit`")
        }
        Verdict::LeftToAlarm => {
            format!(
                "{total} bytes are not below the threshold of {threshold}; the schedule leaves them to the alarm first"
            )
        }
        Verdict::BroughtBelow => format!("{change}; {limit}"),
        Verdict::MaxDeletesReached => format!("{change}, and no more may be deleted at once; {limit}"),
        Verdict::OnlyProtectedLeft => format!("{change}, and everything that is left is protected; {limit}"),
        Verdict::OnlyYoungLeft => {
            let minutes = rule.minimum_age.as_mins();
            format!("{change}, and everything that is left is protected or younger than {minutes} minutes; {limit}")
        }
        Verdict::Refused => format!("{change}, of which S3 refuses to delete some; {limit}"),
        Verdict::Incomplete => format!("{change}, of which some may still be there; {limit}"),
    }
}
