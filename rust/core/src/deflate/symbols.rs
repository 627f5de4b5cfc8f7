//! The symbols of DEFLATE (RFC 1951, section 3.2.5), and what an encoder finds before they are written.

/// Symbols for literals, the end of a block and lengths.
pub const LITERALS: usize = 286;

/// Symbols for distances.
pub const DISTANCES: usize = 30;

/// The symbol that ends a block.
pub const END_OF_BLOCK: usize = 256;

/// The shortest length that has a symbol.
pub const SHORTEST: usize = 3;

/// The longest length that has a symbol.
pub const LONGEST: usize = 258;

/// The largest distance that has a symbol: how far back a match may reach.
pub const FARTHEST: usize = 1 << 15;

/// Extra bits of the length symbols from [`END_OF_BLOCK`] + 1 on.
pub const LENGTH_EXTRA: [u8; 29] = {
    let mut extra = [0; 29];
    let mut symbol = 8;
    // The last one stands for the longest length alone.
    while symbol < 28 {
        extra[symbol] = (symbol / 4 - 1) as u8;
        symbol += 1;
    }
    extra
};

/// Extra bits of the distance symbols.
pub const DISTANCE_EXTRA: [u8; DISTANCES] = {
    let mut extra = [0; DISTANCES];
    let mut symbol = 2;
    while symbol < DISTANCES {
        extra[symbol] = (symbol / 2 - 1) as u8;
        symbol += 1;
    }
    extra
};

/// The smallest length of each length symbol, less [`SHORTEST`].
pub const LENGTH_BASE: [u8; 29] = {
    let mut base = [0; 29];
    let mut symbol = 1;
    while symbol < 28 {
        base[symbol] = base[symbol - 1] + (1 << LENGTH_EXTRA[symbol - 1]);
        symbol += 1;
    }
    base[28] = (LONGEST - SHORTEST) as u8;
    base
};

/// The smallest distance of each distance symbol, less one.
pub const DISTANCE_BASE: [u16; DISTANCES] = {
    let mut base = [0; DISTANCES];
    let mut symbol = 1;
    while symbol < DISTANCES {
        base[symbol] = base[symbol - 1] + (1 << DISTANCE_EXTRA[symbol - 1]);
        symbol += 1;
    }
    base
};

/// The length symbol, from zero, of each length less [`SHORTEST`].
pub static LENGTH_SYMBOL: [u8; 256] = {
    let mut symbols = [0; 256];
    let mut symbol = 0;
    while symbol < 29 {
        let mut length = LENGTH_BASE[symbol] as usize;
        while length < 256 {
            symbols[length] = symbol as u8;
            length += 1;
        }
        symbol += 1;
    }
    symbols
};

/// A literal or a match: a literal's value, or a flag, a match's length less [`SHORTEST`] in eight bits and its distance
/// less one in fifteen.
#[derive(Clone, Copy)]
pub struct Token(u32);

impl Token {
    const MATCH: u32 = 1 << 31;

    /// One byte as it is.
    pub const fn literal(byte: u8) -> Self {
        Self(byte as u32)
    }

    /// A match of [`SHORTEST`] to [`LONGEST`] bytes, at a distance of 1 to [`FARTHEST`].
    pub const fn copy(length: usize, distance: usize) -> Self {
        Self(Self::MATCH | ((length - SHORTEST) as u32) << 15 | (distance - 1) as u32)
    }

    /// The literal, unless this is a match.
    pub const fn as_literal(self) -> Option<u8> {
        if self.0 & Self::MATCH == 0 {
            Some(self.0 as u8)
        } else {
            None
        }
    }

    /// A match's length less [`SHORTEST`].
    pub const fn length(self) -> u8 {
        (self.0 >> 15) as u8
    }

    /// A match's distance less one.
    pub const fn distance(self) -> u16 {
        (self.0 & (FARTHEST as u32 - 1)) as u16
    }
}

/// The symbol of a distance less one.
pub const fn distance_symbol(distance: u16) -> usize {
    if distance < 4 {
        return distance as usize;
    }
    // Two symbols for each power of two; the bit below the highest tells which.
    let power = distance.ilog2();
    (2 * power + (distance >> (power - 1) & 1) as u32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of RFC 1951, section 3.2.5, at the symbols where a rule could go wrong.
    #[test]
    fn symbols_are_those_of_the_rfc() {
        for (length, symbol, extra) in [
            (3, 257, 0),
            (10, 264, 0),
            (11, 265, 1),
            (12, 265, 1),
            (13, 266, 1),
            (18, 268, 1),
            (19, 269, 2),
            (130, 280, 4),
            (131, 281, 5),
            (257, 284, 5),
            (258, 285, 0),
        ] {
            let found = usize::from(LENGTH_SYMBOL[length - SHORTEST]);
            assert_eq!(found + END_OF_BLOCK + 1, symbol, "{length}");
            assert_eq!(LENGTH_EXTRA[found], extra, "{length}");
        }
        for (distance, symbol, extra) in [
            (1, 0, 0),
            (4, 3, 0),
            (5, 4, 1),
            (6, 4, 1),
            (7, 5, 1),
            (9, 6, 2),
            (256, 15, 6),
            (257, 16, 7),
            (24_576, 28, 13),
            (24_577, 29, 13),
            (32_768, 29, 13),
        ] {
            assert_eq!(distance_symbol(distance - 1), symbol, "{distance}");
            assert_eq!(DISTANCE_EXTRA[symbol], extra, "{distance}");
        }
    }

    #[test]
    fn every_value_lies_in_the_range_of_its_symbol() {
        for length in 0..=u8::MAX {
            let symbol = usize::from(LENGTH_SYMBOL[usize::from(length)]);
            assert!(u32::from(length - LENGTH_BASE[symbol]) < 1 << LENGTH_EXTRA[symbol]);
        }
        for distance in 0..1 << 15 {
            let symbol = distance_symbol(distance);
            assert!(u32::from(distance - DISTANCE_BASE[symbol]) < 1 << DISTANCE_EXTRA[symbol]);
        }
    }

    #[test]
    fn tokens_hold_what_they_were_made_of() {
        assert_eq!(Token::literal(255).as_literal(), Some(255));
        for (length, distance) in [(SHORTEST, 1), (LONGEST, FARTHEST), (77, 20_000)] {
            let token = Token::copy(length, distance);
            assert_eq!(token.as_literal(), None);
            assert_eq!(usize::from(token.length()), length - SHORTEST);
            assert_eq!(usize::from(token.distance()), distance - 1);
        }
    }
}
