//! Bytes that come from a socket straight into a blob's file.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::blob_file::BlobFile;
use crate::error::FileError;

/// How much is received at once: few enough bytes that they are still in the cache when they are written and hashed.
const RECEIVE_BUFFER: usize = 256 << 10;

impl BlobFile {
    /// Appends what a socket or pipe has, up to `most` bytes, and returns how many it were: 0 where it has ended, or
    /// failed, and `None` where nothing came for `patience`. Waits no longer than that for any of them, and begins with
    /// no further ones after `turn`.
    ///
    /// # Errors
    /// The disk does not take the bytes; from then on the file can only be closed.
    pub fn receive(
        &mut self,
        source: BorrowedFd<'_>,
        most: u64,
        patience: Duration,
        turn: Duration,
    ) -> Result<Option<u64>, FileError> {
        self.check()?;
        let began = Instant::now();
        let mut buffer = vec![0; RECEIVE_BUFFER];
        let mut received = 0;
        while received < most && (received == 0 || began.elapsed() < turn) {
            let room = usize::try_from(most - received).unwrap_or(RECEIVE_BUFFER);
            let free = &mut buffer[..room.min(RECEIVE_BUFFER)];
            match rustix::io::read(source, free) {
                Ok(0) => break,
                Ok(count) => {
                    self.write(&buffer[..count])?;
                    received += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if becomes_readable(source, patience) => {}
                Err(Errno::AGAIN) => return Ok((received > 0).then_some(received)),
                // Whoever sends is gone: what came stays, and the next call says that there is no more.
                Err(_) => break,
            }
        }
        Ok(Some(received))
    }
}

/// Waits for bytes, or the end of them, and tells whether one came.
fn becomes_readable(source: BorrowedFd<'_>, patience: Duration) -> bool {
    let mut waiting = [PollFd::from_borrowed_fd(source, PollFlags::IN)];
    let Ok(patience) = Timespec::try_from(patience) else {
        return false;
    };
    // An error is for the read to tell; an interruption only ends the patience early.
    poll(&mut waiting, Some(&patience)) != Ok(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;
    use crate::sha256::Sha256;

    #[test]
    fn what_a_socket_has_is_received() {
        let directory = tempfile::tempdir().unwrap();
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut file = BlobFile::create(directory.path()).unwrap();
        let mut receive = |most| {
            let (patience, turn) = (Duration::from_millis(1), Duration::from_secs(60));
            file.receive(ours.as_fd(), most, patience, turn).unwrap()
        };
        assert_eq!(receive(100), None);
        theirs.write_all(&[7; 1000]).unwrap();
        assert_eq!(receive(600), Some(600));
        assert_eq!(receive(600), Some(400));
        theirs.write_all(&[8; 10]).unwrap();
        drop(theirs);
        assert_eq!(receive(100), Some(10));
        assert_eq!(receive(100), Some(0));
        let whole = [vec![7; 1000], vec![8; 10]].concat();
        assert_eq!((file.size(), file.digest()), (1010, Sha256::of(&whole)));
    }
}
