//! A picture as data, before it is painted.

use plotters::style::RGBAColor;

use super::font::Face;
use super::geometry::Rect;

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub face: Face,
    /// Pixels per em.
    pub size: f32,
    pub color: RGBAColor,
}

/// Which point of a line of text is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// Where a marker points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// A piece of the picture. What comes later covers what came before.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Fill { rect: Rect, color: RGBAColor },
    Triangle { centre: (i32, i32), reach: i32, direction: Direction, color: RGBAColor },
    Text { x: f32, baseline: i32, text: String, style: Style },
}

/// The picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scene {
    pub shapes: Vec<Shape>,
}

impl Style {
    /// The width of a text, in whole pixels.
    pub fn width(&self, text: &str) -> i32 {
        self.face.width(text, self.size).ceil() as i32
    }

    /// The height of capital letters, which texts are centred by.
    pub fn cap_height(&self) -> i32 {
        (self.size * 0.73).round() as i32
    }

    /// The height of a line, from the top of its capitals to the end of its descenders.
    pub fn line_height(&self) -> i32 {
        self.cap_height() + (self.size * 0.22).ceil() as i32
    }
}

impl Scene {
    /// Fills a rectangle; one without area leaves no trace.
    pub fn fill(&mut self, rect: Rect, color: RGBAColor) {
        if rect.width() > 0 && rect.height() > 0 {
            self.shapes.push(Shape::Fill { rect, color });
        }
    }

    /// Writes a line of text.
    pub fn text(&mut self, (x, baseline): (i32, i32), align: Align, text: impl Into<String>, style: Style) {
        let text = text.into();
        let width = style.face.width(&text, style.size);
        let x = match align {
            Align::Left => x as f32,
            Align::Centre => x as f32 - width / 2.0,
            Align::Right => x as f32 - width,
        };
        self.shapes.push(Shape::Text { x, baseline, text, style });
    }

    /// Draws a triangle of `reach` pixels to every side of its centre, on a rim that sets it off from lines.
    pub fn marker(&mut self, centre: (i32, i32), reach: i32, direction: Direction, color: RGBAColor, rim: RGBAColor) {
        self.shapes.push(Shape::Triangle { centre, reach: reach + (reach / 3).max(2), direction, color: rim });
        self.shapes.push(Shape::Triangle { centre, reach, direction, color });
    }
}

#[cfg(test)]
impl Shape {
    /// What a text covers.
    pub fn text_bounds(&self) -> Option<(&str, Rect)> {
        let Self::Text { x, baseline, text, style } = self else { return None };
        let (left, top) = (x.floor() as i32, baseline - style.cap_height());
        let right = (x + style.face.width(text, style.size)).ceil() as i32;
        Some((text, Rect::new(left, top, right, top + style.line_height())))
    }
}
