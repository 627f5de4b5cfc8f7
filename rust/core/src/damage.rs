//! What is wrong with a pack or a recipe.

use std::borrow::Cow;
use std::fmt;

use crate::digest::Digest;

/// What holds the bytes that are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A pack.
    Pack,
    /// A recipe.
    Recipe,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pack => "pack",
            Self::Recipe => "recipe",
        })
    }
}

/// A pack or recipe is damaged or malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{holder} offset {offset}{}: {problem}", of(chunk.as_ref()))]
pub struct Damage {
    /// Where the offset counts from.
    pub holder: Holder,
    /// Where it was seen, in bytes of the file.
    pub offset: u64,
    /// The chunk that cannot be had, where it is one.
    pub chunk: Option<Digest>,
    /// What is wrong.
    pub problem: Cow<'static, str>,
}

impl Damage {
    /// Something of a recipe.
    pub(crate) fn recipe(offset: usize, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            holder: Holder::Recipe,
            offset: offset as u64,
            chunk: None,
            problem: problem.into(),
        }
    }

    /// Something of a pack.
    pub(crate) fn pack(offset: u64, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            holder: Holder::Pack,
            offset,
            chunk: None,
            problem: problem.into(),
        }
    }

    /// The same, of a chunk.
    pub(crate) fn of(self, chunk: Digest) -> Self {
        Self {
            chunk: Some(chunk),
            ..self
        }
    }
}

fn of(chunk: Option<&Digest>) -> String {
    chunk.map_or_else(String::new, |chunk| format!(", chunk {chunk}"))
}
