//! Log events, read as lines and as invocations.

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use serde_json::Value;
use spillway_contracts::schema::{ParseError, contracts};

use crate::record::{Invocation, Line, Millis, Record};

/// For how long a log group's newest lines are asked for again: functions write side by side.
const OVERLAP: Millis = 3_000;
/// What a line may be; the first one that fits. Every line is at least the last.
const CONTRACTS: [&str; 4] = ["total-size-line", "object-event-line", "cleaner-decision-line", "log-line"];

type Parse = fn(&str) -> Result<(), ParseError>;

/// One log group, read again and again.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    group: String,
    newest: Millis,
    contracts: Vec<(&'static str, Parse)>,
    told: u64,
    /// The lines of the moments that are asked for again, with their times.
    seen: BTreeMap<String, Millis>,
}

impl Tail {
    pub(crate) fn of(group: &str, since: Millis) -> Self {
        let contracts = contracts().into_iter().filter(|it| CONTRACTS.contains(&it.name));
        let mut contracts: Vec<_> = contracts.map(|it| (it.name, it.parse)).collect();
        contracts.sort_by_key(|(name, _)| CONTRACTS.iter().position(|it| it == name));
        Self { group: group.to_owned(), newest: since, contracts, told: 0, seen: BTreeMap::new() }
    }

    /// From when on lines have to be asked for.
    pub(crate) fn from(&self) -> Millis {
        self.newest - if self.seen.is_empty() { 0 } else { OVERLAP }
    }

    /// What is new in `events`. `functions` are the names in the template by the functions' own.
    pub(crate) fn read(&mut self, events: &[FilteredLogEvent], functions: &BTreeMap<String, String>) -> Vec<Record> {
        let mut records = Vec::new();
        for event in events {
            let (at, text) = (event.timestamp().unwrap_or_default(), event.message().unwrap_or_default());
            let stream = event.log_stream_name().unwrap_or_default();
            let id = format!("{stream}/{at}/{text}");
            self.newest = self.newest.max(at);
            if self.seen.insert(id, at).is_none() {
                self.told += 1;
                let function = writer(stream).and_then(|name| functions.get(name)).unwrap_or(&self.group);
                records.extend(self.record(function.clone(), at, text.trim_end()));
            }
        }
        let from = self.from();
        self.seen.retain(|_, at| *at >= from);
        records
    }

    fn record(&self, function: String, at: Millis, text: &str) -> Option<Record> {
        let line = |contract: &str, request_id: Option<&str>, document: Value| {
            Record::Line(Line {
                id: self.id(at),
                function: function.clone(),
                group: self.group.clone(),
                at,
                request_id: request_id.map(str::to_owned),
                contract: contract.to_owned(),
                document,
            })
        };
        let invocation = |(id, duration, failed): Report| {
            let (function, group) = (function.clone(), self.group.clone());
            Record::Invocation(Invocation {
                id,
                function,
                group,
                at: at - duration.round() as Millis,
                until: at,
                failed,
            })
        };
        let Ok(document) = serde_json::from_str::<Value>(text) else {
            // START and END say nothing that the report doesn't.
            let is_frame = text.starts_with("START RequestId:") || text.starts_with("END RequestId:");
            let told = || (!is_frame).then(|| line("text", None, Value::String(text.to_owned())));
            return report_in_words(text).map(invocation).or_else(told);
        };
        match document["type"].as_str() {
            Some("platform.report") => return report_in_json(&document).map(invocation),
            Some(kind) if kind.starts_with("platform.") => return None,
            _ => {}
        }
        let contract = self.contracts.iter().find(|(_, parse)| parse(text).is_ok()).map_or("text", |(name, _)| name);
        let request_id = document["request_id"].as_str().or(document["span"]["request_id"].as_str()).map(str::to_owned);
        Some(line(contract, request_id.as_deref(), document))
    }

    fn id(&self, at: Millis) -> String {
        format!("{}/{at}/{}", self.group, self.told)
    }
}

/// What Lambda says of an invocation: its id, how long it took, and whether it failed.
type Report = (String, f64, bool);

/// The function that writes to a stream. Where several share a log group, Lambda puts the name in front of the version:
/// `2026/11/23/name[$LATEST]0123…`.
fn writer(stream: &str) -> Option<&str> {
    let (name, _) = stream.rsplit('/').next()?.split_once('[')?;
    Some(name).filter(|name| !name.is_empty())
}

