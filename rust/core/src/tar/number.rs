//! Numbers in headers and PAX records.

use crate::error::TarProblem;

/// The largest size and offset: what a signed 64-bit file offset holds.
pub const LARGEST_SIZE: u64 = i64::MAX as u64;

/// Reads a field of a header: octal digits, or GNU's base-256 where the first bit is set.
///
/// # Errors
/// Anything else, a negative number, or one above `most`.
pub fn parse_field(field: &'static str, bytes: &[u8], most: u64) -> Result<u64, TarProblem> {
    let value = match bytes {
        [first, ..] if first & 0x80 != 0 => base_256(bytes),
        _ => digits::<8>(trim(bytes)),
    };
    in_range(field, bytes, most, value)
}

/// Reads decimal digits, as in PAX records and sparse maps.
///
/// # Errors
/// Anything else, no digits, or a number above `most`.
pub fn parse_decimal(field: &'static str, bytes: &[u8], most: u64) -> Result<u64, TarProblem> {
    in_range(
        field,
        bytes,
        most,
        if bytes.is_empty() {
            None
        } else {
            digits::<10>(bytes)
        },
    )
}

fn in_range(
    field: &'static str,
    bytes: &[u8],
    most: u64,
    value: Option<u64>,
) -> Result<u64, TarProblem> {
    value
        .filter(|value| *value <= most)
        .ok_or_else(|| TarProblem::Number {
            field,
            value: bytes.to_vec(),
            most,
        })
}

/// No digits at all are zero, as in the unused fields of a header.
fn digits<const BASE: u8>(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < BASE)?;
        value.checked_mul(BASE.into())?.checked_add(digit.into())
    })
}

/// A big-endian two's complement number whose first bit only marks it; the next one is its sign.
fn base_256(bytes: &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    if first & 0x40 != 0 {
        return None;
    }
    rest.iter()
        .try_fold(u64::from(first & 0x3f), |value, byte| {
            Some(value.checked_mul(256)? | u64::from(*byte))
        })
}

/// Fields are padded with spaces before, and end with spaces or NULs.
fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes
        .iter()
        .position(|byte| *byte != b' ')
        .unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let end = bytes
        .iter()
        .position(|byte| matches!(byte, 0 | b' '))
        .unwrap_or(bytes.len());
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(bytes: &[u8]) -> Option<u64> {
        parse_field("size", bytes, LARGEST_SIZE).ok()
    }

    #[test]
    fn octal_fields_may_be_padded_on_either_side() {
        for bytes in [
            b"0000644\0".as_slice(),
            b"   644 \0",
            b"644",
            b"644     ",
            b"644\0junk",
            b"644 junk",
        ] {
            assert_eq!(field(bytes), Some(0o644), "{bytes:?}");
        }
        for bytes in [b"".as_slice(), b"\0\0\0", b"    ", b" \0"] {
            assert_eq!(field(bytes), Some(0), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_octal_number_is_refused() {
        for bytes in [b"8".as_slice(), b"-1", b"0x10", b"77777777777777777777777"] {
            assert_eq!(field(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn base_256_numbers_reach_the_largest_size_and_no_further() {
        assert_eq!(field(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]), Some(258));
        assert_eq!(
            field(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
            Some(LARGEST_SIZE)
        );
        assert_eq!(field(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(field(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(field(&[0xff; 12]), None, "negative");
    }

    #[test]
    fn decimal_numbers_are_digits_and_nothing_else() {
        let parse = |bytes: &[u8]| parse_decimal("size", bytes, 1000).ok();
        assert_eq!(parse(b"1000"), Some(1000));
        for bytes in [
            b"1001".as_slice(),
            b"",
            b" 1",
            b"1 ",
            b"-1",
            b"+1",
            b"1.0",
            b"99999999999999999999999",
        ] {
            assert_eq!(parse(bytes), None, "{bytes:?}");
        }
    }
}
