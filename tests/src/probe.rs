//! A probe process run directly, as the agent would run it: configuration in, decoded rows out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gopher_protocol::PROTOCOL;
use gopher_protocol::control::{ConfigMessage, ProbeConfig, Scope};
use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::manifest::{Manifest, Reconfigure};
use gopher_protocol::notice::News;
use gopher_protocol::table::Tables;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
pub use probe_sdk::testing::CheckedRow as Row;
use probe_sdk::testing::Checker;
use serde_json::Value;

/// How long a test waits for what must come; only a probe that hangs ever needs it.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Reads and checks the manifest of a folder.
///
/// # Errors
/// When there is none, or it is refused.
pub fn manifest(folder: &Path) -> Result<Manifest> {
    parse(&manifest_text(folder)?).with_context(|| folder.display().to_string())
}

/// The text of a folder's manifest.
///
/// # Errors
/// When there is none.
pub fn manifest_text(folder: &Path) -> Result<String> {
    let path = folder.join("probe.toml");
    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

fn parse(text: &str) -> Result<Manifest> {
    Manifest::parse(text).map_err(|problems| probe_sdk::Error::Manifest(problems).into())
}

/// What a probe wrote, decoded against its folder's tables.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// `|ready|`.
    Ready,
    /// `|applied|G|`.
    Applied(u64),
    /// An event: its entity, its id and its text.
    Event(String, String, String),
    /// A capability: its name, items, hook, fidelity and the refused hooks.
    Capability([String; 5]),
    /// What happened to a process.
    News(News),
    /// What was lost, and how much.
    Lost(String, u64),
    /// A row.
    Row(Row),
}

/// The number of a row's field.
///
/// # Errors
/// When it is absent or no number.
pub fn number(row: &Row, field: &str) -> Result<f64> {
    row.number(field).with_context(|| format!("field {field} of {row:?}"))
}

/// A running probe; it is killed when dropped.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    stderr: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
    manifest: Manifest,
    checker: Checker,
    decoder: Decoder,
    generation: u64,
}

impl Probe {
    /// Starts the program of a probe folder with the manifest's parameters, some of them replaced.
    ///
    /// # Errors
    /// When the manifest is refused, a parameter is not allowed, or the program does not start.
    pub fn start(folder: &Path, items: &[&str], params: &[(&str, Value)]) -> Result<Self> {
        let text = manifest_text(folder)?;
        let manifest = parse(&text)?;
        let program = manifest.exec.first().context("exec is empty")?;
        let mut command = Command::new(folder.join(program));
        command.args(&manifest.exec[1..]).current_dir(folder);
        Self::start_command(command, &text, items, params)
    }

    /// Starts any program that fulfils the manifest with this text.
    ///
    /// # Errors
    /// As [`Probe::start`].
    pub fn start_command(
        mut command: Command,
        text: &str,
        items: &[&str],
        params: &[(&str, Value)],
    ) -> Result<Self> {
        let manifest = parse(text)?;
        let config = desired(&manifest, items, params)?;
        if manifest.reconfigure == Reconfigure::Restart {
            command.env("GOPHER_ITEMS", config.items.join(" "));
            for (name, value) in &config.params {
                command.env(format!("GOPHER_PARAM_{}", name.to_uppercase()), environment_text(value));
            }
        }
        let mut probe = Self::launch(command, text, manifest)?;
        if probe.manifest.reconfigure == Reconfigure::Stdin {
            match probe.configure(items, params) {
                // It has ended before it read anything, which its exit code explains.
                Err(error) if is_broken_pipe(&error) => {}
                told => drop(told?),
            }
        }
        Ok(probe)
    }

    /// Starts any program that fulfils the manifest with this text and sends it this configuration as it is.
    ///
    /// # Errors
    /// When the manifest is refused, the program does not start or does not read.
    pub fn start_told(command: Command, text: &str, first: &ConfigMessage) -> Result<Self> {
        let mut probe = Self::launch(command, text, parse(text)?)?;
        probe.send(&first.to_line())?;
        Ok(probe)
    }

