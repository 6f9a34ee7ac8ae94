//! What ought to be: the model that the functions are held against.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;
use spillway_contracts::ObjectName;
use spillway_contracts::log_line::ObjectEventLine;
use spillway_contracts::partition::bucket_of;
use spillway_contracts::rule::DeleteFirst;
use spillway_fake_aws::{BUCKET, Bucket, Reply, Tables};
use spillway_ledger::choice::Rule;

use crate::environment::Seen;
use crate::repairs;
use crate::world::{World, millis};

/// An object as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Object {
    size: u64,
    version: Version,
    /// When it was last written, in milliseconds.
    written_at: i64,
}

/// The sequencer of an object's newest event, and its ETag. An audit's repair may change the one without the other.
type Version = (String, String);

/// The objects of the ledger at one moment, by name.
type State = BTreeMap<String, Object>;

/// An event: the object's name, the sequencer and the event's name.
type Event = (String, String, String);

/// What a commit made of objects: as they are since, if they are there.
type Change = Vec<(String, Option<Object>)>;

/// What happened, as far as it is to be compared.
#[derive(Debug, Default)]
pub struct Reference {
    /// The newest state of the ledger.
    newest: State,
    /// What led to it, from an empty ledger on: the changes from each state to the next.
    changes: Vec<Change>,
    /// The events that the bucket published.
    events: BTreeSet<Event>,
    /// What the logger wrote of them.
    lines: Vec<(Event, Option<i64>)>,
    /// What must not have happened.
    pub violations: Vec<String>,
}

impl Reference {
    /// How many states the ledger has had.
    pub fn states(&self) -> usize {
        self.changes.len() + 1
    }

    /// The states that the ledger has had, the empty one first.
    fn each_state(&self) -> impl Iterator<Item = State> {
        let later = self.changes.iter().scan(State::new(), |state, change| {
            apply(state, change);
            Some(state.clone())
        });
        std::iter::once(State::new()).chain(later)
    }

    /// The totals that the ledger went through since it last was empty.
    pub fn totals(&self) -> Vec<u64> {
        let totals: Vec<u64> = self.each_state().map(|state| state.values().map(|it| it.size).sum()).collect();
        let empty = totals.iter().rposition(|total| *total == 0).unwrap_or_default();
        totals[empty..].to_vec()
    }

    /// Keeps what the ledger holds after each event of a transaction. Who reads the history while it becomes visible sees it
    /// between two of them.
    pub fn note_states(&mut self, tables: &Tables, request: &Value) {
        let is_record = |item: &&Value| bucket_of(text(&item["bucket_name"])) == BUCKET && !item["event_key"].is_null();
        for record in items(request).filter(is_record) {
            let size = record.get("size").filter(|size| size.get("N").is_some());
            let written_at = moment(&record["event_time"]).as_millisecond();
            self.note_change(vec![(
                text(&record["object_name"]).to_owned(),
                size.map(|size| object(size, record, written_at)),
            )]);
        }
        let rows = items(request).filter(|item| item["event_key"].is_null());
        let rows = rows.map(|row| text(&row["object_name"])).filter(|name| tables.objects.contains_key(*name));
        let live = |row: &Value| {
            let written_at = row["last_modified_ms"]["N"].as_str().and_then(|at| at.parse().ok());
            Some(object(row.get("size")?, row, written_at?))
        };
        self.note_change(rows.map(|name| (name.to_owned(), live(&tables.objects[name]))).collect());
    }

    fn note_change(&mut self, mut change: Change) {
        change.retain(|(name, object)| self.newest.get(name) != object.as_ref());
        if !change.is_empty() {
            apply(&mut self.newest, &change);
            self.changes.push(change);
        }
    }

    /// Keeps an event that the bucket published.
    pub fn note_event(&mut self, record: &Value) {
        let name = Bucket::name(record["s3"]["object"]["key"].as_str().unwrap());
        let (sequencer, event_name) = (&record["s3"]["object"]["sequencer"], &record["eventName"]);
        self.events.insert(event(&name, sequencer.as_str().unwrap(), event_name.as_str().unwrap()));
    }

