//! The bits of a DEFLATE stream, packed from the lowest up (RFC 1951, section 3.1.1).

/// Bytes gathered before they go to where memory may have to be found for them.
const GATHERED: usize = 256;

/// Packs bits into bytes.
pub struct BitWriter {
    output: Vec<u8>,
    gathered: [u8; GATHERED],
    length: usize,
    bits: u64,
    /// Of `bits`, less than 8 between calls.
    count: u32,
}

impl BitWriter {
    pub fn new() -> Self {
        Self {
            output: Vec::new(),
            gathered: [0; GATHERED],
            length: 0,
            bits: 0,
            count: 0,
        }
    }

    /// Writes the lowest `count` bits of `value`, whose other bits are zero; no more than 56.
    #[inline]
    pub fn write(&mut self, value: u64, count: u32) {
        self.bits |= value << self.count;
        self.count += count;
        // Always stored, and part of it again the next time: a branch could not be predicted.
        self.gathered[self.length..self.length + 8].copy_from_slice(&self.bits.to_le_bytes());
        self.length += (self.count / 8) as usize;
        self.bits >>= self.count & !7;
        self.count &= 7;
        if self.length > GATHERED - 8 {
            self.pass_on();
        }
    }

    #[cold]
    fn pass_on(&mut self) {
        self.output.extend_from_slice(&self.gathered[..self.length]);
        self.length = 0;
    }

    /// Fills the current byte up with zeros.
    pub fn align(&mut self) {
        if self.count > 0 {
            self.write(0, 8 - self.count);
        }
    }

    /// Writes whole bytes, aligned.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        self.align();
        self.pass_on();
        self.output.extend_from_slice(bytes);
    }

    /// Hands over the bytes so far, aligned, and forgets them.
    pub fn drain_into(&mut self, output: &mut Vec<u8>) {
        self.write_bytes(&[]);
        output.append(&mut self.output);
    }
}
