//! What goes on in a deployed stack, until Ctrl-C.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::outcome::Outcome;
use super::signals::Signals;
use crate::connection::Choice;
use crate::error::Error;
use crate::watch::{Watcher, block, line};

/// Which stack to watch.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Which stack.
    #[command(flatten)]
    pub choice: Choice,
}

/// Where it is shown.
enum Screen {
    /// In place.
    Live { lines: MultiProgress, bars: Vec<ProgressBar> },
    /// A line for each change.
    Plain { last: String },
}

/// Shows it until a signal arrives, or nobody reads any more.
pub(super) async fn perform(options: Options) -> Result<Outcome, Error> {
    let mut signals = Signals::listen()?;
    let connection = options.choice.connect().await?;
    eprintln!("{connection}");
    let pause = Duration::from_secs(if connection.is_local() { 1 } else { 5 });
    let watch = async {
        let watcher = Watcher::new(&connection).await?;
        let mut screen = Screen::new();
        let mut tick = interval(pause);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let shown = match watcher.glance().await {
                Ok(glance) => screen.show(block(&glance, Timestamp::now()), line(&glance)),
                // It may be there again at the next look.
                Err(error) => screen.show(vec![error.to_string()], error.to_string()),
            };
            if shown.is_err() {
                return Ok(Outcome::Success);
            }
        }
    };
    let mut watch = Box::pin(watch);
    tokio::select! {
        outcome = &mut watch => outcome,
        _ = signals.next() => Ok(Outcome::Success),
    }
}

impl Screen {
    fn new() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::Plain { last: String::new() };
        }
        Self::Live { lines: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()), bars: Vec::new() }
    }

    fn show(&mut self, block: Vec<String>, line: String) -> std::io::Result<()> {
        match self {
            Self::Live { lines, bars } => {
                while bars.len() < block.len() {
                    let bar = lines.add(ProgressBar::new_spinner());
                    // A constant: a bad one shows as the default style.
                    let style = ProgressStyle::with_template("{wide_msg}");
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                    bars.push(bar);
                }
                for (position, bar) in bars.iter().enumerate() {
                    bar.set_message(block.get(position).cloned().unwrap_or_default());
                }
                Ok(())
            }
            Self::Plain { last } if *last == line => Ok(()),
            Self::Plain { last } => {
                *last = line;
                writeln!(std::io::stdout(), "{:.0} {last}", Timestamp::now())
            }
        }
    }
}
