//! What would go.

use std::collections::BTreeSet;

use cleaner::Decision;
use cleaner::plan;
use jiff::Timestamp;
use spillway_contracts::audit::Tally;
use spillway_contracts::usage::{Plan, PlanStop, PlannedObject};
use spillway_ledger::choice::{Candidate, Stop};

use crate::query::Query;
use crate::{Deps, Error, applied};

/// How many objects a plan has, at most. An invocation that may delete more makes its plan anew after each thousand.
pub const LONGEST: usize = 10_000;

/// Makes the plan by which the alarm would have the cleaner delete, with the rule that the query asks to be tried.
pub async fn make(deps: &Deps, query: &Query, now: Timestamp) -> Result<Plan, Error> {
    let rule = deps.rule(query);
    let plan::Plan { standing, decision } =
        plan::plan(&deps.sources(), &rule, &BTreeSet::new(), now, &mut None).await?;
    let ledger_total_size = standing.state.map_or(0, |state| state.total_size);
    let mut plan = Plan {
        bucket_name: deps.store.bucket_name().to_owned(),
        as_of: now,
        rule: applied(&rule),
        dry_run: deps.dry_run,
        ledger_total_size,
        under_way: Tally::default(),
        planned: Tally::default(),
        projected_total_size: ledger_total_size,
        stop: PlanStop::NotAudited,
        objects: Vec::new(),
    };
    let Some(decision) = decision else { return Ok(plan) };
    let mut first: Vec<Candidate> = decision.choice.delete.iter().take(query.limit).cloned().collect();
    // The index by size doesn't say when objects were written.
    deps.store.look_up_ages(&mut first).await?;
    plan.ledger_total_size = decision.ledger_total_size;
    plan.under_way =
        Tally { objects: decision.under_way.len() as u64, bytes: decision.under_way.values().map(|it| it.size).sum() };
    plan.stop = stop(decision.choice.stop);
    plan.projected_total_size = tell(&mut plan, &decision, &first);
    Ok(plan)
}

/// Puts the chosen objects into the plan, the first ones by name; gives the total after all of them.
fn tell(plan: &mut Plan, decision: &Decision, first: &[Candidate]) -> u64 {
    let mut total_size = decision.total_size();
    let mut first = first.iter();
    for chosen in &decision.choice.delete {
        total_size = total_size.saturating_sub(chosen.size);
        plan.planned += Tally::of(chosen.size);
        let Some(named) = first.next() else { continue };
        let age = named.last_modified.map(|at| plan.as_of.duration_since(at).as_secs().max(0).unsigned_abs());
        plan.objects.push(PlannedObject {
            object_name: named.object_name.clone(),
            size: named.size,
            last_modified: named.last_modified,
            age_seconds: age,
            reason: plan.rule.delete_first,
            total_size_after: total_size,
        });
    }
    total_size
}

fn stop(stop: Stop) -> PlanStop {
    match stop {
        Stop::Below => PlanStop::Below,
        Stop::MaxDeletes => PlanStop::MaxDeletes,
        Stop::OnlyProtected => PlanStop::OnlyProtected,
        Stop::OnlyYoung => PlanStop::OnlyYoung,
    }
}
