//! Fields out of the first octets of a flow.
//!
//! Each extractor is a pure function of what both sides sent first. The octets may be cut off anywhere and are whatever
//! a peer likes: what cannot be read is left out, and what was read is bounded and printable.

mod dhcp;
mod discovery;
mod dns;
mod fields;
mod greeting;
mod hpack;
mod http;
mod http2;
mod huffman;
mod initial;
mod ja4;
mod messaging;
mod quic;
mod reader;
mod routing;
mod rpc;
mod smb;
mod sql;
mod storage;
mod time;
mod tls;

#[cfg(test)]
mod tests;

use fields::Fields;

/// The first octets of each side of a flow, some thousand at most.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Of the side that opened the flow.
    pub client: &'a [u8],
    /// Of the other one.
    pub server: &'a [u8],
    /// TCP, where messages follow one another without a border; otherwise the first datagram stands first.
    pub stream: bool,
}

impl<'a> Sides<'a> {
    fn each(&self) -> [&'a [u8]; 2] {
        [self.client, self.server]
    }
}

type Extractor = fn(&Sides<'_>, &mut Fields);

/// By name, ascending.
const EXTRACTORS: &[(&str, Extractor)] = &[
    ("bgp", routing::bgp),
    ("dhcp", dhcp::dhcp),
    ("dns", dns::dns),
    ("dtls", tls::dtls),
    ("ftp", greeting::line),
    ("grpc", http2::http2),
    ("http", http::http),
    ("http2", http2::http2),
    ("imap", greeting::line),
    ("iscsi", storage::iscsi),
    ("kafka", messaging::kafka),
    ("lldp", discovery::lldp),
    ("mqtt", messaging::mqtt),
    ("mysql", sql::mysql),
    ("nats", messaging::nats),
    ("netbios-ns", dns::netbios),
    ("nfs", rpc::rpc),
    ("ntp", time::ntp),
    ("nvme-tcp", storage::nvme_tcp),
    ("pop3", greeting::line),
    ("postgresql", sql::postgresql),
    ("ptp", time::ptp),
    ("quic", quic::quic),
    ("redis", messaging::redis),
    ("rpc", rpc::rpc),
    ("sip", http::sip),
    ("smb", smb::smb),
    ("smtp", greeting::line),
    ("ssdp", http::ssdp),
    ("ssh", greeting::ssh),
    ("tls", tls::tls),
];

/// Names of all extractors, ascending.
pub const KNOWN: &[&str] = &[
    "bgp",
    "dhcp",
    "dns",
    "dtls",
    "ftp",
    "grpc",
    "http",
    "http2",
    "imap",
    "iscsi",
    "kafka",
    "lldp",
    "mqtt",
    "mysql",
    "nats",
    "netbios-ns",
    "nfs",
    "ntp",
    "nvme-tcp",
    "pop3",
    "postgresql",
    "ptp",
    "quic",
    "redis",
    "rpc",
    "sip",
    "smb",
    "smtp",
    "ssdp",
    "ssh",
    "tls",
];

/// What the extractor `name` reads, each name once; nothing where there is no such extractor.
pub fn extract(name: &str, sides: &Sides<'_>) -> Vec<(&'static str, String)> {
    let mut fields = Fields::default();
    if let Ok(at) = EXTRACTORS.binary_search_by_key(&name, |(known, _)| *known)
        && let Some((_, extractor)) = EXTRACTORS.get(at)
    {
        extractor(sides, &mut fields);
    }
    fields.into_inner()
}
