//! The alarm on the total: what it watches, what it does, and whether it may.

use aws_sdk_cloudwatch::types::{ComparisonOperator, MetricAlarm, Statistic};
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;
use crate::policy::Request;

/// What the alarm should be.
struct Expected {
    namespace: String,
    metric: String,
    period: String,
    threshold: String,
    /// The local AWS may evaluate more often than AWS can.
    may_be_shorter: bool,
    cleaner: String,
}

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let name = &subject.outputs.alarm_name;
    let expected = Expected {
        namespace: subject.namespace(),
        metric: subject.parameter("MetricName").to_owned(),
        period: subject.parameter("AlarmPeriodSeconds").to_owned(),
        threshold: subject.parameter("SizeThreshold").to_owned(),
        may_be_shorter: subject.connection.config.endpoint_url().is_some(),
        cleaner: subject.function_arn("CleanerFunction"),
    };
    let answer = subject.cloudwatch.describe_alarms().alarm_names(name).send();
    let (answer, permission) = tokio::join!(answer, permission(subject, &expected.cleaner));
    let alarm = answer.map_err(CallError::of("DescribeAlarms"));
    let alarm = alarm.map(|answer| answer.metric_alarms.unwrap_or_default().into_iter().next());
    let put = || subject.aws(&put(name, &expected).iter().map(String::as_str).collect::<Vec<_>>());
    vec![
        Finding::by_ref("alarm", name, &alarm, |alarm| judge(alarm.as_ref(), &expected, put)),
        Finding::by_ref("alarm action", name, &alarm, |alarm| {
            let enable = || subject.aws(&["cloudwatch", "enable-alarm-actions", "--alarm-names", name]);
            judge_action(alarm.as_ref(), &expected.cleaner, enable, put)
        }),
        permission,
    ]
}

fn judge(alarm: Option<&MetricAlarm>, expected: &Expected, fix: impl FnOnce() -> String) -> Judgement {
    let Some(alarm) = alarm else { return Judgement::wrong("it is gone", fix()) };
    let period = alarm.period().map(|period| period.to_string()).unwrap_or_default();
    let threshold = alarm.threshold().map(|threshold| threshold.to_string()).unwrap_or_default();
    let is_shorter = || {
        let seconds = |text: &str| text.parse::<i64>().ok();
        matches!((seconds(&period), seconds(&expected.period)), (Some(is), Some(should)) if is < should)
    };
    let mut wrongs = Vec::new();
    let mut compare = |what: &str, is: &str, should: &str| {
        if is != should {
            wrongs.push(format!("its {what} is {is}, not {should}"));
        }
    };
    compare("namespace", alarm.namespace().unwrap_or("none"), &expected.namespace);
    compare("metric", alarm.metric_name().unwrap_or("none"), &expected.metric);
    compare("statistic", alarm.statistic().map_or("none", Statistic::as_str), "Maximum");
    if !(expected.may_be_shorter && is_shorter()) {
        compare("period", &period, &expected.period);
    }
    compare("evaluation periods", &alarm.evaluation_periods().unwrap_or_default().to_string(), "1");
    let comparison = alarm.comparison_operator().map_or("none", ComparisonOperator::as_str);
    compare("comparison", comparison, "GreaterThanOrEqualToThreshold");
    compare("threshold", &threshold, &expected.threshold);
    compare("treatment of missing data", alarm.treat_missing_data().unwrap_or("missing"), "ignore");
    if !alarm.dimensions().is_empty() {
        wrongs.push("it has dimensions, and the metric has none".to_owned());
    }
    let state = alarm.state_value().map_or("in no state", |state| state.as_str());
    Judgement::of(&wrongs, format!("Maximum ≥ {threshold} in {period} s, {state}"), fix)
}

fn judge_action(
    alarm: Option<&MetricAlarm>,
    cleaner: &str,
    enable: impl FnOnce() -> String,
    put: impl FnOnce() -> String,
) -> Judgement {
    let invokes = |alarm: &&MetricAlarm| alarm.alarm_actions().iter().any(|action| action == cleaner);
    match alarm.filter(invokes) {
        // That an alarm is gone is a finding already.
        None if alarm.is_none() => Judgement::healthy("there is no alarm that could act"),
        None => Judgement::wrong(format!("it does not invoke {cleaner}"), put()),
        Some(alarm) if alarm.actions_enabled() == Some(false) => Judgement::wrong("its actions are disabled", enable()),
        Some(_) => Judgement::healthy("it invokes the cleaner"),
    }
}

