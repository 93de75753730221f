//! Asks container runtimes what they know, each one question at a time; none waits for another, and nobody for them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::Channel;

use super::{Answer, Containers, cri, docker};
use crate::clock::mono_ms;
use crate::enrich::container::Pod;
use crate::telemetry::ScopeMetrics;

/// The longest that one runtime may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one that comes later in the list and knows a container waits for those before it.
const PRECEDENCE: Duration = Duration::from_millis(100);
/// Questions that are open at the same time.
const OPEN: usize = 1024;
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
    /// Locked while it is asked.
    rests_until: Mutex<Option<Instant>>,
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
    let runtimes: Vec<_> = docker.chain(cri).map(Arc::new).collect();
    let places = Arc::new(Semaphore::new(OPEN));
    let mut open = JoinSet::new();
    loop {
        let id = containers.question().await;
        // Nobody closes the semaphore.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        while open.try_join_next().is_some() {}
        let (containers, runtimes, metrics) = (Arc::clone(&containers), runtimes.clone(), metrics.clone());
        open.spawn(async move {
            let answer = ask(&runtimes, &id, Arc::new(place)).await;
            let outcome = match &answer {
                Answer::Found(_) => "found",
                Answer::Unknown => "unknown",
                Answer::Failed => "failed",
            };
            metrics.lookups.with_label_values(&[outcome]).inc();
            containers.answer(&id, answer, mono_ms());
        });
    }
}

/// A place among the open questions, held until every runtime has done with the question.
type Place = Arc<Option<OwnedSemaphorePermit>>;

/// Asks all runtimes at the same time. Where several know a container the first of the list is heard, if it does not
/// keep the others waiting.
async fn ask(runtimes: &[Arc<Runtime>], id: &str, place: Place) -> Answer {
    let mut asked = JoinSet::new();
    for (rank, runtime) in runtimes.iter().enumerate() {
        let (runtime, id, place) = (Arc::clone(runtime), id.to_owned(), Arc::clone(&place));
        asked.spawn(async move {
            let answer = runtime.ask(&id).await;
            drop(place);
            (rank, answer)
        });
    }
    let mut silent: BTreeSet<usize> = (0..runtimes.len()).collect();
    let (mut answer, mut found) = (Answer::Unknown, None);
    while found.as_ref().is_none_or(|(best, _)| silent.range(..best).next().is_some()) {
        let next = match &found {
            None => asked.join_next().await,
            Some(_) => timeout(PRECEDENCE, asked.join_next()).await.unwrap_or(None),
        };
        let Some(next) = next else { break };
        let Ok((rank, said)) = next else {
            answer = Answer::Failed;
            continue;
        };
        silent.remove(&rank);
        match said {
            Answer::Found(facts) if found.as_ref().is_none_or(|(best, _)| rank < *best) => {
                found = Some((rank, facts));
            }
            Answer::Failed => answer = Answer::Failed,
            Answer::Found(_) | Answer::Unknown => {}
        }
    }
    // One that is silent is waited for, so that it is left alone from then on, but not by whoever asked.
    asked.detach_all();
    found.map_or(answer, |(_, facts)| Answer::Found(facts))
}

impl Runtime {
    fn new(socket: PathBuf, api: Api) -> Self {
        Self { socket, api, rests_until: Mutex::default() }
    }

    /// One question at a time. A socket that is not there belongs to a runtime that is not installed, which knows
    /// nothing.
    async fn ask(&self, id: &str) -> Answer {
        if !self.socket.exists() {
            return Answer::Unknown;
        }
        let mut rests_until = self.rests_until.lock().await;
        if rests_until.is_some_and(|until| Instant::now() < until) {
            return Answer::Failed;
        }
        let inspected = match &self.api {
            Api::Docker => timeout(PATIENCE, docker::inspect(&self.socket, id)).await,
            Api::Cri(channel) => timeout(PATIENCE, cri::inspect(channel, id)).await,
        };
        match inspected.unwrap_or(Err(Failure::Late)) {
            Ok(found) => {
                *rests_until = None;
                found.map_or(Answer::Unknown, Answer::Found)
            }
            Err(error) => {
                if rests_until.is_none() {
                    let socket = self.socket.display();
                    tracing::warn!(%socket, %error, "A container runtime does not answer; names may be missing.");
                }
                *rests_until = Some(Instant::now() + REST);
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn nobody_waits() -> Place {
        Arc::new(None)
    }

    #[tokio::test]
    async fn a_runtime_that_is_not_there_knows_nothing_and_one_that_is_silent_fails() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.sock");
        let runtimes = [Arc::new(Runtime::new(missing, Api::Docker))];
        assert_eq!(ask(&runtimes, "0123456789ab", nobody_waits()).await, Answer::Unknown);
        let dead = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let cri = Api::Cri(cri::channel(dead.clone()));
        for api in [Api::Docker, cri] {
            let runtimes = [Arc::new(Runtime::new(dead.clone(), api))];
            assert_eq!(ask(&runtimes, "0123456789ab", nobody_waits()).await, Answer::Failed);
            assert!(runtimes[0].rests_until.lock().await.is_some());
        }
    }

    /// A socket with Docker's API that knows every container by this name.
    async fn knows(folder: &Path, name: &str) -> Arc<Runtime> {
        let socket = folder.join(format!("{name}.sock"));
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let body = format!(r#"{{"Name":"/{name}","Config":{{"Image":"nginx","Labels":null}}}}"#);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Arc::new(Runtime::new(socket, Api::Docker))
    }

    fn name(answer: Answer) -> String {
        if let Answer::Found(facts) = answer { facts.name } else { format!("{answer:?}") }
    }

    #[tokio::test]
    async fn one_that_accepts_and_never_answers_keeps_nobody_from_another() {
        let folder = tempfile::tempdir().unwrap();
        let silent = folder.path().join("silent.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
        let runtimes = [Arc::new(Runtime::new(silent, Api::Docker)), knows(folder.path(), "web").await];
        for _ in 0..3 {
            assert_eq!(name(ask(&runtimes, "0123456789ab", nobody_waits()).await), "web");
        }
        assert!(runtimes[0].rests_until.try_lock().is_err(), "it is still waited for");
        assert!(runtimes[0].rests_until.lock().await.is_some(), "then it is left alone");
    }

    #[tokio::test]
    async fn of_two_that_know_a_container_the_first_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let runtimes = [knows(folder.path(), "first").await, knows(folder.path(), "second").await];
        assert_eq!(name(ask(&runtimes, "0123456789ab", nobody_waits()).await), "first");
    }

    #[test]
    fn sockets_are_looked_for_below_the_hosts_root() {
        let sockets = Sockets { docker: vec!["/run/d.sock".into()], cri: Vec::new() };
        assert_eq!(sockets.clone().below(Path::new("/host")).docker, [PathBuf::from("/host/run/d.sock")]);
        assert_eq!(sockets.clone().below(Path::new("/")), sockets);
    }
}
