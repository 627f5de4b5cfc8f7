//! From the content back to the gzip file.

use crate::encoder::gzip_writer::GzipWriter;
use crate::encoder::{ContentError, GzipForm};

/// Takes content, and gives the gzip file that a form describes; holds at most a few blocks.
pub struct GzipReencoder {
    form: GzipForm,
    /// The next member to begin.
    next: usize,
    current: Option<GzipWriter>,
    /// Bytes of content so far.
    size: u64,
}

impl GzipReencoder {
    /// At the beginning of the content.
    pub const fn new(form: GzipForm) -> Self {
        Self {
            form,
            next: 0,
            current: None,
            size: 0,
        }
    }

    /// Take content, and append what can be said of it.
    ///
    /// # Errors
    /// There is more than there should be.
    pub fn write(&mut self, mut content: &[u8], output: &mut Vec<u8>) -> Result<(), ContentError> {
        while !content.is_empty() {
            let Some((mut member, left)) = self.member(output) else {
                self.size += content.len() as u64;
                return Err(self.error());
            };
            let length =
                usize::try_from(left).map_or(content.len(), |left| left.min(content.len()));
            let (now, rest) = content.split_at(length);
            member.write(now, output);
            self.size += now.len() as u64;
            self.current = Some(member);
            content = rest;
        }
        Ok(())
    }

    /// End the file.
    ///
    /// # Errors
    /// There is less content than there should be.
    pub fn finish(mut self, output: &mut Vec<u8>) -> Result<(), ContentError> {
        // Only members without content are left, where nothing is missing.
        if let Some((_, left)) = self.member(output)
            && left > 0
        {
            return Err(self.error());
        }
        Ok(())
    }

    /// The member that takes the next content, and how much of it; full ones are ended, empty ones passed over.
    fn member(&mut self, output: &mut Vec<u8>) -> Option<(GzipWriter, u64)> {
        loop {
            let member = if let Some(member) = self.current.take() {
                member
            } else {
                let header = &self.form.members().get(self.next)?.header;
                self.next += 1;
                // The form is of an encoder that can start.
                GzipWriter::begin(self.form.encoder(), header, output)?
            };
            let description = &self.form.members()[self.next - 1];
            let left = description.size - member.size();
            if left > 0 {
                return Some((member, left));
            }
            member.end(description.flushed, output);
        }
    }

    fn error(&self) -> ContentError {
        let sizes = self.form.members().iter().map(|member| member.size);
        ContentError {
            expected: sizes.fold(0, u64::saturating_add),
            actual: self.size,
        }
    }
}
