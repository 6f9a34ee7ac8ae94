//! The bucket itself: whether it can be had, and what of its configuration bears on deletions.

use aws_sdk_s3::types::ReplicationRuleStatus;
use serde_json::Value;
use spillway_aws::CallError;

use super::bucket_policy::Role;
use super::finding::{Finding, Judgement};
use super::subject::Subject;
use super::{bucket_policy, keeping, notification};

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let bucket = existence(subject).await;
    if !bucket.is_healthy() {
        // Each of the others would only say so again.
        return vec![bucket];
    }
    let (notification, keeping, lock, replication, policy) = tokio::join!(
        Box::pin(notification::look(subject)),
        Box::pin(keeping::look(subject)),
        Box::pin(object_lock(subject)),
        Box::pin(replication(subject)),
        Box::pin(policy(subject)),
    );
    let mut findings = vec![bucket, notification];
    findings.extend(keeping);
    findings.extend([lock, replication, policy]);
    findings
}

/// What S3 says to who asks for a bucket of the stack's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer<'a> {
    status: u16,
    /// The bucket's region, if S3 says it.
    region: Option<&'a str>,
    /// Whether it is there for who does not say whose it should be.
    is_elsewhere: bool,
}

async fn existence(subject: &Subject<'_>) -> Finding {
    const REGION: &str = "x-amz-bucket-region";
    let bucket = &subject.outputs.test_bucket_name;
    let head = subject.s3.head_bucket().bucket(bucket);
    let answer = head.clone().expected_bucket_owner(subject.account()).send().await;
    let (status, region) = match &answer {
        Ok(answer) => (200, answer.bucket_region().map(str::to_owned)),
        Err(error) => {
            let response = error.raw_response();
            let region = response.and_then(|it| it.headers().get(REGION)).map(str::to_owned);
            (response.map_or(0, |it| it.status().as_u16()), region)
        }
    };
    let is_elsewhere = status == 403 && head.send().await.is_ok();
    let seen = match (answer.map_err(CallError::of("HeadBucket")), status) {
        (Err(error), 0 | 500..) => Err(error),
        _ => Ok(Answer { status, region: region.as_deref(), is_elsewhere }),
    };
    let place = Place { account: subject.account(), region: subject.region() };
    let is_own = !subject.has_existing_bucket();
    Finding::of("bucket", bucket, seen, |answer| judge(answer, place, is_own))
}

/// Where the stack is.
#[derive(Clone, Copy)]
struct Place<'a> {
    account: &'a str,
    region: &'a str,
}

fn judge(answer: Answer<'_>, place: Place<'_>, is_own: bool) -> Judgement {
    let Place { account, region } = place;
    let name = if is_own { "deploy the stack anew" } else { "deploy with the right ExistingBucketName" };
    match answer {
        Answer { is_elsewhere: true, .. } => Judgement::wrong(
            format!("it belongs to another account than the stack, whose account is {account}"),
            "deploy the stack in the bucket's account, or with another ExistingBucketName",
        ),
        Answer { status: 403, .. } => Judgement::Unseen {
            why: "S3 answers 403: it belongs to another account, or whoever runs this may not list it (s3:ListBucket)"
                .to_owned(),
            fix: format!(
                "see that it is in the account {account}, and let whoever runs this have infra/stack/read-policy.json"
            ),
        },
        Answer { region: Some(other), .. } if other != region => Judgement::wrong(
            format!(
                "it is in {other}, and the stack is in {region}: EventBridge tells of events in the bucket's region only"
            ),
            format!("deploy the stack in {other}"),
        ),
        Answer { status: 200, .. } => Judgement::healthy(format!("it is in {region}, in the account {account}")),
        Answer { status: 404, .. } => Judgement::wrong("there is no such bucket", name),
        Answer { status, .. } => Judgement::wrong(format!("S3 answers {status} to who asks for it"), name),
    }
}

