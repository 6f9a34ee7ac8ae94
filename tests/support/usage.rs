//! What a live stack has used so far.

use aws_sdk_sfn::types::HistoryEvent;

use crate::Stack;

impl Stack {
    /// How long the invocations of a function took, in milliseconds.
    pub async fn durations(&self, function: &str) -> Vec<f64> {
        let messages = self.log_messages(&self.log_group(function).await).await;
        let reports = messages.iter().filter(|message| message.starts_with("REPORT "));
        let duration = |report: &String| {
            let (_, rest) = report.split_once("\tDuration: ").expect("a report has the duration");
            rest.split_once(' ').and_then(|(number, _)| number.parse().ok()).expect("a number")
        };
        reports.map(duration).collect()
    }

    /// The bytes of what functions logged.
    pub async fn log_bytes(&self, functions: &[&str]) -> usize {
        let mut bytes = 0;
        for function in functions {
            let messages = self.log_messages(&self.log_group(function).await).await;
            bytes += messages.iter().map(String::len).sum::<usize>();
        }
        bytes
    }

    /// What happened in an execution.
    pub async fn history(&self, execution: &str) -> Vec<HistoryEvent> {
        let sfn = aws_sdk_sfn::Client::new(self.local_aws.sdk_config());
        let request = sfn.get_execution_history().execution_arn(execution).include_execution_data(true);
        let events = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>();
        events.await.expect("an execution has a history")
    }

    /// How many alarms it has.
    pub async fn alarms(&self) -> usize {
        let resources = self.resources().await.into_iter();
        resources.filter(|resource| resource.resource_type() == Some("AWS::CloudWatch::Alarm")).count()
    }
}
