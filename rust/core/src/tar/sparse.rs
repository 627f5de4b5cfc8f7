//! Sparse files as GNU tar stores them: only the segments that hold data, and a map of where they belong.
//!
//! The formats are described in the GNU tar manual, "Storing Sparse Files" and "Basic Tar Format".

use crate::error::TarProblem;
use crate::tar::number::{LARGEST_SIZE, parse_decimal, parse_field};

/// The most segments that one file may have; bounds the memory that its map takes.
pub const SEGMENTS_LIMIT: u64 = 1 << 20;

/// The most bytes that all holes of a tar may have. A hole takes no room in the tar, but time to hash.
pub const HOLES_LIMIT: u64 = 64 << 30;

/// Bytes of one segment in an old GNU map: two numeric fields.
const OLD_SEGMENT: usize = 24;

/// A stretch of data within the expanded file.
#[derive(Clone, Copy)]
struct Segment {
    offset: u64,
    length: u64,
}

/// Lengths of a hole and of the data that follow it.
pub struct Stretch {
    pub hole: u64,
    pub data: u64,
}

/// What is stored of a sparse file.
#[derive(Clone, Default)]
pub struct SparseMap {
    segments: Vec<Segment>,
}

impl SparseMap {
    /// Append a segment.
    ///
    /// # Errors
    /// There are too many.
    pub fn push(&mut self, offset: u64, length: u64) -> Result<(), TarProblem> {
        let actual = self.segments.len() as u64 + 1;
        if actual > SEGMENTS_LIMIT {
            return Err(TarProblem::Limit {
                what: "segments of a sparse file",
                most: SEGMENTS_LIMIT,
                actual,
            });
        }
        self.segments.push(Segment { offset, length });
        Ok(())
    }

    /// Append the segments of an old GNU map, which ends at an empty field or fills its bytes.
    ///
    /// # Errors
    /// A number is malformed, or there are too many segments.
    pub fn push_old(&mut self, map: &[u8]) -> Result<(), TarProblem> {
        for segment in map
            .chunks_exact(OLD_SEGMENT)
            .take_while(|segment| segment[0] != 0)
        {
            let (offset, length) = segment.split_at(OLD_SEGMENT / 2);
            self.push(
                parse_field("offset of a segment", offset, LARGEST_SIZE)?,
                parse_field("length of a segment", length, LARGEST_SIZE)?,
            )?;
        }
        Ok(())
    }

    /// The whole file as holes and data in turn.
    ///
    /// # Errors
    /// Segments overlap, are not in order, do not lie within `expanded` bytes, or are not `stored` bytes together.
    pub fn stretches(&self, expanded: u64, stored: u64) -> Result<Vec<Stretch>, TarProblem> {
        let (mut position, mut data) = (0_u64, 0_u64);
        let end = Segment {
            offset: expanded,
            length: 0,
        };
        let mut stretches = Vec::with_capacity(self.segments.len() + 1);
        for segment in self.segments.iter().chain([&end]) {
            let hole = segment
                .offset
                .checked_sub(position)
                .ok_or(TarProblem::SparseMap(
                    "segments overlap, are not in order or end after the file",
                ))?;
            // Neither can overflow: every number in a map is at most LARGEST_SIZE, and segments do not overlap.
            position = segment.offset + segment.length;
            data += segment.length;
            stretches.push(Stretch {
                hole,
                data: segment.length,
            });
        }
        if data == stored {
            Ok(stretches)
        } else {
            Err(TarProblem::SparseMap(
                "the segments are not as long as the stored data",
            ))
        }
    }
}

/// The `GNU.sparse.*` records of an extended header.
#[derive(Clone, Default)]
pub struct PaxSparse {
    major: Option<u64>,
    minor: Option<u64>,
    /// The file's own name; `path` holds one for readers that know no sparse files.
    pub path: Option<Vec<u8>>,
    pub expanded_size: Option<u64>,
    count: Option<u64>,
    /// An offset that waits for its length (format 0.0).
    offset: Option<u64>,
    map: SparseMap,
}

/// Where the map of a sparse file is.
pub enum MapSource {
    /// In the extended header (formats 0.0 and 0.1).
    Header(SparseMap),
    /// Before the data (format 1.0).
    Data,
}

