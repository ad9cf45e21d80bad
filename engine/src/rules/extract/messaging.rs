//! Brokers and caches: Kafka, MQTT, NATS, Redis.

use super::Sides;
use super::fields::{Fields, word};
use super::reader::Reader;

/// https://kafka.apache.org/protocol: Api Keys.
const KAFKA_APIS: &[(u32, &str)] = &[
    (0, "Produce"),
    (1, "Fetch"),
    (2, "ListOffsets"),
    (3, "Metadata"),
    (8, "OffsetCommit"),
    (9, "OffsetFetch"),
    (10, "FindCoordinator"),
    (11, "JoinGroup"),
    (12, "Heartbeat"),
    (13, "LeaveGroup"),
    (14, "SyncGroup"),
    (15, "DescribeGroups"),
    (16, "ListGroups"),
    (17, "SaslHandshake"),
    (18, "ApiVersions"),
    (19, "CreateTopics"),
    (20, "DeleteTopics"),
    (22, "InitProducerId"),
    (32, "DescribeConfigs"),
    (36, "SaslAuthenticate"),
];

/// `api`, `api_version`, `client_id` of the first request.
pub fn kafka(sides: &Sides<'_>, fields: &mut Fields) {
    let mut request = |reader: &mut Reader<'_>| {
        reader.u32()?; // size
        fields.value("api", word(KAFKA_APIS, reader.u16()?.into()));
        fields.value("api_version", reader.u16()?);
        reader.u32()?; // correlation
        let count = reader.u16()?;
        // -1 says that there is none.
        fields.maybe(
            "client_id",
            if count > 0x7fff {
                None
            } else {
                reader.take(count.into())
            },
        );
        Some(())
    };
    let _ = request(&mut Reader::new(sides.client));
}

/// `version` (3.1, 3.1.1, 5), `client_id`, of CONNECT (MQTT 3.1.1 and 5.0, section 3.1); `return_code` of CONNACK.
pub fn mqtt(sides: &Sides<'_>, fields: &mut Fields) {
    let mut connect = |reader: &mut Reader<'_>| {
        (reader.u8()? == 0x10).then_some(())?;
        remaining(reader)?;
        matches!(reader.long()?, b"MQTT" | b"MQIsdp").then_some(())?;
        let level = reader.u8()?;
        fields.value("version", word(&[(3, "3.1"), (4, "3.1.1")], level.into()));
        reader.skip(3)?; // flags, keep alive
        if level == 5 {
            let properties = remaining(reader)?;
            reader.skip(properties)?;
        }
        fields.octets("client_id", reader.long()?);
        Some(())
    };
    let _ = connect(&mut Reader::new(sides.client));
    if let Some([0x20, _, _, code, ..]) = sides.server.get(..4) {
        fields.value("return_code", code);
    }
}

/// Seven bits an octet, the lowest first, four octets at most.
fn remaining(reader: &mut Reader<'_>) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let octet = reader.u8()?;
        value |= usize::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `server_name`, `version` of INFO; `client`, `language` of CONNECT (NATS client protocol).
pub fn nats(sides: &Sides<'_>, fields: &mut Fields) {
    if let Some(info) = object(sides.server, b"INFO ") {
        text(&info, "server_name", "server_name", fields);
        text(&info, "version", "version", fields);
    }
    if let Some(connect) = object(sides.client, b"CONNECT ") {
        text(&connect, "name", "client", fields);
        text(&connect, "lang", "language", fields);
    }
}

type Object = serde_json::Map<String, serde_json::Value>;

fn object(side: &[u8], verb: &[u8]) -> Option<Object> {
    let line = side
        .strip_prefix(verb)?
        .split(|octet| *octet == b'\n')
        .next()?;
    serde_json::from_slice(line).ok()
}

fn text(object: &Object, key: &str, name: &'static str, fields: &mut Fields) {
    fields.maybe(
        name,
        object
            .get(key)
            .and_then(|value| value.as_str())
            .map(str::as_bytes),
    );
}

/// `command`: the first one's name. Its arguments may be secrets and are not read.
pub fn redis(sides: &Sides<'_>, fields: &mut Fields) {
    let mut lines = sides
        .client
        .split(|octet| *octet == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let first = lines.next().unwrap_or_default();
    let command = if first.starts_with(b"*") {
        lines.nth(1).unwrap_or_default()
    } else {
        first
            .split(|octet| *octet == b' ')
            .next()
            .unwrap_or_default()
    };
    if command.len() <= 32
        && command
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"._-".contains(octet))
    {
        fields.octets("command", &command.to_ascii_uppercase());
    }
}
