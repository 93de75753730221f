//! The scopes of all probes: selectors and labels from the configuration, processes and containers from the watch.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use gopher_protocol::control::Scope;
use gopher_protocol::notice::News;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::config::{self, Config, Containers};
use crate::enrich::scope::{Name, Parts, Selection, Selector};
use crate::enrich::{Added, Changed, Feed, ProcessWatch, Processes, Sockets, Source, answer_questions};
use crate::ingest::NewsSink;
use crate::telemetry::ScopeMetrics;

/// Between two changes of scopes that come by themselves: probes hear of them five times a second at most.
const PAUSE: Duration = Duration::from_millis(200);

/// What holds for all probes with the same words in the configuration.
struct Shared {
    words: config::Scope,
    selection: Selection,
    labels: Arc<Added>,
}

/// Scopes by probe, and the watch that keeps them up to date.
pub(super) struct Scopes {
    processes: Arc<Processes>,
    watch: ProcessWatch,
    feed: Arc<Feed>,
    metrics: ScopeMetrics,
    /// Asks container runtimes; ends with this.
    questions: Option<AbortOnDropHandle<()>>,
    shared: Vec<Shared>,
    /// Indices into `shared`.
    probes: BTreeMap<String, usize>,
    no_labels: Arc<Added>,
    /// Before this nobody is told of what changed by itself.
    due: Instant,
}

impl Scopes {
    /// Starts the watch; nothing is followed yet.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        processes: Arc<Processes>,
        feed: Arc<Feed>,
        metrics: ScopeMetrics,
    ) -> io::Result<Self> {
        let watch = ProcessWatch::start(Arc::clone(&processes), Arc::clone(&feed))?;
        let scopes = Self {
            processes,
            watch,
            feed,
            metrics,
            questions: None,
            shared: Vec::new(),
            probes: BTreeMap::new(),
            no_labels: Arc::default(),
            due: Instant::now(),
        };
        scopes.show();
        Ok(scopes)
    }

    /// Asks the container runtimes of this configuration from now on.
    pub(super) fn ask(&mut self, config: &Config) {
        let Containers { docker_socket, cri_socket } = &config.containers;
        let sockets = Sockets { docker: docker_socket.clone(), cri: cri_socket.clone() };
        let sockets = sockets.below(&config.agent.host_path);
        let (containers, metrics) = (Arc::clone(self.processes.containers()), self.metrics.clone());
        let task = tokio::spawn(answer_questions(containers, sockets, metrics));
        self.questions = Some(AbortOnDropHandle::new(task));
    }

    /// Takes the scopes of these probes from the configuration and finds whom they select.
    pub(super) fn configure<'a>(&mut self, config: &Config, probes: impl Iterator<Item = &'a str>) {
        let mut before = std::mem::take(&mut self.shared);
        self.probes.clear();
        for probe in probes {
            let Some(words) = config.scope_of(probe) else { continue };
            let index = self.shared.iter().position(|shared| shared.words == words).unwrap_or_else(|| {
                // What is asked in the same words goes on: its ids mean the processes that they meant.
                let same = before.iter().position(|before| before.words == words);
                let shared = same.map(|index| before.swap_remove(index));
                self.shared.push(shared.unwrap_or_else(|| Shared::new(words, &before)));
                self.shared.len() - 1
            });
            self.probes.insert(probe.to_owned(), index);
        }
        self.watch.follow(self.follow());
        self.select(&Changed { all: true, ..Changed::default() });
        self.show();
    }

    /// Whether a probe that tells of processes works.
    pub(super) fn fed(&self, fed: bool) {
        self.feed.set_live(fed);
    }

    /// Whether any scope follows processes.
    pub(super) fn follow(&self) -> bool {
        self.shared.iter().any(|shared| shared.selection.selector().follows())
    }

    /// Waits until [`Self::update`] has something to do. May be dropped and called again.
    pub(super) async fn changed(&self) {
        sleep_until(self.due).await;
        self.watch.news().await;
    }

    /// Brings scopes up to date with what changed by itself; true when some probe is to hear of it.
    pub(super) fn update(&mut self) -> bool {
        let changed = self.watch.take_changed();
        self.due = Instant::now() + PAUSE;
        self.select(&changed)
    }

    fn select(&mut self, changed: &Changed) -> bool {
        let updated = self.shared.iter_mut().map(|shared| shared.selection.update(changed, &self.processes));
        updated.fold(false, |any, differs| any | differs)
    }

    /// The scope of a probe; empty where nothing selects anything.
    pub(super) fn of(&self, probe: &str) -> Scope {
        self.shared_of(probe).map_or_else(Scope::default, |shared| shared.selection.scope())
    }

    /// The labels that the scope of a probe adds; the same ones while the configuration says the same.
    pub(super) fn labels(&self, probe: &str) -> Arc<Added> {
        Arc::clone(self.shared_of(probe).map_or(&self.no_labels, |shared| &shared.labels))
    }

    fn shared_of(&self, probe: &str) -> Option<&Shared> {
        self.probes.get(probe).and_then(|index| self.shared.get(*index))
    }

    /// Where news of processes come from.
    pub(super) fn source(&self) -> Source {
        self.watch.source()
    }

    /// Writes down in the metrics how the watch works.
    pub(super) fn show(&self) {
        for source in Source::ALL {
            let value = i64::from(source == self.source());
            self.metrics.source.with_label_values(&[source.name()]).set(value);
        }
        let overruns = &self.metrics.overruns;
        overruns.inc_by(self.watch.overruns().saturating_sub(overruns.get()));
    }
}

