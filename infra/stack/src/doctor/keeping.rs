//! Whether the bucket keeps what is deleted for as long as it should.

use aws_sdk_s3::types::{BucketVersioningStatus, ExpirationStatus, LifecycleRule};
use serde_json::json;
use spillway_aws::CallError;

use super::bucket::or_none;
use super::finding::{Finding, Judgement};
use super::subject::Subject;
use crate::units::count;

/// The template's rules.
const ABORT: &str = "abort-incomplete-uploads";
const EXPIRE: &str = "expire-what-is-kept";

/// After how many days the template has go what an earlier deployment kept, if this one keeps nothing.
const LEFTOVERS: i32 = 7;

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let days = days(subject);
    let mut findings = vec![versioning(subject, days).await];
    if let Some(days) = days {
        findings.push(lifecycle(subject, days).await);
    }
    findings
}

/// For how long the stack's own bucket keeps what is deleted. A stack doesn't say that of an existing bucket, nor does one that an
/// older version of Spillway deployed.
fn days(subject: &Subject<'_>) -> Option<i32> {
    let days = subject.parameter("KeepDeletedDays").parse().ok();
    days.filter(|_| !subject.has_existing_bucket())
}

async fn versioning(subject: &Subject<'_>, days: Option<i32>) -> Finding {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_bucket_versioning().bucket(bucket).send().await;
    let seen = answer.map_err(CallError::of("GetBucketVersioning"));
    let put = |status: &str| {
        let status = format!("Status={status}");
        let words = ["s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", &status];
        subject.aws(&words)
    };
    Finding::of("bucket versioning", bucket, seen, |seen| judge_versioning(seen.status(), days, put))
}

fn judge_versioning(
    status: Option<&BucketVersioningStatus>,
    days: Option<i32>,
    put: impl Fn(&str) -> String,
) -> Judgement {
    let is_versioned = status == Some(&BucketVersioningStatus::Enabled);
    match (days, status) {
        (Some(days @ 1..), _) if is_versioned => Judgement::healthy(format!(
            "it is versioned: what is deleted or overwritten is kept for {}, and takes space that the ledger does not count",
            in_days(days)
        )),
        (Some(days @ 1..), _) => Judgement::wrong(
            format!("it is not versioned, so that what is deleted is gone for good, but KeepDeletedDays is {days}"),
            put("Enabled"),
        ),
        (Some(_), _) if is_versioned => Judgement::wrong(
            "it is versioned, so that a deletion frees nothing, but KeepDeletedDays is 0",
            format!("deploy with KeepDeletedDays above 0, or suspend versioning: {}", put("Suspended")),
        ),
        (_, None) => Judgement::healthy("it is not versioned: what is deleted frees its space, and is gone for good"),
        (_, Some(BucketVersioningStatus::Suspended)) => Judgement::noted(
            "versioning is suspended: older versions stay, take space that the ledger does not count, and are never deleted by the \
             cleaner",
        ),
        (_, Some(_)) => Judgement::noted(
            "it is versioned: a deletion hides an object and frees nothing, until a lifecycle rule of the bucket expires noncurrent \
             versions; the ledger counts current versions only",
        ),
    }
}

async fn lifecycle(subject: &Subject<'_>, days: i32) -> Finding {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await;
    let seen = answer.map_err(CallError::of("GetBucketLifecycleConfiguration"));
    let seen = or_none(seen, "NoSuchLifecycleConfiguration");
    let put = |days: i32| {
        let abort: i32 = subject.parameter("AbortMultipartUploadsAfterDays").parse().unwrap_or(1);
        let rules = rules(abort, days).to_string();
        let operation = "put-bucket-lifecycle-configuration";
        subject.aws(&["s3api", operation, "--bucket", bucket, "--lifecycle-configuration", &rules])
    };
    Finding::of("bucket lifecycle", bucket, seen, |seen| {
        let rules = seen.and_then(|it| it.rules).unwrap_or_default();
        judge_lifecycle(&rules, if days == 0 { LEFTOVERS } else { days }, put)
    })
}

