//! Expressions over the octets of a message: lengths that agree, bits that are set.
//!
//! A tree is a number, `"size"`, `"first"`, or a list that begins with an operator: `["u16le", OFFSET]`, `["+", A, B]`,
//! `["in", X, FROM, TO]`, `["among", X, [..]]`, `["and", A, B]`, `["not", A]`, `["records", START, LENGTH, CONDITION or null]`.
//! What cannot be had (octets that are not there, a division by 0, 64 bits exceeded) makes the whole expression false.

use serde_json::Value;

const MAX_DEPTH: usize = 32;
const MAX_RECORDS: i64 = 16;

/// One message, or what there is of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub octets: &'a [u8],
    /// Of the message on the wire; of a stream what is here.
    pub size: u64,
    /// Of the side's first segment or datagram.
    pub first: u64,
    pub stream: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
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

#[derive(Debug)]
enum Node {
    Number(i64),
    Size,
    First,
    Read {
        width: usize,
        little: bool,
        offset: Box<Node>,
    },
    Binary(Operator, Box<Node>, Box<Node>),
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
                ("in", [x, from, to]) => Ok(Node::Between(boxed(x)?, number(from)?, number(to)?)),
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
                    Ok(Node::Read {
                        width,
                        little,
                        offset: boxed(offset)?,
                    })
                }
                (name, [a, b]) => {
                    let operator = operator(name).ok_or_else(|| wrong(tree))?;
                    Ok(Node::Binary(operator, boxed(a)?, boxed(b)?))
                }
                _ => Err(wrong(tree)),
            }
        }
        _ => Err(wrong(tree)),
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

/// None: it cannot be had. `base` is added to every offset that is not negative.
fn value(node: &Node, message: &Message<'_>, base: usize) -> Option<i64> {
    match node {
        Node::Number(number) => Some(*number),
        Node::Size => i64::try_from(message.size).ok(),
        Node::First => i64::try_from(message.first).ok(),
        Node::Read {
            width,
            little,
            offset,
        } => read(
            message,
            base,
            value(offset, message, base)?,
            *width,
            *little,
        ),
        Node::Binary(operator, a, b) => binary(
            *operator,
            value(a, message, base)?,
            value(b, message, base)?,
        ),
        Node::Between(x, from, to) => {
            value(x, message, base).map(|x| i64::from(*from <= x && x <= *to))
        }
        Node::Among(x, values) => value(x, message, base).map(|x| i64::from(values.contains(&x))),
        Node::All(several) => {
            for each in several {
                if value(each, message, base)? == 0 {
                    return Some(0);
                }
            }
            Some(1)
        }
        Node::Any(several) => {
            for each in several {
                if value(each, message, base)? != 0 {
                    return Some(1);
                }
            }
            Some(0)
        }
        Node::Not(a) => value(a, message, base).map(|a| i64::from(a == 0)),
        Node::Records {
            start,
            length,
            condition,
        } => {
            let start = usize::try_from(value(start, message, base)?).ok()?;
            Some(records(
                message,
                start.checked_add(base)?,
                length,
                condition.as_deref(),
            ))
        }
    }
}

fn read(
    message: &Message<'_>,
    base: usize,
    offset: i64,
    width: usize,
    little: bool,
) -> Option<i64> {
    let start = match usize::try_from(offset) {
        Ok(offset) => base.checked_add(offset)?,
        // From the end, which has to be there.
        Err(_) if !message.stream && message.size == message.octets.len() as u64 => {
            let back = usize::try_from(offset.checked_neg()?).ok()?;
            message.octets.len().checked_sub(back)?
        }
        Err(_) => return None,
    };
    let octets = message.octets.get(start..start.checked_add(width)?)?;
    let shifted = |sum: u64, octet: &u8| sum << 8 | u64::from(*octet);
    let number = if little {
        octets.iter().rev().fold(0, shifted)
    } else {
        octets.iter().fold(0, shifted)
    };
    i64::try_from(number).ok()
}

fn binary(operator: Operator, a: i64, b: i64) -> Option<i64> {
    let truth = |holds: bool| Some(i64::from(holds));
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        Operator::And => Some(a & b),
        Operator::Or => Some(a | b),
        Operator::Xor => Some(a ^ b),
        Operator::Left => {
            let places = u32::try_from(b).ok().filter(|places| *places < 63)?;
            a.checked_mul(1_i64.checked_shl(places)?)
        }
        Operator::Right => a.checked_shr(u32::try_from(b).ok()?),
        Operator::Equal => truth(a == b),
        Operator::Unequal => truth(a != b),
        Operator::Less => truth(a < b),
        Operator::AtMost => truth(a <= b),
        Operator::Greater => truth(a > b),
        Operator::AtLeast => truth(a >= b),
    }
}

/// How many whole records follow one another; 0 when one of them is none.
fn records(message: &Message<'_>, start: usize, length: &Node, condition: Option<&Node>) -> i64 {
    let mut count = 0;
    let mut at = start;
    let end = message.size;
    while count < MAX_RECORDS && (at as u64) < end {
        let size = value(length, message, at);
        match condition.map(|node| value(node, message, at)) {
            Some(Some(0)) => return 0,
            // Not all of the record's beginning is here: the message goes on, or was cut.
            Some(None) if size.is_some() && inside(message, at, size) => return 0,
            _ => {}
        }
        let Some(size) = size else {
            // A header that is cut short: right in what goes on, wrong in a datagram that is all here.
            let whole = !message.stream && message.size == message.octets.len() as u64;
            return if whole { 0 } else { count };
        };
        let Some(next) = usize::try_from(size)
            .ok()
            .filter(|size| *size > 0)
            .and_then(|size| at.checked_add(size))
        else {
            return 0;
        };
        if next as u64 > end {
            return if message.stream { count } else { 0 };
        }
        at = next;
        count += 1;
    }
    count
}

/// Whether the whole record was captured.
fn inside(message: &Message<'_>, at: usize, size: Option<i64>) -> bool {
    size.and_then(|size| usize::try_from(size).ok())
        .and_then(|size| at.checked_add(size))
        .is_some_and(|end| end <= message.octets.len())
}

#[cfg(test)]
mod tests;
