//! The files that a run leaves: the report, the plot, and the page.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_sdk_s3::primitives::ByteStreamError;
use spillway_aws::CallError;
use spillway_contracts::report::RunReport;
use spillway_page::Recording;
use spillway_page::document::recorded;

use crate::error::Error;
use crate::file_error::FileError;

/// Where the files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// The run report, as JSON.
    pub report: PathBuf,
    /// The plot.
    pub plot: PathBuf,
    /// The page over everything that was recorded.
    pub page: PathBuf,
}

impl Results {
    /// In `directory`, from which those of an earlier run are removed.
    pub fn prepare(directory: &Path) -> Result<Self, FileError> {
        fs::create_dir_all(directory).map_err(FileError::to("create", directory))?;
        let results = Self {
            report: directory.join("report.json"),
            plot: directory.join("plot.png"),
            page: directory.join("run.html"),
        };
        for stale in [&results.report, &results.plot, &results.page] {
            match fs::remove_file(stale) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(FileError::to("remove", stale)(error)),
                _ => {}
            }
        }
        Ok(results)
    }

    /// Keeps the output of an execution that succeeded.
    pub fn keep_report(&self, output: &str) -> Result<(), FileError> {
        fs::write(&self.report, pretty(output)).map_err(FileError::to("write", &self.report))
    }

    /// Keeps what was recorded of the run, as a page.
    pub fn keep_page(&self, recording: &Recording) -> Result<(), FileError> {
        fs::write(&self.page, recorded(recording)).map_err(FileError::to("write", &self.page))
    }

    /// Fetches the plot of the run.
    pub async fn keep_plot(&self, s3: &aws_sdk_s3::Client, report: &RunReport) -> Result<(), Error> {
        let request = s3.get_object().bucket(&report.plot.bucket_name).key(report.plot.object_name.as_str());
        let object = request.send().await.map_err(CallError::of("GetObject"))?;
        let broken_off = |error: ByteStreamError| CallError::unexpected("GetObject", error.to_string());
        let bytes = object.body.collect().await.map_err(broken_off)?.to_vec();
        Ok(fs::write(&self.plot, bytes).map_err(FileError::to("write", &self.plot))?)
    }
}

/// `output` with a line for each field, if it is JSON.
fn pretty(output: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(output) {
        Ok(value) => format!("{value:#}\n"),
        Err(_) => output.to_owned(),
    }
}
