//! `jvm`: a command to a Java virtual machine, also of another container, by HotSpot's own protocol: no Java is needed here.
//!
//! The machine listens on a socket in its `/tmp` once it was asked to, by a file beside it and SIGQUIT. It answers only
//! its own user (and, since JDK 11, root), so this becomes that user. All paths are below `/proc/PID/root`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, geteuid, setegid, seteuid};

use super::failure::Failure;
use super::out::Out;

/// For how long a machine may take to listen, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
/// The protocol has so many arguments, the empty ones included.
const ARGUMENTS: usize = 3;

/// A process as its status file shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    pid: i32,
    /// The number that it has in its own container.
    own: i32,
    user: u32,
    group: u32,
    /// Whether SIGQUIT is handled; else it would end the process.
    handles_quit: bool,
}

/// Sends a command and shows the answer.
pub(super) fn run(pid: i32, command: &str, arguments: &[String], out: &Out) -> Result<(), Failure> {
    let failed = |what: &str| Failure::Failed(format!("process {pid}: {what}"));
    let request = request(command, arguments).map_err(Failure::Usage)?;
    let folder = format!("/proc/{pid}");
    let read = |name: &str| {
        fs::read_to_string(format!("{folder}/{name}")).map_err(|error| {
            failed(&format!("{folder}/{name}: {error}; it must run, and you must be root or its user"))
        })
    };
    let target =
        Target::parse(pid, &read("status")?).ok_or_else(|| failed("its status cannot be understood"))?;
    if !read("maps")?.contains("libjvm.so") {
        return Err(failed("is no Java virtual machine of the HotSpot kind: libjvm.so is not loaded"));
    }
    let answer = ask(target, &Path::new(&folder).join("root").join("tmp"), &request)
        .map_err(|error| failed(&error.to_string()))?;
    match answer.split_once('\n') {
        Some(("0", text)) if command == "load" && !loaded(text) => {
            Err(failed(&format!("the agent was not loaded: {}", text.trim())))
        }
        Some(("0", text)) => out.print(text),
        Some((code, text)) => Err(failed(&format!("refuses {command:?} with code {code}: {}", text.trim()))),
        None => Err(failed("closed the connection without an answer")),
    }
}

impl Target {
    fn parse(pid: i32, status: &str) -> Option<Self> {
        let line = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::split_whitespace)
        };
        let effective = |name| line(name)?.nth(1)?.parse().ok();
        let caught = u64::from_str_radix(line("SigCgt")?.next()?, 16).ok()?;
        Some(Self {
            pid,
            own: line("NSpid").map_or(Some(pid), |numbers| numbers.last()?.parse().ok())?,
            user: effective("Uid")?,
            group: effective("Gid")?,
            handles_quit: caught & (1 << (Signal::SIGQUIT as u32 - 1)) != 0,
        })
    }
}

/// Version, command and arguments, each ended by a zero byte.
fn request(command: &str, arguments: &[String]) -> Result<Vec<u8>, String> {
    let mut parts = vec!["1".to_owned(), command.to_owned()];
    // What a diagnostic command consists of is one argument.
    if command == "jcmd" {
        parts.push(arguments.join(" "));
    } else {
        parts.extend(arguments.iter().cloned());
    }
    let given = parts.len() - 2;
    if given > ARGUMENTS {
        return Err(format!("{command} has {given} arguments; a virtual machine takes {ARGUMENTS}"));
    }
    if parts.iter().any(|part| part.contains('\0')) {
        return Err("an argument contains a zero byte".to_owned());
    }
    parts.resize(2 + ARGUMENTS, String::new());
    Ok(parts.into_iter().flat_map(|part| [part.into_bytes(), vec![0]].concat()).collect())
}

/// Whether the answer to `load` says that the agent was: its own code, with words before it since JDK 9, is 0.
fn loaded(answer: &str) -> bool {
    answer.trim().trim_start_matches("return code:").trim() == "0"
}

/// Asks the machine whose `/tmp` that folder is.
fn ask(target: Target, tmp: &Path, request: &[u8]) -> io::Result<String> {
    // Opened before the change of user, which takes the right to look below another process's root.
    let folder = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(tmp)?;
    if geteuid() != Uid::from_raw(target.user) {
        setegid(Gid::from_raw(target.group)).and_then(|()| seteuid(Uid::from_raw(target.user)))?;
    }
    let place = |name: String| PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()));
    let socket = place(format!(".java_pid{}", target.own));
    if !is_socket_of(target, &socket)? {
        wake(target, &place(format!(".attach_pid{}", target.own)), &socket)?;
    }
    let mut stream = UnixStream::connect(&socket)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// True for a socket of the machine's user, false where there is none; `/tmp` is everybody's.
fn is_socket_of(target: Target, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.file_type().is_socket() && facts.uid() == target.user => Ok(true),
        Ok(_) => Err(io::Error::other(format!(
            "/tmp/.java_pid{} in its container is no socket of its user; remove it",
            target.own
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the machine listen.
fn wake(target: Target, sign: &Path, socket: &Path) -> io::Result<()> {
    if !target.handles_quit {
        return Err(io::Error::other(
            "does not handle SIGQUIT, as with -Xrs, or while it starts: it cannot be asked",
        ));
    }
    let made = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(sign) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        made => made.ok(),
    };
    let listens = kill(Pid::from_raw(target.pid), Signal::SIGQUIT)
        .map_err(io::Error::from)
        .and_then(|()| wait(target, socket));
    let removed = made.map_or(Ok(()), |_: File| fs::remove_file(sign));
    listens.and(removed)
}

fn wait(target: Target, socket: &Path) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_socket_of(target, socket)? {
        if Instant::now() > end {
            return Err(io::Error::other(
                "does not listen 10 s after it was asked to; -XX:+DisableAttachMechanism forbids it",
            ));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
