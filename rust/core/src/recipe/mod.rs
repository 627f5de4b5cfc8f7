//! Recipes: how a blob is rebuilt, byte for byte, from literals and chunks.
//!
//! The format is described in `docs/formats.md`, "Recipe".

mod builder;
mod content;
mod groups;
mod literals;
mod parse;
mod pieces;
mod reader;

pub use builder::{NewPiece, PieceError, RecipeBuilder, of_pieces};
pub use content::{Content, Transform, TransformError};
pub use groups::{DistinctChunk, Group};
pub use parse::{Origin, Piece, Recipe};
pub use reader::{ReadError, RecipeReader, Source};

/// What a recipe begins with: its format, and that format's version.
const MAGIC: &[u8] = b"lamella recipe 1\n";

/// The most bytes of one literal: a run of framing and tiny contents that is longer is several.
pub const LITERAL_LIMIT: usize = 256 << 10;

/// The most bytes that the parameters of a transform have.
pub const PARAMETERS_LIMIT: usize = 1 << 20;

/// The most bytes of a recipe that is made of a blob: far more than those of layers have, and whoever makes or reads a
/// recipe holds all of it.
pub const RECIPE_LIMIT: usize = 256 << 20;

/// Marks the length of a literal among those of the pieces.
const LITERAL: u32 = 1 << 31;
