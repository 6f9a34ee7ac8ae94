//! What an event and a run cost on AWS: counted on a live stack, priced in the documents.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::RangeInclusive;

use ::usage::kept;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use spillway_local::local_aws::SHORT_PERIOD;
use spillway_tests::{Item, Stack, eventually, live, readme};
use tokio::task::JoinSet;

/// Bytes of log per object event, by size-tracking and logging; CloudWatch Logs counts 26 more for each line.
const LOG_BYTES: f64 = 1_000.0;
/// How long the functions work on one event that comes alone, in milliseconds; an upper bound, for these are builds
/// without optimisation.
const EVENT_MILLISECONDS: f64 = 300.0;
/// State transitions of the default run, at most, however long the alarm's period is.
const RUN_TRANSITIONS: f64 = 60.0;
/// Invocations of the tasks of the default run, at most.
const RUN_INVOCATIONS: f64 = 25.0;
/// How long these work in all, in milliseconds, as much of an upper bound.
const RUN_MILLISECONDS: f64 = 20_000.0;
/// Bytes of log of the two functions that the schedules invoke, each minute.
const TICK_BYTES: f64 = 1_500.0;
/// How long these two work, in milliseconds; an upper bound as above.
const TICK_MILLISECONDS: f64 = 300.0;
/// How long plotting works to sum up what the history has got in five minutes, in milliseconds; an upper bound as above.
const SUM_MILLISECONDS: f64 = 600.0;
/// Bytes of log of that.
const SUM_BYTES: f64 = 600.0;
/// Bytes that a row of an object takes in its table, and a record in the history, with DynamoDB's 100 for each; and the row again
/// in the index.
const STORED_BYTES: [f64; 3] = [450.0, 500.0, 350.0];
/// What the index `by-size` has of a row.
const INDEXED: [&str; 5] = ["object_name", "bucket_name", "size", "etag", "sequencer"];
/// Alarms, each on one metric.
const ALARMS: usize = 24;
/// Metrics that filters make of logs.
const METRICS: usize = 11;
/// State transitions of an audit that compares no rows, at most, and of what comes on top for each segment of rows.
const AUDIT_TRANSITIONS: [f64; 2] = [10.0, 10.0];
/// Objects that one task of an audit compares.
const AUDIT_BATCH: f64 = 1000.0;
/// How many of them are repaired in a transaction.
const REPAIRED: f64 = 49.0;
/// How long such a task works if all of them agree, and if all of them have to be added, in milliseconds; an upper bound as
/// above.
const AUDIT_MILLISECONDS: [f64; 2] = [1_000.0, 20_000.0];

/// How long the function works that says how full the bucket is and what would go, in milliseconds; an upper bound as above.
const ANSWER_MILLISECONDS: f64 = 300.0;
/// Read units of an answer, at most: of a usage three rows, the records of a cleaning of a thousand objects and the newest of them again;
/// of a plan the same rows, the last minute's history in nine partitions, twice, and what was before it, a page of the index, and
/// the rows of a hundred objects that are named.
const ANSWER_READS: [f64; 2] = [90.0, 175.0];

/// How many events size-tracking takes at once, and logging.
const BATCHES: [f64; 2] = [480.0, 10.0];
/// How many of these size-tracking writes at once.
const WRITTEN: f64 = 48.0;
/// Minutes of a month.
const MINUTES: f64 = 60.0 * 24.0 * 30.0;
/// Requests a minute by which Lambda looks into an empty queue: five pollers that wait for 20 seconds each.
const IDLE_POLLS: f64 = 15.0;
/// What SQS hands out at once, at most.
const RECEIVED: f64 = 10.0;
/// Memory of the functions, in GB, and that of plotting.
const MEMORY: f64 = 0.25;
const PLOTTING_MEMORY: f64 = 1769.0 / 1024.0;

