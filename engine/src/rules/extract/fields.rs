//! What was read, as bounded text of printable ASCII.

use std::fmt::Write;

/// Octets of one value at most; a longer one is cut.
pub const MAX_TEXT: usize = 255;

/// Names and values in the order in which they were read; a name stands once.
#[derive(Debug, Default)]
pub struct Fields(Vec<(&'static str, String)>);

impl Fields {
    /// Everything, and the end of this.
    pub fn into_inner(self) -> Vec<(&'static str, String)> {
        self.0
    }

    /// What is told under `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Octets that the peer wrote. Nothing is kept of an empty one, and the first value of a name stays.
    pub fn octets(&mut self, name: &'static str, value: &[u8]) {
        if !value.is_empty() && self.get(name).is_none() {
            self.0.push((name, printable(value)));
        }
    }

    /// The same, where there are such octets.
    pub fn maybe(&mut self, name: &'static str, value: Option<&[u8]>) {
        if let Some(octets) = value {
            self.octets(name, octets);
        }
    }

    /// A number or a word of our own.
    pub fn value(&mut self, name: &'static str, value: impl ToString) {
        let text = value.to_string();
        self.octets(name, text.as_bytes());
    }
}

/// Printable ASCII stays; everything else, and the backslash, is written as `\xNN`.
pub fn printable(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().min(MAX_TEXT));
    for &octet in octets {
        let room = MAX_TEXT.saturating_sub(text.len());
        if (octet == b' ' || octet.is_ascii_graphic()) && octet != b'\\' {
            if room < 1 {
                break;
            }
            text.push(char::from(octet));
        } else {
            if room < 4 {
                break;
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{octet:02x}");
        }
    }
    text
}

/// `aa:bb:cc` of octets.
pub fn colons(octets: &[u8]) -> String {
    let mut text = String::new();
    for (n, octet) in octets.iter().take(32).enumerate() {
        if n > 0 {
            text.push(':');
        }
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// The word of a number, or the number.
pub fn word(words: &[(u32, &str)], number: u32) -> String {
    words
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned())
}
