//! Looks at every byte of a pack.

use std::fs::File;
use std::path::Path;

use crate::damage::Damage;
use crate::error::FileError;
use crate::frame::FrameDecoder;
use crate::pack::PackError;
use crate::pack::cache::{decode_frame, read_exactly};
use crate::pack::footer::{PackedChunk, read_open_footer};
use crate::sha256::Sha256;

/// Verify each frame's checksum and each chunk's digest; returns what is damaged, nothing if all is well. Each chunk that
/// cannot be had is named, or none, where it is the footer that is damaged.
///
/// # Errors
/// The pack cannot be read.
pub fn verify_pack(path: &Path) -> Result<Vec<Damage>, FileError> {
    let file = File::open(path).map_err(FileError::at(path))?;
    let chunks = match read_open_footer(&file, path) {
        Ok(chunks) => chunks,
        Err(PackError::File(error)) => return Err(error),
        Err(PackError::Damaged(damage)) => return Ok(vec![damage]),
        Err(error) => return Ok(vec![Damage::pack(0, error.to_string())]),
    };
    let mut verifier = Verifier::default();
    for frame in chunks.chunk_by(|first, second| first.frame_offset == second.frame_offset) {
        verifier.verify(&file, frame).map_err(FileError::at(path))?;
    }
    Ok(verifier.damages)
}

#[derive(Default)]
struct Verifier {
    decoder: FrameDecoder,
    stored: Vec<u8>,
    content: Vec<u8>,
    damages: Vec<Damage>,
}

impl Verifier {
    /// Verify the chunks of one frame.
    fn verify(&mut self, file: &File, chunks: &[PackedChunk]) -> std::io::Result<()> {
        let Some(first) = chunks.first() else {
            return Ok(());
        };
        self.stored.resize(first.frame_length as usize, 0);
        self.content.resize(first.frame_size as usize, 0);
        let whole = read_exactly(file, &mut self.stored, first.frame_offset)?;
        let decoded = if whole {
            decode_frame(&mut self.decoder, &self.stored, &mut self.content)
        } else {
            Err("the pack ends within a frame")
        };
        for chunk in chunks {
            let start = chunk.offset as usize;
            let problem = match decoded {
                Err(problem) => problem,
                Ok(())
                    if Sha256::of(&self.content[start..start + chunk.size as usize])
                        != chunk.digest =>
                {
                    "the chunk has another digest"
                }
                Ok(()) => continue,
            };
            self.damages
                .push(Damage::pack(chunk.frame_offset, problem).of(chunk.digest));
        }
        Ok(())
    }
}
