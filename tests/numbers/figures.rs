//! Figures, and how they are printed.

use std::fmt::Display;
use std::time::Duration;

/// The same figure of both implementations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair<T> {
    pub rust: T,
    pub python: T,
}

impl<T: Copy> Pair<T> {
    pub fn map<U>(self, figure: impl Fn(T) -> U) -> Pair<U> {
        Pair { rust: figure(self.rust), python: figure(self.python) }
    }
}

pub fn median<T: Copy + PartialOrd>(figures: &[T]) -> T {
    let mut sorted = figures.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("figures can be compared"));
    sorted[sorted.len() / 2]
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// With three digits that count, if it has a fraction.
pub fn rounded(figure: f64) -> String {
    let decimals = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{figure:.decimals$}")
}

/// A table in Markdown, with texts in the first column and figures in the others.
pub fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = columns.iter().map(ToString::to_string).collect();
    let rule: Vec<String> =
        (0..columns.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()).collect();
    [line(&head), line(&rule)].into_iter().chain(rows.into_iter().map(|row| line(&row))).collect()
}

pub fn row(name: impl Display, figures: impl IntoIterator<Item = f64>) -> Vec<String> {
    [name.to_string()].into_iter().chain(figures.into_iter().map(rounded)).collect()
}
