//! Blocks of DEFLATE (RFC 1951, section 3.2.3), and which of its three kinds Go's encoder chooses.

use super::bits::{BitWriter, Bits};
use super::code::{Code, Codes, LONGEST_CODE, best_codes};
use super::header::Header;
use super::symbols::{
    DISTANCE_BASE, DISTANCE_EXTRA, DISTANCES, END_OF_BLOCK, LENGTH_BASE, LENGTH_EXTRA,
    LENGTH_SYMBOL, LITERALS, Token, distance_symbol,
};

/// The most bytes of a stored block.
pub const STORED_LIMIT: usize = 65_535;

/// The codes of blocks that bring none of their own (RFC 1951, section 3.2.6).
pub static FIXED_LITERALS: Codes<LITERALS> = {
    let mut codes = [Code { bits: 0, length: 0 }; LITERALS];
    let mut symbol = 0;
    while symbol < LITERALS {
        let (code, length) = match symbol {
            0..144 => (symbol + 0x30, 8_u8),
            144..256 => (symbol - 144 + 0x190, 9),
            256..280 => (symbol - 256, 7),
            _ => (symbol - 280 + 0xc0, 8),
        };
        codes[symbol] = Code {
            bits: (code as u16).reverse_bits() >> (16 - length as u32),
            length,
        };
        symbol += 1;
    }
    codes
};

/// The same for distances.
pub static FIXED_DISTANCES: Codes<DISTANCES> = {
    let mut codes = [Code { bits: 0, length: 5 }; DISTANCES];
    let mut symbol = 0;
    while symbol < DISTANCES {
        codes[symbol].bits = (symbol as u16).reverse_bits() >> 11;
        symbol += 1;
    }
    codes
};

/// How often each symbol occurs in a block.
struct Counts {
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

impl Counts {
    fn of(tokens: &[Token]) -> Self {
        let mut literals = [0; LITERALS];
        let mut distances = [0; DISTANCES];
        for token in tokens {
            if let Some(literal) = token.as_literal() {
                literals[usize::from(literal)] += 1;
            } else {
                literals[length_symbol(token.length())] += 1;
                distances[distance_symbol(token.distance())] += 1;
            }
        }
        literals[END_OF_BLOCK] = 1;
        // A block with codes of its own has at least one for distances.
        if distances == [0; DISTANCES] {
            distances[0] = 1;
        }
        Self {
            literals,
            distances,
        }
    }

    /// How many bits the symbols take, without their extra bits.
    fn bits(&self, literals: &Codes<LITERALS>, distances: &Codes<DISTANCES>) -> usize {
        fn bits(counts: &[u32], codes: &[Code]) -> usize {
            counts
                .iter()
                .zip(codes)
                .map(|(&count, code)| count as usize * usize::from(code.length))
                .sum()
        }
        bits(&self.literals, literals) + bits(&self.distances, distances)
    }

