//! Cuts a file into chunks on a thread of its own, and names them on the caller's.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::chunk::batch::ChunkBatch;
use crate::chunk::fast_cdc::FastCdc;
use crate::chunk::scan::scan;
use crate::chunk::splitter::{Piece, Pieces, Sink, Splitter};
use crate::compress::Compression;
use crate::error::{FileError, LayerError, TarProblem};
use crate::layer::{Stored, name_file, open_stored};
use crate::read_ahead::ReadAhead;
use crate::recipe::{Content, RECIPE_LIMIT, RecipeBuilder, Transform};
use crate::sha256::Sha256;

/// The most that a batch can have, whatever is asked for.
const BATCH_LIMIT: usize = 256 << 20;

/// Why a blob cannot be cut.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The file cannot be read, or its compressed bytes are damaged.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// There is no recipe before the end of the blob.
    #[error("the blob has not been cut to its end")]
    Unfinished,
    /// An earlier error ended it.
    #[error("the blob could not be read to its end")]
    Failed,
}

/// One pass over a file. Reading and cutting each have a thread, chunks are named on the caller's.
pub struct Chunker {
    path: PathBuf,
    stored: Stored,
    state: State,
    most: Arc<AtomicUsize>,
    recipe: RecipeBuilder,
    /// The most bytes that the recipe may have.
    limit: usize,
}

enum State {
    Waiting(Work),
    Running(Worker),
    Done(Content),
    Failed,
}

impl Chunker {
    /// Opens a file; with `decompress`, the uncompressed bytes of a layer are cut, not the stored ones.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn open(path: &Path, cutter: FastCdc, decompress: bool) -> Result<Self, FileError> {
        let (compression, stored, stream) = open_stored(path).map_err(FileError::at(path))?;
        let (stream, hasher) = if decompress && compression != Compression::None {
            let stream = compression.decode(stream).map_err(FileError::at(path))?;
            (stream, Some(Sha256::new()))
        } else {
            // The content is what is stored, which is hashed as it is read.
            (stream, None)
        };
        Ok(Self {
            path: path.to_owned(),
            stored,
            state: State::Waiting(Work {
                stream,
                cutter,
                hasher,
            }),
            most: Arc::default(),
            recipe: RecipeBuilder::default(),
            limit: RECIPE_LIMIT,
        })
    }

    /// The next chunks, of about `most` bytes with the literals between them; None at the end of the blob.
    ///
    /// A batch is made while the one before it is in use, so another `most` counts from the next but one on.
    ///
    /// # Errors
    /// The file cannot be read, its compressed bytes are damaged, or its recipe would have more than [`RECIPE_LIMIT`]
    /// bytes; there is no going on then.
    pub fn next_batch(&mut self, most: usize) -> Result<Option<ChunkBatch>, ChunkError> {
        self.most.store(most.min(BATCH_LIMIT), Ordering::Relaxed);
        loop {
            let pieces = match mem::replace(&mut self.state, State::Failed) {
                State::Waiting(work) => {
                    let worker = Worker::start(work, Arc::clone(&self.most));
                    self.state = State::Running(worker.map_err(|error| self.name(error))?);
                    continue;
                }
                State::Running(worker) => {
                    let Ok(pieces) = worker.batches.recv() else {
                        let content = worker.join().and_then(|hasher| self.content(hasher));
                        self.state = State::Done(content.map_err(|error| self.name(error))?);
                        return Ok(None);
                    };
                    self.state = State::Running(worker);
                    pieces
                }
                State::Done(content) => {
                    self.state = State::Done(content);
                    return Ok(None);
                }
                State::Failed => return Err(ChunkError::Failed),
            };
            let batch = self.take(pieces).map_err(|error| {
                self.state = State::Failed;
                self.name(error)
            })?;
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
    }

    /// What is known at the end of the blob.
    ///
    /// # Errors
    /// The end has not been reached.
    pub const fn totals(&self) -> Result<Content, ChunkError> {
        match self.state {
            State::Done(content) => Ok(content),
            State::Failed => Err(ChunkError::Failed),
            State::Waiting(_) | State::Running(_) => Err(ChunkError::Unfinished),
        }
    }

    /// The recipe of the blob: a whole file. Where the uncompressed bytes were cut, `transform` turns them back.
    ///
    /// # Errors
    /// The end has not been reached.
    pub fn recipe(&mut self, transform: &Transform) -> Result<Vec<u8>, ChunkError> {
        let content = self.totals()?;
        self.recipe
            .finish(&content, transform)
            .map_err(|error| self.name(error))
    }

    /// Names the chunks, and puts all pieces into the recipe.
    fn take(&mut self, mut pieces: Pieces) -> io::Result<ChunkBatch> {
        let batch = ChunkBatch::new(&mut pieces);
        let mut chunks = batch.iter();
        let mut literals = pieces.literals.as_slice();
        for piece in pieces.order {
            match piece {
                Piece::Literal(length) => {
                    let (literal, rest) = literals.split_at(length as usize);
                    self.recipe.push_literal(literal)?;
                    literals = rest;
                }
                Piece::Chunk(length) => {
                    if let Some((digest, _)) = chunks.next() {
                        self.recipe.push_chunk(*digest, length);
                    }
                }
            }
        }
        drop(chunks);
        if self.recipe.file_size() > self.limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("its recipe has more than {} bytes", self.limit),
            ));
        }
        Ok(batch)
    }

    /// What is known now that the reading thread, too, is at its end.
    fn content(&self, hasher: Option<Sha256>) -> io::Result<Content> {
        let &(digest, size) = self
            .stored
            .get()
            .ok_or_else(|| io::Error::other("the file was not read to its end"))?;
        let (content_digest, content_size) =
            hasher.map_or((digest, size), |hasher| (hasher.digest(), hasher.length()));
        Ok(Content {
            digest,
            size,
            content_digest,
            content_size,
        })
    }

    fn name(&self, error: io::Error) -> ChunkError {
        let error = LayerError::Malformed {
            offset: self.recipe.size(),
            entry: None,
            problem: TarProblem::Stream(error),
        };
        ChunkError::Layer(name_file(error, &self.path))
    }
}

