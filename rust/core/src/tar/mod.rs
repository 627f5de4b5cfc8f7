//! Tar streams: V7, POSIX ustar and PAX (POSIX.1-2024, `pax`), and the extensions of GNU tar, sparse files among them.

mod content;
mod extension;
mod header;
mod input;
mod number;
mod pax;
mod reader;
mod sparse;
mod visitor;

pub use pax::PAX_HEADER_LIMIT;
pub use reader::{PATH_LIMIT, TarReader, begins_tar};
pub use sparse::{HOLES_LIMIT, SEGMENTS_LIMIT};
pub use visitor::Visitor;

/// Bytes of a tar's records: each header is one, and content is padded to whole ones.
const RECORD: usize = 512;

/// The same, to calculate with sizes.
const RECORD_SIZE: u64 = RECORD as u64;
