//! Streaming SHA-256 (FIPS 180-4) over the `sha2` crate's compression function.

use sha2::block_api::compress256;

use crate::digest::Digest;

/// Bytes in one block of SHA-256.
pub const BLOCK: usize = 64;

/// Where the length of the message begins in its last block (FIPS 180-4, section 5.1.1).
const LENGTH_OFFSET: usize = BLOCK - 8;

/// The initial hash value (FIPS 180-4, section 5.3.3).
const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The hash value between two blocks.
pub(crate) type State = [u32; 8];

/// A running SHA-256; a clone of it continues on its own.
#[derive(Clone)]
pub struct Sha256 {
    pub(crate) state: State,
    pub(crate) length: u64,
    pub(crate) partial: [u8; BLOCK],
}

impl Sha256 {
    /// Bytes in a checkpoint: a length, and the state at that length.
    pub const CHECKPOINT: usize = size_of::<u64>() + Digest::LENGTH;

    /// Start with no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: INITIAL,
            length: 0,
            partial: [0; BLOCK],
        }
    }

    /// Hash the digest of a whole buffer.
    #[must_use]
    pub fn of(data: &[u8]) -> Digest {
        let mut hasher = Self::new();
        hasher.update(data);
        hasher.digest()
    }

    /// How many bytes have been hashed.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Hash more bytes.
    pub fn update(&mut self, data: &[u8]) {
        let (blocks, rest) = self.fill_partial(data).as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.length += blocks.as_flattened().len() as u64;
        self.keep_partial(rest);
    }

    /// The digest of everything so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut state = self.state;
        let mut block = self.partial;
        let filled = self.filled();
        block[filled] = 0x80;
        block[filled + 1..].fill(0);
        if filled >= LENGTH_OFFSET {
            compress256(&mut state, &[block]);
            block.fill(0);
        }
        block[LENGTH_OFFSET..].copy_from_slice(&(self.length << 3).to_be_bytes());
        compress256(&mut state, &[block]);
        let mut raw = [0; Digest::LENGTH];
        for (bytes, word) in raw.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        Digest::from(raw)
    }

    /// What it takes to go on later, in another process, from the end of the last whole block.
    #[must_use]
    pub fn checkpoint(&self) -> [u8; Self::CHECKPOINT] {
        let mut bytes = [0; Self::CHECKPOINT];
        let (length, state) = bytes.split_at_mut(size_of::<u64>());
        length.copy_from_slice(&(self.length - self.filled() as u64).to_be_bytes());
        for (bytes, word) in state.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        bytes
    }

    /// Goes on from a checkpoint; `length` then says from which byte. None where it cannot be one.
    #[must_use]
    pub fn resume(checkpoint: &[u8; Self::CHECKPOINT]) -> Option<Self> {
        let (length, state) = checkpoint.split_first_chunk()?;
        let mut resumed = Self::new();
        resumed.length = u64::from_be_bytes(*length);
        for (word, bytes) in resumed.state.iter_mut().zip(state.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        (resumed.filled() == 0).then_some(resumed)
    }

    /// Bytes that wait in `partial` for their block to be whole.
    #[expect(clippy::cast_possible_truncation, reason = "it is less than BLOCK")]
    pub(crate) const fn filled(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }

    /// Complete the partial block if there is one, and return what of `data` is left after that.
    pub(crate) fn fill_partial<'data>(&mut self, data: &'data [u8]) -> &'data [u8] {
        let filled = self.filled();
        if filled == 0 {
            return data;
        }
        let (head, rest) = data.split_at(data.len().min(BLOCK - filled));
        self.keep_partial(head);
        if self.filled() == 0 {
            compress256(&mut self.state, &[self.partial]);
        }
        rest
    }

    /// Keep bytes that do not make a whole block yet, or just complete it.
    pub(crate) fn keep_partial(&mut self, data: &[u8]) {
        let filled = self.filled();
        self.partial[filled..filled + data.len()].copy_from_slice(data);
        self.length += data.len() as u64;
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}
