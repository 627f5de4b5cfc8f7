//! Reading on a thread of its own.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes of one buffer: large enough that threads seldom meet and that a decoder seldom has to save its window.
const BUFFER_SIZE: usize = 256 << 10;

/// Buffers that go round between the two threads.
const BUFFERS: usize = 5;

/// A reader whose bytes are fetched by a thread of their own, at most [`BUFFERS`] buffers ahead.
///
/// The thread ends when everything is read, when reading fails, or when this is dropped.
pub struct ReadAhead {
    /// None once the thread has been told to stop.
    channels: Option<Channels>,
    current: Vec<u8>,
    position: usize,
    ended: bool,
    check: Check,
    thread: Option<JoinHandle<()>>,
}

type Check = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

struct Channels {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
}

impl ReadAhead {
    /// Starts to read.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn spawn(reader: impl Read + Send + 'static) -> io::Result<Self> {
        Self::spawn_checked(reader, |_| Ok(()))
    }

    /// Starts to read what is to pass a check where it is taken; the check is shown the end as an empty slice.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn spawn_checked(
        reader: impl Read + Send + 'static,
        check: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (full_sender, full) = sync_channel(BUFFERS);
        let (empty, empty_receiver) = sync_channel(BUFFERS);
        for _ in 1..BUFFERS {
            // There is room for all of them, and the receiver is in this function.
            let _ = empty.send(vec![0; BUFFER_SIZE]);
        }
        let thread = thread::Builder::new()
            .name("lamella-read".into())
            .spawn(move || fetch(reader, &empty_receiver, &full_sender))?;
        Ok(Self {
            channels: Some(Channels { full, empty }),
            current: vec![0; BUFFER_SIZE],
            position: BUFFER_SIZE,
            ended: false,
            check: Box::new(check),
            thread: Some(thread),
        })
    }
}

/// What the thread does: fills buffer after buffer; an empty one says that the reader is at its end.
fn fetch(mut reader: impl Read, empty: &Receiver<Vec<u8>>, full: &SyncSender<io::Result<Vec<u8>>>) {
    for mut buffer in empty {
        let result = fill(&mut reader, &mut buffer).map(|()| buffer);
        let done = result.as_ref().map_or(true, Vec::is_empty);
        if full.send(result).is_err() || done {
            return;
        }
    }
}

fn fill(reader: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(BUFFER_SIZE, 0);
    let mut filled = 0;
    while filled < BUFFER_SIZE {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(())
}

impl BufRead for ReadAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.current.len() && !self.ended {
            self.position = 0;
            let used = std::mem::take(&mut self.current);
            let next = self.channels.as_ref().and_then(|channels| {
                // A thread that is done takes no more buffers, but those that it filled are still there.
                let _ = channels.empty.send(used);
                channels.full.recv().ok()
            });
            self.current =
                next.unwrap_or_else(|| Err(io::Error::other("the reading thread has stopped")))?;
            (self.check)(&self.current)?;
            self.ended = self.current.is_empty();
        }
        Ok(&self.current[self.position..])
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.current.len().min(self.position + amount);
    }
}

impl Read for ReadAhead {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(output)?;
        self.consume(length);
        Ok(length)
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.channels = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been seen as a reader that stopped before its end.
            let _ = thread.join();
        }
    }
}
