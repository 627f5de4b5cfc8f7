//! Times within contents, which make every build's copy of one file another file.

/// The fixed part of a gzip member's header, with the time of what is in it (RFC 1952, 2.3).
const GZIP: usize = 10;

/// What comes before the code in a `.pyc` file that names its source by time and size (PEP 552).
const BYTECODE: usize = 16;

/// How many bytes at the beginning of a content may hold a time and nothing that is worth sharing.
///
/// As literals, they do not keep what follows from being the chunk that it was the last time.
pub const fn stamp_length(content: &[u8]) -> usize {
    match content {
        [0x1f, 0x8b, 8, ..] if content.len() >= GZIP => GZIP,
        [_, _, b'\r', b'\n', 0, 0, 0, 0, ..] if content.len() >= BYTECODE => BYTECODE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gzip_member_begins_with_its_time() {
        assert_eq!(
            stamp_length(b"\x1f\x8b\x08\0\x01\x02\x03\x04\0\x03more"),
            GZIP
        );
        assert_eq!(stamp_length(b"\x1f\x8b\x08\0\x01\x02\x03\x04\0\x03"), GZIP);
        assert_eq!(stamp_length(b"\x1f\x8b\x08\0\x01\x02\x03\x04\0"), 0);
        assert_eq!(stamp_length(b"\x1f\x8b\x07\0\x01\x02\x03\x04\0\x03"), 0);
    }

    #[test]
    fn bytecode_begins_with_its_sources_time_unless_it_names_it_by_hash() {
        assert_eq!(stamp_length(b"\xa7\r\r\n\0\0\0\0timesize code"), BYTECODE);
        assert_eq!(stamp_length(b"\xa7\r\r\n\x01\0\0\0hashhash code"), 0);
        assert_eq!(stamp_length(b"\xa7\r\r\n\0\0\0\0timesiz"), 0);
    }

    #[test]
    fn nothing_else_does() {
        assert_eq!(stamp_length(b""), 0);
        assert_eq!(stamp_length(b"\x7fELF and sixteen more bytes"), 0);
    }
}
