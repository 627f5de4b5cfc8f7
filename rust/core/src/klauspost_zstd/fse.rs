//! Tables of finite state entropy coding (RFC 8878, section 4.1).

use super::codes::MOST_CODES;
use super::normal::{LEAST_LOG, RARE};
use crate::deflate::bits::BitWriter;

/// Tables have at most this size, as a power of two.
pub const MOST_LOG: u32 = 8;

/// The shares of all symbols.
pub type Shares = [i16; MOST_CODES];

/// Costs have so many bits below those that they count.
const COST_BITS: u32 = 8;

/// How a symbol leads from one state to the next.
#[derive(Clone, Copy, Default)]
struct Step {
    /// The number of bits in the upper half, less the first state that has one more.
    bits: u32,
    /// What is added to a state without its lowest bits to find the next.
    next: i32,
}

/// How the symbols of a stream are written.
pub struct Table {
    log: u32,
    /// The highest symbol and one.
    used: usize,
    shares: Shares,
    states: [u16; 1 << MOST_LOG],
    steps: [Step; MOST_CODES],
}

impl Table {
    /// One of a single symbol, which takes no bits.
    pub const fn single() -> Self {
        Self {
            log: 0,
            used: 0,
            shares: [0; MOST_CODES],
            states: [0; 1 << MOST_LOG],
            steps: [Step { bits: 0, next: 0 }; MOST_CODES],
        }
    }

    /// The one of given shares, which together are two to the power of `log`.
    pub fn new(shares: &Shares, used: usize, log: u32) -> Self {
        let mut table = Self {
            log,
            used,
            shares: *shares,
            ..Self::single()
        };
        let symbols = table.spread();
        let mut places = table.set_steps();
        for (state, symbol) in (1 << log..).zip(&symbols[..1 << log]) {
            let place = &mut places[usize::from(*symbol)];
            table.states[*place] = state;
            *place += 1;
        }
        table
    }

    /// The symbol of each state.
    fn spread(&self) -> [u8; 1 << MOST_LOG] {
        let mut symbols = [0; 1 << MOST_LOG];
        let size = 1 << self.log;
        let mut end = size;
        let shares = || (0..).zip(&self.shares[..self.used]);
        for (symbol, _) in shares().filter(|&(_, &share)| share == RARE) {
            end -= 1;
            symbols[end] = symbol;
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let mut place = 0;
        for (symbol, &share) in shares() {
            for _ in 0..share {
                symbols[place] = symbol;
                place = (place + step) & (size - 1);
                while place >= end {
                    place = (place + step) & (size - 1);
                }
            }
        }
        symbols
    }

    /// Set the step of each symbol; returns where its states begin.
    fn set_steps(&mut self) -> [usize; MOST_CODES] {
        let mut places = [0; MOST_CODES];
        let mut total = 0;
        for ((step, &share), place) in self.steps.iter_mut().zip(&self.shares).zip(&mut places) {
            *place = total;
            let count = share.unsigned_abs();
            let most = match count {
                0 => continue,
                1 => self.log,
                _ => self.log - u32::from(count - 1).ilog2(),
            };
            *step = Step {
                bits: (most << 16).wrapping_sub(u32::from(count) << most),
                next: total as i32 - i32::from(count),
            };
            total += usize::from(count);
        }
        places
    }

    /// The size as a power of two: a state has as many bits.
    pub const fn log(&self) -> u32 {
        self.log
    }

    /// The bits of a symbol, or one less.
    pub fn bits(&self, symbol: u8) -> u32 {
        self.steps[usize::from(symbol)].bits >> 16
    }

    /// About how many bits symbols take that occur so often; None where some cannot be written.
    pub fn cost(&self, counts: &[u32]) -> Option<u32> {
        if self.used < counts.len() {
            return None;
        }
        let mut cost = 0_u32;
        for (symbol, &count) in counts.iter().enumerate() {
            if count == 0 {
                continue;
            }
            let one = self.cost_of(symbol);
            if self.shares[symbol] == 0 || one > (self.log + 1) << COST_BITS {
                return None;
            }
            cost = cost.wrapping_add(count.wrapping_mul(one));
        }
        Some(cost >> COST_BITS)
    }

    fn cost_of(&self, symbol: usize) -> u32 {
        let bits = self.steps[symbol].bits;
        let more = (bits >> 16) + 1;
        let distance = (more << 16).wrapping_sub(bits.wrapping_add(1 << self.log));
        (more << COST_BITS).wrapping_sub((distance << COST_BITS) >> self.log)
    }

    /// The most bits that the library expects the description of the shares to have.
    pub const fn description_limit(&self) -> u32 {
        (((self.used as u32 * self.log) >> 3) + 3) * 8
    }

    /// Append the description of the shares (section 4.1.1).
    pub fn describe(&self, output: &mut Vec<u8>) {
        let mut writer = BitWriter::default();
        writer.put((self.log - LEAST_LOG).into(), 4, output);
        // One more than what is left to share out.
        let mut left = (1_i32 << self.log) + 1;
        let mut threshold = 1 << self.log;
        let mut bits = self.log + 1;
        let mut shares = self.shares[..self.used].iter().copied().peekable();
        while left > 1 {
            let Some(share) = shares.next() else {
                break;
            };
            let most = 2 * threshold - 1 - left;
            let value = i32::from(share) + 1;
            left -= i32::from(share.abs());
            let (value, count) = if value >= threshold {
                (value + most, bits)
            } else {
                (value, bits - u32::from(value < most))
            };
            writer.put(value.unsigned_abs().into(), count, output);
            while left < threshold && threshold > 1 {
                bits -= 1;
                threshold >>= 1;
            }
            if share == 0 {
                let mut zeros = 0_u64;
                while shares.next_if_eq(&0).is_some() {
                    zeros += 1;
                }
                for _ in 0..zeros / 3 {
                    writer.put(3, 2, output);
                }
                writer.put(zeros % 3, 2, output);
            }
        }
        writer.align(output);
    }
}

/// The state of a stream that is written from its end.
#[derive(Clone, Copy)]
pub struct State(u16);

impl State {
    /// The one whose first symbol takes no bits.
    pub fn new(table: &Table, symbol: u8) -> Self {
        let step = table.steps[usize::from(symbol)];
        let bits = step.bits.wrapping_add(1 << 15) >> 16;
        let state = (bits << 16).wrapping_sub(step.bits) >> bits;
        Self(table.states[(state as i32 + step.next) as usize])
    }

    /// Go on to a symbol: what is written for that, and how many bits of it.
    #[inline]
    pub fn go_on(&mut self, table: &Table, symbol: u8) -> (u64, u32) {
        let step = table.steps[usize::from(symbol)];
        let bits = u32::from(self.0).wrapping_add(step.bits) >> 16;
        let written = u64::from(self.0) & ((1 << bits) - 1);
        let next = i32::from(self.0 >> bits) + step.next;
        self.0 = table.states[next as usize];
        (written, bits)
    }

    /// What is written for the state itself, and how many bits of it.
    pub const fn end(self, table: &Table) -> (u64, u32) {
        (self.0 as u64 & ((1 << table.log) - 1), table.log)
    }
}