impl PaxSparse {
    /// Apply one record; `keyword` is what follows `GNU.sparse.`.
    ///
    /// # Errors
    /// The value is malformed, or the map has too many segments.
    pub fn apply(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), TarProblem> {
        let number = |field| parse_decimal(field, value, LARGEST_SIZE);
        match keyword {
            b"major" => self.major = Some(number("GNU.sparse.major")?),
            b"minor" => self.minor = Some(number("GNU.sparse.minor")?),
            b"name" => self.path = Some(value.to_vec()),
            b"size" => self.expanded_size = Some(number("GNU.sparse.size")?),
            b"realsize" => self.expanded_size = Some(number("GNU.sparse.realsize")?),
            b"numblocks" => self.count = Some(number("GNU.sparse.numblocks")?),
            b"offset" => self.offset = Some(number("GNU.sparse.offset")?),
            b"numbytes" => {
                let offset = self
                    .offset
                    .take()
                    .ok_or(TarProblem::SparseMap("a segment has no offset"))?;
                self.map.push(offset, number("GNU.sparse.numbytes")?)?;
            }
            b"map" => self.map = parse_map(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Where the map is, or None if the file is not sparse.
    ///
    /// # Errors
    /// The format is unknown, or the map is not whole.
    pub fn map_source(self) -> Result<Option<MapSource>, TarProblem> {
        match (self.major, self.minor) {
            (Some(1), Some(0)) => Ok(Some(MapSource::Data)),
            (None, None) | (Some(0), Some(0 | 1)) => self.header_map(),
            _ => Err(TarProblem::SparseMap("unknown version")),
        }
    }

    fn header_map(self) -> Result<Option<MapSource>, TarProblem> {
        let found = self.map.segments.len() as u64;
        if self.offset.is_some() {
            Err(TarProblem::SparseMap("a segment has no length"))
        } else if self.count.is_some_and(|count| count != found) {
            Err(TarProblem::SparseMap(
                "there are not as many segments as announced",
            ))
        } else {
            Ok((self.count.is_some() || found > 0).then_some(MapSource::Header(self.map)))
        }
    }
}

/// `offset,length,offset,length,...` (format 0.1).
fn parse_map(value: &[u8]) -> Result<SparseMap, TarProblem> {
    let mut map = SparseMap::default();
    let mut numbers = value
        .split(|byte| *byte == b',')
        .filter(|_| !value.is_empty())
        .map(|number| parse_decimal("GNU.sparse.map", number, LARGEST_SIZE));
    while let Some(offset) = numbers.next() {
        let length = numbers
            .next()
            .ok_or(TarProblem::SparseMap("a segment has no length"))?;
        map.push(offset?, length?)?;
    }
    Ok(map)
}

/// Reads a map that comes before the data (format 1.0): numbers, one a line; how many segments, then theirs.
#[derive(Default)]
pub struct MapParser {
    line: Vec<u8>,
    count: Option<u64>,
    offset: Option<u64>,
    map: SparseMap,
}

impl MapParser {
    /// Take one record of the map; what follows the last number in it is padding.
    ///
    /// # Errors
    /// A line is no number, or there are too many segments.
    pub fn push(&mut self, record: &[u8]) -> Result<(), TarProblem> {
        for byte in record {
            if self.is_done() {
                break;
            }
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let number = parse_decimal("number in a sparse map", &self.line, LARGEST_SIZE)?;
            self.line.clear();
            match (self.count, self.offset.take()) {
                (None, _) => self.count = Some(number),
                (Some(_), None) => self.offset = Some(number),
                (Some(_), Some(offset)) => self.map.push(offset, number)?,
            }
        }
        // No number is as long as a record, so a line that is has none.
        if self.line.len() < record.len() {
            Ok(())
        } else {
            Err(TarProblem::SparseMap("a line is too long"))
        }
    }

    pub fn is_done(&self) -> bool {
        self.count
            .is_some_and(|count| count <= self.map.segments.len() as u64)
    }

    pub fn finish(self) -> SparseMap {
        self.map
    }
}
