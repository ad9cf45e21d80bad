use super::*;

const MS: u64 = 1_000_000;
const START: u64 = 1_700_000_000 * 1000 * MS;

fn state(packets: impl IntoIterator<Item = (bool, u64, u32)>) -> FeatureState {
    let mut state = FeatureState::default();
    for (forward, time, octets) in packets {
        state.observe(forward, time, octets);
    }
    state
}

#[test]
fn nothing_comes_to_nothing() {
    assert_eq!(FeatureState::default().finish(), Features::default());
}

#[test]
fn sizes_and_gaps_are_counted_by_their_bits() {
    let features = state([
        (true, START, 64),
        (true, START + 5_000, 1500),
        (false, START + 6_000, 100_000),
    ])
    .finish();
    let mut sizes = vec![0; 12];
    (sizes[7], sizes[11]) = (1, 1);
    assert_eq!(features.sizes_forward, sizes);
    // Larger than any bin: the last one.
    assert_eq!(
        (features.sizes_reverse.len(), features.sizes_reverse[15]),
        (16, 1)
    );
    assert_eq!(features.gaps_forward, [0, 0, 0, 1]);
    assert!(features.gaps_reverse.is_empty());
    assert_eq!((features.bin_ns, features.bins.len()), (10 * MS, 1));
}

#[test]
fn few_packets_and_many_count_alike() {
    let packets = (0..9u32).map(|n| (n % 3 != 0, START + u64::from(n * n) * 777_777, 60 + n * 100));
    let few = state(packets.clone().take(8));
    assert_eq!((few.heap_octets(), few.finish().bin_ns), (0, 0));
    let mut forced = state([]);
    forced.first_ns = START;
    forced.detail = Some(forced.unfold());
    for (forward, time, octets) in packets.clone().take(8) {
        forced.observe(forward, time, octets);
    }
    let (few, forced) = (few.finish(), forced.finish());
    assert_eq!(few.sizes_forward, forced.sizes_forward);
    assert_eq!(few.gaps_forward, forced.gaps_forward);
    assert_eq!(few.gaps_reverse, forced.gaps_reverse);
    let many = state(packets.clone()).finish();
    let octets: u32 = packets.map(|(_, _, octets)| octets).sum();
    assert_eq!(many.bins.iter().sum::<u32>(), octets);
    assert_eq!(many.gaps_forward.iter().sum::<u32>(), 5);
}

#[test]
fn packets_less_than_a_millisecond_apart_are_a_burst() {
    let features = state([
        (true, START, 100),
        (true, START + 10 * MS, 200),
        (false, START + 10 * MS + 400_000, 300),
        (true, START + 11 * MS + 399_999, 400),
        (true, START + 30 * MS, 50),
        (true, START + 30 * MS + 1, 50),
        (true, START + 31 * MS + 1, 5000),
    ])
    .finish();
    assert_eq!((features.bursts, features.burst_octets), (2, 900));
    assert_eq!(features.busy_ns, 400_000 + 999_999 + 1);
}

#[test]
fn bins_get_wider_and_stay_few() {
    let features = state((0..10_000).map(|n| (true, START + n * 10 * MS, 1))).finish();
    assert_eq!(features.bin_ns, 160 * MS);
    assert_eq!((features.bins.len(), features.bins[0]), (625, 16));
    let hostile = state((0..20).map(|n| (true, if n % 2 == 0 { u64::MAX } else { 0 }, u32::MAX)));
    let features = hostile.finish();
    assert!(features.bins.len() <= 1024);
    let backwards = state((0..2000).rev().map(|n| (true, START + n * 50 * MS, 1000)));
    assert!(backwards.heap_octets() < 20_000);
    assert_eq!(backwards.finish().bins, [2_000_000]);
}

/// 30 packets every `period_ms`, each burst a little off its time.
fn bursts(period_ms: u64, seconds: u64) -> Features {
    let count = seconds * 1000 / period_ms;
    state((0..count).flat_map(|burst| {
        let at = START + burst * period_ms * MS + (burst * 7919 % 5) * MS;
        (0..30).map(move |n| (n % 10 != 0, at + n * 100_000, 4096))
    }))
    .finish()
}

#[test]
fn a_period_is_found() {
    for (period_ms, seconds) in [(100, 5), (250, 10), (737, 60), (3000, 60)] {
        let features = bursts(period_ms, seconds);
        let off = (features.period_ns as f64 / (period_ms * MS) as f64 - 1.0).abs();
        assert!(off < 0.03, "{period_ms} ms: {} ns", features.period_ns);
        assert!(
            features.period_strength > 0.4,
            "{}",
            features.period_strength
        );
    }
}

#[test]
fn noise_and_a_constant_rate_have_no_period() {
    let constant = state((0..6000).map(|n| (true, START + n * MS, 1000))).finish();
    assert_eq!((constant.period_ns, constant.period_strength), (0, 0.0));
    for seed in 1..40u64 {
        let mut random = seed;
        let mut time = START;
        let features = state((0..3000).map(|_| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            time += (random >> 40) * 2;
            (true, time, 1000)
        }))
        .finish();
        assert_eq!(
            features.period_ns, 0,
            "seed {seed}: {}",
            features.period_strength
        );
    }
}
