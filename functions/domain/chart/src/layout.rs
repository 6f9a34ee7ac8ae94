//! Where things stand in a picture of a given size.

use super::font::Face;
use super::geometry::Rect;
use super::palette;
use super::scene::Style;

/// The size that the measures are given for.
const REFERENCE: (f32, f32) = (1_200.0, 675.0);

/// Below this, texts would be too small to read: things are left out instead.
const LEAST_SCALE: f32 = 0.75;

/// The measures of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    scale: f32,
    /// The whole picture.
    pub canvas: Rect,
    /// Where the line is drawn.
    pub plot: Rect,
}

impl Layout {
    /// The measures of a picture of this size, in pixels.
    pub fn new(width: u32, height: u32) -> Self {
        let scale = (width as f32 / REFERENCE.0).min(height as f32 / REFERENCE.1).max(LEAST_SCALE);
        let canvas = Rect::new(0, 0, width as i32, height as i32);
        let mut layout = Self { scale, canvas, plot: canvas };
        let [left, top, right, bottom] = [88.0, 128.0, 96.0, 64.0].map(|measure| layout.px(measure));
        layout.plot = Rect::new(left, top, canvas.right - right, canvas.bottom - bottom);
        layout
    }

    /// A measure of the reference size in pixels of this one.
    pub fn px(&self, measure: f32) -> i32 {
        (measure * self.scale).round() as i32
    }

    /// How many columns of pixels the plot has.
    pub fn columns(&self) -> u32 {
        self.plot.width().unsigned_abs()
    }

    /// The name of the bucket.
    pub fn title(&self) -> Style {
        self.style(Face::SemiBold, 24.0)
    }

    /// A figure that is called out.
    pub fn figure(&self) -> Style {
        self.style(Face::SemiBold, 24.0)
    }

    /// A label in the plot that stands out.
    pub fn strong(&self) -> Style {
        self.style(Face::SemiBold, 14.0)
    }

    /// Text.
    pub fn text(&self) -> Style {
        self.style(Face::Regular, 14.0)
    }

    /// Text that explains other text.
    pub fn quiet(&self) -> Style {
        Style { color: palette::QUIET_INK, ..self.style(Face::Regular, 13.0) }
    }

    fn style(&self, face: Face, size: f32) -> Style {
        Style { face, size: size * self.scale, color: palette::INK }
    }
}
