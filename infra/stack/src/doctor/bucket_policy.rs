//! Whether the bucket's own policy denies what the stack's roles allow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::Judgement;
use crate::policy::{any, list};
use crate::wildcard;

/// An action, and whether it is done to objects rather than to the bucket.
type Action = (&'static str, bool);

const GET: Action = ("s3:GetObject", true);
const LIST: Action = ("s3:ListBucket", false);
const DELETE: Action = ("s3:DeleteObject", true);

/// What each role does with whatever bucket the stack watches, by the template.
pub const NEEDED: [(&str, &[Action]); 6] = [
    ("AuditObjectsRole", &[GET, LIST]),
    ("AuditRole", &[LIST]),
    ("AuditRowsRole", &[GET, LIST]),
    ("CleanerRole", &[DELETE, GET, LIST]),
    ("PrepareAuditRole", &[("s3:GetBucketNotification", false)]),
    ("UsageRole", &[("s3:GetBucketVersioning", false), GET, LIST, ("s3:ListBucketVersions", false)]),
];

/// What the driver's roles do besides with a bucket that the stack has made.
pub const NEEDED_BY_RUNS: [(&str, &[Action]); 2] =
    [("PrepareRunRole", &[DELETE, GET, LIST]), ("UploadRole", &[GET, LIST, ("s3:PutObject", true)])];

/// A role of the stack.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) arn: String,
    pub(super) needs: &'static [Action],
}

/// What a statement denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Denial {
    /// All of it, always.
    Always,
    /// On a condition, or of some objects: nobody can say of which calls.
    Sometimes,
}

/// Judges the policy, or that there is none.
pub(super) fn judge(policy: &Value, bucket_arn: &str, roles: &[Role], account: &str) -> Judgement {
    let (mut wrongs, mut notes, mut denied) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, statement) in list(&policy["Statement"]).enumerate() {
        let name =
            statement["Sid"].as_str().map_or_else(|| format!("statement {index}"), |sid| format!("statement {sid}"));
        let mut denials: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for role in roles {
            for &(action, is_of_objects) in role.needs {
                let denial = denial(statement, action, is_of_objects, bucket_arn, &role.arn, account);
                denied.extend((denial == Some(Denial::Always)).then_some(&*role.arn));
                if let Some(denial) = denial {
                    denials.entry((denial, action)).or_default().push(role.name);
                }
            }
        }
        for ((denial, action), names) in denials {
            let names = names.join(", ");
            match denial {
                Denial::Always => wrongs.push(format!("{name} denies {action} to {names}")),
                Denial::Sometimes => notes.push(format!("{name} may deny {action} to {names}")),
            }
        }
    }
    if !wrongs.is_empty() {
        let arns = denied.into_iter().collect::<Vec<_>>().join(", ");
        let fix = format!("have the bucket's owner except {arns} from what its policy denies");
        return Judgement::wrong([wrongs, notes].concat().join("; "), fix);
    }
    if !notes.is_empty() {
        return Judgement::noted(format!("{}: it depends on the objects or on a condition", notes.join("; ")));
    }
    Judgement::healthy("it denies the stack's roles nothing")
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
    let is_role =
        |it: &str| it == "*" || it == role_arn || it == account || (it.ends_with(":root") && it.contains(account));
    let principals = match (&statement["Principal"], &statement["NotPrincipal"]) {
        (Value::Null, others) => !(any(others, is_role) || any(&others["AWS"], is_role)),
        (named, _) => any(named, is_role) || any(&named["AWS"], is_role),
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
    const AUDIT: &str = "arn:aws:iam::000000000000:role/audit";

    fn statement(change: Value) -> Value {
        let mut statement = json!({
            "Sid": "Keep", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::b/*",
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            statement[key] = value.clone();
        }
        statement
    }

    fn judged(policy: &Value) -> Judgement {
        let cleaner = Role { name: "CleanerRole", arn: ROLE.to_owned(), needs: &[DELETE, GET, LIST] };
        let audit = Role { name: "AuditRole", arn: AUDIT.to_owned(), needs: &[LIST] };
        judge(policy, BUCKET, &[audit, cleaner], "000000000000")
    }

    fn said(change: Value) -> Judgement {
        judged(&json!({ "Statement": [statement(change)] }))
    }

    fn healthy() -> Judgement {
        Judgement::healthy("it denies the stack's roles nothing")
    }

    #[track_caller]
    fn denied(change: Value, expect: &str) {
        let fix = format!("have the bucket's owner except {ROLE} from what its policy denies");
        assert_eq!(said(change), Judgement::wrong(expect, fix));
    }

    #[track_caller]
    fn noted(change: Value) {
        let expect =
            "statement Keep may deny s3:DeleteObject to CleanerRole: it depends on the objects or on a condition";
        assert_eq!(said(change), Judgement::noted(expect));
    }

    #[test]
    fn what_the_policy_denies_is_named_with_who_needs_it() {
        denied(json!({}), "statement Keep denies s3:DeleteObject to CleanerRole");
        denied(json!({ "Principal": { "AWS": ["a", ROLE] } }), "statement Keep denies s3:DeleteObject to CleanerRole");
        let all = statement(json!({ "Action": "s3:*", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"] }));
        assert_eq!(
            judged(&json!({ "Statement": [all] })),
            Judgement::wrong(
                "statement Keep denies s3:DeleteObject to CleanerRole; statement Keep denies s3:GetObject to CleanerRole; \
                 statement Keep denies s3:ListBucket to AuditRole, CleanerRole",
                format!("have the bucket's owner except {AUDIT}, {ROLE} from what its policy denies"),
            )
        );
        let others = json!({ "Principal": null, "NotPrincipal": { "AWS": "arn:aws:iam::000000000000:role/owner" } });
        denied(others, "statement Keep denies s3:DeleteObject to CleanerRole");
        denied(
            json!({ "Action": null, "NotAction": ["s3:Get*", "s3:List*"] }),
            "statement Keep denies s3:DeleteObject to CleanerRole",
        );
    }

    #[test]
    fn what_depends_on_objects_or_a_condition_is_noted() {
        noted(json!({ "Resource": "arn:aws:s3:::b/keep/*" }));
        noted(json!({ "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-1" } } }));
    }

    #[test]
    fn what_is_denied_to_others_or_never_is_no_matter() {
        assert_eq!(judged(&Value::Null), healthy());
        assert_eq!(said(json!({ "Effect": "Allow" })), healthy());
        assert_eq!(said(json!({ "Principal": { "AWS": "arn:aws:iam::111111111111:root" } })), healthy());
        assert_eq!(said(json!({ "Action": "s3:PutBucketPolicy" })), healthy());
        assert_eq!(said(json!({ "Condition": { "Bool": { "aws:SecureTransport": "false" } } })), healthy());
        assert_eq!(said(json!({ "Principal": null, "NotPrincipal": { "AWS": [ROLE] } })), healthy());
    }
}
