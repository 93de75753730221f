//! Container runtimes in folders of their own, with one image that holds one static program. They and their containers
//! end with the test; nothing of the host is mounted into them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gopher_tests::agent::until;
use gopher_tests::peer::Peer;
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// The image's name.
pub(crate) const IMAGE: &str = "localhost/idle:1";

/// A runtime that serves a socket.
pub(crate) struct Daemon {
    folder: TempDir,
    peer: Option<Peer>,
    /// Removes the containers that are left.
    clean: fn(&Path),
}

impl Daemon {
    /// Starts a program in the folder and waits until its socket answers to `answers`.
    pub(crate) fn start(
        folder: TempDir,
        command: &mut Command,
        clean: fn(&Path),
        answers: impl Fn(&Path) -> bool,
    ) -> Self {
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let peer = Peer::start(command).unwrap();
        let daemon = Self { folder, peer: Some(peer), clean };
        until("the runtime's answer", || answers(daemon.path()).then_some(()));
        daemon
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("sock")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.path().join("log")).unwrap_or_default();
            eprintln!("{}", log.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
        }
        (self.clean)(self.path());
        let Some(peer) = self.peer.take() else { return };
        if peer.signal(Signal::SIGTERM).is_err() || peer.stop().is_err() {
            eprintln!("a container runtime did not end");
        }
    }
}

/// Runs a command that must succeed; what it wrote, without the last line end.
pub(crate) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().trim_end().to_owned()
}

/// A folder below which everybody may look.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("gg").tempdir().unwrap()
}

/// Builds the program that waits for ever and packs it as the only file of an image; the tar of its files.
pub(crate) fn files(folder: &Path) -> PathBuf {
    let source = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";
    fs::write(folder.join("idle.c"), source).unwrap();
    run(Command::new("cc").args(["-static", "-O2", "-o", "idle", "idle.c"]).current_dir(folder));
    run(Command::new("tar").args(["-cf", "files.tar", "idle"]).current_dir(folder));
    folder.join("files.tar")
}

/// `podman` with all its files in the folder. The hybrid layout of control groups suits runc alone.
pub(crate) fn podman(folder: &Path) -> Command {
    let mut podman = Command::new("podman");
    for (flag, name) in [("--root", "store"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
        podman.arg(flag).arg(folder.join(name));
    }
    podman.args(["--cgroup-manager", "cgroupfs", "--storage-driver", "vfs", "--runtime", "runc"]);
    podman
}

/// Puts the image into podman's store.
pub(crate) fn import_to_podman(folder: &Path) {
    let files = files(folder);
    run(podman(folder).args(["import", "--change", r#"ENTRYPOINT ["/idle"]"#]).arg(files).arg(IMAGE));
}
