//! The table of interfaces in /proc/net/dev: all their counters in one read.
//!
//! `probes/engine/table.py` is the specification.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::counters::{decimal, open};

const MAX_COLUMNS: usize = 64;
/// The longest table that is read.
const MAX_OCTETS: usize = 1 << 20;
const PART: usize = 1 << 16;
const DIGITS: usize = 20;

/// Some numbers of a table, kept open and read again and again.
pub struct Table {
    path: PathBuf,
    open: Option<File>,
    lines: BTreeMap<Vec<u8>, Line>,
    values: Vec<Option<u64>>,
    /// Room for what is read, which only grows.
    text: Vec<u8>,
}

#[derive(Default)]
struct Line {
    /// Columns in their order, and where their numbers go.
    cells: Vec<(usize, usize)>,
    seen: bool,
}

impl Table {
    /// `cells` are lines and columns; columns count from 0. Opens nothing yet: the first read does.
    pub fn new(path: PathBuf, cells: Vec<(String, usize)>) -> Result<Self, String> {
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err("embedded null byte".into());
        }
        if cells.iter().any(|&(_, column)| column >= MAX_COLUMNS) {
            return Err(format!("a column that is not below {MAX_COLUMNS}"));
        }
        let values = vec![None; cells.len()];
        let mut lines: BTreeMap<_, Line> = BTreeMap::new();
        for (place, (line, column)) in cells.into_iter().enumerate() {
            let line = lines.entry(line.into_bytes()).or_default();
            line.cells.push((column, place));
        }
        for line in lines.values_mut() {
            line.cells.sort_unstable();
        }
        Ok(Self {
            path,
            open: None,
            lines,
            values,
            text: Vec::new(),
        })
    }

    /// How many cells are read.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none to be read.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number in each cell, None where there is none; or the errno of opening or reading.
    pub fn read(&mut self) -> Result<&[Option<u64>], i32> {
        self.values.fill(None);
        self.lines.values_mut().for_each(|line| line.seen = false);
        if let Err(error) = self.read_lines() {
            self.open = None;
            return Err(error.raw_os_error().unwrap_or(libc::EIO));
        }
        Ok(&self.values)
    }

    /// Closes the file; a later read opens it again.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Reads until every line was seen: the kernel makes the rest only when it is asked for.
    fn read_lines(&mut self) -> io::Result<()> {
        let file = match &self.open {
            Some(file) => file,
            None => self.open.insert(open(&self.path)?),
        };
        let mut missing = self.lines.len();
        // What was read of a line whose end was not.
        let mut begun = 0;
        let mut offset = 0;
        while missing > 0 && offset < MAX_OCTETS {
            if self.text.len() < begun + PART {
                self.text.resize(begun + PART, 0);
            }
            let room = &mut self.text[begun..begun + PART];
            let more = match file.read_at(room, offset as u64) {
                Ok(0) => break,
                Ok(more) => more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            offset += more;
            let text = &self.text[..begun + more];
            let whole = text
                .iter()
                .rposition(|&octet| octet == b'\n')
                .map_or(0, |end| end + 1);
            for line in text[..whole].split(|&octet| octet == b'\n') {
                missing -= usize::from(take(&mut self.lines, &mut self.values, line));
            }
            begun = begun + more - whole;
            self.text.copy_within(whole..whole + begun, 0);
        }
        take(&mut self.lines, &mut self.values, &self.text[..begun]);
        Ok(())
    }
}

/// Takes the numbers of a line, whose cells are found then. The first line of a name counts.
fn take(lines: &mut BTreeMap<Vec<u8>, Line>, values: &mut [Option<u64>], text: &[u8]) -> bool {
    let Some(colon) = text.iter().position(|&octet| octet == b':') else {
        return false;
    };
    let Some(line) = lines.get_mut(trim(&text[..colon])) else {
        return false;
    };
    if std::mem::replace(&mut line.seen, true) {
        return false;
    }
    let mut cells = line.cells.iter().peekable();
    let words = text[colon + 1..]
        .split(|&octet| octet == b' ')
        .filter(|word| !word.is_empty());
    for (column, word) in words.enumerate() {
        while let Some(&(_, place)) = cells.next_if(|&&(wanted, _)| wanted == column) {
            values[place] = decimal(word).filter(|_| word.len() <= DIGITS);
        }
        if cells.peek().is_none() {
            break;
        }
    }
    true
}

fn trim(mut name: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = name {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HEAD: &str = "Inter-|   Receive\n face |bytes    packets\n";

    fn cells(names: &[(&str, usize)]) -> Vec<(String, usize)> {
        names
            .iter()
            .map(|&(name, column)| (name.into(), column))
            .collect()
    }

    #[test]
    fn cells_are_found_by_line_and_column() {
        let path = std::env::temp_dir().join(format!("fabricscope-table-{}", std::process::id()));
        fs::write(
            &path,
            format!("{HEAD}    lo: 1 2 3\n  eth0:7 x 18446744073709551616\nlo: 9 9 9\n"),
        )
        .unwrap();
        let wanted = cells(&[
            ("eth0", 0),
            ("lo", 2),
            ("lo", 0),
            ("eth0", 1),
            ("eth0", 2),
            ("lo", 3),
            ("eth1", 0),
        ]);
        let mut table = Table::new(path.clone(), wanted).unwrap();
        assert_eq!(table.len(), 7);
        assert!(!table.is_empty());
        let found = [Some(7), Some(3), Some(1), None, None, None, None];
        assert_eq!(table.read(), Ok(&found[..]));
        fs::write(&path, format!("{HEAD}lo: 5\n")).unwrap();
        let found = [None, None, Some(5), None, None, None, None];
        assert_eq!(table.read(), Ok(&found[..]));
        table.close();
        fs::remove_file(path).unwrap();
        assert_eq!(table.read(), Err(libc::ENOENT));
    }

    #[test]
    fn a_table_longer_than_one_read_is_read_as_far_as_it_is_needed() {
        let path = std::env::temp_dir().join(format!("fabricscope-long-{}", std::process::id()));
        let lines = (0..10_000).map(|number| format!("veth{number}: {number}\n"));
        fs::write(&path, lines.collect::<String>()).unwrap();
        let wanted = cells(&[("veth9999", 0), ("veth0", 0)]);
        let mut table = Table::new(path.clone(), wanted).unwrap();
        assert_eq!(table.read(), Ok(&[Some(9999), Some(0)][..]));
        let mut table = Table::new(path.clone(), cells(&[("veth3", 0)])).unwrap();
        assert_eq!(table.read(), Ok(&[Some(3)][..]));
        fs::write(&path, "x: 1\ny: 2").unwrap();
        let mut table = Table::new(path.clone(), cells(&[("y", 0)])).unwrap();
        assert_eq!(table.read(), Ok(&[Some(2)][..]));
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn columns_and_paths_are_checked() {
        assert!(Table::new("x".into(), cells(&[("lo", MAX_COLUMNS)])).is_err());
        assert!(Table::new("a\0b".into(), vec![]).is_err());
    }
}
