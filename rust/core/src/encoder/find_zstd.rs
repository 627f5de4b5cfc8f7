//! Which encoder made a zstd file: the one whose output is the file.

use std::io;
use std::mem;
use std::path::Path;

use crate::compress::CONTENT_LIMIT;
use crate::encoder::candidates::{Outcome, find_first};
use crate::encoder::expected::{Expected, STEP, open};
use crate::encoder::{End, Section, ZstdForm};
use crate::klauspost_zstd::{Level, Settings, ZstdEncoder};
use crate::recipe::PARAMETERS_LIMIT;
use crate::zstd_frames::{Part, ZstdReader};

/// The window of a frame whose content is small.
const LEAST_WINDOW: u64 = 1 << 10;

/// Find the encoder that makes a zstd file of its content; none where no known one does.
pub fn find_zstd(path: &Path) -> io::Result<Option<ZstdForm>> {
    find_first(Settings::all(), CONTENT_LIMIT, |settings, limit| {
        Comparison::open(path, settings)?.run(path, limit)
    })
}

/// What an encoder writes, beside what the file has.
struct Comparison {
    form: ZstdForm,
    encoder: ZstdEncoder,
    /// What the file has between the blocks of two frames.
    start: Vec<u8>,
    /// Bytes of the current section's content.
    size: u64,
    /// Bytes of the current block's.
    block: usize,
    expected: Expected,
    output: Vec<u8>,
}

impl Comparison {
    fn open(path: &Path, settings: Settings) -> io::Result<Self> {
        Ok(Self {
            encoder: ZstdEncoder::new(settings),
            form: ZstdForm::new(settings),
            start: Vec::new(),
            size: 0,
            block: 0,
            expected: Expected::open(path)?,
            output: Vec::new(),
        })
    }

    const fn level(&self) -> Level {
        self.form.settings().level()
    }

    /// Compress the content of the file, or about so many bytes of it, for as long as that gives the file.
    fn run(mut self, path: &Path, limit: u64) -> io::Result<Outcome<ZstdForm>> {
        let mut file = ZstdReader::new(open(path)?)?;
        let mut content = vec![0; STEP];
        let mut total = 0;
        while total <= limit {
            match file.next_part(&mut content) {
                Ok(Some(part)) => {
                    if let Part::Content(length) = part {
                        total += length as u64;
                    }
                    if !self.fits(part, &content)? {
                        return Ok(Outcome::Different);
                    }
                }
                Ok(None) => return Ok(self.finish()),
                Err(error) if error.raw_os_error().is_some() => return Err(error),
                // It is no zstd file, or a damaged one.
                Err(_) => return Ok(Outcome::Different),
            }
        }
        Ok(Outcome::Limit)
    }

    /// Whether the file has what the encoder writes.
    fn fits(&mut self, part: Part, content: &[u8]) -> io::Result<bool> {
        match part {
            Part::Skippable(bytes) => self.add_start(&bytes),
            Part::Header { bytes, window } => {
                Ok(plausible(self.level(), window) && self.add_start(&bytes)?)
            }
            Part::Content(length) => {
                self.encoder.write(&content[..length], &mut self.output);
                self.size += length as u64;
                self.block += length;
                self.agrees()
            }
            Part::BlockEnd => {
                let is_short = mem::take(&mut self.block) < self.level().block_size();
                Ok(!is_short || self.end_section(End::Flush)?)
            }
            Part::End(checksum) => {
                self.block = 0;
                self.end_section(checksum.map_or(End::Frame, End::Checksum))
            }
        }
    }

    fn end_section(&mut self, end: End) -> io::Result<bool> {
        if end == End::Flush {
            self.encoder.flush(&mut self.output);
        } else {
            self.encoder.finish(&mut self.output);
        }
        self.output.extend(end.bytes());
        let section = Section {
            start: mem::take(&mut self.start),
            size: mem::take(&mut self.size),
            end,
        };
        Ok(self.agrees()? && self.form.push(section))
    }

    /// Take bytes of the file as they are.
    fn add_start(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.start.extend(bytes);
        self.output.extend(bytes);
        Ok(self.start.len() <= PARAMETERS_LIMIT && self.agrees()?)
    }

    /// Whether the file goes on with the output.
    fn agrees(&mut self) -> io::Result<bool> {
        self.expected.agrees(&mut self.output)
    }

    /// At the end of the file, where skippable frames may be left.
    fn finish(mut self) -> Outcome<ZstdForm> {
        let rest = Section {
            start: mem::take(&mut self.start),
            size: 0,
            end: End::File,
        };
        let has_frames = !self.form.sections().is_empty();
        if has_frames && (rest.start.is_empty() || self.form.push(rest)) {
            return Outcome::Whole(self.form);
        }
        Outcome::Different
    }
}

/// Whether the library could have written a window: that of its level, or, for a small frame, the least there is.
fn plausible(level: Level, window: Option<u64>) -> bool {
    window.is_none_or(|window| window == LEAST_WINDOW || window == level.reach().into())
}
