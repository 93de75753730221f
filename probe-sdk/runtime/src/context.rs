//! The loop of a probe: wait, be configured, tick, write rows.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Instant;

use gopher_protocol::control::{ConfigMessage, Scope};
use gopher_protocol::event::Event;
use gopher_protocol::manifest::Manifest;
use gopher_protocol::notice::{Capability, News};

use crate::config::Config;
use crate::error::Error;
use crate::input::{Event as Input, Input as Stdin, Stop};
use crate::output::{Output, Sink, prepare_stdout};
use crate::row::Row;
use crate::schedule::Schedule;

/// Why a probe was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Items, parameters or scope are new. The SDK answers `|applied|` at the next [`Context::next`].
    Configured,
    /// The report period is over: read and send.
    Tick,
    /// The descriptor of [`Context::watch`] is readable.
    Readable,
}

/// What a probe holds: its configuration and its output.
#[derive(Debug)]
pub struct Context {
    config: Config,
    output: Output,
    stdin: Stdin,
    schedule: Schedule,
    applied: Option<u64>,
    watched: Option<OwnedFd>,
    /// Totals said so far, by what was lost.
    lost: BTreeMap<&'static str, u64>,
}

impl Context {
    /// Takes over stdin, stdout and the signals of this process.
    pub(crate) fn from_process(manifest: &str) -> Result<Self, Error> {
        let stop = Stop::new()?;
        prepare_stdout()?;
        Self::new(manifest, Sink::Stdout(stop))
    }

    pub(crate) fn new(manifest: &str, sink: Sink) -> Result<Self, Error> {
        let manifest = Manifest::parse(manifest).map_err(Error::Manifest)?;
        let output = Output::new(manifest.tables(), sink);
        Ok(Self {
            config: Config::new(manifest),
            output,
            stdin: Stdin::default(),
            schedule: Schedule::default(),
            applied: None,
            watched: None,
            lost: BTreeMap::new(),
        })
    }

    /// Writes out what was sent since the last call and waits. The first wake is the first configuration, the
    /// first tick follows at once, the second a second later (rates need two samples), then one per
    /// `report_period`. `None`: stop now.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the agent is gone, [`Error::System`] when stdin or stdout fail otherwise.
    #[expect(clippy::should_implement_trait, reason = "it fails, which an iterator's next cannot")]
    pub fn next(&mut self) -> Result<Option<Wake>, Error> {
        if let Some(generation) = self.applied.take() {
            self.output.applied(generation)?;
        }
        self.output.flush()?;
        loop {
            // Also asked while a tick is due: a probe that is always late must still hear that it is to stop.
            match self.wait()? {
                Input::Stop => return Ok(None),
                Input::Config(message) => {
                    self.configure(message);
                    return Ok(Some(Wake::Configured));
                }
                Input::Readable => return Ok(Some(Wake::Readable)),
                Input::Deadline if self.schedule.take(Instant::now()) => return Ok(Some(Wake::Tick)),
                Input::Deadline => {}
            }
        }
    }

    fn wait(&mut self) -> Result<Input, Error> {
        match &self.output.sink {
            Sink::Stdout(stop) => {
                self.stdin.wait(stop, self.watched.as_ref().map(OwnedFd::as_fd), self.schedule.due())
            }
            #[cfg(any(test, feature = "testing"))]
            Sink::Memory(_) => Ok(Input::Stop),
        }
    }

    pub(crate) fn configure(&mut self, message: ConfigMessage) {
        self.applied = Some(message.generation);
        let restart = self.config.replace(message);
        self.output.configure(&self.config);
        self.schedule.configure(self.config.period(), restart, Instant::now());
    }

    /// The whole configuration, for folders that serve several probes.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// True when the item is on in a probe of this folder.
    #[must_use]
    pub fn item(&self, name: &str) -> bool {
        self.config.running().any(|probe| probe.item(name))
    }

    /// A parameter that is a whole number, of the first probe of this folder that runs and has it.
    #[must_use]
    pub fn param_u64(&self, name: &str) -> Option<u64> {
        self.config.running().find_map(|probe| probe.param_u64(name))
    }

    /// A parameter that is a number, of the first probe of this folder that runs and has it.
    #[must_use]
    pub fn param_f64(&self, name: &str) -> Option<f64> {
        self.config.running().find_map(|probe| probe.param_f64(name))
    }

    /// A parameter that is a string, of the first probe of this folder that runs and has it.
    #[must_use]
    pub fn param_str(&self, name: &str) -> Option<&str> {
        self.config.running().find_map(|probe| probe.param_str(name))
    }

    /// Whom to observe, by the first probe of this folder that runs; `None` while none does.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.config.running().next().map(|probe| probe.scope())
    }

    /// Starts a row of a table.
    ///
    /// # Errors
    /// [`Error::NoTable`] for a name that the manifest does not have.
    pub fn row(&mut self, table: &str) -> Result<Row<'_>, Error> {
        let index = self.output.begin(table)?;
        Ok(Row::new(&mut self.output, index))
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`Error::RowTooLong`], or [`Error::Stopped`] when the agent is gone.
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), Error> {
        self.output.event(event)
    }

    /// Says that the probe works although it has no row yet.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the agent is gone.
    pub fn ready(&mut self) -> Result<(), Error> {
        self.output.ready()
    }

    /// Says how a capability works on this host; once for each, before [`Context::ready`].
    ///
    /// # Errors
    /// [`Error::RowTooLong`], or [`Error::Stopped`] when the agent is gone.
    pub fn capability(&mut self, capability: &Capability<'_>) -> Result<(), Error> {
        self.output.capability(capability)
    }

    /// Says how much of something was lost since the process started; what was said before is known.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the agent is gone.
    pub fn lost(&mut self, what: &'static str, total: u64) -> Result<(), Error> {
        let said = self.lost.entry(what).or_default();
        let more = total.saturating_sub(*said);
        if more == 0 {
            return Ok(());
        }
        *said = total;
        self.output.lost(what, more)
    }

    /// Tells the agent what happened to a process; for folders that feed scopes.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the agent is gone.
    pub fn news(&mut self, news: News) -> Result<(), Error> {
        self.output.news(news)
    }

    /// Wakes the probe, with [`Wake::Readable`], whenever this descriptor is readable: a ring, a socket.
    ///
    /// # Errors
    /// [`Error::System`] when there are too many open files.
    pub fn watch(&mut self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        let what = "keeping a descriptor to watch";
        self.watched = Some(fd.try_clone_to_owned().map_err(|source| Error::System { what, source })?);
        Ok(())
    }

    /// Writes out what was sent so far, for rows that shall not wait for the end of the tick.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the agent is gone.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.output.flush()
    }

    /// The lines written so far, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn take_lines(&mut self) -> Result<Vec<u8>, Error> {
        self.output.flush()?;
        Ok(match &mut self.output.sink {
            Sink::Memory(kept) => std::mem::take(kept),
            Sink::Stdout(_) => Vec::new(),
        })
    }
}
