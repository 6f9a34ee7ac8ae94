//! Whatever audits and deliveries do to each other, the ledger ends as the bucket.

#![allow(clippy::unwrap_used, reason = "a test that can't build its input should stop there")]

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use spillway_contracts::{ObjectName, Sequencer};
use spillway_ledger::audit::{Finding, Found, Look, judge};
use spillway_ledger::{EventKind, ObjectEvent, Row, Snapshot, fold};

const NAMES: [&str; 3] = ["a", "b", "__STATE__"];

/// How long events are under way.
const GRACE: SignedDuration = SignedDuration::from_mins(2);

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// An object is written with a size, or deleted; the event may be lost.
    Change { name: Index, size: Option<u64>, is_lost: bool },
    /// An event that is not lost is delivered, for the first time or once more.
    Deliver(Index),
    /// An audit looks at an object.
    Look(Index),
    /// What an audit found is committed.
    Repair(Index),
}

fn step(losses: f64) -> impl Strategy<Value = Step> {
    let size = proptest::option::weighted(0.6, 0..4_u64);
    prop_oneof![
        (any::<Index>(), size, proptest::bool::weighted(losses)).prop_map(|(name, size, is_lost)| Step::Change {
            name,
            size,
            is_lost
        }),
        any::<Index>().prop_map(Step::Deliver),
        any::<Index>().prop_map(Step::Look),
        any::<Index>().prop_map(Step::Repair),
    ]
}

/// A bucket with its ledger, and what is on its way between them.
#[derive(Debug, Default)]
struct World {
    clock: i64,
    bucket: BTreeMap<ObjectName, Found>,
    missing_since: BTreeMap<ObjectName, Timestamp>,
    ledger: Snapshot,
    events: Vec<ObjectEvent>,
    lost: Vec<ObjectEvent>,
    repairs: Vec<ObjectEvent>,
}

