//! Documents, comments and messages are free of phrases that read like a translation.

use std::fs;
use std::path::Path;

use regex::Regex;
use spillway_tests::repository;

use super::files;

/// A phrase to avoid.
struct Phrase {
    /// A regular expression that finds it.
    pattern: &'static str,
    /// What to write instead.
    instead: &'static str,
    /// A text that has it.
    sample: &'static str,
}

const fn phrase(pattern: &'static str, instead: &'static str, sample: &'static str) -> Phrase {
    Phrase { pattern, instead, sample }
}

/// The one list. Whoever comes across another phrase like these adds it here.
const PHRASES: [Phrase; 27] = [
    phrase(r"(?i)\bmend(s|ed|ing)?\b", "fix", "Mend the input."),
    phrase(r"\bor else\b", "otherwise", "the one that is there, or else a new one"),
    phrase(r"[,;:] else [^{i]", "otherwise", "now if there is time left, else the next period"),
    phrase(r"\b(all|would|could) else\b", "everything else; would otherwise", "all else is taken for an alarm's"),
    phrase(r"\bwhat else goes on\b", "other work", "what else goes on hits all"),
    phrase(r"\bsomething else than\b", "something other than", "answered with something else than a plot"),
    phrase(r"\bis (in|OK|ALARM|at)\b[^.,;]* since\b", "has been … since", "the alarm is in ALARM since 10:00"),
    phrase(r"(?i)\blargest go\b", "the largest ones go first", "Largest go first."),
    phrase(r"(?i)\b(chooses|says:|goes:) largest first\b", "the largest objects first", "Chooses largest first"),
    phrase(r"\b1 (objects|bytes|deletions|events|changes|uploads|seconds|records)\b", "singular", "1 objects are left"),
    phrase(
        r"\b(objects|events|deletions) (is|was|has) (being|been|to)\b",
        "agree in number",
        "2 objects is being deleted",
    ),
    phrase(r"\bas much as brings\b", "enough to bring", "It deletes as much as brings the total below."),
    phrase(r"\blooks\b[^.]*\bapart\b", "polls ten times per …", "The looks are a tenth of a period apart."),
    phrase(
        r"\b(?i:so) (many|much) (of the next|seeds|objects|items|events|seconds|days|times|pixels|simulated)\b",
        "this many",
        "tries so many seeds",
    ),
    phrase(
        r"\b(for|by|of|to) who (is|sets|waits|reads|has|may|wants)\b",
        "whoever",
        "It is for who sets the variable.",
    ),
    phrase(r"\bHow often (it|each|the|this|a)\b", "How many times", "How often it was received."),
    phrase(r"\brecords behind\b", "records after", "the records behind the key"),
    phrase(r"\bof the name `", "named `", "A module of the name `logging`"),
    phrase(r"\bundercut\b", "fall below", "the total that has to be undercut"),
    phrase(r"\bthan those that\b", "that … does not expect", "Another object was deleted than those that it expects."),
    phrase(
        r"\btells? of (it|that|this|each)\b|\btold of (it|each|this)\b",
        "report; announce",
        "no event tells of that",
    ),
    phrase(r"\ball that (it|is|happens|they|was|other|the)\b", "everything that", "It shows all that happens."),
    phrase(r"\bmoved otherwise\b", "differently", "The total moved otherwise than expected."),
    phrase(r"\b(allow|allows|permits|enables) to\b", "allow somebody to; make it possible to", "It allows to deploy."),
    phrase(r"\binformations\b|\bequipments\b|\badvices\b", "information; equipment; advice", "more informations"),
    phrase(r"\bthe run still waits\b", "is still waiting", "after 9 s the run still waits"),
    phrase(r"\bbut for (the|those|what|this)\b", "except", "They do everything, but for the alarm."),
];

/// Where this file is, which has them all.
const HERE: &str = "tests/system/documents/phrases.rs";

/// Finds the phrases in texts.
struct Finder {
    marker: Regex,
    phrases: Vec<(Regex, &'static str)>,
}

impl Finder {
    fn new() -> Self {
        let pattern = |pattern: &str| Regex::new(pattern).expect("a pattern");
        let phrases = PHRASES.iter().map(|phrase| (pattern(phrase.pattern), phrase.instead)).collect();
        Self { marker: pattern(r"^\s*(///|//!|//|#)?\s*"), phrases }
    }

    /// The phrases in a text, each with its line. Lines are joined, so that a phrase may go over two of them.
    fn found(&self, text: &str) -> Vec<String> {
        let (mut joined, mut starts) = (String::new(), Vec::new());
        for line in text.lines() {
            starts.push(joined.len());
            joined.push_str(self.marker.replace(line, "").trim_end_matches('\\'));
            joined.push(' ');
        }
        let mut found = Vec::new();
        for (pattern, instead) in &self.phrases {
            for phrase in pattern.find_iter(&joined) {
                let line = starts.partition_point(|start| *start <= phrase.start());
                found.push(format!("{line}: {:?}; write {instead:?}", phrase.as_str()));
            }
        }
        found
    }
}

#[test]
fn no_document_comment_or_message_has_such_a_phrase() {
    let (finder, mut all) = (Finder::new(), Vec::new());
    for path in files(&["md", "rs", "py", "yaml", "yml", "toml", "json"]) {
        if path == Path::new(HERE) {
            continue;
        }
        let text = fs::read_to_string(repository().join(&path)).expect("a file can be read");
        all.extend(finder.found(&text).iter().map(|what| format!("{}:{what}", path.display())));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn each_phrase_is_found_in_its_sample() {
    for Phrase { pattern, sample, .. } in &PHRASES {
        assert!(Regex::new(pattern).expect("a pattern").is_match(sample), "{pattern} does not find {sample:?}");
    }
    let finder = Finder::new();
    let text = "/// Opens the file, and\n/// mends it: the alarm\n// is in ALARM since then.\nlet x = 1;\n";
    let expected = [r#"2: "mends"; write "fix""#, r#"3: "is in ALARM since"; write "has been … since""#];
    assert_eq!(finder.found(text), expected);
    assert_eq!(
        finder.found("The alarm has been in ALARM since then. Otherwise it is fixed, and 1 object is left."),
        [""; 0]
    );
}
