//! One pass over a tar: every entry with the digest of its content, and the digest of the whole.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::digest::Digest;
use crate::entry::{Entry, Kind};
use crate::error::{LayerError, TarProblem};
use crate::sha256::Sha256;
use crate::tar::extension::Extension;
use crate::tar::header::{Header, text};
use crate::tar::input::Input;
use crate::tar::pax::PAX_HEADER_LIMIT;
use crate::tar::visitor::Visitor;
use crate::tar::{RECORD, RECORD_SIZE};

/// The longest path and link target in bytes; Linux itself takes 4,095.
pub const PATH_LIMIT: u64 = 64 << 10;

/// Reads a tar from its start to the end of the stream.
pub struct TarReader<R, V = ()> {
    pub(super) input: Input<R, V>,
    /// The file that is read, where contents can be had from it directly.
    pub(super) source: Option<Arc<Path>>,
    globals: Extension,
    /// Bytes of holes so far.
    pub(super) holes: u64,
    ended: bool,
}

/// The entry that is being read, as far as it is known, for error messages.
type Name = Option<Vec<u8>>;

impl<R: BufRead, V: Visitor> TarReader<R, V> {
    /// A reader of a plain tar stream, which `source` holds if it is a file, that shows everything to a visitor.
    pub fn new(reader: R, source: Option<Arc<Path>>, visitor: V) -> Self {
        Self::on(Input::new(reader, Some(Sha256::new()), visitor), source)
    }

    /// A reader of a plain tar stream whose own digest somebody else computes.
    pub fn without_digest(reader: R, source: Option<Arc<Path>>, visitor: V) -> Self {
        Self::on(Input::new(reader, None, visitor), source)
    }

    fn on(input: Input<R, V>, source: Option<Arc<Path>>) -> Self {
        Self {
            input,
            source,
            globals: Extension::default(),
            holes: 0,
            ended: false,
        }
    }

    /// Digest and size in bytes of the tar, up to where it has been read; None where somebody else computes it.
    pub fn digest(&self) -> Option<(Digest, u64)> {
        let hasher = self.input.hasher()?;
        Some((hasher.digest(), hasher.length()))
    }

    /// The visitor with whatever it has gathered, and the hash of all that it has been shown, unless somebody else
    /// computes it.
    pub fn into_parts(self) -> (V, Option<Sha256>) {
        self.input.into_parts()
    }

