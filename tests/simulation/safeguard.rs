//! What keeps the ledger and the bucket safe, to be taken away piece by piece: each piece is needed if some seed fails
//! without it.
//!
//! It is taken away from what AWS does or from how the functions are configured, never from the functions themselves.

use jiff::SignedDuration;
use serde_json::{Value, json};
use spillway_contracts::partition::bucket_of;
use spillway_contracts::rule::DeleteFirst;
use spillway_fake_aws::BUCKET;
use spillway_ledger::choice::{ProtectedPrefixes, Rule};

use crate::environment::Seen;
use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safeguard {
    /// A transaction fails if `__STATE__` has another version by now.
    ConditionOnTheState,
    /// So does one that changes a row, if the row has another size.
    ConditionOnTheSize,
    /// A cleaning begins only if no other one has begun since it looked.
    ConditionOnTheCleaner,
    /// An object is deleted only if it has the ETag that the ledger knows.
    ETag,
    /// A deleted object leaves a tombstone.
    Tombstones,
    /// The history is read besides the index.
    RecentHistory,
    /// The index lags by less than a minute.
    BoundOfTheIndexLag,
    /// A query says that there is more.
    Pages,
    /// What is being deleted is on record.
    RecordsOfCleanings,
    /// Messages that failed are delivered again.
    PartialBatchFailures,
    /// Messages of a batch that failed are delivered again.
    RedeliveryOfBatches,
    /// Messages that can't be applied are kept.
    DeadLetterQueue,
    /// The cleaner is invoked by the schedule too.
    Schedule,
    /// Some objects are protected.
    ProtectedPrefixes,
    /// No more than the allowed number of objects are deleted at once.
    MaxDeletes,
    /// The total has to be below this, and no lower.
    Threshold,
    /// A cleaning ends once the total is below this.
    Target,
    /// What goes first is what the rule says.
    DeleteFirst,
    /// What was written a moment ago stays.
    MinimumAge,
    /// An expiry is told from a deletion.
    NameOfExpiries,
    /// Events say which version they are about.
    VersionIds,
    /// Events of an object have an order.
    Sequencers,
    /// An audit asks S3 once more what its listing seemed to say.
    SecondLook,
    /// What changed a moment ago is left alone by audits.
    Grace,
    /// So is what changed after the oldest event that the tracking queue holds.
    QueueAge,
    /// A repair is about the row that the audit has seen, and no other.
    ConditionOnTheRow,
    /// A repair has the row's own sequencer, so that every later event counts.
    OwnSequencer,
    /// A repair says of which moment it is, so that no older event counts.
    AsOf,
    /// Nothing is deleted of a bucket that held objects before its ledger did, until an audit has ended well.
    NeedsAudit,
}

/// Those of audits, each with the seed that is tried first, because it is likely to fail without it.
pub const SAFEGUARDS_OF_AUDITS: [(Safeguard, u64); 7] = [
    (Safeguard::SecondLook, 17),
    (Safeguard::Grace, 0),
    (Safeguard::QueueAge, 8),
    (Safeguard::ConditionOnTheRow, 49),
    (Safeguard::OwnSequencer, 4),
    (Safeguard::AsOf, 81),
    (Safeguard::NeedsAudit, 1),
];

pub const SAFEGUARDS: [(Safeguard, u64); 22] = [
    (Safeguard::ConditionOnTheState, 0),
    (Safeguard::ConditionOnTheSize, 66),
    (Safeguard::ConditionOnTheCleaner, 55),
    (Safeguard::ETag, 0),
    (Safeguard::Tombstones, 4),
    (Safeguard::RecentHistory, 0),
    (Safeguard::BoundOfTheIndexLag, 12),
    (Safeguard::Pages, 5),
    (Safeguard::RecordsOfCleanings, 0),
    (Safeguard::PartialBatchFailures, 8),
    (Safeguard::RedeliveryOfBatches, 0),
    (Safeguard::DeadLetterQueue, 11),
    (Safeguard::Schedule, 0),
    (Safeguard::ProtectedPrefixes, 0),
    (Safeguard::MaxDeletes, 0),
    (Safeguard::Threshold, 0),
    (Safeguard::Target, 0),
    (Safeguard::DeleteFirst, 1),
    (Safeguard::MinimumAge, 5),
    (Safeguard::NameOfExpiries, 0),
    (Safeguard::VersionIds, 7),
    (Safeguard::Sequencers, 0),
];

