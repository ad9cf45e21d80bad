//! Classic BPF (Documentation/networking/filter.rst): the machine that packet filters are written for. The kernel runs
//! such a program on a ring; here the same one runs over the packets of a file.

use super::octets::Order::Big;

/// Instructions that the kernel takes at most (BPF_MAXINSNS).
pub(super) const MAX_INSTRUCTIONS: usize = 4096;
/// Cells of the scratch memory.
const CELLS: usize = 16;

/// Loads from here on are of what the kernel knows of the packet, and not of its octets (SKF_AD_OFF).
pub(super) const ANCILLARY: u32 = 0xffff_f000;
pub(super) const PROTOCOL: u32 = ANCILLARY;
pub(super) const PACKET_TYPE: u32 = ANCILLARY + 4;
pub(super) const HARDWARE_TYPE: u32 = ANCILLARY + 28;
const VLAN_TAG: u32 = ANCILLARY + 44;
const VLAN_PRESENT: u32 = ANCILLARY + 48;

/// One instruction, as `tcpdump -ddd` prints it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Class, size, mode or operation.
    pub code: u16,
    /// Instructions to pass over when a comparison holds.
    pub jt: u8,
    /// When it does not.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

/// A packet, and what the kernel knows of it beside its octets.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What was captured.
    pub octets: &'a [u8],
    /// Its length on the wire.
    pub wire_octets: u32,
    /// EtherType.
    pub protocol: u16,
    /// To whom it goes (PACKET_HOST 0, PACKET_OUTGOING 4).
    pub packet_type: u8,
    /// ARPHRD number of the interface.
    pub hardware_type: u16,
    /// Tag control information of a VLAN tag that is not in the octets.
    pub vlan: Option<u16>,
}

impl<'a> Context<'a> {
    /// A packet of a file, of which nothing else is known.
    pub fn plain(octets: &'a [u8], wire_octets: u32) -> Self {
        Self {
            octets,
            wire_octets,
            protocol: 0,
            packet_type: 0,
            hardware_type: 0,
            vlan: None,
        }
    }

    /// As many octets as `size` says (32, 16 or 8 bits). None past the end: the program then answers 0.
    fn load(&self, size: u16, at: u32) -> Option<u32> {
        if at >= ANCILLARY {
            return match at {
                PROTOCOL => Some(u32::from(self.protocol)),
                PACKET_TYPE => Some(u32::from(self.packet_type)),
                HARDWARE_TYPE => Some(u32::from(self.hardware_type)),
                VLAN_TAG => Some(u32::from(self.vlan.unwrap_or(0))),
                VLAN_PRESENT => Some(u32::from(self.vlan.is_some())),
                _ => None,
            };
        }
        let at = usize::try_from(at).ok()?;
        match size {
            0x00 => Big.u32(self.octets, at),
            0x08 => Big.u16(self.octets, at).map(u32::from),
            _ => self.octets.get(at).copied().map(u32::from),
        }
    }
}

/// A program that ends on every packet: jumps go forward alone, and the last instruction returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

impl Program {
    /// Checks it as the kernel does (bpf_check_classic).
    pub fn new(instructions: Vec<Instruction>) -> Result<Self, String> {
        let count = instructions.len();
        if count == 0 || count > MAX_INSTRUCTIONS {
            return Err(format!(
                "a filter of {count} instructions; 1 to {MAX_INSTRUCTIONS} are possible"
            ));
        }
        for (at, instruction) in instructions.iter().enumerate() {
            let refused = |what: &str| Err(format!("instruction {at} of the filter {what}"));
            let Instruction { code, jt, jf, k } = *instruction;
            let within = |jump: u64| at as u64 + 1 + jump < count as u64;
            match code {
                0x34 | 0x94 if k == 0 => return refused("divides by 0"),
                0x64 | 0x74 if k > 31 => return refused("shifts by more than 31"),
                0x60 | 0x61 | 0x02 | 0x03 if k as usize >= CELLS => {
                    return refused("is outside the scratch memory");
                }
                0x05 if !within(u64::from(k)) => return refused("jumps past the end"),
                0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d | 0x45 | 0x4d
                    if !within(u64::from(jt)) || !within(u64::from(jf)) =>
                {
                    return refused("jumps past the end");
                }
                _ if KNOWN.binary_search(&code).is_err() => {
                    return refused(&format!("has the unknown code {code:#x}"));
                }
                _ => {}
            }
        }
        match instructions.last() {
            Some(last) if matches!(last.code, 0x06 | 0x16) => Ok(Self(instructions)),
            _ => Err("the last instruction of a filter has to return".into()),
        }
    }

