//! Literals of a recipe, decompressed where they are wanted.

use crate::damage::Damage;
use crate::frame::{FRAME_LIMIT, FrameDecoder};
use crate::recipe::parse::Recipe;

/// Reads literals, a frame at a time; the frame that was read last is kept.
#[derive(Default)]
pub struct Literals {
    decoder: FrameDecoder,
    index: Option<usize>,
    frame: Vec<u8>,
}

impl Literals {
    /// Fill `output` with literals from `offset` in all of them on.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn read(
        &mut self,
        recipe: &Recipe,
        mut offset: usize,
        mut output: &mut [u8],
    ) -> Result<(), Damage> {
        while !output.is_empty() {
            self.load(recipe, offset / FRAME_LIMIT)?;
            let start = offset % FRAME_LIMIT;
            let bytes = self.frame.get(start..).unwrap_or_default();
            let length = bytes.len().min(output.len());
            if length == 0 {
                return Err(Damage::recipe(0, "there are not so many literals"));
            }
            let (now, later) = output.split_at_mut(length);
            now.copy_from_slice(&bytes[..length]);
            output = later;
            offset += length;
        }
        Ok(())
    }

    fn load(&mut self, recipe: &Recipe, index: usize) -> Result<(), Damage> {
        if self.index == Some(index) {
            return Ok(());
        }
        self.index = None;
        let (position, frame) = recipe
            .frame(index)
            .ok_or_else(|| Damage::recipe(0, "there are not so many literals"))?;
        let size = recipe.literal_size() - index * FRAME_LIMIT;
        self.frame.resize(size.min(FRAME_LIMIT), 0);
        self.decoder
            .decode(frame, &mut self.frame)
            .map_err(|problem| Damage::recipe(position, problem))?;
        self.index = Some(index);
        Ok(())
    }
}
