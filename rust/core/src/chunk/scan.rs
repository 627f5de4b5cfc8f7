//! Shows a splitter all of a blob: entry by entry where it is a tar, as one content from where it is none.

use std::io::{self, BufRead};

use crate::chunk::splitter::{Sink, Splitter};
use crate::error::{LayerError, TarProblem};
use crate::sha256::Sha256;
use crate::tar::{TarReader, Visitor, begins_tar};

/// Cut a whole blob; returns its hash, if it is to be hashed here.
///
/// # Errors
/// The blob cannot be read, or the sink takes no more.
pub fn scan<S: Sink>(
    mut reader: impl BufRead,
    mut splitter: Splitter<S>,
    mut hasher: Option<Sha256>,
) -> io::Result<Option<Sha256>> {
    if begins_tar(reader.fill_buf()?) {
        let mut tar = if hasher.is_some() {
            TarReader::new(&mut reader, None, splitter)
        } else {
            TarReader::without_digest(&mut reader, None, splitter)
        };
        let result = read_entries(&mut tar);
        (splitter, hasher) = tar.into_parts();
        result?;
    }
    splitter.no_more_entries()?;
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        if let Some(hasher) = &mut hasher {
            hasher.update(bytes);
        }
        splitter.content(bytes)?;
        let length = bytes.len();
        reader.consume(length);
    }
    splitter.finish()?;
    Ok(hasher)
}

/// Up to the end of the stream, or to where it is no tar any more: it has been shown all that the reader took of it.
fn read_entries<R: BufRead, V: Visitor>(tar: &mut TarReader<R, V>) -> io::Result<()> {
    loop {
        match tar.next_entry() {
            Ok(Some(_)) => {}
            Err(LayerError::Malformed {
                problem: TarProblem::Stream(error),
                ..
            }) => return Err(error),
            Err(LayerError::File(error)) => return Err(error.source),
            Ok(None) | Err(LayerError::Malformed { .. }) => return Ok(()),
        }
    }
}
