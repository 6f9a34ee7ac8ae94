//! Writes a scene as an SVG, with text as text.

use std::fmt::{self, Write};

use plotters::style::RGBAColor;

use super::font::Face;
use super::geometry::Rect;
use super::scene::{Direction, Scene, Shape, Style};

/// Numbers are written to a hundredth of a pixel.
const DECIMALS: usize = 2;

/// The scene as an SVG document; `title` is what a reader who can't see it is told.
pub(super) fn to_svg(scene: &Scene, title: &str, (width, height): (u32, u32)) -> String {
    let mut svg = String::with_capacity(64 * 1024);
    // Writing to a String can't fail.
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>{}</title>
<g font-family="Inter, system-ui, sans-serif" shape-rendering="crispEdges" xml:space="preserve">
"#,
        Escaped(title)
    );
    // Rectangles of one colour that follow one another are one path: a line of a thousand pieces stays small.
    for shapes in scene.shapes.chunk_by(|a, b| fill(a).is_some() && fill(a) == fill(b)) {
        let _ = element(&mut svg, shapes);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn fill(shape: &Shape) -> Option<RGBAColor> {
    if let Shape::Fill { color, .. } = shape { Some(*color) } else { None }
}

fn element(svg: &mut String, shapes: &[Shape]) -> fmt::Result {
    match &shapes[0] {
        Shape::Fill { color, .. } => {
            svg.push_str(r#"<path d=""#);
            for shape in shapes {
                let Shape::Fill { rect, .. } = shape else { continue };
                let Rect { left, top, .. } = rect;
                write!(svg, "M{left} {top}h{}v{}h-{}z", rect.width(), rect.height(), rect.width())?;
            }
            writeln!(svg, r#"" {}/>"#, Fill(*color))
        }
        Shape::Triangle { centre, reach, direction, color } => triangle(svg, *centre, *reach, *direction, *color),
        Shape::Text { x, baseline, text, style } => write_text(svg, *x, *baseline, text, *style),
    }
}

/// A pixel's centre lies half a pixel behind its corner.
fn triangle(svg: &mut String, (x, y): (i32, i32), reach: i32, direction: Direction, color: RGBAColor) -> fmt::Result {
    let side = 2 * reach + 1;
    let (base, height) = match direction {
        Direction::Up => (y + reach + 1, -side),
        Direction::Down => (y - reach, side),
    };
    let (left, half) = (x - reach, f64::from(side) / 2.0);
    writeln!(
        svg,
        r#"<path d="M{left} {base}h{side}l-{half} {height}z" shape-rendering="geometricPrecision" {}/>"#,
        Fill(color)
    )
}

/// Whatever font a viewer has, a text takes the room that it was given.
fn write_text(svg: &mut String, x: f32, baseline: i32, text: &str, style: Style) -> fmt::Result {
    let Style { face, size, color } = style;
    let weight = match face {
        Face::Regular => "",
        Face::SemiBold => r#" font-weight="600""#,
    };
    writeln!(
        svg,
        r#"<text x="{x:.DECIMALS$}" y="{baseline}" font-size="{size}"{weight} textLength="{:.DECIMALS$}" lengthAdjust="spacingAndGlyphs" {}>{}</text>"#,
        face.width(text, size),
        Fill(color),
        Escaped(text)
    )
}

/// A colour as attributes.
struct Fill(RGBAColor);

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RGBAColor(red, green, blue, opacity) = self.0;
        write!(f, r##"fill="#{red:02x}{green:02x}{blue:02x}""##)?;
        if opacity < 1.0 { write!(f, r#" fill-opacity="{opacity}""#) } else { Ok(()) }
    }
}

/// A text between tags. What XML can't hold at all doesn't get here: the font has no such characters.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette;
    use crate::scene::Align;

    #[track_caller]
    fn check(draw: impl FnOnce(&mut Scene), expect: &str) {
        let mut scene = Scene::default();
        draw(&mut scene);
        let svg = to_svg(&scene, "title", (10, 20));
        let body = svg.split_once("preserve\">\n").and_then(|(_, body)| body.strip_suffix("</g>\n</svg>\n"));
        assert_eq!(body, Some(expect));
    }

    #[test]
    fn rectangles_of_one_colour_are_one_path() {
        check(
            |scene| {
                scene.fill(Rect::new(1, 2, 4, 6), palette::INK);
                scene.fill(Rect::new(5, 2, 6, 3), palette::INK);
                scene.fill(Rect::new(5, 2, 6, 3), palette::GRID);
            },
            "<path d=\"M1 2h3v4h-3zM5 2h1v1h-1z\" fill=\"#1f2328\"/>\n\
             <path d=\"M5 2h1v1h-1z\" fill=\"#1f2328\" fill-opacity=\"0.08\"/>\n",
        );
    }

    #[test]
    fn triangles_point_where_their_changes_went() {
        let triangle = |direction| {
            move |scene: &mut Scene| {
                scene.shapes.push(Shape::Triangle { centre: (5, 5), reach: 2, direction, color: palette::INK });
            }
        };
        check(
            triangle(Direction::Up),
            "<path d=\"M3 8h5l-2.5 -5z\" shape-rendering=\"geometricPrecision\" fill=\"#1f2328\"/>\n",
        );
        check(
            triangle(Direction::Down),
            "<path d=\"M3 3h5l-2.5 5z\" shape-rendering=\"geometricPrecision\" fill=\"#1f2328\"/>\n",
        );
    }

    #[test]
    fn text_is_text_with_its_markup_escaped() {
        let style = Style { face: Face::SemiBold, size: 14.0, color: palette::INK };
        let width = style.face.width("<a & b>", 14.0);
        check(
            |scene| scene.text((3, 9), Align::Left, "<a & b>", style),
            &format!(
                "<text x=\"3.00\" y=\"9\" font-size=\"14\" font-weight=\"600\" textLength=\"{width:.2}\" \
                 lengthAdjust=\"spacingAndGlyphs\" fill=\"#1f2328\">&lt;a &amp; b&gt;</text>\n"
            ),
        );
    }
}
