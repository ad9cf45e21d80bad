//! Sets of small numbers, as bits in words.

/// Numbers beyond the last word are left out.
pub(super) fn set_bit(words: &mut [u64], index: usize) {
    if let Some(word) = words.get_mut(index / 64) {
        *word |= 1 << (index % 64);
    }
}

pub(super) fn has_bit(words: &[u64], index: usize) -> bool {
    words
        .get(index / 64)
        .is_some_and(|word| word >> (index % 64) & 1 == 1)
}

/// Take out what is not in the other set.
pub(super) fn keep_bits(words: &mut [u64], kept: &[u64]) {
    for (word, kept) in words.iter_mut().zip(kept) {
        *word &= kept;
    }
}

/// Places of the bits that are set.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit as usize)
    })
}
