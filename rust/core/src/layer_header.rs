//! The headers that a layer has before each entry: `docs/formats.md`, "Layer".

use crate::entry::{Entry, Kind};

/// Bytes in a tar block: a header is one, content is padded to whole ones.
pub const BLOCK: usize = 512;

/// The name of every PAX header's own header, as no reader looks at it.
const PAX_NAME: &[u8] = b"././@PaxHeader";
const PAX_MODE: u64 = 0o644;
/// What a PAX record is called that holds an extended attribute, before the attribute's name.
const PAX_XATTR: &[u8] = b"SCHILY.xattr.";
const NAME_LENGTH: usize = 100;
const PREFIX_LENGTH: usize = 155;

/// The header blocks of an entry; `mtime` is in seconds since the epoch and fits its field, see [`fits_mtime`].
///
/// # Errors
/// Why there is none for this entry, in words.
pub fn encode(entry: &Entry, mtime: u64) -> Result<Vec<u8>, &'static str> {
    check_path(&entry.path)?;
    let mut records = Vec::new();
    let mut header = Header::new(type_flag(entry.kind), mtime);

    let mut path = entry.path.clone();
    if entry.kind == Kind::Directory {
        path.push(b'/');
    }
    match split(&path) {
        Some((prefix, name)) if path.is_ascii() => {
            header.text(0, name);
            header.text(345, prefix);
        }
        _ => {
            header.text(0, &substitute(&path));
            records.push((b"path".to_vec(), path));
        }
    }

    let target = entry.link_target.as_deref().unwrap_or_default();
    if matches!(entry.kind, Kind::Symlink | Kind::Hardlink)
        && (target.is_empty() || target.contains(&0))
    {
        return Err("its link target is empty or has a NUL byte");
    }
    if target.len() <= NAME_LENGTH && target.is_ascii() {
        header.text(157, target);
    } else {
        header.text(157, &substitute(target));
        records.push((b"linkpath".to_vec(), target.to_vec()));
    }

    header.octal(100, 8, entry.mode.into());
    let size = if entry.kind == Kind::File {
        entry.size
    } else {
        0
    };
    for (name, offset, length, number) in [
        ("uid", 108, 8, entry.uid.into()),
        ("gid", 116, 8, entry.gid.into()),
        ("size", 124, 12, size),
    ] {
        if !header.octal(offset, length, number) {
            records.push((name.into(), number.to_string().into_bytes()));
        }
    }
    if matches!(entry.kind, Kind::Character | Kind::Block) {
        let (major, minor) = entry.device.ok_or("it is a device without a number")?;
        if !header.octal(329, 8, major.into()) || !header.octal(337, 8, minor.into()) {
            return Err("its device number does not fit into a header");
        }
    }
    for (name, value) in &entry.xattrs {
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
            return Err("the name of an extended attribute is empty, or has an = or a NUL byte");
        }
        records.push(([PAX_XATTR, name].concat(), value.clone()));
    }

    let mut blocks = if records.is_empty() {
        Vec::new()
    } else {
        encode_records(records, mtime)
    };
    blocks.extend_from_slice(&header.finish());
    Ok(blocks)
}

/// Whether a time fits into a header without a PAX record.
#[must_use]
pub const fn fits_mtime(mtime: u64) -> bool {
    mtime < 1 << 33
}

/// How many zero bytes follow this many bytes, up to the end of a block.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is less than BLOCK"
)]
pub const fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

fn check_path(path: &[u8]) -> Result<(), &'static str> {
    if path.contains(&0) {
        return Err("its path has a NUL byte");
    }
    if path
        .split(|byte| *byte == b'/')
        .any(|part| matches!(part, b"" | b"." | b".."))
    {
        return Err("its path is not relative, or has an empty, . or .. part");
    }
    Ok(())
}

const fn type_flag(kind: Kind) -> u8 {
    match kind {
        Kind::File => b'0',
        Kind::Hardlink => b'1',
        Kind::Symlink => b'2',
        Kind::Character => b'3',
        Kind::Block => b'4',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
    }
}

