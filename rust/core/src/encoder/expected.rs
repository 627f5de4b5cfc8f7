//! The compressed file that an encoder's output is compared with.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Content that is compressed at a time, and bytes of the file that are read at a time.
pub const STEP: usize = 64 << 10;

/// Opens a file to be read in steps.
pub fn open(path: &Path) -> io::Result<BufReader<File>> {
    File::open(path).map(|file| BufReader::with_capacity(STEP, file))
}

/// What of the file was not compared yet.
pub struct Expected(BufReader<File>);

impl Expected {
    /// At the beginning of a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        open(path).map(Self)
    }

    /// Whether the file goes on with the output, which is empty then.
    pub fn agrees(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut left = output.as_slice();
        while !left.is_empty() {
            let expected = self.0.fill_buf()?;
            let length = expected.len().min(left.len());
            if length == 0 || expected[..length] != left[..length] {
                return Ok(false);
            }
            left = &left[length..];
            self.0.consume(length);
        }
        output.clear();
        Ok(true)
    }

    /// Take the next bytes, or as many as there are.
    pub fn take(&mut self, count: usize, taken: &mut Vec<u8>) -> io::Result<()> {
        self.0.by_ref().take(count as u64).read_to_end(taken)?;
        Ok(())
    }

    /// Whether nothing is left.
    pub fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.0.fill_buf()?.is_empty())
    }
}