impl World {
    fn of(steps: &[Step], settled_after: SignedDuration) -> Self {
        let mut world = Self::default();
        for step in steps {
            world.clock += 20;
            match step {
                Step::Change { name, size, is_lost } => world.change(name.get(&names()), *size, *is_lost),
                Step::Deliver(index) if !world.events.is_empty() => world.apply(index.get(&world.events).clone()),
                Step::Look(name) => world.look(name.get(&names()), settled_after),
                Step::Repair(index) if !world.repairs.is_empty() => world.apply(index.get(&world.repairs).clone()),
                Step::Deliver(_) | Step::Repair(_) => {}
            }
        }
        world
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + self.clock).unwrap()
    }

    fn change(&mut self, name: &ObjectName, size: Option<u64>, is_lost: bool) {
        let sequencer = Sequencer::new(format!("{:X}", self.clock)).unwrap();
        // No two writes are alike: of an object that is deleted and written again just as it was, an audit can't tell.
        let etag = Some(sequencer.to_string());
        let last_modified = self.now();
        let found = size.map(|size| Found { size, etag, version_id: None, last_modified });
        let event = ObjectEvent {
            bucket_name: "b".into(),
            object_name: name.clone(),
            kind: found
                .as_ref()
                .map_or(EventKind::Deleted, |found| EventKind::Created { size: found.size, etag: found.etag.clone() }),
            event_type: if size.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:Delete" }.into(),
            sequencer,
            version_id: None,
            event_time: self.now(),
        };
        match found {
            Some(found) => self.bucket.insert(name.clone(), found),
            None => self.bucket.remove(name),
        };
        self.missing_since.remove(name);
        if is_lost { self.lost.push(event) } else { self.events.push(event) }
    }

    fn apply(&mut self, event: ObjectEvent) {
        let folded = fold(&self.ledger, &mut VecDeque::from([event]), self.now());
        assert_eq!((folded.is_torn, folded.too_old), (false, Vec::new()));
        if let Some(commit) = folded.commit {
            self.ledger = std::mem::take(&mut self.ledger).after(commit);
        }
    }

    fn look(&mut self, name: &ObjectName, settled_after: SignedDuration) {
        let row = self.ledger.rows.get(name);
        let object = self.bucket.get(name);
        let at = self.now();
        let missing_since = *self.missing_since.entry(name.clone()).or_insert(at);
        let look = Look {
            bucket_name: "b",
            object_name: name,
            before: row,
            object,
            after: row,
            at,
            missing_since,
            dates: false,
        };
        if let Finding::Drift(repair) = judge(&look, at - settled_after) {
            self.repairs.push(repair);
        }
    }

    /// Looks at all objects, twice because of those that aren't there, and commits what is found.
    fn audit(&mut self) {
        self.repairs.clear();
        // Each audit sees for itself since when an object is missing.
        self.missing_since.clear();
        for _ in 0..2 {
            self.clock += 10 * 60;
            for name in names() {
                self.look(&name, GRACE);
            }
        }
        for repair in std::mem::take(&mut self.repairs) {
            self.apply(repair);
        }
    }

    /// Delivers these events in an order of its own.
    fn deliver(&mut self, mut events: Vec<ObjectEvent>, order: &[u32]) {
        let mut keys = order.iter().cycle();
        events.sort_by_cached_key(|_| keys.next().copied());
        for event in events {
            self.apply(event);
        }
    }

    fn sizes(&self) -> BTreeMap<ObjectName, u64> {
        let live = self.ledger.rows.iter().filter(|(_, row)| matches!(row, Row::Live(_)));
        live.map(|(name, row)| (name.clone(), row.size())).collect()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let bucket: BTreeMap<_, _> = self.bucket.iter().map(|(name, found)| (name.clone(), found.size)).collect();
        prop_assert_eq!(self.sizes(), bucket.clone());
        let state = self.ledger.state.as_ref();
        prop_assert_eq!(state.map_or(0, |state| state.total_size), bucket.values().sum::<u64>());
        prop_assert_eq!(state.map_or(0, |state| state.object_count), bucket.len() as u64);
        Ok(())
    }
}

