//! HTTP/1 (RFC 9112), and what writes its messages alike: SIP (RFC 3261), SSDP (UPnP Device Architecture 2.0, section 1).

use super::Sides;
use super::fields::Fields;

const MAX_LINES: usize = 64;

/// `method`, `target`, `host`, `user_agent`, `request_content_type`, `upgrade`; `status`, `content_type`, `server`.
pub fn http(sides: &Sides<'_>, fields: &mut Fields) {
    let request = Message::read(sides.client);
    let answer = Message::read(sides.server);
    if let Some((method, target)) = request.request(b"HTTP/") {
        fields.octets("method", method);
        fields.octets("target", target);
        fields.maybe("host", request.header("host"));
        fields.maybe("user_agent", request.header("user-agent"));
        fields.maybe("request_content_type", request.header("content-type"));
        fields.maybe("soap_action", request.header("soapaction"));
    }
    if let Some(status) = answer.status(b"HTTP/") {
        fields.octets("status", status);
        fields.maybe("content_type", answer.header("content-type"));
        fields.maybe("server", answer.header("server"));
    }
    fields.maybe(
        "upgrade",
        answer
            .header("upgrade")
            .or_else(|| request.header("upgrade")),
    );
}

/// `method`, `user_agent`, `from`, `to`, `status`.
pub fn sip(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let message = Message::read(side);
        if let Some((method, _)) = message.request(b"SIP/2") {
            fields.octets("method", method);
        }
        fields.maybe("status", message.status(b"SIP/2"));
        fields.maybe("user_agent", message.header("user-agent"));
        fields.maybe(
            "from",
            message.header("from").or_else(|| message.header("f")),
        );
        fields.maybe("to", message.header("to").or_else(|| message.header("t")));
    }
}

/// `method`, `target` (search target or notification type), `server`, `location`.
pub fn ssdp(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let message = Message::read(side);
        if let Some((method, _)) = message.request(b"HTTP/1") {
            fields.octets("method", method);
        }
        fields.maybe(
            "target",
            message.header("st").or_else(|| message.header("nt")),
        );
        fields.maybe("server", message.header("server"));
        fields.maybe("location", message.header("location"));
    }
}

/// A first line and header fields, as many as are there.
struct Message<'a> {
    first: &'a [u8],
    headers: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(octets: &'a [u8]) -> Self {
        let end = memchr::memchr(b'\n', octets).unwrap_or(octets.len());
        let (first, headers) = octets.split_at(end);
        Self {
            first: first.trim_ascii_end(),
            headers: headers.get(1..).unwrap_or_default(),
        }
    }

    /// Method and target of a request that names `protocol`.
    fn request(&self, protocol: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
        let mut words = self.first.split(|octet| *octet == b' ');
        let (method, target) = (words.next()?, words.next()?);
        let token = (1..=32).contains(&method.len())
            && method
                .iter()
                .all(|octet| octet.is_ascii_alphabetic() || b"-_".contains(octet));
        // A target that goes on past the octets that are here leaves no place for the version.
        let named = match words.next() {
            Some(version) => version.starts_with(protocol),
            None => self.headers.is_empty(),
        };
        (token && named).then_some((method, target))
    }

    fn status(&self, protocol: &[u8]) -> Option<&'a [u8]> {
        let mut words = self.first.split(|octet| *octet == b' ');
        let code = words
            .next()?
            .starts_with(protocol)
            .then(|| words.next())??;
        (code.len() == 3 && code.iter().all(u8::is_ascii_digit)).then_some(code)
    }

    fn header(&self, name: &str) -> Option<&'a [u8]> {
        for line in self.headers.split(|octet| *octet == b'\n').take(MAX_LINES) {
            let line = line.trim_ascii_end();
            if line.is_empty() {
                return None;
            }
            if let Some((key, value)) = line.split_at_checked(name.len())
                && key.eq_ignore_ascii_case(name.as_bytes())
                && let Some(value) = value.trim_ascii_start().strip_prefix(b":")
            {
                return Some(value.trim_ascii());
            }
        }
        None
    }
}
