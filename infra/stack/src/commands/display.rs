//! Shows progress: live on a terminal, otherwise one line for each change.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::{Progress, Reporter, Step};

/// Where plain lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// With the results.
    Stdout,
    /// Apart from the results.
    Stderr,
}

/// Shows progress to the person who typed the command.
#[derive(Clone)]
pub struct Display {
    stream: Stream,
    start: Instant,
    live: Option<Arc<Mutex<Live>>>,
}

/// A line for each step that began, with a spinner while it goes on.
struct Live {
    lines: MultiProgress,
    steps: BTreeMap<Step, ProgressBar>,
    run: Run,
}

/// What is known about the run.
#[derive(Default)]
struct Run {
    state: String,
    total: Option<u64>,
    alarm: Option<String>,
}

impl Display {
    /// Live if everything goes to a terminal; otherwise plain lines on `stream`.
    pub fn new(stream: Stream) -> Self {
        let is_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let live =
            || Arc::new(Mutex::new(Live { lines: MultiProgress::new(), steps: BTreeMap::new(), run: Run::default() }));
        Self { stream, start: Instant::now(), live: is_terminal.then(live) }
    }

    /// Shows what it is told.
    pub fn reporter(&self) -> Reporter {
        let display = self.clone();
        Reporter::new(move |progress| display.show(&progress))
    }

    /// Leaves what is shown as it is; nothing moves any more.
    pub fn stop(&self) {
        if let Some(live) = &self.live {
            let live = live.lock().unwrap_or_else(PoisonError::into_inner);
            live.steps.values().filter(|line| !line.is_finished()).for_each(ProgressBar::abandon);
        }
    }

    fn show(&self, progress: &Progress) {
        match &self.live {
            Some(live) => live.lock().unwrap_or_else(PoisonError::into_inner).show(progress),
            None => {
                if let Some(line) = plain(progress, self.start.elapsed()) {
                    self.print(&line);
                }
            }
        }
    }

    fn print(&self, line: &str) {
        // Nobody reads it if the pipe is closed, and that is no reason to stop.
        let _ = match self.stream {
            Stream::Stdout => writeln!(std::io::stdout(), "{line}"),
            Stream::Stderr => writeln!(std::io::stderr(), "{line}"),
        };
    }
}

/// The line for `progress`, if it deserves one.
fn plain(progress: &Progress, elapsed: Duration) -> Option<String> {
    let text = match progress {
        Progress::Began(step) => format!("{step} ..."),
        Progress::Glimpse(..) => return None,
        Progress::Detail(step, text) => format!("{step}: {text}"),
        Progress::Done(step, text) => format!("{step}: {text}"),
        Progress::State(state) => format!("state: {state}"),
        Progress::Total(bytes) => format!("total: {bytes} bytes"),
        Progress::Alarm(state) => format!("alarm: {state}"),
        Progress::Problem(text) => format!("problem: {text}"),
    };
    Some(format!("[{:6.1} s] {text}", elapsed.as_secs_f64()))
}

impl Live {
    fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Began(step) => self.begin(*step),
            Progress::Detail(step, text) | Progress::Glimpse(step, text) => self.say(*step, text.clone()),
            Progress::Done(step, text) => {
                if let Some(line) = self.steps.get(step) {
                    line.set_style(style("  {prefix:20} {elapsed:>4}  {msg}"));
                    line.finish_with_message(text.clone());
                }
            }
            Progress::State(state) => {
                self.run.state.clone_from(state);
                self.say(Step::RUN, self.run.line());
            }
            Progress::Total(bytes) => {
                self.run.total = Some(*bytes);
                self.say(Step::RUN, self.run.line());
            }
            Progress::Alarm(state) => {
                self.run.alarm = Some(state.clone());
                self.say(Step::RUN, self.run.line());
            }
            Progress::Problem(text) => {
                // Nobody reads it if the terminal is gone.
                let _ = self.lines.println(format!("problem: {text}"));
            }
        }
    }

    fn begin(&mut self, step: Step) {
        let line = self.lines.add(ProgressBar::new_spinner());
        line.set_style(style("{spinner} {prefix:20} {elapsed:>4}  {wide_msg}"));
        line.set_prefix(step.to_string());
        line.enable_steady_tick(Duration::from_millis(100));
        self.steps.insert(step, line);
    }

    fn say(&self, step: Step, text: String) {
        if let Some(line) = self.steps.get(&step) {
            line.set_message(text);
        }
    }
}

impl Run {
    fn line(&self) -> String {
        let total = self.total.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes} bytes"));
        let alarm = self.alarm.as_deref().unwrap_or("-");
        format!("{:<27} total {total:<9}  alarm {alarm}", self.state)
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants, and the live display is only ever seen: a bad one shows as the default style.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(progress: Progress, expect: Option<&str>) {
        assert_eq!(plain(&progress, Duration::from_millis(12_340)).as_deref(), expect);
    }

    #[test]
    fn a_plain_line_has_the_seconds_and_what_changed() {
        check(Progress::Began(Step("local AWS")), Some("[  12.3 s] local AWS ..."));
        check(Progress::Done(Step("stack"), "deployed".to_owned()), Some("[  12.3 s] stack: deployed"));
        check(Progress::State("Upload (cycle 1)".to_owned()), Some("[  12.3 s] state: Upload (cycle 1)"));
        check(Progress::Total(46), Some("[  12.3 s] total: 46 bytes"));
        check(Progress::Alarm("ALARM".to_owned()), Some("[  12.3 s] alarm: ALARM"));
    }

    #[test]
    fn a_glimpse_is_no_plain_line() {
        check(Progress::Glimpse(Step("functions"), "Compiling serde v1".to_owned()), None);
    }

    #[test]
    fn the_live_line_of_a_run_has_state_total_and_alarm() {
        let run = Run { state: "Upload (cycle 1)".to_owned(), total: Some(46), alarm: Some("OK".to_owned()) };
        assert_eq!(run.line(), "Upload (cycle 1)            total 46 bytes   alarm OK");
    }
}
