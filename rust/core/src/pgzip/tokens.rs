//! What a window becomes: literal bytes and matches, and how often each symbol of DEFLATE occurs in them.

/// The symbol that ends a block.
pub const END: usize = 256;

/// Symbols of bytes, the end and lengths that occur.
pub const LITERALS: usize = 286;

/// Symbols of distances that occur.
pub const DISTANCES: usize = 30;

/// The shortest and the longest match.
pub const SHORTEST_MATCH: usize = 3;
pub const LONGEST_MATCH: usize = 258;

/// Set in a token that is a match. Below it: length less [`SHORTEST_MATCH`] in 8 bits, the symbol of the distance in 5,
/// distance less 1 in 16.
const MATCH: u32 = 1 << 30;
const LENGTH_SHIFT: u32 = 22;
const SYMBOL_SHIFT: u32 = 16;

/// A literal byte, the end of a block or a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u32);

impl Token {
    /// The end of a block.
    pub const END: Self = Self(END as u32);

    /// The symbol, for all but matches.
    #[inline]
    pub fn literal(self) -> Option<usize> {
        (self.0 < MATCH).then_some(self.0 as usize)
    }

    /// Of a match, its length less [`SHORTEST_MATCH`].
    #[inline]
    pub fn length(self) -> u8 {
        (self.0 >> LENGTH_SHIFT) as u8
    }

    /// Of a match, the symbol of its distance.
    #[inline]
    pub fn distance_symbol(self) -> usize {
        (self.0 >> SYMBOL_SHIFT & 0x1f) as usize
    }

    /// Of a match, the bits that follow the symbol of its distance.
    #[inline]
    pub fn distance_extra(self) -> u64 {
        let distance = self.0 & 0xffff;
        let kept = (1_u32 << DISTANCE_EXTRA[self.distance_symbol()]) - 1;
        u64::from(distance & kept)
    }
}

/// How a length is written (RFC 1951, section 3.2.5).
#[derive(Clone, Copy)]
pub struct Length {
    /// Less [`END`] and 1.
    pub symbol: u8,
    /// Bits that follow it, and their value.
    pub extra_bits: u8,
    pub extra: u8,
}

/// Bits that follow the symbols of lengths and of distances; the last two of either do not occur.
pub static LENGTH_EXTRA: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0, 0, 0, 0,
];
pub static DISTANCE_EXTRA: [u8; 32] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13, 0, 0,
];

/// By length less [`SHORTEST_MATCH`].
pub static LENGTHS: [Length; 256] = lengths();

const fn lengths() -> [Length; 256] {
    let mut lengths = [Length {
        symbol: 0,
        extra_bits: 0,
        extra: 0,
    }; 256];
    let mut symbol = 0;
    let mut length = 0;
    while length < 256 {
        let extra_bits = LENGTH_EXTRA[symbol as usize];
        let mut extra = 0;
        while extra < 1 << extra_bits && length < 256 {
            lengths[length] = Length {
                symbol,
                extra_bits,
                extra,
            };
            length += 1;
            extra += 1;
        }
        symbol += 1;
    }
    // The longest has a symbol of its own.
    lengths[255] = Length {
        symbol: 28,
        extra_bits: 0,
        extra: 0,
    };
    lengths
}

/// The symbol of a distance less 1.
fn distance_symbol(distance: u32) -> u32 {
    if distance < 4 {
        return distance;
    }
    let log = distance.ilog2();
    2 * log + (distance >> (log - 1) & 1)
}

/// The tokens of a window.
pub struct Tokens {
    all: Vec<Token>,
    /// How often each byte, the end and each length occurs.
    pub literals: [u32; LITERALS],
    /// How often each distance occurs.
    pub distances: [u32; DISTANCES],
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
        }
    }
}

impl Tokens {
    /// All of them.
    pub fn as_slice(&self) -> &[Token] {
        &self.all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.all.clear();
        self.literals.fill(0);
        self.distances.fill(0);
    }

    /// Adds literal bytes.
    #[inline]
    pub fn add_literals(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.literals[usize::from(byte)] += 1;
        }
        self.all
            .extend(bytes.iter().map(|&byte| Token(u32::from(byte))));
    }

    /// Adds a match of any length from [`SHORTEST_MATCH`], as several where one cannot be so long.
    #[inline]
    pub fn add_match(&mut self, mut length: usize, distance: u32) {
        let symbol = distance_symbol(distance - 1);
        let token = MATCH | symbol << SYMBOL_SHIFT | (distance - 1);
        while length > 0 {
            // What is left over must be long enough for a match of its own.
            let part = match length {
                ..=LONGEST_MATCH => length,
                length if length > LONGEST_MATCH + SHORTEST_MATCH => LONGEST_MATCH,
                _ => LONGEST_MATCH - SHORTEST_MATCH,
            };
            length -= part;
            let part = part - SHORTEST_MATCH;
            self.literals[END + 1 + usize::from(LENGTHS[part & 0xff].symbol)] += 1;
            self.distances[symbol as usize] += 1;
            self.all.push(Token(token | (part as u32) << LENGTH_SHIFT));
        }
    }

    /// Adds the end of a block.
    pub fn add_end(&mut self) {
        self.literals[END] += 1;
        self.all.push(Token::END);
    }

    /// About how many bits they take with the best codes that there could be. It decides what is written, so it is
    /// computed in single precision, in this order.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a window has no more tokens than a float has values"
    )]
    pub fn estimated_bits(&self) -> usize {
        if self.all.is_empty() {
            return 0;
        }
        let mut bits = 0.0;
        let scale = 1.0 / self.all.len() as f32;
        add_entropy(&mut bits, &self.literals[..END], scale);
        bits += END_ESTIMATE;
        add_entropy(&mut bits, &self.literals[END + 1..], scale);
        let matches: u32 = self.distances.iter().sum();
        if matches > 0 {
            add_entropy(&mut bits, &self.distances, 1.0 / matches as f32);
        }
        bits as usize + extra_bits(&self.literals, &self.distances)
    }
}

/// Bits that the end of a block is taken to need.
const END_ESTIMATE: f32 = 15.0;

#[expect(
    clippy::cast_precision_loss,
    reason = "a window has no more tokens than a float is precise"
)]
fn add_entropy(bits: &mut f32, frequencies: &[u32], scale: f32) {
    for &frequency in frequencies.iter().filter(|frequency| **frequency > 0) {
        let frequency = frequency as f32;
        *bits += (-logarithm(frequency * scale)).clamp(1.0, 15.0) * frequency;
    }
}

/// The logarithm to base 2, by a polynomial for the mantissa.
fn logarithm(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = f32::from((bits >> 23) as u8) - 128.0;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 127 << 23);
    exponent + ((-0.344_848_43 * mantissa + 2.024_665_8) * mantissa - 0.674_877_6)
}

/// Bits that follow the symbols of all matches.
pub fn extra_bits(literals: &[u32; LITERALS], distances: &[u32; DISTANCES]) -> usize {
    let lengths = literals[END + 1..].iter().zip(LENGTH_EXTRA);
    let distances = distances.iter().zip(DISTANCE_EXTRA);
    lengths
        .chain(distances)
        .map(|(&frequency, bits)| frequency as usize * usize::from(bits))
        .sum()
}
