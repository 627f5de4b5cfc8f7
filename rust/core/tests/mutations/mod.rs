//! Damage to files that were whole, the same each time.

/// Numbers that limits and signs are near.
const EDGES: [u64; 10] = [
    0,
    1,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    u64::MAX,
];

/// Where choices come from: xorshift64 (Marsaglia, 2003).
pub struct Mutator(u64);

impl Mutator {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, or 0 where that is.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % limit.max(1) as u64).unwrap()
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.below(256).to_le_bytes()[0]
    }

    /// One of some things.
    pub fn pick<'items, T>(&mut self, items: &'items [T]) -> &'items T {
        &items[self.below(items.len())]
    }

    /// One of the files with up to four kinds of damage, where others lend their parts.
    pub fn damage<'files>(&mut self, files: &'files [Vec<u8>]) -> (&'files [u8], Vec<u8>) {
        let whole = self.pick(files);
        let mut data = whole.clone();
        for _ in 0..=self.below(4) {
            let other = self.pick(files);
            self.damage_once(&mut data, other);
        }
        (whole, data)
    }

    fn damage_once(&mut self, data: &mut Vec<u8>, other: &[u8]) {
        let start = self.below(data.len());
        let end = (start + 1 + self.below(64)).min(data.len());
        match self.below(8) {
            0 => data.truncate(start),
            1 => {
                let end = (start + self.below(data.len())).min(data.len());
                data.drain(start..end);
            }
            2 => {
                let repeated = data[start..end].repeat(1 + self.below(3));
                data.splice(start..start, repeated);
            }
            3 => {
                let from = self.below(other.len());
                let to = (from + self.below(2048)).min(other.len());
                data.splice(start..end, other[from..to].iter().copied());
            }
            4 => {
                let number = self.pick(&EDGES).to_be_bytes();
                let number = &number[8 - self.pick(&[1, 2, 4, 8])..];
                let end = data.len().min(start + number.len());
                data[start..end].copy_from_slice(&number[..end - start]);
            }
            5 => data[start..end].fill(self.byte()),
            _ => {
                if let Some(byte) = data.get_mut(start) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
    }
}
