//! Names of all pieces, so that a blob can be had piece by piece.

use crate::damage::Damage;
use crate::digest::Digest;
use crate::recipe::literals::Literals;
use crate::recipe::parse::{Origin, Piece, Recipe};
use crate::sha256::Sha256;

impl Recipe {
    /// Digest and size of every piece in order, those of literals computed.
    ///
    /// # Errors
    /// A literal cannot be decompressed.
    pub fn named_pieces(&self) -> Result<Vec<(Digest, u64)>, Damage> {
        let mut literals = Literals::default();
        self.pieces()
            .iter()
            .map(|piece| {
                let digest = match piece.origin {
                    Origin::Chunk(index) => Digest::from(self.chunks()[index]),
                    Origin::Literal(offset) => {
                        Sha256::of(&self.bytes(&mut literals, piece, offset)?)
                    }
                };
                Ok((digest, piece.length.into()))
            })
            .collect()
    }

    /// The bytes of one piece, by its index; None where it is no literal.
    ///
    /// # Errors
    /// It cannot be decompressed.
    pub fn literal(&self, index: usize) -> Result<Option<Vec<u8>>, Damage> {
        match self.pieces().get(index) {
            Some(
                piece @ Piece {
                    origin: Origin::Literal(offset),
                    ..
                },
            ) => self
                .bytes(&mut Literals::default(), piece, *offset)
                .map(Some),
            _ => Ok(None),
        }
    }

    fn bytes(
        &self,
        literals: &mut Literals,
        piece: &Piece,
        offset: usize,
    ) -> Result<Vec<u8>, Damage> {
        let mut bytes = vec![0; piece.length as usize];
        literals.read(self, offset, &mut bytes)?;
        Ok(bytes)
    }
}
