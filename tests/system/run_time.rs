//! Whatever crosses a boundary in a live stack keeps its contract: the functions' events and answers, the messages in them,
//! log lines, rows, and what the state machine hands from state to state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_sfn::types::HistoryEvent;
use serde_json::{Value, json};
use spillway_contracts::audit::{AUDIT_LOCK_KEY, AUDITED_KEY, AUDITS_PARTITION};
use spillway_contracts::ledger::{CLEANER_KEY, CLEANINGS_PARTITION, RUN_LOCK_KEY, STATE_KEY};
use spillway_contracts_check::Contracts;
use spillway_stack::run::execution::Ending;
use spillway_tests::{Copy, Item, Stack, copies, eventually, live, within};

const PLOT_REQUEST: &str = include_str!("../../contracts/examples/plot-request/ok-a-run.json");
const USAGE_REQUEST: &str = include_str!("../../contracts/examples/usage-request/ok-usage.json");
const PLAN_REQUEST: &str = include_str!("../../contracts/examples/usage-request/ok-plan-by-another-rule.json");

/// What was found so far.
#[derive(Default)]
struct Checker {
    contracts: Contracts,
    seen: BTreeSet<String>,
    problems: Vec<String>,
}

impl Checker {
    /// Checks that `document` keeps a contract, by its schema and by its type.
    fn check(&mut self, name: &str, document: &Value) {
        self.seen.insert(name.to_owned());
        if let Err(breach) = self.contracts.check(name, &document.to_string()) {
            self.problem(&format!("it breaks the contract {name}: {breach}"), document);
        }
    }

    fn problem(&mut self, problem: &str, document: &Value) {
        self.problems.push(format!("{problem}\n  {document}"));
    }

    /// Reads JSON within JSON.
    fn inner(&mut self, document: &Value, field: &str) -> Value {
        let text = document[field].as_str().unwrap_or_default();
        serde_json::from_str(text).unwrap_or_else(|error| {
            self.problem(&format!("{field} is not JSON: {error}"), document);
            Value::Null
        })
    }

    fn copy(&mut self, copy: &Copy) {
        let document = &copy.document;
        match (copy.function.as_str(), copy.kind.as_str()) {
            ("size-tracking", "event") if document.get("heartbeat").is_some() => self.check("heartbeat", document),
            ("size-tracking" | "logging", "event") => self.batch(document),
            ("size-tracking" | "logging", "response") => self.check("sqs-batch-response", document),
            ("cleaner", "event") if document.get("schedule").is_some() => self.check("safety-net", document),
            ("cleaner", "event") => self.check("alarm-event", document),
            ("cleaner", "response") => self.check("cleaner-decision-line", document),
            ("plotting", "event") if document.get("sum_up").is_some() => self.check("sum-up", document),
            ("plotting", "response") if document.is_null() => {}
            ("plotting", "event") => self.check("plot-request", document),
            ("plotting" | "usage", "response") => self.answer(document),
            (task, "event") => self.check(&format!("{task}-request"), document),
            (task, "response") => self.check(&format!("{task}-response"), document),
            (_, "error") => self.check("function-error", document),
            (function, kind) => self.problem(&format!("{function} has no contract for its {kind}"), document),
        }
    }

    fn batch(&mut self, batch: &Value) {
        self.check("sqs-batch", batch);
        for message in batch["Records"].as_array().into_iter().flatten() {
            let envelope = self.inner(message, "body");
            self.check("sns-envelope", &envelope);
            let message = self.inner(&envelope, "Message");
            self.check("s3-message", &message);
            if message.get("Event").is_some() {
                self.check("s3-test-event", &message);
            }
        }
    }

    /// What the HTTP API answers.
    fn answer(&mut self, response: &Value) {
        self.check("plot-response", response);
        if response["isBase64Encoded"] == true {
            return;
        }
        let body = self.inner(response, "body");
        let contract = match response["statusCode"] == 200 {
            false => "plot-error",
            true if body.get("stop").is_some() => "plan",
            true => "usage",
        };
        self.check(contract, &body);
    }

    fn log_line(&mut self, line: &Value) {
        if line["request_id"] == "" {
            self.problem("it does not say which invocation wrote it", line);
        }
        let fields = ["total_size", "sequencer", "verdict", "drift_objects", "audit_age_seconds"];
        let name = fields.into_iter().find(|field| line.get(field).is_some());
        self.check(
            match name {
                Some("total_size") => "total-size-line",
                Some("sequencer") => "object-event-line",
                Some("drift_objects") => "audit-line",
                Some("audit_age_seconds") => "audit-age-line",
                Some(_) => "cleaner-decision-line",
                None => "log-line",
            },
            line,
        );
    }

    fn row(&mut self, row: &Item) {
        let name = match row["object_name"].as_str() {
            Some(STATE_KEY) => "state-row",
            Some(RUN_LOCK_KEY) => "run-lock-row",
            Some(CLEANER_KEY) => "cleaner-row",
            Some(AUDIT_LOCK_KEY) => "audit-lock-row",
            Some(AUDITED_KEY) => "audited-row",
            _ if row.contains_key("size") => "object-row",
            _ => "tombstone",
        };
        self.check(name, &json!(row));
    }

