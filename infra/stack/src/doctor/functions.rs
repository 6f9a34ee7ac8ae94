//! The functions of the pipeline: the format of their logs, which the metric rests on, and whether they are stopped.

use aws_sdk_lambda::types::{ApplicationLogLevel, LogFormat, LoggingConfig};
use spillway_aws::CallError;

use super::finding::{Finding, Judgement};
use super::subject::Subject;

/// A function, by its names here and in the template.
struct Function {
    id: &'static str,
    logs: &'static str,
    concurrency: &'static str,
    /// The log group that something else reads.
    group: Option<&'static str>,
}

const FUNCTIONS: [Function; 3] = [
    Function {
        id: "SizeTrackingFunction",
        logs: "size-tracking logs",
        concurrency: "size-tracking concurrency",
        group: Some("SizeTrackingLogGroup"),
    },
    Function { id: "LoggingFunction", logs: "logging logs", concurrency: "logging concurrency", group: None },
    Function {
        id: "CleanerFunction",
        logs: "cleaner logs",
        concurrency: "cleaner concurrency",
        group: Some("CleanerLogGroup"),
    },
];

pub(super) async fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let [tracking, logging, cleaner] = &FUNCTIONS;
    let (tracking, logging, cleaner) =
        tokio::join!(look_at(subject, tracking), look_at(subject, logging), look_at(subject, cleaner));
    [tracking, logging, cleaner].into_iter().flatten().collect()
}

async fn look_at(subject: &Subject<'_>, function: &Function) -> [Finding; 2] {
    let name = subject.resource(function.id);
    let configuration = subject.lambda.get_function_configuration().function_name(name).send();
    let concurrency = subject.lambda.get_function_concurrency().function_name(name).send();
    let (configuration, concurrency) = tokio::join!(configuration, concurrency);
    let configuration = configuration.map_err(CallError::of("GetFunctionConfiguration"));
    let concurrency = concurrency.map_err(CallError::of("GetFunctionConcurrency"));
    [
        Finding::of(function.logs, name, configuration, |it| {
            let own = format!("/aws/lambda/{name}");
            let group = function.group.map_or(own.as_str(), |id| subject.resource(id));
            judge_logs(it.logging_config(), function.group.map(|_| group), &own, |level| {
                let config = format!("LogFormat=JSON,ApplicationLogLevel={level},LogGroup={group}");
                let update = ["lambda", "update-function-configuration", "--function-name", name];
                subject.aws(&[&update[..], &["--logging-config", &config]].concat())
            })
        }),
        Finding::of(function.concurrency, name, concurrency, |it| {
            judge_concurrency(it.reserved_concurrent_executions(), || {
                subject.aws(&["lambda", "delete-function-concurrency", "--function-name", name])
            })
        }),
    ]
}

/// `group` is the log group that the lines should be in, if it matters; `own` the one where Lambda puts them by default.
fn judge_logs(
    config: Option<&LoggingConfig>,
    group: Option<&str>,
    own: &str,
    fix: impl FnOnce(&str) -> String,
) -> Judgement {
    let mut wrongs = Vec::new();
    let format = config.and_then(|it| it.log_format()).cloned().unwrap_or(LogFormat::Text);
    if format != LogFormat::Json {
        wrongs.push(format!("the log's format is {format}, in which no filter finds a field"));
    }
    let level = config.and_then(|it| it.application_log_level());
    let quiet = [ApplicationLogLevel::Warn, ApplicationLogLevel::Error, ApplicationLogLevel::Fatal];
    if let Some(level) = level.filter(|level| quiet.contains(level)) {
        wrongs.push(format!("lines below {level} are dropped, those of totals and decisions with them"));
    }
    let written = config.and_then(|it| it.log_group()).unwrap_or(own);
    if let Some(group) = group.filter(|group| *group != written) {
        wrongs.push(format!("the lines go to {written}, and the filter reads {group}"));
    }
    Judgement::of(&wrongs, "JSON", || fix("INFO"))
}

fn judge_concurrency(reserved: Option<i32>, fix: impl FnOnce() -> String) -> Judgement {
    match reserved {
        None => Judgement::healthy("not limited"),
        Some(0) => Judgement::wrong("it is stopped: no invocation begins (reserved concurrency 0)", fix()),
        Some(reserved) => Judgement::healthy(format!("{reserved} reserved")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_complete_and_where_they_are_looked_for() {
        let said = |config: aws_sdk_lambda::types::builders::LoggingConfigBuilder| {
            judge_logs(Some(&config.build()), Some("group"), "own", str::to_owned)
        };
        let json = || LoggingConfig::builder().log_format(LogFormat::Json).log_group("group");
        assert_eq!(said(json()), Judgement::healthy("JSON"));
        assert_eq!(said(json().application_log_level(ApplicationLogLevel::Debug)), Judgement::healthy("JSON"));
        let dropped = "lines below WARN are dropped, those of totals and decisions with them";
        assert_eq!(said(json().application_log_level(ApplicationLogLevel::Warn)), Judgement::wrong(dropped, "INFO"));
        let text = "the log's format is Text, in which no filter finds a field";
        assert_eq!(said(json().log_format(LogFormat::Text)), Judgement::wrong(text, "INFO"));
        let elsewhere = "the lines go to other, and the filter reads group";
        assert_eq!(said(json().log_group("other")), Judgement::wrong(elsewhere, "INFO"));
        let unset = judge_logs(None, Some("own"), "own", str::to_owned);
        assert_eq!(unset, Judgement::wrong(text, "INFO"));
    }

    #[test]
    fn a_function_with_no_concurrency_is_stopped() {
        let said = |reserved| judge_concurrency(reserved, || "fix".to_owned());
        assert_eq!(said(None), Judgement::healthy("not limited"));
        assert_eq!(said(Some(5)), Judgement::healthy("5 reserved"));
        let stopped = "it is stopped: no invocation begins (reserved concurrency 0)";
        assert_eq!(said(Some(0)), Judgement::wrong(stopped, "fix"));
    }
}