/// The request that DynamoDB has, when a safeguard of transactions is missing: one whose conditions hold.
pub fn request(world: &World, mut request: Value, is_audits: bool) -> Value {
    for action in request["TransactItems"].as_array_mut().into_iter().flatten().filter(|_| is_audits) {
        let item = action["Put"]["Item"].as_object_mut().unwrap();
        if !world.has(Safeguard::AsOf) {
            item.remove("as_of");
        }
        if !world.has(Safeguard::OwnSequencer) && item.contains_key("sequencer") {
            item.insert("sequencer".into(), json!({ "S": "F".repeat(20) }));
        }
    }
    for action in request["TransactItems"].as_array_mut().into_iter().flatten() {
        let put = &mut action["Put"];
        let name = put["Item"]["object_name"]["S"].as_str().unwrap_or_default().to_owned();
        let safeguard = match name.as_str() {
            "__STATE__" => Safeguard::ConditionOnTheState,
            "__CLEANER__" => Safeguard::ConditionOnTheCleaner,
            _ if is_audits && put["TableName"] == "objects" => Safeguard::ConditionOnTheRow,
            _ => {
                let condition =
                    put["ConditionExpression"].as_str().filter(|_| !world.has(Safeguard::ConditionOnTheSize));
                if let Some((sequencer, _)) = condition.and_then(|condition| condition.split_once(" AND ")) {
                    put["ConditionExpression"] = sequencer.into();
                }
                continue;
            }
        };
        if world.has(safeguard) {
            continue;
        }
        let attribute = if name.starts_with("__") { "version" } else { "sequencer" };
        match world.tables.objects.get(&name) {
            Some(row) => {
                put["ConditionExpression"] = "#attribute = :expected".into();
                put["ExpressionAttributeNames"] = json!({ "#attribute": attribute });
                put["ExpressionAttributeValues"] = json!({ ":expected": row[attribute] });
            }
            None => put["ConditionExpression"] = "attribute_not_exists(object_name)".into(),
        }
    }
    request
}

pub fn answer(world: &mut World, operation: &str, request: &Value, mut answer: Value) -> Value {
    let partition = request["ExpressionAttributeValues"][":bucket"]["S"].as_str();
    let is_index = request.get("IndexName").is_some();
    let is_hidden = operation == "Query"
        && !is_index
        && (partition.map(bucket_of) == Some(BUCKET) && !world.has(Safeguard::RecentHistory)
            || partition == Some("__CLEANINGS__") && !world.has(Safeguard::RecordsOfCleanings));
    if is_hidden {
        answer["Items"] = Value::Array(Vec::new());
    }
    if is_hidden || operation == "Query" && !world.has(Safeguard::Pages) {
        answer.as_object_mut().unwrap().remove("LastEvaluatedKey");
    }
    if !world.has(Safeguard::Tombstones) {
        world.tables.objects.retain(|name, row| name.starts_with("__") || row.get("size").is_some());
    }
    answer
}

/// Has an audit repair the rows that it has seen, whatever has become of them, if their condition is missing.
pub fn rows(world: &World, seen: &mut Seen, operation: &str, request: &Value, answer: &mut Value) {
    seen.is_settling |= operation == "PutItem";
    if operation != "BatchGetItem" || world.has(Safeguard::ConditionOnTheRow) {
        return;
    }
    let rows = answer["Responses"]["objects"].as_array_mut().unwrap();
    let name = |row: &Value| row["object_name"]["S"].as_str().unwrap().to_owned();
    if seen.is_settling {
        rows.retain(|row| !seen.rows.contains_key(&name(row)));
        let asked = request["RequestItems"]["objects"]["Keys"].as_array().into_iter().flatten().map(name);
        let later = answer["UnprocessedKeys"]["objects"]["Keys"].as_array().into_iter().flatten().map(name);
        let later: Vec<String> = later.collect();
        let seen = asked.filter(|key| !later.contains(key)).filter_map(|key| seen.rows.get(&key)?.clone());
        let seen: Vec<Value> = seen.collect();
        answer["Responses"]["objects"].as_array_mut().unwrap().extend(seen);
    } else {
        let asked = request["RequestItems"]["objects"]["Keys"].as_array().into_iter().flatten();
        seen.rows.extend(asked.map(|key| (name(key), None)));
        seen.rows.extend(rows.iter().map(|row| (name(row), Some(row.clone()))));
    }
}

pub fn event(world: &World, mut event: Value) -> Value {
    let is_expiry = event["eventName"].as_str().is_some_and(|name| name.starts_with("LifecycleExpiration"));
    if is_expiry && !world.has(Safeguard::NameOfExpiries) {
        event["eventName"] = "ObjectRemoved:Delete".into();
    }
    let object = event["s3"]["object"].as_object_mut().unwrap();
    if !world.has(Safeguard::VersionIds) {
        object.remove("versionId");
    }
    if !world.has(Safeguard::Sequencers) {
        let reversed: String = object["sequencer"].as_str().unwrap().chars().rev().collect();
        object["sequencer"] = reversed.into();
    }
    event
}

/// The rule that the cleaner is configured with.
pub fn rule(world: &World) -> Rule {
    let mut rule = world.plan.rule.clone();
    if !world.has(Safeguard::ProtectedPrefixes) {
        rule.protected = ProtectedPrefixes::default();
    }
    if !world.has(Safeguard::MaxDeletes) {
        rule.max_deletes = 1000;
    }
    if !world.has(Safeguard::Threshold) {
        rule.threshold_bytes /= 2;
        rule.target_bytes = rule.target_bytes.min(rule.threshold_bytes);
    }
    if !world.has(Safeguard::Target) {
        rule.target_bytes /= 2;
    }
    if !world.has(Safeguard::DeleteFirst) {
        rule.delete_first = DeleteFirst::Largest;
    }
    if !world.has(Safeguard::MinimumAge) {
        rule.minimum_age = SignedDuration::ZERO;
    }
    rule
}
