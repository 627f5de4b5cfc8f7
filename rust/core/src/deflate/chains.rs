//! Matches by chains of positions with one hash: Go's levels 2 to 9.
//!
//! What is found must be exactly what Go finds, so the window slides at the same places, a chain ends at the same
//! links, and of several matches the same one is taken. How it is found differs: positions have two bytes, so that all
//! tables lie in a processor's second cache; a chain is walked by four links at a time; a candidate is told by the four
//! bytes that a longer match must end with, and where these are nowhere within reach, the search ends.

use std::ops::Range;

use super::bits::BitWriter;
use super::block;
use super::levels::{Effort, Settings};
use super::symbols::{FARTHEST, LONGEST, Token};

/// Bytes that are kept to match with.
const WINDOW: usize = FARTHEST;

/// Bytes that are held at all: once they are full, the window slides by half of them.
const HELD: usize = 2 * WINDOW;

/// The shortest match that is taken.
const SHORTEST: usize = 4;

/// The farthest that a match of [`SHORTEST`] is taken from.
const SHORTEST_FARTHEST: usize = 4096;

/// Bytes that must follow a position for it to be looked at before the end.
const LOOKAHEAD: usize = SHORTEST + LONGEST;

/// Tokens of a block.
const BLOCK_TOKENS: usize = 1 << 14;

/// Links that are kept for each position, so that a chain is not walked at the pace of single loads.
const LINKS: usize = 4;

const HASH_BITS: u32 = 17;
const HASH_FACTOR: u32 = 0x1e35_a7bd;

/// Room behind the held bytes for words that are read whole.
const PADDING: usize = 512;

/// Finds matches and writes blocks of them.
pub struct Chains {
    settings: Settings,
    window: Box<[u8; HELD + PADDING]>,
    /// Bytes in the window.
    end: usize,
    /// The next position to look at.
    position: usize,
    /// Where the current block began, unless that has left the window.
    block_start: Option<usize>,
    /// Whether the byte before `position` still waits to become a literal, or part of a match.
    waiting: bool,
    /// The match at the position before; its length is less than [`SHORTEST`] where there is none.
    previous: Match,
    /// Whether the window must slide as soon as it can.
    flushed: bool,
    /// Whether every position so far is remembered.
    knows_all: bool,
    tokens: Vec<Token>,
    /// For each hash one more than the last position that has it; zero where there is none.
    heads: Box<[u16; 1 << HASH_BITS]>,
    /// For each position modulo [`WINDOW`] those before it with the same hash, likewise.
    links: Box<[Links; WINDOW]>,
}

/// Positions with one hash, the last one first.
type Links = [u16; LINKS];

#[derive(Clone, Copy)]
struct Match {
    length: usize,
    distance: usize,
}

impl Match {
    const NONE: Self = Self {
        length: SHORTEST - 1,
        distance: 0,
    };
}

