//! What an expression comes to, of one message.

use super::expression::{Node, Operator, Place};

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

/// None: it cannot be had. `base` is added to every offset that is not negative.
pub(super) fn value(node: &Node, message: &Message<'_>, base: usize) -> Option<i64> {
    match node {
        Node::Number(number) => Some(*number),
        Node::Size => i64::try_from(message.size).ok(),
        Node::First => i64::try_from(message.first).ok(),
        Node::Fixed(place) => fixed(place, message, base),
        Node::Compared(operator, place, number) => {
            binary(*operator, fixed(place, message, base)?, *number)
        }
        Node::FixedBetween(place, from, to) => {
            fixed(place, message, base).map(|x| i64::from(*from <= x && x <= *to))
        }
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
    number(message, start, width, little)
}

fn fixed(place: &Place, message: &Message<'_>, base: usize) -> Option<i64> {
    let start = base.checked_add(place.offset)?;
    Some(number(message, start, place.width, place.little)? & place.mask)
}

fn number(message: &Message<'_>, start: usize, width: usize, little: bool) -> Option<i64> {
    if width == 1 {
        return message.octets.get(start).copied().map(i64::from);
    }
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
