//! What finds the matches of a block.

use super::sequences::Found;
use super::window::Window;

/// Finds the matches of one block after the other.
pub trait Matcher: Send {
    /// All numbers of positions are lower from now on.
    fn rebase(&mut self, less: u32);

    /// Adds what becomes of a window's block. A frame that is one incomplete block is searched in a way of its own:
    /// then it is `alone`.
    fn find(&mut self, window: &Window, alone: bool, found: &mut Found);
}
