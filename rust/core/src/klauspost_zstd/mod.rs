//! zstd frames exactly as `github.com/klauspost/compress/zstd` writes them.
//!
//! Whatever compresses layers with zstd and is written in Go uses it: buildah, podman, skopeo, containerd, nerdctl and
//! `BuildKit`, at its default level unless they are told otherwise. It cuts content into blocks of 128 KiB, so neither
//! the number of processors nor the sizes of writes change a frame; a flush does. What is here follows the library's
//! behaviour; golden files hold it to that.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers are bounded by the sizes of a block, of a window and of the tables"
)]

mod best;
mod block;
mod candidate;
mod chains;
mod codes;
mod double_fast;
mod fast;
mod fse;
mod generation;
mod huffman;
mod level;
mod literal_coder;
mod matcher;
mod normal;
mod sequence_coder;
mod sequences;
mod settings;
mod table;
mod weights;
mod window;

use self::block::BlockWriter;
use self::matcher::Matcher;
use self::sequences::Found;
use self::window::Window;

pub use generation::Generation;
pub use level::Level;
pub use settings::Settings;

/// Writes the blocks of frames, without the frames' headers and checksums; holds two windows.
pub struct ZstdEncoder {
    block_size: usize,
    matcher: Box<dyn Matcher>,
    window: Window,
    found: Found,
    writer: BlockWriter,
    /// Whether the frame has a block yet.
    is_begun: bool,
}

impl ZstdEncoder {
    /// At the beginning of a frame.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (generation, level) = (settings.generation(), settings.level());
        Self {
            block_size: level.block_size(),
            matcher: level.matcher(),
            window: Window::new(level.reach()),
            found: Found::default(),
            writer: BlockWriter::new(generation, generation.compresses_literals(level)),
            is_begun: false,
        }
    }

    /// Take bytes, and append the blocks that they make complete.
    pub fn write(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            let missing = self.block_size - self.window.block().len();
            let (part, rest) = input.split_at(missing.min(input.len()));
            self.window.push(part);
            input = rest;
            if part.len() == missing {
                self.flush(output);
            }
        }
    }

    /// End the block, if it has any bytes.
    pub fn flush(&mut self, output: &mut Vec<u8>) {
        if !self.window.block().is_empty() {
            self.end_block(false, output);
            self.window.end_block(self.block_size);
            self.is_begun = true;
        }
    }

    /// End the frame; nothing is written of one without content. What comes next is another frame.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        if !self.is_begun && self.window.block().is_empty() {
            // Also no step away from what came before: only the end of a block looks whether these went too far.
            return;
        }
        self.end_block(true, output);
        self.window.end_frame();
        self.writer.end_frame();
        self.is_begun = false;
    }

    fn end_block(&mut self, is_last: bool, output: &mut Vec<u8>) {
        if let Some(less) = self.window.rebase() {
            self.matcher.rebase(less);
        }
        let block = self.window.block();
        let is_alone = is_last && !self.is_begun;
        self.found.clear();
        self.matcher.find(&self.window, is_alone, &mut self.found);
        let is_full = block.len() == self.block_size;
        self.writer
            .write(block, &self.found, is_full, is_last, output);
    }
}
