//! What a recipe rebuilds, and how the blob is made of it.

use crate::digest::Digest;
use crate::recipe::PARAMETERS_LIMIT;

/// A blob, and the content that its pieces are together: the blob itself, or what it holds compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Digest of the blob.
    pub digest: Digest,
    /// How many bytes the blob has.
    pub size: u64,
    /// Digest of all pieces in order.
    pub content_digest: Digest,
    /// How many bytes the pieces have.
    pub content_size: u64,
}

/// How the blob is made of its content: the encoder and its parameters; the name is empty where the two are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transform {
    name: String,
    parameters: Vec<u8>,
}

/// A transform cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// Its name is none.
    #[error("the name of a transform is at most 255 printable ASCII characters")]
    Name,
    /// It has too many parameters, or some without a name.
    #[error(
        "the parameters of a transform are at most {PARAMETERS_LIMIT} bytes, and none where it has no name"
    )]
    Parameters,
}

impl Transform {
    /// An encoder by its name, with parameters that it understands.
    ///
    /// # Errors
    /// The name is not printable ASCII, or either is too long.
    pub fn new(name: &str, parameters: &[u8]) -> Result<Self, TransformError> {
        if name.len() > usize::from(u8::MAX) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TransformError::Name);
        }
        if parameters.len() > PARAMETERS_LIMIT || (name.is_empty() && !parameters.is_empty()) {
            return Err(TransformError::Parameters);
        }
        Ok(Self {
            name: name.to_owned(),
            parameters: parameters.to_owned(),
        })
    }

    /// The encoder, or nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The encoder's parameters.
    #[must_use]
    pub fn parameters(&self) -> &[u8] {
        &self.parameters
    }

    /// Whether the blob is its content.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.name.is_empty()
    }
}
