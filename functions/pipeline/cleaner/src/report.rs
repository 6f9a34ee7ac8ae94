//! Saying what was decided, and what came of it.

use jiff::Timestamp;
use spillway_contracts::log_line::{ChosenObject, CleanerDecisionLine, Invoker, Level, Outcome, Verdict};
use spillway_ledger::choice::{Choice, Stop};

/// How many objects the line names; all of their names may be longer than a log line.
const NAMED: usize = 20;

/// What the line is about.
pub struct Decision<'a> {
    pub at: Timestamp,
    pub request_id: String,
    pub bucket_name: &'a str,
    pub invoked_by: Invoker,
    pub dry_run: bool,
    pub threshold_bytes: u64,
    pub total_size: u64,
    pub choice: &'a Choice,
    /// What became of each object of the choice.
    pub outcomes: &'a [Outcome],
}

/// The line that says it.
pub fn line(decision: Decision) -> CleanerDecisionLine {
    let Decision { choice, outcomes, threshold_bytes, total_size, .. } = decision;
    let chosen = || choice.delete.iter().zip(outcomes);
    let freed: u64 = chosen().filter(|(_, outcome)| is_gone(**outcome)).map(|(candidate, _)| candidate.size).sum();
    let projected_total_size = total_size.saturating_sub(freed);
    let excess_bytes = (projected_total_size + 1).saturating_sub(threshold_bytes);
    let verdict = verdict(choice, outcomes);
    let named = chosen().take(NAMED).map(|(candidate, &outcome)| ChosenObject {
        object_name: candidate.object_name.clone(),
        size: candidate.size,
        outcome,
    });
    CleanerDecisionLine {
        timestamp: decision.at,
        // What is left over is left to the next invocation: the schedule's, since the alarm acts once.
        level: if excess_bytes == 0 { Level::Info } else { Level::Error },
        message: message(&decision, verdict, projected_total_size),
        request_id: decision.request_id,
        bucket_name: decision.bucket_name.into(),
        invoked_by: decision.invoked_by,
        dry_run: decision.dry_run,
        verdict,
        ledger_total_size: total_size,
        threshold_bytes,
        projected_total_size,
        excess_bytes,
        chosen_count: choice.delete.len() as u64,
        chosen: named.collect(),
    }
}

fn is_gone(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Deleted | Outcome::AlreadyGone | Outcome::DryRun => true,
        Outcome::Overwritten | Outcome::Failed => false,
    }
}

fn verdict(choice: &Choice, outcomes: &[Outcome]) -> Verdict {
    match choice.stop {
        _ if !outcomes.iter().all(|outcome| is_gone(*outcome)) => Verdict::Incomplete,
        Stop::Below if choice.delete.is_empty() => Verdict::BelowThreshold,
        Stop::Below => Verdict::BroughtBelow,
        Stop::MaxDeletes => Verdict::MaxDeletesReached,
        Stop::OnlyProtected => Verdict::OnlyProtectedLeft,
    }
}

fn message(decision: &Decision, verdict: Verdict, projected: u64) -> String {
    let &Decision { total_size: total, threshold_bytes: threshold, .. } = decision;
    let count = decision.choice.delete.len();
    let becomes = if decision.dry_run { "would become" } else { "become" };
    let change = format!("{total} bytes {becomes} {projected} without the largest ({count})");
    match verdict {
        Verdict::BelowThreshold => format!("nothing to delete: {total} bytes are below the threshold of {threshold}"),
        Verdict::BroughtBelow => format!("{change}; the threshold is {threshold}"),
        Verdict::MaxDeletesReached => {
            format!("{change}, and that is as many as one invocation deletes; the threshold is {threshold}")
        }
        Verdict::OnlyProtectedLeft => {
            format!("{change}, and all that is left is protected; the threshold is {threshold}")
        }
        Verdict::Incomplete => {
            format!("{change}, of which some are still there; the threshold is {threshold}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contracts::ObjectName;
    use spillway_ledger::choice::Candidate;

    /// A decision about 46 bytes and a threshold of 20.
    #[track_caller]
    fn check(sizes: &[u64], stop: Stop, outcomes: &[Outcome], expect: (Level, Verdict, u64, u64, &str)) {
        let candidate = |&size: &u64| Candidate { object_name: ObjectName::new("a").unwrap(), size, etag: None };
        let choice = Choice { delete: sizes.iter().map(candidate).collect(), projected_total_size: 0, stop };
        let line = line(Decision {
            at: Timestamp::UNIX_EPOCH,
            request_id: String::new(),
            bucket_name: "b",
            invoked_by: Invoker::Alarm,
            dry_run: outcomes.contains(&Outcome::DryRun),
            threshold_bytes: 20,
            total_size: 46,
            choice: &choice,
            outcomes,
        });
        let said = (line.level, line.verdict, line.projected_total_size, line.excess_bytes, line.message.as_str());
        assert_eq!(said, expect);
        assert_eq!((line.chosen_count, line.chosen.len()), (sizes.len() as u64, sizes.len().min(20)));
    }

    #[test]
    fn what_was_deleted_or_gone_brings_the_total_below() {
        let expect = (
            Level::Info,
            Verdict::BroughtBelow,
            18,
            0,
            "46 bytes become 18 without the largest (1); the threshold is 20",
        );
        check(&[28], Stop::Below, &[Outcome::Deleted], expect);
        check(&[28], Stop::Below, &[Outcome::AlreadyGone], expect);
    }

    #[test]
    fn a_dry_run_says_what_would_be() {
        let message = "46 bytes would become 18 without the largest (1); the threshold is 20";
        check(&[28], Stop::Below, &[Outcome::DryRun], (Level::Info, Verdict::BroughtBelow, 18, 0, message));
    }

    #[test]
    fn what_is_left_over_is_an_error() {
        let message = "46 bytes become 26 without the largest (2), and that is as many as one invocation deletes; the \
                       threshold is 20";
        let expect = (Level::Error, Verdict::MaxDeletesReached, 26, 7, message);
        check(&[10, 10], Stop::MaxDeletes, &[Outcome::Deleted; 2], expect);
        let message =
            "46 bytes become 20 without the largest (26), and all that is left is protected; the threshold is 20";
        let expect = (Level::Error, Verdict::OnlyProtectedLeft, 20, 1, message);
        check(&[1; 26], Stop::OnlyProtected, &[Outcome::Deleted; 26], expect);
    }

    #[test]
    fn what_is_still_there_does_not_count_as_gone() {
        for outcome in [Outcome::Overwritten, Outcome::Failed] {
            let message =
                "46 bytes become 38 without the largest (2), of which some are still there; the threshold is 20";
            let expect = (Level::Error, Verdict::Incomplete, 38, 19, message);
            check(&[28, 8], Stop::Below, &[outcome, Outcome::Deleted], expect);
        }
    }
}
