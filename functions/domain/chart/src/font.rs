//! The embedded font: nothing of the host is read.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

/// A face of the embedded font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// For text: Latin, Greek, Cyrillic.
    Regular,
    /// For titles and figures: Latin-1.
    SemiBold,
}

/// A shortened text is told by this.
const ELLIPSIS: &str = "…";

// A test parses both, so a binary that was built from a tested tree can't panic here.
static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| embedded(include_bytes!("../assets/Inter-Regular-subset.ttf")));
static SEMI_BOLD: LazyLock<FontRef<'static>> =
    LazyLock::new(|| embedded(include_bytes!("../assets/Inter-SemiBold-subset.ttf")));

fn embedded(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded font can be read")
}

impl Face {
    /// The width of a line of text, in pixels, at `size` pixels per em.
    pub fn width(self, text: &str, size: f32) -> f32 {
        let font = self.font().as_scaled(self.scale(size));
        text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum()
    }

    /// The glyphs of a line of text that begins at `x` on `baseline`.
    pub fn glyphs(self, text: &str, size: f32, x: f32, baseline: f32) -> Vec<Glyph> {
        let scale = self.scale(size);
        let font = self.font().as_scaled(scale);
        let mut pen = x;
        let glyphs = text.chars().map(|c| {
            let id = font.glyph_id(c);
            let glyph = id.with_scale_and_position(scale, point(pen, baseline));
            pen += font.h_advance(id);
            glyph
        });
        glyphs.collect()
    }

    /// The font behind the face.
    pub fn font(self) -> &'static FontRef<'static> {
        match self {
            Self::Regular => &REGULAR,
            Self::SemiBold => &SEMI_BOLD,
        }
    }

    /// The text, legible and within `width`: with `\u{…}` for every character that the face can't show, and if it is too
    /// long without its middle, because both the start of an object's name (its folder) and the end (its file) tell it
    /// from others. Empty if not even an ellipsis fits.
    pub fn fitted(self, text: &str, size: f32, width: f32) -> String {
        let legible: String = text.chars().map(|c| self.legible(c)).collect();
        if self.width(&legible, size) <= width {
            return legible;
        }
        let mut room = width - self.width(ELLIPSIS, size);
        if room < 0.0 {
            return String::new();
        }
        let (mut head, mut tail) = (String::new(), Vec::new());
        let mut rest = text.chars();
        let mut from_end = false;
        while let Some(c) = if from_end { rest.next_back() } else { rest.next() } {
            let piece = self.legible(c);
            room -= self.width(&piece, size);
            if room < 0.0 {
                break;
            }
            if from_end {
                tail.push(piece)
            } else {
                head.push_str(&piece)
            }
            from_end = !from_end;
        }
        head + ELLIPSIS + &tail.into_iter().rev().collect::<String>()
    }

    fn legible(self, c: char) -> String {
        let shown = !c.is_control() && self.font().glyph_id(c).0 != 0;
        if shown { c.to_string() } else { c.escape_unicode().to_string() }
    }

    /// `ab_glyph` scales by the height of a line; sizes here are pixels per em, as elsewhere.
    fn scale(self, size: f32) -> PxScale {
        let font = self.font();
        PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(2_048.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_faces_are_the_embedded_ones() {
        assert_eq!(Face::Regular.font().glyph_count(), 571);
        assert_eq!(Face::SemiBold.font().glyph_count(), 218);
    }

    #[track_caller]
    fn check(text: &str, width: f32, expect: &str) {
        assert_eq!(Face::Regular.fitted(text, 13.0, width), expect);
    }

    #[test]
    fn names_in_scripts_that_the_font_has_stay() {
        check("Übung α/отчёт № 3.txt", 500.0, "Übung α/отчёт № 3.txt");
    }

    #[test]
    fn other_characters_become_escapes() {
        check("写真🌊.png", 500.0, r"\u{5199}\u{771f}\u{1f30a}.png");
        check("a\n\u{202e}b", 500.0, r"a\u{a}\u{202e}b");
    }

    #[test]
    fn long_names_keep_their_start_and_their_end() {
        let name = "logs/2026/08/01/a-very-long-name-indeed/part-00042.parquet";
        check(name, 150.0, "logs/2026/…42.parquet");
        check("short.txt", 150.0, "short.txt");
        check(name, 2.0, "");
    }

    #[test]
    fn an_escape_is_never_cut() {
        check("写真/写真写真.tar", 150.0, r"\u{5199}\u{771f}/…tar");
    }

    #[test]
    fn a_text_is_as_wide_as_its_glyphs() {
        let twice = Face::Regular.width("aa", 20.0);
        assert_eq!(twice, 2.0 * Face::Regular.width("a", 20.0));
        let glyphs = Face::Regular.glyphs("aa", 20.0, 5.0, 30.0);
        let xs: Vec<_> = glyphs.iter().map(|glyph| glyph.position.x).collect();
        assert_eq!(xs, [5.0, 5.0 + twice / 2.0]);
    }

    proptest! {
        #[test]
        fn a_fitted_text_fits_and_has_its_glyphs(text in any::<String>(), width in 0.0f32..300.0) {
            let fitted = Face::Regular.fitted(&text, 13.0, width);
            prop_assert!(Face::Regular.width(&fitted, 13.0) <= width + 0.01);
            prop_assert!(fitted.chars().all(|c| Face::Regular.font().glyph_id(c).0 != 0));
        }
    }
}
