//! The content of a frame that matches may reach back to.

/// Where positions are numbered anew, so that they never overflow.
const REBASE: u32 = 1 << 31;

/// The block that is being filled, and before it what its matches may reach back to.
pub struct Window {
    bytes: Vec<u8>,
    /// Where the block begins.
    start: usize,
    /// Matches reach back less than this.
    reach: u32,
    /// The number of the first of the bytes: zero is out of reach of each.
    origin: u32,
}

impl Window {
    pub const fn new(reach: u32) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            reach,
            origin: reach,
        }
    }

    /// What is before the block, and the block.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the block begins.
    pub const fn start(&self) -> usize {
        self.start
    }

    pub const fn reach(&self) -> u32 {
        self.reach
    }

    pub const fn origin(&self) -> u32 {
        self.origin
    }

    pub fn block(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub fn push(&mut self, content: &[u8]) {
        self.bytes.extend_from_slice(content);
    }

    /// Begin another block, of up to so many bytes.
    pub fn end_block(&mut self, next: usize) {
        let reach = self.reach as usize;
        if self.bytes.len() + next > 2 * reach {
            let gone = self.bytes.len() - reach;
            self.bytes.copy_within(gone.., 0);
            self.bytes.truncate(reach);
            self.origin += gone as u32;
        }
        self.start = self.bytes.len();
    }

    /// Begin another frame: nothing that came so far is in reach any more.
    pub fn end_frame(&mut self) {
        self.origin += self.reach + self.bytes.len() as u32;
        self.bytes.clear();
        self.start = 0;
    }

    /// How much lower numbers are from now on, where they have become too high.
    pub fn rebase(&mut self) -> Option<u32> {
        let less = self.origin - self.reach;
        (self.origin >= REBASE).then(|| {
            self.origin -= less;
            less
        })
    }
}