fn names() -> [ObjectName; 3] {
    NAMES.map(|name| ObjectName::new(name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Even repairs that come while the events are still on their way.
    #[test]
    fn no_repair_makes_a_ledger_wrong_whose_events_all_arrive(
        steps in vec(step(0.0), 0..60),
        order in vec(any::<u32>(), 1..60),
    ) {
        let mut world = World::of(&steps, SignedDuration::from_secs(-1));
        world.deliver(world.events.clone(), &order);
        for repair in world.repairs.clone() {
            world.apply(repair);
        }
        world.check()?;
    }

    /// Of what it has put right, no event that was thought to be lost changes anything if it arrives after all. (Of a lost
    /// creation and a lost deletion there is nothing to put right: the creation alone, arriving late, is the next audit's.)
    #[test]
    fn an_audit_makes_up_for_lost_events(
        steps in vec(step(0.3), 0..60),
        order in vec(any::<u32>(), 1..60),
        found in vec(any::<Index>(), 0..5),
    ) {
        let mut world = World::of(&steps, GRACE);
        world.deliver(world.events.clone(), &order);
        world.audit();
        world.check()?;
        let is_repaired = |event: &&ObjectEvent| match world.ledger.rows.get(&event.object_name) {
            Some(Row::Live(row)) => row.as_of.is_some(),
            Some(Row::Tombstone(row)) => row.as_of.is_some(),
            None => false,
        };
        let lost: Vec<_> = world.lost.iter().filter(is_repaired).cloned().collect();
        let mut late = world.events.clone();
        if !lost.is_empty() {
            late.extend(found.iter().map(|index| index.get(&lost).clone()));
        }
        world.deliver(late, &order);
        world.check()?;
    }
}

/// The tombstone of a version whose creation the ledger never heard of has the sequencer of a repair of an object without a
/// row. What is deleted for good while an audit is about to add it stays deleted.
#[test]
fn a_repair_does_not_bring_back_a_version_that_was_deleted_for_good() {
    let name = ObjectName::new("a").unwrap();
    let mut world = World { clock: 10 * 60, ..World::default() };
    let at = world.now();
    let object = Found { size: 5, etag: None, version_id: Some("v1".into()), last_modified: at };
    let (before, after) = (None, None);
    let look = Look {
        bucket_name: "b",
        object_name: &name,
        before,
        object: Some(&object),
        after,
        at,
        missing_since: at,
        dates: false,
    };
    let Finding::Drift(repair) = judge(&look, at + GRACE) else { panic!("the ledger lacks an object") };
    let deletion = ObjectEvent {
        kind: EventKind::Deleted,
        event_type: "ObjectRemoved:Delete".into(),
        sequencer: Sequencer::new("1").unwrap(),
        ..repair.clone()
    };
    world.apply(deletion);
    world.apply(repair.clone());
    assert_eq!(world.sizes(), BTreeMap::new());
    // Another version may be there.
    world.apply(ObjectEvent { version_id: Some("v2".into()), ..repair });
    assert_eq!(world.sizes(), BTreeMap::from([(name, 5)]));
}

/// The creation of an object of five bytes, just now.
fn creation(world: &World, name: &ObjectName) -> ObjectEvent {
    ObjectEvent {
        bucket_name: "b".into(),
        object_name: name.clone(),
        kind: EventKind::Created { size: 5, etag: None },
        event_type: "ObjectCreated:Put".into(),
        sequencer: Sequencer::new("1").unwrap(),
        version_id: None,
        event_time: world.now(),
    }
}

/// An audit dates a row, and before it does, the object expires: the tombstone has the sequencer that the audit has seen.
#[test]
fn an_object_that_expires_while_an_audit_looks_at_it_stays_gone() {
    let name = ObjectName::new("a").unwrap();
    let mut world = World { clock: 10 * 60, ..World::default() };
    let created = creation(&world, &name);
    world.apply(created.clone());
    let mut row = world.ledger.rows[&name].clone();
    let Row::Live(live) = &mut row else { panic!("{row:?}") };
    live.last_modified_ms = None;
    let at = world.now() + GRACE * 2;
    let object = Found { size: 5, etag: None, version_id: None, last_modified: world.now() };
    let look = Look {
        bucket_name: "b",
        object_name: &name,
        before: Some(&row),
        object: Some(&object),
        after: Some(&row),
        at,
        missing_since: at,
        dates: true,
    };
    let Finding::Drift(repair) = judge(&look, at - GRACE) else { panic!("the row has no date") };
    let event_type = "LifecycleExpiration:Delete".into();
    world.apply(ObjectEvent { kind: EventKind::Deleted, event_type, event_time: at, ..created });
    world.apply(repair);
    assert_eq!(world.sizes(), BTreeMap::new());
}

/// It was there in the meantime, and may have been deleted a moment ago.
#[test]
fn an_object_that_came_back_is_not_missing_since_it_first_was() {
    let name = ObjectName::new("a").unwrap();
    let mut world = World { clock: 10 * 60, ..World::default() };
    let missing_since = world.now();
    world.clock += 60;
    world.apply(creation(&world, &name));
    let row = world.ledger.rows.get(&name);
    let at = world.now() + GRACE * 2;
    let look = Look {
        bucket_name: "b",
        object_name: &name,
        before: row,
        object: None,
        after: row,
        at,
        missing_since,
        dates: false,
    };
    assert_eq!(judge(&look, at - GRACE), Finding::UnderWay);
    let missing_since = world.now() + GRACE / 2;
    assert!(matches!(judge(&Look { missing_since, ..look }, at - GRACE), Finding::Drift(_)));
}
