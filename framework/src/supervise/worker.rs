//! One task per folder: feeds what happens into the state machine and does what it says.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gopher_protocol::control::ConfigMessage;
use gopher_protocol::manifest::Reconfigure;
use nix::sys::signal::Signal;
use tokio::sync::watch;

use super::change::Change;
use super::channel;
use super::environment;
use super::life::{Life, Sign, Surroundings};
use super::order::{Order, Step};
use super::shared::Shared;
use super::state::{Action, Ending, Event, Now, Phase, State, Then, next};
use super::status::{Board, LastExit, Process};
use super::words::End;
use crate::contain::{Child, Exit, Launch, Limits, SpawnError};
use crate::sync::lock;

/// Changes of the scope reach a process at most once in this time.
const SCOPE_INTERVAL: Duration = Duration::from_millis(200);

/// The environment variable that names the configuration file.
const CONFIG_FILE: &str = "GOPHER_CONFIG_FILE";

pub(super) struct Worker {
    shared: Arc<Shared>,
    board: Arc<Board>,
    orders: watch::Receiver<Order>,
    order: Order,
    state: State,
    life: Option<Life>,
    /// The configuration that the process was started with.
    began_with: Option<u64>,
    /// When the configuration was last handed on.
    told: Option<Instant>,
    /// When a change of scope that came too soon is handed on.
    tell_at: Option<Instant>,
}