    /// The next entry, its content hashed; None once the whole stream has been read.
    ///
    /// # Errors
    /// The tar is malformed, exceeds a limit, or cannot be read; the reader cannot go on then.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, LayerError> {
        let mut name = None;
        self.read_entry(&mut name)
            .map_err(|problem| LayerError::Malformed {
                offset: self.offset(),
                entry: name,
                problem,
            })
    }

    pub(super) const fn offset(&self) -> u64 {
        self.input.position()
    }

    fn read_entry(&mut self, name: &mut Name) -> Result<Option<Entry>, TarProblem> {
        let mut extension = None;
        let (mut long_path, mut long_target) = (None, None);
        while let Some(header) = self.read_header()? {
            match header.type_flag() {
                b'x' | b'X' => {
                    let mut local = self.globals.clone();
                    local.apply(&self.read_extension(&header, PAX_HEADER_LIMIT)?)?;
                    name.clone_from(&local.path);
                    extension = Some(local);
                }
                b'g' => {
                    let records = self.read_extension(&header, PAX_HEADER_LIMIT)?;
                    self.globals.apply_global(&records)?;
                    // Each entry that follows copies them, whether or not it has its own.
                    let paths = [&self.globals.path, &self.globals.link_target];
                    paths
                        .into_iter()
                        .flatten()
                        .try_for_each(|path| check_path(path))?;
                }
                b'L' => {
                    long_path = Some(self.read_long_name(&header)?);
                    name.clone_from(&long_path);
                }
                b'K' => long_target = Some(self.read_long_name(&header)?),
                _ => {
                    let mut fields = extension.unwrap_or_else(|| self.globals.clone());
                    fields.path = long_path.or(fields.path);
                    fields.link_target = long_target.or(fields.link_target);
                    return self.finish_entry(&header, fields, name).map(Some);
                }
            }
        }
        if extension.is_some() || long_path.is_some() || long_target.is_some() {
            return Err(TarProblem::DanglingExtension);
        }
        Ok(None)
    }

    /// The next header, or None at the end of the archive, which is two records of zeros or the end of the stream.
    fn read_header(&mut self) -> Result<Option<Header>, TarProblem> {
        if self.ended {
            return Ok(None);
        }
        let mut header = Header::blank();
        let first = self.read_record(header.bytes_mut())?;
        if first && !header.is_zero() {
            header.verify()?;
            return Ok(Some(header));
        }
        if first && self.read_record(header.bytes_mut())? && !header.is_zero() {
            return Err(TarProblem::LoneZeroBlock);
        }
        self.input.skip(u64::MAX)?;
        self.ended = true;
        Ok(None)
    }

    /// Read a whole record; false at the end of the stream.
    pub(super) fn read_record(&mut self, record: &mut [u8; RECORD]) -> Result<bool, TarProblem> {
        match self.input.read(record)? {
            0 => Ok(false),
            RECORD => Ok(true),
            _ => Err(TarProblem::Truncated("a header")),
        }
    }

    /// The data of an extended header.
    fn read_extension(&mut self, header: &Header, most: u64) -> Result<Vec<u8>, TarProblem> {
        let size = header.size()?;
        let length =
            usize::try_from(size)
                .ok()
                .filter(|_| size <= most)
                .ok_or(TarProblem::Limit {
                    what: "bytes of an extended header",
                    most,
                    actual: size,
                })?;
        let mut data = vec![0; length];
        if self.input.read(&mut data)? < length {
            return Err(TarProblem::Truncated("an extended header"));
        }
        self.skip_padding(size)?;
        Ok(data)
    }

    /// A path or link target in a header of GNU's, which ends with a NUL.
    fn read_long_name(&mut self, header: &Header) -> Result<Vec<u8>, TarProblem> {
        self.read_extension(header, PATH_LIMIT + 1)
            .map(|data| text(&data).to_vec())
    }

    fn finish_entry(
        &mut self,
        header: &Header,
        fields: Extension,
        name: &mut Name,
    ) -> Result<Entry, TarProblem> {
        let stored_path = fields
            .sparse
            .path
            .clone()
            .or(fields.path)
            .unwrap_or_else(|| header.path());
        let path = name.insert(stored_path);
        check_path(path)?;
        let kind = kind(header.type_flag(), path);
        let mut entry = Entry::new(relative(path).to_vec(), kind);
        entry.mode = header.mode()?;
        entry.uid = fields.uid.map_or_else(|| header.uid(), Ok)?;
        entry.gid = fields.gid.map_or_else(|| header.gid(), Ok)?;
        entry.xattrs = fields.xattrs;
        entry.offset = self.offset();
        // Only files have data, whatever size the header of another kind gives.
        let mut stored = 0;
        match kind {
            Kind::File => {
                stored = fields.size.map_or_else(|| header.size(), Ok)?;
                self.read_content(header, fields.sparse, stored, &mut entry)?;
            }
            Kind::Symlink | Kind::Hardlink => {
                let target = fields
                    .link_target
                    .unwrap_or_else(|| header.link_target().to_vec());
                check_path(&target)?;
                entry.link_target = Some(target);
            }
            Kind::Character | Kind::Block => entry.device = Some(header.device()?),
            Kind::Directory | Kind::Fifo => {}
        }
        self.input.visitor().entry(&entry)?;
        self.skip_padding(stored)?;
        Ok(entry)
    }

    /// Pass over what fills the last record of so many bytes of data.
    fn skip_padding(&mut self, size: u64) -> Result<(), TarProblem> {
        let padding = size.next_multiple_of(RECORD_SIZE) - size;
        if self.input.skip(padding)? == padding {
            Ok(())
        } else {
            Err(TarProblem::Truncated("padding"))
        }
    }
}

fn check_path(path: &[u8]) -> Result<(), TarProblem> {
    let actual = path.len() as u64;
    if actual > PATH_LIMIT {
        return Err(TarProblem::Limit {
            what: "bytes of a path",
            most: PATH_LIMIT,
            actual,
        });
    }
    if path.contains(&0) {
        return Err(TarProblem::Pax("a path holds a NUL"));
    }
    Ok(())
}

/// Whether a stream that starts with these bytes is worth reading as a tar: its first record is a header.
#[must_use]
pub fn begins_tar(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(|record| {
        let mut header = Header::blank();
        *header.bytes_mut() = *record;
        !header.is_zero() && header.verify().is_ok()
    })
}

/// The path without leading `./` and `/` and trailing `/`; empty for the root.
fn relative(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")) {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path == b"." { b"" } else { path }
}

/// What a type flag stands for; unknown ones are files (POSIX.1-2024, `pax`, "ustar Interchange Format").
fn kind(type_flag: u8, path: &[u8]) -> Kind {
    match type_flag {
        b'1' => Kind::Hardlink,
        b'2' => Kind::Symlink,
        b'3' => Kind::Character,
        b'4' => Kind::Block,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        // V7 has no type for folders.
        0 if path.ends_with(b"/") => Kind::Directory,
        _ => Kind::File,
    }
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn paths_are_relative_to_the_root_of_the_layer() {
        for (stored, path) in [
            ("a/b", "a/b"),
            ("./a/", "a"),
            ("/a", "a"),
            (".//./a//", "a"),
            ("./", ""),
            (".", ""),
            ("/", ""),
            ("", ""),
            (".a/..", ".a/.."),
            ("./.wh..wh..opq", ".wh..wh..opq"),
        ] {
            assert_eq!(relative(stored.as_bytes()), path.as_bytes(), "{stored}");
        }
    }
}
