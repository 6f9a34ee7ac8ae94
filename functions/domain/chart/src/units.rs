//! Bytes as people read them.

/// The binary units, each 1,024 of the one before.
pub(super) const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A size in its largest binary unit, to three figures: `18 B`, `1.5 KiB`, `4.55 TiB`.
pub fn format_bytes(bytes: u64) -> String {
    let mut unit = unit_of(bytes);
    let mut value = bytes as f64 / 1024f64.powi(unit as i32);
    if value >= 1023.5 && unit > 0 {
        value = 1.0;
        unit += 1;
    }
    let decimals = match value {
        _ if unit == 0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{} {}", trim(&format!("{value:.decimals$}")), UNITS[unit.min(UNITS.len() - 1)])
}

/// What a change did to the total: `+18 B`, `−28 B`.
pub fn format_delta(delta: i64) -> String {
    let sign = match delta {
        0 => "±",
        1.. => "+",
        _ => "−",
    };
    format!("{sign}{}", format_bytes(delta.unsigned_abs()))
}

/// A count with its digits in groups of three: `100,000`.
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The index in [`UNITS`] of the largest unit that fits in `bytes`.
pub(super) fn unit_of(bytes: u64) -> usize {
    bytes.checked_ilog2().map_or(0, |bits| bits as usize / 10)
}

/// Without the zeros that a fraction ends in.
pub(super) fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: u64, expect: &str) {
        assert_eq!(format_bytes(bytes), expect);
    }

    #[test]
    fn sizes_take_their_largest_unit_and_three_figures() {
        check(0, "0 B");
        check(18, "18 B");
        check(1_023, "1023 B");
        check(1_024, "1 KiB");
        check(1_536, "1.5 KiB");
        check(10_240, "10 KiB");
        check(123_456, "121 KiB");
        check(5_000_000_000_000, "4.55 TiB");
        check(u64::MAX, "16 EiB");
    }

    #[test]
    fn rounding_never_shows_1024_of_a_unit() {
        check(1_048_575, "1 MiB");
        check((1 << 40) - 1, "1 TiB");
        check(1_047_552, "1023 KiB");
    }

    #[test]
    fn rounding_never_shows_a_fourth_figure() {
        check(10_239, "10 KiB");
        check(102_399, "100 KiB");
    }

    #[test]
    fn changes_carry_their_sign() {
        assert_eq!(format_delta(18), "+18 B");
        assert_eq!(format_delta(-28), "−28 B");
        assert_eq!(format_delta(0), "±0 B");
        assert_eq!(format_delta(i64::MIN), "−8 EiB");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(format_count(7), "7");
        assert_eq!(format_count(999), "999");
        assert_eq!(format_count(1_000), "1,000");
        assert_eq!(format_count(1_234_567), "1,234,567");
    }
}
