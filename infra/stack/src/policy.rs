//! Whether a resource's own policy lets one of AWS's services do something for another resource.

use serde_json::{Map, Value};

use crate::wildcard;

/// What a service does: S3 publishes to a topic, say, for a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The service, such as `s3.amazonaws.com`.
    pub service: &'a str,
    /// The action, such as `sns:Publish`.
    pub action: &'a str,
    /// The ARN of what it is done to; `None` if the policy is taken to be about nothing else.
    pub resource: Option<&'a str>,
    /// The ARN of what it is done for.
    pub source_arn: &'a str,
    /// The account of what it is done for.
    pub source_account: &'a str,
}

impl Request<'_> {
    /// Whether a statement of `policy` allows it, and none denies it.
    pub fn is_permitted(&self, policy: &Value) -> bool {
        let says = |effect| list(&policy["Statement"]).any(|it| it["Effect"] == effect && self.is_about(it));
        says("Allow") && !says("Deny")
    }

    fn is_about(&self, statement: &Value) -> bool {
        let principal = &statement["Principal"];
        let everybody = any(principal, |it| it == "*") || any(&principal["AWS"], |it| it == "*");
        let (resource, condition) = (&statement["Resource"], &statement["Condition"]);
        (everybody || any(&principal["Service"], |it| it == self.service))
            && any(&statement["Action"], |it| wildcard::matches(&it.to_lowercase(), &self.action.to_lowercase()))
            && self.resource.is_none_or(|arn| any(resource, |it| wildcard::matches(it, arn)))
            && condition.as_object().is_none_or(|condition| self.meets(condition))
    }

    /// A condition that isn't known here is not met.
    fn meets(&self, condition: &Map<String, Value>) -> bool {
        condition.iter().all(|(operator, keys)| {
            keys.as_object().is_some_and(|keys| keys.iter().all(|(key, expect)| self.has(operator, key, expect)))
        })
    }

    fn has(&self, operator: &str, key: &str, expect: &Value) -> bool {
        let actual = match key.to_lowercase().as_str() {
            "aws:sourcearn" => self.source_arn,
            "aws:sourceaccount" => self.source_account,
            // AWS's services call each other over TLS.
            "aws:securetransport" => "true",
            _ => return false,
        };
        match operator {
            "ArnLike" | "ArnEquals" | "StringLike" => any(expect, |it| wildcard::matches(it, actual)),
            "StringEquals" | "Bool" => any(expect, |it| it == actual),
            _ => false,
        }
    }
}

/// IAM takes a single value for a list of one.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(values) => values.iter(),
        value => std::slice::from_ref(value).iter(),
    }
}

/// Whether it holds for the text, or for one of the texts.
pub(crate) fn any(value: &Value, holds: impl Fn(&str) -> bool) -> bool {
    list(value).filter_map(Value::as_str).any(holds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALARM: &str = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:total";
    const CLEANER: &str = "arn:aws:lambda:us-east-1:000000000000:function:cleaner";
    const ALARMS: &str = "lambda.alarms.cloudwatch.amazonaws.com";

    /// What `AWS::Lambda::Permission` makes of the template's permission, with `change` merged into it.
    fn statement(change: Value) -> Value {
        let mut statement = json!({
            "Sid": "1",
            "Effect": "Allow",
            "Principal": { "Service": ALARMS },
            "Action": "lambda:InvokeFunction",
            "Resource": CLEANER,
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
        let request = Request {
            service: ALARMS,
            action: "lambda:InvokeFunction",
            resource: Some(CLEANER),
            source_arn: ALARM,
            source_account: "000000000000",
        };
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        assert_eq!(request.is_permitted(&policy), expect);
    }

    #[test]
    fn a_statement_about_the_request_permits() {
        check(&[statement(json!({}))], true);
        check(&[statement(json!({ "Condition": null }))], true);
        check(&[statement(json!({ "Principal": { "AWS": "*" } }))], true);
        check(&[statement(json!({ "Action": ["lambda:GetFunction", "lambda:*"] }))], true);
        let any_alarm = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:*";
        check(&[statement(json!({ "Condition": { "ArnLike": { "aws:SourceArn": any_alarm } } }))], true);
    }

    #[test]
    fn a_statement_about_something_else_does_not() {
        check(&[], false);
        check(&[statement(json!({ "Principal": { "Service": "cloudwatch.amazonaws.com" } }))], false);
        check(&[statement(json!({ "Action": "lambda:GetFunction" }))], false);
        check(&[statement(json!({ "Resource": format!("{CLEANER}-of-another") }))], false);
        let other = format!("{ALARM}-of-another");
        check(&[statement(json!({ "Condition": { "ArnLike": { "AWS:SourceArn": other } } }))], false);
        let account = "111111111111";
        check(&[statement(json!({ "Condition": { "StringEquals": { "AWS:SourceAccount": account } } }))], false);
        check(&[statement(json!({ "Condition": { "StringEquals": { "AWS:SourceOwner": account } } }))], false);
    }

    #[test]
    fn a_denial_wins_unless_it_is_for_calls_without_tls() {
        let deny = |tls| json!({ "Effect": "Deny", "Condition": { "Bool": { "aws:SecureTransport": tls } } });
        check(&[statement(json!({})), statement(deny("false"))], true);
        check(&[statement(json!({})), statement(deny("true"))], false);
        check(&[statement(json!({})), statement(json!({ "Effect": "Deny" }))], false);
    }
}