/// Something that AWS counts.
struct Row {
    what: &'static str,
    /// Dollars for a million.
    price: f64,
    /// Per event, if events come in full batches and if each comes alone.
    full: f64,
    alone: f64,
    moved_by: &'static str,
}

fn rows() -> [Row; 7] {
    let [tracking, logging] = BATCHES;
    let milliseconds = |batches: f64| EVENT_MILLISECONDS / 2.0 * batches;
    let row = |what, price, full, alone, moved_by| Row { what, price, full, alone, moved_by };
    let summed_up = STORED_BYTES[1] / 4096.0;
    [
        row("SNS publishes", 0.50, 1.0, 1.0, "—"),
        // A send to each queue, and a receive and a delete for what is received together.
        row("SQS requests", 0.40, 2.0 + 4.0 / RECEIVED, 6.0, "`BatchSize`, the batching window"),
        // The row and the record, written in a transaction; the index; and `__STATE__` for each transaction.
        row("DynamoDB write units", 0.625, 5.0 + 2.0 / WRITTEN, 7.0, "`BatchSize`"),
        // The row, `__STATE__` for each batch, and what logging looks up; and the record, once it is summed up.
        row("DynamoDB read units", 0.125, 2.0 + 1.0 / tracking + summed_up, 3.0 + summed_up, "`BatchSize`"),
        row("Lambda requests", 0.20, 1.0 / tracking + 1.0 / logging, 2.0, "`BatchSize`"),
        row(
            "Lambda GB-seconds, at most",
            13.3334,
            milliseconds(1.0 / WRITTEN + 1.0 / logging) / 1e3 * MEMORY,
            milliseconds(2.0) / 1e3 * MEMORY,
            "`MemorySize`, `BatchSize`",
        ),
        row("kB of logs", 0.50, LOG_BYTES / 1e3, LOG_BYTES / 1e3, "the functions' log level"),
    ]
}

