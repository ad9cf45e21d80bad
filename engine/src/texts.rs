//! Small text files, kept open and read again and again, all in one call that tells what changed.
//!
//! sysfs renders an attribute afresh when it is read from offset 0, so `pread` on an open descriptor is enough.
//! `probes/engine/texts.py` is the specification.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::counters::open;

/// The longest file that is read; the attributes of sysfs that are held open fit a page.
pub const MAX_BYTES: usize = 4096;

/// What a file holds, or why that is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// Its octets.
    Text(Vec<u8>),
    /// There is no such file, or its device is gone.
    Absent,
    /// More than `MAX_BYTES`.
    TooLong,
    /// The errno of opening or reading.
    Failed(i32),
}

/// The files of one device, read back to back.
pub struct TextFiles {
    files: Vec<TextFile>,
}

struct TextFile {
    path: PathBuf,
    /// None until it could be opened, and again once its device is gone.
    open: Option<File>,
    /// None until it was read.
    last: Option<Content>,
}

type Buffer = [u8; MAX_BYTES + 1];

impl TextFiles {
    /// Opens nothing yet: the first read does.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let file = |path| TextFile {
            path,
            open: None,
            last: None,
        };
        Self {
            files: paths.into_iter().map(file).collect(),
        }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Which files hold something else than at the last call, in the order of the paths; all at the first.
    pub fn changes(&mut self) -> Vec<(usize, Content)> {
        let mut buffer = [0; MAX_BYTES + 1];
        let files = self.files.iter_mut().enumerate();
        files
            .filter_map(|(index, file)| Some((index, file.change(&mut buffer)?)))
            .collect()
    }

    /// Closes every file and forgets what it held; a later call opens them again, and tells of all.
    pub fn close(&mut self) {
        for file in &mut self.files {
            file.open = None;
            file.last = None;
        }
    }
}

impl TextFile {
    /// What it holds, if that is not what it held the last time.
    fn change(&mut self, buffer: &mut Buffer) -> Option<Content> {
        let content = match self.read(buffer) {
            Ok(length) if length > MAX_BYTES => Content::TooLong,
            Ok(length) => match &self.last {
                Some(Content::Text(last)) if *last == buffer[..length] => return None,
                _ => Content::Text(buffer[..length].to_vec()),
            },
            Err(errno) if is_gone(errno) || matches!(errno, libc::ENOENT | libc::ENOTDIR) => {
                Content::Absent
            }
            Err(errno) => Content::Failed(errno),
        };
        if self.last.as_ref() == Some(&content) {
            return None;
        }
        self.last = Some(content.clone());
        Some(content)
    }

    /// How much of it there is in the buffer, or the errno; a device that came back is read at once.
    fn read(&mut self, buffer: &mut Buffer) -> Result<usize, i32> {
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        match self.read_once(buffer).map_err(errno) {
            Err(number) if is_gone(number) => {
                self.open = None;
                self.read_once(buffer).map_err(errno)
            }
            outcome => outcome,
        }
    }

    fn read_once(&mut self, buffer: &mut Buffer) -> io::Result<usize> {
        let file = match &mut self.open {
            Some(file) => file,
            closed => closed.insert(open(&self.path)?),
        };
        loop {
            match file.read_at(buffer, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }
}

fn is_gone(errno: i32) -> bool {
    matches!(errno, libc::ENODEV | libc::ENXIO | libc::ESTALE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file that goes away with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let unique = format!("fabricscope-texts-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(unique))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_file(&self.0).unwrap();
        }
    }

    #[test]
    fn what_changed_is_told_once() {
        let scratch = Scratch::new("change");
        let path = &scratch.0;
        let mut files = TextFiles::new([path.clone(), path.join("below")]);
        assert_eq!((files.len(), files.is_empty()), (2, false));
        assert_eq!(
            files.changes(),
            [(0, Content::Absent), (1, Content::Absent)]
        );
        fs::write(path, "one\n").unwrap();
        assert_eq!(files.changes(), [(0, Content::Text(b"one\n".into()))]);
        assert_eq!(files.changes(), []);
        fs::write(path, vec![b'x'; MAX_BYTES + 1]).unwrap();
        assert_eq!(files.changes(), [(0, Content::TooLong)]);
        assert_eq!(files.changes(), []);
        files.close();
        fs::write(path, "two\n").unwrap();
        assert_eq!(
            files.changes(),
            [(0, Content::Text(b"two\n".into())), (1, Content::Absent)]
        );
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let mut files = TextFiles::new([std::env::temp_dir()]);
        assert_eq!(files.changes(), [(0, Content::Failed(libc::EISDIR))]);
    }
}
