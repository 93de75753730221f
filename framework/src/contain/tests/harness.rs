//! What the tests share: a spawner with its run directory, folders with scripts, waiting.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::contain::{Child, Exit, Instance, Launch, Limits, Options, Spawner};

/// Long enough for any machine; only a test that fails takes it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Scene {
    pub(super) spawner: Spawner,
    pub(super) instance: Instance,
    pub(super) folder: TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The probe's user must get in.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let instance = Instance::current(folder.path());
        let spawner = Spawner::start(Options { probe_user: None, instance: instance.clone() }).unwrap();
        Self { spawner, instance, folder }
    }

    pub(super) fn script(&self, text: &str) -> Launch {
        script(self.folder.path(), text)
    }

    pub(super) async fn run(&self, text: &str) -> Child {
        self.spawner.spawn(self.script(text)).await.unwrap()
    }

    pub(super) async fn close(self) {
        self.spawner.close().await;
    }
}

/// A launch of a shell script.
pub(super) fn script(folder: &Path, text: &str) -> Launch {
    let file = folder.join("run.sh");
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    Launch {
        name: "sample".to_owned(),
        folder: folder.to_owned(),
        exec: vec!["run.sh".to_owned()],
        limits: Limits::default(),
        ..Launch::default()
    }
}

/// The next lines of stdout.
pub(super) async fn lines(child: &mut Child, count: usize) -> Vec<String> {
    let mut reader = BufReader::new(&mut child.stdout).lines();
    let mut lines = Vec::new();
    while lines.len() < count {
        let line = tokio::time::timeout(PATIENCE, reader.next_line()).await.expect("no line").unwrap();
        lines.push(line.expect("stdout was closed"));
    }
    lines
}

/// Waits for the end.
pub(super) async fn end(child: &mut Child) -> Exit {
    tokio::time::timeout(PATIENCE, &mut child.exit).await.expect("does not end").unwrap()
}

/// Ends a process and all that is left of it.
pub(super) async fn finish(child: Child) {
    let folders = child.group.cgroups.folders();
    child.group.kill();
    child.group.clear().await;
    let left: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.exists()).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// True while a process is there, zombies included.
pub(super) fn exists(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

/// Waits until something holds.
pub(super) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
