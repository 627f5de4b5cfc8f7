//! Prefix codes of limited length (RFC 1951, section 3.2.2), by the package-merge method (Larmore and Hirschberg 1990).
//!
//! Optimal codes differ where frequencies are equal. The order that decides here is that of Go's `compress/flate`, from
//! which the encoder that is rebuilt descends: symbols by frequency, then by value; a package before a symbol of the
//! same weight.

/// Symbols of the largest alphabet: bytes, the end of a block, and lengths.
pub const SYMBOLS: usize = 286;

/// The longest codes of any alphabet.
const LONGEST: usize = 15;

/// What package-merge takes from a list at most: two for each symbol, less two.
const TAKEN: usize = 2 * SYMBOLS - 2;

/// The code of one symbol, its first bit the lowest; of no length for a symbol that does not occur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// The bits.
    pub bits: u16,
    /// How many they are.
    pub length: u8,
}

/// The codes of an alphabet.
pub type Codes = [Code];

/// Assigns codes of at most `limit` bits to the symbols that occur.
pub fn assign(codes: &mut Codes, frequencies: &[u16], limit: usize) {
    codes.fill(Code::default());
    let mut sorted = [Counted(0); SYMBOLS];
    let mut count = 0;
    for (symbol, &frequency) in (0..).zip(frequencies) {
        if frequency > 0 {
            sorted[count] = Counted(u32::from(frequency) << 16 | symbol);
            count += 1;
        }
    }
    let sorted = &mut sorted[..count];
    if count <= 2 {
        for (bits, counted) in (0..).zip(sorted.iter()) {
            codes[counted.symbol()] = Code { bits, length: 1 };
        }
        return;
    }
    sorted.sort_unstable();
    let mut counts = count_lengths(sorted, limit.min(count - 1));
    // The rarest symbols are the first, and have the longest codes.
    let mut rest = sorted.iter();
    for length in (1..=limit).rev() {
        for counted in rest.by_ref().take(counts[length]) {
            codes[counted.symbol()].length = length as u8;
        }
    }
    let mut next = [0_u16; LONGEST + 1];
    counts[0] = 0;
    for length in 1..=limit {
        next[length] = (next[length - 1] + counts[length - 1] as u16) << 1;
    }
    for code in codes.iter_mut().filter(|code| code.length > 0) {
        let length = code.length;
        code.bits = next[usize::from(length)].reverse_bits() >> (16 - length);
        next[usize::from(length)] += 1;
    }
}

/// A symbol, in the lower half, and how often it occurs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Counted(u32);

impl Counted {
    fn symbol(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    fn frequency(self) -> u32 {
        self.0 >> 16
    }
}

/// How many symbols get a code of each length, of three symbols or more in the order of their frequency.
fn count_lengths(sorted: &[Counted], limit: usize) -> [usize; LONGEST + 1] {
    let taken = 2 * sorted.len() - 2;
    // Of the items of each level's list, in order: is it a symbol, or a package of two items of the level below?
    let mut are_symbols = [[false; TAKEN]; LONGEST];
    let mut weights = [0_u32; TAKEN];
    let mut length = 0;
    for are_symbols in &mut are_symbols[..limit] {
        let below = weights;
        let mut packages = below[..length]
            .chunks_exact(2)
            .map(|pair| pair[0] + pair[1])
            .peekable();
        let mut symbols = sorted.iter().map(|counted| counted.frequency()).peekable();
        length = 0;
        while length < taken {
            let is_symbol = match (symbols.peek(), packages.peek()) {
                (Some(symbol), Some(package)) => symbol < package,
                (symbol, _) => symbol.is_some(),
            };
            let item = if is_symbol {
                symbols.next()
            } else {
                packages.next()
            };
            let Some(weight) = item else { break };
            weights[length] = weight;
            are_symbols[length] = is_symbol;
            length += 1;
        }
    }
    let mut counts = [0; LONGEST + 1];
    let mut taken = taken;
    for level in (0..limit).rev() {
        let symbols = are_symbols[level][..taken]
            .iter()
            .filter(|is_symbol| **is_symbol)
            .count();
        // A symbol has a bit for each level that it is taken from: so many have this many bits or more.
        counts[limit - level] = symbols;
        taken = 2 * (taken - symbols);
    }
    for bits in 1..limit {
        counts[bits] -= counts[bits + 1];
    }
    counts
}

/// Bits that symbols take, each as often as it occurs.
pub fn size(codes: &Codes, frequencies: &[u16]) -> usize {
    frequencies
        .iter()
        .zip(codes)
        .map(|(&frequency, code)| usize::from(frequency) * usize::from(code.length))
        .sum()
}

/// Whether all symbols that occur have a code.
pub fn covers(codes: &Codes, frequencies: &[u16]) -> bool {
    frequencies
        .iter()
        .zip(codes)
        .all(|(&frequency, code)| frequency == 0 || code.length > 0)
}
