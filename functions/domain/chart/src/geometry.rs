//! Rectangles of pixels.

/// A rectangle: `left` and `top` belong to it, `right` and `bottom` don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    /// The first column.
    pub left: i32,
    /// The first row.
    pub top: i32,
    /// The column after the last.
    pub right: i32,
    /// The row after the last.
    pub bottom: i32,
}

impl Rect {
    /// The rectangle of these edges.
    pub const fn new(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        Self { left, top, right, bottom }
    }

    /// The square around a point, `reach` pixels to every side.
    pub const fn around((x, y): (i32, i32), reach: i32) -> Self {
        Self::new(x - reach, y - reach, x + reach + 1, y + reach + 1)
    }

    /// How wide it is.
    pub const fn width(&self) -> i32 {
        self.right - self.left
    }

    /// How high it is.
    pub const fn height(&self) -> i32 {
        self.bottom - self.top
    }

    /// With a margin around.
    pub const fn grown(&self, x: i32, y: i32) -> Self {
        Self::new(self.left - x, self.top - y, self.right + x, self.bottom + y)
    }

    /// Whether the two share a pixel.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// Whether the other lies within this one.
    pub const fn holds(&self, other: &Self) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }
}
