//! What audits repair, and whether that is right.
//!
//! A repair is wrong if the bucket was not so while the audit looked; if the event that it was made for was on its way, as far
//! as an audit can know; and if the ledger differs from the bucket because of it once all events have arrived.

use std::collections::BTreeMap;

use serde_json::Value;
use spillway_fake_aws::{Bucket, ObjectVersion, Tables};

use crate::queue::OFTEN;
use crate::reference::{items, number, text, too_late};
use crate::users::LATE;
use crate::world::{World, millis};

/// For how long a message may be in the queue without an audit's knowing, in milliseconds: CloudWatch has its age every
/// minute, and up to a minute late.
const UNKNOWN: i64 = 120_000;

/// What happened to the objects of the bucket, and what audits made of it.
#[derive(Debug, Default)]
pub struct Repairs {
    changes: BTreeMap<String, Vec<Change>>,
    /// The newest repair of each object.
    newest: BTreeMap<String, Repair>,
}

/// A change of an object.
#[derive(Clone, Debug)]
struct Change {
    /// When it was, in milliseconds.
    at: i64,
    /// Whether the ledger never hears of it.
    is_lost: bool,
    /// The object from then on, if it is there.
    version: Option<ObjectVersion>,
}

/// A repair of an audit.
#[derive(Clone, Debug)]
pub struct Repair {
    name: String,
    event_type: String,
    /// The size and the ETag that the object is said to have, if it is said to be there.
    claim: Option<(u64, String)>,
    /// Of when it is, in milliseconds.
    as_of: i64,
    /// The sequencer that the row had before, if the ledger counted the object.
    row: Option<String>,
}

impl Repairs {
    /// Keeps an event of the bucket, which is as the event has left it.
    pub fn note_event(&mut self, bucket: &Bucket, record: &Value, is_lost: bool) {
        let name = Bucket::name(record["s3"]["object"]["key"].as_str().unwrap());
        let version = bucket.current(&name).cloned();
        let at: jiff::Timestamp = record["eventTime"].as_str().unwrap().parse().unwrap();
        self.changes.entry(name).or_default().push(Change { at: at.as_millisecond(), is_lost, version });
    }

