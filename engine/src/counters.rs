//! Files that each hold one unsigned decimal number, kept open and read again and again.
//!
//! sysfs renders an attribute afresh when it is read from offset 0, so `pread` on an open descriptor is enough.
//! `probes/engine/twin.py` is the specification.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A counter file holds one decimal number; anything longer is something else.
const MAX_BYTES: usize = 64;

/// How much of what is not a number is shown.
const SHOWN_BYTES: usize = 32;

/// What a file held, or why it could not be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The number.
    Value(u64),
    /// The first octets of some other text, with `?` for what is not printable ASCII.
    NotANumber(String),
    /// The errno of opening or reading.
    Failed(i32),
}

/// The files of one device, read back to back.
pub struct CounterFiles {
    files: Vec<CounterFile>,
}

/// One file.
pub struct CounterFile {
    path: PathBuf,
    /// None until it could be opened, and again once its device is gone.
    open: Option<File>,
    /// What `changes` told last; None before.
    told: Option<Outcome>,
}

impl CounterFiles {
    /// Opens nothing yet: the first read does.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let files = paths.into_iter().map(CounterFile::new).collect();
        Self { files }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What each file holds, in the order of the paths.
    pub fn read(&mut self) -> Vec<Outcome> {
        self.files.iter_mut().map(CounterFile::read).collect()
    }

    /// Which files hold something else than at the last call of this, in the order of the paths; all at the first.
    pub fn changes(&mut self) -> Vec<(usize, Outcome)> {
        let files = self.files.iter_mut().enumerate();
        files
            .filter_map(|(index, file)| Some((index, file.change()?)))
            .collect()
    }

    /// Closes every file; a later read opens them again, and all count as changed.
    pub fn close(&mut self) {
        self.files.iter_mut().for_each(CounterFile::close);
    }
}

