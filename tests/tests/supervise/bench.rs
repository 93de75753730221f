//! A supervisor in a folder of its own, with a sink that counts.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gala_gopher::contain::{Instance, Options, Spawner};
use gala_gopher::supervise::{
    Desired, Folder, LineSink, Policy, Progress, Settings, Sinks, StateName, Status, Supervisor,
};
use gopher_protocol::control::{ConfigMessage, ProbeConfig};
use gopher_protocol::manifest::Manifest;
use gopher_tests::manifest::demo;
use tempfile::TempDir;

/// Nothing here takes so long unless it hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What a folder's processes wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) lives: u64,
    pub(crate) rows: u64,
    pub(crate) text: u64,
    pub(crate) overlong: u64,
    pub(crate) truncated: Vec<String>,
    pub(crate) applied: Vec<u64>,
}

#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<HashMap<String, Seen>>>);

struct Counter {
    counts: Counts,
    folder: String,
}

impl Counts {
    pub(crate) fn of(&self, folder: &str) -> Seen {
        self.0.lock().expect("the counts").get(folder).cloned().unwrap_or_default()
    }

    fn count(&self, folder: &str, count: impl FnOnce(&mut Seen)) {
        count(self.0.lock().expect("the counts").entry(folder.to_owned()).or_default());
    }
}

impl Sinks for Counts {
    fn open(&self, folder: &str) -> Box<dyn LineSink> {
        self.count(folder, |seen| seen.lives += 1);
        Box::new(Counter { counts: self.clone(), folder: folder.to_owned() })
    }
}

impl LineSink for Counter {
    fn accept(&mut self, lines: &[u8], text: &mut dyn FnMut(&[u8])) -> Progress {
        let mut progress = Progress::default();
        let mut texts = 0;
        for line in lines.strip_suffix(b"\n").expect("whole lines").split(|byte| *byte == b'\n') {
            if line.first() != Some(&b'|') {
                texts += 1;
                text(line);
            } else if line.starts_with(b"|demo|") {
                progress.accepted += 1;
            } else if line == b"|ready|" {
                progress.ready = true;
            } else if let Some(number) = line.strip_prefix(b"|applied|") {
                let number = std::str::from_utf8(number).expect("a number").trim_end_matches('|');
                progress.applied = Some(number.parse().expect("a number"));
                self.counts.count(&self.folder, |seen| seen.applied.extend(progress.applied));
            }
        }
        self.counts.count(&self.folder, |seen| {
            seen.rows += progress.accepted;
            seen.text += texts;
        });
        progress
    }

    fn overlong(&mut self) {
        self.counts.count(&self.folder, |seen| seen.overlong += 1);
    }

    fn truncated(&mut self, part: &[u8]) {
        let part = String::from_utf8_lossy(part).into_owned();
        self.counts.count(&self.folder, |seen| seen.truncated.push(part));
    }
}