    /// The instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }

    /// The same, letting through at most `snap` octets of what passes; 0 for no such limit.
    pub fn with_snap(mut self, snap: u32) -> Self {
        if snap > 0 {
            for instruction in &mut self.0 {
                if instruction.code == 0x06 {
                    instruction.k = instruction.k.min(snap);
                }
            }
        }
        self
    }

    /// What it answers: octets of the packet that pass, 0 for none.
    pub fn run(&self, packet: &Context<'_>) -> u32 {
        self.answer(packet).unwrap_or(0)
    }

    fn answer(&self, packet: &Context<'_>) -> Option<u32> {
        let (mut a, mut x) = (0u32, 0u32);
        let mut cells = [0u32; CELLS];
        let mut at = 0usize;
        loop {
            let &Instruction { code, jt, jf, k } = self.0.get(at)?;
            let cell = k as usize;
            let branch = |holds: bool| usize::from(if holds { jt } else { jf });
            at += 1;
            match code {
                0x00 => a = k,
                0x01 => x = k,
                0x20 | 0x28 | 0x30 => a = packet.load(code & 0x18, k)?,
                0x40 | 0x48 | 0x50 => {
                    let place = x.checked_add(k).filter(|&place| place < ANCILLARY)?;
                    a = packet.load(code & 0x18, place)?;
                }
                0x60 => a = *cells.get(cell)?,
                0x61 => x = *cells.get(cell)?,
                0x80 => a = packet.wire_octets,
                0x81 => x = packet.wire_octets,
                0xb1 => x = (packet.load(0x10, k)? & 0xf) << 2,
                0x02 => *cells.get_mut(cell)? = a,
                0x03 => *cells.get_mut(cell)? = x,
                0x05 => at += k as usize,
                0x15 => at += branch(a == k),
                0x1d => at += branch(a == x),
                0x25 => at += branch(a > k),
                0x2d => at += branch(a > x),
                0x35 => at += branch(a >= k),
                0x3d => at += branch(a >= x),
                0x45 => at += branch(a & k != 0),
                0x4d => at += branch(a & x != 0),
                0x84 => a = a.wrapping_neg(),
                0x06 => return Some(k),
                0x16 => return Some(a),
                0x07 => x = a,
                0x87 => a = x,
                _ => {
                    // Arithmetic: bit 3 says whether the other number is X.
                    let other = if code & 8 == 0 { k } else { x };
                    a = match code & 0xf0 {
                        0x00 => a.wrapping_add(other),
                        0x10 => a.wrapping_sub(other),
                        0x20 => a.wrapping_mul(other),
                        0x30 => a.checked_div(other)?,
                        0x40 => a | other,
                        0x50 => a & other,
                        0x60 => a.checked_shl(other).unwrap_or(0),
                        0x70 => a.checked_shr(other).unwrap_or(0),
                        0x90 => a.checked_rem(other)?,
                        _ => a ^ other,
                    };
                }
            }
        }
    }
}

/// Every code that there is, in order.
const KNOWN: [u16; 49] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x24,
    0x25, 0x28, 0x2c, 0x2d, 0x30, 0x34, 0x35, 0x3c, 0x3d, 0x40, 0x44, 0x45, 0x48, 0x4c, 0x4d, 0x50,
    0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87, 0x94, 0x9c, 0xa4, 0xac,
    0xb1,
];

#[cfg(test)]
mod tests;