/// Splits a path for the fields prefix and name, at the last slash that leaves a prefix that fits; none where the name
/// does not fit then.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME_LENGTH {
        return Some((b"", path));
    }
    // The slash between the two is in neither, and the one at the end of a folder is no place to split.
    let candidates = &path[..path.len().min(PREFIX_LENGTH + 1).min(path.len() - 1)];
    let slash = candidates.iter().rposition(|byte| *byte == b'/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (!prefix.is_empty() && name.len() <= NAME_LENGTH).then_some((prefix, name))
}

/// What stands in a header's field where a PAX record has the text: its beginning, in ASCII.
fn substitute(text: &[u8]) -> Vec<u8> {
    text.iter()
        .take(NAME_LENGTH)
        .map(|byte| if byte.is_ascii() { *byte } else { b'_' })
        .collect()
}

/// A PAX header for the next entry: its own header, then `length key=value\n` in the order of keys' bytes.
fn encode_records(mut records: Vec<(Vec<u8>, Vec<u8>)>, mtime: u64) -> Vec<u8> {
    records.sort_unstable();
    let mut body = Vec::new();
    for (key, value) in records {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut length = rest;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        body.extend_from_slice(length.to_string().as_bytes());
        body.extend_from_slice(&[b" ", key.as_slice(), b"=", value.as_slice(), b"\n"].concat());
    }
    let mut header = Header::new(b'x', mtime);
    header.text(0, PAX_NAME);
    header.octal(100, 8, PAX_MODE);
    header.octal(124, 12, body.len() as u64);
    let mut blocks = header.finish().to_vec();
    blocks.extend_from_slice(&body);
    blocks.resize(blocks.len() + padding(body.len() as u64), 0);
    blocks
}

/// A ustar header block (POSIX.1-1988).
struct Header([u8; BLOCK]);

impl Header {
    fn new(type_flag: u8, mtime: u64) -> Self {
        let mut header = Self([0; BLOCK]);
        for (offset, length) in [(100, 8), (108, 8), (116, 8), (124, 12), (329, 8), (337, 8)] {
            header.octal(offset, length, 0);
        }
        header.octal(136, 12, mtime);
        header.0[156] = type_flag;
        header.text(257, b"ustar\x0000");
        header
    }

    fn text(&mut self, offset: usize, text: &[u8]) {
        self.0[offset..offset + text.len()].copy_from_slice(text);
    }

    /// Writes octal digits with leading zeros and a NUL byte; if the number does not fit, zeros, and returns false.
    fn octal(&mut self, offset: usize, length: usize, number: u64) -> bool {
        let digits = length - 1;
        let fits = number >> (3 * digits) == 0;
        let number = if fits { number } else { 0 };
        self.text(offset, format!("{number:0digits$o}").as_bytes());
        fits
    }

    /// Writes the checksum: the sum of all bytes, with the field itself as spaces.
    fn finish(mut self) -> [u8; BLOCK] {
        self.text(148, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.text(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header_of_size(size: u64) -> Vec<u8> {
        encode(
            &Entry {
                size,
                ..Entry::new(b"f".to_vec(), Kind::File)
            },
            0,
        )
        .unwrap()
    }

    #[test]
    fn a_size_of_eight_gibibytes_is_in_a_record() {
        let fits = header_of_size((8 << 30) - 1);
        assert_eq!(fits.len(), BLOCK);
        assert_eq!(&fits[124..136], b"77777777777\0");
        let exceeds = header_of_size(8 << 30);
        assert_eq!(exceeds.len(), 3 * BLOCK);
        assert_eq!(&exceeds[124..136], b"00000000023\0");
        assert!(exceeds[BLOCK..].starts_with(b"19 size=8589934592\n\0"));
        assert_eq!(&exceeds[2 * BLOCK + 124..][..12], b"00000000000\0");
    }

    #[test]
    fn the_length_of_a_record_counts_its_own_digits() {
        for (value, start) in [(4, "9 a="), (5, "11 a="), (93, "99 a="), (94, "101 a=")] {
            let blocks = encode_records(vec![(b"a".to_vec(), vec![b'v'; value])], 0);
            let record: usize = start.split(' ').next().unwrap().parse().unwrap();
            assert!(blocks[BLOCK..].starts_with(start.as_bytes()));
            assert_eq!(blocks[BLOCK + record - 1], b'\n');
        }
    }
}
