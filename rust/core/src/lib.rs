//! Hashing, tar streams and layer files for Lamella.
//!
//! Pure Rust: nothing here knows Python, and nothing here is asynchronous.

mod agreement;
pub mod blob_file;
pub mod chunk;
pub mod compress;
pub mod context;
pub mod copy_source;
pub mod damage;
pub mod deflate;
pub mod digest;
pub mod digest_set;
pub mod encoder;
pub mod entry;
pub mod error;
mod fields;
pub mod frame;
pub mod glob;
mod gzip;
pub mod hash_files;
pub mod klauspost_zstd;
pub mod layer;
pub mod layer_content;
mod layer_header;
mod layer_output;
pub mod layer_writer;
pub mod memory;
pub mod new_file;
pub mod pack;
pub mod pattern;
pub mod pgzip;
mod read_ahead;
mod receive;
pub mod recipe;
pub mod sha256;
pub mod sha256_many;
pub mod sha256_pair;
#[cfg(target_arch = "x86_64")]
mod sha256_x86;
pub mod tar;
pub mod tree;
pub mod walk;
pub mod zlib;
mod zstd_frames;