    /// What the state machine asked of a task, and what the task answered.
    fn task(&mut self, functions: &BTreeMap<String, String>, history: &[HistoryEvent]) {
        // Within a Map, too, one task is over before the next is scheduled.
        let mut function = None;
        for event in history {
            if let Some(scheduled) = event.task_scheduled_event_details() {
                let parameters: Value = serde_json::from_str(scheduled.parameters()).expect("arguments are JSON");
                let of = |name: &str| functions.get(name.rsplit(':').next().unwrap_or_default()).cloned();
                function = parameters["FunctionName"].as_str().and_then(of);
                if let Some(function) = &function {
                    self.check(&format!("{function}-request"), &parameters["Payload"]);
                } else if let Some(item) = parameters.get("Item") {
                    let item = plain(item);
                    self.row(&serde_json::from_value(item).expect("an item is an object"));
                }
            }
            let output = event.task_succeeded_event_details().and_then(|details| details.output());
            if let (Some(output), Some(function)) = (output, &function) {
                let output: Value = serde_json::from_str(output).expect("outputs are JSON");
                self.check(&format!("{function}-response"), &output["Payload"]);
            }
            let entered = event.state_entered_event_details();
            let failure = entered.and_then(|details| match details.name() {
                "FailRun" => Some(("run-failure", details.input()?)),
                "FailAudit" => Some(("audit-failure", details.input()?)),
                _ => None,
            });
            if let Some((contract, failure)) = failure {
                self.check(contract, &serde_json::from_str(failure).expect("inputs are JSON"));
            }
        }
    }
}

/// An item as the state machine writes it, with its texts and numbers as JSON has them.
fn plain(item: &Value) -> Value {
    let value = |attribute: &Value| match &attribute["N"] {
        Value::String(number) => serde_json::from_str(number).expect("DynamoDB's numbers are numbers"),
        _ => attribute["S"].clone(),
    };
    item.as_object().into_iter().flatten().map(|(name, attribute)| (name.clone(), value(attribute))).collect()
}

#[tokio::test]
async fn everything_that_crosses_a_boundary_keeps_its_contract() {
    let _live = live().await;
    let directory = tempfile::tempdir().expect("a directory");
    // The schedules come in while the test waits.
    let stack = Stack::with(&[("SafetyNetExpression", "rate(1 minute)"), ("AuditGraceMinutes", "0")]).await;
    let outputs = stack.local_aws.outputs();
    stack.tap(env!("CARGO_BIN_EXE_tap").as_ref(), directory.path()).await;

    // S3 says again that notifications are configured, and of events that change nothing.
    stack.configure_notifications_again().await;
    let input = json!({});
    let executed = stack.start(input.clone()).await;
    eventually("the run holds the lock", async || stack.row(RUN_LOCK_KEY).await.is_some()).await;
    let held: Vec<Item> = stack.row(RUN_LOCK_KEY).await.into_iter().collect();
    let report = stack.end_of(&executed).await.report().unwrap_or_else(|error| panic!("{error}"));
    stack.put("nobody's", 5).await;
    stack.tag("nobody's").await;
    let failed = stack.start(json!({})).await;
    assert!(matches!(stack.end_of(&failed).await, Ending::Failed { .. }));

    // An audit finds that events don't come, and then what was lost.
    stack.drain().await;
    let mut failed_audit = String::new();
    stack
        .losing_events(2, async {
            stack.delete("nobody's").await;
            stack.put("new", 6).await;
            failed_audit = stack.start_audit(input.clone()).await;
            assert!(matches!(stack.end_of(&failed_audit).await, Ending::Failed { .. }));
        })
        .await;
    let audited = stack.start_audit(input.clone()).await;
    let Ending::Succeeded(audit_report) = stack.end_of(&audited).await else { panic!("the audit fails") };
    let audit_report: Value = serde_json::from_str(&audit_report).expect("outputs are JSON");
    // The next heartbeat says when that was.
    stack.invoke(&stack.function("size-tracking").await, &json!({ "heartbeat": true })).await;

    let mut wrong: Value = serde_json::from_str(PLOT_REQUEST).expect("an example");
    wrong["queryStringParameters"]["to"] = json!("soon");
    stack.invoke(&stack.function("plotting").await, &wrong).await;
    for request in [USAGE_REQUEST, PLAN_REQUEST] {
        let request = serde_json::from_str(request).expect("an example");
        stack.answer(&stack.function("usage").await, &request).await.expect("an answer");
    }
    for (function, field) in [("size-tracking", "heartbeat"), ("cleaner", "schedule")] {
        let scheduled = |copy: &Copy| copy.function == function && copy.document.get(field).is_some();
        let invoked = async || copies(directory.path()).iter().any(scheduled);
        within(Duration::from_secs(90), "the schedule invokes the function", invoked).await;
    }
    stack.drain().await;
    stack.sum_up().await;

    let mut checker = Checker::default();
    copies(directory.path()).iter().for_each(|copy| checker.copy(copy));
    let functions = stack.functions().await;
    for function in functions.keys() {
        stack.log_lines(function).await.iter().for_each(|line| checker.log_line(line));
    }
    stack.items(&outputs.object_table_name).await.iter().chain(&held).for_each(|row| checker.row(row));
    for record in stack.items(&outputs.history_table_name).await {
        let contract = match record["bucket_name"].as_str() {
            Some(CLEANINGS_PARTITION) => "cleaning-record",
            Some(AUDITS_PARTITION) => "audit-findings",
            Some(partition) if partition.ends_with("#seconds") => "history-summary",
            _ => "history-record",
        };
        checker.check(contract, &json!(record));
    }
    for execution in [&executed, &failed, &failed_audit, &audited] {
        checker.task(&functions, &stack.history(execution).await);
    }
    checker.check("run-input", &input);
    checker.check("run-report", &json!(report));
    checker.check("audit-input", &input);
    checker.check("audit-report", &audit_report);
    assert!(checker.problems.is_empty(), "{} problems:\n{}", checker.problems.len(), checker.problems.join("\n"));

    let every: BTreeSet<String> = checker.contracts.names().into_iter().map(str::to_owned).collect();
    assert_eq!(checker.seen, every, "the contracts that this gave rise to");
    stack.local_aws.shutdown().await;
}