#[test]
fn the_costs_in_the_documents_are_current() {
    let run = [
        Priced("state transitions", 25.0, RUN_TRANSITIONS, "the number of cycles; not `AlarmPeriodSeconds`"),
        Priced("Lambda requests", 0.20, RUN_INVOCATIONS, "the number of cycles"),
        Priced("Lambda GB-seconds", 13.3334, RUN_MILLISECONDS / 1e3 * MEMORY, "`MemorySize`"),
    ];
    // One invocation each of size-tracking and cleaner every minute: the total is read twice and the cleaner's row once, and
    // that row is written.
    let moved = "`SafetyNetExpression`";
    let month = [
        Priced("alarms", 0.10e6, ALARMS as f64, "—"),
        Priced("metrics of filters", 0.30e6, METRICS as f64, "—"),
        Priced("the dashboard", 3e6, 1.0, "—"),
        Priced("SQS requests that find the tracking queue empty", 0.40, IDLE_POLLS * MINUTES, "—"),
        Priced("SQS requests that find the logging queue empty", 0.40, IDLE_POLLS * MINUTES, "—"),
        Priced("invocations by schedules", 1.0, 2.0 * MINUTES, moved),
        Priced("Lambda requests of the schedules", 0.20, 2.0 * MINUTES, moved),
        Priced(
            "Lambda GB-seconds of the schedules, at most",
            13.3334,
            TICK_MILLISECONDS / 1e3 * MEMORY * MINUTES,
            moved,
        ),
        Priced("DynamoDB read units of the schedules", 0.125, 3.0 * MINUTES, moved),
        Priced("DynamoDB write units of the schedules", 0.625, MINUTES, moved),
        Priced("kB of logs of the schedules", 0.50, TICK_BYTES / 1e3 * MINUTES, moved),
        Priced("invocations that sum up the history, and Lambda requests", 1.20, MINUTES / 5.0, "—"),
        Priced(
            "their Lambda GB-seconds, at most",
            13.3334,
            SUM_MILLISECONDS / 1e3 * PLOTTING_MEMORY * MINUTES / 5.0,
            "`MemorySize`",
        ),
        // `__STATE__`, and the newest rows of seconds, twice, and of minutes, of at most 16 KB.
        Priced("their DynamoDB read units, at most", 0.125, 13.0 * MINUTES / 5.0, "how many seconds have changes"),
        // A row every ten minutes, and one every ten hours.
        Priced("their DynamoDB write units, at most", 0.625, 16.0 * (MINUTES / 10.0 + MINUTES / 600.0), "likewise"),
        Priced("kB of their logs", 0.50, SUM_BYTES / 1e3 * MINUTES / 5.0, "—"),
    ];
    let [row, record, index] = STORED_BYTES;
    let [agreeing, adopting, comparing_rows] = audits();
    // A million of so many bytes each are as many megabytes; a price of a million of them is one of a thousand gigabytes.
    let stored = [
        Priced("MB of the rows of a million objects", 250.0, row, "the length of the names"),
        Priced("MB of their index", 250.0, index, "the length of the names"),
        Priced("MB of the history of a million events, which never expires", 250.0, record, "the length of the names"),
        Priced("MB of these two tables, point-in-time recovery", 200.0, row + record, "—"),
        Priced(
            "MB of the log of a million events, for the 30 days that it is kept",
            30.0,
            LOG_BYTES,
            "`RetentionInDays`",
        ),
    ];
    let tables = [
        events(),
        items("a default run, at most", &run),
        items("a month", &month),
        items("a month of what is stored", &stored),
        items("an audit of a million objects that all agree", &agreeing),
        items("a thousand answers to `GET /usage`, at most", &answers(ANSWER_READS[0], 1.0)),
        items("what these take on top if the bucket has versions, at most", &counting_versions()),
        items("a thousand answers to `GET /plan`, at most", &answers(ANSWER_READS[1], 0.0)),
        items("what an audit takes on top if it compares a million rows", &comparing_rows),
        items("an audit that adopts a million objects", &adopting),
    ];
    readme::check("infra/README.md", "costs", &tables.join("\n"));
    let [full, alone] = [|row: &Row| row.full * row.price, |row: &Row| row.alone * row.price]
        .map(|price| rows().iter().map(price).sum::<f64>());
    let short = format!(
        "| what | costs |\n| --- | ---: |\n\
         | a million object events, in full batches | ${full:.2} |\n\
         | a million object events, one at a time | ${alone:.2} |\n\
         | an audit of a million objects | ${:.2} |\n\
         | a month with alarms, metrics, dashboard, schedules and idle queues | ${:.2} |\n\
         | a default run, at most | ${:.4} |\n",
        together(&agreeing),
        together(&month),
        together(&run),
    );
    readme::check("README.md", "costs", &short);
}

