//! Whether a function's policy lets CloudWatch invoke it for an alarm.

use serde_json::{Map, Value};

use crate::wildcard;

/// Who invokes a function for an alarm.
pub(crate) const ALARMS_PRINCIPAL: &str = "lambda.alarms.cloudwatch.amazonaws.com";

/// Whether a statement of `policy` allows it for the alarm, and none denies it.
///
/// MiniStack's IAM isn't asked, because the runner invokes as root.
pub(crate) fn permits(policy: &Value, alarm_arn: &str) -> bool {
    let statements = || policy["Statement"].as_array().into_iter().flatten();
    let says = |effect| statements().any(|it| it["Effect"] == effect && applies(it, alarm_arn));
    says("Allow") && !says("Deny")
}

fn applies(statement: &Value, alarm_arn: &str) -> bool {
    let principal = &statement["Principal"];
    let everybody = any(principal, |it| it == "*");
    (everybody || any(&principal["Service"], |it| it == ALARMS_PRINCIPAL))
        && any(&statement["Action"], |it| wildcard::matches(&it.to_lowercase(), "lambda:invokefunction"))
        && statement["Condition"].as_object().is_none_or(|condition| holds(condition, alarm_arn))
}

/// A condition that isn't known here doesn't hold.
fn holds(condition: &Map<String, Value>, alarm_arn: &str) -> bool {
    let account = alarm_arn.split(':').nth(4).unwrap_or_default();
    condition.iter().all(|(operator, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, expect)| {
                let actual = match key.to_lowercase().as_str() {
                    "aws:sourcearn" => alarm_arn,
                    "aws:sourceaccount" => account,
                    _ => return false,
                };
                match operator.as_str() {
                    "ArnLike" | "ArnEquals" | "StringLike" => any(expect, |it| wildcard::matches(it, actual)),
                    "StringEquals" => any(expect, |it| it == actual),
                    _ => false,
                }
            })
        })
    })
}

/// Whether it holds for the text, or for one of the texts.
fn any(value: &Value, holds: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).any(holds),
        value => value.as_str().is_some_and(holds),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALARM: &str = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:total";

    /// What `AWS::Lambda::Permission` makes of the template's permission, with `change` merged into it.
    fn statement(change: Value) -> Value {
        let mut statement = json!({
            "Sid": "1",
            "Effect": "Allow",
            "Principal": { "Service": ALARMS_PRINCIPAL },
            "Action": "lambda:InvokeFunction",
            "Resource": "arn:aws:lambda:us-east-1:000000000000:function:cleaner",
            "Condition": {
                "ArnLike": { "AWS:SourceArn": ALARM },
                "StringEquals": { "AWS:SourceAccount": "000000000000" },
            },
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            statement[key] = value.clone();
        }
        statement
    }

    #[track_caller]
    fn check(statements: &[Value], expect: bool) {
        assert_eq!(permits(&json!({ "Version": "2012-10-17", "Statement": statements }), ALARM), expect);
    }

    #[test]
    fn the_template_s_permission_permits() {
        check(&[statement(json!({}))], true);
        check(&[statement(json!({ "Condition": null }))], true);
        check(&[statement(json!({ "Action": ["lambda:GetFunction", "lambda:*"] }))], true);
        let any_alarm = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:*";
        check(&[statement(json!({ "Condition": { "ArnLike": { "aws:SourceArn": any_alarm } } }))], true);
    }

    #[test]
    fn a_function_without_it_is_not_invoked() {
        check(&[], false);
        assert!(!permits(&Value::Null, ALARM));
        check(&[statement(json!({ "Principal": { "Service": "cloudwatch.amazonaws.com" } }))], false);
        check(&[statement(json!({ "Action": "lambda:GetFunction" }))], false);
        let other = format!("{ALARM}-of-another");
        check(&[statement(json!({ "Condition": { "ArnLike": { "AWS:SourceArn": other } } }))], false);
        let account = "111111111111";
        check(&[statement(json!({ "Condition": { "StringEquals": { "AWS:SourceAccount": account } } }))], false);
        check(&[statement(json!({ "Condition": { "Bool": { "aws:SecureTransport": "true" } } }))], false);
    }

    #[test]
    fn a_denial_wins() {
        check(&[statement(json!({})), statement(json!({ "Effect": "Deny" }))], false);
    }
}
