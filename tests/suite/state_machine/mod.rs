//! The state machine: its definition on its own, and what the real interpreter makes of it.

mod answers;
mod boundaries;
mod case;
mod clock;
mod coverage;
mod definition;
mod diagram;
mod executions;
mod interpreter;
mod outcome;

/// `wait-for-deletion` of `WaitForDeletion`: the crate, and the beginning of the contracts' names.
fn words(state: &str) -> String {
    state.chars().fold(String::new(), |mut words, letter| {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
        words
    })
}