/// What an audit of a million objects takes: if all of them agree, if all have to be added to the ledger, and what comes on
/// top if rows are compared, too.
fn audits() -> [Vec<Priced>; 3] {
    let tasks = 1e6 / AUDIT_BATCH;
    let listing = |transitions: f64, milliseconds: f64| {
        vec![
            Priced("S3 lists", 5.0, tasks, "—"),
            Priced("state transitions", 25.0, transitions, "—"),
            Priced("executions of the Distributed Map", 1.0, tasks, "the length of the names"),
            // Their memory is counted by 64 MB.
            Priced("their GB-seconds", 16.67, tasks * milliseconds / 1e3 * 0.0625, "—"),
            Priced("Lambda requests", 0.20, tasks, "the length of the names"),
            Priced("Lambda GB-seconds, at most", 13.3334, tasks * milliseconds / 1e3 * MEMORY, "`MemorySize`"),
            Priced("DynamoDB write units of what was found", 0.625, tasks, "—"),
            Priced("DynamoDB read units of the comparison", 0.125, 0.5e6, "—"),
        ]
    };
    let mut adopting = listing(AUDIT_TRANSITIONS[0], AUDIT_MILLISECONDS[1]);
    adopting.extend([
        Priced("S3 heads", 0.40, 1e6, "—"),
        // Twice for the second look, once for the commit, which reads `__STATE__`, too.
        Priced("DynamoDB read units of what differs", 0.125, 3e6 + 1e6 / REPAIRED, "—"),
        Priced("DynamoDB write units of repairs", 0.625, 5.0 * 1e6 + 2.0 * 1e6 / REPAIRED, "—"),
        Priced("kB of logs of repairs", 0.50, LOG_BYTES / 2.0 / 1e3 * 1e6, "the functions' log level"),
    ]);
    let comparing_rows = vec![
        Priced("state transitions", 25.0, 10.0 * AUDIT_TRANSITIONS[1], "a segment has 100,000 objects"),
        Priced("S3 heads", 0.40, 1e6, "—"),
        Priced("DynamoDB read units", 0.125, STORED_BYTES[0] / 4096.0 * 1e6, "the length of the names"),
        // As many at a time as in a batch.
        Priced("Lambda GB-seconds, at most", 13.3334, tasks * AUDIT_MILLISECONDS[0] / 1e3 * MEMORY, "`MemorySize`"),
    ];
    [listing(AUDIT_TRANSITIONS[0], AUDIT_MILLISECONDS[0]), adopting, comparing_rows]
}

/// What a thousand answers about usage take that need so many read units each, and so many looks at the alarm.
fn answers(reads: f64, looks: f64) -> Vec<Priced> {
    let mut answers = vec![
        Priced("requests to the HTTP API", 1.0, 1e3, "—"),
        Priced("Lambda requests", 0.20, 1e3, "—"),
        Priced("Lambda GB-seconds, at most", 13.3334, ANSWER_MILLISECONDS * MEMORY, "`MemorySize`"),
        Priced(
            "DynamoDB read units, at most",
            0.125,
            reads * 1e3,
            "`MaxDeletesPerRun`, the length of the names, `limit`",
        ),
    ];
    if looks > 0.0 {
        answers.push(Priced("CloudWatch requests", 10.0, looks * 1e3, "—"));
        // Whether the bucket has versions.
        answers.push(Priced("S3 requests", 0.40, looks * 1e3, "—"));
    }
    answers
}

/// What a thousand answers take that say what is kept of deleted and overwritten objects.
fn counting_versions() -> [Priced; 2] {
    let moved = "the number of versions, current ones included";
    [
        Priced("S3 lists", 5.0, kept::PAGES as f64 * 1e3, moved),
        Priced("Lambda GB-seconds", 13.3334, kept::LONGEST.as_secs_f64() * 1e3 * MEMORY, moved),
    ]
}

/// Something that is counted once for all: what it is, the price of a million in dollars, the count, what moves it.
struct Priced(&'static str, f64, f64, &'static str);

fn items(title: &str, items: &[Priced]) -> String {
    let mut table = format!("| {title} | count | | moved by |\n| --- | ---: | ---: | --- |\n");
    for Priced(what, price, count, moved_by) in items {
        let shown = if *count < 1e3 { *count } else { count.round() };
        let _ = writeln!(table, "| {what} | {shown} | ${:.5} | {moved_by} |", price * count / 1e6);
    }
    let _ = writeln!(table, "| together | | **${:.4}** | |", together(items));
    table
}

fn together(items: &[Priced]) -> f64 {
    items.iter().map(|Priced(_, price, count, _)| price * count / 1e6).sum()
}

