//! What the plot API reads, stores and answers.

use std::time::Duration;

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spillway_contracts::partition::partitions;
use spillway_contracts::plot::{PlotError, PlotResponse};

use crate::world::{Stored, World};

const SCENARIO: [(i64, &str, i64); 5] =
    [(12, "a.txt", 18), (13, "b.txt", 28), (20, "b.txt", -28), (29, "c.txt", 2), (35, "a.txt", -18)];

/// The image, if the answer is a plot that keeps its contract.
#[track_caller]
pub fn image(answer: &ApiGatewayV2httpResponse) -> Vec<u8> {
    let response: PlotResponse = serde_json::from_value(json!(answer)).unwrap();
    assert_eq!((response.status_code, response.is_base64_encoded), (200, true), "{}", response.body);
    STANDARD.decode(response.body).unwrap()
}

#[track_caller]
fn check_headers(answer: &ApiGatewayV2httpResponse, format: &str, from: &str, to: &str) {
    let content_type = if format == "svg" { "image/svg+xml" } else { "image/png" };
    let expect = json!({
        "content-type": content_type,
        "x-spillway-plot-bucket": "plots",
        "x-spillway-plot-key": format!("b/2026-08-01T10-01-00.000Z-JKJaXmPLvHcESHA=.{format}"),
        "x-spillway-plot-from": from,
        "x-spillway-plot-to": to,
    });
    assert_eq!(json!(answer)["headers"], expect);
}

#[track_caller]
fn check_refused(answer: &ApiGatewayV2httpResponse, status: i64, error: Value) {
    let Some(Body::Text(body)) = &answer.body else { panic!("{answer:?}") };
    assert_eq!((answer.status_code, serde_json::from_str::<Value>(body).unwrap()), (status, error));
    serde_json::from_str::<PlotError>(body).unwrap();
    assert_eq!(json!(answer)["headers"], json!({ "content-type": "application/json" }));
}

/// The texts of an SVG.
fn texts(svg: &[u8]) -> Vec<String> {
    let svg = String::from_utf8(svg.to_vec()).unwrap();
    let inner = |line: &str| Some(line.strip_suffix("</text>")?.rsplit_once('>')?.1.to_owned());
    svg.lines().filter_map(inner).collect()
}

#[track_caller]
fn check_says(svg: &[u8], expect: &str) {
    let texts = texts(svg);
    assert!(texts.iter().any(|text| text == expect), "{expect:?} is not among {texts:?}");
}

#[tokio::test]
async fn a_plot_is_stored_and_answered() {
    let world = World::with(&SCENARIO);
    let answer = world.ask(json!({}), "image/png").await;
    check_headers(&answer, "png", "2026-08-01T10:00:12Z", "2026-08-01T10:01:00Z");
    let body = image(&answer);
    let path = "https://plots.s3.us-east-1.amazonaws.com/b/2026-08-01T10-01-00.000Z-JKJaXmPLvHcESHA%3D.png".into();
    assert_eq!(world.stored(), [Stored { path, content_type: "image/png".into(), body }]);
}

/// Of each partition of the history.
#[tokio::test]
async fn pages_are_read_with_only_the_attributes_needed_the_first_and_the_last_consistently() {
    let world = World::with_one_partition(&SCENARIO);
    world.ask(json!({ "from": "2026-08-01T10:00:10Z" }), "image/png").await;
    let first = |partition: &str| {
        json!({
            "TableName": "history",
            "ConsistentRead": true,
            "KeyConditionExpression": "#bucket = :bucket AND #key BETWEEN :low AND :high",
            "ExpressionAttributeNames": { "#bucket": "bucket_name", "#key": "event_key" },
            "ExpressionAttributeValues": {
                ":bucket": { "S": partition },
                ":low": { "S": "2026-08-01T10:00:10.000Z" },
                ":high": { "S": "2026-08-01T10:00:35.000Z#00000000000000000005" },
            },
            "ProjectionExpression": "event_key, object_name, event_type, size_delta, total_size, committed_at",
        })
    };
    let after = |key: &str| {
        let mut query = first("b");
        query["ExclusiveStartKey"] = json!({ "bucket_name": { "S": "b" }, "event_key": { "S": key } });
        query
    };
    let second = after("2026-08-01T10:00:13.000Z#00000000000000000002");
    let third = after("2026-08-01T10:00:29.000Z#00000000000000000004");
    let maybe_stale = |query: &Value| {
        let mut query = query.clone();
        query["ConsistentRead"] = false.into();
        query
    };
    let mut expect: Vec<Value> = partitions("b").map(|partition| first(&partition)).collect();
    expect.extend([maybe_stale(&second), maybe_stale(&third), third]);
    assert_eq!(world.queries(), expect);
}

/// What an older version recorded is in one partition, what this one records in several.
#[tokio::test]
async fn plots_of_one_partition_and_of_several_are_the_same() {
    let [several, one] = [World::with(&SCENARIO), World::with_one_partition(&SCENARIO)];
    let query = json!({ "from": "2026-08-01T10:00:13Z", "to": "2026-08-01T10:00:30Z" });
    let answers = [several.ask(query.clone(), "image/svg+xml").await, one.ask(query, "image/svg+xml").await];
    assert_eq!(image(&answers[0]), image(&answers[1]));
    check_says(&image(&answers[0]), "peak 46 B");
}

#[tokio::test]
async fn accept_chooses_the_format() {
    let world = World::with(&SCENARIO);
    let answer = world.ask(json!({}), "image/svg+xml").await;
    check_headers(&answer, "svg", "2026-08-01T10:00:12Z", "2026-08-01T10:01:00Z");
    check_says(&image(&answer), "peak 46 B");
    assert_eq!(world.stored()[0].content_type, "image/svg+xml");
    assert_eq!(world.stored()[0].body, image(&answer));
}

