//! The formats of a plot, and which one a caller wants.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pixels.
    Png,
    /// Shapes and text.
    Svg,
}

impl Format {
    /// The format that files with this extension have.
    pub fn from_extension(extension: &str) -> Option<Self> {
        [Self::Png, Self::Svg].into_iter().find(|format| format.extension() == extension)
    }

    /// The format that an `Accept` header asks for: PNG, unless it likes SVG better.
    pub fn accepted(accept: &str) -> Self {
        let wants_svg = quality(accept, Self::Svg.media_type()) > quality(accept, Self::Png.media_type());
        if wants_svg { Self::Svg } else { Self::Png }
    }

    /// The extension of files in this format.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
        }
    }
}

/// How much an `Accept` header likes a type of images, from 0 to 1: what its most specific range says (RFC 9110, 12.5.1).
fn quality(accept: &str, media_type: &str) -> f32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let precision = ["*/*", "image/*", media_type].iter().position(|known| known.eq_ignore_ascii_case(name))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        Some((precision, weight.unwrap_or(1.0)))
    });
    ranges.max_by_key(|(precision, _)| *precision).map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expect: Format) {
        assert_eq!(Format::accepted(accept), expect);
    }

    #[test]
    fn svg_has_to_be_liked_better() {
        check("image/svg+xml", Format::Svg);
        check("Image/SVG+XML, */*;q=0.8", Format::Svg);
        check("image/png;q=0.5, image/*", Format::Svg);
        check("image/png, image/svg+xml", Format::Png);
        check("image/svg+xml;q=0.1, image/*;q=0.2", Format::Png);
        check("image/svg+xml;level=1;q=0, image/png;q=0.1", Format::Png);
    }

    #[test]
    fn whoever_does_not_care_gets_a_png() {
        check("", Format::Png);
        check("*/*", Format::Png);
        check("application/json", Format::Png);
        check("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", Format::Png);
    }
}