fn events() -> String {
    let mut table =
        "| a million object events | price of a million | in full batches | | one at a time | | moved by |\n\
                     | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
            .to_owned();
    let (mut full, mut alone) = (0.0, 0.0);
    for row in rows() {
        let dollars = [row.full * row.price, row.alone * row.price];
        let [batched, single] = [row.full, row.alone].map(count);
        let Row { what, price, moved_by, .. } = row;
        let [each, other] = dollars.map(|dollars| format!("${dollars:.2}"));
        let _ = writeln!(table, "| {what} | ${price} | {batched} | {each} | {single} | {other} | {moved_by} |");
        (full, alone) = (full + dollars[0], alone + dollars[1]);
    }
    let _ = writeln!(table, "| together | | | **${full:.2}** | | **${alone:.2}** | |");
    table
}

/// How many there are of something for a million events.
fn count(per_event: f64) -> String {
    match per_event * 1e6 {
        millions if millions >= 1e5 => format!("{:.2} M", millions / 1e6),
        count => format!("{count:.0}"),
    }
}

#[tokio::test]
async fn an_event_and_a_run_take_no_more_than_the_tables_say() {
    let _live = live().await;
    let stack = Stack::with_period(SHORT_PERIOD, &[("AuditGraceMinutes", "0")]).await;
    let tracking = stack.function("size-tracking").await;
    let logging = stack.function("logging").await;
    let executed = stack.start(json!({})).await;
    stack.end_of(&executed).await.report().unwrap_or_else(|error| panic!("{error}"));
    let history = stack.history(&executed).await;
    let transitions = history.iter().filter(|event| event.state_entered_event_details().is_some()).count();
    fits("transitions", transitions as f64, RUN_TRANSITIONS);
    // The tasks share a log group.
    let invocations = stack.durations(&stack.function("upload").await).await;
    fits("invocations", invocations.len() as f64, RUN_INVOCATIONS);
    let milliseconds: f64 = invocations.iter().sum();
    assert!(milliseconds <= RUN_MILLISECONDS, "{milliseconds} milliseconds of a run");

    takes_at_most("an event", EVENT_MILLISECONDS, async || {
        put_empty_objects(&stack, 1).await;
        stack.drain().await;
        least(stack.durations(&tracking).await) + least(stack.durations(&logging).await)
    })
    .await;

    let before = stack.log_bytes(&[&tracking, &logging]).await;
    const EVENTS: usize = 200;
    put_empty_objects(&stack, EVENTS).await;
    stack.drain().await;
    let bytes = stack.log_bytes(&[&tracking, &logging]).await - before;
    fits("bytes of log", bytes as f64 / EVENTS as f64, LOG_BYTES);
    let outputs = stack.local_aws.outputs();
    let [rows, records] =
        [stack.items(&outputs.object_table_name).await, stack.items(&outputs.history_table_name).await];
    let rows: Vec<Item> = rows.into_iter().filter(|row| row.contains_key("size")).collect();
    let records = records.into_iter().filter(|record| record.contains_key("object_name"));
    let entries = rows.iter().map(|row| {
        let mut entry = row.clone();
        entry.retain(|name, _| INDEXED.contains(&name.as_str()));
        stored_bytes(&entry)
    });
    fits("bytes of an entry of the index", average(entries), STORED_BYTES[2]);
    fits("bytes of a row", average(rows.iter().map(stored_bytes)), STORED_BYTES[0]);
    fits("bytes of a record", average(records.map(|record| stored_bytes(&record))), STORED_BYTES[1]);

    let cleaner = stack.function("cleaner").await;
    let (heartbeat, safety_net) = (json!({ "heartbeat": true }), json!({ "schedule": "safety-net" }));
    let bytes = tick(&stack, &tracking, &heartbeat).await.1 + tick(&stack, &cleaner, &safety_net).await.1;
    fits("bytes of log of a minute's schedules", bytes, TICK_BYTES);
    takes_at_most("a minute's schedules", TICK_MILLISECONDS, async || {
        tick(&stack, &tracking, &heartbeat).await.0 + tick(&stack, &cleaner, &safety_net).await.0
    })
    .await;
    let (plotting, sum_up) = (stack.function("plotting").await, json!({ "sum_up": true }));
    fits("bytes of log of summing up", tick(&stack, &plotting, &sum_up).await.1, SUM_BYTES);
    takes_at_most("summing up", SUM_MILLISECONDS, async || tick(&stack, &plotting, &sum_up).await.0).await;

    let usage = stack.function("usage").await;
    takes_at_most("an answer", ANSWER_MILLISECONDS, async || {
        for route in ["GET /usage", "GET /plan"].repeat(5) {
            stack.answer(&usage, &json!({ "routeKey": route })).await.expect("an answer");
        }
        least(stack.durations(&usage).await)
    })
    .await;

    let audited = stack.start_audit(json!({})).await;
    stack.end_of(&audited).await;
    let history = stack.history(&audited).await;
    let transitions = history.iter().filter(|event| event.state_entered_event_details().is_some()).count();
    fits("transitions of an audit", transitions as f64, AUDIT_TRANSITIONS[0]);

    let alarms = stack.alarms().await;
    assert_eq!(alarms, ALARMS);
    let filters =
        stack.logs.describe_metric_filters().send().await.expect("filters").metric_filters.unwrap_or_default();
    let transformations = filters.iter().flat_map(|filter| filter.metric_transformations());
    let metrics: BTreeSet<&str> = transformations.map(|it| it.metric_name()).collect();
    assert_eq!(metrics.len(), METRICS);
    stack.local_aws.shutdown().await;
}

