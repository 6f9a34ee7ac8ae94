//! A bucket, its ledger and its cleaner, on a clock of their own.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};

use cleaner::{Deps, Error, Invocation, Limits, Notices, TotalSizeAlarm, handle, patience};
use jiff::{SignedDuration, Timestamp};
use spillway_contracts::audit::{AuditedKey, AuditedRow, Tally};
use spillway_contracts::log_line::{CleanerDecisionLine, Outcome};
use spillway_contracts::schedule::SafetyNet;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_fake_aws::{FakeDynamoDb, FakeS3, cloudwatch_client, http_client, lost};
use spillway_ledger::choice::Rule;
use spillway_ledger::{EventKind, ObjectEvent};
use spillway_ledger_store::apply;

thread_local! {
    /// The time of the test on this thread, in seconds.
    static CLOCK: Cell<i64> = const { Cell::new(1_790_000_000) };
}

pub fn now() -> Timestamp {
    Timestamp::from_second(CLOCK.get()).unwrap()
}

pub fn pass(seconds: i64) {
    CLOCK.set(CLOCK.get() + seconds);
}

/// A bucket, its ledger, and a cleaner with a threshold of 20.
pub struct World {
    pub dynamodb: FakeDynamoDb,
    pub s3: FakeS3,
    pub deps: Deps,
    /// The alarm's state and since when it has been in that, if CloudWatch can be asked.
    pub alarm: Arc<Mutex<Option<(&'static str, Timestamp)>>>,
}

impl World {
    /// A bucket with these objects, all of them in the ledger for so long that the index knows them.
    pub async fn with(objects: &[(&str, u64)]) -> Self {
        let world = Self::fresh(objects).await;
        pass(3600);
        world
    }

    /// A bucket with these objects, which the ledger has just recorded.
    pub async fn fresh(objects: &[(&str, u64)]) -> Self {
        let (dynamodb, s3) = (FakeDynamoDb::default(), FakeS3::default());
        let rule = Rule { protected: "keep/".parse().unwrap(), ..Rule::largest_first(20, 1000) };
        let alarm = Arc::new(Mutex::new(Some(("OK", now()))));
        let standing = alarm.clone();
        let answer = move || {
            let (state, since) = standing.lock().unwrap().ok_or_else(lost)?;
            Ok(spillway_fake_aws::alarm(state, since.as_millisecond(), 20, 60))
        };
        let cloudwatch = cloudwatch_client(http_client(move |_| answer()));
        let deps = Deps {
            store: dynamodb.store(),
            s3: s3.client(),
            notices: Notices::default(),
            rule,
            alarm: TotalSizeAlarm { cloudwatch, name: "the-alarm".into() },
            limits: Limits::default(),
            patience: patience(60),
            needs_audit: false,
            dry_run: false,
            now,
        };
        let world = Self { dynamodb, s3, deps, alarm };
        for &(name, size) in objects {
            world.upload(name, size).await;
        }
        world
    }

    /// Puts an object, which the ledger records.
    pub async fn upload(&self, name: &str, size: u64) {
        self.s3.put(name, size, "first");
        self.record(name, Some(size)).await;
    }

    /// Has the ledger record a creation, or a deletion.
    pub async fn record(&self, name: &str, size: Option<u64>) {
        self.record_with(name, size, Some("first".into())).await;
    }

    pub async fn record_with(&self, name: &str, size: Option<u64>, etag: Option<String>) {
        pass(1);
        apply(&self.deps.store, vec![event(name, size, etag)], now, |_| {}).await.unwrap();
    }

    /// An audit that began at a moment has ended well.
    pub async fn audited(&self, began_at: Timestamp) {
        self.audited_of("b", began_at, false).await;
    }

    pub async fn audited_of(&self, bucket_name: &str, began_at: Timestamp, is_dated: bool) {
        let row = AuditedRow {
            object_name: AuditedKey::Audited,
            audited_bucket: bucket_name.into(),
            audited_at: began_at,
            audit_id: "an-audit".into(),
            drift: Tally::default(),
            is_dated,
        };
        self.deps.store.save_audited(&row).await.unwrap();
    }

    /// Invokes the cleaner, which must fail without having anything to say.
    pub async fn fails(&self, invocation: Invocation) -> Error {
        let over_at = now() + SignedDuration::from_secs(120);
        handle(&self.deps, invocation, over_at, |line| panic!("{line:?}")).await.unwrap_err()
    }

    /// Invokes the cleaner, with two minutes to go; gives its line, and its error if there is one.
    pub async fn clean(&self, invocation: Invocation) -> (CleanerDecisionLine, Option<Error>) {
        self.clean_within(invocation, 120).await
    }

    pub async fn clean_within(&self, invocation: Invocation, seconds: i64) -> (CleanerDecisionLine, Option<Error>) {
        let lines = RefCell::new(Vec::new());
        let over_at = now() + SignedDuration::from_secs(seconds);
        let answer = handle(&self.deps, invocation, over_at, |line| lines.borrow_mut().push(line.clone())).await;
        let [line] =
            lines.into_inner().try_into().unwrap_or_else(|lines| panic!("not one line: {lines:?}, {answer:?}"));
        if let Ok(answer) = &answer {
            assert_eq!(answer, &line);
        }
        (line, answer.err())
    }

    /// Invokes the cleaner, which must succeed.
    pub async fn cleaned(&self, invocation: Invocation) -> CleanerDecisionLine {
        match self.clean(invocation).await {
            (line, None) => line,
            (_, Some(error)) => panic!("{error}"),
        }
    }
}

/// What happens now to an object: it is created with a size, or deleted.
pub fn event(name: &str, size: Option<u64>, etag: Option<String>) -> ObjectEvent {
    ObjectEvent {
        bucket_name: "b".into(),
        object_name: ObjectName::new(name).unwrap(),
        kind: size.map_or(EventKind::Deleted, |size| EventKind::Created { size, etag }),
        event_type: "ObjectCreated:Put".into(),
        sequencer: Sequencer::new(format!("{:08X}", CLOCK.get())).unwrap(),
        version_id: None,
        event_time: now(),
    }
}

pub fn schedule() -> Invocation {
    Invocation::Schedule(SafetyNet { schedule: "safety-net".into() })
}

pub fn alarm() -> Invocation {
    let text = include_str!("../../../../../contracts/examples/alarm-event/ok-metric-alarm.json");
    serde_json::from_str(text).unwrap()
}

/// What was chosen, and what became of it.
pub fn chosen(line: &CleanerDecisionLine) -> Vec<(&str, Outcome)> {
    line.chosen.iter().map(|object| (object.object_name.as_str(), object.outcome)).collect()
}
