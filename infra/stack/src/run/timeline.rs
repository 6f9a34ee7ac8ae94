//! The timeline of a run as a table.

use std::fmt::Write;

/// Expected totals beside observed ones, one line for each; a line where they differ says so.
pub fn table(expected: &[u64], observed: &[u64]) -> String {
    let cell = |total: Option<&u64>| total.map_or("-".to_owned(), u64::to_string);
    let mut table = format!("{:>6}  {:>10}  {:>10}\n", "step", "expected", "observed");
    for step in 0..expected.len().max(observed.len()) {
        let (left, right) = (expected.get(step), observed.get(step));
        let mark = if left == right { "" } else { "  differs" };
        // Writing into a string doesn't fail.
        let _ = writeln!(table, "{:>6}  {:>10}  {:>10}{mark}", step + 1, cell(left), cell(right));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_timelines_stand_side_by_side() {
        let expected = "  step    expected    observed
     1           0           0
     2          18          18
     3          46          46
";
        assert_eq!(table(&[0, 18, 46], &[0, 18, 46]), expected);
    }

    #[test]
    fn differences_and_missing_totals_are_marked() {
        let expected = "  step    expected    observed
     1           0           0
     2          18          17  differs
     3          46           -  differs
";
        assert_eq!(table(&[0, 18, 46], &[0, 17]), expected);
    }
}
