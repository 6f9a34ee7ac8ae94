//! How the page looks: a recorded run at one moment, in windows of some sizes, light and dark, beside stored pictures.
//!
//! If the page is meant to look different, `UPDATE_PICTURES=1 cargo test --workspace --test page looks` stores new pictures; if
//! something else is to be recorded, `UPDATE_RECORDING=1 cargo test --workspace --test page replays` stores a new run before.

use std::env::var_os;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use spillway_page::{Record, Recording, document};
use spillway_tests::repository;

use super::browser::Browser;
use super::{ALONE, pictures};

/// A picture: where it is stored, the colours, the window, and how long after the run's start the moment is, in milliseconds.
const LOOKS: [(&str, &str, [u32; 2], Option<i64>); 4] = [
    // The one that the documents show.
    ("infra/local/page.webp", "light", [1280, 800], Some(25_300)),
    ("tests/page/pictures/waiting-dark.webp", "dark", [1280, 800], Some(25_300)),
    ("tests/page/pictures/over-dark.webp", "dark", [1024, 768], None),
    ("tests/page/pictures/over-phone.webp", "light", [400, 800], None),
];
/// How many of a thousand pixels may be different: another version of the browser draws the edges of letters otherwise.
const TOLERANCE: f64 = 0.5;

fn stored() -> PathBuf {
    repository().join("tests/page/recording.json")
}

/// Stores a recording, if it is wanted: what the pictures show of it.
pub fn keep(recording: &Recording) {
    if var_os("UPDATE_RECORDING").is_none() {
        return;
    }
    let mut kept = serde_json::to_value(recording).expect("JSON");
    kept["vocabulary"] = json!({});
    kept["machines"].as_array_mut().expect("machines").truncate(1);
    let records = kept["records"].take();
    let records = records.as_array().expect("records").iter().filter_map(shown).collect::<Vec<_>>();
    // One on each line.
    let records: Vec<_> = records.iter().map(Value::to_string).collect();
    kept["records"] = json!("RECORDS");
    let text = kept.to_string().replace("\"RECORDS\"", &format!("[\n{}\n]", records.join(",\n")));
    let run = recording.records.iter().find(|it| matches!(it, Record::Run(_))).expect("a run").id();
    fs::write(stored(), text.replace(run, "0123abcd") + "\n").expect("the recording can be written");
}

/// What can be seen of a record without a click; nothing of some.
fn shown(record: &Value) -> Option<Value> {
    let mut record = record.clone();
    match record["kind"].as_str()? {
        "state" => {
            let state = record.as_object_mut()?;
            state.retain(|name, _| !["input", "output", "cause"].contains(&name.as_str()));
            for attempt in state.get_mut("attempts").and_then(Value::as_array_mut).into_iter().flatten() {
                let told = ["plan", "opens_at"].iter().any(|it| !attempt["output"]["Payload"][it].is_null());
                attempt.as_object_mut()?.retain(|name, _| name != "input" && (name != "output" || told));
            }
        }
        "line" => {
            let document = &record["document"];
            let tells = ["total_size", "chosen", "object_name"].iter().any(|it| !document[it].is_null());
            if !tells || record["contract"] == "object-event-line" {
                return None;
            }
        }
        _ => {}
    }
    Some(record)
}

/// Where the page over the stored recording is.
async fn recorded() -> String {
    let recording = fs::read_to_string(stored()).expect("there is a recording");
    let recording: Recording = serde_json::from_str(&recording).expect("the recording is as recordings are");
    let file = pictures().await.join("looks.html");
    fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
    fs::write(&file, document::recorded(&recording)).expect("the page can be written");
    format!("file://{}", file.display())
}

/// Some take less than a millisecond, and what follows on them then began at the same moment.
#[tokio::test]
async fn states_of_one_moment_are_in_the_order_in_which_they_were_entered() {
    let _alone = ALONE.lock().await;
    let browser = Browser::start(1280, 800).await;
    browser.open(&recorded().await).await;
    let states = ["98", "100", "9"].map(|id| json!({ "kind": "state", "id": format!("r/{id}"), "run": "r", "at": 5 }));
    browser.get(&format!("(() => {{ put({}); return 1; }})()", json!(states))).await;
    let order = browser.get("statesOf('r').map(it => it.id)").await;
    assert_eq!(order, json!(["r/9", "r/98", "r/100"]));
    browser.close().await;
}

#[tokio::test]
async fn the_page_looks_as_it_did() {
    let _alone = ALONE.lock().await;
    let page = recorded().await;
    let browser = Browser::start(1280, 800).await;
    let mut seen = Vec::new();
    for (stored, scheme, [width, height], moment) in LOOKS {
        browser.open(&page).await;
        browser.prefer(scheme).await;
        browser.resize(width, height).await;
        browser.get("document.fonts.ready.then(() => 1)").await;
        if let Some(moment) = moment {
            browser.get(&format!("(() => {{ const [from, to] = bounds(); slider.value = (runAt(Infinity).at + {moment} - from) / (to - from) * 1000; slider.dispatchEvent(new Event('input')); return 1; }})()")).await;
        }
        browser.press("f").await;
        browser.get("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))").await;
        let name = stored.rsplit('/').next().expect("a name");
        seen.push((stored, fs::read(browser.picture(&pictures().await.join(name)).await).expect("a picture")));
    }
    browser.open("data:text/html,<title>pictures</title>").await;
    let mut different = Vec::new();
    for (stored, picture) in &seen {
        let path = repository().join(stored);
        if var_os("UPDATE_PICTURES").is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
            fs::write(&path, picture).expect("the picture can be stored");
        }
        let share = browser.difference([&fs::read(&path).expect("a stored picture"), picture]).await;
        println!("{stored}: {share:.3} of a thousand pixels differ; {} bytes", picture.len());
        if share > TOLERANCE {
            different.push((stored, share));
        }
    }
    // Light and dark are different enough for this to see it.
    assert!(browser.difference([&seen[0].1, &seen[1].1]).await > 100.0 * TOLERANCE);
    assert!(
        different.is_empty(),
        "{different:?} look different now; see target/page. If that is meant: UPDATE_PICTURES=1"
    );
    browser.close().await;
}
