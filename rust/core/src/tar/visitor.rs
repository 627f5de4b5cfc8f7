//! Who else looks at the bytes of a tar as they pass.

use std::io;

use crate::entry::Entry;

/// Sees every byte of a tar once and in order, as content or as framing.
///
/// An error of its own ends the pass.
pub trait Visitor {
    /// Whether entries have digests, which take time; without, they are None.
    const DIGESTS: bool = true;

    /// Stored bytes of the content of the entry that comes next; of a sparse file, without its holes.
    ///
    /// # Errors
    /// Whatever keeps the visitor from going on.
    fn content(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Headers, padding, the end of the archive and what follows it.
    ///
    /// # Errors
    /// Whatever keeps the visitor from going on.
    fn framing(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// The entry whose content, if it has any, has just passed; its padding follows.
    ///
    /// # Errors
    /// Whatever keeps the visitor from going on.
    fn entry(&mut self, _entry: &Entry) -> io::Result<()> {
        Ok(())
    }
}

/// Looks at nothing.
impl Visitor for () {}
