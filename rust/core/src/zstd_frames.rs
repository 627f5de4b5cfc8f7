//! zstd frames (RFC 8878), decompressed one after the other.

use std::io::{self, BufRead, Read};
use std::mem;

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use crate::compress::{Compression, ZSTD_WINDOW_LOG_LIMIT, damaged};

/// What a frame begins with, as a number.
const MAGIC: u32 = 0xfd2f_b528;

/// The same of a skippable frame, whose lowest four bits are any (section 3.1.2).
const SKIPPABLE: u32 = 0x184d_2a50;
const ANY: u32 = 0xf;

/// The most bytes of a skippable frame that is read.
const SKIPPABLE_LIMIT: u32 = 1 << 20;

/// Bits of a frame's descriptor (section 3.1.1.1.1); the highest two are the length of the content's size.
const SINGLE_SEGMENT: u8 = 1 << 5;
const RESERVED: u8 = 1 << 3;
const CHECKSUM: u8 = 1 << 2;
const DICTIONARY: u8 = 3;
const SIZE_SHIFT: u32 = 6;

/// Bits of a window's descriptor below its exponent, and what that is added to (section 3.1.1.1.2).
const WINDOW_SHIFT: u32 = 3;
const LEAST_WINDOW_LOG: u32 = 10;

/// A block's header: the bits of its type and what comes before its size, and the type of a repeated byte
/// (section 3.1.1.2).
const BLOCK_HEADER: usize = 3;
const LAST_BLOCK: u8 = 1;
const TYPE_SHIFT: u32 = 1;
const BLOCK_SIZE_SHIFT: u32 = 3;
const REPEATED_BYTE: u8 = 1;

/// Bytes of a checksum.
pub const CHECKSUM_LENGTH: usize = 4;

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// A whole skippable frame.
    Skippable(Vec<u8>),
    /// A frame begins: its header.
    Header {
        /// It as it is.
        bytes: Vec<u8>,
        /// The bytes that a decoder keeps; None where the header has the size of the content.
        window: Option<u64>,
    },
    /// So many bytes of a block's content were written to the output.
    Content(usize),
    /// A block ends that is not the last of the frame.
    BlockEnd,
    /// The frame ends, its checksum, where it has one, verified.
    End(Option<[u8; CHECKSUM_LENGTH]>),
}

/// Reads the content of all frames, block by block.
pub struct ZstdReader<R> {
    input: R,
    decoder: Decoder<'static>,
    /// What the decoder is given before more of the input.
    given: Vec<u8>,
    /// None before a frame, and at the end.
    block: Option<Block>,
    has_checksum: bool,
}

/// What there is of a block.
#[derive(Clone, Copy)]
struct Block {
    /// Bytes that are not read yet.
    left: usize,
    is_last: bool,
}

