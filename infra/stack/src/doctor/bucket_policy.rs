//! Whether the bucket's own policy denies what the cleaner's role allows it.

use serde_json::Value;

use super::finding::Judgement;
use crate::policy::{any, list};
use crate::wildcard;

/// What the cleaner does: with the bucket, and with its objects.
const NEEDED: [(&str, bool); 3] = [("s3:ListBucket", false), ("s3:GetObject", true), ("s3:DeleteObject", true)];

/// What a statement denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denial {
    /// All of it, always.
    Always,
    /// On a condition, or of some objects: nobody can say of which calls.
    Sometimes,
}

/// Judges the policy, or that there is none.
pub(super) fn judge(policy: &Value, bucket_arn: &str, role_arn: &str, account: &str) -> Judgement {
    let mut wrongs = Vec::new();
    let mut notes = Vec::new();
    for (index, statement) in list(&policy["Statement"]).enumerate() {
        let name =
            statement["Sid"].as_str().map_or_else(|| format!("statement {index}"), |sid| format!("statement {sid}"));
        for (action, is_of_objects) in NEEDED {
            match denial(statement, action, is_of_objects, bucket_arn, role_arn, account) {
                Some(Denial::Always) => wrongs.push(format!("{name} denies the cleaner {action}")),
                Some(Denial::Sometimes) => notes.push(format!("{name} may deny the cleaner {action}")),
                None => {}
            }
        }
    }
    if !wrongs.is_empty() {
        let fix = format!("have the bucket's owner except {role_arn} from what its policy denies");
        return Judgement::wrong([wrongs, notes].concat().join("; "), fix);
    }
    if !notes.is_empty() {
        return Judgement::noted(format!("{}: it depends on the objects or on a condition", notes.join("; ")));
    }
    Judgement::healthy("it denies the cleaner nothing")
}

fn denial(
    statement: &Value,
    action: &str,
    is_of_objects: bool,
    bucket_arn: &str,
    role_arn: &str,
    account: &str,
) -> Option<Denial> {
    let says = |field: &str, negated: &str, holds: &dyn Fn(&str) -> bool| match &statement[negated] {
        Value::Null => any(&statement[field], holds),
        others => !any(others, holds),
    };
    let is_cleaner =
        |it: &str| it == "*" || it == role_arn || it == account || (it.ends_with(":root") && it.contains(account));
    let principals = match (&statement["Principal"], &statement["NotPrincipal"]) {
        (Value::Null, others) => !(any(others, is_cleaner) || any(&others["AWS"], is_cleaner)),
        (named, _) => any(named, is_cleaner) || any(&named["AWS"], is_cleaner),
    };
    let is_action = |it: &str| wildcard::matches(&it.to_lowercase(), &action.to_lowercase());
    if statement["Effect"] != "Deny" || !principals || !says("Action", "NotAction", &is_action) {
        return None;
    }
    let resource = if is_of_objects { format!("{bucket_arn}/\u{0}") } else { bucket_arn.to_owned() };
    let of_all = says("Resource", "NotResource", &|it| wildcard::matches(it, &resource));
    let of_some = is_of_objects
        && (!statement["NotResource"].is_null()
            || any(&statement["Resource"], |it| it.starts_with(&format!("{bucket_arn}/"))));
    let condition = &statement["Condition"];
    // The functions call AWS over TLS.
    let never = any(&condition["Bool"]["aws:SecureTransport"], |it| it == "false");
    match (of_all, of_some) {
        _ if never => None,
        (true, _) if condition.is_null() => Some(Denial::Always),
        (true, _) | (_, true) => Some(Denial::Sometimes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BUCKET: &str = "arn:aws:s3:::b";
    const ROLE: &str = "arn:aws:iam::000000000000:role/cleaner";

    fn statement(change: Value) -> Value {
        let mut statement = json!({
            "Sid": "Keep", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::b/*",
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            statement[key] = value.clone();
        }
        statement
    }

    fn said(change: Value) -> Judgement {
        judge(&json!({ "Statement": [statement(change)] }), BUCKET, ROLE, "000000000000")
    }

    fn healthy() -> Judgement {
        Judgement::healthy("it denies the cleaner nothing")
    }

    #[track_caller]
    fn denied(change: Value, expect: &str) {
        let fix = format!("have the bucket's owner except {ROLE} from what its policy denies");
        assert_eq!(said(change), Judgement::wrong(expect, fix));
    }

    #[track_caller]
    fn noted(change: Value) {
        let expect = "statement Keep may deny the cleaner s3:DeleteObject: it depends on the objects or on a condition";
        assert_eq!(said(change), Judgement::noted(expect));
    }

    #[test]
    fn what_the_policy_denies_the_cleaner_is_named() {
        denied(json!({}), "statement Keep denies the cleaner s3:DeleteObject");
        denied(json!({ "Principal": { "AWS": ["a", ROLE] } }), "statement Keep denies the cleaner s3:DeleteObject");
        denied(
            json!({ "Action": "s3:*", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"] }),
            "statement Keep denies the cleaner s3:ListBucket; statement Keep denies the cleaner s3:GetObject; \
             statement Keep denies the cleaner s3:DeleteObject",
        );
        let others = json!({ "Principal": null, "NotPrincipal": { "AWS": "arn:aws:iam::000000000000:role/owner" } });
        denied(others, "statement Keep denies the cleaner s3:DeleteObject");
        denied(
            json!({ "Action": null, "NotAction": ["s3:Get*", "s3:List*"] }),
            "statement Keep denies the cleaner s3:DeleteObject",
        );
    }

    #[test]
    fn what_depends_on_objects_or_a_condition_is_noted() {
        noted(json!({ "Resource": "arn:aws:s3:::b/keep/*" }));
        noted(json!({ "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-1" } } }));
    }

    #[test]
    fn what_is_denied_to_others_or_never_is_no_matter() {
        assert_eq!(judge(&Value::Null, BUCKET, ROLE, "000000000000"), healthy());
        assert_eq!(said(json!({ "Effect": "Allow" })), healthy());
        assert_eq!(said(json!({ "Principal": { "AWS": "arn:aws:iam::111111111111:root" } })), healthy());
        assert_eq!(said(json!({ "Action": "s3:PutBucketPolicy" })), healthy());
        assert_eq!(said(json!({ "Condition": { "Bool": { "aws:SecureTransport": "false" } } })), healthy());
        assert_eq!(said(json!({ "Principal": null, "NotPrincipal": { "AWS": [ROLE] } })), healthy());
    }
}
