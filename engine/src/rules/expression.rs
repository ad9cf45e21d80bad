//! Expressions over the octets of a message: lengths that agree, bits that are set.
//!
//! A tree is a number, `"size"`, `"first"`, or a list that begins with an operator: `["u16le", OFFSET]`, `["+", A, B]`,
//! `["in", X, FROM, TO]`, `["among", X, [..]]`, `["and", A, B]`, `["not", A]`, `["records", START, LENGTH, CONDITION or null]`.
//! What cannot be had (octets that are not there, a division by 0, 64 bits exceeded) makes the whole expression false.

use serde_json::Value;

use super::evaluation::{Message, value};

const MAX_DEPTH: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    Left,
    Right,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A number at a place that is known beforehand, with a mask on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: usize,
    pub width: usize,
    pub little: bool,
    pub mask: i64,
}

#[derive(Debug)]
pub(super) enum Node {
    Number(i64),
    Size,
    First,
    Fixed(Place),
    Read {
        width: usize,
        little: bool,
        offset: Box<Node>,
    },
    Binary(Operator, Box<Node>, Box<Node>),
    /// What most expressions are, and so without a way down a tree.
    Compared(Operator, Place, i64),
    FixedBetween(Place, i64, i64),
    Between(Box<Node>, i64, i64),
    Among(Box<Node>, Vec<i64>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Records {
        start: Box<Node>,
        length: Box<Node>,
        condition: Option<Box<Node>>,
    },
}

/// A compiled expression with its text.
#[derive(Debug)]
pub(super) struct Expression {
    pub text: String,
    root: Node,
}

impl Expression {
    pub fn new(text: &str, tree: &Value) -> Result<Self, String> {
        let root = compile(tree, 0, false)?;
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    /// Whether it holds of a message.
    pub fn holds(&self, message: &Message<'_>) -> bool {
        value(&self.root, message, 0).is_some_and(|found| found != 0)
    }
}

fn compile(tree: &Value, depth: usize, in_records: bool) -> Result<Node, String> {
    if depth > MAX_DEPTH {
        return Err("an expression is nested too deeply".to_owned());
    }
    let inner = |tree: &Value| compile(tree, depth + 1, in_records);
    let boxed = |tree: &Value| inner(tree).map(Box::new);
    match tree {
        Value::Number(_) => number(tree).map(Node::Number),
        Value::String(word) if word == "size" => Ok(Node::Size),
        Value::String(word) if word == "first" => Ok(Node::First),
        Value::Array(parts) => {
            let Some((Value::String(name), arguments)) = parts.split_first() else {
                return Err(wrong(tree));
            };
            match (name.as_str(), arguments) {
                ("and", several) => Ok(Node::All(
                    several.iter().map(inner).collect::<Result<_, _>>()?,
                )),
                ("or", several) => Ok(Node::Any(
                    several.iter().map(inner).collect::<Result<_, _>>()?,
                )),
                ("not", [a]) => Ok(Node::Not(boxed(a)?)),
                ("in", [x, from, to]) => {
                    let (from, to) = (number(from)?, number(to)?);
                    Ok(match inner(x)? {
                        Node::Fixed(place) => Node::FixedBetween(place, from, to),
                        other => Node::Between(Box::new(other), from, to),
                    })
                }
                ("among", [x, Value::Array(values)]) => Ok(Node::Among(
                    boxed(x)?,
                    values.iter().map(number).collect::<Result<_, _>>()?,
                )),
                ("records", [start, length, condition]) if !in_records => {
                    let each = |tree: &Value| compile(tree, depth + 1, true).map(Box::new);
                    Ok(Node::Records {
                        start: boxed(start)?,
                        length: each(length)?,
                        condition: match condition {
                            Value::Null => None,
                            some => Some(each(some)?),
                        },
                    })
                }
                (name, [offset]) => {
                    let (width, little) = width(name).ok_or_else(|| wrong(tree))?;
                    Ok(read(width, little, inner(offset)?))
                }
                (name, [a, b]) => {
                    let operator = operator(name).ok_or_else(|| wrong(tree))?;
                    Ok(binary(operator, inner(a)?, inner(b)?))
                }
                _ => Err(wrong(tree)),
            }
        }
        _ => Err(wrong(tree)),
    }
}

/// A read, at a fixed place where the offset is a number.
fn read(width: usize, little: bool, offset: Node) -> Node {
    if let Node::Number(number) = offset
        && let Ok(offset) = usize::try_from(number)
    {
        return Node::Fixed(Place {
            offset,
            width,
            little,
            mask: -1,
        });
    }
    Node::Read {
        width,
        little,
        offset: Box::new(offset),
    }
}

fn binary(operator: Operator, a: Node, b: Node) -> Node {
    match (operator, a, b) {
        (Operator::And, Node::Fixed(place), Node::Number(mask)) => Node::Fixed(Place {
            mask: place.mask & mask,
            ..place
        }),
        (operator, Node::Fixed(place), Node::Number(number)) if operator.compares() => {
            Node::Compared(operator, place, number)
        }
        (operator, a, b) => Node::Binary(operator, Box::new(a), Box::new(b)),
    }
}

impl Operator {
    fn compares(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::Unequal | Self::Less | Self::AtMost | Self::Greater | Self::AtLeast
        )
    }
}

fn wrong(tree: &Value) -> String {
    let text: String = tree.to_string().chars().take(100).collect();
    format!("{text} is no expression")
}

fn number(tree: &Value) -> Result<i64, String> {
    tree.as_i64().ok_or_else(|| wrong(tree))
}

fn width(name: &str) -> Option<(usize, bool)> {
    let (bits, little) = match name.strip_suffix("le") {
        Some(bits) => (bits, true),
        None => (name, false),
    };
    let width = match bits {
        "u8" => 1,
        "u16" => 2,
        "u24" => 3,
        "u32" => 4,
        "u64" => 8,
        _ => return None,
    };
    Some((width, little))
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Remainder,
        "&" => Operator::And,
        "|" => Operator::Or,
        "^" => Operator::Xor,
        "<<" => Operator::Left,
        ">>" => Operator::Right,
        "==" => Operator::Equal,
        "!=" => Operator::Unequal,
        "<" => Operator::Less,
        "<=" => Operator::AtMost,
        ">" => Operator::Greater,
        ">=" => Operator::AtLeast,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