#[tokio::test]
async fn the_parameter_wins_over_accept() {
    let world = World::with(&SCENARIO);
    let png = image(&world.ask(json!({ "format": "png" }), "image/svg+xml").await);
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    check_says(&image(&world.ask(json!({ "format": "svg" }), "image/png").await), "peak 46 B");
}

#[tokio::test]
async fn a_plot_has_the_size_asked_for() {
    let query = json!({ "width": "640", "height": "360" });
    let png = image(&World::with(&SCENARIO).ask(query, "image/png").await);
    assert_eq!(
        (png[16..20].to_vec(), png[20..24].to_vec()),
        (640u32.to_be_bytes().to_vec(), 360u32.to_be_bytes().to_vec())
    );
}

#[tokio::test]
async fn what_was_not_read_in_time_is_left_out_and_the_answer_says_so() {
    let mut world = World::with_one_partition(&SCENARIO);
    world.deps.reading_time = Duration::ZERO;
    let answer = world.ask(json!({}), "image/svg+xml").await;
    assert_eq!(world.queries().len(), 9);
    check_headers(&answer, "svg", "2026-08-01T10:00:12Z", "2026-08-01T10:00:13Z");
    let svg = image(&answer);
    check_says(&svg, "drawn up to 10:00:13: there was no time to read more");
    check_says(&svg, "Last read");
    assert!(!texts(&svg).contains(&"Final".to_owned()));
}

#[tokio::test]
async fn a_history_that_ends_with_its_first_page_is_read_in_any_time() {
    let mut world = World::with(&SCENARIO[..2]);
    world.deps.reading_time = Duration::ZERO;
    let answer = world.ask(json!({}), "image/svg+xml").await;
    check_headers(&answer, "svg", "2026-08-01T10:00:12Z", "2026-08-01T10:01:00Z");
    check_says(&image(&answer), "Final");
}

#[tokio::test]
async fn an_empty_range_says_so_and_what_the_total_was() {
    let world = World::with(&SCENARIO);
    let answer =
        world.ask(json!({ "from": "2026-08-01T10:00:14Z", "to": "2026-08-01T10:00:19Z" }), "image/svg+xml").await;
    check_headers(&answer, "svg", "2026-08-01T10:00:14Z", "2026-08-01T10:00:19Z");
    check_says(&image(&answer), "No changes in this range");
    check_says(&image(&answer), "The total stayed at 46 B");
}

#[tokio::test]
async fn without_a_history_the_total_is_0() {
    let answer = World::with(&[]).ask(json!({}), "image/svg+xml").await;
    check_headers(&answer, "svg", "2026-08-01T10:01:00Z", "2026-08-01T10:01:00Z");
    check_says(&image(&answer), "The total stayed at 0 B");
}

#[tokio::test]
async fn a_run_is_drawn_from_its_start_to_its_end() {
    let answer = World::with(&SCENARIO).ask(json!({ "run": "over" }), "image/svg+xml").await;
    check_headers(&answer, "svg", "2026-08-01T10:00:10Z", "2026-08-01T10:00:30Z");
    check_says(&image(&answer), "2026-08-01 10:00:10 to 10:00:30 UTC  ·  3 uploads, 1 deletion");
}

#[tokio::test]
async fn a_run_that_goes_on_is_drawn_until_now() {
    let answer = World::with(&SCENARIO).ask(json!({ "run": "going-on" }), "image/svg+xml").await;
    check_headers(&answer, "svg", "2026-08-01T10:00:10Z", "2026-08-01T10:01:00Z");
}

#[tokio::test]
async fn a_run_that_is_not_there_is_named() {
    let world = World::with(&SCENARIO);
    let answer = world.ask(json!({ "run": "r-1" }), "image/png").await;
    let message = "there is no run \"r-1\"";
    check_refused(&answer, 404, json!({ "error": "InvalidInput", "message": message, "parameter": "run" }));
    assert_eq!((world.queries(), world.stored()), (vec![], vec![]));
}

#[tokio::test]
async fn a_wrong_parameter_is_named_before_anything_is_read() {
    let world = World::with(&SCENARIO);
    let answer = world.ask(json!({ "width": "wide" }), "image/png").await;
    let message = "width must be 320 to 4096 pixels, not \"wide\"";
    check_refused(&answer, 400, json!({ "error": "InvalidInput", "message": message, "parameter": "width" }));
    assert_eq!((world.queries(), world.stored()), (vec![], vec![]));
}

#[tokio::test]
async fn a_history_that_cannot_be_read_now_may_be_later() {
    let world = World::with(&SCENARIO);
    world.dynamodb.refuse("ThrottlingException", "Rate exceeded");
    let answer = world.ask(json!({}), "image/png").await;
    let message = "BatchGetItem failed: ThrottlingException: Rate exceeded";
    check_refused(&answer, 503, json!({ "error": "ServiceUnavailable", "message": message, "parameter": null }));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_the_stacks_fault() {
    let world = World::with(&SCENARIO[..1]);
    world.dynamodb.put_record(json!({
        "bucket_name": { "S": "b#1" },
        "event_key": { "S": "2026-08-01T10:00:12.000Z#00000000000000000001" },
        "object_name": { "S": "" },
    }));
    let answer = world.ask(json!({}), "image/png").await;
    let reason = "an object name must have 1 to 1024 bytes of UTF-8, this one has 0";
    let message = format!("a row of history can't be read: {reason}");
    check_refused(&answer, 500, json!({ "error": "Internal", "message": message, "parameter": null }));
}
