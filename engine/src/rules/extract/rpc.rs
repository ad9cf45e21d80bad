//! ONC RPC (RFC 5531) and the programs that use it, NFS first.

use super::Sides;
use super::fields::{Fields, word};
use super::reader::Reader;

const CALL: u32 = 0;
const NFS: u32 = 100_003;

const PROGRAMS: &[(u32, &str)] = &[
    (100_000, "portmapper"),
    (100_001, "rstatd"),
    (100_003, "nfs"),
    (100_004, "ypserv"),
    (100_005, "mountd"),
    (100_011, "rquotad"),
    (100_021, "nlockmgr"),
    (100_024, "status"),
    (100_227, "nfs_acl"),
];

/// RFC 1813 section 3.
#[rustfmt::skip]
const PROCEDURES_3: [&str; 22] = [
    "NULL", "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ", "WRITE", "CREATE", "MKDIR", "SYMLINK", "MKNOD",
    "REMOVE", "RMDIR", "RENAME", "LINK", "READDIR", "READDIRPLUS", "FSSTAT", "FSINFO", "PATHCONF", "COMMIT",
];

/// `program`, `program_version`, `procedure` of the first call.
pub fn rpc(sides: &Sides<'_>, fields: &mut Fields) {
    // A capture may begin in the middle, and a server may call back.
    for side in sides.each() {
        let mut reader = Reader::new(side);
        if sides.stream && reader.u32().is_none() {
            continue;
        }
        if call(&mut reader, fields).is_some() {
            return;
        }
    }
}

fn call(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    reader.u32()?; // transaction
    let (kind, rpc_version) = (reader.u32()?, reader.u32()?);
    if kind != CALL || rpc_version != 2 {
        return None;
    }
    let (program, version, procedure) = (reader.u32()?, reader.u32()?, reader.u32()?);
    fields.value("program", word(PROGRAMS, program));
    fields.value("program_version", version);
    let name = match (program, version) {
        (NFS, 3) => PROCEDURES_3.get(procedure as usize).copied(),
        (NFS, 4) => ["NULL", "COMPOUND"].get(procedure as usize).copied(),
        _ => None,
    };
    match name {
        Some(name) => fields.value("procedure", name),
        None => fields.value("procedure", procedure),
    }
    Some(())
}
