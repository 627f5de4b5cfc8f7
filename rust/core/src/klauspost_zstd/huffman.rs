//! Prefix codes of literals (RFC 8878, section 4.2.1), and which of many equally good ones the library takes.

/// Bits of the longest code.
pub const LONGEST_CODE: u32 = 11;

/// Codes of fewer bits than this are not asked for.
const LEAST_LOG: u32 = 5;

const SYMBOLS: usize = 256;

/// How a literal is written.
#[derive(Clone, Copy, Default)]
pub struct Code {
    pub bits: u16,
    /// Zero where the literal does not occur.
    pub length: u8,
}

/// The codes of all literals.
pub struct Codes {
    /// The highest literal that occurs, and one.
    pub used: usize,
    /// Bits of the longest.
    pub longest: u32,
    /// The code of each.
    pub of: [Code; SYMBOLS],
}

impl Codes {
    /// Codes of at least two literals that occur so often, `total` together.
    pub fn new(counts: &[u32; SYMBOLS], used: usize, total: u32) -> Self {
        let mut leaves = Leaves::new(&counts[..used]);
        let longest = leaves.limit(limit(total, used as u32));
        let mut codes = Self {
            used,
            longest,
            of: [Code::default(); SYMBOLS],
        };
        let mut number = [0_u16; LONGEST_CODE as usize + 1];
        for leaf in leaves.used() {
            codes.of[usize::from(leaf.symbol)].length = leaf.length as u8;
            number[leaf.length as usize] += 1;
        }
        // The longest codes are the lowest numbers.
        let mut first = 0;
        for count in number[1..=longest as usize].iter_mut().rev() {
            let next = (first + *count) >> 1;
            *count = first;
            first = next;
        }
        for code in codes.of[..used].iter_mut().filter(|code| code.length > 0) {
            let next = &mut number[usize::from(code.length)];
            code.bits = *next;
            *next += 1;
        }
        codes
    }

    /// Whether every literal that occurs has a code.
    pub fn cover(&self, counts: &[u32; SYMBOLS]) -> bool {
        let mut pairs = counts.iter().zip(&self.of);
        pairs.all(|(&count, code)| count == 0 || code.length > 0)
    }

    /// Bytes of literals that occur so often.
    pub fn size(&self, counts: &[u32; SYMBOLS]) -> u32 {
        let pairs = counts.iter().zip(&self.of);
        let bits: u32 = pairs
            .map(|(count, code)| count * u32::from(code.length))
            .sum();
        (bits + 7) >> 3
    }
}

/// Bits that the longest code should have.
fn limit(total: u32, used: u32) -> u32 {
    let by_total = (total - 1).ilog2().saturating_sub(1);
    let least = (total.ilog2() + 1).min((used - 1).ilog2() + 2);
    by_total.max(least).clamp(LEAST_LOG, LONGEST_CODE)
}

/// A literal that occurs.
#[derive(Clone, Copy, Default)]
struct Leaf {
    count: u32,
    symbol: u8,
    /// Bits of its code.
    length: u32,
}

/// Literals, the most frequent first.
struct Leaves {
    all: [Leaf; SYMBOLS],
    used: usize,
}

impl Leaves {
    fn new(counts: &[u32]) -> Self {
        let mut all = [Leaf::default(); SYMBOLS];
        let mut used = 0;
        for (symbol, &count) in (0..=u8::MAX).zip(counts) {
            if count > 0 {
                all[used] = Leaf {
                    count,
                    symbol,
                    length: 0,
                };
                used += 1;
            }
        }
        all[..used].sort_unstable_by_key(|leaf| (u32::MAX - leaf.count, leaf.symbol));
        let mut leaves = Self { all, used };
        leaves.set_lengths();
        leaves
    }

    fn used(&self) -> &[Leaf] {
        &self.all[..self.used]
    }