impl NewsSink for Feed {
    fn news(&self, news: News) {
        self.take(news);
    }

    fn lost(&self) {
        self.lose();
    }
}

impl Shared {
    /// Labels that are as before are the same ones, so that series keep theirs.
    fn new(words: config::Scope, before: &[Self]) -> Self {
        let asks = |scope: &config::Scope| {
            let labels: Vec<_> =
                scope.select.proc_name.iter().filter(|name| !name.label.is_empty()).cloned().collect();
            (scope.pod_labels.clone(), scope.custom_labels.clone(), labels)
        };
        let same = before.iter().find(|before| asks(&before.words) == asks(&words));
        let labels = same.map_or_else(|| Arc::new(added(&words)), |same| Arc::clone(&same.labels));
        if same.is_none() {
            report(&labels);
        }
        let selector =
            Selector { all: words.all, select: parts(&words.select), exclude: parts(&words.exclude) };
        Self { words, selection: Selection::new(selector), labels }
    }
}

fn parts(selectors: &config::Selectors) -> Parts {
    Parts {
        ids: selectors.proc_id.clone(),
        names: selectors.proc_name.iter().filter_map(name).collect(),
        container_ids: selectors.container_id.clone(),
        container_names: selectors.container_name.clone(),
        pod_ids: selectors.pod_id.clone(),
    }
}

/// The configuration's check has compiled each pattern before.
fn name(name: &config::ProcName) -> Option<Name> {
    Some(Name { comm: config::pattern(&name.comm).ok()?, cmdline: name.cmdline.clone() })
}

fn report(labels: &Added) {
    for label in labels.shadowed() {
        let message = "A label of a scope is not shown on rows that have one of that name from the agent.";
        tracing::warn!(label, "{message} Give it another name.");
    }
}

fn added(scope: &config::Scope) -> Added {
    let pairs = |labels: &BTreeMap<String, String>| {
        labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    let labelled = scope.select.proc_name.iter().filter(|name| !name.label.is_empty());
    let names = labelled.filter_map(|pattern| Some((name(pattern)?, pairs(&pattern.label))));
    Added::new(&scope.pod_labels, names.collect(), pairs(&scope.custom_labels))
}