async fn object_lock(subject: &Subject<'_>) -> Finding {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_object_lock_configuration().bucket(bucket).send().await;
    let seen = answer.map_err(CallError::of("GetObjectLockConfiguration"));
    let seen = or_none(seen, "ObjectLockConfigurationNotFoundError");
    Finding::of("bucket Object Lock", bucket, seen, |seen| {
        if seen.is_some_and(|it| it.object_lock_configuration.is_some()) {
            Judgement::noted(
                "Object Lock is on: what it retains can be hidden, but its versions stay, and the space that they take is not freed",
            )
        } else {
            Judgement::healthy("Object Lock is off")
        }
    })
}

async fn replication(subject: &Subject<'_>) -> Finding {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_bucket_replication().bucket(bucket).send().await;
    let seen = answer.map_err(CallError::of("GetBucketReplication"));
    let seen = or_none(seen, "ReplicationConfigurationNotFoundError");
    Finding::of("bucket replication", bucket, seen, |seen| {
        let rules = seen.and_then(|it| it.replication_configuration).map(|it| it.rules).unwrap_or_default();
        if rules.iter().any(|it| *it.status() == ReplicationRuleStatus::Enabled) {
            Judgement::noted(
                "it is replicated: replicas take space elsewhere that the ledger does not count, and whether a deletion reaches them \
                 is for the replication's rules to say",
            )
        } else {
            Judgement::healthy("it is not replicated")
        }
    })
}

async fn policy(subject: &Subject<'_>) -> Finding {
    let bucket = &subject.outputs.test_bucket_name;
    let answer = subject.s3.get_bucket_policy().bucket(bucket).send().await;
    let seen = or_none(answer.map_err(CallError::of("GetBucketPolicy")), "NoSuchBucketPolicy");
    Finding::of("bucket policy", bucket, seen, |seen| {
        let policy: Value =
            seen.and_then(|it| it.policy).and_then(|policy| serde_json::from_str(&policy).ok()).unwrap_or_default();
        let by_runs = bucket_policy::NEEDED_BY_RUNS.iter().filter(|_| !subject.has_existing_bucket());
        let roles = bucket_policy::NEEDED.iter().chain(by_runs);
        let roles: Vec<_> = roles.map(|&(name, needs)| Role { name, arn: subject.role_arn(name), needs }).collect();
        bucket_policy::judge(&policy, &subject.bucket_arn(), &roles, subject.account())
    })
}

/// `None` if S3 answers with the code for what isn't configured.
pub(super) fn or_none<T>(seen: Result<T, CallError>, code: &str) -> Result<Option<T>, CallError> {
    match seen {
        Err(error) if error.code() == Some(code) => Ok(None),
        seen => seen.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { account: "000000000000", region: "us-east-1" };

    fn saw(status: u16, region: Option<&str>, is_elsewhere: bool) -> String {
        match judge(Answer { status, region, is_elsewhere }, PLACE, false) {
            Judgement::Healthy { saw } => saw,
            Judgement::Wrong { saw, fix } => format!("{saw} -> {fix}"),
            Judgement::Unseen { why, fix } => format!("{why} -> {fix}"),
            Judgement::Noted { saw } => panic!("{saw}"),
        }
    }

    #[test]
    fn a_bucket_is_in_the_stacks_account_and_region() {
        assert_eq!(saw(200, Some("us-east-1"), false), "it is in us-east-1, in the account 000000000000");
        let name = "deploy with the right ExistingBucketName";
        assert_eq!(saw(404, None, false), format!("there is no such bucket -> {name}"));
        assert_eq!(saw(400, None, false), format!("S3 answers 400 to who asks for it -> {name}"));
        let expect = "it is in eu-west-1, and the stack is in us-east-1: EventBridge tells of events in the bucket's region only -> \
                      deploy the stack in eu-west-1";
        assert_eq!(saw(301, Some("eu-west-1"), false), expect);
        let expect = "it belongs to another account than the stack, whose account is 000000000000 -> deploy the stack in the \
                      bucket's account, or with another ExistingBucketName";
        assert_eq!(saw(403, Some("us-east-1"), true), expect);
        let expect = "S3 answers 403: it belongs to another account, or whoever runs this may not list it (s3:ListBucket) -> see that \
                      it is in the account 000000000000, and let whoever runs this have infra/stack/read-policy.json";
        assert_eq!(saw(403, Some("eu-west-1"), false), expect);
    }
}
