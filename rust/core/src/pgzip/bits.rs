//! The bits of a DEFLATE stream, packed from the lowest up (RFC 1951, section 3.1.1).

/// Bits gathered before they go out: what is left over and one more [`BitWriter::write`] always fit into 64.
const GATHERED: u32 = 32;

/// Packs bits into bytes.
#[derive(Default)]
pub struct BitWriter {
    output: Vec<u8>,
    bits: u64,
    count: u32,
}

impl BitWriter {
    /// Writes the lowest `count` bits of `value`, whose other bits are zero; no more than 32.
    #[inline]
    pub fn write(&mut self, value: u64, count: u32) {
        self.bits |= value << self.count;
        self.count += count;
        if self.count >= GATHERED {
            let [a, b, c, d, ..] = self.bits.to_le_bytes();
            self.output.extend_from_slice(&[a, b, c, d]);
            self.bits >>= GATHERED;
            self.count -= GATHERED;
        }
    }

    /// Fills the current byte up with zeros.
    pub fn align(&mut self) {
        let length = self.count.div_ceil(8) as usize;
        self.output
            .extend_from_slice(&self.bits.to_le_bytes()[..length]);
        self.bits = 0;
        self.count = 0;
    }

    /// Writes whole bytes, aligned.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        self.align();
        self.output.extend_from_slice(bytes);
    }

    /// Hands over the whole bytes so far, and forgets them.
    pub fn drain_into(&mut self, output: &mut Vec<u8>) {
        output.append(&mut self.output);
    }
}
