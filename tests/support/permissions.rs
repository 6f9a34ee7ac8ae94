//! What the roles of a live stack may do, and what they did.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde::Deserialize;
use serde_json::{Value, json};
use spillway_stack::run::execution::Ending;
use spillway_stack::wildcard::matches;
use tokio::fs;

use crate::Stack;

/// Something that a role may do, or did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Permission {
    /// The role's logical id, such as `CleanerRole`.
    pub role: String,
    /// The action, such as `s3:DeleteObject`.
    #[serde(rename = "allowed")]
    pub action: String,
    /// The ARN of what it was done to; where `*` stands for any text, what it may be done to.
    pub resource: String,
}

impl Permission {
    /// From its three parts.
    pub fn new(role: &str, action: &str, resource: &str) -> Self {
        Self { role: role.to_owned(), action: action.to_owned(), resource: resource.to_owned() }
    }

    /// Whether it covers something that was done.
    pub fn covers(&self, done: &Self) -> bool {
        self.role == done.role && self.action == done.action && matches(&self.resource, &done.resource)
    }
}

impl Stack {
    /// Everything that the policies of the stack's roles allow, an action and a resource each.
    pub async fn granted(&self) -> BTreeSet<Permission> {
        let iam = self.iam();
        let mut granted = BTreeSet::new();
        for (role, name) in self.roles().await {
            let attached = iam.list_attached_role_policies().role_name(&name).send().await.expect("a role's policies");
            assert_eq!(attached.attached_policies(), [], "{role} should have no policy but its own");
            let policies = iam.list_role_policies().role_name(&name).send().await.expect("a role's policies");
            for policy in policies.policy_names {
                let request = iam.get_role_policy().role_name(&name).policy_name(policy);
                let document = request.send().await.expect("a policy").policy_document;
                let document =
                    percent_encoding::percent_decode_str(&document).decode_utf8().expect("a policy in UTF-8");
                let document: Value = serde_json::from_str(&document).expect("a policy is JSON");
                for statement in list(&document["Statement"]) {
                    assert_eq!(statement["Effect"], "Allow");
                    for (action, resource) in pairs(&statement) {
                        granted.insert(Permission::new(&role, &action, &resource));
                    }
                }
            }
        }
        granted
    }

