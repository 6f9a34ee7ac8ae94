//! What people do to the bucket, and how its events reach the queues.

use serde_json::json;

use crate::GARBAGE;
use crate::runs::Breakage;
use crate::safeguard;
use crate::world::{Shared, World, millis, one_of, pass};

/// How late a message comes at most if it is not given to a dead-letter queue, in milliseconds.
pub const LATE: i64 = 300_000;

/// Has users write, copy and delete objects, and S3 expire them.
pub async fn live(shared: &Shared) {
    let events = shared.lock().plan.events;
    for event in 0..events {
        let (gap, is_audited) = {
            let mut world = shared.lock();
            let is_audited = world.plan.audits.is_some();
            let pause = world.plan.pause.filter(|(before, _)| *before == event).map(|(_, days)| days * 86_400_000);
            if let Some(pause) = pause {
                world.paused_until = millis() + pause;
            }
            let gap = pause.unwrap_or_else(|| match world.rng.u32(..100) {
                // Long enough for an audit to find that nothing is under way.
                97.. if is_audited => world.rng.i64(0..3_600_000),
                0..70 => world.rng.i64(0..200),
                70..95 => world.rng.i64(0..10_000),
                _ => world.rng.i64(0..120_000),
            });
            (gap, is_audited)
        };
        pass(gap).await;
        let mut world = shared.lock();
        if world.plan.pause.is_some_and(|(before, _)| before == event) {
            world.tables.expire(millis());
            redrive(&mut world);
        }
        for _ in 0..world.plan.burst {
            act(&mut world);
            publish(&mut world);
        }
        if is_audited {
            operate(&mut world);
        }
        drop(world);
        shared.arrival.notify_waiters();
    }
}

/// Has the bucket hold objects whose events nobody has heard.
pub fn fill(world: &mut World) {
    let adopted = world.plan.audits.as_ref().map_or(0, |audits| audits.adopted);
    for number in 0..adopted {
        let size = one_of(&mut world.rng, &[0, 1, 5, 10, 28]);
        world.bucket.put(&format!("ä +{number}"), size, &format!("{size}-0"), millis());
    }
    hide_events(world);
}

/// Now and then has most of the bucket change without anybody's hearing of it, as if it were restored behind the ledger's back.
pub async fn upheave(shared: &Shared) {
    const PAUSE: i64 = 2 * 3_600_000;
    let Some((upheavals, objects)) = shared.lock().plan.audits.as_ref().map(|it| (it.upheavals, it.adopted)) else {
        return;
    };
    for _ in 0..upheavals {
        pass(PAUSE).await;
        let mut world = shared.lock();
        world.note(|| "the bucket changes behind the ledger's back".to_owned());
        for number in 0..objects {
            let name = format!("ä +{number}");
            match world.rng.u32(..4) {
                0 => world.bucket.delete(&name, millis()),
                1 => world.bucket.put(&name, 5, "5-1", millis()),
                2 => world.bucket.put(&name, 10, "10-1", millis()),
                _ => {}
            }
        }
        hide_events(&mut world);
    }
}

/// Nobody hears of what the bucket has published.
fn hide_events(world: &mut World) {
    for record in std::mem::take(&mut world.bucket.events) {
        world.repairs.note_event(&world.bucket, &record, true);
    }
}

/// Has the queues deliver their dead letters again.
pub fn redrive(world: &mut World) {
    let at = millis();
    world.note(|| "the dead letters are delivered again".to_owned());
    world.tracking.redrive(at);
    world.logging.redrive(at);
}

/// Now and then the dead letters are delivered again, or nothing reads the tracking queue for a while.
fn operate(world: &mut World) {
    match world.rng.u32(..100) {
        0..4 => redrive(world),
        4..6 => {
            let minutes = world.rng.i64(1..90);
            world.note(|| format!("for {minutes} minutes nothing reads the tracking queue"));
            world.untracked_until = millis() + minutes * 60_000;
        }
        _ => {}
    }
}

/// Has a user write or delete the very object that an audit looks at.
pub fn meddle(world: &mut World, name: &str) {
    let at = millis();
    world.note(|| format!("a user meddles with {name}"));
    if world.rng.bool() {
        world.bucket.put(name, 10, "10-0", at);
    } else {
        world.bucket.delete(name, at);
    }
    publish(world);
}

fn act(world: &mut World) {
    let at = millis();
    let prefix = if world.rng.u32(..10) == 0 { "keep/" } else { "" };
    let names = if prefix.is_empty() { world.plan.names } else { 2 };
    let name = format!("{prefix}ä +{}", world.rng.u32(..names));
    match world.rng.u32(..100) {
        0..60 => {
            let size = one_of(&mut world.rng, &[0, 1, 5, 10, 10, 10, 28, 28, 55, 100]);
            // A second upload of the same content has the same ETag.
            let etag = format!("{size}-{}", world.rng.u32(..3));
            world.note(|| format!("a user writes {name}, {size} bytes, {etag}"));
            world.bucket.put(&name, size, &etag, at);
        }
        60..66 => {
            let to = format!("{prefix}ä +{}", world.rng.u32(..12));
            world.note(|| format!("a user copies {name} to {to}"));
            world.bucket.copy(&name, &to, at);
        }
        66..80 => {
            world.note(|| format!("a user deletes {name}"));
            world.bucket.delete(&name, at);
        }
        80..86 => {
            world.note(|| format!("{name} expires"));
            world.bucket.expire(&name, at);
        }
        86..92 => {
            let versions = world.bucket.old_versions(&name);
            if let Some(version) = world.rng.choice(versions) {
                world.note(|| format!("a user deletes version {version} of {name}"));
                world.bucket.delete_version(&name, &version, at);
            }
        }
        92..96 => {
            world.note(|| format!("S3 refuses from now on to delete {name}"));
            world.bucket.refusals.insert(name, (403, "AccessDenied"));
        }
        _ => world.bucket.refusals.clear(),
    }
    if world.rng.u32(..200) == 0 {
        world.count("messages that nobody can read");
        world.tracking.send(GARBAGE.into(), at);
    }
}

/// Has SNS deliver what the bucket published: at least once, in any order.
pub fn publish(world: &mut World) {
    if world.is_broken(&[Breakage::Events]) {
        world.bucket.events.clear();
    }
    for record in std::mem::take(&mut world.bucket.events) {
        let losses = world.plan.losses;
        let is_lost = world.happens(losses);
        world.repairs.note_event(&world.bucket, &record, is_lost);
        let record = safeguard::event(world, record);
        // It may be lost before or behind the topic.
        if is_lost && world.rng.bool() {
            continue;
        }
        world.reference.note_event(&record);
        let text = json!({ "Records": [record] }).to_string();
        let body = json!({ "Type": "Notification", "Message": text }).to_string();
        let mischief = world.plan.mischief;
        let copies = if world.happens(mischief) { 2 } else { 1 };
        for _ in 0..copies {
            for is_tracking in [true, false] {
                if is_tracking && is_lost {
                    continue;
                }
                let is_late = world.happens(mischief / 4);
                let late = world.rng.i64(0..if is_late { LATE } else { 1500 });
                // A queue that could not be reached for days: SNS gave the message to a dead-letter queue.
                let delays = world.plan.delays;
                let is_dead = world.happens(mischief / 10 + delays);
                let queue = if is_tracking { &mut world.tracking } else { &mut world.logging };
                if is_dead {
                    queue.dead.push(body.clone());
                } else {
                    queue.send(body.clone(), millis() + late);
                }
            }
        }
    }
}
