//! What was measured, and what it should have come to.

use crate::figures::{megabytes, milliseconds, rounded, table};
use crate::plots::{self, Plot};
use crate::starts::{self, HEAVY_PLOT, Start};
use crate::tracker::{self, Tracking};
use crate::workflow::{self, Run};
use crate::year::{self, Range};

#[derive(Default)]
pub struct Measured {
    pub starts: Vec<Start>,
    pub plots: Vec<Plot>,
    pub year: Vec<Range>,
    pub tracked: Vec<Tracking>,
    pub run: Option<Run>,
}

/// A target: what it is about, the figure, and whether that will do.
struct Target {
    name: String,
    figure: f64,
    limit: f64,
    unit: &'static str,
    /// Whether more is better.
    at_least: bool,
}

impl Measured {
    /// In Markdown.
    pub fn report(&self) -> String {
        let mut parts = vec![self.targets()];
        if !self.starts.is_empty() {
            parts.push(starts::report(&self.starts));
        }
        if !self.plots.is_empty() {
            parts.push(plots::report(&self.plots));
        }
        if !self.year.is_empty() {
            parts.push(year::report(&self.year));
        }
        if !self.tracked.is_empty() {
            parts.push(tracker::report(&self.tracked));
        }
        parts.extend(self.run.as_ref().map(workflow::report));
        parts.join("\n")
    }

    fn targets(&self) -> String {
        let mut targets = Vec::new();
        let most = |figure: &dyn Fn(&Start) -> f64| self.starts.iter().map(figure).max_by(f64::total_cmp);
        let slowest = most(&|start| milliseconds(start.rust.first_poll));
        targets.extend(slowest.map(|figure| at_most("first poll of the slowest function", figure, 12.0, "ms")));
        let least_lead = self.starts.iter().filter_map(Start::lead).min_by(f64::total_cmp);
        targets.extend(least_lead.map(|figure| Target {
            at_least: true,
            ..at_most("first poll, times faster than Python, of the function with the least lead", figure, 30.0, "×")
        }));
        let over = most(&Start::over_empty);
        let name = "first poll, times that of an empty function, of the slowest";
        targets.extend(over.map(|figure| at_most(name, figure, 1.3, "×")));
        let package = |start: &Start| megabytes(start.rust.package);
        let (plotting, others): (Vec<_>, Vec<_>) = self.starts.iter().partition(|start| start.function == "plotting");
        let largest = others.into_iter().map(package).max_by(f64::total_cmp);
        targets
            .extend(largest.map(|figure| at_most("largest package but that of plotting, zipped", figure, 2.5, "MB")));
        let drawing = plotting.into_iter().map(package).next();
        targets.extend(drawing.map(|figure| at_most("package of plotting, zipped", figure, 3.0, "MB")));
        for (events, limit) in [(10, 15.0), (HEAVY_PLOT, 60.0)] {
            let drawing = self.plots.iter().find(|plot| plot.events == events).map(|plot| plot.drawing.rust);
            let name = format!("drawing {events} events");
            targets.extend(drawing.map(|figure| at_most(&name, milliseconds(figure), limit, "ms")));
        }
        let plotting = self.starts.iter().find(|start| start.function == "plotting");
        let name = format!("peak memory, plot of {HEAVY_PLOT} events");
        targets.extend(plotting.map(|start| at_most(&name, megabytes(start.rust.peak_memory), 40.0, "MB")));
        targets.extend(self.flatness());
        let over = self.run.as_ref().map(|run| 100.0 * run.over());
        targets.extend(
            over.map(|figure| at_most("default run, over the least that its windows allow", figure, 25.0, "%")),
        );
        table(&["target", "limit", "measured", "met"], targets.iter().map(Target::row))
    }

    /// How much more the largest bucket costs than the smallest.
    fn flatness(&self) -> Vec<Target> {
        let (Some(first), Some(last)) = (self.tracked.first(), self.tracked.last()) else { return Vec::new() };
        let between = format!("from {} to {} objects", first.objects, last.objects);
        let time = first.of.rust.events_per_second / last.of.rust.events_per_second;
        let requests = last.of.rust.requests_per_event / first.of.rust.requests_per_event;
        let growth = |ratio: f64| 100.0 * (ratio - 1.0);
        vec![
            at_most(&format!("tracker's requests per event, growth {between}"), growth(requests), 10.0, "%"),
            at_most(&format!("tracker's time per event, growth {between}"), growth(time), 10.0, "%"),
        ]
    }
}

fn at_most(name: &str, figure: f64, limit: f64, unit: &'static str) -> Target {
    Target { name: name.to_owned(), figure, limit, unit, at_least: false }
}

impl Target {
    fn row(&self) -> Vec<String> {
        let Self { figure, limit, unit, .. } = self;
        let met = if self.at_least { figure >= limit } else { figure <= limit };
        let bound = if self.at_least { "≥" } else { "≤" };
        let met = if met { "yes" } else { "no" };
        vec![
            self.name.clone(),
            format!("{bound} {limit} {unit}"),
            format!("{} {unit}", rounded(*figure)),
            met.to_owned(),
        ]
    }
}
