//! Which encoder it is.

use super::{Generation, Level};

/// A generation of the library and one of its levels that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    generation: Generation,
    level: Level,
}

impl Settings {
    /// None where the generation searches in another way at that level: the best one has changed several times.
    #[must_use]
    pub fn new(generation: Generation, level: Level) -> Option<Self> {
        let is_known = level != Level::Best || generation >= Generation::V1_17_8;
        is_known.then_some(Self { generation, level })
    }

    /// All of them, the most usual first.
    pub fn all() -> impl Iterator<Item = Self> {
        let levels = Level::ALL.into_iter();
        levels.flat_map(|level| {
            Generation::ALL
                .into_iter()
                .filter_map(move |generation| Self::new(generation, level))
        })
    }

    /// The versions of the library.
    #[must_use]
    pub const fn generation(self) -> Generation {
        self.generation
    }

    /// The level.
    #[must_use]
    pub const fn level(self) -> Level {
        self.level
    }
}