/// What there is to do.
struct Work {
    stream: ReadAhead,
    cutter: FastCdc,
    /// Of the content, where it is not what is stored.
    hasher: Option<Sha256>,
}

/// The thread that cuts, at most one batch ahead.
struct Worker {
    batches: Receiver<Pieces>,
    thread: JoinHandle<io::Result<Option<Sha256>>>,
}

impl Worker {
    fn start(work: Work, most: Arc<AtomicUsize>) -> io::Result<Self> {
        let (sender, batches) = sync_channel(0);
        let splitter = Splitter::new(work.cutter, Batches { sender, most });
        let thread = thread::Builder::new()
            .name("lamella-cut".into())
            .spawn(move || scan(work.stream, splitter, work.hasher))?;
        Ok(Self { batches, thread })
    }

    /// What came of the blob, once there are no more batches.
    fn join(self) -> io::Result<Option<Sha256>> {
        // A panic of the thread is a blob that could not be read.
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the cutting thread has stopped")))
    }
}

/// Gives batches to the caller's thread.
struct Batches {
    sender: SyncSender<Pieces>,
    most: Arc<AtomicUsize>,
}

impl Sink for Batches {
    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn send(&mut self, pieces: Pieces) -> io::Result<()> {
        self.sender
            .send(pieces)
            .map_err(|_| io::Error::other("nobody wants the rest"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::entry::{Entry, Kind};
    use crate::layer_header::encode;

    /// A tar of nothing but headers, each of which names a digest.
    fn headers(count: u32) -> Vec<u8> {
        let header = |number: u32| {
            let entry = Entry {
                link_target: Some(Sha256::of(&number.to_be_bytes()).to_string().into_bytes()),
                ..Entry::new(format!("{number}").into_bytes(), Kind::Symlink)
            };
            encode(&entry, 0).unwrap()
        };
        (0..count).flat_map(header).collect()
    }

    #[test]
    fn a_blob_whose_recipe_is_too_long_is_not_cut_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blob");
        fs::write(&path, headers(20_000)).unwrap();
        let cut = |limit| {
            let cutter = FastCdc::new(16 << 10, 64 << 10, 256 << 10).unwrap();
            let mut chunker = Chunker::open(&path, cutter, false).unwrap();
            chunker.limit = limit;
            loop {
                match chunker.next_batch(1 << 20) {
                    Ok(Some(_)) => {}
                    Ok(None) => return chunker.recipe(&Transform::default()),
                    Err(error) => {
                        assert!(matches!(chunker.next_batch(1), Err(ChunkError::Failed)));
                        return Err(error);
                    }
                }
            }
        };
        let length = cut(RECIPE_LIMIT).unwrap().len();
        assert!(length > 500_000);
        assert!(cut(length).is_ok());
        let error = cut(length / 2).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("its recipe has more than {} bytes", length / 2)),
            "{error}"
        );
    }
}
