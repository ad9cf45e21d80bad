//! What a meter is told.

use serde::Deserialize;

/// How flows are followed. Read from JSON; what is left out has its default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeterSettings {
    /// Flows that are followed at once, those of RDMA not among them; 1 to 2^24.
    pub max_flows: u32,
    /// A flow without a packet for that long has ended; at least 1 ms.
    pub idle_ns: u64,
    /// A flow that goes on is told that often; at least 1 ms.
    pub active_ns: u64,
    /// After FIN both ways or RST, what follows within that time belongs to the flow still. None: TCP ends by `idle_ns`
    /// alone, and what comes after an end is the same flow.
    pub linger_ns: Option<u64>,
    /// Records that wait to be taken; at least 1. What is told beyond is dropped and counted.
    pub max_records: u32,
    /// Flows whose payload is looked at, at once. What begins beyond is not looked at, and counted.
    pub max_inspections: u32,
    /// Connections of RDMA that are followed at once; 1 to 2^24.
    pub max_connections: u32,
    /// Check the invariant CRC of one of how many packets of RDMA; 0: of none.
    pub check_icrc_every: u32,
    /// One of how many packets the source gives, as records are to say; at least 1.
    pub sampling: u32,
    /// Memory for the last packets, so that those of a flow can be saved; 0: none are kept. Otherwise 4 MiB to 64 GiB.
    pub keep_octets: u64,
}

impl Default for MeterSettings {
    fn default() -> Self {
        Self {
            max_flows: 1 << 18,
            idle_ns: 30_000_000_000,
            active_ns: 60_000_000_000,
            linger_ns: Some(2_000_000_000),
            max_records: 1 << 16,
            max_inspections: 1 << 16,
            max_connections: 1 << 15,
            check_icrc_every: 0,
            sampling: 1,
            keep_octets: 0,
        }
    }
}

/// No timeout is shorter.
const MIN_TIMEOUT_NS: u64 = 1_000_000;

impl MeterSettings {
    /// Settings as JSON. The error says what is wrong with which.
    pub fn from_json(settings: &[u8]) -> Result<Self, String> {
        let settings: Self = serde_json::from_slice(settings)
            .map_err(|error| format!("settings of the meter: {error}"))?;
        settings.checked()
    }

    fn checked(self) -> Result<Self, String> {
        let bounds = [
            ("max_flows", u64::from(self.max_flows), 1, 1 << 24),
            ("idle_ns", self.idle_ns, MIN_TIMEOUT_NS, u64::MAX),
            ("active_ns", self.active_ns, MIN_TIMEOUT_NS, u64::MAX),
            (
                "max_connections",
                u64::from(self.max_connections),
                1,
                1 << 24,
            ),
            ("max_records", u64::from(self.max_records), 1, 1 << 24),
            ("sampling", u64::from(self.sampling), 1, u64::MAX),
            // 0 is 0 of them.
            (
                "keep_octets",
                self.keep_octets,
                if self.keep_octets == 0 { 0 } else { 4 << 20 },
                64 << 30,
            ),
        ];
        for (name, value, least, most) in bounds {
            if value < least || value > most {
                return Err(format!(
                    "settings of the meter: {name} is {value}, and may be {least} to {most}"
                ));
            }
        }
        Ok(self)
    }
}