/// How long an invocation of the schedule takes, in milliseconds, and how many bytes it logs.
async fn tick(stack: &Stack, function: &str, event: &Value) -> (f64, f64) {
    let (durations_before, bytes_before) = (stack.durations(function).await.len(), stack.log_bytes(&[function]).await);
    const TICKS: usize = 10;
    for _ in 0..TICKS {
        stack.invoke(function, event).await;
    }
    let durations = async || stack.durations(function).await.split_off(durations_before);
    eventually("the function has answered", async || durations().await.len() >= TICKS).await;
    let bytes_after = stack.log_bytes(&[function]).await;
    // The schedule itself may have invoked it besides.
    let durations = durations().await;
    let bytes = (bytes_after - bytes_before) as f64 / durations.len() as f64;
    (least(durations), bytes)
}

/// A count that the table rounds up a little.
#[track_caller]
fn fits(what: &str, count: f64, table: f64) {
    let range: RangeInclusive<f64> = 0.6 * table..=table;
    assert!(range.contains(&count), "{count} {what}, and the table has {table}");
}

/// Measures it until the machine has been free enough of other tests for what the table says.
async fn takes_at_most(what: &str, milliseconds: f64, measured: impl AsyncFn() -> f64) {
    const ATTEMPTS: usize = 20;
    let mut least = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        least = least.min(measured().await);
        if least <= milliseconds {
            return;
        }
    }
    panic!("{what} took {least} ms each time, and the table has {milliseconds}");
}

/// How long it takes if no other test keeps the machine busy.
fn least(durations: Vec<f64>) -> f64 {
    durations.into_iter().reduce(f64::min).expect("at least one invocation")
}

/// What DynamoDB counts of an item: the names and values of its attributes, and 100 for keeping it.
fn stored_bytes(item: &Item) -> f64 {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string().len(), str::len);
    100.0 + item.iter().map(|(name, it)| name.len() + value(it)).sum::<usize>() as f64
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// They trigger everything that other objects do, except the alarm.
async fn put_empty_objects(stack: &Stack, count: usize) {
    let mut puts = JoinSet::new();
    for number in 0..count {
        let put = stack.s3.put_object().bucket(&stack.local_aws.outputs().test_bucket_name);
        let put = put.key(format!("a-folder/an-object-{number}")).body(ByteStream::from_static(b""));
        puts.spawn(async move { put.send().await.expect("an object can be put") });
    }
    puts.join_all().await;
}
