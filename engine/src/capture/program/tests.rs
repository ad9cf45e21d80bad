use super::*;

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

fn run(instructions: &[(u16, u8, u8, u32)], octets: &[u8]) -> u32 {
    let instructions = instructions
        .iter()
        .map(|&(code, jt, jf, k)| instruction(code, jt, jf, k));
    let program = Program::new(instructions.collect()).unwrap();
    program.run(&Context::plain(octets, 1_000))
}

#[test]
fn what_tcpdump_writes_for_udp_port_53() {
    // tcpdump -ddd -y EN10MB 'ip and udp dst port 53'
    let program = [
        (0x28, 0, 0, 12),
        (0x15, 0, 8, 0x0800),
        (0x30, 0, 0, 23),
        (0x15, 0, 6, 17),
        (0x28, 0, 0, 20),
        (0x45, 4, 0, 0x1fff),
        (0xb1, 0, 0, 14),
        (0x48, 0, 0, 16),
        (0x15, 0, 1, 53),
        (0x06, 0, 0, 262144),
        (0x06, 0, 0, 0),
    ];
    let mut frame = vec![0; 60];
    frame[12] = 8;
    frame[14] = 0x46;
    frame[23] = 17;
    frame[14 + 24 + 3] = 53;
    assert_eq!(run(&program, &frame), 262_144);
    frame[14] = 0x45;
    assert_eq!(run(&program, &frame), 0);
    frame[14] = 0x46;
    frame[21] = 1;
    assert_eq!(run(&program, &frame), 0);
    assert_eq!(run(&program, &frame[..20]), 0);
}

#[test]
fn arithmetic_wraps_and_nothing_divides_by_zero() {
    let x = |x: u32, a: u32, code: u16| {
        run(
            &[
                (0x01, 0, 0, x),
                (0x00, 0, 0, a),
                (code, 0, 0, 0),
                (0x16, 0, 0, 0),
            ],
            &[],
        )
    };
    assert_eq!(x(5, 3, 0x1c), u32::MAX - 1);
    assert_eq!(x(1 << 31, 2, 0x2c), 0);
    assert_eq!(x(0, 2, 0x3c), 0);
    assert_eq!(x(3, 20, 0x9c), 2);
    assert_eq!(x(40, 1, 0x6c), 0);
    assert_eq!(x(6, 3, 0xac), 5);
    assert_eq!(x(6, 3, 0x84), 3u32.wrapping_neg());
    // A load past all numbers.
    assert_eq!(
        run(
            &[(0x01, 0, 0, u32::MAX), (0x40, 0, 0, 8), (0x06, 0, 0, 1)],
            &[0; 64]
        ),
        0
    );
    assert_eq!(run(&[(0x80, 0, 0, 0), (0x16, 0, 0, 0)], &[]), 1_000);
}

#[test]
fn what_the_kernel_would_refuse_is_refused() {
    let answer = instruction(0x06, 0, 0, 1);
    for bad in [
        vec![],
        vec![instruction(0x00, 0, 0, 1)],
        vec![instruction(0x05, 0, 0, 1), answer],
        vec![instruction(0x05, 0, 0, u32::MAX), answer],
        vec![instruction(0x15, 1, 0, 1), answer],
        vec![instruction(0x34, 0, 0, 0), answer],
        vec![instruction(0x64, 0, 0, 32), answer],
        vec![instruction(0x60, 0, 0, 16), answer],
        vec![instruction(0x99, 0, 0, 0), answer],
        vec![answer; MAX_INSTRUCTIONS + 1],
    ] {
        assert!(Program::new(bad).is_err());
    }
}

#[test]
fn a_snap_length_shortens_what_passes_alone() {
    let program = Program::new(vec![
        instruction(0x15, 0, 1, 0),
        instruction(0x06, 0, 0, 262_144),
        instruction(0x06, 0, 0, 0),
    ]);
    let short = program.unwrap().with_snap(128);
    let answers: Vec<_> = short.instructions().iter().map(|one| one.k).collect();
    assert_eq!(answers, [0, 128, 0]);
}

#[test]
fn no_program_and_no_packet_does_harm() {
    // A small generator of programs, most of them refused.
    let mut seed = 1u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u32
    };
    let mut taken = 0;
    for _ in 0..20_000 {
        let mut instructions: Vec<_> = (0..next() % 12)
            .map(|_| {
                let code = KNOWN[next() as usize % KNOWN.len()];
                let k = if next() % 2 == 0 {
                    next() % 20
                } else {
                    next() << 1
                };
                instruction(code, (next() % 3) as u8, (next() % 3) as u8, k)
            })
            .collect();
        instructions.push(instruction(0x16, 0, 0, 0));
        if let Ok(program) = Program::new(instructions) {
            taken += 1;
            program.run(&Context::plain(&[0xa5; 40], next()));
        }
    }
    assert!(taken > 1_000);
}
