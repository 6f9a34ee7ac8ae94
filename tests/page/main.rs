//! The page in a real browser: live, over a recording, and in the hands of somebody who types nonsense.
//!
//! `cargo test --workspace` leaves this out, because it needs chromium. The command is
//! `cargo test --workspace --test page`. Pictures of the page are in `target/page` afterwards.

mod browser;
mod hour;
mod looks;
mod share;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use browser::Browser;
use serde_json::{Value, json};
use share::Share;
use spillway_contracts::report::RunReport;
use spillway_page::{Recorder, Watch, document};
use spillway_stack::run::execution::Ending;
use spillway_stack::run::recording;
use spillway_stack::workspace::Workspace;
use spillway_tests::{Stack, eventually};
use tokio::sync::Mutex;

/// What the page and the default run may take, gzipped.
const LARGEST: usize = 150_000;
/// What recording and serving may take of one core while a run goes on, in percent, beside everything else that this machine
/// does. It is 4.5 on two quiet cores, without optimisation; the goal is 5.
const BUSIEST: f64 = 8.0;
/// Nobody may call an object so that the page does anything but show the name.
const NAME: &str = "<img src=x onerror=alert(1)></script>";

/// Browsers are open one after the other: how long something takes is measured, too.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn pictures() -> PathBuf {
    Workspace::locate().await.expect("cargo knows the workspace").local().with_file_name("page")
}

/// A stack whose alarm has a short period, and whose audits wait for no event.
async fn stage() -> Stack {
    Stack::with_period(10, &[("AuditGraceMinutes", "0")]).await
}

/// Starts a run as somebody does who has the page in front of them, and gives the execution's ARN.
async fn start_on_the_page(browser: &Browser, stack: &Stack) -> String {
    let before = stack.executions().await.len();
    browser.click("#start-run").await;
    browser.until(5, "document.querySelector('dialog[open] .good')").await;
    browser.click("dialog[open] button.main").await;
    eventually("a run starts", async || stack.executions().await.len() > before).await;
    stack.executions().await.pop().expect("a run")
}

