//! DEFLATE (RFC 1951) exactly as certain encoders write it, so that compressed layers can be made again from their
//! content.

#![expect(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions have limits that their types have room for"
)]

pub(crate) mod bits;
pub(crate) mod block;
mod chains;
pub(crate) mod code;
mod fast;
mod go;
pub(crate) mod header;
mod levels;
mod symbols;

pub use go::{DEFAULT_LEVEL, GoEncoder, LEVELS};
