//! The template's parameters: what CloudFormation refuses, and with which sentence.
//!
//! MiniStack applies AllowedPattern, ConstraintDescription and Rules as CloudFormation documents them; AWS's own message has more
//! words around the sentence.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{Capability, Parameter};
use serde_json::Value;
use spillway_local::deploy::artifacts::{upload, upload_template};
use spillway_local::emulator::{Account, client};
use spillway_tests::{Stack, account, live};

use super::template::template;

const BYTES: &str = "must be a whole number of bytes, from 1 to 999999999999999, in digits only.";
const SECONDS: &str = "must be 60, 120, 180 and so on up to 3600: whole minutes, given in seconds. Metric filters publish one \
                       value a minute, so an alarm with a shorter period would see no data.";
const OBJECTS: &str = "must be a whole number of objects, from 1 to 999999999, in digits only.";
const BUCKET: &str = "must be the name of a bucket in this account and region, such as my-photos, without s3:// and without arn:, \
                      or empty.";
const THRESHOLD: &str = "SizeThreshold is 20 bytes, which is for the default scenario. Of the bucket that ExistingBucketName names, \
                         nearly everything would have to go. Set SizeThreshold to the number of bytes that this bucket may hold.";
const RUNS: &str = "ScheduleState is ENABLED, but a run needs a bucket that its stack made, and refuses the one that \
                    ExistingBucketName names. Set ScheduleState to DISABLED, and give the runs a stack of their own.";
const PERCENT: &str = "must be a whole number from 1 to 100, in digits only.";
const WARNING: &str = "must be a whole number from 1 to 99, in digits only, or empty for no warning.";
const MINUTES: &str = "must be a whole number of minutes, from 0 to 9999999, in digits only.";
const KEPT: &str = "must be a whole number of days, from 0 to 365, in digits only.";
const DAYS: &str = "must be a whole number of days, from 1 to 9999, in digits only.";

/// No number: CloudFormation takes 20.5 for one, and applies no pattern to it.
#[tokio::test]
async fn what_is_no_whole_number_or_no_period_is_refused_with_what_is_wanted() {
    let _live = live().await;
    let user = User::new().await;
    for (name, sentence, wrong) in [
        ("SizeThreshold", BYTES, ["20.5", "0", "1e3", "1000000000000000"]),
        ("AlarmPeriodSeconds", SECONDS, ["10", "60.0", "90", "3660"]),
        ("MaxDeletesPerRun", OBJECTS, ["0.5", "-1", "many", "1000000000"]),
        ("TargetPercent", PERCENT, ["0", "101", "", "80%"]),
        ("WarningPercent", WARNING, ["0", "100", "none", "80%"]),
        ("MinimumAgeMinutes", MINUTES, ["-1", "1h", "", "00"]),
        ("AbortMultipartUploadsAfterDays", DAYS, ["1.5", "0", "", "10000"]),
        ("KeepDeletedDays", KEPT, ["-1", "07", "", "366"]),
    ] {
        for value in wrong {
            assert_eq!(user.refusal(&[(name, value)]).await, format!("Parameter '{name}' {sentence}"), "{value}");
        }
    }
    user.account.shutdown().await;
}

/// A bucket of people's data, and what is meant for the default scenario, never meet.
#[tokio::test]
async fn an_existing_bucket_is_refused_with_what_is_for_a_bucket_of_the_stacks_own() {
    let _live = live().await;
    let user = User::new().await;
    for name in ["s3://photos", "arn:aws:s3:::photos", "Photos", "ab", "photos/", "photos,films", "-photos"] {
        let refusal = user.refusal(&[("ExistingBucketName", name), ("SizeThreshold", "1000")]).await;
        assert_eq!(refusal, format!("Parameter 'ExistingBucketName' {BUCKET}"), "{name}");
    }
    for threshold in [vec![], vec![("SizeThreshold", "20")]] {
        let refusal = user.refusal(&[vec![("ExistingBucketName", "photos")], threshold].concat()).await;
        assert!(refusal.contains(THRESHOLD), "{refusal}");
    }
    let enabled = [("ExistingBucketName", "photos"), ("SizeThreshold", "1000"), ("ScheduleState", "ENABLED")];
    let refusal = user.refusal(&enabled).await;
    assert!(refusal.contains(RUNS), "{refusal}");
    for name in ["DryRun", "DeleteFirst"] {
        let refusal = user.refusal(&[(name, "maybe")]).await;
        assert!(refusal.starts_with(&format!("Parameter '{name}'")), "{refusal}");
    }
    user.account.shutdown().await;
}

