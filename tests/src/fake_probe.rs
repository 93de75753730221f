//! A probe that misbehaves on request. What it writes fits a table `demo` with a key and a gauge.
//!
//! It does what its flags ask for in the order of [`Flags`], then waits until its stdin is closed and exits with 0.

use std::io::{self, BufRead as _, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gopher_protocol::control::ConfigMessage;
use nix::sys::signal::{SigSet, Signal};

/// Between two writes of rows that come at a rate.
const STEP: Duration = Duration::from_millis(10);

/// What it does, one flag `--with-dashes` per field.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Leaves its session and process group.
    pub setsid: bool,
    /// Adds its pid to this file.
    pub pid_file: Option<PathBuf>,
    /// Does not end when told to.
    pub ignore_term: bool,
    /// Starts a child that stays when it ends.
    pub fork_grandchild: bool,
    /// The same, and the child leaves session and process group.
    pub setsid_grandchild: bool,
    /// Writes this line to stderr.
    pub stderr: Option<String>,
    /// Writes so many lines to stderr.
    pub stderr_flood: u64,
    /// Says that it is ready.
    pub ready_only: bool,
    /// Writes 1,000 lines of bytes that are no protocol, and 1,000 that almost are.
    pub garbage: bool,
    /// Writes a row with a key of so many bytes.
    pub long_line: usize,
    /// Writes this text as it is, a line.
    pub line: Option<String>,
    /// Writes so many rows, numbered by their values.
    pub rows: u64,
    /// Spreads them over so many keys; 0 = each has its own.
    pub keys: u64,
    /// Writes at most so many of them a second; 0 = as fast as they are taken.
    pub rate: u64,
    /// Says `applied` for what the file `GOPHER_CONFIG_FILE` holds.
    pub config_file: bool,
    /// Writes a row without its end.
    pub partial_line: bool,
    /// Writes rows without end.
    pub flood: bool,
    /// Writes a row every so many milliseconds without end.
    pub period: u64,
    /// Closes its stdout.
    pub close_stdout: bool,
    /// Uses so many bytes of memory.
    pub eat: usize,
    /// Kills itself after so many milliseconds.
    pub crash_after: Option<u64>,
    /// Exits with this code.
    pub exit: Option<u8>,
    /// Does nothing for ever, whatever happens to its stdin.
    pub hang: bool,
    /// The same; a name for what the other end sees.
    pub never_read: bool,
    /// Says `applied` for each configuration that it reads.
    pub echo_config: bool,
}

impl Flags {
    /// Reads arguments.
    ///
    /// # Errors
    /// Names the argument that is not known or lacks a good value.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut flags = Self::default();
        while let Some(flag) = args.next() {
            if flags.switch(&flag) {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{flag} is unknown or lacks its value"))?;
            flags.value(&flag, value).map_err(|reason| format!("{flag}: {reason}"))?;
        }
        Ok(flags)
    }

    fn switch(&mut self, flag: &str) -> bool {
        let field = match flag {
            "--setsid" => &mut self.setsid,
            "--ignore-term" => &mut self.ignore_term,
            "--fork-grandchild" => &mut self.fork_grandchild,
            "--setsid-grandchild" => &mut self.setsid_grandchild,
            "--ready-only" => &mut self.ready_only,
            "--garbage" => &mut self.garbage,
            "--config-file" => &mut self.config_file,
            "--partial-line" => &mut self.partial_line,
            "--flood" => &mut self.flood,
            "--close-stdout" => &mut self.close_stdout,
            "--hang" => &mut self.hang,
            "--never-read" => &mut self.never_read,
            "--echo-config" => &mut self.echo_config,
            _ => return false,
        };
        *field = true;
        true
    }

    fn value(&mut self, flag: &str, value: String) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|error| error.to_string());
        let size = || value.parse::<usize>().map_err(|error| error.to_string());
        match flag {
            "--pid-file" => self.pid_file = Some(value.into()),
            "--line" => self.line = Some(value),
            "--stderr" => self.stderr = Some(value),
            "--stderr-flood" => self.stderr_flood = number()?,
            "--long-line" => self.long_line = size()?,
            "--eat" => self.eat = size()?,
            "--rows" => self.rows = number()?,
            "--keys" => self.keys = number()?,
            "--rate" => self.rate = number()?,
            "--period" => self.period = number()?,
            "--crash-after" => self.crash_after = Some(number()?),
            "--exit" => self.exit = Some(u8::try_from(number()?).map_err(|error| error.to_string())?),
            _ => return Err("no such flag".to_owned()),
        }
        Ok(())
    }
}

