//! Writes classic BPF with labels instead of distances.

use super::program::{Instruction, MAX_INSTRUCTIONS, Program};

/// A place to jump to, which may be put down later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Label(usize);

/// What `A` is loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Word = 0x00,
    Half = 0x08,
    Octet = 0x10,
}

/// What is done with `A` and a constant, or with `A` and `X`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add = 0x00,
    Multiply = 0x20,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Xor = 0xa0,
}

/// How `A` is compared with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Equal = 0x15,
    AnyBit = 0x45,
    /// With X instead of the constant.
    AtLeastX = 0x3d,
}

enum Line {
    Plain(Instruction),
    Jump(Label),
    Branch {
        test: Test,
        k: u32,
        /// Whether it jumps when the comparison holds, or when it does not.
        holds: bool,
        label: Label,
    },
}

/// A program that is being written.
#[derive(Default)]
pub(super) struct Assembler {
    lines: Vec<Line>,
    /// The line that each label stands before.
    labels: Vec<Option<usize>>,
}

impl Assembler {
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label stands here.
    pub(super) fn place(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.lines.len());
        }
    }

    fn plain(&mut self, code: u16, k: u32) {
        self.lines.push(Line::Plain(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        }));
    }

    /// A = k.
    pub(super) fn constant(&mut self, k: u32) {
        self.plain(0x00, k);
    }

    /// A = what stands at a fixed place.
    pub(super) fn absolute(&mut self, size: Size, k: u32) {
        self.plain(0x20 | size as u16, k);
    }

    /// A = what stands `k` octets after X.
    pub(super) fn indirect(&mut self, size: Size, k: u32) {
        self.plain(0x40 | size as u16, k);
    }

    /// A = the packet's length.
    pub(super) fn length(&mut self) {
        self.plain(0x80, 0);
    }

    /// A = a cell of the scratch memory.
    pub(super) fn recall(&mut self, cell: u32) {
        self.plain(0x60, cell);
    }

    /// X = a cell of the scratch memory.
    pub(super) fn recall_x(&mut self, cell: u32) {
        self.plain(0x61, cell);
    }

    /// A cell of the scratch memory = A.
    pub(super) fn store(&mut self, cell: u32) {
        self.plain(0x02, cell);
    }

    /// A cell of the scratch memory = X.
    pub(super) fn store_x(&mut self, cell: u32) {
        self.plain(0x03, cell);
    }

    /// A = A op k.
    pub(super) fn with(&mut self, operation: Operation, k: u32) {
        self.plain(0x04 | operation as u16, k);
    }

    /// A = A op X.
    pub(super) fn with_x(&mut self, operation: Operation) {
        self.plain(0x0c | operation as u16, 0);
    }

    /// X = A.
    pub(super) fn set_x(&mut self) {
        self.plain(0x07, 0);
    }

    /// A = X.
    pub(super) fn get_x(&mut self) {
        self.plain(0x87, 0);
    }

    /// Answers A.
    pub(super) fn answer(&mut self) {
        self.plain(0x16, 0);
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.lines.push(Line::Jump(label));
    }

    /// Jumps when the comparison holds, and goes on otherwise.
    pub(super) fn when(&mut self, test: Test, k: u32, yes: Label) {
        self.lines.push(Line::Branch {
            test,
            k,
            holds: true,
            label: yes,
        });
    }

    /// Jumps when the comparison does not hold, and goes on otherwise.
    pub(super) fn unless(&mut self, test: Test, k: u32, no: Label) {
        self.lines.push(Line::Branch {
            test,
            k,
            holds: false,
            label: no,
        });
    }

    /// The program. A branch reaches 255 instructions alone, so each goes over a jump that reaches all.
    pub(super) fn finish(self) -> Result<Program, String> {
        let mut places = Vec::with_capacity(self.lines.len() + 1);
        let mut length = 0usize;
        for line in &self.lines {
            places.push(length);
            length += if matches!(line, Line::Branch { .. }) {
                2
            } else {
                1
            };
        }
        places.push(length);
        if length > MAX_INSTRUCTIONS {
            return Err(format!("a program of {length} instructions"));
        }
        let mut instructions = Vec::with_capacity(length);
        for line in &self.lines {
            let target = match line {
                Line::Plain(instruction) => {
                    instructions.push(*instruction);
                    continue;
                }
                Line::Jump(label) => *label,
                Line::Branch {
                    test,
                    k,
                    holds,
                    label,
                } => {
                    // One way leads to the jump, the other passes over it.
                    instructions.push(Instruction {
                        code: *test as u16,
                        jt: u8::from(!holds),
                        jf: u8::from(*holds),
                        k: *k,
                    });
                    *label
                }
            };
            let line = self.labels.get(target.0).copied().flatten();
            let place = line.and_then(|line| places.get(line)).copied();
            let distance = place.and_then(|place| place.checked_sub(instructions.len() + 1));
            let Some(distance) = distance else {
                return Err("a jump to nowhere, or back".into());
            };
            instructions.push(Instruction {
                code: 0x05,
                jt: 0,
                jf: 0,
                k: distance as u32,
            });
        }
        Program::new(instructions)
    }
}