#[tokio::test]
async fn whole_numbers_and_periods_are_taken() {
    let _live = live().await;
    let user = User::new().await;
    for (name, right) in [
        ("SizeThreshold", vec!["1", "20", "999999999999999"]),
        ("AlarmPeriodSeconds", (1..=60).map(|minutes| &*(minutes * 60).to_string().leak()).collect()),
        ("MaxDeletesPerRun", vec!["1", "1000", "999999999"]),
        ("TargetPercent", vec!["1", "80", "100"]),
        ("WarningPercent", vec!["", "1", "99"]),
        ("MinimumAgeMinutes", vec!["0", "60", "9999999"]),
        ("AbortMultipartUploadsAfterDays", vec!["1", "9999"]),
        ("KeepDeletedDays", vec!["0", "7", "99", "365"]),
    ] {
        for value in right {
            // Something after it is wrong, so that nothing is deployed.
            let refusal = user.refusal(&[(name, value), ("NotifyCleanings", "maybe")]).await;
            assert!(refusal.starts_with("Parameter 'NotifyCleanings'"), "{name}={value}: {refusal}");
        }
    }
    user.account.shutdown().await;
}

/// Before, these parameters were of type Number, and an update keeps the values that it is not told.
#[tokio::test]
async fn an_older_stack_is_updated_with_its_data_once_its_numbers_are_right() {
    let _live = live().await;
    let stack = Stack::up().await;
    let template = stack.template().await;
    let mut old = template.clone();
    let parameters = old["Parameters"].as_object_mut().expect("parameters");
    for parameter in parameters.values_mut().filter_map(Value::as_object_mut) {
        let is_number = parameter.get("Default").and_then(Value::as_str).is_some_and(|it| it.parse::<u64>().is_ok());
        if is_number && parameter.remove("AllowedPattern").is_some() {
            parameter.insert("Type".to_owned(), "Number".into());
        }
    }
    stack.update(Some(&old), &[("AlarmPeriodSeconds", "10")]).await.expect("a Number takes that");

    stack.put("a", 5).await;
    stack.put("b", 6).await;
    stack.drain().await;
    let outputs = stack.local_aws.outputs();
    let rows = async || [stack.items(&outputs.object_table_name).await, stack.items(&outputs.history_table_name).await];
    let (before, objects) = (rows().await, stack.objects().await);
    assert_eq!((before[1].len(), objects.len()), (2, 2));
    assert_eq!(stack.update(Some(&template), &[]).await, Err(format!("Parameter 'AlarmPeriodSeconds' {SECONDS}")));
    assert_eq!(stack.update(Some(&template), &[("AlarmPeriodSeconds", "60")]).await, Ok(()));
    assert_eq!((rows().await, stack.objects().await), (before, objects));

    // What it holds goes on to count.
    stack.put("c", 7).await;
    stack.drain().await;
    stack.check_ledger().await;
    stack.local_aws.shutdown().await;
}

/// Somebody who deploys the template to an empty account.
struct User {
    account: Account,
    template_url: String,
}

impl User {
    async fn new() -> Self {
        let account = account().await;
        let s3 = client::s3(account.sdk_config());
        upload(&s3, BTreeMap::new()).await.expect("there is a bucket for artifacts");
        let template_url = upload_template(&s3, &account.endpoint(), &template().await.to_string()).await;
        Self { account, template_url: template_url.expect("a template can be uploaded") }
    }

    /// What CloudFormation says to parameters that it refuses.
    async fn refusal(&self, parameters: &[(&str, &str)]) -> String {
        let cloudformation = aws_sdk_cloudformation::Client::new(self.account.sdk_config());
        let parameter =
            |&(name, value): &(&str, &str)| Parameter::builder().parameter_key(name).parameter_value(value).build();
        let request = cloudformation.create_stack().stack_name("spillway").template_url(&self.template_url);
        let request = request.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityAutoExpand);
        let request = request.set_parameters(Some(parameters.iter().map(parameter).collect()));
        let Err(error) = request.send().await else { panic!("{parameters:?} should be refused") };
        assert_eq!(error.code(), Some("ValidationError"), "{error}");
        error.message().expect("a sentence").to_owned()
    }
}
