//! The records of PAX extended headers: `<length> <key>=<value>\n`, where the length counts the whole record.

use crate::error::TarProblem;
use crate::tar::number::parse_decimal;

/// The largest extended header in bytes; what Go's `archive/tar` takes, too.
pub const PAX_HEADER_LIMIT: u64 = 1 << 20;

/// One record; the value may hold any bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'header> {
    pub key: &'header [u8],
    pub value: &'header [u8],
}

/// The records of an extended header.
///
/// # Errors
/// A record's length is not that of the record, or it has no key.
pub fn records(mut header: &[u8]) -> impl Iterator<Item = Result<Record<'_>, TarProblem>> {
    std::iter::from_fn(move || {
        if header.is_empty() {
            return None;
        }
        let split = split_record(header);
        // Nothing can be told apart after a malformed record.
        header = split.as_ref().map_or(&[], |(_, rest)| rest);
        Some(split.map(|(record, _)| record))
    })
}

/// The first record, and what follows it.
fn split_record(header: &[u8]) -> Result<(Record<'_>, &[u8]), TarProblem> {
    let space = header
        .iter()
        .position(|byte| *byte == b' ')
        .ok_or(TarProblem::Pax("a record has no length"))?;
    let length = parse_decimal("length of a PAX record", &header[..space], PAX_HEADER_LIMIT)?;
    let (record, rest) = usize::try_from(length)
        .ok()
        .and_then(|length| header.split_at_checked(length))
        .ok_or(TarProblem::Pax("a record is longer than its header"))?;
    let pair = record
        .get(space + 1..)
        .and_then(|record| record.strip_suffix(b"\n"))
        .ok_or(TarProblem::Pax(
            "a record does not end where its length says",
        ))?;
    match pair.iter().position(|byte| *byte == b'=') {
        Some(equals) if equals > 0 => Ok((
            Record {
                key: &pair[..equals],
                value: &pair[equals + 1..],
            },
            rest,
        )),
        _ => Err(TarProblem::Pax("a record has no key")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(header: &[u8]) -> Result<Vec<Record<'_>>, TarProblem> {
        records(header).collect()
    }

    #[test]
    fn values_may_hold_any_bytes() -> Result<(), TarProblem> {
        let expected: [(&[u8], &[u8]); 3] = [(b"path", b"a=b"), (b"x", b"1\n2"), (b"empty", b"")];
        assert_eq!(
            all(b"12 path=a=b\n8 x=1\n2\n9 empty=\n")?,
            expected.map(|(key, value)| Record { key, value })
        );
        Ok(())
    }

    #[test]
    fn a_malformed_record_is_refused() {
        for header in [
            b"6 a=b".as_slice(),
            b"7 a=b\n",
            b"5 a=b\n",
            b"0 a=b\n",
            b"1 a=b\n",
            b"2 a=b\n",
            b"-6 a=b\n",
            b" a=b\n",
            b"6 abc\n",
            b"5 =b\n",
            b"a=b\n",
            b"99999999999999999999 a=b\n",
            b"6 a=b\n\0\0",
        ] {
            assert!(
                all(header).is_err(),
                "{:?}",
                header.escape_ascii().to_string()
            );
        }
    }
}
