//! zlib's compressor, called safely.

use std::alloc::{Layout, handle_alloc_error};
use std::ffi::{c_int, c_uint};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use libz_sys::{
    Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_MEM_ERROR, Z_OK, deflate, deflateEnd, deflateInit2_,
    deflatePrime, deflateSetDictionary, uInt, z_stream, zlibVersion,
};

/// A window of 32 KiB, and DEFLATE alone, without a header of zlib's or gzip's.
const RAW_WINDOW: c_int = -15;

/// Room that the output is given at a time.
const ROOM: usize = 64 << 10;

unsafe extern "C" {
    /// zlib's, which `libz-sys` does not declare: how many bytes and bits are written that no room was given for yet.
    fn deflatePending(stream: *mut z_stream, bytes: *mut c_uint, bits: *mut c_int) -> c_int;
}

/// One stream.
///
/// Its address stays the same, since zlib's state points to it.
pub struct Deflate(NonNull<z_stream>);

// SAFETY: the stream and its state are this value's alone, and nothing in zlib belongs to a thread.
unsafe impl Send for Deflate {}

impl Deflate {
    /// At the beginning of a stream; None where zlib has no such level, or no such level of memory.
    pub fn new(level: c_int, memory: c_int) -> Option<Self> {
        let stream = Box::into_raw(Box::new(MaybeUninit::<z_stream>::zeroed()));
        // SAFETY: as zlib wants it, all fields are zero. It checks the settings, and that it is of the version and has
        // the structure that this was compiled for.
        let status = unsafe {
            deflateInit2_(
                stream.cast(),
                level,
                Z_DEFLATED,
                RAW_WINDOW,
                memory,
                Z_DEFAULT_STRATEGY,
                zlibVersion(),
                size_of::<z_stream>() as c_int,
            )
        };
        if status == Z_OK {
            return NonNull::new(stream.cast()).map(Self);
        }
        // SAFETY: it comes from a box, and zlib keeps nothing of a stream that it refuses.
        drop(unsafe { Box::from_raw(stream) });
        if status == Z_MEM_ERROR {
            handle_alloc_error(Layout::new::<z_stream>());
        }
        None
    }

    /// Let matches reach back into bytes that are not part of the stream, before anything is compressed.
    pub fn set_dictionary(&mut self, dictionary: &[u8]) {
        let length = uInt::try_from(dictionary.len()).unwrap_or(uInt::MAX);
        // SAFETY: the stream is initialised, and zlib only reads `length` bytes of the dictionary.
        unsafe {
            deflateSetDictionary(self.0.as_ptr(), dictionary.as_ptr(), length);
        }
    }

    /// Compress all of the input, and append what there is to write.
    pub fn run(&mut self, mut input: &[u8], flush: c_int, output: &mut Vec<u8>) {
        loop {
            let start = output.len();
            output.resize(start + ROOM, 0);
            let (read, written) = self.step(input, flush, &mut output[start..]);
            output.truncate(start + written);
            input = &input[read..];
            if written < ROOM {
                break;
            }
        }
    }

    /// How many bits of the last byte are written that is not full, after a flush.
    pub fn pending_bits(&mut self) -> c_int {
        let mut bits = 0;
        // SAFETY: the stream is initialised, and zlib writes one number, or none where there is no pointer.
        unsafe {
            deflatePending(self.0.as_ptr(), ptr::null_mut(), &raw mut bits);
        }
        bits
    }

    /// Write bits as they are, at most 16.
    pub fn put(&mut self, bits: c_int, value: c_int) {
        // SAFETY: the stream is initialised; there is no pointer besides.
        unsafe {
            deflatePrime(self.0.as_ptr(), bits, value);
        }
    }

    /// Compress some of the input into the room; return how much of both was used.
    ///
    /// As long as all the room is used, there may be more to write, with what is left of the input.
    fn step(&mut self, input: &[u8], flush: c_int, room: &mut [u8]) -> (usize, usize) {
        let given = uInt::try_from(input.len()).unwrap_or(uInt::MAX);
        let free = uInt::try_from(room.len()).unwrap_or(uInt::MAX);
        let stream = self.0.as_ptr();
        // SAFETY: the stream is initialised and only used here. zlib reads `given` bytes, at most, of the input, which it
        // does not change, and writes `free` bytes, at most, of the room. Its result says nothing that the counts do not.
        let (left, unused) = unsafe {
            (*stream).next_in = input.as_ptr().cast_mut();
            (*stream).avail_in = given;
            (*stream).next_out = room.as_mut_ptr();
            (*stream).avail_out = free;
            deflate(stream, flush);
            ((*stream).avail_in, (*stream).avail_out)
        };
        ((given - left) as usize, (free - unused) as usize)
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        let stream = self.0.as_ptr();
        // SAFETY: the stream is initialised, comes from a box, and is not used any more. An error would only say that
        // it has not been read to its end.
        unsafe {
            deflateEnd(stream);
            drop(Box::from_raw(stream));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use libz_sys::{Z_FINISH, Z_NO_FLUSH};
    use proptest::prelude::*;

    use super::*;

    /// Compress pieces of content into rooms of some sizes, in turn.
    fn compress(content: &[u8], level: c_int, writes: &[usize], rooms: &[usize]) -> Vec<u8> {
        let mut stream = Deflate::new(level, 8).unwrap();
        let mut rooms = rooms.iter().cycle();
        let mut writes = writes.iter().cycle();
        let mut output = Vec::new();
        let mut rest = content;
        loop {
            let (mut piece, more) = rest.split_at(rest.len().min(*writes.next().unwrap()));
            rest = more;
            let flush = if rest.is_empty() {
                Z_FINISH
            } else {
                Z_NO_FLUSH
            };
            loop {
                let mut room = vec![0; *rooms.next().unwrap()];
                let (read, written) = stream.step(piece, flush, &mut room);
                output.extend_from_slice(&room[..written]);
                piece = &piece[read..];
                if written < room.len() {
                    break;
                }
            }
            if rest.is_empty() {
                return output;
            }
        }
    }

    fn sizes() -> impl Strategy<Value = Vec<usize>> {
        let size = prop_oneof![1..20_usize, 1..1000_usize, 1..100_000_usize];
        proptest::collection::vec(size, 1..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// But for matches that reach as far back as they can, which such content has hardly ever.
        #[test]
        fn sizes_of_writes_and_of_rooms_change_nothing(
            seeds in proptest::collection::vec(any::<u16>(), 1..60),
            repeated in 1..4000_usize,
            level in 1..=9,
            writes in sizes(),
            rooms in sizes(),
        ) {
            let content: Vec<u8> = seeds
                .iter()
                .flat_map(|&seed| (0..repeated).map(move |number| {
                    let value = (number * usize::from(seed) * 2_654_435_761) >> (seed % 16);
                    value.to_le_bytes()[1] & seed.to_le_bytes()[1]
                }))
                .collect();
            let whole = compress(&content, level, &[usize::MAX], &[1 << 20]);
            prop_assert!(compress(&content, level, &writes, &rooms) == whole);
        }
    }
}
