//! What is known of a zstd file besides its content; format: `docs/formats.md`, "Encoders".

use crate::encoder::FormError;
use crate::fields::{Ended, Fields};
use crate::klauspost_zstd::{Generation, Level, Settings};
use crate::recipe::PARAMETERS_LIMIT;
use crate::zstd_frames::CHECKSUM_LENGTH;

/// One zstd frame, or a part of one, or what follows the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What comes before its blocks: the header of a frame, and skippable frames before that; nothing within a frame.
    pub start: Vec<u8>,
    /// Bytes of its content.
    pub size: u64,
    /// How it ends.
    pub end: End,
}

/// How a section ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With its frame.
    Frame,
    /// With its frame and the checksum of its content.
    Checksum([u8; CHECKSUM_LENGTH]),
    /// With a flush.
    Flush,
    /// It is what follows the last frame, and has no content.
    File,
}

impl End {
    /// As parameters have it.
    const fn number(self) -> u8 {
        match self {
            Self::Frame => 0,
            Self::Checksum(_) => 1,
            Self::Flush => 2,
            Self::File => 3,
        }
    }

    /// What of the end is in the file as it is.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Checksum(checksum) => checksum,
            Self::Frame | Self::Flush | Self::File => &[],
        }
    }
}

/// How a zstd file is made of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZstdForm {
    settings: Settings,
    sections: Vec<Section>,
    parameters: Vec<u8>,
}

impl ZstdForm {
    /// A file without sections, so far.
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            sections: Vec::new(),
            parameters: vec![settings.level().number()],
        }
    }

    /// Append a section; false where there is none such, or all parameters are too long.
    pub(super) fn push(&mut self, section: Section) -> bool {
        let Ok(length) = u32::try_from(section.start.len()) else {
            return false;
        };
        let is_possible = section.size == 0 || section.end != End::File;
        self.parameters.push(section.end.number());
        self.parameters.extend(length.to_be_bytes());
        self.parameters.extend(&section.start);
        self.parameters.extend(section.size.to_be_bytes());
        self.parameters.extend(section.end.bytes());
        self.sections.push(section);
        is_possible && self.parameters.len() <= PARAMETERS_LIMIT
    }

    /// Whether an encoder is one of those that write zstd.
    pub(super) fn is_of(name: &str) -> bool {
        Generation::ALL
            .iter()
            .any(|generation| generation.name() == name)
    }

    /// Read what a recipe says.
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn parse(name: &str, parameters: &[u8]) -> Result<Self, FormError> {
        let generation = Generation::ALL
            .into_iter()
            .find(|generation| generation.name() == name)
            .ok_or_else(|| FormError::UnknownEncoder(name.to_owned()))?;
        let malformed = |offset, problem| FormError::Malformed {
            name: generation.name(),
            offset,
            problem,
        };
        let end = |ended: Ended| malformed(ended.offset, "they end within a field");
        let mut fields = Fields::new(parameters);
        let number = fields.byte().map_err(end)?;
        let settings = Level::ALL
            .into_iter()
            .find(|level| level.number() == number)
            .and_then(|level| Settings::new(generation, level))
            .ok_or(FormError::Settings(generation.name()))?;
        let mut form = Self::new(settings);
        while fields.left() > 0 {
            let offset = fields.offset();
            let kind = fields.byte().map_err(end)?;
            let length = fields.short().map_err(end)?;
            let start = fields.bytes(length as usize).map_err(end)?.to_vec();
            let size = fields.long().map_err(end)?;
            let ending = match kind {
                0 => End::Frame,
                1 => End::Checksum(fields.exactly().map_err(end)?),
                2 => End::Flush,
                3 => End::File,
                _ => return Err(malformed(offset, "there is no such end")),
            };
            let section = Section {
                start,
                size,
                end: ending,
            };
            if !form.push(section) {
                return Err(malformed(offset, "there can be no such section"));
            }
        }
        if form.sections.is_empty() {
            return Err(malformed(fields.offset(), "there are no sections"));
        }
        Ok(form)
    }

    /// The encoder of all frames.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// The sections in their order; there is at least one.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
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

    fn form() -> impl Strategy<Value = ZstdForm> {
        let end = prop_oneof![
            Just(End::Frame),
            any::<[u8; CHECKSUM_LENGTH]>().prop_map(End::Checksum),
            Just(End::Flush),
            Just(End::File),
        ];
        let section = (
            proptest::collection::vec(any::<u8>(), 0..40),
            any::<u64>(),
            end,
        );
        let sections = proptest::collection::vec(section, 1..20);
        let settings = proptest::sample::select(Settings::all().collect::<Vec<_>>());
        (settings, sections).prop_map(|(settings, sections)| {
            let mut form = ZstdForm::new(settings);
            for (start, size, end) in sections {
                let size = if end == End::File { 0 } else { size };
                assert!(form.push(Section { start, size, end }));
            }
            form
        })
    }

    proptest! {
        #[test]
        fn a_form_is_read_back(form in form()) {
            let name = form.settings().generation().name();
            prop_assert_eq!(ZstdForm::parse(name, form.parameters()).unwrap(), form.clone());
            for length in 0..form.parameters().len() {
                // What is cut between two sections is another form.
                if let Ok(shorter) = ZstdForm::parse(name, &form.parameters()[..length]) {
                    prop_assert!(form.sections().starts_with(shorter.sections()));
                    prop_assert!(shorter.sections().len() < form.sections().len());
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(parameters in proptest::collection::vec(any::<u8>(), 0..60)) {
            let name = Generation::V1_17_8.name();
            if let Ok(form) = ZstdForm::parse(name, &parameters) {
                let again = ZstdForm::parse(name, form.parameters());
                prop_assert_eq!(again, Ok(form));
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let message = |parameters: &[u8]| {
            let error = ZstdForm::parse("zstd-klauspost-1.17.8", parameters);
            error.unwrap_err().to_string()
        };
        assert!(message(&[]).ends_with("offset 0: they end within a field"));
        assert!(message(&[3]).contains("has no such"));
        assert!(message(&[2]).ends_with("offset 1: there are no sections"));
        assert!(message(&[[2, 4].as_slice(), &[0; 12]].concat()).ends_with("no such end"));
        let content_behind = [[2, 3].as_slice(), &[0; 11], &[1]].concat();
        assert!(message(&content_behind).ends_with("no such section"));
        assert!(message(&[2, 0, 0]).contains("offset 2: they end within a field"));
    }

    #[test]
    fn a_form_has_its_limit() {
        let settings = Settings::new(Generation::V1_17_8, Level::Default).unwrap();
        let mut form = ZstdForm::new(settings);
        let section = |length| Section {
            start: vec![0; length],
            size: 0,
            end: End::Frame,
        };
        assert!(form.push(section(PARAMETERS_LIMIT - 100)));
        assert!(!form.push(section(100)));
    }
}
