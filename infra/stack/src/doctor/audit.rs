//! When the ledger was last compared with the bucket.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;
use spillway_contracts::audit::AUDITED_KEY;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// How old the last audit may be, as AuditAgeAlarm has it.
const OLDEST: SignedDuration = SignedDuration::from_hours(48);

/// The last audit that ended well.
struct Audited {
    bucket: String,
    at: Timestamp,
}

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let again = subject.connection.cargo_stack(["audit"]);
    let bucket = &subject.outputs.test_bucket_name;
    vec![Finding::of("last audit", AUDITED_KEY, read(subject).await, |audited| {
        judge(audited.as_ref(), bucket, subject.has_existing_bucket(), Timestamp::now(), &again)
    })]
}

async fn read(subject: &Subject<'_>) -> Result<Option<Audited>, CallError> {
    let key = AttributeValue::S(AUDITED_KEY.to_owned());
    let request = subject.dynamodb.get_item().table_name(&subject.outputs.object_table_name).key("object_name", key);
    let answer = request.consistent_read(true).send().await.map_err(CallError::of("GetItem"))?;
    let Some(row) = answer.item else { return Ok(None) };
    let text = |name| row.get(name).and_then(|it| it.as_s().ok()).cloned().unwrap_or_default();
    Ok(Some(Audited { bucket: text("audited_bucket"), at: text("audited_at").parse().unwrap_or_default() }))
}

fn judge(audited: Option<&Audited>, bucket: &str, is_existing: bool, now: Timestamp, again: &str) -> Judgement {
    match audited {
        None if is_existing => Judgement::noted(format!(
            "none has ended well, so the ledger may lack what the bucket held before, and the cleaner deletes nothing; {again} \
             starts one"
        )),
        None => Judgement::healthy(format!("none yet; {again} starts one")),
        Some(audited) if audited.bucket != bucket => Judgement::wrong(
            format!("it was one of {}, and not of {bucket}, so the cleaner deletes nothing", audited.bucket),
            again,
        ),
        Some(Audited { at, .. }) if now.duration_since(*at) > OLDEST => {
            Judgement::wrong(format!("it started at {at}, more than two days ago"), again)
        }
        Some(Audited { at, .. }) => {
            Judgement::healthy(format!("it started at {at}, and the ledger was right in the end"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_has_to_be_that_of_the_bucket_and_looked_at_lately() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let audited = |bucket: &str, hours: i64| Audited {
            bucket: bucket.to_owned(),
            at: now - SignedDuration::from_hours(hours),
        };
        let is_healthy = |audited: Option<&Audited>, is_existing| {
            matches!(judge(audited, "a", is_existing, now, "again"), Judgement::Healthy { .. })
        };
        assert!(is_healthy(Some(&audited("a", 47)), true));
        assert!(!is_healthy(Some(&audited("a", 49)), true));
        assert!(!is_healthy(Some(&audited("b", 1)), false));
        assert!(is_healthy(None, false));
        assert!(matches!(judge(None, "a", true, now, "again"), Judgement::Noted { .. }));
    }
}