/// A supervisor and where its probes live.
pub(crate) struct Bench {
    pub(crate) home: TempDir,
    pub(crate) supervisor: Supervisor,
    pub(crate) counts: Counts,
    spawner: Spawner,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(crate) fn with(policy: Policy) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.path(), open).expect("a folder that every user may enter");
        std::fs::copy(env!("CARGO_BIN_EXE_fake_probe"), home.path().join("fake_probe")).expect("a copy");
        let counts = Counts::default();
        let settings = Settings { run_dir: home.path().join("run"), env: Vec::new(), policy };
        let options = Options { probe_user: None, instance: Instance::current(&settings.run_dir) };
        let spawner = Spawner::start(options).expect("a spawner");
        let supervisor = Supervisor::new(settings, Arc::new(spawner.clone()), Arc::new(counts.clone()));
        Self { home, supervisor, counts, spawner }
    }

    /// A folder whose process runs the fake probe with these flags.
    pub(crate) fn folder(&self, name: &str, reconfigure: &str, flags: &[&str]) -> Folder {
        self.limited(name, &format!("reconfigure = \"{reconfigure}\""), flags)
    }

    /// The same with further lines of the manifest.
    pub(crate) fn limited(&self, name: &str, lines: &str, flags: &[&str]) -> Folder {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(&path).expect("a probe folder");
        let flags: Vec<_> = flags.iter().map(|flag| format!("\"{flag}\"")).collect();
        let script = format!("#!/bin/sh\nexec ../fake_probe {}\n", flags.join(" "));
        std::fs::write(path.join("run.sh"), script).expect("a script");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path.join("run.sh"), mode).expect("an executable script");
        let manifest = Arc::new(Manifest::parse(&demo(name, &["run.sh"], lines)).expect("a manifest"));
        Folder { manifest, path, revision: 0 }
    }

    /// Starts a folder's process.
    pub(crate) fn start(&self, name: &str, flags: &[&str]) {
        self.set(self.folder(name, "stdin", flags), Some(config(1)));
    }

    pub(crate) fn set(&self, folder: Folder, config: Option<ConfigMessage>) {
        self.supervisor.set(Desired { folder: Arc::new(folder), config });
    }

    pub(crate) fn status(&self, name: &str) -> Option<Status> {
        self.supervisor.statuses().into_iter().find(|status| status.folder == name)
    }

    /// Waits until a status fits.
    pub(crate) async fn until(&self, name: &str, fits: impl Fn(&Status) -> bool) -> Status {
        let found = tokio::time::timeout(HANGS, async {
            loop {
                if let Some(status) = self.status(name).filter(|status| fits(status)) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("{name} stays {:?}", self.status(name)))
    }

    pub(crate) async fn state(&self, name: &str, state: StateName) -> Status {
        self.until(name, |status| status.state == state).await
    }

    /// Waits until what was written fits.
    pub(crate) async fn seen(&self, name: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let found = tokio::time::timeout(HANGS, async {
            loop {
                let seen = self.counts.of(name);
                if fits(&seen) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("{name} wrote only {:?}", self.counts.of(name)))
    }

    /// Starts a well-behaved probe whose rows must go on.
    pub(crate) async fn start_neighbour(&self) {
        self.start("neighbour", &["--period", "5"]);
        self.state("neighbour", StateName::Running).await;
    }

    /// The neighbour still writes rows, from its first process.
    pub(crate) async fn check_neighbour(&self) {
        let before = self.counts.of("neighbour").rows;
        let seen = self.seen("neighbour", |seen| seen.rows > before + 10).await;
        assert_eq!(seen.lives, 1);
    }

    /// Stops everything; nothing may be left.
    pub(crate) async fn end(self) {
        let pids: Vec<_> = self.supervisor.statuses().iter().filter_map(|status| status.pid).collect();
        let left = self.supervisor.shutdown(HANGS).await;
        assert!(left.is_empty(), "{left:?}");
        gone(&pids).await;
        self.spawner.close().await;
    }
}

/// Waits until there is nothing of these processes, no zombie either. The kernel and the collector of ends may be a
/// moment behind.
pub(crate) async fn gone(pids: &[u32]) {
    let exists = |pid: &&u32| Path::new(&format!("/proc/{pid}")).exists();
    let waited = tokio::time::timeout(HANGS, async {
        while pids.iter().any(|pid| exists(&pid)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    if waited.await.is_err() {
        let left: Vec<_> = pids.iter().filter(exists).collect();
        panic!("of {pids:?} there still are {left:?}");
    }
}

/// A configuration with one probe.
pub(crate) fn config(generation: u64) -> ConfigMessage {
    let probes = [("demo".to_owned(), ProbeConfig::default())].into();
    ConfigMessage { version: 1, generation, probes }
}

/// Times short enough for a test that waits for them.
pub(crate) fn hasty() -> Policy {
    Policy {
        grace: Duration::from_millis(300),
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(20),
        ..Policy::default()
    }
}
