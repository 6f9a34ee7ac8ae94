//! Commands for a person to paste into a shell, and names of objects on a terminal, which a control character could rule.

/// `text` with its control characters spelled out.
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { escaped(letter) } else { letter.to_string() }).collect()
}

/// As the shell's `$'…'` has it, too.
fn escaped(control: char) -> String {
    format!("\\u{:04x}", u32::from(control))
}

/// `value` as one word of a shell; with control characters in it, of one that knows `$'…'`, as bash and zsh do.
pub fn quoted(value: &str) -> String {
    if value.chars().any(char::is_control) {
        return format!("$'{}'", printable(&value.replace('\\', r"\\").replace('\'', r"\'")));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@=,".contains(letter);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The words as one line.
pub fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_rules_the_terminal() {
        assert_eq!(printable("dir/ü\u{1b}[2J\n💧"), "dir/ü\\u001b[2J\\u000a💧");
    }

    #[test]
    fn a_value_is_one_word() {
        assert_eq!(quoted("http://127.0.0.1:4566/a-b_c"), "http://127.0.0.1:4566/a-b_c");
        assert_eq!(quoted("it's $5"), r"'it'\''s $5'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's\u{1b}\\"), r"$'it\'s\u001b\\'");
        assert_eq!(line(["aws", "s3", "rm", "s3://b/a b"]), "aws s3 rm 's3://b/a b'");
    }
}
