//! How far bytes agree.

/// How many bytes from either position agree, up to `limit` and the end. `source` is the smaller.
#[inline]
pub fn common(bytes: &[u8], position: usize, source: usize, limit: usize) -> usize {
    let first = &bytes[position..];
    let first = &first[..first.len().min(limit)];
    let second = &bytes[source..][..first.len()];
    let (first_words, first_rest) = first.as_chunks::<8>();
    let (second_words, second_rest) = second.as_chunks::<8>();
    let mut length = 0;
    for (a, b) in first_words.iter().zip(second_words) {
        let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if difference != 0 {
            return length + (difference.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let rest = first_rest
        .iter()
        .zip(second_rest)
        .take_while(|(a, b)| a == b);
    length + rest.count()
}