    /// Keeps a line of the logger.
    pub fn note_line(&mut self, line: &ObjectEventLine) {
        let event = event(line.object_name.as_str(), &line.sequencer.to_string(), &line.event_type);
        self.lines.push((event, line.size_delta));
    }
}

fn apply(state: &mut State, change: &Change) {
    for (name, object) in change {
        match object {
            Some(object) => state.insert(name.clone(), object.clone()),
            None => state.remove(name),
        };
    }
}

fn object(size: &Value, item: &Value, written_at: i64) -> Object {
    Object { size: number(size), version: version(item), written_at }
}

fn version(item: &Value) -> Version {
    (text(&item["sequencer"]).to_owned(), text(&item["etag"]).to_owned())
}

fn event(name: &str, sequencer: &str, event_name: &str) -> Event {
    (name.to_owned(), sequencer.trim_start_matches('0').to_owned(), event_name.to_owned())
}

/// Whether a transaction puts on record what an invocation has just chosen, rather than what came of it.
pub fn begins_cleaning(request: &Value, seen: &Seen) -> bool {
    new_objects(request, seen).any(|object| object["outcome"]["S"].as_str().is_none())
}

/// The objects that were chosen since an invocation last began to decide.
fn new_objects<'a>(request: &'a Value, seen: &Seen) -> impl Iterator<Item = &'a Value> + use<'a> {
    let since = jiff::Timestamp::from_millisecond(seen.decides_since()).unwrap();
    let is_new = move |object: &&Value| text(&object["chosen_at"]).parse().is_ok_and(|at: jiff::Timestamp| at == since);
    cleaning_records(request).flat_map(objects).filter(is_new)
}

fn cleaning_records(request: &Value) -> impl Iterator<Item = &Value> {
    items(request).filter(|item| item["bucket_name"]["S"] == "__CLEANINGS__")
}

/// What a transaction puts.
pub fn items(request: &Value) -> impl Iterator<Item = &Value> {
    request["TransactItems"].as_array().into_iter().flatten().map(|action| &action["Put"]["Item"])
}

fn objects(record: &Value) -> impl Iterator<Item = &Value> {
    record["objects"]["L"].as_array().into_iter().flatten().map(|object| &object["M"])
}

/// Checks what the cleaner chose: it has to be what the rule asks for on one of the states that the ledger had while the
/// cleaner decided, less what was being deleted already.
pub fn check_choice(world: &mut World, seen: &mut Seen, before: &Tables, request: &Value) {
    // Another invocation may have begun in the same millisecond; what it chose is taken over.
    let taken_over: Vec<&Value> = before.history.values().flat_map(objects).collect();
    let is_taken_over = |object: &&Value| {
        let same =
            |other: &&Value| ["object_name", "sequencer", "chosen_at"].iter().all(|key| other[key] == object[key]);
        taken_over.iter().any(same)
    };
    let new: Vec<&Value> = new_objects(request, seen).filter(|object| !is_taken_over(object)).collect();
    let named = |object: &&Value| (text(&object["object_name"]).to_owned(), (number(&object["size"]), version(object)));
    let chosen: Chosen = new.iter().map(named).collect();
    let is_cleaning = before.objects.get("__CLEANER__").is_some_and(|row| row["unfinished"]["BOOL"] == true);
    let rule = |made| {
        let left = world.plan.rule.max_deletes.saturating_sub(made);
        Rule { max_deletes: left.min(world.plan.limits.round), ..world.plan.rule.clone() }
    };
    let rules: Vec<_> = seen.made().map(rule).collect();
    let words = words(before);
    // What S3 refuses it learns when a round is over.
    let all: BTreeSet<&str> = seen.refused.iter().map(String::as_str).collect();
    let is_over = |name: &&str| {
        let own = words.iter().filter(|(object, _)| object.0 == **name && seen.chosen_versions.contains(*object));
        own.flat_map(|(_, said)| newest(said)).any(|word| word.outcome.as_deref() == Some("Refused"))
    };
    let refused = [all.iter().copied().filter(is_over).collect(), all];
    let audited_at = repairs::audited_at(before);
    let has_ages = !world.plan.rule.minimum_age.is_zero();
    let moments = if has_ages { seen.decided_since.clone() } else { vec![seen.decides_since()] };
    let asks = world.reference.each_state().skip(seen.first_state - 1).any(|state| {
        let (sure, doubtful) = under_way(&state, &words, audited_at, seen);
        // Of what is in doubt S3 was not asked, or did not answer: either may have been taken for true.
        (0..1_u32 << doubtful.len().min(8)).any(|which| {
            let believed = doubtful.iter().enumerate().filter(|(bit, _)| which >> (bit % 8) & 1 == 1);
            let gone: BTreeSet<&str> = believed.map(|(_, name)| *name).chain(sure.iter().copied()).collect();
            let there = state.iter().filter(|(name, _)| !gone.contains(name.as_str()));
            let there: BTreeMap<_, _> = there.collect();
            let asks = |rule: &Rule, now| {
                refused.iter().any(|refused| asks_for(rule, is_cleaning, &there, refused, now, &chosen))
            };
            rules.iter().any(|rule| moments.iter().any(|now| asks(rule, *now)))
        })
    });
    if !asks {
        let newest = &world.reference.newest;
        let what = format!("{rules:?} do not ask for {chosen:?} on {newest:?}; on record were {words:?}");
        world.reference.violations.push(what);
    }
    seen.chosen_versions.extend(chosen.into_iter().map(|(name, (_, version))| (name, version)));
    seen.chosen
        .extend(new.iter().map(|object| (text(&object["object_name"]).to_owned(), text(&object["etag"]).to_owned())));
    world.count("cleanings begun");
}

