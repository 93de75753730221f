//! Reads what a process writes: large reads, whole lines to the sink, everything else to its journal.

mod split;

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use tokio::net::unix::pipe;

use self::split::{Consumer, Splitter};
use super::journal::{Journal, Stream};
use super::sink::{LineSink, Progress};

/// Most bytes of one read. A pipe holds 64 KiB unless its writer enlarged it.
const READ: usize = 256 << 10;

thread_local! {
    /// One buffer per thread of the runtime, however many probes there are: between two reads a probe keeps only
    /// the beginning of a line.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Reads stdout until its end; `on_progress` hears what each read showed.
///
/// # Errors
/// Those of reading a pipe.
pub(super) async fn read_rows(
    pipe: pipe::Receiver,
    sink: Box<dyn LineSink>,
    journal: Arc<Journal>,
    on_progress: impl FnMut(Progress) + Send,
) -> io::Result<()> {
    read(pipe, Rows { sink, journal, on_progress }).await
}

/// Reads stderr until its end.
///
/// # Errors
/// Those of reading a pipe.
pub(super) async fn read_text(pipe: pipe::Receiver, journal: Arc<Journal>) -> io::Result<()> {
    read(pipe, Text(journal)).await
}

async fn read(pipe: pipe::Receiver, mut to: impl Consumer) -> io::Result<()> {
    let mut splitter = Splitter::default();
    loop {
        pipe.readable().await?;
        let result =
            BUFFER.with_borrow_mut(|buffer| splitter.feed(buffer, |free| pipe.try_read(free), &mut to));
        match result {
            Ok(0) => break,
            // A process that writes without end must not keep the others from this thread.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    splitter.finish(&mut to);
    Ok(())
}

struct Rows<F> {
    sink: Box<dyn LineSink>,
    journal: Arc<Journal>,
    on_progress: F,
}

impl<F: FnMut(Progress) + Send> Consumer for Rows<F> {
    fn lines(&mut self, lines: &[u8]) {
        let journal = &self.journal;
        let progress = self.sink.accept(lines, &mut |text| journal.write(Stream::Stdout, text));
        (self.on_progress)(progress);
    }

    fn overlong(&mut self, _: &[u8]) {
        self.sink.overlong();
    }

    fn rest(&mut self, part: &[u8]) {
        self.sink.truncated(part);
        if part.first() != Some(&b'|') {
            self.journal.write(Stream::Stdout, part);
        }
    }
}

struct Text(Arc<Journal>);

impl Consumer for Text {
    fn lines(&mut self, lines: &[u8]) {
        for line in lines.strip_suffix(b"\n").unwrap_or(lines).split(|byte| *byte == b'\n') {
            self.0.write(Stream::Stderr, line);
        }
    }

    fn overlong(&mut self, head: &[u8]) {
        self.0.write(Stream::Stderr, head);
    }

    fn rest(&mut self, part: &[u8]) {
        self.0.write(Stream::Stderr, part);
    }
}
