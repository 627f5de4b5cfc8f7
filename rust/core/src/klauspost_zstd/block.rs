//! Writes blocks (RFC 8878, section 3.1.1.2).

use super::Generation;
use super::literal_coder::{LiteralCoder, Outcome};
use super::sequence_coder::SequenceCoder;
use super::sequences::Found;

/// Bytes of a block's header.
const HEADER: usize = 3;

/// Where matches save fewer bytes, beyond a share of the block, they are left out.
const LEAST_SAVED: usize = 16;

/// Literals of a block without matches that are compressed at all.
const FEWEST_LITERALS: usize = 32;

/// How a block is stored: the type in its header.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    /// One byte, repeated.
    Single,
    Compressed,
}

/// Writes the blocks of a frame.
pub struct BlockWriter {
    generation: Generation,
    /// Whether literals are compressed in blocks without matches.
    compresses_literals: bool,
    literals: LiteralCoder,
    sequences: SequenceCoder,
}

impl BlockWriter {
    pub fn new(generation: Generation, compresses_literals: bool) -> Self {
        Self {
            generation,
            compresses_literals,
            literals: LiteralCoder::new(generation),
            sequences: SequenceCoder::new(generation),
        }
    }

    /// Begin another frame.
    pub fn end_frame(&mut self) {
        self.literals.forget();
        self.sequences.end_frame();
    }

    /// Append a block: its content, and what was found in it. A full one has as many bytes as blocks may have.
    pub fn write(
        &mut self,
        content: &[u8],
        found: &Found,
        is_full: bool,
        is_last: bool,
        output: &mut Vec<u8>,
    ) {
        let start = output.len();
        output.extend([0; HEADER]);
        let form = self.put(content, found, is_full, output);
        let length = match form {
            Form::Compressed => output.len() - start - HEADER,
            Form::Plain | Form::Single => content.len(),
        };
        if matches!(form, Form::Plain) {
            output.truncate(start + HEADER);
            output.extend_from_slice(content);
        }
        let header = length << 3 | (form as usize) << 1 | usize::from(is_last);
        output[start..start + HEADER].copy_from_slice(&header.to_le_bytes()[..HEADER]);
    }

    /// Append a block without its header, or anything where it is to be stored as it is.
    fn put(&mut self, content: &[u8], found: &Found, is_full: bool, output: &mut Vec<u8>) -> Form {
        let start = output.len();
        let has_matches = !found.sequences.is_empty();
        if !has_matches && is_full && self.generation.skips_full_blocks() {
            return Form::Plain;
        }
        if self.generation.has_repeated_bytes()
            && let [only] = found.sequences[..]
            && only.repeats_byte()
            && found.literals.len() <= 1
            && only.literals as usize == found.literals.len()
        {
            output.push(content[0]);
            return Form::Single;
        }
        let least = LEAST_SAVED + (content.len() >> self.generation.least_saved_log());
        if !has_matches || content.len() - found.literals.len() < least {
            return self.put_literals(content, output);
        }
        self.literals.write(&found.literals, output);
        let tables = self.sequences.write(&found.sequences, output);
        // The library has no way to go on where there are no tables; nothing says that this cannot be.
        let Some(tables) = tables.filter(|_| output.len() - start < content.len()) else {
            self.literals.forget();
            return Form::Plain;
        };
        self.sequences.keep(tables);
        Form::Compressed
    }

    /// The same without matches.
    fn put_literals(&mut self, content: &[u8], output: &mut Vec<u8>) -> Form {
        if content.len() < FEWEST_LITERALS || !self.compresses_literals {
            return Form::Plain;
        }
        match self.literals.compress(content, content.len(), output) {
            Outcome::Plain => Form::Plain,
            Outcome::Single => {
                output.push(content[0]);
                Form::Single
            }
            Outcome::Compressed => {
                // No sequences.
                output.push(0);
                Form::Compressed
            }
        }
    }
}