    /// Huffman's algorithm; of a pair and a literal that occur as often the pair is taken first.
    fn set_lengths(&mut self) {
        /// Above every real one.
        const NEVER: u32 = u32::MAX;
        let leaves = &mut self.all[..self.used];
        let pairs = leaves.len() - 1;
        let mut weights = [NEVER; SYMBOLS];
        let mut parents = [0; 2 * SYMBOLS];
        // Leaves are taken from the last, pairs in the order in which they are made. Parents of leaves are the first.
        let (mut leaf, mut pair) = (leaves.len(), 0);
        for made in 0..pairs {
            let mut weight = 0;
            for _ in 0..2 {
                let of_leaf = leaf.checked_sub(1).map_or(NEVER, |leaf| leaves[leaf].count);
                if of_leaf < weights[pair] {
                    leaf -= 1;
                    parents[leaf] = made;
                    weight += of_leaf;
                } else {
                    parents[SYMBOLS + pair] = made;
                    weight += weights[pair];
                    pair += 1;
                }
            }
            weights[made] = weight;
        }
        let mut depths = [0; SYMBOLS];
        for pair in (0..pairs - 1).rev() {
            depths[pair] = depths[parents[SYMBOLS + pair]] + 1;
        }
        for (leaf, &parent) in leaves.iter_mut().zip(&parents) {
            leaf.length = depths[parent] + 1;
        }
    }

    /// Let no code have more than `most` bits; returns the bits of the longest.
    fn limit(&mut self, most: u32) -> u32 {
        let leaves = &mut self.all[..self.used];
        let largest = leaves[leaves.len() - 1].length;
        if largest <= most {
            return largest;
        }
        // What the shortened codes take too much, in units of the shortest of them, and then of the longest allowed.
        let mut debt = 0_i64;
        let mut last = leaves.len() - 1;
        while leaves[last].length > most {
            debt += (1 << (largest - most)) - (1 << (largest - leaves[last].length));
            leaves[last].length = most;
            last -= 1;
        }
        while leaves[last].length == most {
            last -= 1;
        }
        Ranks::new(leaves, last, most).repay(debt >> (largest - most));
        most
    }
}

/// Repays what shortened codes take too much, with codes that get longer.
struct Ranks<'leaves> {
    leaves: &'leaves mut [Leaf],
    /// The last one whose code was shorter than the longest.
    last: usize,
    most: u32,
    /// The rarest literal whose code has so many bits less than the longest.
    rarest: [Option<usize>; LONGEST_CODE as usize + 2],
}

impl<'leaves> Ranks<'leaves> {
    fn new(leaves: &'leaves mut [Leaf], last: usize, most: u32) -> Self {
        let mut rarest = [None; LONGEST_CODE as usize + 2];
        let mut length = most;
        for place in (0..=last).rev() {
            if leaves[place].length < length {
                length = leaves[place].length;
                rarest[(most - length) as usize] = Some(place);
            }
        }
        Self {
            leaves,
            last,
            most,
            rarest,
        }
    }

    fn repay(&mut self, mut debt: i64) {
        while debt > 0 {
            let rank = self.best_rank(debt);
            debt -= 1 << (rank - 1);
            if !self.lengthen(rank) {
                return;
            }
        }
        while debt < 0 {
            self.shorten();
            debt += 1;
        }
    }

    /// The rank whose rarest literal gets a longer code.
    fn best_rank(&self, debt: i64) -> usize {
        let mut rank = debt.ilog2() as usize + 1;
        while rank > 1 {
            if let Some(high) = self.rarest[rank] {
                let Some(low) = self.rarest[rank - 1] else {
                    break;
                };
                if self.leaves[high].count <= 2 * self.leaves[low].count {
                    break;
                }
            }
            rank -= 1;
        }
        while rank <= LONGEST_CODE as usize && self.rarest[rank].is_none() {
            rank += 1;
        }
        rank
    }

    /// Give the rarest literal of a rank one bit more; false where the rank has none.
    fn lengthen(&mut self, rank: usize) -> bool {
        let Some(place) = self.rarest[rank] else {
            return false;
        };
        self.rarest[rank - 1] = self.rarest[rank - 1].or(Some(place));
        self.leaves[place].length += 1;
        let before = place.checked_sub(1);
        let is_left = |&place: &usize| self.leaves[place].length + rank as u32 == self.most;
        self.rarest[rank] = before.filter(is_left);
        true
    }

    /// Give one of the literals with the longest codes one bit less.
    fn shorten(&mut self) {
        let before = self.rarest[1].unwrap_or_else(|| {
            while self.leaves[self.last].length == self.most {
                self.last -= 1;
            }
            self.last
        });
        let place = before + 1;
        self.leaves[place].length -= 1;
        self.rarest[1] = Some(place);
    }
}
