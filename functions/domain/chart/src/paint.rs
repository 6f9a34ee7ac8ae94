//! Paints a scene with plotters, and encodes it as a PNG.

use ab_glyph::Font;
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::{Color, RGBAColor};

use super::font::Face;
use super::geometry::Rect;
use super::scene::{Direction, Scene, Shape, Style};

/// Samples of a pixel in each direction, for the edges of triangles.
const SAMPLES: i32 = 4;

/// What goes wrong when a pixel can't be drawn.
pub(super) type PaintError = Box<dyn std::error::Error + Send + Sync>;

/// The scene as pixels, three bytes each: red, green, blue.
pub(super) fn to_pixels(scene: &Scene, size: (u32, u32)) -> Result<Vec<u8>, PaintError> {
    let mut pixels = vec![0xFF; size.0 as usize * size.1 as usize * 3];
    let mut canvas = BitMapBackend::with_buffer(&mut pixels, size);
    for shape in &scene.shapes {
        paint(&mut canvas, shape)?;
    }
    canvas.present()?;
    drop(canvas);
    Ok(pixels)
}

/// The pixels as a PNG. A plot is mostly flat: even the fastest compression makes it small.
pub(super) fn to_png(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::with_capacity(128 * 1024);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    // An adaptive choice takes five times as long, for a third less.
    encoder.set_filter(png::Filter::Sub);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn paint(canvas: &mut BitMapBackend<'_>, shape: &Shape) -> Result<(), PaintError> {
    match shape {
        Shape::Fill { rect: Rect { left, top, right, bottom }, color } => {
            Ok(canvas.draw_rect((*left, *top), (*right, *bottom), color, true)?)
        }
        Shape::Triangle { centre, reach, direction, color } => triangle(canvas, *centre, *reach, *direction, *color),
        Shape::Text { x, baseline, text, style } => write(canvas, *x, *baseline, text, *style),
    }
}

/// plotters draws text too, but without the side bearings of glyphs, so that their distances come out uneven.
fn write(canvas: &mut BitMapBackend<'_>, x: f32, baseline: i32, text: &str, style: Style) -> Result<(), PaintError> {
    let Style { face, size, color } = style;
    let font = Face::font(face);
    for glyph in face.glyphs(text, size, x, baseline as f32) {
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        let (left, top) = (corner.x as i32, corner.y as i32);
        let mut result = Ok(());
        outline.draw(|x, y, coverage| {
            if result.is_ok() && coverage > 0.0 {
                result = blend(canvas, (left + x as i32, top + y as i32), color, f64::from(coverage));
            }
        });
        result?;
    }
    Ok(())
}

/// An upright triangle as high as it is wide, with smooth edges.
fn triangle(
    canvas: &mut BitMapBackend<'_>,
    (x, y): (i32, i32),
    reach: i32,
    direction: Direction,
    color: RGBAColor,
) -> Result<(), PaintError> {
    let centre_of = |sample: i32| (f64::from(sample) + 0.5) / f64::from(SAMPLES) - 0.5;
    let extent = f64::from(reach) + 0.5;
    let inside = |dx: f64, dy: f64| {
        let from_tip = match direction {
            Direction::Up => dy + extent,
            Direction::Down => extent - dy,
        };
        from_tip <= 2.0 * extent && dx.abs() <= from_tip / 2.0
    };
    for (dx, dy) in (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy))) {
        let samples = (0..SAMPLES * SAMPLES).map(|sample| (sample % SAMPLES, sample / SAMPLES));
        let hits =
            samples.filter(|(sx, sy)| inside(f64::from(dx) + centre_of(*sx), f64::from(dy) + centre_of(*sy))).count();
        if hits > 0 {
            blend(canvas, (x + dx, y + dy), color, hits as f64 / f64::from(SAMPLES * SAMPLES))?;
        }
    }
    Ok(())
}

fn blend(canvas: &mut BitMapBackend<'_>, at: (i32, i32), color: RGBAColor, coverage: f64) -> Result<(), PaintError> {
    Ok(canvas.draw_pixel(at, color.mix(coverage.min(1.0)).to_backend_color())?)
}