impl<R: BufRead> ZstdReader<R> {
    pub fn new(input: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_LIMIT))?;
        Ok(Self {
            input,
            decoder,
            given: Vec::new(),
            block: None,
            has_checksum: false,
        })
    }

    /// What comes next, with content in `output`, which has room for some; nothing at the end.
    pub fn next_part(&mut self, output: &mut [u8]) -> io::Result<Option<Part>> {
        let Some(mut block) = self.block else {
            if self.input.fill_buf()?.is_empty() {
                return Ok(None);
            }
            return self.begin().map(Some);
        };
        let written = self.decompress(&mut block, output)?;
        self.block = Some(block);
        Ok(Some(if written > 0 {
            Part::Content(written)
        } else if block.is_last {
            Part::End(self.end_frame()?)
        } else {
            self.begin_block()?;
            Part::BlockEnd
        }))
    }

    fn begin(&mut self) -> io::Result<Part> {
        let [a, b, c, d] = self.read()?;
        let magic = u32::from_le_bytes([a, b, c, d]);
        if magic & !ANY == SKIPPABLE {
            let length = u32::from_le_bytes(self.read()?);
            if length > SKIPPABLE_LIMIT {
                return Err(invalid("a skippable frame is too long"));
            }
            let mut bytes = mem::take(&mut self.given);
            let mut content = self.input.by_ref().take(length.into());
            return match content.read_to_end(&mut bytes)? {
                read if read as u64 == u64::from(length) => Ok(Part::Skippable(bytes)),
                _ => Err(truncated()),
            };
        }
        let [descriptor] = self.read()?;
        if magic != MAGIC || descriptor & (RESERVED | DICTIONARY) != 0 {
            return Err(invalid("it has frames of another kind"));
        }
        let is_single = descriptor & SINGLE_SEGMENT != 0;
        let mut window = None;
        if !is_single {
            let [byte] = self.read()?;
            let least = 1_u64 << (LEAST_WINDOW_LOG + u32::from(byte >> WINDOW_SHIFT));
            let eighths = u64::from(byte & ((1 << WINDOW_SHIFT) - 1));
            window = Some(least + (least >> WINDOW_SHIFT) * eighths);
        }
        let size_code = descriptor >> SIZE_SHIFT;
        if is_single || size_code > 0 {
            window = None;
            for _ in 0..1_u32 << size_code {
                self.read::<1>()?;
            }
        }
        self.has_checksum = descriptor & CHECKSUM != 0;
        let bytes = self.given.clone();
        self.begin_block()?;
        Ok(Part::Header { bytes, window })
    }

    fn begin_block(&mut self) -> io::Result<()> {
        let [a, b, c] = self.read::<BLOCK_HEADER>()?;
        let size = u32::from_le_bytes([a, b, c, 0]) >> BLOCK_SIZE_SHIFT;
        let is_repeated = a >> TYPE_SHIFT & 3 == REPEATED_BYTE;
        self.block = Some(Block {
            left: if is_repeated { 1 } else { size as usize },
            is_last: a & LAST_BLOCK != 0,
        });
        Ok(())
    }

    /// Decompress some of a block; nothing only at its end.
    fn decompress(&mut self, block: &mut Block, output: &mut [u8]) -> io::Result<usize> {
        let mut output = OutBuffer::around(output);
        while output.pos() == 0 && !self.given.is_empty() {
            let mut input = InBuffer::around(self.given.as_slice());
            self.decoder.run(&mut input, &mut output).map_err(invalid)?;
            let read = input.pos();
            self.given.drain(..read);
        }
        while output.pos() == 0 && block.left > 0 {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return Err(truncated());
            }
            let mut input = InBuffer::around(&input[..input.len().min(block.left)]);
            let result = self.decoder.run(&mut input, &mut output);
            let read = input.pos();
            self.input.consume(read);
            block.left -= read;
            result.map_err(invalid)?;
        }
        if output.pos() == 0 {
            let result = self.decoder.run(&mut InBuffer::around(&[]), &mut output);
            result.map_err(invalid)?;
        }
        Ok(output.pos())
    }

    /// Let the decoder verify the checksum.
    fn end_frame(&mut self) -> io::Result<Option<[u8; CHECKSUM_LENGTH]>> {
        self.block = None;
        if !self.has_checksum {
            return Ok(None);
        }
        let checksum = self.read()?;
        let mut nothing = OutBuffer::around(&mut [][..]);
        let mut input = InBuffer::around(self.given.as_slice());
        let left = self.decoder.run(&mut input, &mut nothing);
        if left.map_err(invalid)? > 0 {
            return Err(invalid("a frame does not end where its last block does"));
        }
        self.given.clear();
        Ok(Some(checksum))
    }

    /// Read so many bytes for the decoder.
    fn read<const LENGTH: usize>(&mut self) -> io::Result<[u8; LENGTH]> {
        let mut read = [0; LENGTH];
        self.input
            .read_exact(&mut read)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => truncated(),
                _ => error,
            })?;
        self.given.extend(read);
        Ok(read)
    }
}

fn truncated() -> io::Error {
    damaged(
        io::ErrorKind::UnexpectedEof,
        Compression::Zstd,
        "it ends within a frame",
    )
}

