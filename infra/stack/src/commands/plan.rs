//! What would go of a deployed stack's bucket.

use spillway_contracts::rule::DeleteFirst;
use spillway_contracts::usage::{Plan, PlanStop, PlannedObject};

use super::outcome::Outcome;
use super::scenario::say;
use super::usage::rule;
use crate::api;
use crate::connection::{Choice, Connection};
use crate::error::Error;
use crate::shell::printable;
use crate::units::{count, size, span};

/// Of which stack, and by which rule.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
    /// Try another threshold, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub threshold: Option<u64>,
    /// Try another target, in percent of the threshold.
    #[arg(long, value_name = "PERCENT")]
    pub target: Option<u64>,
    /// Try another order: largest or oldest.
    #[arg(long, value_name = "ORDER")]
    pub delete_first: Option<DeleteFirst>,
    /// How many objects to name, at most; all of them are counted.
    #[arg(long, value_name = "OBJECTS", default_value_t = 20)]
    pub limit: u64,
}

/// Asks the stack's API, and prints what it answers.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let connection = options.choice.connect().await?;
    eprintln!("{connection}");
    let plan: Plan = api::ask(&connection, "plan", &parameters(&options)).await?;
    say(&text(&plan, &connection));
    Ok(Outcome::Success)
}

/// The parameters of the query; the API says which are wrong.
fn parameters(options: &Options) -> Vec<(&'static str, String)> {
    let given = [
        ("threshold", options.threshold.map(|it| it.to_string())),
        ("target", options.target.map(|it| it.to_string())),
        ("delete_first", options.delete_first.map(|it| it.to_string())),
        ("limit", Some(options.limit.to_string())),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn text(plan: &Plan, connection: &Connection) -> String {
    let total = plan.ledger_total_size.saturating_sub(plan.under_way.bytes);
    let rows = [
        ("bucket", plan.bucket_name.clone()),
        ("total", size(total)),
        ("threshold", size(plan.rule.threshold_bytes)),
        ("rule", rule(&plan.rule)),
    ];
    let mut text: String = rows.iter().map(|(what, value)| format!("{what:<16}{}\n", printable(value))).collect();
    if plan.under_way.objects > 0 {
        let (objects, bytes) = (count(plan.under_way.objects, "object"), size(plan.under_way.bytes));
        text += &format!("{:<16}{objects}, {bytes}: being deleted already, and not counted\n", "under way");
    }
    if !plan.objects.is_empty() {
        text += &table(&plan.objects);
    }
    let unnamed = plan.planned.objects.saturating_sub(plan.objects.len() as u64);
    if unnamed > 0 {
        text += &format!("  … and {} more (--limit shows more)\n", count(unnamed, "object"));
    }
    text += &match (plan.planned.objects, plan.dry_run) {
        (0, _) => "Nothing would go".to_owned(),
        (objects, true) => {
            format!("{} would go if DryRun were off, {}", count(objects, "object"), size(plan.planned.bytes))
        }
        (objects, false) => format!("{} would go, {}", count(objects, "object"), size(plan.planned.bytes)),
    };
    text + &format!(", and {} would be left: {}", size(plan.projected_total_size), why(plan, connection))
}

/// Why there is no more.
fn why(plan: &Plan, connection: &Connection) -> String {
    match plan.stop {
        PlanStop::Below if plan.planned.objects == 0 => "the total is below the threshold.".to_owned(),
        PlanStop::Below => "that is below the target.".to_owned(),
        PlanStop::MaxDeletes => "no more goes at once, and the next look goes on.".to_owned(),
        PlanStop::OnlyProtected => "everything that is left is protected.".to_owned(),
        PlanStop::OnlyYoung => "everything that is left is protected or too young.".to_owned(),
        PlanStop::NotAudited => {
            format!(
                "nothing is deleted before an audit has ended well; start one with {}",
                connection.cargo_stack(["audit"])
            )
        }
    }
}

/// What would go, in order.
fn table(objects: &[PlannedObject]) -> String {
    let mut table = format!("{:>22}{:>14}{:>22}  object\n", "bytes", "age", "bytes left then");
    for object in objects {
        let age = object.age_seconds.map_or_else(|| "just written".to_owned(), span);
        let name = printable(object.object_name.as_str());
        table += &format!("{:>22}{age:>14}{:>22}  {name}\n", object.size, object.total_size_after);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::aws;

    fn shown(example: &str) -> String {
        text(&serde_json::from_str(example).unwrap(), &aws(None, None))
    }

    #[test]
    fn a_plan_names_what_would_go_and_what_is_left() {
        let expected = "\
bucket          spillway-testbucket-1
total           46 bytes
threshold       20 bytes
rule            the largest objects first, until the total is below 10 bytes; at most 1,000 at once
under way       1 object, 5 bytes: being deleted already, and not counted
                 bytes           age       bytes left then  object
                    28     5 minutes                    18  a\\u001b[2J
                    12  just written                     6  b
  … and 1 object more (--limit shows more)
3 objects would go, 42 bytes, and 4 bytes would be left: that is below the target.";
        assert_eq!(shown(include_str!("../../../../contracts/examples/plan/ok-below-the-target.json")), expected);
    }

    #[test]
    fn what_keeps_the_cleaner_from_deleting_is_told() {
        let text = shown(include_str!("../../../../contracts/examples/plan/ok-not-audited.json"));
        let last = "Nothing would go, and 46 bytes would be left: nothing is deleted before an audit has ended well; start one with \
                    cargo stack audit --stack-name other --region eu-west-1";
        assert_eq!(text.lines().last(), Some(last));
        let text = shown(include_str!("../../../../contracts/examples/plan/ok-dry-run.json"));
        let last = "1 object would go if DryRun were off, 28 bytes, and 18 bytes would be left: everything that is left is protected.";
        assert_eq!(text.lines().last(), Some(last));
    }

    #[test]
    fn what_is_typed_is_asked() {
        let options = Options {
            threshold: Some(20),
            target: Some(90),
            delete_first: Some(DeleteFirst::Oldest),
            limit: 5,
            ..Options::default()
        };
        let asked = parameters(&options);
        let expect = [("threshold", "20"), ("target", "90"), ("delete_first", "oldest"), ("limit", "5")];
        assert_eq!(asked, expect.map(|(name, value)| (name, value.to_owned())));
    }
}
