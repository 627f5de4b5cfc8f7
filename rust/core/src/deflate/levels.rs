//! How hard Go's levels 2 to 9 try.

/// How hard a level tries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// The first match is taken; only positions within a match of up to `insert` bytes are remembered.
    Greedy {
        /// See above.
        insert: usize,
    },
    /// A match shorter than `lazy` waits for a longer one at the next position.
    Lazy {
        /// See above.
        lazy: usize,
    },
}

/// What sets one level apart from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Whether matches wait for better ones.
    pub effort: Effort,
    /// A match of so many bytes ends the search.
    pub nice: usize,
    /// How many candidates are looked at.
    pub chain: u32,
}

/// What a level does; none for those that find no matches, or find them in another way.
pub const fn settings(level: i8) -> Option<Settings> {
    let (effort, nice, chain) = match level {
        2 => (Effort::Greedy { insert: 5 }, 16, 8),
        3 => (Effort::Greedy { insert: 6 }, 32, 32),
        4 => (Effort::Lazy { lazy: 4 }, 16, 16),
        5 => (Effort::Lazy { lazy: 16 }, 32, 32),
        6 => (Effort::Lazy { lazy: 16 }, 128, 128),
        7 => (Effort::Lazy { lazy: 32 }, 128, 256),
        8 => (Effort::Lazy { lazy: 128 }, 258, 1024),
        9 => (Effort::Lazy { lazy: 258 }, 258, 4096),
        _ => return None,
    };
    Some(Settings {
        effort,
        nice,
        chain,
    })
}
