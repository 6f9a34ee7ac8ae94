//! Colours, which colour-blind readers can tell apart: Okabe and Ito's, the ones for text darkened for contrast.

use plotters::style::RGBAColor;

pub(super) const PAPER: RGBAColor = opaque(0xFFFFFF);
pub(super) const BORDER: RGBAColor = opaque(0xD0D7DE);
/// Shows on every ground.
pub(super) const GRID: RGBAColor = RGBAColor(0x1F, 0x23, 0x28, 0.08);
pub(super) const BASELINE: RGBAColor = opaque(0x8C959F);
pub(super) const INK: RGBAColor = opaque(0x1F2328);
pub(super) const QUIET_INK: RGBAColor = opaque(0x59636E);

/// The total: blue.
pub(super) const TOTAL: RGBAColor = opaque(0x0072B2);
pub(super) const TOTAL_INK: RGBAColor = opaque(0x005A8D);
pub(super) const UNDER_TOTAL: RGBAColor = opaque(UNDER_TOTAL_RGB);
/// Where both tints meet.
pub(super) const UNDER_TOTAL_OVER_THRESHOLD: RGBAColor = opaque(tint(OVER_THRESHOLD_RGB, 0x0072B2, 10));
const UNDER_TOTAL_RGB: u32 = tint(0xFFFFFF, 0x0072B2, 10);

/// What is not known.
pub(super) const UNREAD: RGBAColor = opaque(0xE4E8EC);

/// The threshold: vermilion.
pub(super) const THRESHOLD: RGBAColor = opaque(0xD55E00);
pub(super) const THRESHOLD_INK: RGBAColor = opaque(0xA84A00);
pub(super) const OVER_THRESHOLD: RGBAColor = opaque(OVER_THRESHOLD_RGB);
const OVER_THRESHOLD_RGB: u32 = tint(0xFFFFFF, 0xD55E00, 6);

/// Uploads: bluish green, and triangles that point up.
pub(super) const UPLOAD: RGBAColor = opaque(0x009E73);
pub(super) const UPLOAD_INK: RGBAColor = opaque(0x00704F);

/// Deletions: reddish purple, and triangles that point down.
pub(super) const DELETION: RGBAColor = opaque(0xB5478C);
pub(super) const DELETION_INK: RGBAColor = opaque(0x963472);

/// An audit's repairs: orange, and triangles that point where the total went.
pub(super) const REPAIR: RGBAColor = opaque(0xE69F00);
pub(super) const REPAIR_INK: RGBAColor = opaque(0x7A5400);

const fn opaque(rgb: u32) -> RGBAColor {
    RGBAColor((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8, 1.0)
}

/// The ground with some percent of a colour on it. Areas are mixed here, not by blending: flat colours paint faster, come
/// out even and compress well.
const fn tint(ground: u32, rgb: u32, percent: u32) -> u32 {
    let red = (ground >> 16) * (100 - percent) + (rgb >> 16) * percent;
    let green = (ground >> 8 & 0xFF) * (100 - percent) + (rgb >> 8 & 0xFF) * percent;
    let blue = (ground & 0xFF) * (100 - percent) + (rgb & 0xFF) * percent;
    (red / 100) << 16 | (green / 100) << 8 | (blue / 100)
}
