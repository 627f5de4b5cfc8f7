//! Levels of compression.

use super::best::Best;
use super::double_fast::DoubleFast;
use super::fast::Fast;
use super::matcher::Matcher;

/// How hard the library tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `SpeedFastest`: zstd's levels 1 and 2.
    Fastest,
    /// `SpeedDefault`: zstd's levels 3 to 5, and where no level is set.
    Default,
    /// `SpeedBestCompression`: zstd's levels from 10 on, and zstd:chunked where no level is set.
    Best,
}

impl Level {
    /// All of them, the most usual first.
    pub const ALL: [Self; 3] = [Self::Default, Self::Fastest, Self::Best];

    /// As the library numbers them.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Fastest => 1,
            Self::Default => 2,
            Self::Best => 4,
        }
    }

    /// Bytes of a block that is not flushed.
    #[must_use]
    pub const fn block_size(self) -> usize {
        match self {
            Self::Fastest => 64 << 10,
            Self::Default | Self::Best => 128 << 10,
        }
    }

    /// Matches reach back less than this: the window of a frame that is more than a block.
    #[must_use]
    pub const fn reach(self) -> u32 {
        match self {
            Self::Fastest => 4 << 20,
            Self::Default | Self::Best => 8 << 20,
        }
    }

    /// What finds the matches of blocks.
    pub(super) fn matcher(self) -> Box<dyn Matcher> {
        match self {
            Self::Fastest => Box::new(Fast::new()),
            Self::Default => Box::new(DoubleFast::new()),
            Self::Best => Box::new(Best::new()),
        }
    }
}
