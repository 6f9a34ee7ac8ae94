//! A recording that goes on.

use std::collections::HashMap;
use std::mem::Discriminant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use spillway_aws::CallError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::record::{Record, Recording};
use crate::recorder::Recorder;

/// Between two looks while something goes on.
const LIVELY: Duration = Duration::from_millis(220);
/// Between two looks while nothing does.
const CALM: Duration = Duration::from_secs(1);
/// How many records are kept; the oldest go first.
const MOST: usize = 100_000;
/// How many changes a reader may be behind.
const BEHIND: usize = 1_000;

/// A recording that goes on until this is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    asked: mpsc::UnboundedSender<Asked>,
}

/// What readers see.
#[derive(Debug)]
pub(crate) struct Shared {
    kept: Mutex<Kept>,
    changes: broadcast::Sender<Arc<Change>>,
}

/// What a reader is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// There is something new.
    Records(Vec<Record>),
    /// The stack doesn't answer, and why; or it does again.
    Trouble(Option<String>),
}

#[derive(Debug)]
struct Kept {
    recording: Recording,
    places: HashMap<(Discriminant<Record>, String), usize>,
    trouble: Option<String>,
}

enum Asked {
    Follow(String),
    Settle(oneshot::Sender<()>),
}

impl Watch {
    /// Looks for the first time, and goes on looking.
    pub async fn begin(mut recorder: Recorder) -> Result<Self, CallError> {
        let recording = recorder.beginning().await?;
        let (asked, questions) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(recording));
        shared.add(recorder.look().await?);
        tokio::spawn(go_on(recorder, Arc::clone(&shared), questions));
        Ok(Self { shared, asked })
    }

    /// Follows an execution from now on. Others that start are found after a while.
    pub fn follow(&self, execution_arn: &str) {
        // It has stopped: nobody follows anything any more.
        let _ = self.asked.send(Asked::Follow(execution_arn.to_owned()));
    }

    /// Looks once more at everything, and gives everything that was seen.
    pub async fn settle(&self) -> Recording {
        let (done, is_done) = oneshot::channel();
        if self.asked.send(Asked::Settle(done)).is_ok() {
            // Without an answer the recording is what it was.
            let _ = is_done.await;
        }
        self.shared.recording()
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(crate) fn follower(&self) -> impl Fn(String) + Send + Sync + 'static {
        let asked = self.asked.clone();
        move |arn| drop(asked.send(Asked::Follow(arn)))
    }
}

async fn go_on(mut recorder: Recorder, shared: Arc<Shared>, mut questions: mpsc::UnboundedReceiver<Asked>) {
    let mut next = Instant::now() + LIVELY;
    loop {
        tokio::select! {
            question = questions.recv() => match question {
                Some(Asked::Follow(arn)) => {
                    recorder.follow(&arn);
                    next = Instant::now();
                }
                Some(Asked::Settle(done)) => {
                    shared.hear(recorder.look_at_all().await);
                    // Whoever asked has gone.
                    let _ = done.send(());
                }
                None => return,
            },
            () = sleep_until(next) => {
                let begun = Instant::now();
                shared.hear(recorder.look().await);
                next = begun + if recorder.is_lively() { LIVELY } else { CALM };
            }
        }
    }
}