/// What woke the worker.
enum Wake {
    Order,
    Sign(Sign),
    Due,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, board: Arc<Board>, orders: watch::Receiver<Order>) -> Self {
        let order = orders.borrow().clone();
        let state = State::default();
        Self { shared, board, orders, order, state, life: None, began_with: None, told: None, tell_at: None }
    }

    /// Works until the folder is removed and its process is gone.
    pub(super) async fn run(mut self) {
        if self.order.wanted().is_some() {
            self.feed(Event::Start).await;
        }
        while !self.leaves() {
            match self.wake().await {
                Wake::Order => self.obey().await,
                Wake::Sign(sign) => self.heed(sign).await,
                Wake::Due => self.due().await,
            }
        }
    }

    /// Removed and at rest; the owner's list forgets the folder in the same moment.
    fn leaves(&self) -> bool {
        if !self.order.removed || self.state.phase != Phase::Stopped {
            return false;
        }
        channel::discard(&channel::file(&self.shared.settings.run_dir, &self.board.folder));
        self.shared.forget(&self.board.folder)
    }

    async fn wake(&mut self) -> Wake {
        let due = [self.state.deadline(), self.tell_at].into_iter().flatten().min();
        let sign = async {
            match &mut self.life {
                Some(life) => life.sign().await,
                None => std::future::pending().await,
            }
        };
        let timer = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok(()) = self.orders.changed() => Wake::Order,
            sign = sign => Wake::Sign(sign),
            () = timer => Wake::Due,
        }
    }

    async fn obey(&mut self) {
        let new = self.orders.borrow_and_update().clone();
        let old = std::mem::replace(&mut self.order, new);
        lock(&self.board.facts).generation = self.order.wanted().map(|config| config.generation);
        match self.order.after(&old) {
            Step::Nothing => {}
            Step::Start => self.feed(Event::Start).await,
            Step::Stop => self.feed(Event::Stop).await,
            Step::Restart => self.feed(Event::Restart).await,
            Step::Tell(Change::Settings) if self.reconfigure() == Reconfigure::Restart => {
                self.feed(Event::Restart).await;
            }
            Step::Tell(Change::Settings) => {
                self.tell().await;
                self.feed(Event::Retry).await;
            }
            Step::Tell(_) => self.tell_soon().await,
        }
    }

    async fn heed(&mut self, sign: Sign) {
        match sign {
            Sign::Started => {
                self.feed(Event::Started).await;
                self.began();
            }
            Sign::OutputClosed => self.feed(Event::OutputClosed).await,
            Sign::Ended(exit, out_of_memory) => {
                let end = self.end(exit, out_of_memory);
                self.life = None;
                let reason = end.reason();
                tracing::debug!(probe = %self.board.folder, reason, "Probe process ended.");
                let asked = matches!(
                    self.state.phase,
                    Phase::Stopping { then: Then::Stop | Then::Restart, killed: false, .. }
                );
                self.note(reason, asked);
                self.feed(Event::Ended(end.ending())).await;
            }
        }
    }

    /// A process that gets its configuration when it starts works with that one.
    fn began(&self) {
        if let (Reconfigure::Restart, Some(generation)) = (self.reconfigure(), self.began_with) {
            self.board.delivery.applied(generation, Instant::now());
        }
    }

    fn end(&self, exit: Exit, out_of_memory: bool) -> End {
        let (closed, killed) = match self.state.phase {
            Phase::Stopping { then, killed, .. } => (matches!(then, Then::Died { .. }), killed),
            _ => (false, false),
        };
        End { exit, out_of_memory, closed, killed, last_line: self.board.journal.last() }
    }

    async fn due(&mut self) {
        if self.tell_at.is_some_and(|at| at <= Instant::now()) {
            self.tell().await;
        }
        self.feed(Event::Due).await;
    }

    /// Feeds the machine until it has nothing more to do now.
    async fn feed(&mut self, event: Event) {
        let mut event = Some(event);
        while let Some(happened) = event.take() {
            let now = Now { at: Instant::now(), dice: rand::random() };
            let before = self.state.phase;
            let state = std::mem::take(&mut self.state);
            let (state, action) = next(state, happened, &self.shared.settings.policy, now);
            self.state = state;
            event = match action {
                Some(Action::Spawn) => self.spawn().await.map(Event::Ended),
                Some(action) => {
                    self.end_life(action);
                    None
                }
                None => None,
            };
            if self.state.phase != before || action.is_some() {
                self.show();
            }
        }
    }

    fn end_life(&mut self, action: Action) {
        let Some(life) = &self.life else { return };
        match action {
            Action::Terminate => {
                life.close_stdin();
                life.group.signal(Signal::SIGTERM);
            }
            Action::Kill => life.group.kill(),
            Action::Abandon => {
                tracing::error!(probe = %self.board.folder, "A process of the probe does not die of KILL; it is given up.");
                self.note("does not die of KILL and was given up".to_owned(), false);
                self.life = None;
            }
            Action::Spawn => {}
        }
    }

    /// Starts a process; what went wrong counts as its end.
    async fn spawn(&mut self) -> Option<Ending> {
        let config = self.order.wanted().cloned()?;
        self.began_with = Some(config.generation);
        self.board.journal.begin();
        self.board.delivery.begin();
        self.told = None;
        self.show();
        if self.reconfigure() == Reconfigure::Restart {
            self.hand_over(config).await;
        }
        match self.shared.spawner.spawn(self.launch()).await {
            Ok(child) => {
                self.adopt(child);
                None
            }
            Err(error) => {
                let ending = match error {
                    SpawnError::Denied { .. } => Ending::Unsupported,
                    _ => Ending::Death,
                };
                self.note(format!("cannot start: {error}"), false);
                Some(ending)
            }
        }
    }

    fn adopt(&mut self, child: Child) {
        let (pid, enforced) = (child.pid, child.enforced.clone());
        let around = Surroundings {
            folder: Arc::clone(&self.board.folder),
            journal: Arc::clone(&self.board.journal),
            delivery: Arc::clone(&self.board.delivery),
            capabilities: Arc::clone(&self.board.capabilities),
            linger: self.shared.settings.policy.linger,
        };
        let life = Life::new(child, self.shared.sinks.open(&self.board.folder), &around);
        let process = Process { pid, started: SystemTime::now(), enforced, group: Arc::clone(&life.group) };
        let mut facts = lock(&self.board.facts);
        facts.process = Some(process);
        facts.starts += 1;
        drop(facts);
        if let (Reconfigure::Stdin, Some(config)) = (self.reconfigure(), self.order.wanted()) {
            life.send(Arc::clone(config));
            self.told = Some(Instant::now());
        }
        self.tell_at = None;
        self.life = Some(life);
    }

    fn launch(&self) -> Launch {
        let folder = &self.order.folder;
        let manifest = &folder.manifest;
        let mut env = self.shared.settings.env.clone();
        if manifest.reconfigure == Reconfigure::Restart {
            let file = channel::file(&self.shared.settings.run_dir, &manifest.name);
            env.push((CONFIG_FILE.to_owned(), file.to_string_lossy().into_owned()));
            env.extend(self.order.wanted().map(|config| environment::of(config)).unwrap_or_default());
        }
        Launch {
            name: manifest.name.clone(),
            folder: folder.path.clone(),
            exec: manifest.exec.clone(),
            env,
            privileges: manifest.privileges.clone(),
            optional_privileges: manifest.optional_privileges.clone(),
            limits: Limits { memory: manifest.limits.memory, cpu: manifest.limits.cpu },
        }
    }

    fn reconfigure(&self) -> Reconfigure {
        self.order.folder.manifest.reconfigure
    }

    /// Tells a living process its configuration as soon as its scope may change again.
    async fn tell_soon(&mut self) {
        match self.told.map(|told| told + SCOPE_INTERVAL) {
            Some(allowed) if allowed > Instant::now() => self.tell_at = Some(allowed),
            _ => self.tell().await,
        }
    }

    /// Tells a living process its configuration.
    async fn tell(&mut self) {
        self.tell_at = None;
        let living = matches!(self.state.phase, Phase::Starting | Phase::Running { .. });
        let (true, Some(config)) = (living, self.order.wanted().cloned()) else { return };
        self.told = Some(Instant::now());
        match (&self.life, self.reconfigure()) {
            (Some(life), Reconfigure::Stdin) => life.send(config),
            (_, Reconfigure::Restart) => self.hand_over(config).await,
            (None, Reconfigure::Stdin) => {}
        }
    }

    /// Replaces the configuration file.
    async fn hand_over(&mut self, config: Arc<ConfigMessage>) {
        self.told = Some(Instant::now());
        let file = channel::file(&self.shared.settings.run_dir, &self.board.folder);
        let delivery = &self.board.delivery;
        let generation = config.generation;
        delivery.writing(generation, Instant::now());
        let (name, target) = (file.display().to_string(), file);
        let result = tokio::task::spawn_blocking(move || channel::replace(&target, &config)).await;
        match result.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(()) => delivery.written(generation),
            Err(error) => {
                tracing::error!(probe = %self.board.folder, file = name, %error, "Cannot write the probe's configuration.");
                delivery.failed(format!("{name} cannot be written ({error})"));
            }
        }
    }

    fn note(&self, reason: String, asked: bool) {
        lock(&self.board.facts).last_exit = Some(LastExit { reason, at: SystemTime::now(), asked });
    }

    /// Shows the state to everybody.
    fn show(&self) {
        let mut facts = lock(&self.board.facts);
        let state = self.state.phase.into();
        let changed = facts.state != state;
        facts.state = state;
        facts.until = self.state.deadline();
        facts.generation = self.order.wanted().map(|config| config.generation);
        if self.life.is_none() {
            facts.process = None;
        }
        let reason = facts.last_exit.as_ref().map_or_else(String::new, |exit| exit.reason.clone());
        drop(facts);
        if changed {
            self.report(&reason);
        }
        self.shared.changed();
    }

    fn report(&self, reason: &str) {
        let probe = &*self.board.folder;
        let seconds = |until: Instant| until.saturating_duration_since(Instant::now()).as_secs_f32();
        match self.state.phase {
            Phase::Backoff { until } => {
                tracing::warn!(
                    probe,
                    reason,
                    seconds = seconds(until),
                    "Probe died; starting it again soon."
                );
            }
            Phase::Failing { until } => tracing::error!(
                probe,
                reason,
                seconds = seconds(until),
                "Probe fails again and again; see its lines on stderr. Trying again now and then."
            ),
            Phase::Unsupported => tracing::warn!(probe, reason, "Probe cannot work here."),
            Phase::Done => tracing::info!(probe, "Probe has nothing left to do."),
            Phase::Running { .. } => self.report_running(),
            Phase::Stopped => tracing::info!(probe, "Probe is stopped."),
            Phase::Starting | Phase::Stopping { .. } => tracing::debug!(probe, "Probe starts or stops."),
        }
    }

    /// A probe runs: with which process, and which of its limits hold by which mechanism.
    fn report_running(&self) {
        let process = lock(&self.board.facts).process.clone();
        let Some(Process { pid, enforced, .. }) = process else { return };
        let (memory, cpu, kill) = (enforced.memory, enforced.cpu, enforced.kill);
        tracing::info!(probe = &*self.board.folder, pid, %memory, %cpu, %kill, "Probe runs.");
    }
}