/// What was chosen: by name, the size and the version.
type Chosen = BTreeMap<String, (u64, Version)>;

/// What the records say of a version of an object.
type Words = BTreeMap<(String, Version), Vec<Word>>;

/// What a record says of one.
#[derive(Debug)]
struct Word {
    /// When it was chosen, and when the cleaning is over, in milliseconds.
    chosen_at: i64,
    over_at: i64,
    /// What came of the deletion.
    outcome: Option<String>,
}

fn words(tables: &Tables) -> Words {
    let mut words = Words::new();
    for ((partition, _), record) in &tables.history {
        if partition != "__CLEANINGS__" {
            continue;
        }
        for object in objects(record) {
            let [chosen_at, over_at] = ["chosen_at", "over_at"].map(|field| moment(&object[field]).as_millisecond());
            let key = (text(&object["object_name"]).to_owned(), version(object));
            let outcome = object["outcome"]["S"].as_str().map(str::to_owned);
            words.entry(key).or_default().push(Word { chosen_at, over_at, outcome });
        }
    }
    words
}

/// The last words on a version. If it was chosen once more, it was still there, whatever was said of it before.
fn newest(said: &[Word]) -> impl Iterator<Item = &Word> {
    let newest = said.iter().map(|word| word.chosen_at).max();
    said.iter().filter(move |word| Some(word.chosen_at) == newest)
}

/// The objects of a state that are surely being deleted already, and those of which it is open.
fn under_way<'a>(
    state: &'a State,
    words: &Words,
    audited_at: Option<i64>,
    seen: &Seen,
) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut sure, mut doubtful) = (Vec::new(), Vec::new());
    for (name, object) in state {
        let Some(said) = words.get(&(name.clone(), object.version.clone())) else { continue };
        let said: Vec<_> = newest(said).collect();
        let any = |outcomes: &[&str]| {
            said.iter().any(|word| word.outcome.as_deref().is_some_and(|outcome| outcomes.contains(&outcome)))
        };
        let is_pending = |outcome: &Option<String>| outcome.as_deref().is_none_or(|outcome| outcome == "Failed");
        let runs = said.iter().any(|word| is_pending(&word.outcome) && seen.decides_since() < word.over_at);
        let is_open = said.iter().any(|word| is_pending(&word.outcome));
        let is_kept = any(&["Refused", "Kept"]);
        let is_done = any(&["Deleted", "AlreadyGone", "Overwritten"]);
        // An audit has seen it since, so that S3 was asked.
        let is_audited = said.iter().all(|word| audited_at.is_some_and(|audited_at| audited_at > word.over_at));
        match seen.looked_up.get(name) {
            Some(true) if is_audited => {}
            None if is_done && is_audited => doubtful.push(name.as_str()),
            _ if is_done || runs && !is_kept => sure.push(name.as_str()),
            Some(true) => {}
            Some(false) => sure.push(name.as_str()),
            None if is_open => doubtful.push(name.as_str()),
            None => {}
        }
    }
    (sure, doubtful)
}

