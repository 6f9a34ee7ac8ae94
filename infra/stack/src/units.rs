//! Sizes and times as people read them.

/// Bytes in a decimal unit with one decimal, if there are so many that this is shorter, and exactly.
pub fn size(bytes: u64) -> String {
    let exact = count(bytes, "byte");
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, None);
    for name in units {
        if tenths < 10_000 {
            break;
        }
        (tenths, unit) = (tenths / 1000, Some(name));
    }
    match unit {
        Some(unit) => format!("{}.{} {unit} ({exact})", tenths / 10, tenths % 10),
        None => exact,
    }
}

/// A count with a comma between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count of something.
pub fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), plural(number))
}

/// What makes a plural of a noun.
pub fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A span of time in its largest unit that is over.
pub fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    count(number, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_exact() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1_000), "1.0 kB (1,000 bytes)");
        assert_eq!(size(999_999), "999.9 kB (999,999 bytes)");
        assert_eq!(size(412_345_678_901), "412.3 GB (412,345,678,901 bytes)");
        assert_eq!(size(u64::MAX), "18.4 EB (18,446,744,073,709,551,615 bytes)");
    }

    #[test]
    fn spans_are_rounded_down() {
        let spans = [0, 1, 59, 60, 7_199, 86_400, 1_000 * 86_400].map(span);
        assert_eq!(spans, ["0 seconds", "1 second", "59 seconds", "1 minute", "1 hour", "1 day", "1,000 days"]);
    }
}
