//! No role may do more than its work needs, and nobody who may not gets in.

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use call_plot_api::Deps;
use jiff::Timestamp;
use reqwest::StatusCode;
use spillway_contracts::task::CallPlotApiRequest;
use spillway_local::emulator::client;
use spillway_stack::run::execution::Ending;
use spillway_tests::{Permission, Stack, live};

use super::automatic_runs::scheduled;

const NONE: [&Permission; 0] = [];

/// What MiniStack lets everybody do, by the action and the role that needs it on AWS.
const UNASKED: [(&str, &str); 12] = [
    // The state of the alarm.
    ("cloudwatch:DescribeAlarms", "PrepareRunRole"),
    ("cloudwatch:DescribeAlarms", "WaitForAlarmOkRole"),
    ("cloudwatch:DescribeAlarms", "UsageRole"),
    ("cloudwatch:DescribeAlarms", "CleanerRole"),
    // DeleteObject with If-Match needs s3:GetObject beside s3:DeleteObject ("Conditional deletes", S3's user guide).
    ("s3:GetObject", "CleanerRole"),
    // Whoever may not list a bucket gets 403 rather than 404 for an object that isn't there ("HeadObject", S3's API
    // reference): the cleaner's objects may be gone already, and an upload's object usually isn't there yet.
    ("s3:ListBucket", "CleanerRole"),
    ("s3:ListBucket", "UploadRole"),
    ("s3:ListBucket", "AuditRowsRole"),
    // Here nobody asks for a plan after a cleaning that was cut off, the only time at which S3 is asked whether objects are there.
    ("s3:GetObject", "UsageRole"),
    ("s3:ListBucket", "UsageRole"),
    // How long events wait.
    ("cloudwatch:GetMetricStatistics", "AuditObjectsRole"),
    ("cloudwatch:GetMetricStatistics", "AuditRowsRole"),
];

#[tokio::test]
async fn every_permission_is_needed() {
    let scheduled = scheduled().await;
    let unasked = |permission: &&Permission| UNASKED.contains(&(permission.action.as_str(), permission.role.as_str()));
    let needed = |permission: &&Permission| {
        scheduled.used.iter().any(|done| permission.covers(done)) || scheduled.demanded.contains(permission)
    };
    let idle: Vec<_> = scheduled.granted.iter().filter(|it| !needed(it) && !unasked(it)).collect();
    assert_eq!(idle, NONE, "no request needed these");
    let missing: Vec<_> = scheduled.demanded.difference(&scheduled.granted).collect();
    assert_eq!(missing, NONE, "AWS's services need these");
    let asked: Vec<_> = scheduled.granted.iter().filter(|it| unasked(it) && needed(it)).collect();
    assert_eq!(asked, NONE, "MiniStack asks for these after all");
}

#[tokio::test]
async fn only_x_ray_log_delivery_and_metrics_are_allowed_on_everything() {
    let everything = scheduled().await.granted.iter().filter(|permission| permission.resource == "*");
    let others: Vec<_> = everything
        .filter(|it| it.action != "cloudwatch:GetMetricStatistics")
        .filter(|it| {
            !(it.action.starts_with("xray:")
                || it.action.starts_with("logs:") && matches!(it.role.as_str(), "DriverRole" | "AuditRole"))
        })
        .collect();
    assert_eq!(others, NONE);
}

#[tokio::test]
async fn whoever_is_not_permitted_gets_nowhere() {
    let _live = live().await;
    let stack = Stack::up().await;
    roles_do_no_more_than_is_granted(&stack).await;
    the_plot_api_answers_only_to_who_may_call_it(&stack).await;
    nobody_outside_the_account_publishes_or_sends(&stack).await;
    nothing_is_served_without_tls(&stack).await;
    stack.local_aws.shutdown().await;
}

async fn roles_do_no_more_than_is_granted(stack: &Stack) {
    let outputs = stack.local_aws.outputs();
    stack.put("a", 1).await;

    let cleaner = client::s3(&stack.as_role("CleanerRole").await);
    let request = cleaner.put_object().bucket(&outputs.test_bucket_name).key("a").body(ByteStream::from_static(b"b"));
    assert_eq!(refusal(request.send().await).as_deref(), Some("AccessDenied"));

    // No deletion without a condition.
    for role in ["CleanerRole", "PrepareRunRole"] {
        let deleter = client::s3(&stack.as_role(role).await);
        let request = deleter.delete_object().bucket(&outputs.test_bucket_name).key("a");
        assert_eq!(refusal(request.clone().send().await).as_deref(), Some("AccessDenied"), "{role}");
        assert_eq!(
            refusal(request.if_match("\"another\"").send().await).as_deref(),
            Some("PreconditionFailed"),
            "{role}"
        );
    }

    for role in ["PrepareRunRole", "UploadRole", "CallPlotApiRole"] {
        let driver = client::s3(&stack.as_role(role).await);
        let plots = &outputs.plot_bucket_name;
        assert_eq!(refusal(driver.get_object().bucket(plots).key("a").send().await).as_deref(), Some("AccessDenied"));
        assert_eq!(
            refusal(driver.delete_object().bucket(plots).key("a").send().await).as_deref(),
            Some("AccessDenied")
        );
        assert_eq!(refusal(driver.put_object().bucket(plots).key("a").send().await).as_deref(), Some("AccessDenied"));
    }

    // The driver's own role reaches the lock, and no other row of the ledger.
    let lock = stack.read_row_as("DriverRole", "__RUN__").await;
    assert!(matches!(lock, Ending::Succeeded(_)), "{lock:?}");
    for key in ["__STATE__", "a"] {
        let row = stack.read_row_as("DriverRole", key).await;
        assert!(matches!(&row, Ending::Failed { error, .. } if error == "States.Permissions"), "{row:?}");
    }

    stack.check_ledger().await;
}

