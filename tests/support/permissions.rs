//! What the roles of a live stack may do, and what they did.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde::Deserialize;
use serde_json::{Value, json};
use spillway_local::emulator::client;
use spillway_stack::run::execution::Ending;
use spillway_stack::wildcard::matches;
use tokio::fs;

use crate::{Stack, tool};

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
        let details = self.iam("get-account-authorization-details", &["--filter", "Role"]).await;
        let details = details["RoleDetailList"].as_array().expect("roles");
        let mut granted = BTreeSet::new();
        for (role, name) in self.roles().await {
            let detail = details.iter().find(|detail| detail["RoleName"] == *name);
            let detail = detail.unwrap_or_else(|| panic!("IAM knows no {name}"));
            assert_eq!(detail["AttachedManagedPolicies"], json!([]), "{role} should have no policy but its own");
            for policy in list(&detail["RolePolicyList"]) {
                for statement in list(&policy["PolicyDocument"]["Statement"]) {
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
        let arguments = ["--role-name", &name, "--policy-document", &trust_everybody()];
        self.iam("update-assume-role-policy", &arguments).await;
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
        let arguments = ["--role-name", name, "--assume-role-policy-document", &trust_everybody()];
        let created = self.iam("create-role", &arguments).await;
        let policy = policy.to_string();
        let arguments = ["--role-name", name, "--policy-name", "policy", "--policy-document", &policy];
        self.iam("put-role-policy", &arguments).await;
        self.assume(created["Role"]["Arn"].as_str().expect("an ARN")).await
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

    /// What IAM answers to an operation; null if that is nothing.
    ///
    /// The stock AWS CLI asks it: `aws-sdk-iam` takes more than a minute of the processor to compile.
    async fn iam(&self, operation: &str, arguments: &[&str]) -> Value {
        let mut aws = tool("lint", "aws").await;
        aws.args(["--endpoint-url", &self.local_aws.endpoint(), "--region", client::REGION, "--output", "json"]);
        aws.env("AWS_ACCESS_KEY_ID", client::ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", client::SECRET_ACCESS_KEY);
        let output = aws.args(["iam", operation]).args(arguments).output().await.expect("the AWS CLI starts");
        assert!(output.status.success(), "{operation}: {}", String::from_utf8_lossy(&output.stderr));
        match output.stdout.as_slice() {
            b"" => Value::Null,
            answer => serde_json::from_slice(answer).expect("the AWS CLI answers in JSON"),
        }
    }

    async fn role_arn(&self, role: &str) -> String {
        let answer = self.iam("get-role", &["--role-name", &self.resource(role).await]).await;
        answer["Role"]["Arn"].as_str().expect("an ARN").to_owned()
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