/// Whether the rule asks for these objects, of those that are there.
fn asks_for(
    rule: &Rule,
    is_cleaning: bool,
    there: &BTreeMap<&String, &Object>,
    refused: &BTreeSet<&str>,
    now: i64,
    chosen: &Chosen,
) -> bool {
    let age = |object: &Object| now - object.written_at;
    let is_candidate = |(name, object): &(&String, &Object)| {
        let is_old = rule.minimum_age.is_zero() || i128::from(age(object)) >= rule.minimum_age.as_millis();
        object.size > 0 && is_old && !is_protected(rule, name) && !refused.contains(name.as_str())
    };
    let (going, staying): (Vec<_>, Vec<_>) =
        there.iter().map(|(name, object)| (*name, *object)).filter(is_candidate).partition(|(name, object)| {
            chosen.get(*name).is_some_and(|(size, sequencer)| (*size, sequencer) == (object.size, &object.version))
        });
    let total: u64 = there.values().map(|object| object.size).sum();
    let gone: u64 = going.iter().map(|(_, object)| object.size).sum();
    // What is chosen goes before all that stays, and its last one is needed.
    let place = |object: &Object| match rule.delete_first {
        DeleteFirst::Largest => -(object.size as i64),
        DeleteFirst::Oldest => object.written_at,
    };
    let last = going.iter().map(|(_, object)| place(object)).max();
    let is_in_order = staying.iter().all(|(_, object)| last.is_none_or(|last| place(object) >= last));
    let mut lasts = going.iter().filter(|(_, object)| Some(place(object)) == last);
    let is_needed = lasts.any(|(_, object)| total - (gone - object.size) >= rule.target_bytes);
    let is_enough = total - gone < rule.target_bytes || going.len() == rule.max_deletes || staying.is_empty();
    let has_begun = total >= if is_cleaning { rule.target_bytes } else { rule.threshold_bytes };
    let is_allowed = going.len() == chosen.len() && going.len() <= rule.max_deletes;
    is_allowed && has_begun && is_in_order && is_needed && is_enough
}

fn is_protected(rule: &Rule, name: &str) -> bool {
    rule.protected.protect(&ObjectName::new(name).unwrap())
}

/// Checks what the cleaner had S3 do to an object that had this ETag before, and keeps what S3 said.
pub fn check_request(world: &mut World, seen: &mut Seen, etag: Option<&str>, request: &HttpRequest, reply: &Reply) {
    let name = Bucket::requested(request);
    match (request.method(), reply.status) {
        ("HEAD", _) => {
            let condition = request.headers().get("if-match").map(|condition| condition.trim_matches('"'));
            let is_there = etag.is_some() && condition.is_none_or(|condition| Some(condition) == etag);
            seen.looked_up.insert(name, is_there);
        }
        ("DELETE", 403) => {
            seen.refused.push(name);
        }
        ("DELETE", 204) => {
            world.count("objects deleted");
            repairs::check_deletion(world, &name);
            if seen.chosen.get(&name).map(String::as_str) != etag {
                let what = format!("{name} with the ETag {etag:?} was deleted without being on record");
                world.reference.violations.push(what);
            }
        }
        _ => {}
    }
}

