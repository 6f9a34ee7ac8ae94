//! Asks a stack what is new.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_cloudwatch::types::MetricAlarm;
use jiff::Timestamp;
use serde_json::Value;
use spillway_aws::CallError;
use spillway_contracts::partition::record_number;
use spillway_contracts::schema::VERSION;
use tokio::try_join;

use crate::graph::{self, Extent};
use crate::history::{History, document, millis};
use crate::ledger;
use crate::logs::Tail;
use crate::record::{About, Alarm, Machine, Millis, Queue, Record, Recording, Run};
use crate::stack::{LOG_GROUPS, QUEUES, Stack};
use crate::vocabulary::vocabulary;

/// Every how many looks things are asked for that change seldom: executions that others start, dead letters, other logs.
const SELDOM: u64 = 4;
/// For how long the records of a cleaning may still change.
const CLEANING: Millis = 15 * 60_000;
/// For how long after something has happened more is expected to.
const LIVELY: Millis = 10_000;

/// Asks again and again, and tells what is new.
#[derive(Debug)]
pub struct Recorder {
    stack: Stack,
    since: Millis,
    looks: u64,
    runs: BTreeMap<String, Followed>,
    versions: Option<[u64; 2]>,
    last_event: String,
    tails: Vec<(&'static str, Tail)>,
    queues: HashMap<String, Queue>,
    alarm: Option<(String, Option<i64>)>,
    /// What was told of things that are asked for more than once, so that only changes are told.
    told: HashMap<String, Record>,
    lively_until: Millis,
}

/// An execution.
#[derive(Debug)]
struct Followed {
    machine: &'static str,
    run: Option<Run>,
    history: History,
}

/// What one look asks for besides runs.
struct Seen {
    versions: [u64; 2],
    alarm: Option<MetricAlarm>,
    queues: Vec<Queue>,
    records: Vec<Record>,
}

impl Recorder {
    /// Of what happens in `stack` from `since` on.
    pub fn new(stack: Stack, since: Timestamp) -> Self {
        let since = since.as_millisecond();
        Self {
            tails: LOG_GROUPS.map(|(function, group)| (group, Tail::of(function, since))).to_vec(),
            last_event: key(since),
            stack,
            since,
            looks: 0,
            runs: BTreeMap::new(),
            versions: None,
            queues: HashMap::new(),
            alarm: None,
            told: HashMap::new(),
            lively_until: 0,
        }
    }

    /// Of an execution that has begun, or is over.
    pub async fn of_run(stack: Stack, execution_arn: &str) -> Result<Self, CallError> {
        let started = millis(&stack.execution(execution_arn).await?.start_date);
        let mut recorder = Self::new(stack, Timestamp::from_millisecond(started).unwrap_or_default());
        recorder.follow(execution_arn);
        Ok(recorder)
    }

    /// The stack.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// All that there is, asked for once.
    pub async fn recording(&mut self) -> Result<Recording, CallError> {
        let beginning = self.beginning().await?;
        let mut records = self.look_at_all().await?;
        // Queues keep no history; CloudWatch does.
        records.extend(self.stack.depths(self.since, beginning.taken_at).await?.into_iter().map(Record::Queue));
        Ok(Recording { records, ..beginning })
    }

    /// Follows an execution from the next look on, whenever it started. Others that start are found after a while.
    pub fn follow(&mut self, arn: &str) {
        let name = arn.rsplit(':').next().unwrap_or_default();
        let machine = self.stack.machine_of(arn);
        // The iterations of a Map of the audit go on side by side.
        let history = || if machine == "audit" { History::without_iterations(name) } else { History::of(name) };
        let followed = || Followed { machine, run: None, history: history() };
        self.runs.entry(arn.to_owned()).or_insert_with(followed);
    }

    /// Whether a run goes on, or something has just happened.
    pub fn is_lively(&self) -> bool {
        let goes_on = |it: &Followed| it.run.as_ref().is_none_or(|run| run.until.is_none());
        self.runs.values().any(goes_on) || Timestamp::now().as_millisecond() < self.lively_until
    }

    /// What the page shows before anything has happened.
    pub async fn beginning(&self) -> Result<Recording, CallError> {
        let alarm = self.stack.alarm().await?;
        let vocabulary = vocabulary();
        let mut machines = Vec::new();
        for (id, arn) in self.stack.machines() {
            let definition = self.stack.definition(arn).await?;
            let draw = |extent| graph::draw(&definition, extent, &vocabulary);
            let (graph, story) = (draw(Extent::Whole), draw(Extent::WithoutErrors));
            machines.push(Machine { id: id.to_owned(), graph, story });
        }
        let alarm = alarm.unwrap_or_else(|| MetricAlarm::builder().build());
        Ok(Recording {
            version: VERSION,
            taken_at: Timestamp::now().as_millisecond(),
            stack: About {
                name: self.stack.name.clone(),
                place: self.stack.place.clone(),
                bucket_name: self.stack.bucket().to_owned(),
                alarm_name: alarm.alarm_name().unwrap_or_default().to_owned(),
                threshold_bytes: alarm.threshold().unwrap_or_default() as u64,
                period_seconds: alarm.period().and_then(|it| it.try_into().ok()).unwrap_or(60),
            },
            machines,
            vocabulary,
            records: Vec::new(),
        })
    }

