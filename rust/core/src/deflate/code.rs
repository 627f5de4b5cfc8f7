//! Prefix codes of limited length (RFC 1951, section 3.2.2).

/// Bits of the longest code of a literal, length or distance.
pub const LONGEST_CODE: usize = 15;

/// The most symbols of one alphabet.
const SYMBOLS: usize = super::symbols::LITERALS;

/// How one symbol is written.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Code {
    /// The code as it is put into a bit stream: its first bit lowest.
    pub bits: u16,
    /// How many bits it has; none where the symbol does not occur.
    pub length: u8,
}

/// The codes of an alphabet.
pub type Codes<const N: usize> = [Code; N];

/// The best codes of at most `longest` bits for symbols that occur so often.
///
/// Where several sets are equally good, the choice is part of an encoder's identity. Here it is that of package-merge
/// (Larmore and Hirschberg, 1990) as Go has it: a package goes before a symbol that weighs the same, and of symbols
/// that weigh the same the higher ones get the shorter codes.
pub fn best_codes<const N: usize>(counts: &[u32; N], longest: usize) -> Codes<N> {
    debug_assert!(longest <= LONGEST_CODE && N <= SYMBOLS);
    let mut codes = [Code::default(); N];
    let mut leaves = [Leaf::default(); SYMBOLS];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            leaves[used] = Leaf::new(count, symbol);
            used += 1;
        }
    }
    let leaves = &mut leaves[..used];
    if used <= 2 {
        for (bits, leaf) in (0..).zip(leaves) {
            codes[leaf.symbol()] = Code { bits, length: 1 };
        }
        return codes;
    }
    leaves.sort_unstable();
    assign(leaves, &lengths(leaves, longest.min(used - 1)), &mut codes);
    codes
}

/// A symbol that occurs, ordered by how often it does and then by its number.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf(u64);

impl Leaf {
    const fn new(count: u32, symbol: usize) -> Self {
        Self((count as u64) << 16 | symbol as u64)
    }

    const fn weight(self) -> u64 {
        self.0 >> 16
    }

    const fn symbol(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

/// How many symbols get each length of up to `longest` bits.
///
/// A row of package-merge holds the leaves and, sorted among them, the pairs of what the row before holds. The first
/// items of the last row, two fewer than twice the leaves, are taken; a pair that is taken takes two of the row before.
/// A leaf's code is as long as the number of rows in which it is taken.
fn lengths(leaves: &[Leaf], longest: usize) -> [usize; LONGEST_CODE + 1] {
    /// No row needs more items.
    const ITEMS: usize = 2 * SYMBOLS;
    let most = 2 * leaves.len() - 2;
    // For each row, which of its items are leaves.
    let mut rows = [[false; ITEMS]; LONGEST_CODE];
    let mut weights = [0; ITEMS];
    let mut items = 0;
    for row in &mut rows[..longest] {
        let below = weights;
        let (mut pair, mut leaf) = (0, 0);
        let mut next = 0;
        while next < most {
            let pair_weight = if pair + 1 < items {
                below[pair] + below[pair + 1]
            } else {
                u64::MAX
            };
            let leaf_weight = leaves.get(leaf).map_or(u64::MAX, |leaf| leaf.weight());
            if leaf_weight < pair_weight {
                weights[next] = leaf_weight;
                row[next] = true;
                leaf += 1;
            } else if pair_weight < u64::MAX {
                weights[next] = pair_weight;
                pair += 2;
            } else {
                break;
            }
            next += 1;
        }
        items = next;
    }
    let mut counts = [0; LONGEST_CODE + 1];
    let mut take = most;
    let mut above = None;
    for (length, row) in rows[..longest].iter().rev().enumerate() {
        let leaves = row[..take].iter().filter(|&&leaf| leaf).count();
        if let Some(above) = above {
            counts[length] = above - leaves;
        }
        above = Some(leaves);
        take = 2 * (take - leaves);
    }
    counts[longest] = above.unwrap_or(0);
    counts
}

/// Codes by their lengths: among those of one length, in the order of the symbols.
fn assign(leaves: &mut [Leaf], counts: &[usize], codes: &mut [Code]) {
    let mut rest = leaves;
    let mut code = 0_u16;
    for (length, &count) in (0_u8..).zip(counts) {
        code <<= 1;
        let (others, same) = rest.split_at_mut(rest.len() - count);
        same.sort_unstable_by_key(|leaf| leaf.symbol());
        for leaf in same {
            codes[leaf.symbol()] = Code {
                bits: code.reverse_bits() >> (16 - u32::from(length)),
                length,
            };
            code += 1;
        }
        rest = others;
    }
}