/// What is wrong once nothing happens any more.
pub fn check_end(world: &World) -> Result<(), String> {
    if let Some(violation) = world.reference.violations.first() {
        return Err(violation.clone());
    }
    let unreadable = world.tracking.dead.iter().filter(|dead| *dead == crate::GARBAGE).count() as u64;
    let sent = world.counts.get("messages that nobody can read").copied().unwrap_or_default();
    // One may be given to the dead-letter queue twice, if the answer is lost.
    if unreadable < sent {
        return Err(format!("{unreadable} dead letters that nobody can read instead of {sent}"));
    }
    let sizes = check_ledger(world)?;
    let total: u64 = sizes.values().sum();
    let rule = &world.plan.rule;
    let is_old = |name: &str| {
        let row = world.tables.objects.get(name);
        let written_at = row.and_then(|row| row["last_modified_ms"]["N"].as_str()?.parse::<i64>().ok());
        written_at.is_some_and(|at| i128::from(millis() - at) >= rule.minimum_age.as_millis())
    };
    let is_deletable = |(name, size): (&String, &u64)| *size > 0 && is_old(name) && !is_protected(rule, name);
    if total >= rule.threshold_bytes && sizes.iter().any(is_deletable) {
        return Err(format!("the total is still {total} bytes, and the threshold {}", rule.threshold_bytes));
    }
    check_lines(world)
}

/// Whether the ledger is the bucket, whose sizes it gives, as far as that can be known.
pub fn check_ledger(world: &World) -> Result<BTreeMap<String, u64>, String> {
    let mut sizes = world.bucket.sizes();
    for dead in world.tracking.dead.iter().chain(&world.logging.dead) {
        if dead == crate::GARBAGE {
            continue;
        }
        let name = too_late(dead).ok_or_else(|| format!("a message was not applied: {dead}"))?;
        // The ledger can't know whether the object is still there: the audit's matter.
        if world.tables.objects.get(&name).is_none_or(|row| row.get("size").is_none()) {
            sizes.remove(&name);
        }
    }
    world.tables.sums(&sizes)?;
    Ok(sizes)
}

/// The object of a message that is too old to be applied.
pub fn too_late(message: &str) -> Option<String> {
    let envelope: Value = serde_json::from_str(message).ok()?;
    let text: Value = serde_json::from_str(envelope["Message"].as_str()?).ok()?;
    let record = &text["Records"][0];
    let at: jiff::Timestamp = record["eventTime"].as_str()?.parse().ok()?;
    let is_old = millis() - at.as_millisecond() >= 15 * 86_400_000;
    let is_creation = record["eventName"].as_str()?.starts_with("ObjectCreated");
    (is_old && is_creation).then(|| Bucket::name(record["s3"]["object"]["key"].as_str().unwrap_or_default()))
}

/// Every event has a line, and no line says anything else than the history.
fn check_lines(world: &World) -> Result<(), String> {
    let reference = &world.reference;
    // A deletion that comes once more after its tombstone has expired is recorded once more.
    let recorded: BTreeSet<(Event, i64)> = world
        .tables
        .records()
        .into_iter()
        .map(|record| {
            let key = event(text(&record["object_name"]), text(&record["sequencer"]), text(&record["event_type"]));
            (key, record["size_delta"]["N"].as_str().unwrap().parse().unwrap())
        })
        .collect();
    for (event, size_delta) in &reference.lines {
        if size_delta.is_some_and(|size_delta| !recorded.contains(&(event.clone(), size_delta))) {
            return Err(format!("a line says {size_delta:?} of {event:?}, and the history does not"));
        }
    }
    let logged: BTreeSet<&Event> = reference.lines.iter().map(|(event, _)| event).collect();
    match reference.events.iter().find(|event| !logged.contains(event)) {
        Some(event) => Err(format!("there is no line of {event:?}")),
        None => Ok(()),
    }
}

fn moment(attribute: &Value) -> jiff::Timestamp {
    text(attribute).parse().unwrap()
}

pub fn text(attribute: &Value) -> &str {
    attribute["S"].as_str().unwrap_or_default()
}

pub fn number(attribute: &Value) -> u64 {
    attribute["N"].as_str().unwrap().parse().unwrap()
}