    /// How many extra bits they have.
    fn extra_bits(&self) -> usize {
        fn bits(counts: &[u32], extra: &[u8]) -> usize {
            counts
                .iter()
                .zip(extra)
                .map(|(&count, &extra)| count as usize * usize::from(extra))
                .sum()
        }
        bits(&self.literals[END_OF_BLOCK + 1..], &LENGTH_EXTRA)
            + bits(&self.distances, &DISTANCE_EXTRA)
    }
}

/// The best codes for a block, and the header that tells them.
struct Dynamic {
    literals: Codes<LITERALS>,
    distances: Codes<DISTANCES>,
    header: Header,
    /// Header and symbols, without their extra bits.
    bits: usize,
}

impl Dynamic {
    fn new(counts: &Counts) -> Self {
        let literals = best_codes(&counts.literals, LONGEST_CODE);
        let distances = best_codes(&counts.distances, LONGEST_CODE);
        let header = Header::new(used(&literals), used(&distances));
        let bits = header.bits() + counts.bits(&literals, &distances);
        Self {
            literals,
            distances,
            header,
            bits,
        }
    }
}

/// The codes up to the last that has one.
fn used(codes: &[Code]) -> &[Code] {
    let unused = codes.iter().rev().take_while(|code| code.length == 0);
    &codes[..codes.len() - unused.count()]
}

/// Write a block of tokens in the smallest way; `input` is what they stand for, where it may be stored.
pub fn write_smallest(
    tokens: &[Token],
    input: Option<&[u8]>,
    writer: &mut BitWriter,
    output: &mut Vec<u8>,
) {
    let counts = Counts::of(tokens);
    let extra = counts.extra_bits();
    let fixed = 3 + counts.bits(&FIXED_LITERALS, &FIXED_DISTANCES) + extra;
    let own = Dynamic::new(&counts);
    let dynamic = own.bits + extra;
    match input.filter(|input| input.len() <= STORED_LIMIT) {
        Some(input) if stored_bits(input) < fixed.min(dynamic) => {
            write_stored(input, false, writer, output);
        }
        _ if dynamic < fixed => {
            own.header.write(writer, output);
            let table = Table::new(&own.literals, &own.distances);
            writer.put_many(dynamic, output, |bits| table.write(tokens, bits));
        }
        _ => {
            writer.put(0b010, 3, output);
            let table = Table::new(&FIXED_LITERALS, &FIXED_DISTANCES);
            writer.put_many(fixed, output, |bits| table.write(tokens, bits));
        }
    }
}

/// Write a block of tokens with codes of its own, or store it where that saves less than a sixteenth; extra bits are not
/// reckoned with.
pub fn write_dynamic(tokens: &[Token], input: &[u8], writer: &mut BitWriter, output: &mut Vec<u8>) {
    let counts = Counts::of(tokens);
    let own = Dynamic::new(&counts);
    if stored_bits(input) < own.bits + own.bits / 16 {
        write_stored(input, false, writer, output);
    } else {
        own.header.write(writer, output);
        let table = Table::new(&own.literals, &own.distances);
        let room = own.bits + counts.extra_bits();
        writer.put_many(room, output, |bits| table.write(tokens, bits));
    }
}

/// Write a block without matches, as [`write_dynamic`].
pub fn write_literals(input: &[u8], writer: &mut BitWriter, output: &mut Vec<u8>) {
    let mut counts = Counts::of(&[]);
    for &byte in input {
        counts.literals[usize::from(byte)] += 1;
    }
    let own = Dynamic::new(&counts);
    if stored_bits(input) < own.bits + own.bits / 16 {
        write_stored(input, false, writer, output);
    } else {
        own.header.write(writer, output);
        writer.put_many(own.bits, output, |bits| {
            let mut put = |symbol: usize| {
                let code = own.literals[symbol];
                bits.put(code.bits.into(), code.length.into());
            };
            for &byte in input {
                put(byte.into());
            }
            put(END_OF_BLOCK);
        });
    }
}

/// Write bytes as they are, [`STORED_LIMIT`] of them at most.
pub fn write_stored(input: &[u8], last: bool, writer: &mut BitWriter, output: &mut Vec<u8>) {
    debug_assert!(input.len() <= STORED_LIMIT);
    writer.put(last.into(), 3, output);
    writer.align(output);
    let length = input.len() as u16;
    output.extend_from_slice(&length.to_le_bytes());
    output.extend_from_slice(&(!length).to_le_bytes());
    output.extend_from_slice(input);
}

/// What a stored block is reckoned to take: its header as whole bytes.
const fn stored_bits(input: &[u8]) -> usize {
    (input.len() + 5) * 8
}

fn length_symbol(length: u8) -> usize {
    END_OF_BLOCK + 1 + usize::from(LENGTH_SYMBOL[usize::from(length)])
}

/// What is written for each token, with the extra bits of lengths.
struct Table<'codes> {
    literals: &'codes Codes<LITERALS>,
    distances: &'codes Codes<DISTANCES>,
    /// Bits, and how many, of each length.
    lengths: [(u32, u32); 256],
}

impl<'codes> Table<'codes> {
    fn new(literals: &'codes Codes<LITERALS>, distances: &'codes Codes<DISTANCES>) -> Self {
        let mut lengths = [(0, 0); 256];
        for (length, entry) in (0..=u8::MAX).zip(&mut lengths) {
            let code = literals[length_symbol(length)];
            let symbol = usize::from(LENGTH_SYMBOL[usize::from(length)]);
            let extra = u32::from(length - LENGTH_BASE[symbol]);
            *entry = (
                u32::from(code.bits) | extra << code.length,
                u32::from(code.length + LENGTH_EXTRA[symbol]),
            );
        }
        Self {
            literals,
            distances,
            lengths,
        }
    }

    /// Write all tokens and the end of the block.
    fn write(&self, tokens: &[Token], bits: &mut Bits<'_>) {
        for token in tokens {
            if let Some(literal) = token.as_literal() {
                let code = self.literals[usize::from(literal)];
                bits.put(code.bits.into(), code.length.into());
                continue;
            }
            let (length, length_bits) = self.lengths[usize::from(token.length())];
            let distance = token.distance();
            let symbol = distance_symbol(distance);
            let code = self.distances[symbol];
            let extra = distance - DISTANCE_BASE[symbol];
            let both = u64::from(code.bits) | u64::from(extra) << code.length;
            // A length has at most 20 bits, a distance 28.
            bits.put(
                u64::from(length) | both << length_bits,
                length_bits + u32::from(code.length + DISTANCE_EXTRA[symbol]),
            );
        }
        let end = self.literals[END_OF_BLOCK];
        bits.put(end.bits.into(), end.length.into());
    }
}
