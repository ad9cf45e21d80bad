//! SMB: which dialect was agreed on ([MS-SMB2] section 2.2.4, [MS-CIFS] section 2.2.4.52).

use super::Sides;
use super::fields::{Fields, word};
use super::reader::Reader;

const NEGOTIATE: u16 = 0;

const DIALECTS: &[(u32, &str)] = &[
    (0x0202, "2.0.2"),
    (0x0210, "2.1"),
    (0x02ff, "2"),
    (0x0300, "3.0"),
    (0x0302, "3.0.2"),
    (0x0311, "3.1.1"),
];

/// `dialect`: the server's choice; `signing`: `required` where it says so.
pub fn smb(sides: &Sides<'_>, fields: &mut Fields) {
    let _ = answer(sides.server, fields);
    if fields.get("dialect").is_none() {
        let version = sides
            .each()
            .into_iter()
            .find_map(|side| match side.get(4..8)? {
                b"\xffSMB" => Some("1"),
                b"\xfeSMB" | b"\xfdSMB" => Some("2"),
                _ => None,
            });
        fields.maybe("family", version.map(str::as_bytes));
    }
}

fn answer(octets: &[u8], fields: &mut Fields) -> Option<()> {
    let mut reader = Reader::new(octets);
    reader.skip(4)?; // NetBIOS session header
    match reader.take(4)? {
        b"\xfeSMB" => {
            reader.skip(8)?; // length of the header, credit charge, status
            let command = reader.u16le()?;
            if command != NEGOTIATE {
                return None;
            }
            reader.skip(50)?; // to the end of the header
            reader.skip(2)?; // size of the structure
            let mode = reader.u16le()?;
            let dialect = reader.u16le()?;
            fields.value("dialect", word(DIALECTS, dialect.into()));
            if mode & 2 != 0 {
                fields.value("signing", "required");
            }
        }
        b"\xffSMB" => fields.value("dialect", "1"),
        _ => {}
    }
    Some(())
}
