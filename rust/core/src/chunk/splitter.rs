//! What of a blob becomes chunks, and what literals.

use std::io;
use std::mem;

use crate::chunk::fast_cdc::FastCdc;
use crate::chunk::stamp::stamp_length;
use crate::entry::Entry;
use crate::tar::Visitor;

/// Contents of up to so many bytes are literals: a chunk costs more than it saves.
pub const TINY: usize = 1 << 10;

/// What of one run of framing is literals; the rest is cut into chunks as content is. Headers and padding are shorter;
/// what follows the end of an archive, and the largest extended headers, are not.
const FRAMING_LIMIT: usize = 64 << 10;

/// Pieces of one batch: bounds its memory where all pieces are tiny.
const PIECES: usize = 64 << 10;

/// A piece of a blob and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Bytes that a recipe holds itself.
    Literal(u32),
    /// Bytes with a name of their own.
    Chunk(u32),
}

/// Pieces that follow each other, with their bytes.
#[derive(Default)]
pub struct Pieces {
    pub order: Vec<Piece>,
    /// Bytes of the chunks, one after the other.
    pub chunks: Vec<u8>,
    /// Bytes of the literals, one after the other.
    pub literals: Vec<u8>,
}

/// Takes batches of about so many bytes; an error ends the pass.
pub trait Sink {
    /// How many bytes the next batch is to have.
    fn most(&self) -> usize;

    /// # Errors
    /// Nobody wants more.
    fn send(&mut self, pieces: Pieces) -> io::Result<()>;
}

/// What the bytes at hand belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Framing,
    Content,
    /// Framing that is too long to be literals.
    Excess,
}

/// Cuts what it is shown, and hands on what is cut.
pub struct Splitter<S> {
    cutter: FastCdc,
    sink: S,
    batch: Pieces,
    /// Where in the batch's chunks the bytes begin that are not cut yet.
    uncut: usize,
    kind: Kind,
    /// Bytes of framing since the last content.
    framing: usize,
    /// Whether something of the content at hand is a piece already.
    begun: bool,
    /// Whether short contents are literals.
    literals: bool,
}

impl<S: Sink> Splitter<S> {
    pub fn new(cutter: FastCdc, sink: S) -> Self {
        Self {
            cutter,
            sink,
            batch: Pieces::default(),
            uncut: 0,
            kind: Kind::Framing,
            framing: 0,
            begun: false,
            literals: true,
        }
    }

    /// Cut what is left and hand it on.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<()> {
        self.end_content()?;
        self.flush()
    }

    /// From here on, all is one content.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn no_more_entries(&mut self) -> io::Result<()> {
        self.end_content()?;
        self.kind = Kind::Content;
        self.literals = false;
        Ok(())
    }

    fn change(&mut self, kind: Kind) -> io::Result<()> {
        if self.kind != kind {
            self.end_content()?;
            self.kind = kind;
        }
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.batch.chunks.extend_from_slice(bytes);
        while self.batch.chunks.len() - self.uncut >= self.cutter.maximum() {
            if self.begun {
                self.cut()?;
            } else {
                self.begin()?;
            }
        }
        Ok(())
    }

    /// Before the first cut of the content at hand: its time, if it begins with one, is a literal.
    fn begin(&mut self) -> io::Result<()> {
        self.begun = true;
        if !self.literals || self.kind != Kind::Content {
            return Ok(());
        }
        let stamp = self.uncut..self.uncut + stamp_length(&self.batch.chunks[self.uncut..]);
        if stamp.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> = self.batch.chunks.drain(stamp).collect();
        self.push_literal(&bytes)
    }

    fn cut(&mut self) -> io::Result<()> {
        let length = self.cutter.cut(&self.batch.chunks[self.uncut..]);
        self.batch.order.push(Piece::Chunk(short(length)));
        self.uncut += length;
        self.flush_if_full()
    }

    /// The content at hand ends here.
    fn end_content(&mut self) -> io::Result<()> {
        let length = self.batch.chunks.len() - self.uncut;
        if self.literals && !self.begun && self.kind == Kind::Content && length <= TINY {
            let bytes = self.batch.chunks.split_off(self.uncut);
            self.push_literal(&bytes)?;
        }
        if !self.begun && self.uncut < self.batch.chunks.len() {
            self.begin()?;
        }
        while self.uncut < self.batch.chunks.len() {
            self.cut()?;
        }
        self.begun = false;
        Ok(())
    }

    fn push_literal(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = short(bytes.len());
        self.batch.literals.extend_from_slice(bytes);
        match self.batch.order.last_mut() {
            Some(Piece::Literal(before)) => *before += length,
            _ => self.batch.order.push(Piece::Literal(length)),
        }
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        let batch = &self.batch;
        if self.uncut + batch.literals.len() >= self.sink.most() || batch.order.len() >= PIECES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let rest = self.batch.chunks.split_off(self.uncut);
        self.uncut = 0;
        let mut next = Pieces::default();
        next.chunks
            .reserve(self.sink.most() + self.cutter.maximum());
        next.chunks.extend_from_slice(&rest);
        self.sink.send(mem::replace(&mut self.batch, next))
    }
}

impl<S: Sink> Visitor for Splitter<S> {
    const DIGESTS: bool = false;

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.framing = 0;
        self.change(Kind::Content)?;
        self.push(bytes)
    }

    fn framing(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (literal, excess) = bytes.split_at(bytes.len().min(FRAMING_LIMIT - self.framing));
        if !literal.is_empty() {
            self.change(Kind::Framing)?;
            self.framing += literal.len();
            self.push_literal(literal)?;
        }
        if !excess.is_empty() {
            self.change(Kind::Excess)?;
            self.push(excess)?;
        }
        Ok(())
    }

    /// Two contents without framing between them are two all the same.
    fn entry(&mut self, _entry: &Entry) -> io::Result<()> {
        self.framing = 0;
        self.end_content()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "at most the size of a chunk, TINY or FRAMING_LIMIT"
)]
const fn short(length: usize) -> u32 {
    length as u32
}