    /// What is new since the last look.
    pub async fn look(&mut self) -> Result<Vec<Record>, CallError> {
        let is_seldom = self.looks.is_multiple_of(SELDOM);
        let mut records = self.look_at(is_seldom).await?;
        self.looks += 1;
        records.retain(|record| self.is_news(record));
        if records.iter().any(|record| !matches!(record, Record::Queue(_))) {
            self.lively_until = Timestamp::now().as_millisecond() + LIVELY;
        }
        Ok(records)
    }

    /// Everything that is new since the last look, also what is asked for seldom.
    pub async fn look_at_all(&mut self) -> Result<Vec<Record>, CallError> {
        self.looks = 0;
        self.look().await
    }

    async fn look_at(&mut self, is_seldom: bool) -> Result<Vec<Record>, CallError> {
        if is_seldom {
            let mut executions = Vec::new();
            for (_, machine) in self.stack.machines() {
                executions.extend(self.stack.executions(machine).await?);
            }
            for execution in executions {
                let started = millis(&execution.start_date);
                if started >= self.since || execution.status.as_str() == "RUNNING" {
                    self.follow(&execution.execution_arn);
                }
            }
        }
        let Seen { versions, alarm, queues, mut records } = self.ask(is_seldom).await?;
        for queue in queues {
            let same =
                |it: &Queue| (it.waiting, it.delayed, it.in_flight) == (queue.waiting, queue.delayed, queue.in_flight);
            if !self.queues.get(&queue.queue).is_some_and(same) {
                records.push(Record::Queue(queue.clone()));
            }
            self.queues.insert(queue.queue.clone(), queue);
        }
        if self.versions != Some(versions) {
            let [recorded, cleaner] = versions;
            records.extend(self.ledger(recorded).await?);
            // What was not there yet is asked for again.
            self.versions = Some([record_number(&self.last_event).unwrap_or(recorded), cleaner]);
        }
        records.extend(self.alarm(alarm).await?);
        Ok(records)
    }

    /// Asks for what can be asked for at once.
    async fn ask(&mut self, is_seldom: bool) -> Result<Seen, CallError> {
        let Self { stack, runs, tails, .. } = self;
        let stack = &*stack;
        let runs = async {
            let mut records = Vec::new();
            for (arn, followed) in runs.iter_mut() {
                records.extend(followed.look(stack, arn, is_seldom).await?);
            }
            Ok::<_, CallError>(records)
        };
        // What the ledger and the cleaner write is waited for; the rest is asked for by turns.
        let tails = async {
            let mut records = Vec::new();
            for (group, tail) in tails.iter_mut().take(if is_seldom { LOG_GROUPS.len() } else { 3 }) {
                records.extend(tail.read(&stack.lines(group, tail.from()).await?, stack.functions()));
            }
            Ok::<_, CallError>(records)
        };
        let queues = async {
            let mut queues = Vec::new();
            for &queue in QUEUES.iter().take(if is_seldom { QUEUES.len() } else { 2 }) {
                queues.push(stack.queue(queue).await?);
            }
            Ok::<_, CallError>(queues)
        };
        let (mut records, lines, queues, versions, alarm) =
            try_join!(runs, tails, queues, stack.versions(), stack.alarm())?;
        records.extend(lines);
        Ok(Seen { versions, alarm, queues, records })
    }

    /// New events, the rows that they changed, and cleanings. Of events, `recorded` had been recorded before: the history is in
    /// several partitions, and of what came later one may have been read before an event, and another one after the next.
    async fn ledger(&mut self, recorded: u64) -> Result<Vec<Record>, CallError> {
        let recent = key(self.since.max(Timestamp::now().as_millisecond() - CLEANING));
        let (events, cleanings) = try_join!(self.stack.history(&self.last_event), self.stack.cleanings(&recent))?;
        let mut records: Vec<_> = events.into_iter().filter_map(ledger::event).collect();
        records.retain(|it| record_number(it.id()).is_none_or(|number| number <= recorded));
        let events = records.iter().filter_map(|it| if let Record::Event(it) = it { Some(&it.document) } else { None });
        let events: Vec<_> = events.collect();
        if let Some(last) = events.last() {
            self.last_event = last.event_key.clone();
        }
        let names: Vec<_> = events.iter().map(|event| &event.object_name).collect();
        let mut rows = self.stack.rows(&names).await?;
        if self.versions.is_none() {
            rows.extend(self.stack.items(self.stack.largest().await?).await?);
        }
        records.extend(rows.into_iter().filter_map(ledger::row));
        records.extend(cleanings.into_iter().filter_map(ledger::cleaning));
        Ok(records)
    }

