//! Clocks: NTP (RFC 5905), PTP (IEEE 1588-2019).

use super::Sides;
use super::fields::{Fields, colons, printable, word};
use super::reader::Reader;

const MODES: &[(u32, &str)] = &[
    (1, "symmetric active"),
    (2, "symmetric passive"),
    (3, "client"),
    (4, "server"),
    (5, "broadcast"),
    (6, "control"),
    (7, "private"),
];

/// `version`, `mode` of the first message; `stratum`, `reference` of the one that has the time.
pub fn ntp(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let mut reader = Reader::new(side);
        let (Some(first), Some(stratum)) = (reader.u8(), reader.u8()) else {
            continue;
        };
        let mode = u32::from(first & 7);
        fields.value("version", first >> 3 & 7);
        fields.value("mode", word(MODES, mode));
        if !matches!(mode, 1 | 2 | 4 | 5) {
            continue;
        }
        fields.value("stratum", stratum);
        let reference = reader.skip(10).and_then(|()| reader.take(4));
        if let Some(reference) = reference
            && stratum == 1
        {
            let end = reference.iter().position(|octet| *octet == 0).unwrap_or(4);
            fields.value(
                "reference",
                printable(reference.get(..end).unwrap_or_default()),
            );
        }
    }
}

const MESSAGES: &[(u32, &str)] = &[
    (0, "Sync"),
    (1, "Delay_Req"),
    (2, "Pdelay_Req"),
    (3, "Pdelay_Resp"),
    (8, "Follow_Up"),
    (9, "Delay_Resp"),
    (10, "Pdelay_Resp_Follow_Up"),
    (11, "Announce"),
    (12, "Signaling"),
    (13, "Management"),
];

/// `message`, `version`, `domain`, `clock` (the port's clock identity).
pub fn ptp(sides: &Sides<'_>, fields: &mut Fields) {
    for side in sides.each() {
        let mut read = |reader: &mut Reader<'_>| {
            let (kind, version) = (reader.u8()?, reader.u8()?);
            fields.value("message", word(MESSAGES, (kind & 15).into()));
            fields.value("version", version & 15);
            reader.u16()?; // length
            fields.value("domain", reader.u8()?);
            reader.skip(15)?; // to sourcePortIdentity
            fields.value("clock", colons(reader.take(8)?));
            Some(())
        };
        let _ = read(&mut Reader::new(side));
    }
}
