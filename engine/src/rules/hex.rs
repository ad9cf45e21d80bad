//! Octets as hexadecimal digits, without the cost of formatting each.

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

/// Two digits for each octet.
pub(super) fn push_hex(text: &mut String, octets: &[u8]) {
    for octet in octets {
        for digit in [octet >> 4, octet & 15] {
            text.extend(DIGITS.get(usize::from(digit)));
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits() {
        let mut text = String::from("0x");
        super::push_hex(&mut text, &[0x00, 0x9f, 0xa0, 0xff]);
        assert_eq!(text, "0x009fa0ff");
    }
}
