//! Protocols that begin with a line of text: SSH (RFC 4253 section 4.2), FTP, SMTP, POP3, IMAP.

use super::Sides;
use super::fields::Fields;

/// `client`, `server`: software of both sides; `version` of the protocol.
pub fn ssh(sides: &Sides<'_>, fields: &mut Fields) {
    for (name, side) in ["client", "server"].into_iter().zip(sides.each()) {
        // Lines may come before the identification.
        let identification = side
            .split(|octet| *octet == b'\n')
            .take(16)
            .find_map(|line| line.strip_prefix(b"SSH-"));
        if let Some(text) = identification
            && let Some(dash) = memchr::memchr(b'-', text)
        {
            let (version, software) = text.split_at(dash);
            fields.octets("version", version);
            fields.octets(name, software.get(1..).unwrap_or_default().trim_ascii());
        }
    }
}

/// `greeting`: the first line of the server. Commands of the client may be secrets and are not read.
pub fn line(sides: &Sides<'_>, fields: &mut Fields) {
    let first = sides.server.split(|octet| *octet == b'\n').next();
    fields.octets("greeting", first.unwrap_or_default().trim_ascii());
}
