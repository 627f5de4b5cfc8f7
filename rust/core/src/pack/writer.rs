//! Writes packs.

use std::collections::HashSet;
use std::io;
use std::mem;
use std::path::Path;

use crate::chunk::ChunkBatch;
use crate::damage::Damage;
use crate::digest::Digest;
use crate::error::FileError;
use crate::frame::{FRAME_LIMIT, FrameEncoder};
use crate::new_file::NewFile;
use crate::pack::MAGIC;
use crate::pack::footer::{FrameRecord, PackedChunk, encode};

/// How many compressed bytes gather before they are written.
const WRITE_SIZE: usize = 1 << 20;

/// Why a pack cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A pack is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The zstd level is none, or there is no memory to compress.
    #[error("cannot compress: {0}")]
    Compressor(io::Error),
    /// A chunk is empty or too large to be packed.
    #[error("chunk {digest} has {size} bytes; a pack takes 1 to {FRAME_LIMIT}")]
    Size {
        /// The chunk.
        digest: Digest,
        /// How many bytes it has.
        size: usize,
    },
    /// There are not so many chunks in the batch.
    #[error("the batch has {length} chunks, none with index {index}")]
    Index {
        /// What was asked for.
        index: usize,
        /// How many there are.
        length: usize,
    },
    /// The pack is finished, or could not be written.
    #[error("the pack takes no more chunks")]
    Closed,
    /// The pack has no footer yet.
    #[error("the pack is not finished")]
    Unfinished,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finished,
    Failed,
}

/// A pack on its way to disk: without a name until it is published.
pub struct PackWriter {
    file: NewFile,
    state: State,
    encoder: FrameEncoder,
    /// Bytes of the frame that is being filled.
    frame: Vec<u8>,
    /// How many of the chunks are in it.
    frame_chunks: u32,
    /// Frames that are not written yet.
    pending: Vec<u8>,
    frames: Vec<FrameRecord>,
    chunks: Vec<PackedChunk>,
    seen: HashSet<Digest>,
}

impl PackWriter {
    /// Begins a pack in the file system of `folder`, whose frames are compressed with a zstd level.
    ///
    /// # Errors
    /// There is no such level, or the folder takes no files.
    pub fn create(folder: &Path, level: i32) -> Result<Self, PackError> {
        Ok(Self {
            encoder: FrameEncoder::new(level).map_err(PackError::Compressor)?,
            file: NewFile::create(folder)?,
            state: State::Open,
            frame: Vec::with_capacity(FRAME_LIMIT),
            frame_chunks: 0,
            pending: MAGIC.to_vec(),
            frames: Vec::new(),
            chunks: Vec::new(),
            seen: HashSet::new(),
        })
    }

    /// How many bytes the pack has so far: frames that are complete, without the footer.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file.size() + self.pending.len() as u64
    }

    /// Append some chunks of a batch, by their indexes.
    ///
    /// # Errors
    /// As of `add`; an index that the batch does not have appends nothing.
    pub fn add_batch(&mut self, batch: &ChunkBatch, wanted: &[usize]) -> Result<(), PackError> {
        let length = batch.len();
        if let Some(index) = wanted.iter().copied().find(|index| *index >= length) {
            return Err(PackError::Index { index, length });
        }
        for (digest, data) in wanted.iter().filter_map(|index| batch.get(*index)) {
            self.add(*digest, data)?;
        }
        Ok(())
    }

    /// Append a chunk, unless the pack has it already. That it has this digest is for the caller to know.
    ///
    /// # Errors
    /// The chunk is empty or larger than a frame (nothing was appended), or the disk takes no more.
    pub fn add(&mut self, digest: Digest, data: &[u8]) -> Result<(), PackError> {
        let size = data.len();
        self.check(State::Open)?;
        if size == 0 || size > FRAME_LIMIT {
            return Err(PackError::Size { digest, size });
        }
        if !self.seen.insert(digest) {
            return Ok(());
        }
        if self.frame.len() + size > FRAME_LIMIT {
            self.end_frame()?;
        }
        self.chunks.push(PackedChunk {
            digest,
            size: short(size),
            offset: short(self.frame.len()),
            // Known when the frame is complete.
            frame_offset: 0,
            frame_length: 0,
            frame_size: 0,
        });
        self.frame.extend_from_slice(data);
        self.frame_chunks += 1;
        Ok(())
    }

    /// Write the footer and make the pack durable; returns what is in it, in its order.
    ///
    /// # Errors
    /// The disk failed.
    pub fn finish(&mut self) -> Result<Vec<PackedChunk>, PackError> {
        self.check(State::Open)?;
        if !self.frame.is_empty() {
            self.end_frame()?;
        }
        let footer = encode(&self.frames, &self.chunks);
        self.pending.extend_from_slice(&footer);
        self.write()?;
        self.try_to(NewFile::sync)?;
        self.state = State::Finished;
        Ok(mem::take(&mut self.chunks))
    }

    /// Give a finished pack its name; false where the name exists already, and the pack is gone then.
    ///
    /// # Errors
    /// It is not finished, or the name cannot be given.
    pub fn publish(&mut self, path: &Path) -> Result<bool, PackError> {
        self.check(State::Finished)?;
        Ok(self.file.publish(path)?)
    }

    /// Remove a pack that has no name.
    ///
    /// # Errors
    /// Where the file system has no nameless files, its temporary name cannot be removed.
    pub fn close(self) -> Result<(), FileError> {
        self.file.close(false)
    }

    fn end_frame(&mut self) -> Result<(), PackError> {
        let offset = self.size();
        let start = self.pending.len();
        if let Err(error) = self.encoder.append(&self.frame, &mut self.pending) {
            self.state = State::Failed;
            return Err(PackError::Compressor(error));
        }
        let checksum = crc32fast::hash(&self.pending[start..]);
        self.pending.extend_from_slice(&checksum.to_be_bytes());
        let record = FrameRecord {
            length: short(self.pending.len() - start),
            size: short(self.frame.len()),
            chunks: self.frame_chunks,
        };
        let first = self.chunks.len() - self.frame_chunks as usize;
        for chunk in &mut self.chunks[first..] {
            chunk.frame_offset = offset;
            chunk.frame_length = record.length;
            chunk.frame_size = record.size;
        }
        self.frames.push(record);
        self.frame.clear();
        self.frame_chunks = 0;
        if self.pending.len() >= WRITE_SIZE {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), PackError> {
        let pending = mem::take(&mut self.pending);
        self.try_to(|file| file.write(&pending))?;
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }

    fn try_to<T>(
        &mut self,
        call: impl FnOnce(&mut NewFile) -> Result<T, FileError>,
    ) -> Result<T, PackError> {
        call(&mut self.file).map_err(|error| {
            self.state = State::Failed;
            error.into()
        })
    }

    fn check(&self, needed: State) -> Result<(), PackError> {
        match self.state {
            state if state == needed => Ok(()),
            State::Open => Err(PackError::Unfinished),
            State::Finished | State::Failed => Err(PackError::Closed),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "at most a frame and its checksum"
)]
const fn short(length: usize) -> u32 {
    length as u32
}
