//! gzip members (RFC 1952), inflated one after the other.
//!
//! The content's checksum takes a fifteenth of the time that inflating takes, so whoever takes the content computes it,
//! on another thread, and compares it at the end with what all the members announce together.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, OnceLock};

use crc32fast::Hasher as Crc32;
use flate2::{Decompress, FlushDecompress, Status};

use crate::compress::{Compression, damaged};

/// What every member begins with: the magic bytes, and DEFLATE as its method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Bits of FLG (RFC 1952, section 2.3.1); FTEXT, the lowest, changes nothing.
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// The most bytes of a member's header that are kept.
pub const HEADER_LIMIT: u16 = 4096;

const WRONG_CHECKSUM: &str = "incorrect data check";

/// The CRC-32 of the content of all members, set once they have all been read.
type Announced = Arc<OnceLock<u32>>;

/// The content of all members and the check that goes with it, to be given every byte and, at the end, none.
pub fn decode<R: BufRead>(
    input: R,
) -> (
    GzipReader<R>,
    impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
) {
    let reader = GzipReader::new(input);
    let announced = Arc::clone(&reader.announced);
    let mut actual = Crc32::new();
    let check = move |content: &[u8]| {
        actual.update(content);
        if content.is_empty() && announced.get() != Some(&actual.clone().finalize()) {
            return Err(invalid(WRONG_CHECKSUM));
        }
        Ok(())
    };
    (reader, check)
}

/// Reads the content of all members, each verified by its length.
pub struct GzipReader<R> {
    input: R,
    inflate: Decompress,
    place: Place,
    /// Of the members so far, as they announce it.
    checksum: Crc32,
    announced: Announced,
}

/// Where a reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a header, or at the end.
    Between,
    /// Within the compressed content of a member.
    Content,
    /// Before a trailer.
    Trailer,
}

/// What comes next in a gzip file.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// A member begins: its header, of which no more than [`HEADER_LIMIT`] bytes and one are kept.
    Header(Vec<u8>),
    /// So many bytes of its content were written to the output.
    Content(usize),
    /// The member ends; its trailer is eight bytes.
    End,
}

impl<R: BufRead> GzipReader<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            inflate: Decompress::new(false),
            place: Place::Between,
            checksum: Crc32::new(),
            announced: Announced::default(),
        }
    }

    /// What comes next, with content in `output`, which has room for some; nothing at the end.
    pub fn next_part(&mut self, output: &mut [u8]) -> io::Result<Option<Part>> {
        loop {
            if self.place == Place::Trailer {
                return self.end_member().map(|()| Some(Part::End));
            }
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                if self.place == Place::Content {
                    return Err(truncated());
                }
                // Set before; the end may be read more than once.
                let _ = self.announced.set(self.checksum.clone().finalize());
                return Ok(None);
            }
            if self.place == Place::Between {
                return self.begin_member().map(|header| Some(Part::Header(header)));
            }
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(input, output, FlushDecompress::None)
                .map_err(|error| invalid(error.message().unwrap_or("corrupt data")))?;
            let read = self.inflate.total_in() - read;
            let written = self.inflate.total_out() - written;
            self.input.consume(length(read));
            if status == Status::StreamEnd {
                self.place = Place::Trailer;
            } else if read == 0 && written == 0 {
                return Err(invalid("the decoder makes no progress"));
            }
            if written > 0 {
                return Ok(Some(Part::Content(length(written))));
            }
        }
    }

    fn begin_member(&mut self) -> io::Result<Vec<u8>> {
        let mut header = Header {
            input: &mut self.input,
            kept: Vec::new(),
            checksum: Crc32::new(),
        };
        if header.bytes()? != MAGIC {
            return Err(invalid("incorrect header"));
        }
        let [flags, ..] = header.bytes::<7>()?;
        if flags & RESERVED != 0 {
            return Err(invalid("unknown flags in a header"));
        }
        if flags & EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(header.bytes()?) {
                header.bytes::<1>()?;
            }
        }
        for field in [NAME, COMMENT] {
            while flags & field != 0 && header.bytes()? != [0] {}
        }
        // The lower half of the CRC-32 of all that comes before it.
        let [low, high, ..] = header.checksum.clone().finalize().to_le_bytes();
        if flags & HEADER_CHECKSUM != 0 && header.bytes()? != [low, high] {
            return Err(invalid("incorrect header check"));
        }
        self.inflate.reset(false);
        self.place = Place::Content;
        Ok(header.kept)
    }

    fn end_member(&mut self) -> io::Result<()> {
        let checksum = u32::from_le_bytes(read_bytes(&mut self.input)?);
        let length = u32::from_le_bytes(read_bytes(&mut self.input)?);
        let actual = self.inflate.total_out();
        // Combining cannot tell the checksum of no bytes from any other.
        if actual == 0 && checksum != 0 {
            return Err(invalid(WRONG_CHECKSUM));
        }
        // ISIZE is the length modulo 2^32.
        if u64::from(length) != actual & u64::from(u32::MAX) {
            return Err(invalid("incorrect length check"));
        }
        self.checksum
            .combine(&Crc32::new_with_initial_len(checksum, actual));
        self.place = Place::Between;
        Ok(())
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        loop {
            match self.next_part(output)? {
                Some(Part::Content(length)) => return Ok(length),
                Some(Part::Header(_) | Part::End) => {}
                None => return Ok(0),
            }
        }
    }
}