/// As Lambda has it with the log format `Text`, and MiniStack always.
fn report_in_words(text: &str) -> Option<Report> {
    let text = text.strip_prefix("REPORT RequestId: ")?;
    let mut fields = text.split('\t');
    let id = fields.next()?.trim().to_owned();
    let fields: Vec<_> = fields.filter_map(|field| field.split_once(": ")).collect();
    let value = |name: &str| fields.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
    let failed = value("Status").is_some_and(|status| status != "success");
    Some((id, value("Duration")?.strip_suffix(" ms")?.parse().ok()?, failed))
}

/// As Lambda has it with the log format `JSON`.
fn report_in_json(document: &Value) -> Option<Report> {
    let record = &document["record"];
    let failed = record["status"].as_str().is_some_and(|status| status != "success");
    Some((record["requestId"].as_str()?.to_owned(), record["metrics"]["durationMs"].as_f64()?, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: Millis, text: &str) -> FilteredLogEvent {
        let stream = "2026/11/23/[$LATEST]0123";
        FilteredLogEvent::builder().log_stream_name(stream).timestamp(at).message(text).build()
    }

    fn functions() -> BTreeMap<String, String> {
        BTreeMap::from([("spillway-UploadFunction-1A2B".to_owned(), "Upload".to_owned())])
    }

    #[test]
    fn of_functions_that_share_a_log_group_the_stream_says_which_one_wrote() {
        let report = "REPORT RequestId: a\tDuration: 9 ms";
        let written = |stream: &str| {
            let event = FilteredLogEvent::builder().log_stream_name(stream).timestamp(10).message(report).build();
            match &Tail::of("Driver", 0).read(&[event], &functions())[..] {
                [Record::Invocation(it)] => (it.function.clone(), it.group.clone()),
                other => panic!("{other:?}"),
            }
        };
        let (upload, driver) = ("Upload".to_owned(), "Driver".to_owned());
        assert_eq!(written("2026/11/23/spillway-UploadFunction-1A2B[$LATEST]0123"), (upload, driver.clone()));
        assert_eq!(written("2026/11/23/spillway-Another-1A2B[$LATEST]0123"), (driver.clone(), driver.clone()));
        assert_eq!(written("2026/11/23/[$LATEST]0123"), (driver.clone(), driver));
    }

    #[test]
    fn a_report_is_an_invocation_in_both_formats_and_what_frames_it_is_nothing() {
        let mut tail = Tail::of("Cleaner", 0);
        let events = [
            event(10_000, "START RequestId: a Version: $LATEST"),
            event(10_000, "END RequestId: a"),
            event(10_000, "REPORT RequestId: a\tDuration: 286 ms\tBilled Duration: 286 ms\tMemory Size: 256 MB"),
            event(11_000, r#"{"type":"platform.start","record":{"requestId":"b"}}"#),
            event(
                11_000,
                r#"{"type":"platform.report","record":{"requestId":"b","status":"error","metrics":{"durationMs":99.6}}}"#,
            ),
        ];
        let cleaner = || "Cleaner".to_owned();
        let invocation = |id: &str, at, until, failed| {
            let id = id.to_owned();
            Record::Invocation(Invocation { id, function: cleaner(), group: cleaner(), at, until, failed })
        };
        assert_eq!(
            tail.read(&events, &functions()),
            [invocation("a", 9_714, 10_000, false), invocation("b", 10_900, 11_000, true)]
        );
    }

    #[test]
    fn a_line_has_the_contract_that_fits_and_is_told_once() {
        let mut tail = Tail::of("SizeTracking", 0);
        let total = include_str!("../../../contracts/examples/total-size-line/ok-created.json");
        let task = include_str!("../../../contracts/examples/log-line/ok-task.json");
        let events = [event(5_000, total), event(5_000, task), event(5_001, "a panic, say")];
        let told = tail.read(&events, &functions());
        let told: Vec<_> = told.into_iter().map(|it| if let Record::Line(it) = it { it } else { panic!() }).collect();
        let seen: Vec<_> = told.iter().map(|it| (it.contract.as_str(), it.request_id.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("total-size-line", Some("8f507cfc-1f0c-4f4e-9d5a-7c2f3f1b6a10")),
                ("log-line", Some("cd726b63-6a77-4ed6-98c2-dcb38cec33e4")),
                ("text", None),
            ]
        );
        assert_eq!(tail.from(), 5_001 - OVERLAP);
        assert_eq!(tail.read(&events, &functions()), []);
        assert_eq!(tail.read(&[event(4_000, "late"), event(5_001, "a panic, say")], &functions()).len(), 1);
    }
}
