//! Protocols that are not encrypted.

use super::super::{EXTRACTORS, KNOWN};
use super::{fields, get, hex, long, short};

#[test]
fn http_headers_of_both_sides() {
    let request = b"POST /upload?x=1 HTTP/1.1\r\nHost: store:9000\r\nUser-Agent: Boto3\r\nContent-Type: text/xml\r\n\r\nServer: no";
    let answer =
        b"HTTP/1.1 404 Not Found\r\nServer: MinIO\r\ncontent-type: application/xml\r\n\r\n";
    let found = fields("http", request, answer, true);
    assert_eq!(get(&found, "method"), "POST");
    assert_eq!(get(&found, "target"), "/upload?x=1");
    assert_eq!(get(&found, "host"), "store:9000");
    assert_eq!(get(&found, "status"), "404");
    assert_eq!(get(&found, "server"), "MinIO");
    assert_eq!(get(&found, "content_type"), "application/xml");
    let long = [b"GET /".as_slice(), &[b'a'; 2000]].concat();
    assert_eq!(get(&fields("http", &long, b"", true), "target").len(), 255);
}

#[test]
fn grpc_paths_come_out_of_hpack() {
    // RFC 7541 appendix C.4.1 (Huffman), then a literal path and content type.
    let block = [
        hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"),
        [&[0x04], short(b"/ray.rpc.NodeManager/Ping").as_slice()].concat(),
        [&[0x0f, 0x10], short(b"application/grpc").as_slice()].concat(),
    ]
    .concat();
    let count = u32::try_from(block.len()).unwrap().to_be_bytes();
    let head = [&count[1..], &[1, 4, 0, 0, 0, 1]].concat();
    let client = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &head,
        &block,
    ]
    .concat();
    let found = fields("grpc", &client, &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88], true);
    assert_eq!(get(&found, "host"), "www.example.com");
    // The first path of the block is the index 4, "/".
    assert_eq!(get(&found, "path"), "/");
    assert_eq!(get(&found, "content_type"), "application/grpc");
    assert_eq!(get(&found, "status"), "200");
}

#[test]
fn names_that_point_at_themselves_end() {
    let query = hex("1a2b 0100 0001 0000 0000 0000 05 7261696c30 03 6f7267 00 001c 0001");
    let answer = hex("1a2b 8183 0001 0000 0000 0000 05 7261696c30 03 6f7267 00 001c 0001");
    let found = fields("dns", &query, &answer, false);
    assert_eq!(get(&found, "name"), "rail0.org");
    assert_eq!(get(&found, "type"), "AAAA");
    assert_eq!(get(&found, "response_code"), "NXDOMAIN");
    assert_eq!(
        get(&fields("dns", &long(&query), b"", true), "name"),
        "rail0.org"
    );
    let looped = hex("1a2b 0100 0001 0000 0000 0000 c00c 0001 0001");
    assert!(fields("dns", &looped, b"", false).is_empty());
}

#[test]
fn text_is_printable_and_bounded() {
    let found = fields(
        "ssh",
        b"SSH-2.0-Open\x1b[31m\\SSH\r\n",
        b"hello\r\nSSH-2.0-dropbear\r\n",
        true,
    );
    assert_eq!(get(&found, "client"), "Open\\x1b[31m\\x5cSSH");
    assert_eq!(get(&found, "server"), "dropbear");
    let found = fields("ftp", b"", &[0x07; 3000], true);
    assert!(get(&found, "greeting").len() <= 255);
}

