//! How often symbols occur, scaled to the size of a table (RFC 8878, section 4.1.1).
//!
//! Of the many ways to round, the library's are part of its identity.

/// Tables have at least this size, as a power of two.
pub const LEAST_LOG: u32 = 5;

/// The share of a symbol that has a single state, but occurs less often than that.
pub const RARE: i16 = -1;

/// Marks symbols whose share is not known yet.
const OPEN: i16 = -2;

/// A symbol's share in 62 bits; the remainder is rounded by its highest 20 bits.
const SHARE_BITS: u32 = 62;
const REMAINDER_BITS: u32 = 20;

/// Shares below eight are rounded up where the remainder is above this.
const ROUNDED_UP: [u64; 8] = [
    0, 473_195, 504_333, 520_860, 550_000, 700_000, 750_000, 830_000,
];

/// The size of a table, at most `most`, for `total` symbols of `used` kinds, both as powers of two. `source` is the
/// total or one less: tables of different use differ in that.
pub fn table_log(most: u32, total: u32, source: u32, used: usize) -> u32 {
    // Eight bits that wrap: for a handful of symbols the table is large.
    let by_total = (high_bit(total - 1) as u8).wrapping_sub(2);
    let by_source = high_bit(source).wrapping_add(1);
    let by_kinds = high_bit(used as u32 - 1).wrapping_add(2);
    let log = most.min(by_total.into());
    log.max(by_source.min(by_kinds)).max(LEAST_LOG).min(most)
}

/// The place of the highest bit; all ones for zero.
const fn high_bit(number: u32) -> u32 {
    (u32::BITS - 1).wrapping_sub(number.leading_zeros())
}

/// The shares of symbols that occur so often, `total` together, in a table of that size; the last one occurs. None
/// where they cannot be shared out, which the library has no way to go on from.
pub fn normalize<const N: usize>(counts: &[u32], total: u32, log: u32) -> Option<[i16; N]> {
    let mut shares = [0; N];
    let scale = SHARE_BITS - log;
    let step = (1 << SHARE_BITS) / u64::from(total);
    let mut left = 1 << log;
    let (mut largest, mut place) = (0, 0);
    for (symbol, &count) in counts.iter().enumerate() {
        if count == 0 {
            continue;
        }
        if count <= total >> log {
            shares[symbol] = RARE;
            left -= 1;
            continue;
        }
        let exact = u64::from(count) * step;
        let mut share = exact >> scale;
        if let Some(limit) = ROUNDED_UP.get(share as usize) {
            let remainder = exact - (share << scale);
            share += u64::from(remainder > limit << (scale - REMAINDER_BITS));
        }
        let share = share as i16;
        if share > largest {
            (largest, place) = (share, symbol);
        }
        shares[symbol] = share;
        left -= share;
    }
    if -left >= shares[place] >> 1 {
        return share_out(counts, total, log);
    }
    shares[place] += left;
    Some(shares)
}

/// The same where the largest share is too small to make up for the others' rounding.
fn share_out<const N: usize>(counts: &[u32], total: u32, log: u32) -> Option<[i16; N]> {
    let mut shares = [0; N];
    let mut given = 0;
    let mut total = total;
    let rare = total >> log;
    let mut one = (total * 3) >> (log + 1);
    for (share, &count) in shares.iter_mut().zip(counts) {
        *share = match count {
            0 => continue,
            _ if count <= rare => RARE,
            _ if count <= one => 1,
            _ => {
                *share = OPEN;
                continue;
            }
        };
        given += 1;
        total -= count;
    }
    let mut left = (1_u32 << log).checked_sub(given)?;
    if total.checked_div(left)? > one {
        // More than those would have a share of nearly none.
        one = (total * 3) / (left * 2);
        for (share, &count) in shares.iter_mut().zip(counts) {
            if *share == OPEN && count <= one {
                *share = 1;
                given += 1;
                total -= count;
            }
        }
        left = (1_u32 << log).checked_sub(given)?;
    }
    if total == 0 {
        spread(&mut shares[..counts.len()], left);
        return Some(shares);
    }
    let scale = SHARE_BITS - log;
    let middle = (1_u64 << (scale - 1)) - 1;
    let step = ((1 << scale) * u64::from(left) + middle) / u64::from(total);
    let mut sum = middle;
    for (share, &count) in shares.iter_mut().zip(counts) {
        if *share == OPEN {
            let end = sum + u64::from(count) * step;
            *share = i16::try_from((end >> scale) - (sum >> scale)).ok()?;
            if *share < 1 {
                return None;
            }
            sum = end;
        }
    }
    Some(shares)
}

/// Give what is left, one by one, to those that have a share.
fn spread(shares: &mut [i16], left: u32) {
    let mut left = left;
    while left > 0 && shares.iter().any(|&share| share > 0) {
        for share in shares.iter_mut().filter(|share| **share > 0) {
            if left > 0 {
                *share += 1;
                left -= 1;
            }
        }
    }
}
