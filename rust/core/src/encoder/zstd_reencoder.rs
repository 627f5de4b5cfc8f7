//! From the content back to the zstd file.

use crate::encoder::{ContentError, End, ZstdForm};
use crate::klauspost_zstd::ZstdEncoder;

/// Takes content, and gives the zstd file that a form describes; holds two windows.
pub struct ZstdReencoder {
    form: ZstdForm,
    encoder: ZstdEncoder,
    /// The next section to begin.
    next: usize,
    /// Whether the one before that is not ended.
    is_open: bool,
    /// Bytes of content that it has not got yet.
    left: u64,
    /// Bytes of content so far.
    size: u64,
}

impl ZstdReencoder {
    /// At the beginning of the content.
    pub fn new(form: ZstdForm) -> Self {
        Self {
            encoder: ZstdEncoder::new(form.settings()),
            form,
            next: 0,
            is_open: false,
            left: 0,
            size: 0,
        }
    }

    /// Take content, and append what can be said of it.
    ///
    /// # Errors
    /// There is more than there should be.
    pub fn write(&mut self, mut content: &[u8], output: &mut Vec<u8>) -> Result<(), ContentError> {
        while !content.is_empty() {
            if !self.takes_content(output) {
                self.size += content.len() as u64;
                return Err(self.error());
            }
            let length = usize::try_from(self.left).unwrap_or(usize::MAX);
            let (now, rest) = content.split_at(length.min(content.len()));
            self.encoder.write(now, output);
            self.size += now.len() as u64;
            self.left -= now.len() as u64;
            content = rest;
        }
        Ok(())
    }

    /// End the file.
    ///
    /// # Errors
    /// There is less content than there should be.
    pub fn finish(mut self, output: &mut Vec<u8>) -> Result<(), ContentError> {
        if self.takes_content(output) {
            return Err(self.error());
        }
        Ok(())
    }

    /// Whether there is a section that takes more content; full ones are ended, empty ones passed over.
    fn takes_content(&mut self, output: &mut Vec<u8>) -> bool {
        while self.left == 0 {
            if self.is_open {
                let end = &self.form.sections()[self.next - 1].end;
                match end {
                    End::Frame | End::Checksum(_) => self.encoder.finish(output),
                    End::Flush => self.encoder.flush(output),
                    End::File => {}
                }
                output.extend_from_slice(end.bytes());
            }
            let section = self.form.sections().get(self.next);
            self.is_open = section.is_some();
            let Some(section) = section else {
                return false;
            };
            output.extend_from_slice(&section.start);
            self.left = section.size;
            self.next += 1;
        }
        true
    }

    fn error(&self) -> ContentError {
        let sizes = self.form.sections().iter().map(|section| section.size);
        ContentError {
            expected: sizes.fold(0, u64::saturating_add),
            actual: self.size,
        }
    }
}