/// Does what the flags ask for; returns the exit code.
///
/// # Errors
/// Those of writing and of starting a child.
pub fn run(flags: &Flags) -> io::Result<u8> {
    prepare(flags)?;
    speak(flags)?;
    let mut out = BufWriter::new(io::stdout());
    if flags.flood {
        loop {
            row(&mut out, 1)?;
        }
    }
    if flags.period > 0 {
        loop {
            row(&mut out, 1)?;
            out.flush()?;
            std::thread::sleep(Duration::from_millis(flags.period));
        }
    }
    if flags.close_stdout {
        nix::unistd::close(1)?;
    }
    let eaten = vec![1_u8; flags.eat];
    std::hint::black_box(&eaten);
    if let Some(millis) = flags.crash_after {
        std::thread::sleep(Duration::from_millis(millis));
        nix::sys::signal::raise(Signal::SIGKILL)?;
    }
    if let Some(code) = flags.exit {
        return Ok(code);
    }
    if flags.hang || flags.never_read {
        loop {
            std::thread::park();
        }
    }
    listen(flags)?;
    Ok(0)
}

fn prepare(flags: &Flags) -> io::Result<()> {
    if flags.setsid {
        nix::unistd::setsid()?;
    }
    if let Some(file) = &flags.pid_file {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
        file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    }
    if flags.ignore_term {
        SigSet::from(Signal::SIGTERM).thread_block()?;
    }
    for (wanted, setsid) in [(flags.fork_grandchild, None), (flags.setsid_grandchild, Some("--setsid"))] {
        if wanted {
            let mut child = Command::new(std::env::current_exe()?);
            child.args(["--hang", "--ignore-term"]).args(setsid).stdin(Stdio::null());
            if let Some(file) = &flags.pid_file {
                child.arg("--pid-file").arg(file);
            }
            child.spawn()?;
        }
    }
    Ok(())
}

/// What it has to say once.
fn speak(flags: &Flags) -> io::Result<()> {
    let mut err = BufWriter::new(io::stderr());
    if let Some(line) = &flags.stderr {
        writeln!(err, "{line}")?;
    }
    for number in 0..flags.stderr_flood {
        writeln!(err, "line {number} of many")?;
    }
    err.flush()?;
    let mut out = BufWriter::new(io::stdout());
    if flags.ready_only {
        out.write_all(b"|ready|\n")?;
    }
    if flags.garbage {
        for number in 0..1000_u32 {
            out.write_all(&[0xff, b'x', 0, b'\r', 0x1b, b'\n'])?;
            writeln!(out, "||demo|{number}||||\\|")?;
        }
    }
    if flags.long_line > 0 {
        writeln!(out, "|demo|{}|1|", "x".repeat(flags.long_line))?;
    }
    if let Some(line) = &flags.line {
        writeln!(out, "{line}")?;
    }
    rows(flags, &mut out)?;
    if flags.config_file {
        let file = std::env::var_os("GOPHER_CONFIG_FILE").ok_or(io::ErrorKind::NotFound)?;
        applied(&mut out, &std::fs::read_to_string(file)?)?;
    }
    if flags.partial_line {
        out.write_all(b"|demo|7|")?;
    }
    out.flush()
}

/// Rows in steps of ten milliseconds where they are not to come all at once.
fn rows(flags: &Flags, out: &mut impl Write) -> io::Result<()> {
    let begun = Instant::now();
    for number in 0..flags.rows {
        let key = number.checked_rem(flags.keys).unwrap_or(number);
        writeln!(out, "|demo|{key}|{number}|")?;
        let due = Duration::from_micros((number * 1_000_000).checked_div(flags.rate).unwrap_or(0));
        if let Some(early) = due.checked_sub(begun.elapsed()).filter(|early| *early > STEP) {
            out.flush()?;
            std::thread::sleep(early);
        }
    }
    Ok(())
}

/// Reads configurations until stdin is closed.
fn listen(flags: &Flags) -> io::Result<()> {
    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        let line = line?;
        if flags.echo_config {
            applied(&mut out, &line)?;
        }
    }
    Ok(())
}

fn applied(out: &mut impl Write, message: &str) -> io::Result<()> {
    let generation = ConfigMessage::from_line(message)?.generation;
    writeln!(out, "|applied|{generation}|")?;
    out.flush()
}

fn row(out: &mut impl Write, number: u64) -> io::Result<()> {
    writeln!(out, "|demo|{number}|{number}|")
}