fn judge_lifecycle(rules: &[LifecycleRule], days: i32, put: impl Fn(i32) -> String) -> Judgement {
    let is_enabled = |rule: &&LifecycleRule| rule.id() == Some(EXPIRE) && *rule.status() == ExpirationStatus::Enabled;
    let expiration = rules.iter().find(is_enabled).and_then(LifecycleRule::noncurrent_version_expiration);
    let saw = match expiration.and_then(|it| it.noncurrent_days()) {
        Some(found) if found == days => {
            return Judgement::healthy(format!("what is not current any more goes after {}", in_days(days)));
        }
        Some(found) => format!("what is not current any more goes after {}, and not after {days}", in_days(found)),
        None => format!("no rule {EXPIRE} has what is not current any more go after {}", in_days(days)),
    };
    let is_ours = |rule: &LifecycleRule| matches!(rule.id(), Some(ABORT | EXPIRE));
    let fix = if rules.iter().all(is_ours) {
        put(days)
    } else {
        // It would replace the rules of others.
        format!("add a rule {EXPIRE}: NoncurrentVersionExpiration after {}, ExpiredObjectDeleteMarker", in_days(days))
    };
    Judgement::wrong(saw, fix)
}

fn in_days(days: i32) -> String {
    count(days.unsigned_abs().into(), "day")
}

/// The template's rules, as S3 takes them.
fn rules(abort: i32, days: i32) -> serde_json::Value {
    let rule = |id: &str| json!({ "ID": id, "Status": "Enabled", "Filter": { "Prefix": "" } });
    let (mut aborting, mut expiring) = (rule(ABORT), rule(EXPIRE));
    aborting["AbortIncompleteMultipartUpload"] = json!({ "DaysAfterInitiation": abort });
    expiring["NoncurrentVersionExpiration"] = json!({ "NoncurrentDays": days });
    expiring["Expiration"] = json!({ "ExpiredObjectDeleteMarker": true });
    json!({ "Rules": [aborting, expiring] })
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::NoncurrentVersionExpiration;

    use super::*;

    const ENABLED: Option<&BucketVersioningStatus> = Some(&BucketVersioningStatus::Enabled);
    const SUSPENDED: Option<&BucketVersioningStatus> = Some(&BucketVersioningStatus::Suspended);

    fn versioning(status: Option<&BucketVersioningStatus>, days: Option<i32>) -> Judgement {
        judge_versioning(status, days, str::to_owned)
    }

    #[test]
    fn the_versions_of_a_bucket_that_somebody_else_configures_are_told_of() {
        assert!(matches!(versioning(None, None), Judgement::Healthy { .. }));
        for status in [ENABLED, SUSPENDED] {
            assert!(matches!(versioning(status, None), Judgement::Noted { .. }));
        }
    }

    #[test]
    fn the_stacks_own_bucket_is_versioned_as_its_parameter_says() {
        assert!(matches!(versioning(None, Some(0)), Judgement::Healthy { .. }));
        assert!(matches!(versioning(SUSPENDED, Some(0)), Judgement::Noted { .. }));
        assert!(matches!(versioning(ENABLED, Some(7)), Judgement::Healthy { .. }));
        let fix = "deploy with KeepDeletedDays above 0, or suspend versioning: Suspended";
        let saw = "it is versioned, so that a deletion frees nothing, but KeepDeletedDays is 0";
        assert_eq!(versioning(ENABLED, Some(0)), Judgement::wrong(saw, fix));
        let saw = "it is not versioned, so that what is deleted is gone for good, but KeepDeletedDays is 7";
        for status in [None, SUSPENDED] {
            assert_eq!(versioning(status, Some(7)), Judgement::wrong(saw, "Enabled"));
        }
    }

    #[test]
    fn the_rule_that_expires_what_is_kept_is_there_and_right() {
        let rule = |id: &str, days: Option<i32>| {
            let expiration = days.map(|days| NoncurrentVersionExpiration::builder().noncurrent_days(days).build());
            let rule = LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled);
            rule.set_noncurrent_version_expiration(expiration).build().unwrap()
        };
        let judge = |rules: &[LifecycleRule]| judge_lifecycle(rules, 7, |days| format!("put {days}"));
        let right = rule(EXPIRE, Some(7));
        assert!(matches!(judge(&[rule("theirs", Some(1)), right]), Judgement::Healthy { .. }));
        let saw = "no rule expire-what-is-kept has what is not current any more go after 7 days";
        assert_eq!(judge(&[rule(ABORT, None)]), Judgement::wrong(saw, "put 7"));
        let wrong = rule(EXPIRE, Some(1));
        let saw = "what is not current any more goes after 1 day, and not after 7";
        assert_eq!(judge(std::slice::from_ref(&wrong)), Judgement::wrong(saw, "put 7"));
        let fix = "add a rule expire-what-is-kept: NoncurrentVersionExpiration after 7 days, ExpiredObjectDeleteMarker";
        assert_eq!(judge(&[wrong, rule("theirs", None)]), Judgement::wrong(saw, fix));
    }
}
