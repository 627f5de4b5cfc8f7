//! What is known of a gzip file besides its content; format: `docs/formats.md`, "Encoders".

use std::sync::Arc;

use crate::encoder::{ENCODERS, Encoder};
use crate::fields::{Ended, Fields};
use crate::gzip::HEADER_LIMIT;
use crate::recipe::PARAMETERS_LIMIT;

/// One gzip member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its header as it is.
    pub header: Arc<[u8]>,
    /// Bytes of its content.
    pub size: u64,
    /// Whether the encoder was flushed at the end of it.
    pub flushed: bool,
}

/// Marks the length of the header of a member that is flushed.
const FLUSHED: u16 = 1 << 15;

/// The most bytes that the headers of all members have together: members without content may all be written at once.
const HEADERS_LIMIT: usize = 16 << 20;

/// How a gzip file is made of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GzipForm {
    encoder: Encoder,
    members: Vec<Member>,
    /// Bytes of the headers of all members.
    headers: usize,
    parameters: Vec<u8>,
}

/// An encoder or its parameters cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// This version has no such encoder.
    #[error("the encoder {0:?} is not known")]
    UnknownEncoder(String),
    /// The encoder has no such settings.
    #[error("the encoder {0:?} has no such settings")]
    Settings(&'static str),
    /// The parameters are malformed.
    #[error("parameters of the encoder {name:?}, offset {offset}: {problem}")]
    Malformed {
        /// The encoder.
        name: &'static str,
        /// Where, in bytes.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

impl GzipForm {
    /// A file without members, so far.
    pub(super) fn new(encoder: Encoder) -> Self {
        let mut parameters = Vec::new();
        match encoder {
            Encoder::Go { level } | Encoder::Pigz { level } => {
                parameters.extend(level.to_be_bytes());
            }
            Encoder::Pgzip {
                level, block_size, ..
            } => {
                parameters.extend(level.to_be_bytes());
                parameters.extend(u32::try_from(block_size).unwrap_or(u32::MAX).to_be_bytes());
            }
            Encoder::Zlib {
                level,
                memory_level,
            } => {
                parameters.extend(level.to_be_bytes());
                parameters.push(memory_level);
            }
        }
        Self {
            encoder,
            members: Vec::new(),
            headers: 0,
            parameters,
        }
    }

    /// Append a member; false where its header is empty or too long, all headers or parameters are, or the encoder cannot
    /// be flushed.
    pub(super) fn push(&mut self, member: Member) -> bool {
        let length = match u16::try_from(member.header.len()) {
            Ok(length @ 1..=HEADER_LIMIT) if !member.flushed || self.encoder.flushes() => length,
            _ => return false,
        };
        let known = self.members.last().map(|last| &last.header);
        let (length, header): (u16, &[u8]) = if known == Some(&member.header) {
            (0, &[])
        } else {
            (length, &member.header)
        };
        let flag = if member.flushed { FLUSHED } else { 0 };
        self.parameters.extend((length | flag).to_be_bytes());
        self.parameters.extend(header);
        self.parameters.extend(member.size.to_be_bytes());
        self.headers += member.header.len();
        self.members.push(member);
        self.headers <= HEADERS_LIMIT && self.parameters.len() <= PARAMETERS_LIMIT
    }

    /// Read what a recipe says.
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn parse(name: &str, parameters: &[u8]) -> Result<Self, FormError> {
        let encoder = ENCODERS
            .into_iter()
            .find(|encoder| encoder.name() == name)
            .ok_or_else(|| FormError::UnknownEncoder(name.to_owned()))?;
        let malformed = |offset, problem| FormError::Malformed {
            name: encoder.name(),
            offset,
            problem,
        };
        let end = |ended: Ended| malformed(ended.offset, "they end within a field");
        let mut fields = Fields::new(parameters);
        let [level] = fields.exactly().map_err(end)?.map(u8::cast_signed);
        let encoder = match encoder {
            Encoder::Go { .. } => Encoder::Go { level },
            Encoder::Pigz { .. } => Encoder::Pigz { level },
            Encoder::Pgzip { generation, .. } => Encoder::Pgzip {
                generation,
                level,
                block_size: fields.short().map_err(end)? as usize,
            },
            Encoder::Zlib { .. } => {
                let [memory_level] = fields.exactly().map_err(end)?;
                Encoder::Zlib {
                    level,
                    memory_level,
                }
            }
        };
        if encoder.start().is_none() {
            return Err(FormError::Settings(encoder.name()));
        }
        let mut form = Self::new(encoder);
        while fields.left() > 0 {
            let offset = fields.offset();
            let length = u16::from_be_bytes(fields.exactly().map_err(end)?);
            let header = fields.bytes((length & !FLUSHED).into()).map_err(end)?;
            let header = match form.members.last() {
                Some(last) if header.is_empty() => Arc::clone(&last.header),
                _ => Arc::from(header),
            };
            let size = fields.long().map_err(end)?;
            let member = Member {
                header,
                size,
                flushed: length & FLUSHED != 0,
            };
            if !form.push(member) {
                return Err(malformed(offset, "there can be no such member"));
            }
        }
        if form.members.is_empty() {
            return Err(malformed(fields.offset(), "there are no members"));
        }
        Ok(form)
    }

    /// The encoder of all members.
    #[must_use]
    pub const fn encoder(&self) -> Encoder {
        self.encoder
    }

    /// The members in their order; there is at least one.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What a recipe keeps besides the encoder's name.
    #[must_use]
    pub fn parameters(&self) -> &[u8] {
        &self.parameters
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn encoders() -> impl Strategy<Value = Encoder> {
        proptest::sample::select(ENCODERS.to_vec())
    }

    proptest! {
        #[test]
        fn a_form_is_read_back(
            encoder in encoders(),
            members in proptest::collection::vec((0..3_u8, 1..40_usize, any::<u64>(), any::<bool>()), 1..20),
        ) {
            let mut form = GzipForm::new(encoder);
            for (byte, length, size, flushed) in members {
                let flushed = flushed && encoder.flushes();
                let header = Arc::from(vec![byte; length]);
                let pushed = form.push(Member { header, size, flushed });
                prop_assert!(pushed);
            }
            prop_assert_eq!(GzipForm::parse(encoder.name(), form.parameters()).unwrap(), form.clone());
            for length in 0..form.parameters().len() {
                // What is cut between two members is another form.
                if let Ok(shorter) = GzipForm::parse(encoder.name(), &form.parameters()[..length]) {
                    prop_assert!(form.members().starts_with(shorter.members()));
                    prop_assert!(shorter.members().len() < form.members().len());
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            encoder in encoders(),
            parameters in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            if let Ok(form) = GzipForm::parse(encoder.name(), &parameters) {
                let again = GzipForm::parse(encoder.name(), form.parameters());
                prop_assert_eq!(again, Ok(form));
            }
        }
    }

    #[test]
    fn a_header_that_is_told_once_counts_each_time() {
        let mut form = GzipForm::new(ENCODERS[0]);
        let member = Member {
            header: Arc::from(vec![0; HEADER_LIMIT.into()]),
            size: 0,
            flushed: false,
        };
        for _ in 0..HEADERS_LIMIT / member.header.len() {
            assert!(form.push(member.clone()));
        }
        assert!(!form.push(member));
        assert!(form.parameters().len() < PARAMETERS_LIMIT / 10);
        let error = GzipForm::parse(form.encoder().name(), form.parameters()).unwrap_err();
        assert!(error.to_string().ends_with("there can be no such member"));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let message =
            |name, parameters: &[u8]| GzipForm::parse(name, parameters).unwrap_err().to_string();
        assert_eq!(message("go-9", b""), "the encoder \"go-9\" is not known");
        assert!(message("go-1.26", &[10]).contains("no such settings"));
        assert!(message("go-1.26", &[6]).ends_with("offset 1: there are no members"));
        assert!(message("go-1.26", &[6, 0, 0]).contains("offset 3: they end within a field"));
        assert!(message("go-1.26", &[6; 20]).contains("end within a field"));
        let empty = [&[6, 0, 0][..], &[0; 8]].concat();
        assert!(message("go-1.26", &empty).ends_with("there can be no such member"));
        let flushed = [&[5, 0, 16, 0, 0, 0x80, 1, 0x1f][..], &[0; 8]].concat();
        assert!(
            message("pgzip-klauspost-1.18", &flushed)
                .ends_with("offset 5: there can be no such member")
        );
    }
}