/// The alarm as the template has it.
fn put(name: &str, expected: &Expected) -> Vec<String> {
    let Expected { namespace, metric, period, threshold, cleaner, .. } = expected;
    let mut words = vec!["cloudwatch", "put-metric-alarm", "--alarm-name", name, "--namespace", namespace];
    words.extend(["--metric-name", metric, "--statistic", "Maximum", "--period", period, "--evaluation-periods", "1"]);
    words.extend(["--comparison-operator", "GreaterThanOrEqualToThreshold", "--threshold", threshold]);
    words.extend(["--treat-missing-data", "ignore", "--alarm-actions", cleaner]);
    words.into_iter().map(str::to_owned).collect()
}

async fn permission(subject: &Subject<'_>, cleaner: &str) -> Finding {
    let name = subject.resource("CleanerFunction");
    let alarm = subject.arn("cloudwatch", &format!("alarm:{}", subject.outputs.alarm_name));
    let policy = match subject.lambda.get_policy().function_name(name).send().await {
        Ok(answer) => Ok(answer.policy.unwrap_or_default()),
        Err(error) => match CallError::of("GetPolicy")(error) {
            // It has none.
            error if error.code() == Some("ResourceNotFoundException") => Ok(String::new()),
            error => Err(error),
        },
    };
    Finding::of("alarm permission", format!("the policy of {name}"), policy, |policy| {
        let service = "lambda.alarms.cloudwatch.amazonaws.com";
        let action = "lambda:InvokeFunction";
        let account = subject.account();
        let request = Request { service, action, resource: Some(cleaner), source_arn: &alarm, source_account: account };
        if request.is_permitted(&serde_json::from_str(&policy).unwrap_or_default()) {
            return Judgement::healthy("the alarm may invoke the cleaner");
        }
        let add = ["lambda", "add-permission", "--function-name", name, "--statement-id", "AlarmMayInvokeCleaner"];
        let to = ["--action", action, "--principal", service, "--source-account", account, "--source-arn", &alarm];
        Judgement::wrong("the alarm may not invoke the cleaner", subject.aws(&[&add[..], &to].concat()))
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::StateValue;
    use aws_sdk_cloudwatch::types::builders::MetricAlarmBuilder;

    use super::*;

    fn alarm() -> MetricAlarmBuilder {
        let alarm = MetricAlarm::builder().namespace("Spillway/s").metric_name("Total").statistic(Statistic::Maximum);
        let alarm = alarm.period(60).evaluation_periods(1).threshold(20.0).treat_missing_data("ignore");
        let alarm = alarm.comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold);
        alarm.state_value(StateValue::Ok).alarm_actions("cleaner").actions_enabled(true)
    }

    fn said(alarm: MetricAlarmBuilder, may_be_shorter: bool) -> Judgement {
        let expected = Expected {
            namespace: "Spillway/s".to_owned(),
            metric: "Total".to_owned(),
            period: "60".to_owned(),
            threshold: "20".to_owned(),
            may_be_shorter,
            cleaner: "cleaner".to_owned(),
        };
        judge(Some(&alarm.build()), &expected, || "put".to_owned())
    }

    #[test]
    fn whatever_differs_is_named() {
        assert_eq!(said(alarm(), false), Judgement::healthy("Maximum ≥ 20 in 60 s, OK"));
        let wrong = "its metric is Size, not Total; its threshold is 21, not 20";
        assert_eq!(said(alarm().metric_name("Size").threshold(21.0), false), Judgement::wrong(wrong, "put"));
        let average = "its statistic is Average, not Maximum";
        assert_eq!(said(alarm().statistic(Statistic::Average), false), Judgement::wrong(average, "put"));
    }

    #[test]
    fn only_an_emulator_has_a_shorter_period_than_was_asked_for() {
        let shorter = Judgement::wrong("its period is 10, not 60", "put");
        assert_eq!(said(alarm().period(10), false), shorter);
        assert_eq!(said(alarm().period(10), true), Judgement::healthy("Maximum ≥ 20 in 10 s, OK"));
        assert_eq!(said(alarm().period(120), true), Judgement::wrong("its period is 120, not 60", "put"));
    }

    #[test]
    fn an_alarm_that_does_nothing_is_wrong() {
        let said = |alarm: MetricAlarmBuilder| {
            judge_action(Some(&alarm.build()), "cleaner", || "enable".to_owned(), || "put".to_owned())
        };
        assert_eq!(said(alarm()), Judgement::healthy("it invokes the cleaner"));
        let disabled = Judgement::wrong("its actions are disabled", "enable");
        assert_eq!(said(alarm().actions_enabled(false)), disabled);
        let other = alarm().set_alarm_actions(Some(vec!["topic".to_owned()]));
        assert_eq!(said(other), Judgement::wrong("it does not invoke cleaner", "put"));
    }
}
