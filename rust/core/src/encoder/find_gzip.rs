//! Which encoder made a gzip file: the one whose output is the file.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::compress::CONTENT_LIMIT;
use crate::encoder::candidates::{Outcome, find_first};
use crate::encoder::expected::{Expected, STEP, open};
use crate::encoder::gzip_writer::GzipWriter;
use crate::encoder::{ENCODERS, Encoder, GzipForm, Member};
use crate::gzip::{GzipReader, Part};

/// Bytes of a header from MTIME on: the time, XFL, OS (RFC 1952, section 2.3.1).
const TIME_TO_SYSTEM: Range<usize> = 4..10;

/// No time, as Go's library writes it.
const NO_TIME: [u8; 4] = [0; 4];

/// No time, as pgzip writes it: the lower half of the seconds from the year 1970 to the year 1.
const YEAR_ONE: [u8; 4] = [0x00, 0x09, 0x6e, 0x88];

/// No system, as both write it, and Python and Java.
const UNKNOWN_SYSTEM: u8 = 255;

/// The system that zlib itself, Perl, libarchive and pigz write: Unix.
const UNIX: u8 = 3;

/// Find the encoder that makes a gzip file of its content; none where no known one does.
pub fn find_gzip(path: &Path) -> io::Result<Option<GzipForm>> {
    find(path, CONTENT_LIMIT)
}

/// Looks at so much content at the most: a small file can hold any number of bytes.
fn find(path: &Path, limit: u64) -> io::Result<Option<GzipForm>> {
    find_first(ENCODERS, limit, |encoder, limit| {
        compare(path, encoder, limit)
    })
}

/// Compresses the content of a file, or about so many bytes of it, for as long as that gives the file.
fn compare(path: &Path, encoder: Encoder, limit: u64) -> io::Result<Outcome<GzipForm>> {
    let mut file = GzipReader::new(open(path)?);
    let mut comparison = Comparison {
        form: GzipForm::new(encoder),
        member: None,
        expected: Expected::open(path)?,
        output: Vec::new(),
    };
    let mut content = vec![0; STEP];
    let mut size = 0;
    while size <= limit {
        match file.next_part(&mut content) {
            Ok(Some(part)) => {
                if let Part::Content(length) = part {
                    size += length as u64;
                }
                if !comparison.fits(part, &content)? {
                    return Ok(Outcome::Different);
                }
            }
            Ok(None) => return comparison.finish(),
            Err(error) if error.raw_os_error().is_some() => return Err(error),
            // It is no gzip file, or a damaged one.
            Err(_) => return Ok(Outcome::Different),
        }
    }
    Ok(Outcome::Limit)
}

/// What an encoder writes, beside what the file has.
struct Comparison {
    form: GzipForm,
    /// The current one, with its header.
    member: Option<(GzipWriter, Arc<[u8]>)>,
    expected: Expected,
    output: Vec<u8>,
}

impl Comparison {
    /// Whether the file has what the encoder writes.
    fn fits(&mut self, part: Part, content: &[u8]) -> io::Result<bool> {
        match part {
            Part::Header(header) => {
                // The last member of an eStargz layer is empty, and of another level.
                if self.form.members().is_empty() && !plausible(self.form.encoder(), &header) {
                    return Ok(false);
                }
                let writer = GzipWriter::begin(self.form.encoder(), &header, &mut self.output);
                self.member = writer.map(|writer| (writer, Arc::from(header)));
            }
            Part::Content(length) => {
                if let Some((writer, _)) = &mut self.member {
                    writer.write(&content[..length], &mut self.output);
                }
            }
            Part::End => return self.fits_end(),
        }
        self.expected.agrees(&mut self.output)
    }

    /// Whether the file has one of the ends that the member may have.
    fn fits_end(&mut self) -> io::Result<bool> {
        let Some((writer, header)) = self.member.take() else {
            return Ok(false);
        };
        let size = writer.size();
        let mut expected = Vec::new();
        for (flushed, end) in [false, true].into_iter().zip(writer.ends()) {
            let missing = end.len() - expected.len();
            self.expected.take(missing, &mut expected)?;
            if expected == end {
                return Ok(self.form.push(Member {
                    header,
                    size,
                    flushed,
                }));
            }
        }
        Ok(false)
    }

    /// The form, if nothing of the file is left.
    fn finish(mut self) -> io::Result<Outcome<GzipForm>> {
        let complete = self.expected.is_at_end()? && !self.form.members().is_empty();
        Ok(if complete {
            Outcome::Whole(self.form)
        } else {
            Outcome::Different
        })
    }
}

/// Whether an encoder could have written a header.
fn plausible(encoder: Encoder, header: &[u8]) -> bool {
    let Some(&[a, b, c, d, effort, system]) = header.get(TIME_TO_SYSTEM) else {
        return false;
    };
    let time = [a, b, c, d];
    let expected = match encoder.level() {
        1 => 4,
        9 => 2,
        _ => 0,
    };
    let fits = effort == expected;
    match encoder {
        Encoder::Go { .. } => fits && system == UNKNOWN_SYSTEM && time != YEAR_ONE,
        Encoder::Pgzip { .. } => fits && system == UNKNOWN_SYSTEM && time != NO_TIME,
        // Java's header is the same whatever the level, and so is that of Python's `tarfile` for a stream.
        Encoder::Zlib { .. } => fits || system != UNIX,
        Encoder::Pigz { .. } => fits && system == UNIX,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    #[test]
    fn no_more_content_is_looked_at_than_layers_may_hold() {
        let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, UNKNOWN_SYSTEM];
        let content = vec![7; 2 << 20];
        let mut file = Vec::new();
        let mut member = GzipWriter::begin(ENCODERS[0], &header, &mut file).unwrap();
        member.write(&content, &mut file);
        member.end(false, &mut file);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bomb");
        fs::write(&path, file).unwrap();
        let size = content.len() as u64;
        assert!(find(&path, size).unwrap().is_some());
        assert!(find(&path, size - 1).unwrap().is_none());
    }
}
