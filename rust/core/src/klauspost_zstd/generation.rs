//! Versions of the library.

use super::Level;

/// Versions of `klauspost/compress` that write the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// 1.15.2 to 1.16.3, at least.
    V1_15,
    /// 1.16.4 to 1.16.7.
    V1_16,
    /// 1.17.0 to 1.17.7.
    V1_17_0,
    /// 1.17.8 to 1.20.2.
    V1_17_8,
    /// From 1.20.3 on.
    V1_20_3,
}

impl Generation {
    /// All of them, the most usual first.
    pub const ALL: [Self; 5] = [
        Self::V1_17_8,
        Self::V1_20_3,
        Self::V1_17_0,
        Self::V1_16,
        Self::V1_15,
    ];

    /// What recipes call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_15 => "zstd-klauspost-1.15",
            Self::V1_16 => "zstd-klauspost-1.16.4",
            Self::V1_17_0 => "zstd-klauspost-1.17.0",
            Self::V1_17_8 => "zstd-klauspost-1.17.8",
            Self::V1_20_3 => "zstd-klauspost-1.20.3",
        }
    }

    /// Whether literals are compressed in blocks without matches.
    pub(super) fn compresses_literals(self, level: Level) -> bool {
        match level {
            Level::Fastest => false,
            Level::Default => self == Self::V1_15,
            Level::Best => true,
        }
    }

    /// Whether full blocks without matches are stored as they are.
    pub(super) fn skips_full_blocks(self) -> bool {
        self == Self::V1_15
    }

    /// The share of a block that matches must save, as a power of two.
    pub(super) fn least_saved_log(self) -> u32 {
        if self == Self::V1_15 { 5 } else { 6 }
    }

    /// The fewest literals that are compressed.
    pub(super) fn fewest_literals(self) -> usize {
        if self < Self::V1_17_0 { 33 } else { 17 }
    }

    /// Whether literals stay as they are where only their header makes them longer.
    pub(super) fn compares_headers(self) -> bool {
        self >= Self::V1_17_0
    }

    /// Whether a block of one byte, repeated, is stored as such.
    pub(super) fn has_repeated_bytes(self) -> bool {
        self >= Self::V1_17_8
    }

    /// Whether the last states of tables count when these are chosen.
    pub(super) fn counts_ends(self) -> bool {
        self >= Self::V1_20_3
    }
}
