//! What flows cost: ns a packet and octets a flow, of packets that were decoded before. `cargo run --release
//! --no-default-features --example meter_cost`.

use _native::flows::{Meter, MeterSettings};
use _native::packets::{Family, Fragment, Frame, LinkType, Network, Packet, TcpHeader};

const PACKETS: u64 = 1_000_000;

fn packet(time_ns: u64, flow: u32, back: bool, tcp: Option<TcpHeader>) -> Packet<'static> {
    let (mut client, mut server) = ([0; 16], [0; 16]);
    client[..4].copy_from_slice(&(0x0a00_0000 | flow).to_be_bytes());
    server[..4].copy_from_slice(&[10, 255, 0, (flow % 200) as u8]);
    let (source, destination) = if back {
        (server, client)
    } else {
        (client, server)
    };
    let ports = if back { (443, 40_000) } else { (40_000, 443) };
    Packet {
        time_ns,
        wire_octets: 1100,
        vlan: 0,
        priority: 0,
        tunnel: None,
        mirror: None,
        network: Network {
            family: Family::V4,
            source,
            destination,
            protocol: if tcp.is_some() { 6 } else { 17 },
            ether_type: 0x0800,
            hops: 64,
            dscp: 0,
            ecn: 0,
            fragment: Fragment::Whole,
        },
        source_port: ports.0,
        destination_port: ports.1,
        tcp,
        rdma: None,
        payload: &[],
        payload_octets: 1000,
    }
}

/// Resident octets of this process.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0u64) * 4096
}

/// How long this thread has been on a processor: others do not count.
fn spent_ns() -> u64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = spent.split(' ').next().and_then(|ns| ns.parse().ok());
    ns.unwrap_or(0)
}

/// The nth packet.
type Make = dyn Fn(u64) -> Packet<'static>;

fn run(name: &str, packets: u64, make: &Make) {
    let made: Vec<Packet<'_>> = (0..packets).map(make).collect();
    let settings = MeterSettings {
        max_flows: 1 << 21,
        max_records: 1 << 24,
        ..MeterSettings::default()
    };
    let before = resident();
    let mut meter = Meter::new(settings, None);
    let start = spent_ns();
    for packet in &made {
        meter.observe_packet(packet);
    }
    let took = spent_ns() - start;
    let flows = meter.books().flows.now.max(1);
    let octets = resident().saturating_sub(before);
    let start = spent_ns();
    meter.finish();
    let finished = spent_ns() - start;
    let start = spent_ns();
    let records = meter.books().flows.begun;
    let packed = meter.take_packed().len();
    println!(
        "{name:32} {:6.1} ns/packet  {flows:8} flows {:6} octets/flow  {:6.0} ns/record {:6.0} to pack {:5} octets",
        took as f64 / packets as f64,
        octets / flows,
        finished as f64 / records as f64,
        (spent_ns() - start) as f64 / records as f64,
        packed as u64 / records,
    );
}

/// A frame of 128 octets at most, as a mirror with that snap length sends them.
fn frame(flow: u32, back: bool, port: u16, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    octets.extend([0x45, 0x02, 0x04, 0x2a, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    let (client, server) = (
        (0x0a00_0000 | flow).to_be_bytes(),
        [10, 255, 0, (flow % 200) as u8],
    );
    let (source, destination) = if back {
        (server, client)
    } else {
        (client, server)
    };
    octets.extend(source);
    octets.extend(destination);
    octets.extend(
        if back {
            port
        } else {
            49_152 + (flow % 1000) as u16
        }
        .to_be_bytes(),
    );
    octets.extend(
        if back && port != 4791 {
            49_152 + (flow % 1000) as u16
        } else {
            port
        }
        .to_be_bytes(),
    );
    octets.extend([0x04, 0x16, 0, 0]);
    octets.extend(payload);
    octets.resize(128, 0);
    octets
}

/// Three WRITE packets and an acknowledgement, of 1,000 pairs of queue pairs in turn.
fn roce(n: u64) -> Vec<u8> {
    let (pair, turn) = ((n % 1000) as u32, n / 1000);
    let (group, place) = (turn / 4, turn % 4);
    let back = place == 3;
    let psn = if back {
        group * 3 + 2
    } else {
        group * 3 + place
    } as u32
        & 0xff_ffff;
    let queue_pair = if back {
        0x20_0000 | pair
    } else {
        0x10_0000 | pair
    };
    let mut octets = vec![if back { 17 } else { 7 }, 0, 0xff, 0xff];
    octets.extend(queue_pair.to_be_bytes());
    octets.extend(psn.to_be_bytes());
    if back {
        octets.extend([0x1f, 0, 0, group as u8]);
    }
    frame(pair, back, 4791, &octets)
}

fn run_frames(name: &str, make: impl Fn(u64) -> Vec<u8>) {
    let made: Vec<Vec<u8>> = (0..PACKETS).map(make).collect();
    let mut meter = Meter::new(MeterSettings::default(), None);
    let start = spent_ns();
    for (n, octets) in made.iter().enumerate() {
        meter.observe(&Frame {
            time_ns: 1_700_000_000_000_000_000 + n as u64 * 1000,
            wire_octets: 1080,
            link: LinkType::ETHERNET,
            octets,
            stripped_vlan: None,
        });
    }
    let took = (spent_ns() - start) as f64 / PACKETS as f64;
    let flows = &meter.books().flows;
    println!(
        "{name:32} {took:6.1} ns/packet  {:8} flows, {} of RDMA",
        flows.now, flows.rdma_now
    );
}

fn scattered(n: u64, flows: u64) -> u32 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as u32 % flows as u32
}

fn segment(n: u64, flows: u64) -> TcpHeader {
    TcpHeader {
        sequence: (n / flows) as u32 * 1000,
        acknowledgement: (n / flows) as u32 * 1000,
        flags: 16,
        window: 1000,
    }
}

fn main() {
    println!("stated: {:?} octets", Meter::FLOW_OCTETS);
    let udp = |flows: u64| {
        move |n: u64| {
            packet(
                1_700_000_000_000_000_000 + n * 1000,
                scattered(n, flows),
                n % 3 == 0,
                None,
            )
        }
    };
    let tcp = |flows: u64| {
        move |n: u64| {
            let at = 1_700_000_000_000_000_000 + n * 1000;
            packet(at, (n % flows) as u32, n % 3 == 0, Some(segment(n, flows)))
        }
    };
    run_frames("frames: RoCE, 1,000 pairs", roce);
    run_frames("frames: UDP, 1,000 flows", |n| {
        frame(scattered(n, 1000), n % 3 == 0, 443, &[])
    });
    run_frames("frames: UDP, 60,000 flows", |n| {
        frame(scattered(n, 60_000), n % 3 == 0, 443, &[])
    });
    run_frames("frames: UDP, 60,000 one by one", |n| {
        frame((n / 16) as u32, n % 3 == 0, 443, &[])
    });
    run("warming up", PACKETS, &udp(10));
    run("UDP, 1,000 flows", PACKETS, &udp(1000));
    run("UDP, 60,000 flows", PACKETS, &udp(60_000));
    run("UDP, a packet a flow", PACKETS, &|n| {
        packet(1_700_000_000_000_000_000 + n, n as u32, false, None)
    });
    run("TCP, 1,000 flows", PACKETS, &tcp(1000));
    run("TCP, 60,000 flows", PACKETS, &tcp(60_000));
    run("TCP, a packet a flow", PACKETS, &tcp(PACKETS));
    run("UDP, 20 packets a flow", 4 * PACKETS, &udp(PACKETS / 5));
}
