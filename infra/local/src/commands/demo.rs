//! The whole system, live, with one command.

use std::fs;
use std::path::Path;

use aws_sdk_s3::primitives::ByteStreamError;
use spillway_aws::CallError;
use spillway_contracts::report::RunReport;

use super::outcome::Outcome;
use super::scenario;
use crate::commands::display::Display;
use crate::emulator::client;
use crate::error::Error;
use crate::file_error::FileError;
use crate::local_aws::{LocalAws, Options};
use crate::run::execution::{Driver, Ending};
use crate::workspace::Workspace;

/// Starts a local AWS, runs the scenario at `input` on it, keeps the report and the plot, stops.
pub(super) async fn demo(input: Option<&Path>, display: &Display) -> Result<Outcome, Error> {
    let input = scenario::read(input)?;
    let directory = Workspace::locate().await?.demo();
    let (report_file, plot_file) = (directory.join("report.json"), directory.join("plot.png"));
    fs::create_dir_all(&directory).map_err(FileError::to("create", &directory))?;
    for stale in [&report_file, &plot_file] {
        remove(stale)?;
    }
    let reporter = display.reporter();
    let local_aws = LocalAws::up(Options { reporter: reporter.clone(), ..Options::default() }).await?;
    let driver = Driver::new(local_aws.sdk_config(), local_aws.outputs());
    let ending = scenario::drive(&driver, &input, &reporter).await?;
    match &ending {
        Ending::Succeeded(output) => {
            fs::write(&report_file, pretty(output)).map_err(FileError::to("write", &report_file))?;
        }
        Ending::Failed { .. } => scenario::say(&format!("log     {}", local_aws.log().display())),
    }
    let report = ending.report()?;
    let plot = download_plot(&local_aws, &report).await?;
    fs::write(&plot_file, plot).map_err(FileError::to("write", &plot_file))?;
    local_aws.shutdown().await;

    let outcome = scenario::conclude(&report);
    scenario::say(&format!("report  {}\nplot    {}", report_file.display(), plot_file.display()));
    Ok(outcome)
}

fn remove(file: &Path) -> Result<(), FileError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::to("remove", file)(error)),
        _ => Ok(()),
    }
}

/// `output` with a line for each field, if it is JSON.
fn pretty(output: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(output) {
        Ok(value) => format!("{value:#}\n"),
        Err(_) => output.to_owned(),
    }
}

async fn download_plot(local_aws: &LocalAws, report: &RunReport) -> Result<Vec<u8>, Error> {
    let s3 = client::s3(local_aws.sdk_config());
    let request = s3.get_object().bucket(&report.plot.bucket_name).key(report.plot.object_name.as_str());
    let object = request.send().await.map_err(CallError::of("GetObject"))?;
    let broken_off = |error: ByteStreamError| CallError::unexpected("GetObject", error.to_string());
    let bytes = object.body.collect().await.map_err(broken_off)?;
    Ok(bytes.to_vec())
}
