//! How a function fails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorName;

/// How many characters of a message are passed on. Step Functions takes a cause of 32,768, which is the failure as JSON: there
/// a character may take six.
const MOST_CHARACTERS: usize = 4_000;
/// How many of these are from the message's end.
const FROM_THE_END: usize = 1_000;
/// How many characters of an item are told in a list.
const MOST_OF_AN_ITEM: usize = 100;

/// What a function answers instead of its response if it fails: what the state machine's `Retry` and `Catch` see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The error's name.
    #[serde(rename = "errorType")]
    pub name: ErrorName,
    /// The error in words: what was expected and what was seen.
    #[serde(rename = "errorMessage")]
    pub message: String,
}

impl Failure {
    /// The same failure with a message that Step Functions passes on whole: of a longer one beginning and end.
    pub fn bounded(self) -> Self {
        let length = self.message.chars().count();
        if length <= MOST_CHARACTERS {
            return self;
        }
        let beginning: String = self.message.chars().take(MOST_CHARACTERS - FROM_THE_END).collect();
        let end: String = self.message.chars().skip(length - FROM_THE_END).collect();
        let left_out = match length - MOST_CHARACTERS {
            1 => "1 character".to_owned(),
            more => format!("{more} characters"),
        };
        let message = format!("{beginning} [{left_out} left out] {end}");
        Self { message, ..self }
    }
}

/// The first `most` items for a message, with commas between them, long ones shortened, and how many more there are.
pub fn list(most: usize, items: impl IntoIterator<Item: ToString>) -> String {
    let mut items = items.into_iter();
    let told: Vec<String> = items.by_ref().take(most).map(|item| shortened(&item.to_string())).collect();
    match (told.is_empty(), items.count()) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => told.join(", "),
        (false, more) => format!("{} and {more} more", told.join(", ")),
    }
}

fn shortened(item: &str) -> String {
    let length = item.chars().count();
    if length <= MOST_OF_AN_ITEM {
        return item.to_owned();
    }
    let beginning: String = item.chars().take(MOST_OF_AN_ITEM).collect();
    format!("{beginning}... ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expect: &str) {
        let failure = |message: &str| Failure { name: ErrorName::Internal, message: message.to_owned() };
        assert_eq!(failure(message).bounded(), failure(expect));
    }

    #[test]
    fn a_message_that_is_too_long_keeps_its_beginning_and_its_end() {
        check("short", "short");
        check(&"ä".repeat(4_000), &"ä".repeat(4_000));
        let (beginning, end) = ("a".repeat(3_000), "c".repeat(1_000));
        check(&format!("{beginning}b{end}"), &format!("{beginning} [1 character left out] {end}"));
        check(
            &format!("{beginning}{}{end}", "b".repeat(96_000)),
            &format!("{beginning} [96000 characters left out] {end}"),
        );
    }

    /// A character that JSON spells out takes six.
    #[test]
    fn every_message_fits_into_a_cause() {
        let failure = Failure { name: ErrorName::PreparationDeadlinePassed, message: "\u{1}".repeat(100_000) };
        let cause = serde_json::to_string(&failure.bounded()).unwrap();
        assert!(cause.len() <= 32_768, "{} characters", cause.len());
    }

    #[test]
    fn a_list_tells_the_first_items_and_how_many_there_are() {
        assert_eq!(list(3, Vec::<u64>::new()), "nothing");
        assert_eq!(list(3, [1, 2, 3]), "1, 2, 3");
        assert_eq!(list(3, [1, 2, 3, 4, 5]), "1, 2, 3 and 2 more");
        let long = "n".repeat(101);
        assert_eq!(list(3, [long.as_str(), "m"]), format!("{}... (101 characters), m", "n".repeat(100)));
    }
}
