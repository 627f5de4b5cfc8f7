//! Bits on their way into bytes, the first one lowest (RFC 1951, section 3.1.1).

/// The most bits that one [`BitWriter::put`] takes.
pub const MOST_BITS: u32 = 56;

/// Gathers bits; whole bytes are appended to an output of the caller's.
#[derive(Clone, Default)]
pub struct BitWriter {
    /// Those that make no byte yet, in the lowest places; the others are zero.
    pending: u64,
    /// How many these are: fewer than eight.
    count: u32,
}

impl BitWriter {
    /// Append up to [`MOST_BITS`] bits: the lowest `count` of `bits`, whose others are zero.
    pub fn put(&mut self, bits: u64, count: u32, output: &mut Vec<u8>) {
        debug_assert!(count <= MOST_BITS && bits >> count == 0);
        self.pending |= bits << self.count;
        self.count += count;
        let whole = self.count / 8;
        output.extend_from_slice(&self.pending.to_le_bytes()[..whole as usize]);
        self.pending >>= 8 * whole;
        self.count -= 8 * whole;
    }

    /// Append bits by a function that writes many of them, which must not be more than `room` in all.
    pub fn put_many(&mut self, room: usize, output: &mut Vec<u8>, put: impl FnOnce(&mut Bits<'_>)) {
        let start = output.len();
        // Whole words are stored, whose last bytes count for nothing.
        output.resize(start + room.div_ceil(8) + 2 * size_of::<u64>(), 0);
        let mut bits = Bits {
            pending: self.pending,
            count: self.count,
            output,
            position: start,
        };
        put(&mut bits);
        (self.pending, self.count) = (bits.pending, bits.count);
        let end = bits.position;
        output.truncate(end);
    }

    /// Fill the last byte with zero bits, and end it.
    pub fn align(&mut self, output: &mut Vec<u8>) {
        if self.count > 0 {
            output.push(self.pending.to_le_bytes()[0]);
        }
        *self = Self::default();
    }
}

/// Many bits being appended.
pub struct Bits<'output> {
    pending: u64,
    count: u32,
    output: &'output mut [u8],
    position: usize,
}

impl Bits<'_> {
    /// As [`BitWriter::put`], up to the room that was asked for.
    #[inline]
    pub fn put(&mut self, bits: u64, count: u32) {
        debug_assert!(count <= MOST_BITS && bits >> count == 0);
        self.pending |= bits << self.count;
        self.count += count;
        self.output[self.position..self.position + size_of::<u64>()]
            .copy_from_slice(&self.pending.to_le_bytes());
        let whole = self.count & !7;
        self.position += (whole / 8) as usize;
        // At most 63 bits are held, of which at most 56 go.
        self.pending >>= whole;
        self.count -= whole;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_out_in_their_order(values in proptest::collection::vec((any::<u64>(), 0..=MOST_BITS), 0..50)) {
            let (mut one, mut many) = (Vec::new(), Vec::new());
            let mut expected = Vec::new();
            let mut writer = BitWriter::default();
            let masked: Vec<_> = values
                .iter()
                .map(|&(bits, count)| (bits & ((1 << count) - 1), count))
                .collect();
            for &(bits, count) in &masked {
                writer.put(bits, count, &mut one);
                expected.extend((0..count).map(|bit| bits >> bit & 1 == 1));
            }
            writer.align(&mut one);
            expected.resize(expected.len().next_multiple_of(8), false);
            let found = one.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
            let room = masked.iter().map(|&(_, count)| count as usize).sum();
            writer.put_many(room, &mut many, |bits| {
                for &(value, count) in &masked {
                    bits.put(value, count);
                }
            });
            writer.align(&mut many);
            prop_assert_eq!(many, one);
        }
    }
}
