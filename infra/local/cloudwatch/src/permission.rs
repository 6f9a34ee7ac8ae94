//! Whether a function's policy lets CloudWatch invoke it for an alarm.

use serde_json::Value;
use spillway_stack::policy::Request;

/// Who invokes a function for an alarm.
pub(crate) const ALARMS_PRINCIPAL: &str = "lambda.alarms.cloudwatch.amazonaws.com";

/// Whether the function's policy permits it.
///
/// MiniStack's IAM isn't asked, because the runner invokes as root.
pub(crate) fn permits(policy: &Value, alarm_arn: &str) -> bool {
    let request = Request {
        service: ALARMS_PRINCIPAL,
        action: "lambda:InvokeFunction",
        resource: None,
        source_arn: alarm_arn,
        source_account: alarm_arn.split(':').nth(4).unwrap_or_default(),
    };
    request.is_permitted(policy)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_function_without_a_policy_is_not_invoked() {
        let alarm = |account: &str| format!("arn:aws:cloudwatch:us-east-1:{account}:alarm:total");
        let policy = json!({ "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": ALARMS_PRINCIPAL },
            "Action": "lambda:InvokeFunction",
            "Resource": "arn:aws:lambda:us-east-1:000000000000:function:cleaner",
            "Condition": { "StringEquals": { "AWS:SourceAccount": "000000000000" } },
        }] });
        assert!(permits(&policy, &alarm("000000000000")));
        assert!(!permits(&policy, &alarm("111111111111")));
        assert!(!permits(&Value::Null, &alarm("000000000000")));
    }
}
