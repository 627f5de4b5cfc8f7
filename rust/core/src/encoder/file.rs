//! Compressed files of either format: which encoder made them, and how they are made again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::compress::Compression;
use crate::encoder::find_gzip::find_gzip;
use crate::encoder::find_zstd::find_zstd;
use crate::encoder::gzip_reencoder::GzipReencoder;
use crate::encoder::zstd_reencoder::ZstdReencoder;
use crate::encoder::{FormError, GzipForm, ZstdForm};
use crate::error::FileError;

/// How a file is made of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileForm {
    /// Of gzip members.
    Gzip(GzipForm),
    /// Of zstd frames.
    Zstd(ZstdForm),
}

impl FileForm {
    /// Read what a recipe says.
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn parse(name: &str, parameters: &[u8]) -> Result<Self, FormError> {
        if ZstdForm::is_of(name) {
            return ZstdForm::parse(name, parameters).map(Self::Zstd);
        }
        GzipForm::parse(name, parameters).map(Self::Gzip)
    }

    /// What recipes call the encoder.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gzip(form) => form.encoder().name(),
            Self::Zstd(form) => form.settings().generation().name(),
        }
    }

    /// What a recipe keeps besides the encoder's name.
    #[must_use]
    pub fn parameters(&self) -> &[u8] {
        match self {
            Self::Gzip(form) => form.parameters(),
            Self::Zstd(form) => form.parameters(),
        }
    }
}

/// Finds the encoder that makes a file of its content; none where no known one does, or it is not compressed.
///
/// # Errors
/// The file cannot be read.
pub fn find_encoder(path: &Path) -> Result<Option<FileForm>, FileError> {
    find(path).map_err(FileError::at(path))
}

fn find(path: &Path) -> io::Result<Option<FileForm>> {
    let mut start = Vec::new();
    let length = Compression::MAGIC_LENGTH as u64;
    File::open(path)?.take(length).read_to_end(&mut start)?;
    match Compression::detect(&start) {
        Compression::None => Ok(None),
        Compression::Gzip => Ok(find_gzip(path)?.map(FileForm::Gzip)),
        Compression::Zstd => Ok(find_zstd(path)?.map(FileForm::Zstd)),
    }
}

/// The content is not as long as the form says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content has {actual} bytes, not {expected}")]
pub struct ContentError {
    /// Bytes of all members or frames.
    pub expected: u64,
    /// Bytes that came, at least.
    pub actual: u64,
}

/// Takes content, and gives the file that a form describes; holds at most a few blocks, or two windows.
pub struct Reencoder(Writer);

enum Writer {
    Gzip(GzipReencoder),
    Zstd(ZstdReencoder),
}

impl Reencoder {
    /// At the beginning of the content.
    #[must_use]
    pub fn new(form: FileForm) -> Self {
        Self(match form {
            FileForm::Gzip(form) => Writer::Gzip(GzipReencoder::new(form)),
            FileForm::Zstd(form) => Writer::Zstd(ZstdReencoder::new(form)),
        })
    }

    /// As a recipe names it.
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn parse(name: &str, parameters: &[u8]) -> Result<Self, FormError> {
        FileForm::parse(name, parameters).map(Self::new)
    }

    /// Take content, and append what can be said of it.
    ///
    /// # Errors
    /// There is more than there should be.
    pub fn write(&mut self, content: &[u8], output: &mut Vec<u8>) -> Result<(), ContentError> {
        match &mut self.0 {
            Writer::Gzip(writer) => writer.write(content, output),
            Writer::Zstd(writer) => writer.write(content, output),
        }
    }

    /// End the file.
    ///
    /// # Errors
    /// There is less content than there should be.
    pub fn finish(self, output: &mut Vec<u8>) -> Result<(), ContentError> {
        match self.0 {
            Writer::Gzip(writer) => writer.finish(output),
            Writer::Zstd(writer) => writer.finish(output),
        }
    }
}