impl CounterFile {
    /// Opens nothing yet: the first read does.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            told: None,
        }
    }

    /// What the file holds.
    pub fn read(&mut self) -> Outcome {
        match self.read_bytes() {
            Ok((content, length)) => parse(&content[..length]),
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                // The device is gone: another may come back under the same path.
                if matches!(errno, libc::ENODEV | libc::EBADF | libc::ESTALE) {
                    self.open = None;
                }
                Outcome::Failed(errno)
            }
        }
    }

    /// What the file holds, if that is not what was told the last time.
    fn change(&mut self) -> Option<Outcome> {
        let outcome = self.read();
        if self.told.as_ref() == Some(&outcome) {
            return None;
        }
        self.told = Some(outcome.clone());
        Some(outcome)
    }

    /// Closes the file; a later read opens it again.
    pub fn close(&mut self) {
        self.open = None;
        self.told = None;
    }

    fn read_bytes(&mut self) -> io::Result<([u8; MAX_BYTES + 1], usize)> {
        let file = match &mut self.open {
            Some(file) => file,
            closed => closed.insert(open(&self.path)?),
        };
        let mut content = [0; MAX_BYTES + 1];
        loop {
            match file.read_at(&mut content, 0) {
                Ok(length) => return Ok((content, length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Non-blocking, so that a FIFO cannot hang the reader; sysfs does not care.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// The number in a counter file's octets.
fn parse(content: &[u8]) -> Outcome {
    let text = trim(content);
    let number = decimal(text).filter(|_| content.len() <= MAX_BYTES);
    if let Some(value) = number {
        return Outcome::Value(value);
    }
    let shown = text.iter().take(SHOWN_BYTES).map(|&octet| match octet {
        b' '..=b'~' => char::from(octet),
        _ => '?',
    });
    Outcome::NotANumber(shown.collect())
}

/// Without the white space and NULs around it.
fn trim(content: &[u8]) -> &[u8] {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | 0);
    let start = content.iter().take_while(|octet| blank(octet)).count();
    let text = &content[start..];
    let end = text.iter().rev().take_while(|octet| blank(octet)).count();
    &text[..text.len() - end]
}

/// ASCII digits alone, no sign, at most `u64::MAX`.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A directory that goes away with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let unique = format!("fabricscope-engine-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(unique);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn not_a_number(text: &str) -> Outcome {
        Outcome::NotANumber(text.into())
    }

    #[test]
    fn numbers_are_unsigned_decimals_of_64_bits() {
        assert_eq!(parse(b"0\n"), Outcome::Value(0));
        assert_eq!(parse(b"  00042\t\n\0"), Outcome::Value(42));
        assert_eq!(parse(b"18446744073709551615\n"), Outcome::Value(u64::MAX));
        assert_eq!(
            parse(b"18446744073709551616\n"),
            not_a_number("18446744073709551616")
        );
        assert_eq!(parse(b"-1\n"), not_a_number("-1"));
        assert_eq!(parse(b"+1\n"), not_a_number("+1"));
        assert_eq!(parse(b"1 2\n"), not_a_number("1 2"));
        assert_eq!(parse(b""), not_a_number(""));
    }

    #[test]
    fn other_text_is_shown_short_and_printable() {
        assert_eq!(parse(b"N/A (no PMA)\n"), not_a_number("N/A (no PMA)"));
        assert_eq!(parse(b"\xff\x07x\x1b"), not_a_number("??x?"));
        assert_eq!(parse(&[b'x'; 50]), not_a_number(&"x".repeat(32)));
    }

    #[test]
    fn what_is_longer_than_a_number_is_not_one() {
        assert_eq!(parse(&[b'0'; MAX_BYTES]), Outcome::Value(0));
        assert_eq!(
            parse(&[b'0'; MAX_BYTES + 1]),
            not_a_number(&"0".repeat(SHOWN_BYTES))
        );
    }

    #[test]
    fn an_open_file_is_read_from_its_start_each_time() {
        let scratch = Scratch::new("again");
        let path = scratch.file("symbol_error", "7\n");
        let mut files = CounterFiles::new([path.clone()]);
        assert_eq!(files.read(), [Outcome::Value(7)]);
        fs::write(&path, "8\n").unwrap();
        assert_eq!(files.read(), [Outcome::Value(8)]);
    }

    #[test]
    fn what_changed_is_told_once() {
        let scratch = Scratch::new("changes");
        let path = scratch.file("link_downed", "3\n");
        let mut files = CounterFiles::new([path.clone(), scratch.0.join("absent")]);
        let absent = (1, Outcome::Failed(libc::ENOENT));
        assert_eq!(files.changes(), [(0, Outcome::Value(3)), absent.clone()]);
        assert_eq!(files.changes(), []);
        fs::write(&path, "4\n").unwrap();
        assert_eq!(files.changes(), [(0, Outcome::Value(4))]);
        files.close();
        assert_eq!(files.changes(), [(0, Outcome::Value(4)), absent]);
    }

    #[test]
    fn one_bad_file_leaves_the_others_alone() {
        let scratch = Scratch::new("bad");
        let good = scratch.file("good", "1\n");
        let absent = scratch.0.join("absent");
        let mut files = CounterFiles::new([absent.clone(), scratch.0.clone(), good]);
        assert_eq!(files.len(), 3);
        assert_eq!(
            files.read(),
            [
                Outcome::Failed(libc::ENOENT),
                Outcome::Failed(libc::EISDIR),
                Outcome::Value(1)
            ]
        );
        fs::write(absent, "2\n").unwrap();
        assert_eq!(files.read()[0], Outcome::Value(2));
    }

    #[test]
    fn a_closed_set_opens_again() {
        let scratch = Scratch::new("close");
        let path = scratch.file("link_downed", "3\n");
        let mut files = CounterFiles::new([path.clone()]);
        assert_eq!(files.read(), [Outcome::Value(3)]);
        files.close();
        fs::remove_file(&path).unwrap();
        assert_eq!(files.read(), [Outcome::Failed(libc::ENOENT)]);
    }

    #[test]
    fn no_files_read_as_nothing() {
        let mut files = CounterFiles::new([]);
        assert!(files.is_empty());
        assert_eq!(files.read(), []);
    }
}
