//! Commands that are shown can be pasted into a shell.

use std::borrow::Cow;

/// A text as one word of a POSIX shell, in quotes if it needs them.
pub fn word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    // A word that begins with `=` is another thing to zsh.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_the_shell_would_read_otherwise_are_quoted() {
        for plain in ["virtual_node/cart", "a.b:80", "--accept=MC0906", "p1-0123", "http://a/b"] {
            assert_eq!(word(plain), plain);
        }
        for (text, quoted) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("route/*", "'route/*'"),
            ("http://a/?b=1&c=2", "'http://a/?b=1&c=2'"),
            ("=a", "'=a'"),
            ("$(id)", "'$(id)'"),
            ("~", "'~'"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}