    fn launch(mut command: Command, text: &str, manifest: Manifest) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let stdin = child.stdin.take();
        let lines = read_lines(child.stdout.take().context("no stdout")?);
        let (stderr, reading) = read_all(child.stderr.take().context("no stderr")?);
        let (checker, decoder) = (Checker::new(text)?, Decoder::new());
        Ok(Self { child, stdin, lines, stderr, reading, manifest, checker, decoder, generation: 0 })
    }

    /// Sends the next configuration and gives its generation.
    ///
    /// # Errors
    /// When a parameter is not allowed or the probe reads no more.
    pub fn configure(&mut self, items: &[&str], params: &[(&str, Value)]) -> Result<u64> {
        let config = desired(&self.manifest, items, params)?;
        let name = self.manifest.probes.first().map(|probe| probe.name.clone()).unwrap_or_default();
        self.generation += 1;
        let message = ConfigMessage {
            version: PROTOCOL,
            generation: self.generation,
            probes: BTreeMap::from([(name, config)]),
        };
        self.send(&message.to_line())?;
        Ok(self.generation)
    }

    /// Writes to the probe's stdin.
    ///
    /// # Errors
    /// When the probe reads no more.
    pub fn send(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("stdin is closed")?;
        stdin.write_all(line.as_bytes()).context("writing the configuration")
    }

    /// The next line, whatever it is; `None` at the end of the output.
    ///
    /// # Errors
    /// When none comes within the deadline.
    pub fn line(&self) -> Result<Option<Vec<u8>>> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("no line within {DEADLINE:?}; stderr: {}", self.stderr()),
        }
    }

    /// The rows that have arrived and were not taken yet.
    ///
    /// # Errors
    /// When a line among them is refused.
    pub fn queued(&mut self) -> Result<Vec<Row>> {
        let lines = self.lines.try_iter();
        lines.filter_map(|line| self.checker.check(&line).map_err(anyhow::Error::msg).transpose()).collect()
    }

    /// The next line, decoded. A line that the agent would refuse is an error.
    ///
    /// # Errors
    /// When none comes within the deadline, output ended, or the line is refused.
    pub fn next_output(&mut self) -> Result<Output> {
        let line = self.line()?.with_context(|| format!("output has ended; stderr: {}", self.stderr()))?;
        let shown = String::from_utf8_lossy(&line).into_owned();
        if line.first() != Some(&b'|') {
            bail!("`{shown}` is no row");
        }
        if let Some(row) = self.checker.check(&line).map_err(anyhow::Error::msg)? {
            return Ok(Output::Row(row));
        }
        match self.decoder.decode(&Tables::default(), &line).with_context(|| shown.clone())? {
            Line::Ready => Ok(Output::Ready),
            Line::Applied(generation) => Ok(Output::Applied(generation)),
            Line::Event(event) => {
                Ok(Output::Event(event.entity.to_owned(), event.entity_id.to_owned(), event.body.to_owned()))
            }
            Line::Capability(capability) => Ok(Output::Capability(capability.fields().map(str::to_owned))),
            Line::News(news) => Ok(Output::News(news)),
            Line::Lost(lost) => Ok(Output::Lost(lost.what.to_owned(), lost.count)),
            Line::Log(_) => bail!("`{shown}` is a log line"),
            Line::Row(_) => bail!("`{shown}` was not checked"),
        }
    }

    /// Reads until a row fits.
    ///
    /// # Errors
    /// When none does within the deadline, or a line before it is refused.
    pub fn row_where(&mut self, fits: impl Fn(&Row) -> bool) -> Result<Row> {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < DEADLINE {
            match self.next_output()? {
                Output::Row(row) if fits(&row) => return Ok(row),
                other => last = Some(other),
            }
        }
        bail!("no row fits within {DEADLINE:?}; the last line was {last:?}; stderr: {}", self.stderr())
    }

    /// Reads until a line is this one.
    ///
    /// # Errors
    /// As [`Probe::row_where`].
    pub fn until(&mut self, wanted: &Output) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            if self.next_output()? == *wanted {
                return Ok(());
            }
        }
        bail!("no {wanted:?} within {DEADLINE:?}; stderr: {}", self.stderr())
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the probe has written to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Closes stdin and waits for the end; the exit code and all that was written to stderr, by children too.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub fn stop(&mut self) -> Result<(Option<i32>, String)> {
        self.close_stdin();
        let code = self.ended()?.code();
        while !self.reading.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        Ok((code, self.stderr()))
    }

    /// Sends SIGTERM.
    ///
    /// # Errors
    /// When the process has gone.
    pub fn terminate(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?)
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// When it does not within the deadline.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        wait_for_end(&mut self.child).with_context(|| format!("stderr: {}", self.stderr()))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Waits for a child to end.
///
/// # Errors
/// When it does not within the deadline.
pub fn wait_for_end(child: &mut Child) -> Result<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    bail!("process {} does not end", child.id())
}

/// Kills and reaps a child.
pub(crate) fn end(child: &mut Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait()) {
        eprintln!("process {} could not be ended: {error}", child.id());
    }
}

fn desired(manifest: &Manifest, items: &[&str], given: &[(&str, Value)]) -> Result<ProbeConfig> {
    let probe = manifest.probes.first().context("the manifest has no probe")?;
    let mut params: BTreeMap<_, _> =
        probe.params.iter().map(|(name, param)| (name.clone(), param.default.clone())).collect();
    for (name, value) in given {
        let param = probe.params.get(*name).with_context(|| format!("no parameter {name}"))?;
        param.check(value).map_err(|allowed| anyhow::anyhow!("{name} {allowed}"))?;
        params.insert((*name).to_owned(), value.clone());
    }
    let items = items.iter().map(ToString::to_string).collect();
    Ok(ProbeConfig { items, params, scope: Scope { all: true, ..Scope::default() } })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A parameter as the environment of a `reconfigure = "restart"` probe carries it.
fn environment_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(environment_text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn read_lines(stdout: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn read_all(stderr: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    let reading = thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut text = shared.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
        }
    });
    (text, reading)
}