    /// What the stack's roles were allowed so far, as far as MiniStack asks.
    pub async fn used(&self) -> BTreeSet<Permission> {
        let log = fs::read_to_string(self.local_aws.log()).await.expect("MiniStack's log");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Permission>(line).ok());
        let roles = self.roles().await;
        let logical = |done: Permission| {
            let (role, _) = roles.iter().find(|(_, name)| *name == done.role)?;
            Some(Permission { role: role.clone(), ..done })
        };
        lines.filter_map(logical).collect()
    }

    /// Has the bucket's policy deny everybody these actions while something goes on.
    pub async fn denying<T>(&self, actions: &[&str], work: impl Future<Output = T>) -> T {
        let bucket = &self.local_aws.outputs().test_bucket_name;
        let was = self.s3.get_bucket_policy().bucket(bucket).send().await.expect("a policy").policy.expect("a policy");
        let mut policy: Value = serde_json::from_str(&was).expect("a policy is JSON");
        policy["Statement"].as_array_mut().expect("statements").push(json!({
            "Sid": "Keep", "Effect": "Deny", "Principal": "*", "Action": actions,
            "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        }));
        let request = self.s3.put_bucket_policy().bucket(bucket);
        request.clone().policy(policy.to_string()).send().await.expect("a bucket can have another policy");
        let done = work.await;
        request.policy(was).send().await.expect("a bucket can have its policy back");
        done
    }

    /// How a task of Step Functions ends that a role lets read a row of ObjectTable.
    pub async fn read_row_as(&self, role: &str, key: &str) -> Ending {
        let table = &self.local_aws.outputs().object_table_name;
        let definition = json!({
            "QueryLanguage": "JSONata",
            "StartAt": "Read",
            "States": { "Read": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:getItem",
                "Arguments": { "TableName": table, "Key": { "object_name": { "S": key } } },
                "End": true,
            } },
        });
        let sfn = aws_sdk_sfn::Client::new(self.local_aws.sdk_config());
        let machine = sfn.create_state_machine().name(format!("read-{key}")).definition(definition.to_string());
        let machine = machine.role_arn(self.role_arn(role).await).send().await.expect("a machine can be created");
        let execution = sfn.start_execution().state_machine_arn(machine.state_machine_arn).send().await;
        self.end_of(&execution.expect("an execution can be started").execution_arn).await
    }

    /// The configuration of a client that has a role's permissions.
    ///
    /// It lets everybody assume the role, which only the role's service may otherwise.
    pub async fn as_role(&self, role: &str) -> SdkConfig {
        let name = self.resource(role).await;
        let request = self.iam().update_assume_role_policy().role_name(&name).policy_document(trust_everybody());
        request.send().await.expect("the trust policy can be changed");
        self.assume(&self.role_arn(role).await).await
    }

    /// The configuration of a client that may do everything in the account, except what resources' own policies deny.
    pub async fn as_administrator(&self) -> SdkConfig {
        let everything = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }],
        });
        self.as_somebody("administrator", &everything).await
    }

    /// The configuration of a client with a new role of this name and policy.
    pub async fn as_somebody(&self, name: &str, policy: &Value) -> SdkConfig {
        let request = self.iam().create_role().role_name(name);
        let role = request.assume_role_policy_document(trust_everybody()).send().await;
        let role = role.expect("a role can be created").role.expect("a role");
        let request = self.iam().put_role_policy().role_name(role.role_name).policy_name("policy");
        request.policy_document(policy.to_string()).send().await.expect("a role can have a policy");
        self.assume(&role.arn).await
    }

    /// The actions that the role of this name was allowed so far, as far as MiniStack asks.
    pub async fn used_by(&self, name: &str) -> BTreeSet<String> {
        let log = fs::read_to_string(self.local_aws.log()).await.expect("MiniStack's log");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Permission>(line).ok());
        lines.filter(|done| done.role == name).map(|done| done.action).collect()
    }

    async fn assume(&self, role_arn: &str) -> SdkConfig {
        let config = self.local_aws.sdk_config();
        let request = aws_sdk_sts::Client::new(config).assume_role().role_arn(role_arn).role_session_name("test");
        let assumed = request.send().await.expect("the role can be assumed").credentials.expect("credentials");
        let (id, secret) = (assumed.access_key_id, assumed.secret_access_key);
        let credentials = Credentials::new(id, secret, Some(assumed.session_token), None, "role");
        let provider = SharedCredentialsProvider::new(credentials);
        config.to_builder().credentials_provider(provider).build()
    }

    fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(self.local_aws.sdk_config())
    }

    async fn role_arn(&self, role: &str) -> String {
        let answer = self.iam().get_role().role_name(self.resource(role).await).send().await;
        answer.expect("the role is there").role.expect("a role").arn
    }

    /// The logical ids and the names of the stack's roles.
    pub(crate) async fn roles(&self) -> Vec<(String, String)> {
        let resources = self.resources().await.into_iter();
        let roles = resources.filter(|resource| resource.resource_type() == Some("AWS::IAM::Role"));
        roles.filter_map(|role| Some((role.logical_resource_id?, role.physical_resource_id?))).collect()
    }
}

/// A trust policy with which everybody may assume the role.
fn trust_everybody() -> String {
    let statement = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn pairs(statement: &Value) -> Vec<(String, String)> {
    let texts = |field: &str| list(&statement[field]).into_iter().map(|it| it.as_str().expect("text").to_owned());
    let resources: Vec<String> = texts("Resource").collect();
    texts("Action")
        .flat_map(|action| resources.iter().map(move |resource| (action.clone(), resource.clone())))
        .collect()
}

/// IAM takes a single value for a list of one.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}
