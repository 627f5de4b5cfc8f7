//! The content of a file: stored whole, or as the segments of a sparse file.

use std::io::BufRead;

use crate::entry::Entry;
use crate::error::TarProblem;
use crate::sha256::Sha256;
use crate::tar::header::Header;
use crate::tar::reader::TarReader;
use crate::tar::sparse::{HOLES_LIMIT, MapParser, MapSource, PaxSparse, SparseMap, Stretch};
use crate::tar::visitor::Visitor;
use crate::tar::{RECORD, RECORD_SIZE};

/// The type flag of an old GNU sparse file.
const OLD_SPARSE: u8 = b'S';

/// Where an old GNU map goes on in its records: 21 segments, then whether yet another record follows.
const OLD_MAP_LENGTH: usize = 504;

/// Zeros to hash holes with, a piece at a time.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl<R: BufRead, V: Visitor> TarReader<R, V> {
    /// Hash a file's content, if the visitor wants digests, of which `stored` bytes follow, and complete its entry.
    pub(super) fn read_content(
        &mut self,
        header: &Header,
        sparse: PaxSparse,
        stored: u64,
        entry: &mut Entry,
    ) -> Result<(), TarProblem> {
        let mut content = V::DIGESTS.then(Sha256::new);
        let expanded_size = sparse.expanded_size;
        entry.size = if header.type_flag() == OLD_SPARSE {
            let map = self.read_old_map(header)?;
            entry.offset = self.offset();
            let expanded = header.expanded_size()?;
            self.hash_sparse(&map, expanded, stored, content.as_mut())?;
            expanded
        } else if let Some(source) = sparse.map_source()? {
            let before = self.offset();
            let map = match source {
                MapSource::Header(map) => map,
                MapSource::Data => self.read_map(stored)?,
            };
            entry.offset = self.offset();
            let expanded = expanded_size.ok_or(TarProblem::SparseMap("the file has no size"))?;
            self.hash_sparse(
                &map,
                expanded,
                stored - (entry.offset - before),
                content.as_mut(),
            )?;
            expanded
        } else {
            entry.offset = self.offset();
            entry.source.clone_from(&self.source);
            self.hash_data(stored, content.as_mut())?;
            stored
        };
        entry.digest = content.map(|content| content.digest());
        Ok(())
    }

    /// The map of an old GNU sparse file: begun in the header, gone on with in records of their own.
    fn read_old_map(&mut self, header: &Header) -> Result<SparseMap, TarProblem> {
        let mut map = SparseMap::default();
        let (start, mut more) = header.sparse_map();
        map.push_old(start)?;
        let mut record = [0; RECORD];
        while more {
            self.read_map_record(&mut record)?;
            map.push_old(&record[..OLD_MAP_LENGTH])?;
            more = record[OLD_MAP_LENGTH] != 0;
        }
        Ok(map)
    }

    /// The map at the start of a sparse file's `stored` bytes of data (PAX format 1.0).
    fn read_map(&mut self, stored: u64) -> Result<SparseMap, TarProblem> {
        let mut parser = MapParser::default();
        let mut record = [0; RECORD];
        let mut left = stored;
        while !parser.is_done() {
            left = left
                .checked_sub(RECORD_SIZE)
                .ok_or(TarProblem::SparseMap("it is longer than the data"))?;
            self.read_map_record(&mut record)?;
            parser.push(&record)?;
        }
        Ok(parser.finish())
    }

    fn read_map_record(&mut self, record: &mut [u8; RECORD]) -> Result<(), TarProblem> {
        if self.read_record(record)? {
            Ok(())
        } else {
            Err(TarProblem::Truncated("a sparse map"))
        }
    }

    fn hash_sparse(
        &mut self,
        map: &SparseMap,
        expanded: u64,
        stored: u64,
        mut content: Option<&mut Sha256>,
    ) -> Result<(), TarProblem> {
        let stretches = map.stretches(expanded, stored)?;
        self.holes = self.holes.saturating_add(expanded - stored);
        if self.holes > HOLES_LIMIT {
            return Err(TarProblem::Limit {
                what: "bytes of holes",
                most: HOLES_LIMIT,
                actual: self.holes,
            });
        }
        for Stretch { hole, data } in stretches {
            if let Some(content) = &mut content {
                hash_zeros(hole, content);
            }
            self.hash_data(data, content.as_deref_mut())?;
        }
        Ok(())
    }

    fn hash_data(&mut self, length: u64, content: Option<&mut Sha256>) -> Result<(), TarProblem> {
        if self.input.content(length, content)? == length {
            Ok(())
        } else {
            Err(TarProblem::Truncated("the content of an entry"))
        }
    }
}

fn hash_zeros(length: u64, content: &mut Sha256) {
    let mut left = length;
    while left > 0 {
        let piece = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        content.update(&ZEROS[..piece]);
        left -= piece as u64;
    }
}
