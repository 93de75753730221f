//! Asks container runtimes what they know, one question at a time, and never holds up anybody by it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tonic::transport::Channel;

use super::{Answer, Containers, cri, docker};
use crate::clock::mono_ms;
use crate::enrich::container::Pod;
use crate::telemetry::ScopeMetrics;

/// The longest that one runtime may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a runtime that failed is left alone.
const REST: Duration = Duration::from_secs(5);

/// Why a runtime did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    #[error("the connection failed: {0}")]
    Connection(#[from] hyper::Error),
    #[error("no request can be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("its answer cannot be used: {0}")]
    Answer(String),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
}

#[derive(Debug)]
enum Api {
    Docker,
    Cri(Channel),
}

#[derive(Debug)]
struct Runtime {
    socket: PathBuf,
    api: Api,
    rests_until: Option<Instant>,
}

/// Where runtimes listen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// Those with Docker's API.
    pub docker: Vec<PathBuf>,
    /// Those with the container runtime interface.
    pub cri: Vec<PathBuf>,
}

/// Answers questions about containers for ever; drop the future to end it.
pub async fn answer_questions(containers: Arc<Containers>, sockets: Sockets, metrics: ScopeMetrics) {
    let docker = sockets.docker.into_iter().map(|socket| Runtime::new(socket, Api::Docker));
    let cri = sockets.cri.into_iter().map(|socket| {
        let channel = cri::channel(socket.clone());
        Runtime::new(socket, Api::Cri(channel))
    });
    let mut runtimes: Vec<_> = docker.chain(cri).collect();
    loop {
        let id = containers.question().await;
        let answer = ask(&mut runtimes, &id).await;
        let outcome = match &answer {
            Answer::Found(_) => "found",
            Answer::Unknown => "unknown",
            Answer::Failed => "failed",
        };
        metrics.lookups.with_label_values(&[outcome]).inc();
        containers.answer(&id, answer, mono_ms());
    }
}

async fn ask(runtimes: &mut [Runtime], id: &str) -> Answer {
    let mut answer = Answer::Unknown;
    for runtime in runtimes {
        match runtime.ask(id).await {
            Answer::Found(facts) => return Answer::Found(facts),
            Answer::Failed => answer = Answer::Failed,
            Answer::Unknown => {}
        }
    }
    answer
}

impl Runtime {
    fn new(socket: PathBuf, api: Api) -> Self {
        Self { socket, api, rests_until: None }
    }

    /// A socket that is not there belongs to a runtime that is not installed, which knows nothing.
    async fn ask(&mut self, id: &str) -> Answer {
        if !self.socket.exists() {
            return Answer::Unknown;
        }
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return Answer::Failed;
        }
        let inspected = match &self.api {
            Api::Docker => timeout(PATIENCE, docker::inspect(&self.socket, id)).await,
            Api::Cri(channel) => timeout(PATIENCE, cri::inspect(channel, id)).await,
        };
        match inspected.unwrap_or(Err(Failure::Late)) {
            Ok(found) => {
                self.rests_until = None;
                found.map_or(Answer::Unknown, Answer::Found)
            }
            Err(error) => {
                if self.rests_until.is_none() {
                    let socket = self.socket.display();
                    tracing::warn!(%socket, %error, "A container runtime does not answer; names may be missing.");
                }
                self.rests_until = Some(Instant::now() + REST);
                Answer::Failed
            }
        }
    }
}

/// The pod that a kubelet's labels on a container name, with the pod's own labels.
pub(super) fn pod_of(labels: &BTreeMap<String, String>, own: BTreeMap<String, String>) -> Option<Pod> {
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let id = labels.get("io.kubernetes.pod.uid")?.clone();
    Some(Pod::new(id, label("io.kubernetes.pod.name"), label("io.kubernetes.pod.namespace"), own))
}

impl Sockets {
    /// The same sockets below the place where the host's root is seen.
    #[must_use]
    pub fn below(self, host_path: &Path) -> Self {
        let below = |sockets: Vec<PathBuf>| {
            let relative =
                |socket: PathBuf| socket.strip_prefix("/").map(Path::to_path_buf).unwrap_or(socket);
            sockets.into_iter().map(|socket| host_path.join(relative(socket))).collect()
        };
        Self { docker: below(self.docker), cri: below(self.cri) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runtime_that_is_not_there_knows_nothing_and_one_that_is_silent_fails() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.sock");
        let mut runtimes = [Runtime::new(missing, Api::Docker)];
        assert_eq!(ask(&mut runtimes, "0123456789ab").await, Answer::Unknown);
        let dead = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let cri = Api::Cri(cri::channel(dead.clone()));
        for api in [Api::Docker, cri] {
            let mut runtimes = [Runtime::new(dead.clone(), api)];
            assert_eq!(ask(&mut runtimes, "0123456789ab").await, Answer::Failed);
            assert!(runtimes[0].rests_until.is_some());
        }
    }

    #[test]
    fn sockets_are_looked_for_below_the_hosts_root() {
        let sockets = Sockets { docker: vec!["/run/d.sock".into()], cri: Vec::new() };
        assert_eq!(sockets.clone().below(Path::new("/host")).docker, [PathBuf::from("/host/run/d.sock")]);
        assert_eq!(sockets.clone().below(Path::new("/")), sockets);
    }
}
