//! Blobs as pieces: chunks cut where their content says, and literals between them.

mod batch;
mod chunker;
mod fast_cdc;
mod gear;
mod scan;
mod splitter;
mod stamp;

pub use batch::ChunkBatch;
pub use chunker::{ChunkError, Chunker};
pub use fast_cdc::{FastCdc, SizesError};
