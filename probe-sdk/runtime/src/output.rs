//! Rows to stdout: checked against the items that are on, buffered, written in one piece per tick.

use std::io;
use std::os::fd::AsFd;

use gopher_protocol::encode::LineWriter;
use gopher_protocol::event::Event;
use gopher_protocol::notice::{Capability, News};
use gopher_protocol::table::{Table, Tables};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{SFlag, fstat};

use crate::config::Config;
use crate::error::Error;
use crate::input::Stop;
use crate::row::{Draft, Value};

/// Rows are written out early when so many bytes wait, which bounds the buffer to this and one line.
const FLUSH_AT: usize = 256 * 1024;

/// Where lines go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// The agent's pipe; the stop signal ends a write that it does not take.
    Stdout(Stop),
    /// Kept, for tests.
    #[cfg(any(test, feature = "testing"))]
    Memory(Vec<u8>),
}

/// Encodes and buffers lines.
#[derive(Debug)]
pub(crate) struct Output {
    tables: Tables,
    /// Per table: the fields to send, or `None` when nothing of it is to be sent.
    wanted: Vec<Option<Vec<bool>>>,
    pub(crate) draft: Draft,
    line: LineWriter,
    buffer: Vec<u8>,
    last_table: usize,
    pub(crate) sink: Sink,
}

impl Output {
    pub(crate) fn new(tables: Tables, sink: Sink) -> Self {
        Self {
            wanted: vec![None; tables.all().len()],
            tables,
            draft: Draft::default(),
            line: LineWriter::new(),
            buffer: Vec::new(),
            last_table: 0,
            sink,
        }
    }

    /// Takes over which fields are on.
    pub(crate) fn configure(&mut self, config: &Config) {
        self.wanted = self.tables.all().iter().map(|table| config.wanted(table)).collect();
    }

    /// Index of a table, with an empty draft.
    pub(crate) fn begin(&mut self, name: &str) -> Result<usize, Error> {
        let index = self.tables.find(name, self.last_table).ok_or_else(|| Error::NoTable(name.to_owned()))?;
        self.last_table = index;
        let fields = self.table(index).fields.len();
        self.draft.start(fields);
        Ok(index)
    }

    pub(crate) fn table(&self, index: usize) -> &Table {
        &self.tables.all()[index]
    }

    /// Appends the draft as a row, unless everything of its table is off.
    pub(crate) fn send(&mut self, index: usize) -> Result<(), Error> {
        let Some(Some(wanted)) = self.wanted.get(index) else { return Ok(()) };
        let table = &self.tables.all()[index];
        self.line.begin(&table.name);
        for (value, wanted) in self.draft.values().zip(wanted) {
            match value {
                Value::Number(number) if *wanted => self.line.number(number),
                Value::Text(text) if *wanted => self.line.text(text),
                Value::Histogram(histogram) if *wanted => self.line.histogram(histogram),
                _ => self.line.absent(),
            };
        }
        let line = self.line.finish().ok_or_else(|| Error::RowTooLong(table.name.clone()))?;
        self.buffer.extend_from_slice(line);
        self.flush_above(FLUSH_AT)
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> Result<(), Error> {
        self.line.begin("event");
        for text in [event.entity, event.entity_id, event.metric, event.pid, event.comm, event.ip] {
            self.line.text(text);
        }
        for text in [event.container_id, event.pod_id, event.device, event.severity_text] {
            self.line.text(text);
        }
        self.line.number(u64::from(event.severity_number)).text(event.body);
        self.finish("event")
    }

    pub(crate) fn ready(&mut self) -> Result<(), Error> {
        self.line.begin("ready");
        self.finish("ready")
    }

    pub(crate) fn applied(&mut self, generation: u64) -> Result<(), Error> {
        self.line.begin("applied").number(generation);
        self.finish("applied")
    }

    pub(crate) fn capability(&mut self, capability: &Capability<'_>) -> Result<(), Error> {
        self.line.begin("capability");
        for text in capability.fields() {
            self.line.text(text);
        }
        self.finish("capability")
    }

    pub(crate) fn lost(&mut self, what: &str, count: u64) -> Result<(), Error> {
        self.line.begin("lost").text(what).number(count);
        self.finish("lost")
    }

    pub(crate) fn news(&mut self, news: News) -> Result<(), Error> {
        self.line.begin("news").number(u64::from(news.pid)).text(news.happened.word());
        self.finish("news")
    }

    fn finish(&mut self, what: &str) -> Result<(), Error> {
        let line = self.line.finish().ok_or_else(|| Error::RowTooLong(what.to_owned()))?;
        self.buffer.extend_from_slice(line);
        self.flush_above(FLUSH_AT)
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.flush_above(0)
    }

    fn flush_above(&mut self, limit: usize) -> Result<(), Error> {
        if self.buffer.len() <= limit {
            return Ok(());
        }
        match &mut self.sink {
            Sink::Stdout(stop) => write_all(stop, &self.buffer)?,
            #[cfg(any(test, feature = "testing"))]
            Sink::Memory(kept) => kept.extend_from_slice(&self.buffer),
        }
        self.buffer.clear();
        Ok(())
    }
}

/// Makes stdout non-blocking where it is a pipe, so that an agent that does not read cannot keep the probe from
/// stopping. A terminal or file is left alone: its mode is shared with others.
pub(crate) fn prepare_stdout() -> Result<(), Error> {
    let stdout = io::stdout();
    let mode = fstat(stdout.as_fd()).map_err(Error::system("looking at stdout"))?.st_mode;
    if SFlag::from_bits_truncate(mode) & SFlag::S_IFMT != SFlag::S_IFIFO {
        return Ok(());
    }
    let flags =
        fcntl(stdout.as_fd(), FcntlArg::F_GETFL).map_err(Error::system("reading the mode of stdout"))?;
    let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
    fcntl(stdout.as_fd(), FcntlArg::F_SETFL(flags)).map_err(Error::system("setting the mode of stdout"))?;
    Ok(())
}

fn write_all(stop: &Stop, mut bytes: &[u8]) -> Result<(), Error> {
    let stdout = io::stdout();
    while !bytes.is_empty() {
        match nix::unistd::write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EAGAIN) => stop.wait_writable(stdout.as_fd())?,
            Err(Errno::EINTR) => {}
            Err(Errno::EPIPE) => return Err(Error::Stopped),
            Err(errno) => return Err(Error::system("writing rows to stdout")(errno)),
        }
    }
    Ok(())
}
