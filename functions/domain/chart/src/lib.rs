//! The plot: how a bucket's total moved, drawn from its changes. It needs nothing but them, no file and no font.
//!
//! Make a [`Chart`] for a [`Frame`], push each [`Change`] in the order of commits, and take the picture with
//! [`Chart::to_png`] or [`Chart::to_svg`]. A chart keeps of the changes only what the picture can show.
//!
//! Of a long history a [`Summary`] of each second or minute does as well as the changes themselves.

#![warn(missing_docs)]

mod axes;
mod captions;
mod font;
mod geometry;
mod header;
mod labels;
mod layout;
mod line;
mod marks;
mod paint;
mod palette;
mod reduce;
mod scene;
mod size_axis;
mod summary;
mod svg;
mod time_axis;
mod times;
mod units;

#[cfg(test)]
extern crate self as spillway_chart;

#[cfg(test)]
#[path = "../tests/histories/mod.rs"]
mod histories;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use geometry::Rect;
use layout::Layout;
use marks::Marks;
use reduce::{Column, Reducer};
use scene::Scene;
use size_axis::SizeScale;
use times::{TimeScale, format_range};

pub use summary::{Resolution, Summary};
pub use units::{format_bytes, format_count, format_delta};

/// How many of the changes that a summary stands for a picture may want to mark: the largest.
pub const NOTABLE: usize = marks::NOTABLE;

/// The least and the greatest width and height of a plot, in pixels.
pub const SIDES: std::ops::RangeInclusive<u32> = 320..=4_096;

/// What a plot is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The bucket.
    pub bucket_name: String,
    /// From this total on, objects are deleted; in bytes.
    pub threshold_bytes: u64,
    /// The total before the first change, in bytes.
    pub initial_total: u64,
    /// Where the time axis begins.
    pub start: Timestamp,
    /// Where it ends.
    pub end: Timestamp,
    /// The width of the plot, in pixels.
    pub width: u32,
    /// Its height, in pixels.
    pub height: u32,
}

/// A change of the total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it happened.
    pub at: Timestamp,
    /// The object that was uploaded or deleted.
    pub object_name: String,
    /// What it changed the total by, in bytes.
    pub size_delta: i64,
    /// The total after it, in bytes.
    pub total_size: u64,
    /// What happened to the object.
    pub kind: ChangeKind,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was uploaded.
    Created,
    /// It was deleted.
    Deleted,
    /// An audit put the ledger right about it.
    Repaired,
}

/// A plot under way: takes changes one after the other and keeps of them only what the picture can show.
#[derive(Clone, Debug)]
pub struct Chart {
    frame: Frame,
    layout: Layout,
    times: TimeScale,
    reducer: Reducer,
    marks: Marks,
    peak: Peak,
    /// When the total first was at the threshold or above.
    reached_at: Option<Timestamp>,
    last_total: u64,
    last_at: Timestamp,
    /// From when on nothing is known.
    unread_from: Option<Timestamp>,
}