/// The header of a member, which may hold a checksum of itself.
struct Header<'input, R> {
    input: &'input mut R,
    kept: Vec<u8>,
    checksum: Crc32,
}

impl<R: BufRead> Header<'_, R> {
    fn bytes<const LENGTH: usize>(&mut self) -> io::Result<[u8; LENGTH]> {
        let bytes = read_bytes(self.input)?;
        self.checksum.update(&bytes);
        let room = usize::from(HEADER_LIMIT) + 1 - self.kept.len();
        self.kept.extend_from_slice(&bytes[..LENGTH.min(room)]);
        Ok(bytes)
    }
}

fn read_bytes<const LENGTH: usize>(input: &mut impl BufRead) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    input
        .read_exact(&mut bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => truncated(),
            _ => error,
        })?;
    Ok(bytes)
}

fn truncated() -> io::Error {
    damaged(
        io::ErrorKind::UnexpectedEof,
        Compression::Gzip,
        "it ends within a member",
    )
}

fn invalid(reason: &str) -> io::Error {
    damaged(io::ErrorKind::InvalidData, Compression::Gzip, reason)
}

/// A count of bytes within one buffer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "no more than the length of a buffer"
)]
const fn length(bytes: u64) -> usize {
    bytes as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// DEFLATE's stored block, the last one, of a few bytes.
    fn member(flags: u8, fields: &[u8], content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let mut header = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
        header.extend(fields);
        if flags & HEADER_CHECKSUM != 0 {
            let checksum = crc32fast::hash(&header).to_le_bytes();
            header.extend(&checksum[..2]);
        }
        [
            &header,
            [1].as_slice(),
            &length.to_le_bytes(),
            &(!length).to_le_bytes(),
            content,
            &crc32fast::hash(content).to_le_bytes(),
            &u32::from(length).to_le_bytes(),
        ]
        .concat()
    }

    fn inflate(gzip: &[u8]) -> io::Result<Vec<u8>> {
        let (mut reader, mut check) = decode(gzip);
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        check(&content)?;
        check(&[])?;
        Ok(content)
    }

    #[test]
    fn every_field_of_a_header_is_passed_over() {
        let fields = b"\x03\0abcname\0comment\0";
        let flags = HEADER_CHECKSUM | EXTRA | NAME | COMMENT | 1;
        let gzip = member(flags, fields, b"content");
        assert_eq!(inflate(&gzip).unwrap(), b"content");
        for length in 1..gzip.len() {
            let error = inflate(&gzip[..length]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
        for position in 10..10 + fields.len() + 2 {
            let mut damaged = gzip.clone();
            damaged[position] ^= 1;
            assert!(inflate(&damaged).is_err(), "{position}");
        }
    }

    #[test]
    fn unknown_flags_are_refused() {
        for flag in [0x20, 0x40, 0x80] {
            let error = inflate(&member(flag, b"", b"content")).unwrap_err();
            assert!(error.to_string().contains("unknown flags"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn the_checksum_of_any_member_counts(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 1..6),
            damaged in any::<proptest::sample::Index>(),
            bit in 0..32_usize,
        ) {
            let mut members: Vec<_> = contents.iter().map(|content| member(0, b"", content)).collect();
            prop_assert_eq!(inflate(&members.concat()).unwrap(), contents.concat());
            let damaged = damaged.get_mut(&mut members);
            let checksum = damaged.len() - 8;
            damaged[checksum + bit / 8] ^= 1 << (bit % 8);
            let error = inflate(&members.concat()).unwrap_err();
            prop_assert!(error.to_string().contains("data check"), "{}", error);
        }
    }
}
