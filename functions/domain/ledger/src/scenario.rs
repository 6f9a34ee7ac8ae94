//! What a run should see: the timeline of totals that its cycles lead through.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spillway_contracts::run::{Cycle, Expectation, RunInput};
use spillway_contracts::task::CyclePlan;
use spillway_contracts::{ObjectName, Sequencer};

use crate::choice::{Candidate, Rule, Situation, choose};

/// A scenario with every expectation spelled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The rounds, in order.
    pub cycles: Vec<CyclePlan>,
    /// The totals from the empty bucket on, in bytes.
    pub timeline: Vec<u64>,
}

/// How many bytes the names of a run's uploads may take, each as JSON has it. Step Functions passes no more than 256 KiB from
/// state to state, and a name is in a run's report three times.
const MOST_NAME_BYTES: usize = 40_000;

/// An expectation that no bucket can meet, or a scenario that is too large. Displays as the path of the field and what is wrong with it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path(*.cycle, .field))]
pub struct ScenarioError {
    /// None if it is about all cycles.
    cycle: Option<usize>,
    field: &'static str,
    reason: String,
}

/// Plays `input` through on paper, from an empty bucket, with a cleaner that keeps `rule`.
pub fn play(input: &RunInput, rule: &Rule) -> Result<Scenario, ScenarioError> {
    check_names(input)?;
    let mut bucket = Bucket::default();
    let mut scenario = Scenario { cycles: Vec::new(), timeline: vec![0] };
    for (index, cycle) in input.cycles.iter().enumerate() {
        for upload in cycle.upload.iter() {
            if upload.object_name.as_str().trim().is_empty() {
                let reason = format!(
                    "the name {:?} is white space alone, which AWS's SDK refuses to upload; choose another name",
                    upload.object_name.as_str()
                );
                return Err(ScenarioError { cycle: Some(index), field: "upload", reason });
            }
            bucket.put(&upload.object_name, upload.size_bytes.bytes());
            scenario.timeline.push(bucket.total());
        }
        let has_reached_threshold = rule.wants_less(bucket.total(), false);
        let expected_deletions = match &cycle.expect {
            Some(expectation) => expectation.deleted.clone(),
            None => bucket.choice(rule),
        };
        for object_name in &expected_deletions {
            if bucket.objects.remove(object_name).is_none() {
                let reason = format!("{object_name} isn't in the bucket at that point");
                return Err(ScenarioError { cycle: Some(index), field: "expect.deleted", reason });
            }
            scenario.timeline.push(bucket.total());
        }
        let end = End { expected_deletions, total: bucket.total(), has_reached_threshold };
        scenario.cycles.push(plan(index, cycle, end, rule)?);
    }
    Ok(scenario)
}

fn path(cycle: Option<usize>, field: &str) -> String {
    cycle.map_or_else(|| field.to_owned(), |cycle| format!("cycles[{cycle}].{field}"))
}

fn check_names(input: &RunInput) -> Result<(), ScenarioError> {
    let names = input.cycles.iter().flat_map(|cycle| cycle.upload.iter()).map(|upload| &upload.object_name);
    let bytes: usize = names.map(|name| serde_json::json!(name).to_string().len()).sum();
    if bytes <= MOST_NAME_BYTES {
        return Ok(());
    }
    let reason = format!(
        "the names of all uploads take {bytes} bytes as JSON, but a run has room for {MOST_NAME_BYTES}; shorten them, or upload \
         fewer objects"
    );
    Err(ScenarioError { cycle: None, field: "cycles", reason })
}

/// How a cycle ends on paper.
struct End {
    expected_deletions: Vec<ObjectName>,
    /// The total, in bytes.
    total: u64,
    /// Whether it was at the threshold or above before the deletions.
    has_reached_threshold: bool,
}