#[test]
fn storage_and_brokers() {
    let call = hex(
        "80000028 00000001 00000000 00000002 000186a3 00000003 00000006 0000000000000000 0000000000000000",
    );
    let found = fields("nfs", &call, b"", true);
    assert_eq!(
        (get(&found, "program"), get(&found, "procedure")),
        ("nfs".into(), "READ".into())
    );
    let mut negotiated = [hex("00000080"), b"\xfeSMB".to_vec(), vec![0; 60]].concat();
    negotiated.extend(hex("4100 0300 1103"));
    let found = fields("smb", b"", &negotiated, true);
    assert_eq!(
        (get(&found, "dialect"), get(&found, "signing")),
        ("3.1.1".into(), "required".into())
    );
    let found = fields(
        "kafka",
        &[hex("00000013 0012 0003 00000001"), long(b"loader")].concat(),
        b"",
        true,
    );
    assert_eq!(
        (get(&found, "api"), get(&found, "client_id")),
        ("ApiVersions".into(), "loader".into())
    );
    let startup = [
        hex("00000020 00030000"),
        b"user\0ops\0database\0flows\0\0".to_vec(),
    ]
    .concat();
    let found = fields(
        "postgresql",
        &[hex("00000008 04d2162f"), startup].concat(),
        b"N",
        true,
    );
    assert_eq!(
        (get(&found, "user"), get(&found, "tls")),
        ("ops".into(), "refused".into())
    );
    let connect = [
        hex("1010"),
        long(b"MQTT"),
        hex("04 02 003c"),
        long(b"node7"),
    ]
    .concat();
    let found = fields("mqtt", &connect, &hex("20020000"), true);
    assert_eq!(
        (get(&found, "version"), get(&found, "client_id")),
        ("3.1.1".into(), "node7".into())
    );
    let found = fields(
        "nats",
        b"CONNECT {\"name\":\"probe\"}\r\n",
        b"INFO {\"version\":\"2.10\"}\r\n",
        true,
    );
    assert_eq!(
        (get(&found, "client"), get(&found, "version")),
        ("probe".into(), "2.10".into())
    );
    assert_eq!(
        get(
            &fields("redis", b"*2\r\n$4\r\nauth\r\n$6\r\nsecret\r\n", b"", true),
            "command"
        ),
        "AUTH"
    );
    let greeting = [hex("4a000000 0a"), b"8.0.36\0".to_vec()].concat();
    assert_eq!(
        get(&fields("mysql", b"", &greeting, true), "server_version"),
        "8.0.36"
    );
}

#[test]
fn the_network_itself() {
    let open = [
        vec![0xff; 16],
        hex("002b 01 04 5ba0 00b4 0a000001 08 02 06 41 04 fffe1234"),
    ]
    .concat();
    let found = fields("bgp", &open, b"", true);
    assert_eq!(
        (get(&found, "as"), get(&found, "router_id")),
        ("4294840884".into(), "10.0.0.1".into())
    );
    let frame = [
        hex("0207 04 001122334455 0405 05"),
        b"swp1".to_vec(),
        hex("0a05"),
        b"leaf1".to_vec(),
        hex("0000"),
    ]
    .concat();
    let found = fields("lldp", &frame, b"", false);
    let expected = [
        ("chassis", "00:11:22:33:44:55"),
        ("port", "swp1"),
        ("system_name", "leaf1"),
    ];
    assert_eq!(
        found,
        expected.map(|(name, value)| (name, value.to_owned()))
    );
    let server = [hex("2401 06e9 00000000 00000000"), b"PPS\0".to_vec()].concat();
    let found = fields("ntp", &hex("e300"), &server, false);
    assert_eq!(
        (get(&found, "version"), get(&found, "reference")),
        ("4".into(), "PPS".into())
    );
}

#[test]
fn flow_control_of_both_dialects_of_dcbx() {
    let pfc = |part: &str| {
        let found = fields("lldp", &hex(part), b"", false);
        (get(&found, "pfc"), get(&found, "pfc_willing"))
    };
    let told = |pfc: &str, willing: &str| (pfc.to_owned(), willing.to_owned());
    assert_eq!(pfc("fe06 0080c20b 84 09"), told("0 3", "1"));
    assert_eq!(pfc("fe06 0080c20b 04 00"), told("none", "0"));
    // Control, then priority groups, then flow control, as one part of the consortium.
    let features = "020a 00000000 00000000 0000 0602 0000 0606 00 00 c0 00 18 08";
    assert_eq!(pfc(&format!("fe1c 001b2102 {features}")), told("3 4", "1"));
    assert_eq!(pfc("fe05 0080c20b 84"), told("", ""));
}

#[test]
fn names_are_sorted_and_unknown_ones_say_nothing() {
    assert!(KNOWN.is_sorted());
    assert!(
        KNOWN
            .iter()
            .all(|name| EXTRACTORS.iter().any(|(known, _)| known == name))
    );
    assert_eq!(KNOWN.len(), EXTRACTORS.len());
    assert!(fields("gopher", b"x", b"y", true).is_empty());
}