    /// The states that the alarm has entered.
    async fn alarm(&mut self, alarm: Option<MetricAlarm>) -> Result<Vec<Record>, CallError> {
        let Some(alarm) = alarm else { return Ok(Vec::new()) };
        let state = alarm.state_value().map(|state| state.as_str().to_owned()).unwrap_or_default();
        let updated = alarm.state_updated_timestamp().map(millis);
        let now = Some((state.clone(), updated));
        if self.alarm == now {
            return Ok(Vec::new());
        }
        let history = self.stack.alarm_history(self.since).await?;
        // What it was in when the recording began.
        let first = self.alarm.is_none().then(|| match history.first() {
            None => {
                let (at, reason) = (updated.unwrap_or(self.since).min(self.since), alarm.state_reason());
                Some(Alarm { id: "now".to_owned(), at, state, reason: reason.unwrap_or_default().to_owned() })
            }
            Some(change) => {
                left(change).map(|state| Alarm { id: "now".to_owned(), at: self.since, state, reason: String::new() })
            }
        });
        self.alarm = now;
        let entered = history.iter().filter_map(entered);
        Ok(first.flatten().into_iter().chain(entered).map(Record::Alarm).collect())
    }

    /// Whether this was not told yet, or has changed.
    fn is_news(&mut self, record: &Record) -> bool {
        let kind = match record {
            Record::Cleaning(_) => "cleaning",
            Record::Row(_) => "row",
            Record::Alarm(_) => "alarm",
            // These are asked for once.
            _ => return true,
        };
        let key = format!("{kind}/{}", record.id());
        self.told.insert(key, record.clone()).as_ref() != Some(record)
    }
}

impl Followed {
    async fn look(&mut self, stack: &Stack, arn: &str, is_seldom: bool) -> Result<Vec<Record>, CallError> {
        if self.run.as_ref().is_some_and(|run| run.until.is_some()) {
            return Ok(Vec::new());
        }
        let mut events = stack.events(arn, self.history.newest()).await?;
        // An execution that ends has one more event, even if that should be seen before the end itself.
        if events.is_empty() && self.run.is_some() && !is_seldom {
            return Ok(Vec::new());
        }
        let execution = stack.execution(arn).await?;
        if execution.stop_date().is_some() {
            // What is new since the history was read, for it is not read again.
            events = stack.events(arn, self.history.newest()).await?;
        }
        let states = if events.is_empty() { Vec::new() } else { self.history.read(&events) };
        let run = Run {
            id: execution.name.clone().unwrap_or_default(),
            machine: self.machine.to_owned(),
            at: millis(&execution.start_date),
            until: execution.stop_date().map(millis),
            status: execution.status.as_str().to_owned(),
            input: document(execution.input()),
            output: document(execution.output()),
            error: execution.error.clone(),
            cause: execution.cause.clone(),
        };
        let is_news = self.run.as_ref() != Some(&run);
        self.run = Some(run.clone());
        Ok(is_news.then_some(Record::Run(run)).into_iter().chain(states).collect())
    }
}

/// A change of state, from the alarm's history.
fn entered(item: &aws_sdk_cloudwatch::types::AlarmHistoryItem) -> Option<Alarm> {
    let at = millis(item.timestamp()?);
    let data: Value = serde_json::from_str(item.history_data()?).ok()?;
    let state = data["newState"]["stateValue"].as_str()?.to_owned();
    let reason = data["newState"]["stateReason"].as_str().unwrap_or_default().to_owned();
    Some(Alarm { id: format!("{at}/{state}"), at, state, reason })
}

/// The state before such a change.
fn left(item: &aws_sdk_cloudwatch::types::AlarmHistoryItem) -> Option<String> {
    let data: Value = serde_json::from_str(item.history_data()?).ok()?;
    Some(data["oldState"]["stateValue"].as_str()?.to_owned())
}

/// Keys of HistoryTable from `at` on are greater.
fn key(at: Millis) -> String {
    Timestamp::from_millisecond(at).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::primitives::DateTime;
    use aws_sdk_cloudwatch::types::AlarmHistoryItem;

    use super::*;

    #[test]
    fn a_change_of_state_has_cloudwatchs_reason() {
        let data = r#"{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM","stateReason":"Threshold Crossed"}}"#;
        let item = AlarmHistoryItem::builder().timestamp(DateTime::from_millis(10_500)).history_data(data).build();
        let (state, reason) = ("ALARM".to_owned(), "Threshold Crossed".to_owned());
        assert_eq!(entered(&item), Some(Alarm { id: "10500/ALARM".to_owned(), at: 10_500, state, reason }));
        assert_eq!(entered(&AlarmHistoryItem::builder().history_data("{}").build()), None);
    }

    #[test]
    fn keys_sort_by_time() {
        assert_eq!(key(1_795_421_800_701), "2026-11-23T08:16:40.701Z");
        assert!(key(1_795_421_800_701).as_str() < "2026-11-23T08:16:40.701Z#00000000000000000001#00000");
    }
}