fn plan(index: usize, cycle: &Cycle, end: End, rule: &Rule) -> Result<CyclePlan, ScenarioError> {
    let End { expected_deletions, total, has_reached_threshold } = end;
    let impossible = |field, reason| Err(ScenarioError { cycle: Some(index), field, reason });
    if let Some(kept) = expected_deletions.iter().find(|name| rule.protected.protect(name)) {
        return impossible("expect.deleted", format!("{kept} is protected, so the cleaner never deletes it"));
    }
    if let Some(young) = expected_deletions.first().filter(|_| !rule.minimum_age.is_zero()) {
        return impossible("expect.deleted", format!("{young} would be too young to go: {}", too_young(rule)));
    }
    if expected_deletions.len() > rule.max_deletes {
        let most = rule.max_deletes;
        let count = match expected_deletions.len() {
            1 => "1 deletion is".to_owned(),
            count => format!("{count} deletions are"),
        };
        // Nothing but a dry run makes it 0.
        let limit = match most {
            0 => "deletes nothing, because DryRun is true; deploy the stack without it".to_owned(),
            most => format!("deletes {most} at most; expect fewer, or raise MaxDeletesPerRun"),
        };
        let reason = format!("{count} expected at once, but this stack's cleaner {limit}");
        return impossible("expect.deleted", reason);
    }
    match &cycle.expect {
        Some(Expectation { total_size, .. }) if *total_size != total => {
            return impossible(
                "expect.total_size",
                format!("the uploads and deletions up to here leave {total} bytes, not {total_size}"),
            );
        }
        expectation if rule.wants_less(total, has_reached_threshold) => {
            let field = if expectation.is_some() { "expect.deleted" } else { "upload" };
            let reason = match has_reached_threshold {
                true if !rule.minimum_age.is_zero() => {
                    format!("{total} bytes would be too young to go: {}", too_young(rule))
                }
                true if total < rule.threshold_bytes => format!(
                    "{total} bytes would be left, but once the threshold is reached, the cleaner deletes until the total is below \
                     {} (TargetPercent)",
                    rule.target_bytes
                ),
                _ => format!(
                    "{total} bytes would be left, but the run can go on only with a total below {}",
                    rule.threshold_bytes
                ),
            };
            return impossible(field, reason);
        }
        _ => {}
    }
    Ok(CyclePlan {
        number: index as u32 + 1,
        upload: cycle.upload.iter().cloned().collect(),
        expected_deletions,
        expected_total_size: total,
    })
}

fn too_young(rule: &Rule) -> String {
    format!(
        "this stack's cleaner deletes nothing before it is {} minutes old (MinimumAgeMinutes), and no run waits for that; give \
         the runs a stack of their own",
        rule.minimum_age.as_mins()
    )
}

#[derive(Default)]
struct Bucket {
    /// The size of each object, in bytes, and the number of the upload that wrote it.
    objects: BTreeMap<ObjectName, (u64, i64)>,
    uploads: i64,
}

impl Bucket {
    fn put(&mut self, object_name: &ObjectName, size: u64) {
        self.uploads += 1;
        self.objects.insert(object_name.clone(), (size, self.uploads));
    }

    fn total(&self) -> u64 {
        self.objects.values().map(|(size, _)| size).sum()
    }