async fn the_plot_api_answers_only_to_who_may_call_it(stack: &Stack) {
    let address = &stack.local_aws.outputs().plot_api_url;
    let http = call_plot_api::http_client().expect("a client");
    let unsigned = http.get(address).send().await.expect("the API answers").status();
    assert_eq!(unsigned, StatusCode::FORBIDDEN);

    let caller = stack.as_role("CallPlotApiRole").await.credentials_provider().expect("credentials");
    let key = caller.provide_credentials().await.expect("credentials");
    let wrong = Credentials::new(key.access_key_id(), "a guess", key.session_token().map(str::to_owned), None, "wrong");
    let wrong = call_as(stack, SharedCredentialsProvider::new(wrong)).await;
    assert!(wrong.starts_with("the plot API's answer is not a plot: 403"), "{wrong}");
    let other = stack.as_role("UploadRole").await.credentials_provider().expect("credentials");
    let other = call_as(stack, other).await;
    assert!(other.starts_with("the plot API's answer is not a plot: 403"), "{other}");
    assert_eq!(call_as(stack, caller).await, "a plot");
}

async fn nobody_outside_the_account_publishes_or_sends(stack: &Stack) {
    let outputs = stack.local_aws.outputs();
    let config = stack.local_aws.sdk_config();
    let stranger = Credentials::new("111111111111", "test", None, None, "another account");
    let stranger = config.to_builder().credentials_provider(SharedCredentialsProvider::new(stranger)).build();
    let topic = stack.resource("ObjectEventsTopic").await;
    let sns = aws_sdk_sns::Client::new(&stranger);
    let refused = refusal(sns.publish().topic_arn(&topic).message("{}").send().await);
    assert_eq!(refused.as_deref(), Some("AuthorizationError"));
    let sqs = aws_sdk_sqs::Client::new(&stranger);
    let refused = refusal(sqs.send_message().queue_url(&outputs.tracking_queue_url).message_body("{}").send().await);
    assert_eq!(refused.as_deref(), Some("AccessDenied"));
}

async fn nothing_is_served_without_tls(stack: &Stack) {
    let outputs = stack.local_aws.outputs();
    let config = stack.as_administrator().await;
    for (without_tls, s3_says, sqs_says, sns_says) in
        [(false, None, None, None), (true, Some("AccessDenied"), Some("AccessDenied"), Some("AuthorizationError"))]
    {
        let proto = Proto(if without_tls { "http" } else { "https" });
        let s3 = aws_sdk_s3::config::Builder::from(&config).interceptor(proto.clone()).force_path_style(true);
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        for bucket in [&outputs.test_bucket_name, &outputs.plot_bucket_name] {
            assert_eq!(refusal(s3.list_objects_v2().bucket(bucket).send().await).as_deref(), s3_says, "{bucket}");
        }
        let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(proto.clone());
        let sqs = aws_sdk_sqs::Client::from_conf(sqs.build());
        for queue in QUEUES {
            let url = stack.resource(queue).await;
            assert_eq!(refusal(sqs.receive_message().queue_url(url).send().await).as_deref(), sqs_says, "{queue}");
        }
        let sns = aws_sdk_sns::config::Builder::from(&config).interceptor(proto);
        let sns = aws_sdk_sns::Client::from_conf(sns.build());
        for topic in ["ObjectEventsTopic", "NotificationTopic"] {
            let publish = sns.publish().topic_arn(stack.resource(topic).await).message("{}");
            assert_eq!(refusal(publish.send().await).as_deref(), sns_says, "{topic}");
        }
    }
}

const QUEUES: [&str; 6] = ["TrackingQueue", "TrackingDlq", "LoggingQueue", "LoggingDlq", "CleanerDlq", "ScheduleDlq"];

/// Says to the local AWS which scheme a call came by.
#[derive(Clone, Debug)]
struct Proto(&'static str);

impl Intercept for Proto {
    fn name(&self) -> &'static str {
        "Proto"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert("x-forwarded-proto", self.0);
        Ok(())
    }
}

/// The code of the error that AWS refused with.
fn refusal<T, E: ProvideErrorMetadata>(answer: Result<T, SdkError<E>>) -> Option<String> {
    answer.err().map(|error| error.code().unwrap_or("no code").to_owned())
}

async fn call_as(stack: &Stack, credentials: SharedCredentialsProvider) -> String {
    let deps = Deps {
        http: call_plot_api::http_client().expect("a client"),
        credentials,
        region: client::REGION.to_owned(),
        plot_api_url: stack.local_aws.outputs().plot_api_url.parse().expect("an address"),
    };
    let request = CallPlotApiRequest { run_id: "a-run".to_owned(), from: Timestamp::UNIX_EPOCH };
    match call_plot_api::handle(&deps, request, Timestamp::now()).await {
        Ok(_) => "a plot".to_owned(),
        Err(error) => error.to_string(),
    }
}
