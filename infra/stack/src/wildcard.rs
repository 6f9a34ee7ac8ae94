//! The `*` of filter patterns and of policies' ARNs.

/// Whether `text` is what `pattern` says, in which a `*` stands for any characters, also none.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place is as good as any: what follows has the more room.
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expect: bool) {
        assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        check("abc", "abc", true);
        check("abc", "abcd", false);
        check("*", "", true);
        check("a*c", "abc", true);
        check("a*c", "ac", true);
        check("a*", "ba", false);
        check("*b*", "abc", true);
        check("a*b*b", "ab", false);
        check("a*ä*", "aä", true);
        check("ab*ba", "aba", false);
    }
}