    fn choice(&self, rule: &Rule) -> Vec<ObjectName> {
        // A run is over before anything of it is a minute old, as far as the paper knows.
        let at = |upload: i64| Timestamp::from_millisecond(upload).unwrap_or_default();
        let candidate = |(name, (size, upload)): (&ObjectName, &(u64, i64))| Candidate {
            object_name: name.clone(),
            size: *size,
            etag: None,
            sequencer: Sequencer::default(),
            last_modified: Some(at(*upload)),
        };
        let candidates: Vec<_> = self.objects.iter().map(candidate).filter(|candidate| candidate.size > 0).collect();
        let choice = choose(
            rule,
            &Situation {
                total_size: self.total(),
                is_cleaning: false,
                candidates: &candidates,
                known_to: None,
                has_young: false,
                now: at(self.uploads),
            },
        );
        choice.into_iter().flat_map(|choice| choice.delete).map(|candidate| candidate.object_name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use serde_json::{Value, json};
    use spillway_contracts::rule::DeleteFirst;

    fn rule() -> Rule {
        Rule { protected: "keep/".parse().unwrap(), ..Rule::largest_first(20, 1000) }
    }

    fn check(cycles: Value, expect: Result<&[u64], &str>) {
        check_rule(&rule(), cycles, expect);
    }

    #[track_caller]
    fn check_rule(rule: &Rule, cycles: Value, expect: Result<&[u64], &str>) {
        let input: RunInput = serde_json::from_value(json!({ "cycles": cycles })).unwrap();
        let played = play(&input, rule);
        let timeline = played.map(|scenario| scenario.timeline).map_err(|error| error.to_string());
        assert_eq!(timeline, expect.map(<[u64]>::to_vec).map_err(str::to_owned));
    }

    #[test]
    fn the_default_scenario_goes_0_18_46_18_20_2() {
        let played = play(&RunInput::default_scenario(), &rule());
        assert_eq!(played.unwrap().timeline, [0, 18, 46, 18, 20, 2]);
    }

    #[test]
    fn without_an_expectation_the_cleaners_rule_says_what_goes() {
        check(
            json!([{ "upload": [{ "object_name": "a", "size_bytes": 15 }, { "object_name": "b", "size_bytes": 16 },
                { "object_name": "c", "size_bytes": 17 }] }]),
            Ok(&[0, 15, 31, 48, 31, 15]),
        );
    }

    #[test]
    fn the_stacks_rule_says_what_goes() {
        let uploads = json!([{ "object_name": "a", "size_bytes": 4 }, { "object_name": "b", "size_bytes": 9 },
            { "object_name": "c", "size_bytes": 8 }]);
        let oldest = Rule { delete_first: DeleteFirst::Oldest, ..rule() };
        check_rule(&oldest, json!([{ "upload": uploads }]), Ok(&[0, 4, 13, 21, 17]));
        let half = Rule { target_bytes: 10, ..oldest.clone() };
        check_rule(&half, json!([{ "upload": uploads }]), Ok(&[0, 4, 13, 21, 17, 8]));
        check_rule(
            &half,
            json!([{ "upload": uploads, "expect": { "deleted": ["a"], "total_size": 17 } }]),
            Err(
                "cycles[0].expect.deleted: 17 bytes would be left, but once the threshold is reached, the cleaner deletes until \
                 the total is below 10 (TargetPercent)",
            ),
        );
        // A total that does not reach the threshold stays.
        check_rule(&half, json!([{ "upload": [uploads[0], uploads[1]] }]), Ok(&[0, 4, 13]));
        let young = Rule { minimum_age: SignedDuration::from_mins(5), ..rule() };
        let why = "this stack's cleaner deletes nothing before it is 5 minutes old (MinimumAgeMinutes), and no run waits for that; \
                   give the runs a stack of their own";
        check_rule(
            &young,
            json!([{ "upload": uploads }]),
            Err(&format!("cycles[0].upload: 21 bytes would be too young to go: {why}")),
        );
        check_rule(
            &young,
            json!([{ "upload": uploads, "expect": { "deleted": ["b"], "total_size": 12 } }]),
            Err(&format!("cycles[0].expect.deleted: b would be too young to go: {why}")),
        );
    }

    #[test]
    fn names_that_would_not_fit_between_two_states_are_refused() {
        let upload = |position: usize| json!({ "object_name": format!("{position:01024}"), "size_bytes": 0 });
        let cycle = |number: usize| json!({ "upload": (0..20).map(|it| upload(number * 20 + it)).collect::<Vec<_>>() });
        let cycles: Vec<Value> = (0..10).map(cycle).collect();
        check(
            cycles.into(),
            Err(
                "cycles: the names of all uploads take 205200 bytes as JSON, but a run has room for 40000; shorten them, or \
                 upload fewer objects",
            ),
        );
    }

    #[test]
    fn an_overwrite_counts_the_difference() {
        check(
            json!([{ "upload": [{ "object_name": "a", "size_bytes": 15 }, { "object_name": "a", "size_bytes": 4 }] }]),
            Ok(&[0, 15, 4]),
        );
    }

    #[test]
    fn an_impossible_expectation_is_named_by_its_field() {
        let upload = json!([{ "object_name": "a", "size_bytes": 28 }]);
        check(
            json!([{ "upload": upload, "expect": { "deleted": ["b"], "total_size": 0 } }]),
            Err("cycles[0].expect.deleted: b isn't in the bucket at that point"),
        );
        check(
            json!([{ "upload": upload, "expect": { "deleted": ["a"], "total_size": 5 } }]),
            Err("cycles[0].expect.total_size: the uploads and deletions up to here leave 0 bytes, not 5"),
        );
        check(
            json!([{ "upload": upload, "expect": { "deleted": [], "total_size": 28 } }]),
            Err("cycles[0].expect.deleted: 28 bytes would be left, but the run can go on only with a total below 20"),
        );
        check(
            json!([{ "upload": [{ "object_name": "keep/a", "size_bytes": 28 }],
                "expect": { "deleted": ["keep/a"], "total_size": 0 } }]),
            Err("cycles[0].expect.deleted: keep/a is protected, so the cleaner never deletes it"),
        );
        check(
            json!([{ "upload": [{ "object_name": " \n", "size_bytes": 1 }] }]),
            Err(
                "cycles[0].upload: the name \" \\n\" is white space alone, which AWS's SDK refuses to upload; choose another name",
            ),
        );
        let dry_run = Rule { max_deletes: 0, ..rule() };
        assert_eq!(
            play(&RunInput::default_scenario(), &dry_run).map_err(|error| error.to_string()),
            Err("cycles[0].expect.deleted: 1 deletion is expected at once, but this stack's cleaner deletes nothing, because \
                 DryRun is true; deploy the stack without it"
                .into())
        );
        check(
            json!([{ "upload": [{ "object_name": "keep/a", "size_bytes": 28 }] }]),
            Err("cycles[0].upload: 28 bytes would be left, but the run can go on only with a total below 20"),
        );
    }
}