    fn changes(&self, name: &str) -> &[Change] {
        self.changes.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Change {
    fn claim(&self) -> Option<(u64, String)> {
        self.version.as_ref().map(|version| (version.size.unwrap(), version.etag.clone()))
    }

    /// As the ledger has it.
    fn sequencer(&self) -> Option<&str> {
        self.version.as_ref().map(|version| version.sequencer.trim_start_matches('0'))
    }
}

/// The repairs of a transaction that is about to be committed.
pub fn of(world: &World, request: &Value) -> Vec<Repair> {
    let records = items(request).filter(|item| text(&item["event_type"]).starts_with("Audit:"));
    let repair = |record: &Value| {
        let name = text(&record["object_name"]).to_owned();
        let row = world.tables.objects.get(&name).filter(|row| row.get("size").is_some());
        let as_of: jiff::Timestamp = text(&record["event_time"]).parse().unwrap();
        Repair {
            event_type: text(&record["event_type"]).to_owned(),
            claim: record["size"].get("N").map(|_| (number(&record["size"]), text(&record["etag"]).to_owned())),
            as_of: as_of.as_millisecond(),
            row: row.map(|row| text(&row["sequencer"]).trim_start_matches('0').to_owned()),
            name,
        }
    };
    records.map(repair).collect()
}

/// Checks a repair that was just committed by an invocation that began at this time, in milliseconds.
pub fn check(world: &mut World, begun_at: i64, repair: Repair) {
    world.count("repairs");
    world.count(match repair.event_type.as_str() {
        "Audit:Added" => "objects added",
        "Audit:Corrected" => "objects corrected",
        _ => "objects removed",
    });
    if !was_so(world, begun_at, &repair) {
        let what = format!("{repair:?} is not what the bucket was: {:?}", world.repairs.changes(&repair.name));
        world.reference.violations.push(what);
    }
    if let Some(message) = explained_by(world, begun_at, &repair) {
        world.reference.violations.push(format!("{repair:?} was made though its event was on its way: {message}"));
    }
    world.repairs.newest.insert(repair.name.clone(), repair);
}

/// Whether the object was as the repair says at some time since the audit's task began.
fn was_so(world: &World, begun_at: i64, repair: &Repair) -> bool {
    let changes = world.repairs.changes(&repair.name);
    let before = changes.iter().rev().find(|change| change.at < begun_at).map_or(&None, |change| &change.version);
    let before = before.as_ref().map(|version| (version.size.unwrap(), version.etag.clone()));
    let since = changes.iter().filter(|change| change.at >= begun_at).map(Change::claim);
    std::iter::once(before).chain(since).any(|was| was == repair.claim)
}

/// The message that would have made the ledger right without the repair, if an audit could have known of it: because it is
/// younger than the grace, or because the queue's oldest message is at least as old.
fn explained_by(world: &World, begun_at: i64, repair: &Repair) -> Option<String> {
    let [.., before, last] =
        &[None].into_iter().chain(world.repairs.changes(&repair.name).iter().map(Some)).collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let (before, last) = (before.and_then(|change| change.sequencer()), (*last)?);
    // The audit may have looked before it happened: what it then repairs is not what this event says.
    if last.is_lost || last.claim() != repair.claim || before.map(str::to_owned) != repair.row {
        return None;
    }
    let at = jiff::Timestamp::from_millisecond(last.at).unwrap().to_string();
    let grace = world.plan.audits.as_ref().unwrap().grace_seconds.cast_signed() * 1000;
    let explains = |message: &&crate::queue::Message| {
        let envelope: Value = serde_json::from_str(&message.body).unwrap_or_default();
        let record: Value = serde_json::from_str(envelope["Message"].as_str().unwrap_or("{}")).unwrap();
        let record = &record["Records"][0];
        record["eventTime"] == at.as_str()
            && Bucket::name(record["s3"]["object"]["key"].as_str().unwrap_or_default()) == repair.name
    };
    let message = world.tracking.messages().find(explains)?;
    let is_young = last.at >= millis() - grace + 1000;
    let is_known = message.sent_at <= begun_at - UNKNOWN && message.receive_count <= OFTEN;
    // Of a dead letter that is delivered again, nobody knows how old its event is.
    let was_dead = message.sent_at > last.at + LATE;
    (is_young || is_known && !was_dead).then(|| format!("{message:?}"))
}

/// Checks the row of each object whose events have all arrived since its newest repair, once nothing is under way.
pub fn check_rows(world: &mut World) {
    let late: Vec<String> = world.tracking.dead.iter().filter_map(|dead| too_late(dead)).collect();
    let sizes = world.bucket.sizes();
    let mut wrong = Vec::new();
    for (name, changes) in &world.repairs.changes {
        let repair = world.repairs.newest.get(name);
        let arrived = match repair {
            Some(repair) => changes
                .iter()
                .filter(|change| change.at >= repair.as_of && !is_claimed(change, repair))
                .all(|change| !change.is_lost),
            None => changes.iter().all(|change| !change.is_lost),
        };
        let row = world.tables.objects.get(name).and_then(|row| row.get("size")).map(number);
        if arrived && !late.contains(name) && !is_ambiguous(changes, repair) && row != sizes.get(name).copied() {
            wrong.push(format!("the ledger has {row:?} for {name} after {repair:?}: {changes:?}"));
        }
    }
    world.reference.violations.extend(wrong);
}

/// Whether the repair is about this very version.
fn is_claimed(change: &Change, repair: &Repair) -> bool {
    change.claim() == repair.claim && change.at.div_euclid(1000) * 1000 == repair.as_of
}

/// S3 says in whole seconds when an object was written: an older event of that second can't be told from a younger one. It
/// counts, if it is late, and the next audit puts that right.
fn is_ambiguous(changes: &[Change], repair: Option<&Repair>) -> bool {
    let Some(repair) = repair.filter(|repair| repair.claim.is_some()) else { return false };
    changes.iter().filter(|change| change.at.div_euclid(1000) * 1000 == repair.as_of).count() > 1
}

/// The cleaner has asked S3 to delete an object.
pub fn check_deletion(world: &mut World, name: &str) {
    let is_adopted = world.plan.audits.as_ref().is_some_and(|audits| audits.adopted > 0);
    if is_adopted && audited_at(&world.tables).is_none() {
        world.reference.violations.push(format!("{name} was deleted before an audit had ended well"));
    }
}

/// When the last audit began that ended well, in milliseconds.
pub fn audited_at(tables: &Tables) -> Option<i64> {
    let at: jiff::Timestamp = text(&tables.objects.get("__AUDITED__")?["audited_at"]).parse().unwrap();
    Some(at.as_millisecond())
}