fn invalid(reason: impl std::fmt::Display) -> io::Error {
    damaged(io::ErrorKind::InvalidData, Compression::Zstd, reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// A frame of such blocks, the last of which ends it.
    fn frame(blocks: &[Vec<u8>], has_checksum: bool) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(has_checksum).unwrap();
        let (last, others) = blocks.split_last().unwrap();
        for block in others {
            encoder.write_all(block).unwrap();
            encoder.flush().unwrap();
        }
        encoder.write_all(last).unwrap();
        encoder.finish().unwrap()
    }

    fn skippable(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        [&(SKIPPABLE + 7).to_le_bytes(), length.as_slice(), content].concat()
    }

    /// The frames of a file: the contents of all blocks, and the skippable ones as they are.
    fn read(file: &[u8], room: usize) -> io::Result<Vec<Vec<Vec<u8>>>> {
        let mut reader = ZstdReader::new(file)?;
        let (mut found, mut output) = (Vec::new(), vec![0; room]);
        while let Some(part) = reader.next_part(&mut output)? {
            match part {
                Part::Skippable(bytes) => found.push(vec![bytes]),
                Part::Header { .. } => found.push(vec![Vec::new()]),
                Part::BlockEnd => found.last_mut().unwrap().push(Vec::new()),
                Part::Content(length) => {
                    let block = found.last_mut().unwrap().last_mut().unwrap();
                    block.extend(&output[..length]);
                }
                Part::End(_) => {}
            }
        }
        Ok(found)
    }

    /// Contents of blocks: noise, and what is compressed.
    fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let block = prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..300),
            (any::<u8>(), 1..3000_usize).prop_map(|(byte, count)| vec![byte; count]),
            (proptest::collection::vec(any::<u8>(), 1..50), 1..30_usize)
                .prop_map(|(bytes, count)| bytes.repeat(count)),
        ];
        proptest::collection::vec(block, 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn frames_and_their_blocks_are_told_apart(
            frames in proptest::collection::vec((blocks(), any::<bool>(), any::<bool>()), 0..4),
            room in 1..3000_usize,
        ) {
            let (mut file, mut expected) = (Vec::new(), Vec::new());
            let mut ends = vec![0];
            for (blocks, is_skippable, has_checksum) in frames {
                if is_skippable {
                    expected.push(vec![skippable(&blocks[0])]);
                    file.extend(skippable(&blocks[0]));
                } else {
                    file.extend(frame(&blocks, has_checksum));
                    expected.push(blocks);
                }
                ends.push(file.len());
            }
            prop_assert_eq!(read(&file, room).unwrap(), expected);
            for length in 0..file.len() {
                prop_assert_eq!(read(&file[..length], room).is_ok(), ends.contains(&length));
            }
        }
    }

    #[test]
    fn a_header_says_how_large_the_window_is() {
        let header = |frame: &[u8]| ZstdReader::new(frame).unwrap().next_part(&mut [0]).unwrap();
        let streamed = frame(&[b"content".to_vec()], true);
        let (bytes, window) = (streamed[..6].to_vec(), Some(512 << 10));
        assert_eq!(header(&streamed), Some(Part::Header { bytes, window }));
        let sized = zstd::bulk::compress(&[7; 300], 1).unwrap();
        let (bytes, window) = (sized[..7].to_vec(), None);
        assert_eq!(header(&sized), Some(Part::Header { bytes, window }));
    }

    #[test]
    fn other_frames_are_refused() {
        let mut file = frame(&[b"content".to_vec()], false);
        file[4] |= 1;
        let error = read(&file, 10).unwrap_err();
        assert!(error.to_string().contains("of another kind"), "{error}");
        let too_long = [SKIPPABLE.to_le_bytes(), (SKIPPABLE_LIMIT + 1).to_le_bytes()].concat();
        let error = read(&too_long, 10).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }

    #[test]
    fn a_wrong_checksum_is_noticed() {
        let mut file = frame(&[b"content".to_vec()], true);
        *file.last_mut().unwrap() ^= 1;
        assert!(read(&file, 10).is_err());
    }
}
