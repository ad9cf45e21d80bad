//! What connection management does to the table: connections that are known before their first packet, and that end.

use crate::flows::record::EndReason;

use super::connection::Connection;
use super::connections::{CONNECTED, Connections};
use super::exchanges::{Exchange, Facts};
use super::key::{Key, Pair};
use super::management::{Management, Request, parse};
use super::way::Way;

impl Connections {
    /// Takes a datagram that went to queue pair 1.
    pub(super) fn manage(&mut self, pair: Pair, datagram: &[u8], now_ns: u64) {
        match parse(datagram) {
            Some(Management::Request(request)) => self.connect(pair, request),
            Some(Management::Reply { remote, qp, psn }) => {
                self.establish(pair.reversed(), remote, qp, psn, now_ns);
            }
            Some(Management::Disconnect { communication, qp }) => {
                self.disconnect(pair, communication, qp);
            }
            Some(Management::Disconnected { remote }) => {
                if let Some(Exchange::Disconnect(key)) = self.exchanges.get(pair.reversed(), remote)
                {
                    let key = *key;
                    if let Some(place) = self.places.get(&key).copied()
                        && self
                            .slots
                            .get(place.slot)
                            .is_some_and(|connection| connection.closing)
                    {
                        self.end(place.slot, EndReason::EndOfFlow);
                    }
                }
            }
            Some(Management::Reject { .. } | Management::Ready) | None => {}
        }
    }

    fn connect(&mut self, pair: Pair, request: Request) {
        let known = self.exchanges.get(pair, request.communication);
        if !matches!(known, Some(Exchange::Connect(known, _)) if *known == request) {
            let exchange = Exchange::Connect(request, false);
            self.exchanges.insert(pair, request.communication, exchange);
        }
    }

    /// Whoever of `pair` is the source asked with the number `communication`; the other end's queue pair is `qp`.
    fn establish(
        &mut self,
        pair: Pair,
        communication: u32,
        qp: u32,
        psn: Option<u32>,
        now_ns: u64,
    ) {
        let Some(Exchange::Connect(request, replied)) = self.exchanges.get(pair, communication)
        else {
            return;
        };
        if *replied {
            // The reply once more.
            return;
        }
        *replied = true;
        let request = *request;
        let mut forward = Way::new(Key::connected(pair, qp, request.service));
        let mut reverse = Way::new(Key::connected(pair.reversed(), request.qp, request.service));
        for key in [forward.key, reverse.key] {
            if let Some(place) = self.places.get(&key).copied() {
                // An earlier connection had that number.
                self.end(place.slot, EndReason::EndOfFlow);
            }
        }
        if let Some(psn) = request.psn {
            forward.requests.begin(psn);
        }
        if let Some(psn) = psn {
            reverse.requests.begin(psn);
        }
        let mut connection = Connection::new(forward, now_ns);
        connection.establish(reverse, request.mtu, Facts::from(&request));
        self.insert(connection, now_ns);
    }

    fn disconnect(&mut self, pair: Pair, communication: u32, qp: u32) {
        for service in CONNECTED {
            let key = Key::connected(pair, qp, service);
            if let Some(place) = self.places.get(&key)
                && let Some(connection) = self.slots.get_mut(place.slot)
            {
                connection.closing = true;
                self.exchanges
                    .insert(pair, communication, Exchange::Disconnect(key));
                return;
            }
        }
    }
}
