use super::*;
use crate::flows::record::Times;

const US: u64 = 1000;
const PSH: u8 = 8;

/// A connection under test: 0 is the client.
#[derive(Default)]
struct Script {
    connection: Connection,
    now: u64,
}

impl Script {
    fn at(&mut self, us: u64) -> &mut Self {
        self.now = us * US;
        self
    }

    fn segment(
        &mut self,
        from: usize,
        flags: u8,
        sequence: u32,
        ack: u32,
        octets: u32,
    ) -> &mut Self {
        let tcp = TcpHeader {
            sequence,
            acknowledgement: ack,
            flags,
            window: 500,
        };
        self.connection.observe(from, &tcp, octets, self.now);
        self
    }

    /// Data of the client.
    fn data(&mut self, sequence: u32, octets: u32) -> &mut Self {
        self.segment(0, ACK | PSH, sequence, 1, octets)
    }

    /// An acknowledgement of the server.
    fn ack(&mut self, ack: u32) -> &mut Self {
        self.segment(1, ACK, 1, ack, 0)
    }

    fn opened() -> Self {
        let mut script = Self::default();
        script.at(0).segment(0, SYN, 999, 0, 0);
        script.at(300).segment(1, SYN | ACK, 0, 1000, 0);
        script.at(500).segment(0, ACK, 1000, 1, 0);
        script
    }

    fn told(&self) -> Tcp {
        self.connection.tell(0)
    }
}

#[test]
fn handshake_and_data_have_their_round_trips() {
    let mut script = Script::opened();
    script.at(1000).data(1000, 100).data(1100, 100);
    script.at(1450).ack(1200);
    script.at(2000).segment(1, ACK | PSH, 1, 1200, 50);
    script.at(2200).segment(0, ACK, 1200, 51, 0);
    let told = script.told();
    assert_eq!(told.handshake_ns, 500 * US);
    let times = |ns| Times {
        count: 1,
        min_ns: ns,
        sum_ns: ns,
        max_ns: ns,
    };
    assert_eq!(
        told.forward,
        TcpWay {
            round_trips: times(450 * US),
            ..TcpWay::default()
        }
    );
    assert_eq!(
        told.reverse,
        TcpWay {
            round_trips: times(200 * US),
            ..TcpWay::default()
        }
    );
    assert_eq!(script.connection.begins(0), Some(1000));
    assert_eq!(script.connection.begins(1), Some(1));
}

#[test]
fn what_was_seen_before_is_a_retransmission() {
    let mut script = Script::opened();
    script
        .at(1000)
        .data(1000, 100)
        .data(1100, 100)
        .data(1050, 250);
    script.at(1500).ack(1300);
    let told = script.told().forward;
    assert_eq!((told.retransmissions, told.retransmitted_octets), (1, 150));
    assert_eq!((told.out_of_order, told.round_trips.count), (0, 0));
    script.at(1600).data(1300, 10);
    assert_eq!(script.told().forward.retransmissions, 1);
}

#[test]
fn what_fills_a_hole_is_out_of_order_within_a_round_trip_and_sent_again_after_it() {
    let mut script = Script::opened();
    script.at(1000).data(1000, 100).data(1200, 100);
    script.at(1400).data(1100, 100);
    assert_eq!(script.told().forward.out_of_order, 1);
    script.at(2000).data(1400, 100);
    script.at(2500).data(1300, 50);
    script.at(2501).data(1350, 50);
    let told = script.told().forward;
    assert_eq!((told.out_of_order, told.retransmissions), (1, 2));
    assert_eq!(told.retransmitted_octets, 100);
    // Once filled, it was seen.
    script.at(2502).data(1350, 50);
    assert_eq!(script.told().forward.retransmissions, 3);
}

#[test]
fn holes_are_filled_from_either_end() {
    let mut script = Script::opened();
    script.at(1000).data(1000, 100).data(1400, 100);
    for start in [1300, 1100, 1200] {
        script.at(1100).data(start, 100);
    }
    assert_eq!(script.told().forward.out_of_order, 3);
    assert_eq!(script.told().forward.retransmissions, 0);
}

#[test]
fn acknowledgements_that_repeat_are_counted_while_data_waits() {
    let mut script = Script::opened();
    script.at(1000).data(1000, 100).data(1200, 100);
    script.at(1300).ack(1100).ack(1100).ack(1100);
    assert_eq!(script.told().reverse.duplicate_acknowledgements, 2);
    script.ack(1300).ack(1300);
    assert_eq!(script.told().reverse.duplicate_acknowledgements, 2);
}

#[test]
fn keep_alives_and_closed_windows() {
    let mut script = Script::opened();
    script.at(1000).data(1000, 100).ack(1100);
    script.at(9_000_000).data(1099, 1).data(1099, 0).ack(1100);
    assert_eq!(script.told().forward.retransmissions, 0);
    let shut = TcpHeader {
        sequence: 1,
        acknowledgement: 1100,
        flags: ACK,
        window: 0,
    };
    script.connection.observe(1, &shut, 0, script.now);
    let reset = TcpHeader {
        flags: RST | ACK,
        ..shut
    };
    script.connection.observe(1, &reset, 0, script.now);
    let told = script.told().reverse;
    assert_eq!((told.zero_windows, told.resets), (1, 1));
    assert_eq!(script.connection.end(), End::Reset);
}

#[test]
fn the_end_is_fin_both_ways() {
    let mut script = Script::opened();
    script.segment(0, ACK | FIN, 1000, 1, 0);
    assert_eq!(script.connection.end(), End::Open);
    script.segment(1, ACK | FIN, 1, 1001, 0);
    assert_eq!(script.connection.end(), End::Finished);
    let syn = |sequence| TcpHeader {
        sequence,
        acknowledgement: 0,
        flags: SYN,
        window: 1,
    };
    assert!(!script.connection.is_other_opening(0, &syn(999)));
    assert!(script.connection.is_other_opening(0, &syn(77)));
}

#[test]
fn a_second_record_counts_anew_and_goes_on() {
    let mut script = Script::opened();
    script.at(1000).data(1000, 100).data(1000, 100);
    script.connection.begin_record();
    assert_eq!(script.told().forward, TcpWay::default());
    script.data(1000, 100);
    assert_eq!(script.told().forward.retransmissions, 1);
}

#[test]
fn sequence_numbers_wrap_and_jump() {
    let mut script = Script::default();
    script
        .at(1)
        .data(u32::MAX - 49, 100)
        .data(50, 10)
        .data(u32::MAX - 49, 100);
    assert_eq!(script.told().forward.retransmissions, 1);
    script.data(3_000_000_000, 10).data(3_000_000_010, 10);
    let told = script.told().forward;
    assert_eq!((told.retransmissions, told.out_of_order), (1, 0));
}
