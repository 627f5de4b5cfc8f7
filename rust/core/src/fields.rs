//! Fields of a format, one after the other.

/// What is left of some bytes, and where it begins.
pub struct Fields<'data> {
    data: &'data [u8],
    offset: usize,
}

/// The bytes end within a field.
pub struct Ended {
    /// Where the field begins.
    pub offset: usize,
}

impl<'data> Fields<'data> {
    pub const fn new(data: &'data [u8]) -> Self {
        Self { data, offset: 0 }
    }

    /// Where the next field begins.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.data.len()
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: usize) -> Result<&'data [u8], Ended> {
        let (field, rest) = self.data.split_at_checked(length).ok_or(Ended {
            offset: self.offset,
        })?;
        self.data = rest;
        self.offset += length;
        Ok(field)
    }

    /// So many items of one length.
    pub fn array<const LENGTH: usize>(
        &mut self,
        count: usize,
    ) -> Result<&'data [[u8; LENGTH]], Ended> {
        // Where it overflows, there are not so many bytes either.
        let length = count.saturating_mul(LENGTH);
        self.bytes(length).map(|field| field.as_chunks().0)
    }

    pub fn exactly<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Ended> {
        let offset = self.offset;
        let field = self.bytes(LENGTH)?.first_chunk();
        field.copied().ok_or(Ended { offset })
    }

    pub fn byte(&mut self) -> Result<u8, Ended> {
        self.exactly().map(|[byte]| byte)
    }

    /// A big-endian number of four bytes.
    pub fn short(&mut self) -> Result<u32, Ended> {
        self.exactly().map(u32::from_be_bytes)
    }

    /// A big-endian number of eight bytes.
    pub fn long(&mut self) -> Result<u64, Ended> {
        self.exactly().map(u64::from_be_bytes)
    }
}
