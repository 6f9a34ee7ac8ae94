//! The page of the local stack.

use std::process::Stdio;

use spillway_page::{Recording, Server, Watch};
use spillway_stack::progress::{Progress, Reporter, Step};
use spillway_stack::run::recording;
use tokio::process::Command;

use crate::error::Error;
use crate::local_aws::LocalAws;

/// What to do with the page.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct PageOptions {
    /// Open the page in a browser.
    #[arg(long, conflicts_with = "no_page")]
    pub open: bool,
    /// Serve no page.
    #[arg(long)]
    pub no_page: bool,
}

/// What goes on in the stack: recorded, and served unless nobody wants it.
#[derive(Debug)]
pub(super) struct Page {
    watch: Watch,
    server: Option<Server>,
}

impl Page {
    /// Begins to record, and to serve the page.
    pub(super) async fn begin(local_aws: &LocalAws, options: PageOptions, reporter: &Reporter) -> Result<Self, Error> {
        let place = format!("the local AWS at {}", local_aws.endpoint());
        let (watch, stack) = recording::begin(local_aws.sdk_config(), local_aws.stack_name(), &place).await?;
        if options.no_page {
            return Ok(Self { watch, server: None });
        }
        reporter.tell(Progress::Began(Step::PAGE));
        let server = Server::listen(&watch, stack).await.map_err(Error::Page)?;
        reporter.tell(Progress::Done(Step::PAGE, server.url()));
        if options.open {
            open(&server.url());
        }
        Ok(Self { watch, server: Some(server) })
    }

    /// What to open in a browser.
    pub(super) fn url(&self) -> Option<String> {
        self.server.as_ref().map(Server::url)
    }

    /// The page is about this run.
    pub(super) fn follow(&self, execution: &str) {
        self.watch.follow(execution);
    }

    /// Everything that was recorded.
    pub(super) async fn recording(&self) -> Recording {
        self.watch.settle().await
    }
}

/// Has the desktop open the address. Where there is none, the address has been printed.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    let started = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if started.is_err() {
        eprintln!("there is no {opener} that could open a browser. Open {url} yourself.");
    }
}
