//! The one of several encoders that makes a file.

use std::io;

/// Content by which encoders are told apart before any is tried on the whole file: several blocks of each.
const PREFIX: u64 = 3 << 19;

/// How an encoder's output compares with a file.
pub enum Outcome<Form> {
    /// It is the file, which has this form.
    Whole(Form),
    /// It is the beginning of the file, as far as that was looked at.
    Limit,
    Different,
}

/// Find the first candidate whose output is the file; `compare` tries one on about so many bytes of content: on a prefix,
/// then on `limit`.
pub fn find_first<Candidate: Copy, Form>(
    candidates: impl IntoIterator<Item = Candidate>,
    limit: u64,
    compare: impl Fn(Candidate, u64) -> io::Result<Outcome<Form>>,
) -> io::Result<Option<Form>> {
    let mut fitting = Vec::new();
    for candidate in candidates {
        if let Outcome::Whole(_) | Outcome::Limit = compare(candidate, PREFIX)? {
            fitting.push(candidate);
        }
    }
    for candidate in fitting {
        if let Outcome::Whole(form) = compare(candidate, limit)? {
            return Ok(Some(form));
        }
    }
    Ok(None)
}
