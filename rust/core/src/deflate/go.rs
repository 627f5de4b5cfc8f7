//! The encoder of Go's standard library, `compress/flate`, as it was up to Go 1.26.

use super::bits::BitWriter;
use super::block::{self, STORED_LIMIT};
use super::chains::Chains;
use super::fast::Fast;
use super::levels::settings;

/// The levels of Go's encoder: -2 is Huffman coding alone, 0 no compression.
pub const LEVELS: std::ops::RangeInclusive<i8> = -2..=9;

/// What Go's -1 stands for.
pub const DEFAULT_LEVEL: i8 = 6;

/// Compresses a stream as Go does, however it is cut into writes.
///
/// In Go itself a write that ends just before the window slides can, very seldom, change a match: see
/// `docs/decisions/0012-compressed-layers.md`. This is the encoder that Go is for all others.
pub struct GoEncoder {
    writer: BitWriter,
    finder: Finder,
}

enum Finder {
    Store(Held),
    Huffman(Held),
    Fast(Box<Fast>),
    Chains(Box<Chains>),
}

/// Bytes of a block without matches.
type Held = Vec<u8>;

impl GoEncoder {
    /// At the beginning of a stream; None where Go has no such level, -1 included.
    #[must_use]
    pub fn new(level: i8) -> Option<Self> {
        let finder = match level {
            -2 => Finder::Huffman(Held::new()),
            0 => Finder::Store(Held::new()),
            1 => Finder::Fast(Box::new(Fast::new())),
            _ => Finder::Chains(Box::new(Chains::new(settings(level)?))),
        };
        Some(Self {
            writer: BitWriter::default(),
            finder,
        })
    }

    /// Take bytes, and append what can be said of them.
    pub fn write(&mut self, input: &[u8], output: &mut Vec<u8>) {
        let writer = &mut self.writer;
        match &mut self.finder {
            Finder::Store(held) => hold(held, input, |block| {
                block::write_stored(block, false, writer, output);
            }),
            Finder::Huffman(held) => hold(held, input, |block| {
                block::write_literals(block, writer, output);
            }),
            Finder::Fast(fast) => fast.write(input, writer, output),
            Finder::Chains(chains) => chains.write(input, writer, output),
        }
    }

    /// Append everything that was held back, and a mark (`Writer.Flush`).
    pub fn flush(&mut self, output: &mut Vec<u8>) {
        self.write_held(output);
        block::write_stored(&[], false, &mut self.writer, output);
    }

    /// End the stream.
    pub fn finish(mut self, output: &mut Vec<u8>) {
        self.write_held(output);
        block::write_stored(&[], true, &mut self.writer, output);
    }

    /// The ends that the stream may have: as after [`Self::finish`], and as after [`Self::flush`] before that.
    #[must_use]
    pub fn ends(mut self) -> [Vec<u8>; 2] {
        let mut finished = Vec::new();
        self.write_held(&mut finished);
        let mut flushed = finished.clone();
        let mut writer = self.writer.clone();
        block::write_stored(&[], false, &mut writer, &mut flushed);
        block::write_stored(&[], true, &mut writer, &mut flushed);
        block::write_stored(&[], true, &mut self.writer, &mut finished);
        [finished, flushed]
    }

    fn write_held(&mut self, output: &mut Vec<u8>) {
        let writer = &mut self.writer;
        match &mut self.finder {
            Finder::Store(held) | Finder::Huffman(held) if held.is_empty() => {}
            Finder::Store(held) => {
                block::write_stored(held, false, writer, output);
                held.clear();
            }
            Finder::Huffman(held) => {
                block::write_literals(held, writer, output);
                held.clear();
            }
            Finder::Fast(fast) => fast.flush(writer, output),
            Finder::Chains(chains) => chains.flush(writer, output),
        }
    }
}

/// Gather bytes into full blocks; a full one is written once more bytes come.
fn hold(held: &mut Held, mut input: &[u8], mut write: impl FnMut(&[u8])) {
    while !input.is_empty() {
        if held.len() == STORED_LIMIT {
            write(held);
            held.clear();
        }
        let (now, rest) = input.split_at(input.len().min(STORED_LIMIT - held.len()));
        held.extend_from_slice(now);
        input = rest;
    }
}
