//! Blobs as pieces: chunks cut where their content says.

mod fast_cdc;
mod gear;

pub use fast_cdc::{FastCdc, SizesError};
