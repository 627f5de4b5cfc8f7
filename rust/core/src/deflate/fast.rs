//! Matches by one table of the last positions: Go's level 1.

use super::bits::BitWriter;
use super::block::{self, STORED_LIMIT};
use super::symbols::{FARTHEST, LONGEST, Token};

/// The shortest match that is taken.
const SHORTEST: usize = 4;

/// Bytes at the end of a block where no match is looked for.
const MARGIN: usize = 15;

/// Where fewer bytes are flushed, no matches are looked for.
const FLUSH_LITERALS: usize = 128;

/// Where no more bytes are flushed, they are stored.
const FLUSH_STORED: usize = 16;

/// Each look that misses adds to the step to the next one, in units of a byte by two to this power.
const STEP_BITS: u32 = 5;

const HASH_BITS: u32 = 14;
const HASH_FACTOR: u32 = 0x1e35_a7bd;

/// The number of the first position: entries of zero are out of its reach, and blocks before it have room.
const ORIGIN: u32 = 1 << 17;

/// Where positions are numbered anew, so that they never overflow.
const REBASE: u32 = 1 << 31;

/// Finds matches in blocks of [`STORED_LIMIT`] bytes, and writes these.
pub struct Fast {
    /// The block before, and after it what there is of the current one.
    buffer: Vec<u8>,
    /// Bytes of the block before.
    history: usize,
    /// The number of the position where the current block begins.
    base: u32,
    table: Box<[Entry]>,
    tokens: Vec<Token>,
}

/// The last position of a hash.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// What is there.
    bytes: u32,
    /// Its number.
    number: u32,
}

impl Fast {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(2 * STORED_LIMIT),
            history: 0,
            base: ORIGIN,
            table: vec![Entry::default(); 1 << HASH_BITS].into_boxed_slice(),
            tokens: Vec::with_capacity(STORED_LIMIT),
        }
    }

    /// Take bytes, and write the blocks that they complete.
    pub fn write(&mut self, mut input: &[u8], writer: &mut BitWriter, output: &mut Vec<u8>) {
        while !input.is_empty() {
            let held = self.buffer.len() - self.history;
            if held == STORED_LIMIT {
                self.end_block(writer, output);
                continue;
            }
            let (now, rest) = input.split_at(input.len().min(STORED_LIMIT - held));
            self.buffer.extend_from_slice(now);
            input = rest;
        }
    }

    /// Write everything that is held back.
    pub fn flush(&mut self, writer: &mut BitWriter, output: &mut Vec<u8>) {
        let block = &self.buffer[self.history..];
        match block.len() {
            0 => return,
            1..=FLUSH_STORED => block::write_stored(block, false, writer, output),
            length if length < FLUSH_LITERALS => block::write_literals(block, writer, output),
            _ => return self.end_block(writer, output),
        }
        // Nothing that came so far is matched any more: this gap puts it out of reach.
        self.buffer.clear();
        self.history = 0;
        self.base += FARTHEST as u32;
    }

    fn end_block(&mut self, writer: &mut BitWriter, output: &mut Vec<u8>) {
        if self.base >= REBASE {
            let less = self.base - ORIGIN;
            for entry in &mut self.table {
                entry.number = entry.number.saturating_sub(less);
            }
            self.base -= less;
        }
        self.find();
        let block = &self.buffer[self.history..];
        let length = block.len();
        if self.tokens.len() > length - length / 16 {
            block::write_literals(block, writer, output);
        } else {
            block::write_dynamic(&self.tokens, block, writer, output);
        }
        self.buffer.drain(..self.history);
        self.history = length;
        self.base += length as u32;
    }

    /// Find the tokens of the current block, which has more than [`MARGIN`] bytes.
    fn find(&mut self) {
        self.tokens.clear();
        let limit = self.buffer.len() - MARGIN;
        let mut literals = self.history;
        let mut position = literals;
        'block: loop {
            let mut step = 1 << STEP_BITS;
            let mut distance = loop {
                let next = position + (step >> STEP_BITS);
                step += step >> STEP_BITS;
                if next > limit {
                    break 'block;
                }
                if let Some(distance) = self.exchange(position) {
                    break distance;
                }
                position = next;
            };
            self.push_literals(literals, position);
            loop {
                let length = self.match_length(position, distance);
                self.tokens.push(Token::copy(length, distance));
                position += length;
                literals = position;
                if position >= limit {
                    break 'block;
                }
                self.exchange(position - 1);
                match self.exchange(position) {
                    Some(next) => distance = next,
                    None => break,
                }
            }
            position += 1;
        }
        self.push_literals(literals, self.buffer.len());
    }

    /// Remember a position; returns the distance to the last one of the same hash, if that has the same bytes.
    #[inline]
    fn exchange(&mut self, position: usize) -> Option<usize> {
        let mut bytes = [0; SHORTEST];
        bytes.copy_from_slice(&self.buffer[position..position + SHORTEST]);
        let bytes = u32::from_le_bytes(bytes);
        let number = self.base + position as u32 - self.history as u32;
        let hash = bytes.wrapping_mul(HASH_FACTOR) >> (u32::BITS - HASH_BITS);
        let entry = &mut self.table[hash as usize];
        let before = *entry;
        *entry = Entry { bytes, number };
        let distance = (number - before.number) as usize;
        (distance <= FARTHEST && before.bytes == bytes).then_some(distance)
    }

    /// How long a match is whose first [`SHORTEST`] bytes are known to be the same.
    fn match_length(&self, position: usize, distance: usize) -> usize {
        // Short blocks that were flushed have left the buffer, while the table still knows them.
        let Some(before) = (position + SHORTEST).checked_sub(distance) else {
            return SHORTEST;
        };
        let now = &self.buffer[position + SHORTEST..];
        let now = &now[..now.len().min(LONGEST - SHORTEST)];
        let before = &self.buffer[before..];
        let same = now
            .iter()
            .zip(before)
            .take_while(|(now, before)| now == before);
        SHORTEST + same.count()
    }

    fn push_literals(&mut self, start: usize, end: usize) {
        let bytes = &self.buffer[start..end];
        self.tokens
            .extend(bytes.iter().map(|&byte| Token::literal(byte)));
    }
}
