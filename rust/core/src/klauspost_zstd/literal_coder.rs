//! Writes the literals of blocks (RFC 8878, section 3.1.1.3.1).

use super::Generation;
use super::huffman::{Codes, LONGEST_CODE};
use super::weights;
use crate::deflate::bits::BitWriter;

/// As many literals and more are four streams.
const FOUR_STREAMS: usize = 1024;

/// What is not this share shorter, as a power of two, stays as it is.
const LEAST_SAVED_LOG: u32 = 4;

/// Literals that are no more frequent than this share, as a power of two, are taken for noise.
const NOISE_LOG: u32 = 7;

/// How a section of literals begins: its type in the lowest two bits.
const PLAIN: u64 = 0;
const SINGLE: u64 = 1;
const COMPRESSED: u64 = 2;
const TREELESS: u64 = 3;

/// What became of literals.
pub enum Outcome {
    /// They are better left as they are.
    Plain,
    /// They are all the same.
    Single,
    /// A complete section was appended.
    Compressed,
}

/// Keeps the codes that the next block may repeat.
pub struct LiteralCoder {
    generation: Generation,
    previous: Option<Box<Codes>>,
    may_repeat: bool,
}

impl LiteralCoder {
    pub const fn new(generation: Generation) -> Self {
        Self {
            generation,
            previous: None,
            may_repeat: false,
        }
    }

    /// Let the next block have codes of its own.
    pub const fn forget(&mut self) {
        self.may_repeat = false;
    }

    /// Append the section of a block's literals.
    pub fn write(&mut self, literals: &[u8], output: &mut Vec<u8>) {
        let plain = literals.len() + plain_header(literals.len()).1;
        match self.compress(literals, plain, output) {
            Outcome::Plain => {
                put_header(PLAIN, literals.len(), output);
                output.extend_from_slice(literals);
            }
            Outcome::Single => {
                put_header(SINGLE, literals.len(), output);
                output.push(literals[0]);
            }
            Outcome::Compressed => {}
        }
    }

    /// Append the section of compressed literals, if they can be, and take less than `plain` bytes.
    pub fn compress(&mut self, literals: &[u8], plain: usize, output: &mut Vec<u8>) -> Outcome {
        if literals.len() < self.generation.fewest_literals() {
            return Outcome::Plain;
        }
        if !self.may_repeat {
            self.previous = None;
        }
        let mut counts = [0_u32; 256];
        for &literal in literals {
            counts[usize::from(literal)] += 1;
        }
        let total = literals.len() as u32;
        let most = counts.iter().copied().max().unwrap_or(0);
        if most == total {
            return Outcome::Single;
        }
        if most == 1 || most < total >> NOISE_LOG {
            return Outcome::Plain;
        }
        let used = 1 + counts.iter().rposition(|&count| count > 0).unwrap_or(0);
        let codes = Box::new(Codes::new(&counts, used, total));
        let repeated = self.previous.as_deref().filter(|previous| {
            previous.cover(&counts) && previous.size(&counts) <= codes.size(&counts)
        });
        let mut body = Vec::with_capacity(literals.len());
        if repeated.is_none() && !weights::describe(&codes, &mut body) {
            return Outcome::Plain;
        }
        let kind = if repeated.is_some() {
            TREELESS
        } else {
            COMPRESSED
        };
        put_streams(repeated.unwrap_or(&codes), literals, &mut body);
        if body.len() >= literals.len() - (literals.len() >> LEAST_SAVED_LOG) {
            return Outcome::Plain;
        }
        if kind == COMPRESSED {
            self.previous = Some(codes);
        }
        let (_, header) = compressed_header(literals.len(), body.len());
        if self.generation.compares_headers() && body.len() + header >= plain {
            return Outcome::Plain;
        }
        self.may_repeat = true;
        put_compressed_header(kind, literals.len(), body.len(), output);
        output.extend_from_slice(&body);
        Outcome::Compressed
    }
}

/// Append literals, the last one of a stream first.
fn put_streams(codes: &Codes, literals: &[u8], output: &mut Vec<u8>) {
    if literals.len() < FOUR_STREAMS {
        return put_stream(codes, literals, output);
    }
    let lengths = output.len();
    output.extend([0; 6]);
    for (place, part) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
        let start = output.len();
        put_stream(codes, part, output);
        let [low, high, ..] = (output.len() - start).to_le_bytes();
        if let Some(length) = output[lengths..lengths + 6]
            .as_chunks_mut()
            .0
            .get_mut(place)
        {
            *length = [low, high];
        }
    }
}

fn put_stream(codes: &Codes, literals: &[u8], output: &mut Vec<u8>) {
    let mut writer = BitWriter::default();
    let room = literals.len() * LONGEST_CODE as usize + 1;
    writer.put_many(room, output, |bits| {
        let (fours, rest) = literals.as_chunks::<4>();
        for literal in rest.iter().rev() {
            let code = codes.of[usize::from(*literal)];
            bits.put(code.bits.into(), code.length.into());
        }
        for four in fours.iter().rev() {
            let (mut value, mut count) = (0, 0);
            for literal in four.iter().rev() {
                let code = codes.of[usize::from(*literal)];
                value |= u64::from(code.bits) << count;
                count += u32::from(code.length);
            }
            bits.put(value, count);
        }
        bits.put(1, 1);
    });
    writer.align(output);
}

/// The size in a header of literals that are not compressed: its form and its bytes.
const fn plain_header(literals: usize) -> (u64, usize) {
    match literals {
        0..16 => (0, 1),
        16..2048 => (1, 2),
        _ => (3, 3),
    }
}

fn put_header(kind: u64, literals: usize, output: &mut Vec<u8>) {
    let (form, length) = plain_header(literals);
    // The form of one byte has one bit only.
    let shift = if length == 1 { 3 } else { 4 };
    let header = kind | form << 2 | (literals as u64) << shift;
    output.extend_from_slice(&header.to_le_bytes()[..length]);
}

/// The bits of each size in a header of compressed literals, and its bytes.
const fn compressed_header(literals: usize, compressed: usize) -> (u32, usize) {
    let most = if literals > compressed {
        literals
    } else {
        compressed
    };
    match most {
        0..0x400 => (10, 3),
        0x400..0x4000 => (14, 4),
        _ => (18, 5),
    }
}

fn put_compressed_header(kind: u64, literals: usize, compressed: usize, output: &mut Vec<u8>) {
    let (bits, length) = compressed_header(literals, compressed);
    let form = match bits {
        // One stream: four of them have more literals.
        10 => 0,
        14 => 2,
        _ => 3,
    };
    let header = kind | form << 2 | (literals as u64) << 4 | (compressed as u64) << (4 + bits);
    output.extend_from_slice(&header.to_le_bytes()[..length]);
}
