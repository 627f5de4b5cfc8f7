//! Reads slices of frames, and keeps the frames that were read last.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::damage::Damage;
use crate::digest::Digest;
use crate::frame::{FRAME_LIMIT, FrameDecoder};
use crate::pack::{CHECKSUM, STORED_LIMIT};
use crate::sha256::Sha256;

/// How many frames all caches of the process keep together, as long as each has its least: 8 MiB of them.
const ALL_FRAMES: usize = 32;

/// The most that one keeps: neighbours in a blob are neighbours in a frame, few chunks come from elsewhere.
const MOST_FRAMES: usize = 16;

/// The least that one keeps: a layer takes turns between its own frames and those of releases before it.
const LEAST_FRAMES: usize = 4;

/// How many caches there are in this process.
static CACHES: AtomicUsize = AtomicUsize::new(0);

/// Where a chunk is.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'file> {
    /// The chunk.
    pub digest: Digest,
    /// The pack, open for reading.
    pub file: BorrowedFd<'file>,
    /// Where the frame begins in the pack.
    pub frame_offset: u64,
    /// How many bytes it takes there, with its checksum.
    pub frame_length: u32,
    /// How many bytes it holds.
    pub frame_size: u32,
    /// Where the chunk begins among these.
    pub offset: u32,
    /// How many bytes the chunk has.
    pub size: u32,
}

/// Why a slice cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The pack cannot be read.
    #[error("chunk {digest}: {source}")]
    File {
        /// The chunk.
        digest: Digest,
        /// What the operating system said.
        source: io::Error,
    },
    /// The frame is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// Which file a frame is in, whatever descriptor it is open as; the time tells files apart that had one inode in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    device: u64,
    inode: u64,
    changed: (i64, u64),
    offset: u64,
    length: u32,
}

impl Key {
    fn of(slice: &Slice<'_>) -> io::Result<Self> {
        let stat = rustix::fs::fstat(slice.file)?;
        Ok(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            changed: (stat.st_ctime, stat.st_ctime_nsec),
            offset: slice.frame_offset,
            length: slice.frame_length,
        })
    }
}

struct Cached {
    key: Key,
    content: Vec<u8>,
    /// The larger, the later it was used.
    used: u64,
}

/// Frames that were read last, uncompressed: 4 MiB at most, and less while others are read from, too.
pub struct FrameCache {
    frames: Vec<Cached>,
    clock: u64,
    decoder: FrameDecoder,
    /// A frame as it is stored.
    stored: Vec<u8>,
}

impl Default for FrameCache {
    fn default() -> Self {
        CACHES.fetch_add(1, Ordering::Relaxed);
        Self {
            frames: Vec::new(),
            clock: 0,
            decoder: FrameDecoder::default(),
            stored: Vec::new(),
        }
    }
}

impl Drop for FrameCache {
    fn drop(&mut self) {
        CACHES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl FrameCache {
    /// The bytes of a chunk. Nothing of a frame is given before its checksum is verified.
    ///
    /// # Errors
    /// The pack cannot be read, or the frame is damaged or not as it is said to be.
    pub fn read(&mut self, slice: &Slice<'_>) -> Result<&[u8], FrameError> {
        let index = self.load(slice)?;
        let frame = &self.frames[index].content;
        let start = slice.offset as usize;
        frame
            .get(start..start.saturating_add(slice.size as usize))
            .filter(|_| frame.len() == slice.frame_size as usize)
            .ok_or_else(|| damaged(slice, "the frame has another size than the index says"))
    }

    /// Which of the frames is the one of the slice, read if need be.
    fn load(&mut self, slice: &Slice<'_>) -> Result<usize, FrameError> {
        let key = Key::of(slice).map_err(|source| FrameError::File {
            digest: slice.digest,
            source,
        })?;
        self.clock += 1;
        if let Some(index) = self.frames.iter().position(|frame| frame.key == key) {
            self.frames[index].used = self.clock;
            return Ok(index);
        }
        let content = self.make_room(share(CACHES.load(Ordering::Relaxed)));
        let content = self.decode(slice, content)?;
        self.frames.push(Cached {
            key,
            content,
            used: self.clock,
        });
        Ok(self.frames.len() - 1)
    }

    /// Drop what was not used for longest, until there is room for one of so many frames; gives a buffer to use again.
    fn make_room(&mut self, most: usize) -> Vec<u8> {
        let mut content = Vec::new();
        while self.frames.len() >= most {
            let frames = self.frames.iter().enumerate();
            let Some((oldest, _)) = frames.min_by_key(|(_, frame)| frame.used) else {
                break;
            };
            content = self.frames.swap_remove(oldest).content;
        }
        content
    }

    /// The frame's content, in the buffer that is given.
    fn decode(&mut self, slice: &Slice<'_>, mut content: Vec<u8>) -> Result<Vec<u8>, FrameError> {
        let (length, size) = (slice.frame_length as usize, slice.frame_size as usize);
        if length > STORED_LIMIT || size > FRAME_LIMIT {
            return Err(damaged(slice, "the frame is larger than frames are"));
        }
        self.stored.resize(length, 0);
        let whole =
            read_exactly(slice.file, &mut self.stored, slice.frame_offset).map_err(|source| {
                FrameError::File {
                    digest: slice.digest,
                    source,
                }
            })?;
        if !whole {
            return Err(damaged(slice, "the pack ends within the frame"));
        }
        content.resize(size, 0);
        decode_frame(&mut self.decoder, &self.stored, &mut content)
            .map_err(|problem| damaged(slice, problem))?;
        Ok(content)
    }
}

/// How many frames each of so many caches may keep.
fn share(caches: usize) -> usize {
    (ALL_FRAMES / caches.max(1)).clamp(LEAST_FRAMES, MOST_FRAMES)
}

/// The bytes of chunks, in the order of `slices`. A frame is decoded once for neighbours that are in it.
///
/// # Errors
/// A pack cannot be read, or a frame is damaged, or a chunk has another digest.
pub fn read_chunks(slices: &[Slice<'_>]) -> Result<Vec<Vec<u8>>, FrameError> {
    let mut frames = FrameCache::default();
    slices
        .iter()
        .map(|slice| {
            let chunk = frames.read(slice)?;
            if Sha256::of(chunk) == slice.digest {
                Ok(chunk.to_vec())
            } else {
                Err(damaged(slice, "the chunk has another digest"))
            }
        })
        .collect()
}

/// Decompress a frame whose checksum is right.
pub(super) fn decode_frame(
    decoder: &mut FrameDecoder,
    stored: &[u8],
    content: &mut [u8],
) -> Result<(), &'static str> {
    match stored.split_last_chunk::<CHECKSUM>() {
        Some((frame, checksum)) if crc32fast::hash(frame) == u32::from_be_bytes(*checksum) => {
            decoder.decode(frame, content)
        }
        _ => Err("a frame has a wrong checksum"),
    }
}

fn damaged(slice: &Slice<'_>, problem: &'static str) -> FrameError {
    Damage::pack(slice.frame_offset, problem)
        .of(slice.digest)
        .into()
}

/// Fill `output` from `offset` on; false where the file ends before.
pub(super) fn read_exactly(file: impl AsFd, output: &mut [u8], offset: u64) -> io::Result<bool> {
    let mut filled = 0;
    while filled < output.len() {
        match rustix::io::pread(&file, &mut output[filled..], offset + filled as u64) {
            Ok(0) => return Ok(false),
            Ok(length) => filled += length,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(true)
}
