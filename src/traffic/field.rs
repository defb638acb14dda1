//! Values of headers, as bytes.

use std::fmt;

/// A header's value: the bytes that are sent, of any encoding.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldValue(Vec<u8>);

impl FieldValue {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its text, if the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text where the bytes are UTF-8, else its readable form: what a JSON document holds.
    pub fn text(&self) -> String {
        self.as_str().map_or_else(|| self.to_string(), str::to_owned)
    }
}

impl From<Vec<u8>> for FieldValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl PartialEq<str> for FieldValue {
    fn eq(&self, text: &str) -> bool {
        self.0 == text.as_bytes()
    }
}

impl PartialEq<&str> for FieldValue {
    fn eq(&self, text: &&str) -> bool {
        self.0 == text.as_bytes()
    }
}

/// As it can be read on a screen: text as it is, a tab as `\t`, other control characters and bytes
/// that are not UTF-8 as `\xE9`.
impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\t' => f.write_str("\\t")?,
                    c if c.is_control() => {
                        let mut buffer = [0; 4];
                        for byte in c.encode_utf8(&mut buffer).bytes() {
                            write!(f, "\\x{byte:02X}")?;
                        }
                    }
                    c => write!(f, "{c}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::FieldValue;

    #[test]
    fn values_are_readable_whatever_their_bytes_are() {
        for (bytes, shown) in [
            (&b"a b"[..], "a b"),
            ("é".as_bytes(), "é"),
            (b"\xe9", "\\xE9"),
            (b"a\tb", "a\\tb"),
            (b"\xc2\x85\xff", "\\xC2\\x85\\xFF"),
        ] {
            assert_eq!(FieldValue::from(bytes.to_vec()).to_string(), shown);
        }
        assert_eq!(FieldValue::from("a\tb").text(), "a\tb");
        assert_eq!(FieldValue::from(vec![0xe9]).text(), "\\xE9");
    }
}
