//! Codes of lengths and offsets, and the bits that come with them (RFC 8878, section 3.1.1.3.2.1.1).

use super::sequences::Sequence;

/// What a sequence consists of, in the order of the modes in a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Literals,
    Offset,
    Length,
}

/// Of all kinds the most codes.
pub const MOST_CODES: usize = 53;

/// Lengths of literals below have codes of their own, or share one with few others.
const SMALL_LITERALS: [u8; 64] = small(&[1, 1, 1, 1, 2, 2, 3, 3, 4], 16);
const SMALL_LENGTHS: [u8; 128] = small(&[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5], 32);

/// What is added to the logarithm of lengths beyond.
const LARGE_LITERALS: u32 = 19;
const LARGE_LENGTHS: u32 = 36;

/// Bits of each code of literals and of lengths.
const LITERAL_BITS: [u8; 36] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16,
];
const LENGTH_BITS: [u8; MOST_CODES] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];

/// Codes of the numbers below `N`: the first of `own` are themselves, the others share one with as many as its bits
/// say.
const fn small<const N: usize>(bits: &[u8], own: u8) -> [u8; N] {
    let mut codes = [0; N];
    let (mut number, mut code) = (0, 0);
    while number < N {
        let shared = if code < own {
            1
        } else {
            1 << bits[(code - own) as usize]
        };
        let end = number + shared;
        while number < end {
            codes[number] = code;
            number += 1;
        }
        code += 1;
    }
    codes
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Literals, Self::Offset, Self::Length];

    /// A sequence's number of this kind.
    #[inline]
    pub const fn value(self, sequence: &Sequence) -> u32 {
        match self {
            Self::Literals => sequence.literals,
            Self::Offset => sequence.offset,
            Self::Length => sequence.length,
        }
    }

    /// The code of a number.
    #[inline]
    pub const fn code(self, value: u32) -> u8 {
        let code = match self {
            Self::Literals if value < 64 => return SMALL_LITERALS[value as usize],
            Self::Literals => value.ilog2() + LARGE_LITERALS,
            Self::Length if value < 128 => return SMALL_LENGTHS[value as usize],
            Self::Length => value.ilog2() + LARGE_LENGTHS,
            Self::Offset => value.ilog2(),
        };
        code as u8
    }

    /// How many of a number's lowest bits follow its code.
    #[inline]
    pub const fn bits(self, code: u8) -> u8 {
        match self {
            Self::Literals => LITERAL_BITS[code as usize],
            Self::Offset => code,
            Self::Length => LENGTH_BITS[code as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_code_differ_in_its_bits_alone() {
        for (kind, most) in [
            (Kind::Literals, 1 << 17),
            (Kind::Length, 1 << 17),
            (Kind::Offset, 1 << 23),
        ] {
            let mut first = 1;
            while first < most {
                let code = kind.code(first);
                let count = 1 << kind.bits(code);
                assert_eq!(first % count, 0);
                assert_eq!(kind.code(first + count - 1), code);
                assert_eq!(kind.code(first + count), code + 1);
                first += count;
            }
        }
    }
}
