//! What a run should see: the timeline of totals that its cycles lead through.

use std::collections::BTreeMap;

use spillway_contracts::run::{Cycle, Expectation, RunInput};
use spillway_contracts::task::CyclePlan;
use spillway_contracts::{ObjectName, Sequencer};

use crate::choice::{Candidate, Rule, choose};

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
            bucket.0.insert(upload.object_name.clone(), upload.size_bytes.bytes());
            scenario.timeline.push(bucket.total());
        }
        let expected_deletions = match &cycle.expect {
            Some(expectation) => expectation.deleted.clone(),
            None => bucket.choice(rule),
        };
        for object_name in &expected_deletions {
            if bucket.0.remove(object_name).is_none() {
                let reason = format!("{object_name} isn't in the bucket at that point");
                return Err(ScenarioError { cycle: Some(index), field: "expect.deleted", reason });
            }
            scenario.timeline.push(bucket.total());
        }
        scenario.cycles.push(plan(index, cycle, expected_deletions, bucket.total(), rule)?);
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

fn plan(
    index: usize,
    cycle: &Cycle,
    expected_deletions: Vec<ObjectName>,
    total: u64,
    rule: &Rule,
) -> Result<CyclePlan, ScenarioError> {
    let impossible = |field, reason| Err(ScenarioError { cycle: Some(index), field, reason });
    if let Some(kept) = expected_deletions.iter().find(|name| rule.protected.protect(name)) {
        return impossible("expect.deleted", format!("{kept} is protected, so the cleaner never deletes it"));
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
        expectation if total >= rule.threshold_bytes => {
            let field = if expectation.is_some() { "expect.deleted" } else { "upload" };
            let threshold = rule.threshold_bytes;
            let reason =
                format!("{total} bytes would be left, but the run can go on only with a total below {threshold}");
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

#[derive(Default)]
struct Bucket(BTreeMap<ObjectName, u64>);

impl Bucket {
    fn total(&self) -> u64 {
        self.0.values().sum()
    }

    fn choice(&self, rule: &Rule) -> Vec<ObjectName> {
        let candidate = |(name, size): (&ObjectName, &u64)| Candidate {
            object_name: name.clone(),
            size: *size,
            etag: None,
            sequencer: Sequencer::default(),
        };
        let candidates: Vec<_> = self.0.iter().map(candidate).filter(|candidate| candidate.size > 0).collect();
        let choice = choose(rule, self.total(), &candidates, None);
        choice.into_iter().flat_map(|choice| choice.delete).map(|candidate| candidate.object_name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rule() -> Rule {
        Rule { threshold_bytes: 20, max_deletes: 1000, protected: "keep/".parse().unwrap() }
    }

    #[track_caller]
    fn check(cycles: Value, expect: Result<&[u64], &str>) {
        let input: RunInput = serde_json::from_value(json!({ "cycles": cycles })).unwrap();
        let played = play(&input, &rule());
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