impl Shared {
    pub(crate) fn new(recording: Recording) -> Self {
        let kept = Kept { recording, places: HashMap::new(), trouble: None };
        Self { kept: Mutex::new(kept), changes: broadcast::channel(BEHIND).0 }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that holds it panics halfway through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recording(&self) -> Recording {
        Recording { taken_at: Timestamp::now().as_millisecond(), ..self.kept().recording.clone() }
    }

    /// All there is, and the changes from then on.
    pub(crate) fn join(&self) -> (Recording, Option<String>, broadcast::Receiver<Arc<Change>>) {
        let kept = self.kept();
        let recording = Recording { taken_at: Timestamp::now().as_millisecond(), ..kept.recording.clone() };
        (recording, kept.trouble.clone(), self.changes.subscribe())
    }

    fn hear(&self, look: Result<Vec<Record>, CallError>) {
        let trouble = look.as_ref().err().map(ToString::to_string);
        let mut kept = self.kept();
        if kept.trouble != trouble {
            kept.trouble.clone_from(&trouble);
            // Nobody need listen.
            let _ = self.changes.send(Arc::new(Change::Trouble(trouble)));
        }
        drop(kept);
        self.add(look.unwrap_or_default());
    }

    /// Adds records, and tells whoever listens.
    pub(crate) fn add(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let mut kept = self.kept();
        for record in &records {
            let key = record.key();
            match kept.places.get(&key).copied() {
                Some(place) => kept.recording.records[place] = record.clone(),
                None => {
                    let place = kept.recording.records.len();
                    kept.places.insert(key, place);
                    kept.recording.records.push(record.clone());
                }
            }
        }
        kept.forget(MOST);
        let _ = self.changes.send(Arc::new(Change::Records(records)));
    }
}

impl Kept {
    /// Forgets the oldest records, if there are more than `most`: a tenth of them, so that it is seldom.
    fn forget(&mut self, most: usize) {
        if self.recording.records.len() > most {
            let keep = most - most / 10;
            self.recording.records.sort_by_key(Record::at);
            let surplus = self.recording.records.len() - keep;
            self.recording.records.drain(..surplus);
            self.places =
                self.recording.records.iter().enumerate().map(|(place, record)| (record.key(), place)).collect();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::{Millis, Run};

    pub(crate) fn nothing() -> Recording {
        serde_json::from_value(serde_json::json!({
            "version": 1, "taken_at": 0, "vocabulary": {}, "records": [], "machines": [],
            "stack": {
                "name": "s", "place": "here", "bucket_name": "b", "alarm_name": "a", "threshold_bytes": 20,
                "period_seconds": 10,
            },
        }))
        .unwrap()
    }

    fn run(id: &str, at: Millis, status: &str) -> Record {
        Record::Run(Run { id: id.to_owned(), at, status: status.to_owned(), ..Run::default() })
    }

    #[test]
    fn a_record_takes_the_place_of_the_one_with_its_id_and_readers_hear_of_it() {
        let shared = Shared::new(nothing());
        shared.add(vec![run("a", 1, "RUNNING"), run("b", 2, "RUNNING")]);
        let (seen, trouble, mut changes) = shared.join();
        assert_eq!((seen.records.len(), trouble), (2, None));
        shared.add(vec![run("a", 1, "SUCCEEDED")]);
        assert_eq!(shared.recording().records, [run("a", 1, "SUCCEEDED"), run("b", 2, "RUNNING")]);
        assert_eq!(*changes.try_recv().unwrap(), Change::Records(vec![run("a", 1, "SUCCEEDED")]));
    }

    #[test]
    fn a_stack_that_does_not_answer_is_told_once_and_once_that_it_does() {
        let shared = Shared::new(nothing());
        let (.., mut changes) = shared.join();
        for _ in 0..2 {
            shared.hear(Err(CallError::unanswered("DescribeAlarms")));
        }
        shared.hear(Ok(Vec::new()));
        let words = "DescribeAlarms failed: there was no answer in time".to_owned();
        assert_eq!(*changes.try_recv().unwrap(), Change::Trouble(Some(words)));
        assert_eq!(*changes.try_recv().unwrap(), Change::Trouble(None));
        assert!(changes.try_recv().is_err());
    }

    #[test]
    fn the_oldest_records_are_forgotten_first() {
        let shared = Shared::new(nothing());
        shared.add((0..11).rev().map(|at| run(&at.to_string(), at, "RUNNING")).collect());
        let mut kept = shared.kept();
        kept.forget(10);
        let left: Vec<_> = kept.recording.records.iter().map(Record::at).collect();
        assert_eq!(left, [2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(kept.places[&run("2", 2, "").key()], 0);
    }
}