impl Chains {
    /// At the beginning of a stream.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            window: boxed(),
            end: 0,
            position: 0,
            block_start: Some(0),
            waiting: false,
            previous: Match::NONE,
            flushed: false,
            knows_all: matches!(settings.effort, Effort::Lazy { .. }),
            tokens: Vec::with_capacity(BLOCK_TOKENS),
            heads: boxed(),
            links: boxed(),
        }
    }

    /// Take bytes, and write the blocks that they complete.
    pub fn write(&mut self, mut input: &[u8], writer: &mut BitWriter, output: &mut Vec<u8>) {
        while !input.is_empty() {
            if self.end == HELD || self.flushed {
                self.flushed = false;
                self.process(false, writer, output);
                if self.position >= HELD - LOOKAHEAD {
                    self.slide();
                }
            }
            let length = input.len().min(HELD - self.end);
            let (now, rest) = input.split_at(length);
            self.window[self.end..self.end + length].copy_from_slice(now);
            self.end += length;
            input = rest;
        }
    }

    /// Write everything that is held back.
    pub fn flush(&mut self, writer: &mut BitWriter, output: &mut Vec<u8>) {
        self.process(true, writer, output);
        self.flushed = true;
        self.knows_all = false;
    }

    fn process(&mut self, flush: bool, writer: &mut BitWriter, output: &mut Vec<u8>) {
        match self.settings.effort {
            Effort::Lazy { lazy } => self.find_lazily(lazy, flush, writer, output),
            Effort::Greedy { insert } => self.find_greedily(insert, flush, writer, output),
        }
        if flush && !self.tokens.is_empty() {
            self.end_block(self.position, writer, output);
        }
    }

    /// Forget the first half of what is held.
    fn slide(&mut self) {
        self.window.copy_within(WINDOW..HELD, 0);
        self.position -= WINDOW;
        self.end -= WINDOW;
        self.block_start = self.block_start.and_then(|start| start.checked_sub(WINDOW));
        for entry in self.heads.iter_mut() {
            *entry = entry.saturating_sub(WINDOW as u16);
        }
        for entry in self.links.as_flattened_mut() {
            *entry = entry.saturating_sub(WINDOW as u16);
        }
    }

    fn find_lazily(
        &mut self,
        lazy: usize,
        flush: bool,
        writer: &mut BitWriter,
        output: &mut Vec<u8>,
    ) {
        let least = if flush { 1 } else { LOOKAHEAD };
        while self.end - self.position >= least {
            let lookahead = self.end - self.position;
            let previous = self.previous;
            let mut found = Match::NONE;
            if lookahead >= SHORTEST {
                let links = self.insert(self.position);
                if lookahead > previous.length && previous.length < lazy {
                    // Only a longer match than the one before is of use.
                    found = self.longest(links, previous.length, lookahead);
                }
            }
            if previous.length >= SHORTEST && found.length <= previous.length {
                self.tokens
                    .push(Token::copy(previous.length, previous.distance));
                let end = self.position + previous.length - 1;
                self.insert_all(self.position + 1..end);
                self.position = end;
                self.waiting = false;
                self.previous = Match::NONE;
                if self.tokens.len() == BLOCK_TOKENS {
                    self.end_block(self.position, writer, output);
                }
            } else {
                self.previous = found;
                if self.waiting {
                    self.tokens
                        .push(Token::literal(self.window[self.position - 1]));
                    if self.tokens.len() == BLOCK_TOKENS {
                        self.end_block(self.position, writer, output);
                    }
                }
                self.position += 1;
                self.waiting = true;
            }
        }
        if flush && self.waiting {
            self.tokens
                .push(Token::literal(self.window[self.position - 1]));
            self.waiting = false;
        }
    }

    fn find_greedily(
        &mut self,
        insert: usize,
        flush: bool,
        writer: &mut BitWriter,
        output: &mut Vec<u8>,
    ) {
        let least = if flush { 1 } else { LOOKAHEAD };
        while self.end - self.position >= least {
            let lookahead = self.end - self.position;
            let mut found = Match::NONE;
            if lookahead >= SHORTEST {
                let links = self.insert(self.position);
                found = self.longest(links, SHORTEST - 1, lookahead);
            }
            if found.length >= SHORTEST {
                self.tokens.push(Token::copy(found.length, found.distance));
                let end = self.position + found.length;
                if found.length <= insert {
                    self.insert_all(self.position + 1..end);
                }
                self.position = end;
            } else {
                self.tokens.push(Token::literal(self.window[self.position]));
                self.position += 1;
            }
            if self.tokens.len() == BLOCK_TOKENS {
                self.end_block(self.position, writer, output);
            }
        }
    }

    /// Remember positions, but for those that have too few bytes before the end.
    #[inline]
    fn insert_all(&mut self, positions: Range<usize>) {
        for position in positions.start..positions.end.min(self.end.saturating_sub(SHORTEST - 1)) {
            self.insert(position);
        }
    }

    /// Remember a position; returns those before it with the same hash.
    #[inline]
    fn insert(&mut self, position: usize) -> Links {
        let bytes = word::<4>(&self.window, position % HELD);
        let head = &mut self.heads[hash(bytes)];
        let [second, third, fourth, _] = self.links[usize::from(head.wrapping_sub(1)) % WINDOW];
        let links = [*head, second, third, fourth];
        self.links[position % WINDOW] = links;
        // The last position that is remembered is less than the size of the window.
        *head = (position + 1) as u16;
        links
    }

    /// The first of the longest matches at the current position, if one is longer than `length`.
    #[inline]
    fn longest(&self, links: Links, length: usize, lookahead: usize) -> Match {
        let lowest = (self.position.saturating_sub(WINDOW) + 1) as u16;
        if links[0] < lowest {
            return Match::NONE;
        }
        self.walk(links, lowest, length, lookahead)
    }

    /// The same by a chain of which at least the first position is within reach.
    fn walk(&self, mut links: Links, lowest: u16, length: usize, lookahead: usize) -> Match {
        let position = self.position;
        let limit = lookahead.min(LONGEST);
        let nice = self.settings.nice.min(limit);
        let window = &*self.window;
        let first = word::<4>(window, position);
        let mut found = Match {
            length,
            distance: 0,
        };
        let mut last = word::<4>(window, position + length - 3);
        let mut left = self.settings.chain;
        // The length for which that was last asked.
        let mut surpassed = SHORTEST - 1;
        'chain: loop {
            for candidate in links {
                if candidate < lowest {
                    break 'chain;
                }
                let start = usize::from(candidate) - 1;
                if word::<4>(window, start + found.length - 3) == last
                    && word::<4>(window, start) == first
                {
                    let length = match_length(window, start, position, limit);
                    if length > found.length {
                        let distance = position - start;
                        if length == SHORTEST && distance > SHORTEST_FARTHEST {
                            // All that follow are as far, and have to be longer.
                            found.length = SHORTEST;
                        } else {
                            found = Match { length, distance };
                            if length >= nice {
                                break 'chain;
                            }
                        }
                        last = word::<4>(window, position + found.length - 3);
                    }
                }
            }
            left -= LINKS as u32;
            let [.., oldest] = links;
            // The links of the lowest position are those of the current one already.
            if left == 0 || oldest <= lowest {
                break;
            }
            // Whether a longer match is possible is asked once for each length, of candidates whose match would end
            // before this position.
            if surpassed != found.length
                && self.knows_all
                && position + SHORTEST > usize::from(oldest) + found.length
            {
                surpassed = found.length;
                if self.latest(surpassed) < lowest {
                    break;
                }
            }
            links = self.links[usize::from(oldest - 1) % WINDOW];
        }
        if found.distance == 0 {
            Match::NONE
        } else {
            found
        }
    }

    /// One more than the last position that has what a match longer than `length` would end with, less what comes before;
    /// zero where there is none.
    #[inline]
    fn latest(&self, length: usize) -> u16 {
        let before = length + 1 - SHORTEST;
        let bytes = word(&self.window, self.position + before);
        self.heads[hash(bytes)].saturating_sub(before as u16)
    }

    fn end_block(&mut self, end: usize, writer: &mut BitWriter, output: &mut Vec<u8>) {
        let input = self.block_start.map(|start| &self.window[start..end]);
        block::write_smallest(&self.tokens, input, writer, output);
        self.block_start = Some(end);
        self.tokens.clear();
    }
}

#[inline]
fn hash(bytes: [u8; 4]) -> usize {
    (u32::from_be_bytes(bytes).wrapping_mul(HASH_FACTOR) >> (u32::BITS - HASH_BITS)) as usize
}

/// How many bytes two positions have in common, up to a limit.
#[inline]
fn match_length(
    window: &[u8; HELD + PADDING],
    start: usize,
    position: usize,
    limit: usize,
) -> usize {
    let mut length = 0;
    while length < limit {
        let before = u64::from_le_bytes(word(window, start + length));
        let now = u64::from_le_bytes(word(window, position + length));
        let difference = before ^ now;
        if difference != 0 {
            return limit.min(length + difference.trailing_zeros() as usize / 8);
        }
        length += size_of::<u64>();
    }
    limit
}

#[inline]
fn word<const N: usize>(window: &[u8; HELD + PADDING], position: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&window[position..position + N]);
    bytes
}

/// Zeros on the heap, which never lay on the stack.
fn boxed<T: Copy + Default, const N: usize>() -> Box<[T; N]> {
    match vec![T::default(); N].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("the slice has this length"),
    }
}
