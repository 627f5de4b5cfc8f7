//! The 512-byte header of an entry.

use crate::entry::MODE_MASK;
use crate::error::TarProblem;
use crate::tar::number::{LARGEST_SIZE, parse_field};
use crate::tar::{RECORD, RECORD_SIZE};

/// Where the checksum is, which counts as spaces in itself.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Major and minor device numbers of Linux fit in this.
const LARGEST_DEVICE: u64 = u32::MAX as u64;

/// User and group IDs of Linux fit in this; the last one is no ID.
const LARGEST_ID: u64 = u32::MAX as u64;

/// What `magic` tells of a header's layout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    V7,
    Gnu,
    /// With a `prefix` of so many bytes.
    Ustar(usize),
}

/// A header whose checksum is right.
pub struct Header([u8; RECORD]);

impl Header {
    /// An empty one, to be read into.
    pub const fn blank() -> Self {
        Self([0; RECORD])
    }

    pub const fn bytes_mut(&mut self) -> &mut [u8; RECORD] {
        &mut self.0
    }

    pub fn is_zero(&self) -> bool {
        self.0 == [0; RECORD]
    }

    /// # Errors
    /// The checksum is that of neither unsigned nor signed bytes (some historical writers took the latter).
    pub fn verify(&self) -> Result<(), TarProblem> {
        let most = RECORD_SIZE * u64::from(u8::MAX);
        let stored =
            parse_field("checksum", &self.0[CHECKSUM], most).map_err(|_| TarProblem::Checksum)?;
        let unsigned = self.checksum(u32::from);
        // In two's complement, wrapping sums make a signed byte's negative number the right one.
        let signed = || self.checksum(|byte| i32::from(byte.cast_signed()).cast_unsigned());
        if stored == u64::from(unsigned) || stored == u64::from(signed()) {
            Ok(())
        } else {
            Err(TarProblem::Checksum)
        }
    }

    fn checksum(&self, value: impl Fn(u8) -> u32) -> u32 {
        let sum = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u32, |sum, byte| sum.wrapping_add(value(*byte)))
        };
        let spaces = [b' '; CHECKSUM.end - CHECKSUM.start];
        sum(&self.0)
            .wrapping_sub(sum(&self.0[CHECKSUM]))
            .wrapping_add(sum(&spaces))
    }

    pub const fn type_flag(&self) -> u8 {
        self.0[156]
    }

    /// The path, with the prefix where the layout has one.
    pub fn path(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        match self.layout() {
            Layout::Ustar(prefix) if self.0[345] != 0 => {
                [text(&self.0[345..345 + prefix]), name].join(&b'/')
            }
            _ => name.to_vec(),
        }
    }

    pub fn link_target(&self) -> &[u8] {
        text(&self.0[157..257])
    }

    pub fn mode(&self) -> Result<u32, TarProblem> {
        // Historical writers store the type of the file above the permission bits.
        small("mode", &self.0[100..108], u32::MAX.into()).map(|mode| mode & MODE_MASK)
    }

    pub fn uid(&self) -> Result<u32, TarProblem> {
        small("uid", &self.0[108..116], LARGEST_ID)
    }

    pub fn gid(&self) -> Result<u32, TarProblem> {
        small("gid", &self.0[116..124], LARGEST_ID)
    }

    pub fn size(&self) -> Result<u64, TarProblem> {
        parse_field("size", &self.0[124..136], LARGEST_SIZE)
    }

    /// Major and minor number.
    pub fn device(&self) -> Result<(u32, u32), TarProblem> {
        Ok((
            small("device major", &self.0[329..337], LARGEST_DEVICE)?,
            small("device minor", &self.0[337..345], LARGEST_DEVICE)?,
        ))
    }

    /// Of an old GNU sparse header: the first segments of the map, and whether more follow in records of their own.
    pub fn sparse_map(&self) -> (&[u8], bool) {
        (&self.0[386..482], self.0[482] != 0)
    }

    /// Of an old GNU sparse header: the size of the file with its holes.
    pub fn expanded_size(&self) -> Result<u64, TarProblem> {
        parse_field("realsize", &self.0[483..495], LARGEST_SIZE)
    }

    fn layout(&self) -> Layout {
        match &self.0[257..265] {
            b"ustar  \0" => Layout::Gnu,
            // Joerg Schilling's tar keeps times after a shorter prefix, and says so at the end of the record.
            [b'u', b's', b't', b'a', b'r', 0, ..] if self.0[508..] == *b"tar\0" => {
                Layout::Ustar(131)
            }
            [b'u', b's', b't', b'a', b'r', 0, ..] => Layout::Ustar(155),
            _ => Layout::V7,
        }
    }
}

/// A text field, which ends at the first NUL or fills its bytes.
pub fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "every `most` given here fits"
)]
fn small(field: &'static str, bytes: &[u8], most: u64) -> Result<u32, TarProblem> {
    parse_field(field, bytes, most).map(|value| value as u32)
}
