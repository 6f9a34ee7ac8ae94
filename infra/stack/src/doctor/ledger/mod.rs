//! The ledger against the bucket: all of a small one, samples of a large one.
//!
//! The two are never read at one moment, and events take a while. So what differs is looked at again until it agrees, or until
//! patience is at an end; and then only what has stayed the same through two looks is called a difference.

mod judge;
mod look;

use spillway_aws::CallError;
use tokio::time::{Instant, sleep};

use super::Settings;
use super::finding::{Finding, Judgement};
use super::subject::Subject;
use judge::judge;
use look::Look;

/// How the ledger of an existing bucket is put right.
const AUDIT: &str = "see that tracking's queue and dead-letter queue are empty first; if it still differs then, `cargo stack \
                     audit` puts the ledger right, and writes nothing to the bucket";

pub(super) async fn look(subject: &Subject<'_>, settings: &Settings) -> Vec<Finding> {
    let looked_at = format!("{} against {}", subject.outputs.object_table_name, subject.outputs.test_bucket_name);
    vec![Finding::of("ledger", looked_at, compare(subject, settings).await, |judgement| judgement)]
}

async fn compare(subject: &Subject<'_>, settings: &Settings) -> Result<Judgement, CallError> {
    let deadline = Instant::now() + settings.patience;
    let mut pause = settings.pause;
    let mut before = Look::take(subject, settings.exact_up_to).await?;
    loop {
        if before.agrees() {
            return Ok(Judgement::healthy(before.to_string()));
        }
        sleep(pause).await;
        let now = Look::take(subject, settings.exact_up_to).await?;
        if !now.agrees() && Instant::now() >= deadline {
            return Ok(match judge(&before, &now, &subject.outputs, |words| subject.aws(words)) {
                // Nothing is announced anew in a bucket that isn't the stack's: that would write to it.
                Judgement::Wrong { saw, .. } if subject.has_existing_bucket() => Judgement::wrong(saw, AUDIT),
                judgement => judgement,
            });
        }
        before = now;
        // Each look at a large bucket is a hundred requests and more.
        pause = (pause * 2).min(deadline.saturating_duration_since(Instant::now())).max(settings.pause);
    }
}
