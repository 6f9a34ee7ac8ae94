//! A local AWS that keeps running.

use std::fmt::Write;

use spillway_stack::commands::display::{Display, Stream};
use spillway_stack::commands::outcome::Outcome;
use spillway_stack::commands::scenario;
use spillway_stack::commands::signals::Signals;
use spillway_stack::connection::stack_file::StackFile;
use spillway_stack::shell::quoted;
use spillway_stack::workspace::Workspace;

use super::page::{Page, PageOptions};
use crate::emulator::client;
use crate::error::Error;
use crate::local_aws::{LocalAws, Options};

/// Starts a local AWS on `port`, or on a free one, and keeps it running until a signal arrives.
pub(super) async fn up(port: Option<u16>, page: PageOptions, mut signals: Signals) -> Result<Outcome, Error> {
    // The results are for a shell to read, so progress goes elsewhere.
    let display = Display::new(Stream::Stderr);
    let mut started = None;
    let start = async {
        let reporter = display.reporter();
        let local_aws = LocalAws::up(Options { port, reporter: reporter.clone(), ..Options::default() }).await?;
        // Nobody looks at the stack's interfaces if nobody looks at the page.
        let page = if page.no_page { None } else { Some(Page::begin(&local_aws, page, &reporter).await?) };
        started = Some((local_aws, page));
        Ok::<_, Error>(Outcome::Success)
    };
    let outcome = signals.interrupting(start, &display).await?;
    let Some((local_aws, page)) = started else { return Ok(outcome) };

    let directory = Workspace::locate().await?.local();
    let file = client::stack_file(local_aws.endpoint(), local_aws.outputs().clone());
    file.write(&directory)?;
    scenario::say(&exports(&file));
    eprintln!(
        "The local AWS runs until Ctrl-C. In another terminal, `cargo stack run` starts a run and \
         follows it, `cargo stack watch` shows what goes on."
    );
    if let Some(url) = page.as_ref().and_then(Page::url) {
        eprintln!("The page at {url} shows all of it, and can start a run, too.");
    }
    signals.next().await;
    eprintln!("stopping ...");
    drop(page);
    file.remove(&directory);
    local_aws.shutdown().await;
    Ok(Outcome::Success)
}

/// What to paste into a shell for the stock AWS CLI to find the stack, and to start an execution.
fn exports(file: &StackFile) -> String {
    let mut exports = String::new();
    let mut export = |name: &str, value: &str| {
        // Writing into a string doesn't fail.
        let _ = writeln!(exports, "export {name}={}", quoted(value));
    };
    export("AWS_ENDPOINT_URL", &file.endpoint);
    export("AWS_ACCESS_KEY_ID", &file.access_key_id);
    export("AWS_SECRET_ACCESS_KEY", &file.secret_access_key);
    export("AWS_DEFAULT_REGION", &file.region);
    // It wins over AWS_DEFAULT_REGION where it is set.
    export("AWS_REGION", &file.region);
    for (name, value) in file.outputs.variables() {
        export(&name, &value);
    }
    // They would go with other keys than these.
    exports.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    let arn = quoted(&file.outputs.state_machine_arn);
    exports.push_str(&format!("aws stepfunctions start-execution --state-machine-arn {arn} --input '{{}}'"));
    exports
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_stack::Outputs;

    /// Outputs whose values are their names.
    fn outputs() -> Outputs {
        Outputs::from_stack(Outputs::NAMES.iter().map(|&name| (name.to_owned(), name.to_owned())).collect()).unwrap()
    }

    #[test]
    fn exports_are_lines_for_a_shell_and_end_with_the_start_of_an_execution() {
        let exports = exports(&client::stack_file("http://127.0.0.1:4566".to_owned(), outputs()));
        let lines: Vec<_> = exports.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "export AWS_ENDPOINT_URL=http://127.0.0.1:4566",
                "export AWS_ACCESS_KEY_ID=test",
                "export AWS_SECRET_ACCESS_KEY=test",
                "export AWS_DEFAULT_REGION=us-east-1",
                "export AWS_REGION=us-east-1",
            ]
        );
        assert_eq!(lines.iter().filter(|line| line.starts_with("export ")).count(), 5 + Outputs::NAMES.len());
        assert!(lines.contains(&"export TEST_BUCKET_NAME=TestBucketName"));
        assert_eq!(
            lines.last(),
            Some(&"aws stepfunctions start-execution --state-machine-arn StateMachineArn --input '{}'")
        );
    }
}
