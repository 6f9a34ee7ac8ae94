//! The rule of EventBridge by which an existing bucket's events reach the topic.

use serde_json::{Value, json};
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// What a rule is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    state: String,
    pattern: Value,
    /// Those that get the event as it is.
    targets: Vec<String>,
}

/// Nothing if the bucket is the stack's own.
pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.has_existing_bucket() {
        return Vec::new();
    }
    let name = subject.resource("ObjectEventsRule");
    let (topic, pattern) = (subject.resource("ObjectEventsTopic"), pattern(&subject.outputs.test_bucket_name));
    let seen = read(subject, name).await;
    vec![Finding::of("bucket rule", name, seen, |rule| {
        judge(rule.as_ref(), name, topic, &pattern, |words| subject.aws(words))
    })]
}

async fn read(subject: &Subject<'_>, name: &str) -> Result<Option<Rule>, CallError> {
    let answer = subject.eventbridge.describe_rule().name(name).send().await;
    let rule = match answer.map_err(CallError::of("DescribeRule")) {
        Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(None),
        answer => answer?,
    };
    let answer = subject.eventbridge.list_targets_by_rule().rule(name).send().await;
    let targets = answer.map_err(CallError::of("ListTargetsByRule"))?.targets.unwrap_or_default().into_iter();
    let whole =
        targets.filter(|it| it.input().is_none() && it.input_path().is_none() && it.input_transformer().is_none());
    Ok(Some(Rule {
        state: rule.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        pattern: rule.event_pattern.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        targets: whole.map(|it| it.arn).collect(),
    }))
}

/// The pattern that the template gives the rule.
fn pattern(bucket: &str) -> Value {
    json!({
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": { "bucket": { "name": [bucket] } },
    })
}

fn judge(rule: Option<&Rule>, name: &str, topic: &str, pattern: &Value, aws: impl Fn(&[&str]) -> String) -> Judgement {
    let none = Rule::default();
    let seen = rule.unwrap_or(&none);
    let mut wrongs = Vec::new();
    let mut fixes = Vec::new();
    if rule.is_none() {
        wrongs.push("it is gone".to_owned());
    } else {
        if seen.state != "ENABLED" {
            wrongs.push(format!("it is {}", seen.state));
        }
        if seen.pattern != *pattern {
            wrongs.push(format!("its pattern is {}, not {pattern}", seen.pattern));
        }
    }
    if !wrongs.is_empty() {
        let pattern = pattern.to_string();
        fixes.push(aws(&["events", "put-rule", "--name", name, "--state", "ENABLED", "--event-pattern", &pattern]));
    }
    if !seen.targets.iter().any(|target| target == topic) {
        wrongs.push(format!("its events don't reach {topic} whole"));
        let target = format!("Id=topic,Arn={topic}");
        fixes.push(aws(&["events", "put-targets", "--rule", name, "--targets", &target]));
    }
    Judgement::of(&wrongs, "the bucket's events reach the topic", || fixes.join(" && "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Option<Rule>, expect: Judgement) {
        assert_eq!(judge(rule.as_ref(), "r", "topic", &pattern("b"), |words| words[..4].join(" ")), expect);
    }

    #[test]
    fn a_rule_is_on_and_passes_everything_on() {
        let healthy = Rule { state: "ENABLED".to_owned(), pattern: pattern("b"), targets: vec!["topic".to_owned()] };
        check(Some(healthy.clone()), Judgement::healthy("the bucket's events reach the topic"));
        let put_rule = "events put-rule --name r";
        let disabled = Rule { state: "DISABLED".to_owned(), ..healthy.clone() };
        check(Some(disabled), Judgement::wrong("it is DISABLED", put_rule));
        let other = Rule { pattern: json!({ "source": ["aws.s3"] }), ..healthy.clone() };
        let wrong = format!(r#"its pattern is {{"source":["aws.s3"]}}, not {}"#, pattern("b"));
        check(Some(other), Judgement::wrong(wrong, put_rule));
        let wrong = "its events don't reach topic whole";
        check(Some(Rule { targets: vec![], ..healthy }), Judgement::wrong(wrong, "events put-targets --rule r"));
        let both = format!("{put_rule} && events put-targets --rule r");
        check(None, Judgement::wrong("it is gone; its events don't reach topic whole", both));
    }
}
