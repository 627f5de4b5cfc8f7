//! One block of pgzip's: compressed on its own, but for the bytes before it that matches may reach back to.

use super::Generation;
use super::blocks::BlockWriter;
use super::tables::Matcher;
use super::tokens::Tokens;

/// Bytes that are turned into tokens at once.
const WINDOW: usize = 65_535;

/// At the end, less bytes than this are not searched for matches.
const SMALL: usize = 128;

/// At the end, so many bytes are stored.
const TINY: usize = 32;

/// Compresses one block after the other.
pub struct BlockEncoder {
    matcher: Box<dyn Matcher>,
    tokens: Tokens,
    writer: BlockWriter,
}

impl BlockEncoder {
    pub fn new(generation: Generation, matcher: Box<dyn Matcher>) -> Self {
        Self {
            matcher,
            tokens: Tokens::default(),
            writer: BlockWriter::new(generation),
        }
    }

    /// Compresses what follows the first `known` bytes of `buffer`, up to a byte of the output, and ends the stream
    /// where it is the last block.
    pub fn encode(&mut self, buffer: &[u8], known: usize, is_last: bool, output: &mut Vec<u8>) {
        self.matcher.clear();
        self.matcher.tokenize(&buffer[..known], 0, &mut self.tokens);
        self.tokens.clear();
        let mut start = known;
        while start < buffer.len() {
            let end = buffer.len().min(start + WINDOW);
            self.encode_window(&buffer[..end], start, end == buffer.len());
            start = end;
        }
        self.writer.write_stored(&[]);
        if is_last {
            self.writer.write_end();
        }
        output.append(&mut self.writer.output);
    }

    fn encode_window(&mut self, buffer: &[u8], start: usize, is_last: bool) {
        let content = &buffer[start..];
        if content.len() <= TINY {
            return self.writer.write_stored(content);
        }
        if content.len() < SMALL {
            return self.writer.write_literals(content, true);
        }
        self.matcher.tokenize(buffer, start, &mut self.tokens);
        if self.tokens.len() == 0 {
            self.writer.write_stored(content);
        } else if self.tokens.len() > content.len() - content.len() / 16 {
            self.writer.write_literals(content, is_last);
        } else {
            self.writer.write_tokens(&mut self.tokens, content, is_last);
        }
        self.tokens.clear();
    }
}
