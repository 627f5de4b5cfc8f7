//! Hashing, tar streams and layer files for Lamella.
//!
//! Pure Rust: nothing here knows Python, and nothing here is asynchronous.