/// What the nodes of the graph show: those that are done, and those that something else is to be said of.
async fn graph(browser: &Browser) -> (Vec<String>, Vec<String>) {
    let nodes = browser
        .get("[...document.querySelectorAll('.node')].map(it => [it.dataset.name, it.getAttribute('class')])")
        .await;
    let nodes: Vec<(String, String)> = serde_json::from_value(nodes).expect("nodes");
    let with = |class: &str| {
        let named = nodes.iter().filter(|(_, classes)| classes.split(' ').any(|it| it == class));
        named.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    (with("done"), ["running", "caught", "failed"].iter().flat_map(|class| with(class)).collect())
}

/// Every track, the graph, the history and the ledger say what the report says.
async fn shows(browser: &Browser, report: &RunReport) {
    browser.until(15, "document.querySelector('.sentence').textContent.startsWith('The run succeeded')").await;
    let uploads: usize = report.cycles.iter().map(|cycle| cycle.uploaded.len()).sum();
    let deletions: usize = report.cycles.iter().map(|cycle| cycle.deleted.len()).sum();
    browser.press("f").await;
    // The logs of the last events come a little later.
    browser.until(20, "all('invocation').filter(it => it.function === 'Logging').length >= 5").await;
    browser.until(5, "document.querySelectorAll('.added-mark').length").await;
    let count = async |selector: &str| browser.get(&format!("document.querySelectorAll('{selector}').length")).await;
    assert_eq!((count(".added-mark").await, count(".gone-mark").await), (json!(uploads), json!(deletions)));
    let totals = browser
        .get("commits().filter(it => it.at >= runAt(Date.now()).at).map(it => it.event.document.total_size)")
        .await;
    let observed: Vec<u64> = report.observed_timeline[1..].to_vec();
    assert_eq!(totals, json!(observed));
    let alarms = browser.get("[...document.querySelectorAll('.tracks rect.ALARM')].length").await;
    assert_eq!(alarms, json!(report.cleanings.len()), "times that the alarm went off");
    let who = browser.get("commits().filter(it => isDeletion(it.event)).map(it => doerInWords(it.event))").await;
    assert_eq!(who, json!(vec!["the cleaner, called by the alarm"; deletions]));
    let periods = browser.get("[...document.querySelectorAll('.tracks text')].map(it => it.firstChild?.data ?? '').filter(it => it.startsWith('max '))").await;
    assert!(periods.as_array().expect("texts").contains(&json!("max 46 B")), "{periods}");
    for class in ["fill-run", "fill-done", "fill-look", "invocation", "queue"] {
        assert!(count(&format!(".tracks .{class}")).await.as_u64() > Some(0), "there is no {class}");
    }
    let (done, other) = graph(browser).await;
    let story = [
        "AcquireRunLock",
        "PrepareRun",
        "RunCycles",
        "AlignWindow",
        "Upload",
        "WaitForDeletion",
        "WaitForAlarmOk",
        "CycleDone",
        "CheckRun",
        "CallPlotApi",
        "ReportRun",
        "ReleaseRunLock",
        "RunSucceeded",
    ];
    assert!(story.iter().all(|name| done.iter().any(|it| it == name)), "{done:?}");
    assert_eq!(other, Vec::<String>::new());
    assert_eq!(count(".machine .tabs button").await, json!(report.cycles.len()));
    let told = browser.text("document.querySelector('.story').textContent").await;
    for words in [
        "The alarm called the cleaner, and it deleted assignment2.txt (28 B): the total of 46 B had reached the threshold of 20 B; 18 B are left.",
        "assignment3.txt (2 B) was uploaded by the driver. The total is 20 B, which reaches the threshold of 20 B.",
    ] {
        assert!(told.contains(words), "{told}");
    }
}

/// A click on one thing of each kind.
async fn every_kind_of_thing_can_be_looked_at(browser: &Browser) {
    for (selector, title, words) in [
        (".tracks .gone-mark", "assignment2.txt was deleted", "the cleaner, called by the alarm"),
        (".tracks .added-mark", "assignment1.txt was uploaded", "What the event changed the total by, in bytes."),
        (".tracks rect.ALARM", "The alarm: ALARM", "Threshold Crossed"),
        (".tracks .fill-run", "Run ", "observed_timeline"),
        (".tracks .fill-look", "AcquireRunLock", "ConditionExpression"),
        (".tracks .queue", "", "looked at"),
        (".tracks .invocation", "An invocation of size-tracking", "Log lines"),
        (".node[data-name=WaitForDeletion]", "WaitForDeletion (cycle 2)", "It has looked"),
        (".node[data-name=PauseBeforePrepareRun]", "PauseBeforePrepareRun", "not entered by this run"),
        (".story .gone", "", "history-record"),
    ] {
        let title_is = format!("document.querySelector('aside h2')?.textContent.startsWith({})", json!(title));
        // The tracks are drawn anew ten times a second, so the click goes to what is there then.
        let click = format!(
            "document.querySelector({}).dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))",
            json!(selector)
        );
        browser.get(&click).await;
        browser.until(5, &title_is).await;
        let text = browser.text("document.querySelector('aside').textContent").await;
        assert!(words == "history-record" || text.contains(words), "{selector}: {text}");
        browser.press("\u{e00c}").await;
        browser.until(5, "document.querySelector('aside').hidden").await;
    }
}

/// Names and sizes that break their contracts are told while they are typed, and nothing is sent.
async fn forms_say_what_is_wrong(browser: &Browser) {
    browser.click("#start-run").await;
    for (scenario, verdict) in [
        ("{", "This is not JSON: EOF while parsing an object at line 1 column 1"),
        (
            r#"{"cycles":[{"upload":[{"object_name":"a","size_bytes":-1}]}]}"#,
            "cycles[0].upload[0].size_bytes: invalid value: integer `-1`, expected u64",
        ),
    ] {
        browser.fill("#scenario", scenario).await;
        let shows = format!("document.querySelector('dialog[open] .bad')?.textContent === {}", json!(verdict));
        browser.until(5, &shows).await;
        assert_eq!(browser.get("document.querySelector('dialog[open] button.main').disabled").await, true);
    }
    browser.press("\u{e00c}").await;
    browser.click("#upload").await;
    browser.fill("#object-size", "-1").await;
    browser.until(5, "document.querySelector('dialog[open] .bad')?.textContent.startsWith('size_bytes')").await;
    browser.press("\u{e00c}").await;
    browser.get("document.querySelector('#scenario').value = DEFAULT_SCENARIO").await;
}

/// A message that nobody could handle goes back to its queue, and is handled.
async fn dead_letters_are_delivered_again(browser: &Browser, stack: &Stack) {
    let dead_letters = &stack.local_aws.outputs().tracking_dlq_url;
    let test_event = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b" }).to_string();
    let handled = "all('invocation').filter(it => it.function === 'SizeTracking').length";
    let before = browser.get(handled).await;
    stack.send(dead_letters, &json!({ "Type": "Notification", "Message": test_event }).to_string()).await;
    browser.until(20, "document.querySelector('#redrive').textContent === 'Redrive 1 dead letter'").await;
    browser.press("n").await;
    browser.until(5, "document.querySelector('.tracks .dead')").await;
    browser.click("#redrive").await;
    browser.until(20, &format!("document.querySelector('#redrive').hidden && {handled} > {before}")).await;
    assert_eq!(stack.messages(dead_letters).await, 0);
}

/// The graph and the bars are those of the audit as long as it goes on, and later for whoever picks it.
async fn an_audit_is_shown_while_it_goes_on(browser: &Browser, stack: &Stack, watch: &Watch) {
    let drawn = "document.querySelector('.node[data-name=CompareObjects]')?.getAttribute('class').split(' ').at(-1)";
    browser.get("(() => { window.sentences = new Set(); const shown = drawNow; drawNow = T => { shown(T); window.sentences.add(at.sentence.textContent); }; return 1; })()").await;
    // The page looks for executions every few seconds only, and the audit of so small a bucket takes less.
    let audit = stack.start_audit(json!({})).await;
    watch.follow(&audit);
    assert!(matches!(stack.end_of(&audit).await, Ending::Succeeded(_)));
    browser.until(20, "document.querySelector('.story').textContent.includes('The audit succeeded: the ledger has every object as it is in the bucket.')").await;
    browser.until(5, "[...window.sentences].some(it => it.startsWith('The audit '))").await;
    // The run again, until somebody wants to see the audit.
    browser.until(5, "document.querySelector('.node[data-name=WaitForDeletion]')").await;
    let audit = browser.text("all('run').find(it => it.machine === 'audit').id").await;
    browser.fill(".tracks select", &audit).await;
    browser.until(5, &format!("{drawn} === 'done'")).await;
    browser.until(5, "document.querySelector('.sentence').textContent.startsWith('The audit succeeded')").await;
    let bars = "[...document.querySelectorAll('.tracks .fill-done title')].map(it => it.textContent)";
    let bars = browser.get(bars).await;
    assert!(bars.as_array().expect("bars").contains(&json!("CompareObjects")), "{bars}");
    browser.picture(&pictures().await.join("audit.webp")).await;
    let run = browser.text("all('run').find(it => it.machine === 'driver').id").await;
    browser.fill(".tracks select", &run).await;
    browser.until(5, "document.querySelector('.node[data-name=WaitForDeletion].done')").await;
}

/// The default run, then one that fails, on one page.
#[tokio::test]
async fn the_page_shows_runs_while_they_go_on() {
    let _alone = ALONE.lock().await;
    let stack = stage().await;
    let (watch, server) = share::serve(&stack).await;
    let browser = Browser::start(1440, 1000).await;
    browser.open(&server.url()).await;
    browser.until(10, "document.querySelector('.live').textContent === 'live'").await;
    forms_say_what_is_wrong(&browser).await;

    let execution = start_on_the_page(&browser, &stack).await;
    let share = Share::begin();
    // How long after the ledger has an event the screen shows it.
    browser.get("(() => { window.lags = []; const shown = put; put = records => { shown(records); for (const it of records) if (it.kind === 'event') requestAnimationFrame(() => requestAnimationFrame(() => window.lags.push(Date.now() - it.until))); }; return 1; })()").await;
    for (words, why) in [
        (
            "the cleaner to make room",
            "the total of 46 B has reached the threshold of 20 B, and the alarm's period ends in",
        ),
        ("until the alarm is OK again", "The alarm has been in ALARM since"),
    ] {
        browser.until(40, &format!("document.querySelector('.sentence').textContent.includes({}) && document.querySelector('.why').textContent.includes({})", json!(words), json!(why))).await;
        let (_, going_on) = graph(&browser).await;
        assert!(going_on.contains(&"RunCycles".to_owned()), "{going_on:?}");
        browser
            .picture(&pictures().await.join(format!("live-{}.webp", words.split(' ').nth(1).expect("a word"))))
            .await;
    }
    let report = stack.end_of(&execution).await.report().unwrap_or_else(|error| panic!("{error}"));
    let busy = share.percent();
    println!("recording and serving the run took {busy:.1} percent of a core");
    assert!(busy > 0.0 && busy <= BUSIEST, "{busy} percent");
    shows(&browser, &report).await;
    every_kind_of_thing_can_be_looked_at(&browser).await;
    let lags: Vec<i64> = serde_json::from_value(browser.get("window.lags").await).expect("numbers");
    println!("from the ledger's commit to the screen, in milliseconds: {lags:?}");
    assert!(lags.iter().filter(|&&lag| lag > 1_000).count() <= 1, "{lags:?}");

    // One object's way.
    browser.fill(".tools input[list]", "assignment2.txt").await;
    browser.until(5, "document.querySelector('.tracks').textContent.includes('chosen')").await;
    browser.press("f").await;
    browser.picture(&pictures().await.join("followed.webp")).await;
    browser.fill(".tools input[list]", "").await;

    dead_letters_are_delivered_again(&browser, &stack).await;
    an_audit_is_shown_while_it_goes_on(&browser, &stack, &watch).await;

    // A name is a name.
    browser.click("#upload").await;
    browser.fill("#object-name", NAME).await;
    browser.fill("#object-size", "7").await;
    browser.click("dialog[open] button.main").await;
    browser
        .until(
            10,
            &format!(
                "[...document.querySelectorAll('.story b, .story .name')].some(it => it.textContent === {})",
                json!(NAME)
            ),
        )
        .await;
    assert_eq!(browser.get("document.images.length").await, 0);

    // A bucket with a foreign object: the run fails, and says so.
    let execution = start_on_the_page(&browser, &stack).await;
    let failure = stack.end_of(&execution).await.report().unwrap_err().to_string();
    assert!(failure.contains("BucketNotEmpty"), "{failure}");
    browser
        .until(10, "document.querySelector('.sentence.failed')?.textContent === 'The run failed: BucketNotEmpty.'")
        .await;
    browser.until(10, "document.querySelector('.why').textContent.includes('<img src=x')").await;
    browser.until(5, "document.querySelector('.node[data-name=FailRun].failed')").await;
    browser.until(5, "document.querySelector('.node[data-name=PrepareRun].caught')").await;
    browser.picture(&pictures().await.join("failed.webp")).await;
    let recording = watch.settle().await;
    fs::write(pictures().await.join("failed.html"), document::recorded(&recording)).expect("the page can be written");

    // Each of the driver's functions has its name.
    let functions = browser
        .get("[...new Set(all('invocation').filter(it => it.group === 'Driver').map(it => it.function))].sort()")
        .await;
    let driver =
        ["AlignWindow", "CallPlotApi", "CheckRun", "PrepareRun", "Upload", "WaitForAlarmOk", "WaitForDeletion"];
    assert_eq!(functions, json!(driver));

    // Somebody deletes it again.
    browser.click(".delete").await;
    browser.until(5, "document.querySelector('dialog[open]').textContent.includes('<img src=x')").await;
    browser.click("dialog[open] button.main").await;
    browser.until(15, &format!("ledgerAt(Date.now()).some(it => it.name === {} && !it.live)", json!(NAME))).await;
    // chromium logs each answer that is not a success; forms get some.
    let complaints: Vec<_> = browser.complaints().await.into_iter().filter(|it| !it.contains("422")).collect();
    assert_eq!(complaints, Vec::<String>::new());
    browser.close().await;
    stack.local_aws.shutdown().await;
}

/// What `cargo stack run` leaves on AWS: all of it is asked for when the run is over.
#[tokio::test]
async fn a_file_replays_the_run_without_a_network() {
    let stack = stage().await;
    let (config, name) = (stack.local_aws.sdk_config(), stack.local_aws.stack_name());
    let (watch, _) = recording::begin(config, name, "a local AWS").await.expect("the stack can be watched");
    let execution = stack.start(json!({})).await;
    watch.follow(&execution);
    let report = stack.end_of(&execution).await.report().unwrap_or_else(|error| panic!("{error}"));
    eventually("logging has logged the last event", async || {
        let seen = serde_json::to_value(watch.settle().await).expect("JSON");
        let logged = |it: &&Value| it["kind"] == "invocation" && it["function"] == "Logging";
        seen["records"].as_array().expect("records").iter().filter(logged).count() >= 5
    })
    .await;
    let recording = watch.settle().await;

    let _alone = ALONE.lock().await;
    looks::keep(&recording);
    let page = document::recorded(&recording);
    let file = pictures().await.join("run.html");
    fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
    fs::write(&file, &page).expect("the page can be written");
    let packed = gzipped(page.as_bytes());
    println!("the page over the default run: {} bytes, {packed} gzipped", page.len());
    assert!(packed <= LARGEST, "{packed} bytes");

    let browser = Browser::start(1440, 1000).await;
    let offline = json!({ "offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0 });
    browser.chromium("Network.enable", json!({})).await;
    browser.chromium("Network.emulateNetworkConditions", offline).await;
    let url = format!("file://{}", file.display());
    browser.open(&url).await;
    shows(&browser, &report).await;
    every_kind_of_thing_can_be_looked_at(&browser).await;
    for (scheme, width, height) in
        [("light", 1280, 800), ("dark", 1280, 800), ("light", 2560, 1400), ("dark", 1024, 768), ("light", 400, 800)]
    {
        browser.prefer(scheme).await;
        browser.resize(width, height).await;
        browser.press("f").await;
        let fits = "document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(browser.get(fits).await, true, "the page is wider than {width} pixels");
        browser.picture(&pictures().await.join(format!("{scheme}-{width}.webp"))).await;
    }

    // In the middle of the first cycle the total is what it was, and the run goes on.
    let middle = report.cycles[0].deleted[0].deleted_at.as_millisecond() - 1_500;
    browser.prefer("light").await;
    browser.resize(1280, 800).await;
    browser.get(&format!("(() => {{ const [from, to] = bounds(); slider.value = ({middle} - from) / (to - from) * 1000; slider.dispatchEvent(new Event('input')); return 1; }})()")).await;
    browser.until(5, "document.querySelector('.sentence').textContent === 'Cycle 1 of 2: the run waits for the cleaner to make room.'").await;
    browser.until(5, "document.querySelector('.why').textContent.startsWith('assignment2.txt is not deleted yet: the total of 46 B has reached the threshold of 20 B')").await;
    assert_eq!(browser.get("document.querySelectorAll('.gone-mark').length").await, 0);
    let (_, going_on) = graph(&browser).await;
    assert!(going_on.contains(&"RunCycles".to_owned()), "{going_on:?}");
    browser.picture(&pictures().await.join("replayed.webp")).await;
    browser.get("play()").await;
    browser.until(30, "document.querySelector('.sentence').textContent.startsWith('The run succeeded')").await;

    // On AWS all of it is read when the run is over.
    let (_, found) = recording::begin(config, name, "AWS").await.expect("a stack");
    let mut afterwards = Recorder::of_run(found, &execution).await.expect("the run can be read");
    let page = document::recorded(&afterwards.recording().await.expect("the run can be read"));
    fs::write(&file, &page).expect("the page can be written");
    browser.open(&url).await;
    browser.until(5, "document.querySelector('.sentence').textContent.startsWith('The run succeeded')").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
    stack.local_aws.shutdown().await;
}

fn gzipped(bytes: &[u8]) -> usize {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).expect("it can be packed");
    packed.finish().expect("it can be packed").len()
}
