//! The real agent in folders and on a port of its own; nothing of it is left when it is dropped.
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong here fails the test at once")]

mod home;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, ExitStatus};
use std::sync::Arc;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use self::home::Home;
use crate::http::{self, Response};
use crate::peer;
use crate::probe::wait_for_end;
use crate::process::{Process, processes};

/// Looks until there is something; ends the test when there never is.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    let waited = peer::until(what, || {
        found = look();
        found.is_some()
    });
    waited.and(found.context("nothing")).unwrap_or_else(|problem| panic!("{problem}"))
}

/// A running agent.
pub struct Agent {
    child: Child,
    /// Its folders; what they hold may be changed.
    pub home: Arc<Home>,
    ended: bool,
}

impl Agent {
    /// Starts the agent of these folders with the configuration that was written, or the shortest; returns when it is
    /// ready, which every probe must be first.
    #[must_use]
    pub fn start(home: impl Into<Arc<Home>>) -> Self {
        let agent = Self::serve(home);
        agent.ready();
        agent
    }

    /// The same, and returns as soon as it serves, however its probes are.
    #[must_use]
    pub fn serve(home: impl Into<Arc<Home>>) -> Self {
        let home = home.into();
        if !home.config().exists() {
            home.configure("");
        }
        let child = home.spawn(&[], &home.path().join("log"));
        let mut agent = Self { child, home, ended: false };
        until("the start", || {
            let ended = agent.child.try_wait().expect("the agent's state");
            assert!(ended.is_none(), "the agent ended: {}", agent.log());
            agent.log().contains(" Started.").then_some(())
        });
        agent
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).expect("the log")
    }

    /// Lines of the log that contain a text.
    #[must_use]
    pub fn said(&self, text: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(text)).map(ToOwned::to_owned).collect()
    }

    /// Waits until the log has a line with this text.
    pub fn says(&self, text: &str) {
        until(text, || (!self.said(text).is_empty()).then_some(()));
    }

    /// Waits for `/readyz`.
    pub fn ready(&self) {
        until("readiness", || (self.get("/readyz", &[]).status == 200).then_some(()));
    }

    /// Sends a GET.
    #[must_use]
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request("GET", path, headers)
    }

    /// Sends a request.
    #[must_use]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        http::request(self.home.address, method, path, headers)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    /// Asks for a change of what is collected, or for anything else; the status and the JSON of the answer.
    #[must_use]
    pub fn control(&self, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
        let response = http::send(self.home.control, method, path, &[], body.as_bytes())
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()));
        let json = serde_json::from_str(&response.text)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {}", response.text));
        (response.status, json)
    }

    /// Scrapes; samples by name and labels.
    #[must_use]
    pub fn scrape(&self) -> BTreeMap<String, String> {
        let response = self.get("/metrics", &[]);
        assert_eq!(response.status, 200, "{}", response.text);
        http::samples(&response.text).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Scrapes until the samples are as wanted.
    pub fn until(
        &self,
        what: &str,
        wanted: impl Fn(&BTreeMap<String, String>) -> bool,
    ) -> BTreeMap<String, String> {
        until(what, || Some(self.scrape()).filter(&wanted))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// Its children, dead ones that it has not waited for included; the keeper is always one.
    #[must_use]
    pub fn children(&self) -> Vec<Process> {
        let mut all = processes();
        all.retain(|process| process.parent == self.pid());
        all
    }

    /// Tells it to stop and waits.
    ///
    /// # Panics
    /// When it does not end, or leaves a process.
    pub fn stop(&mut self) -> ExitStatus {
        // The keeper works elsewhere and bears no mark; it is found as a child.
        let children = self.children();
        assert!(!children.is_empty(), "the keeper was not found");
        self.signal(Signal::SIGTERM);
        let status = wait_for_end(&mut self.child).expect("its end");
        self.ended = true;
        self.gone(&children);
        status
    }

    /// Kills it without a warning and waits until nothing of it is left; its keeper ends the probes.
    pub fn kill(&mut self) {
        let children = self.children();
        self.signal(Signal::SIGKILL);
        wait_for_end(&mut self.child).expect("its end");
        self.ended = true;
        self.gone(&children);
    }

    fn gone(&self, children: &[Process]) {
        until("the end of all its processes", || {
            let mut left =
                self.home.processes().into_iter().chain(children.iter().filter(|c| c.is_there()).cloned());
            left.next().is_none().then_some(())
        });
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if !std::thread::panicking() {
            self.stop();
            return;
        }
        eprintln!("{}", self.log());
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the agent could not be ended: {error}");
        }
        // The keeper ends the probes; what it leaves shall not outlive the test either.
        if peer::until("the end of all its processes", || self.home.processes().is_empty()).is_err() {
            for process in self.home.processes() {
                eprintln!("left behind: {process:?}");
                process.signal(Signal::SIGKILL);
            }
        }
    }
}

/// Names of the metrics in samples.
#[must_use]
pub fn names(samples: &BTreeMap<String, String>) -> BTreeSet<&str> {
    samples.keys().map(|series| series.split('{').next().unwrap_or(series)).collect()
}

/// The sum of all samples of one metric, a count, whose labels contain all of these.
#[must_use]
pub fn sum(samples: &BTreeMap<String, String>, metric: &str, labels: &[(&str, &str)]) -> u64 {
    let wanted: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let chosen = of(samples, metric).filter(|(found, _)| wanted.iter().all(|label| found.contains(label)));
    chosen
        .map(|(found, value)| value.parse::<u64>().unwrap_or_else(|_| panic!("{metric}{found} {value}")))
        .sum()
}

/// All values of a label of one metric.
#[must_use]
pub fn values(samples: &BTreeMap<String, String>, metric: &str, label: &str) -> BTreeSet<String> {
    let start = format!("{label}=\"");
    let value = |found: &str| Some(found.split_once(&start)?.1.split_once('"')?.0.to_owned());
    of(samples, metric).filter_map(|(found, _)| value(found)).collect()
}

/// The labels and the value of each sample of one metric.
fn of<'a>(
    samples: &'a BTreeMap<String, String>,
    metric: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let labels = move |series: &'a str| series.strip_prefix(metric).filter(|rest| rest.starts_with('{'));
    samples.iter().filter_map(move |(series, value)| Some((labels(series)?, value.as_str())))
}
