//! Where content is cut: `FastCDC` as of 2020 (Xia et al., "The Design of Fast Content-Defined Chunking for Data
//! Deduplication Based Storage Systems", IEEE TPDS 31(9)), with normalisation level 2 and seed 0.
//!
//! Two bytes are rolled in a step: the hash moves by two bits, and the first byte of the two is looked up in a table that
//! is shifted by one, so that it is tested where it stands. REAPI calls the same cut points `FAST_CDC_2020`.

use crate::chunk::gear::GEAR;

/// Bits that the mask before the average has more, and the mask after it has fewer, than the average asks for.
const NORMALISATION: u32 = 2;

/// Masks that hide the whole of a hash once in 2^6, 2^7 ... 2^24 positions, or about so: those of `FAST_CDC_2020`.
const MASKS: [u64; 19] = [
    0x0000_0000_0180_3110,
    0x0000_0000_1803_5100,
    0x0000_0018_0003_5300,
    0x0000_0190_0035_3000,
    0x0000_5900_0353_0000,
    0x0000_d900_0353_0000,
    0x0000_d901_0353_0000,
    0x0000_d903_0353_0000,
    0x0000_d903_1353_0000,
    0x0000_d90f_0353_0000,
    0x0000_d903_0353_7000,
    0x0000_d907_0353_7000,
    0x0000_d907_0753_7000,
    0x0000_d917_0753_7000,
    0x0000_d917_4753_7000,
    0x0000_d917_6753_7000,
    0x0000_d937_6753_7000,
    0x0000_d937_7753_7000,
    0x0000_d937_7757_7000,
];

/// The power of two that the first of the masks is for.
const FIRST_MASK: u32 = 6;

const GEAR_SHIFTED: [u64; 256] = {
    let mut shifted = GEAR;
    let mut byte = 0;
    while byte < shifted.len() {
        shifted[byte] = GEAR[byte] << 1;
        byte += 1;
    }
    shifted
};

/// Sizes between which chunks lie, in bytes, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FastCdc {
    minimum: usize,
    average: usize,
    maximum: usize,
    /// Seldom zero: tested before the average.
    strict: u64,
    /// More often zero: tested after it.
    loose: u64,
}

/// Sizes of chunks are not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizesError {
    /// The average is not of the list.
    #[error("the average size of chunks is {0}, not a power of two from 256 to 4,194,304")]
    Average(usize),
    /// The others do not fit it.
    #[error(
        "chunks of {minimum} to {maximum} bytes: the minimum is at least 64 and at most the average, \
        the maximum at least the average and at most 16,777,216"
    )]
    Bounds {
        /// The smallest size.
        minimum: usize,
        /// The largest size.
        maximum: usize,
    },
}

impl FastCdc {
    const AVERAGES: std::ops::RangeInclusive<usize> = 256..=4 << 20;
    const SMALLEST: usize = 64;
    const LARGEST: usize = 16 << 20;

    /// Chunks of `minimum` to `maximum` bytes, but for the last one of a content, which may be smaller.
    ///
    /// # Errors
    /// The average is no power of two from 256 to 4 MiB, or not between the others.
    pub fn new(minimum: usize, average: usize, maximum: usize) -> Result<Self, SizesError> {
        if !average.is_power_of_two() || !Self::AVERAGES.contains(&average) {
            return Err(SizesError::Average(average));
        }
        if !(Self::SMALLEST..=average).contains(&minimum)
            || !(average..=Self::LARGEST).contains(&maximum)
        {
            return Err(SizesError::Bounds { minimum, maximum });
        }
        // 8 to 22, so that both masks are there.
        let mask = (average.trailing_zeros() - FIRST_MASK) as usize;
        Ok(Self {
            minimum,
            average,
            maximum,
            strict: MASKS[mask + NORMALISATION as usize],
            loose: MASKS[mask - NORMALISATION as usize],
        })
    }

    /// The size of the largest chunks.
    #[must_use]
    pub const fn maximum(&self) -> usize {
        self.maximum
    }

    /// The length of the first chunk of `data`, which has `maximum` bytes or all that are left of the content.
    #[must_use]
    pub fn cut(&self, data: &[u8]) -> usize {
        if data.len() <= self.minimum {
            return data.len();
        }
        let end = data.len().min(self.maximum);
        // Pairs of bytes; an odd one at the end is never tested.
        let start = self.minimum & !1;
        let centre = end.min(self.average) & !1;
        let mut hash = 0;
        scan(&data[start..centre.max(start)], self.strict, &mut hash)
            .map(|position| start + position)
            .or_else(|| {
                let start = centre.max(start);
                scan(&data[start..end & !1], self.loose, &mut hash).map(|position| start + position)
            })
            .unwrap_or(end)
    }
}

/// The first position where the mask hides all of the hash, which goes on from `hash`.
fn scan(data: &[u8], mask: u64, hash: &mut u64) -> Option<usize> {
    let shifted_mask = mask << 1;
    let mut rolled = *hash;
    for (pair, [first, second]) in data.as_chunks::<2>().0.iter().enumerate() {
        rolled = (rolled << 2).wrapping_add(GEAR_SHIFTED[usize::from(*first)]);
        if rolled & shifted_mask == 0 {
            return Some(2 * pair);
        }
        rolled = rolled.wrapping_add(GEAR[usize::from(*second)]);
        if rolled & mask == 0 {
            return Some(2 * pair + 1);
        }
    }
    *hash = rolled;
    None
}