/// The greatest total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Peak {
    total: u64,
    column: u32,
    /// When it was reached; `None` if the total began with it.
    at: Option<Timestamp>,
}

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The size is out of bounds.
    #[error("a plot is {} to {} pixels wide and high, not {width} by {height}", SIDES.start(), SIDES.end())]
    Size {
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
    /// The range ends before it begins.
    #[error("the range ends at {end}, before it begins at {start}")]
    Range {
        /// The start asked for.
        start: Timestamp,
        /// The end asked for.
        end: Timestamp,
    },
    /// The picture couldn't be drawn.
    #[error("the plot could not be drawn")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The picture couldn't be encoded.
    #[error("the plot could not be encoded as a PNG")]
    Encode(#[from] png::EncodingError),
}

impl Chart {
    /// An empty plot.
    pub fn new(frame: Frame) -> Result<Self, RenderError> {
        let Frame { width, height, start, end, .. } = frame;
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            return Err(RenderError::Size { width, height });
        }
        if end < start {
            return Err(RenderError::Range { start, end });
        }
        let layout = Layout::new(width, height);
        Ok(Self {
            layout,
            times: TimeScale::new(start, end, layout.columns()),
            reducer: Reducer::default(),
            marks: Marks::default(),
            peak: Peak { total: frame.initial_total, column: 0, at: None },
            reached_at: None,
            last_total: frame.initial_total,
            last_at: start,
            unread_from: None,
            frame,
        })
    }

    /// Takes the next change, in the order in which totals were committed.
    ///
    /// The order decides, not the clock: a change that carries an earlier time than the one before is drawn with that
    /// one, and a change from outside of the range at the range's edge.
    pub fn push(&mut self, change: Change) {
        if change.total_size >= self.frame.threshold_bytes {
            self.reach(change.at);
        }
        self.push_summary(&Summary::of(change.at, &change));
        self.offer(change);
    }

    /// How precisely the picture shows when something happened.
    pub fn resolution(&self) -> Resolution {
        self.times.resolution()
    }

    /// Takes what the next changes come to, in a span as long as the [`resolution`](Self::resolution) at most.
    ///
    /// The picture is the same as that of the changes themselves, provided that there are many, that the largest
    /// [`NOTABLE`] of them are [offered](Self::offer), and that [`reach`](Self::reach) says when the total came to the threshold.
    pub fn push_summary(&mut self, summary: &Summary) {
        let index = self.column(summary.at);
        let &Summary { at, first, min, max, last, max_at, .. } = summary;
        self.reducer.push(Column { index, first, min, max, last });
        if max > self.peak.total {
            self.peak = Peak { total: max, column: index, at: Some(max_at) };
        }
        self.last_total = last;
        self.last_at = self.last_at.max(at);
        self.marks.add(summary.uploads, summary.deletions, summary.repairs);
    }

    /// Takes a change that is worth a marker, one of those that the next summaries stand for.
    pub fn offer(&mut self, change: Change) {
        self.marks.offer(self.column(change.at), change);
    }

    /// Whether the total has come to the threshold yet.
    pub fn has_reached(&self) -> bool {
        self.reached_at.is_some()
    }

    /// Says when the total came to the threshold, if that was among changes that a summary stands for.
    pub fn reach(&mut self, at: Timestamp) {
        self.reached_at.get_or_insert(at);
    }

    /// Ends the line with the last change, because what follows was not read: the picture says so, and nothing of the rest.
    pub fn cut(&mut self) {
        self.unread_from = Some(self.last_at);
    }

    /// The range that the line spans.
    pub fn drawn(&self) -> (Timestamp, Timestamp) {
        (self.frame.start, self.unread_from.unwrap_or(self.frame.end))
    }

    /// The picture, as a PNG.
    pub fn to_png(&self) -> Result<Vec<u8>, RenderError> {
        let size = (self.frame.width, self.frame.height);
        let pixels = paint::to_pixels(&self.scene(), size).map_err(RenderError::Draw)?;
        Ok(paint::to_png(&pixels, size)?)
    }

    /// The picture, as an SVG.
    pub fn to_svg(&self) -> String {
        let title = format!("{}, {}", self.frame.bucket_name, format_range(self.frame.start, self.frame.end));
        svg::to_svg(&self.scene(), &title, (self.frame.width, self.frame.height))
    }

    /// The column of the next change; none goes back.
    fn column(&self, at: Timestamp) -> u32 {
        let last = self.reducer.columns().last().map_or(0, |column| column.index);
        self.times.change_column(at).max(last)
    }

    /// The column in which the line ends.
    fn line_end(&self) -> u32 {
        self.unread_from.map_or(self.times.last_column(), |at| self.times.change_column(at))
    }

    /// Where nothing is known.
    fn unread(&self) -> Option<Rect> {
        let plot = self.layout.plot;
        self.unread_from.map(|_| Rect { left: plot.left + self.line_end() as i32, ..plot })
    }

    fn scene(&self) -> Scene {
        let sizes = SizeScale::new(self.peak.total, self.frame.threshold_bytes, self.layout.plot);
        let drawn = line::plan(self, &sizes);
        let marks: Vec<_> = drawn.marks.iter().map(|(mark, _)| *mark).collect();
        let mut scene = Scene::default();
        axes::draw(self, &sizes, &drawn.below, &mut scene);
        header::draw(self, &sizes, &marks, &mut scene);
        line::draw(self, &drawn, &mut scene);
        captions::draw(self, &sizes, &drawn, &mut scene);
        scene
    }
}

impl Extend<Change> for Chart {
    fn extend<T: IntoIterator<Item = Change>>(&mut self, changes: T) {
        changes.into_iter().for_each(|change| self.push(change));
    }
}
