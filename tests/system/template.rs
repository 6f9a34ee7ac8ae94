//! The template passes its linter, and is what AWS needs where neither linter nor local AWS would notice. (What checkov says
//! of it is asked beside the stock tools, in tests/sam.)

use serde_json::{Value, json};
use spillway_local::deploy::template::Template;
use spillway_stack::workspace::Workspace;
use spillway_tests::{ministack, repository, tool};

#[tokio::test]
async fn cfn_lint_finds_nothing() {
    let output = tool("lint", "cfn-lint").await.current_dir(repository()).arg("infra/template.yaml").output().await;
    let output = output.expect("cfn-lint starts");
    let findings = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{findings}");
}

/// API Gateway and Step Functions would otherwise need an entry each in a policy of the account that may be full.
#[tokio::test]
async fn the_log_groups_that_services_deliver_to_are_vended_ones() {
    let template = template().await;
    let resources = &template["Resources"];
    let destination = &resources["PlotApiStage"]["Properties"]["AccessLogSettings"]["DestinationArn"];
    let arn = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${PlotApiLogGroup}";
    assert_eq!(*destination, json!({ "Fn::Sub": arn }));
    for group in ["PlotApiLogGroup", "ExecutionLogGroup"] {
        let name = resources[group]["Properties"]["LogGroupName"]["Fn::Sub"].as_str().unwrap_or_default();
        assert!(name.starts_with("/aws/vendedlogs/"), "{group} has the name {name:?}");
    }
}

/// A poller without a bound takes the account's whole concurrency while a queue is long.
#[tokio::test]
async fn what_reads_a_queue_is_bounded() {
    let template = template().await;
    let functions = template["Resources"].as_object().expect("resources").iter();
    let events = functions.filter_map(|(id, function)| Some((id, function["Properties"]["Events"].as_object()?)));
    let queues = events.flat_map(|(id, events)| events.values().map(move |event| (id, event)));
    let queues = queues.filter(|(_, event)| event["Type"] == "SQS");
    let bounds = queues.map(|(id, event)| (id.as_str(), &event["Properties"]["ScalingConfig"]["MaximumConcurrency"]));
    assert_eq!(bounds.collect::<Vec<_>>(), [("LoggingFunction", &json!(5)), ("SizeTrackingFunction", &json!(2))]);
}

/// What the ledger takes is measured with these.
#[tokio::test]
async fn batches_visibility_and_retention_are_those_that_are_measured_with() {
    let template = template().await;
    let resources = &template["Resources"];
    let function = &resources["SizeTrackingFunction"]["Properties"];
    let mapping = &function["Events"]["Batch"]["Properties"];
    let queue = &resources["TrackingQueue"]["Properties"];
    let timeout = function["Timeout"].as_u64().or(template["Globals"]["Function"]["Timeout"].as_u64());
    assert_eq!(mapping["BatchSize"], spillway_load::BATCH);
    assert_eq!(mapping["MaximumBatchingWindowInSeconds"], spillway_load::WINDOW.as_secs());
    assert_eq!(mapping["ScalingConfig"]["MaximumConcurrency"], spillway_load::TRACKERS);
    assert_eq!(timeout, Some(spillway_load::TIMEOUT.as_secs()));
    assert_eq!(queue["VisibilityTimeout"], spillway_load::VISIBILITY as u64);
    assert_eq!(queue["MessageRetentionPeriod"], spillway_load::RETENTION as u64);
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], spillway_load::DELIVERIES);
    let needed = 6 * spillway_load::TIMEOUT + spillway_load::WINDOW;
    assert!(spillway_load::VISIBILITY >= needed.as_secs_f64(), "Lambda's documentation asks for {needed:?}");
}

/// The template, packaged with artifacts that are nowhere.
pub async fn template() -> Value {
    let workspace = Workspace::locate().await.expect("cargo knows the workspace");
    let template = Template::read(&workspace.template(), &ministack().await).await.expect("the template can be read");
    let artifacts = template.binaries().expect("each function has a binary").into_iter().chain(template.definitions());
    let keys = artifacts.map(|artifact| (artifact.clone(), artifact)).collect();
    template.package("nowhere", &keys).expect("every artifact has a key")
}
