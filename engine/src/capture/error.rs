//! What goes wrong with a capture.

use std::fmt;
use std::io;

/// The sort of trouble, for those who act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The system refused something: no such file, no permission, a failed read.
    System,
    /// These octets are no capture that is known here.
    UnknownFormat,
    /// The capture ends inside a record. Every whole packet before it was given.
    Truncated,
    /// The capture contradicts itself. Every packet before that was given.
    Damaged,
    /// What was asked for makes no sense.
    Settings,
    /// There is no such interface, or it is no longer there.
    NoInterface,
    /// The interface is down; packets come again when it is up.
    InterfaceDown,
}

/// Why a capture cannot go on. Its text names the capture, what was found, where, and what can be done.
#[derive(Clone, Debug)]
pub struct CaptureError {
    /// The sort.
    pub trouble: Trouble,
    /// The system's error number where it gave one.
    pub errno: Option<i32>,
    message: String,
}

impl CaptureError {
    /// With the text that people see.
    pub fn new(trouble: Trouble, message: String) -> Self {
        Self {
            trouble,
            errno: None,
            message,
        }
    }

    /// What the system refused: `what` was done with `name`; `remedy` may be empty.
    pub fn system(name: &str, what: &str, error: &io::Error, remedy: &str) -> Self {
        let separator = if remedy.is_empty() { "" } else { "; " };
        Self {
            trouble: Trouble::System,
            errno: error.raw_os_error(),
            message: format!("{name}: {what}: {error}{separator}{remedy}"),
        }
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for CaptureError {}
