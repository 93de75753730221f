//! The running application: started in order, then one loop that follows catalog, configuration, scopes and signals.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;

use super::check::{rules, summary};
use super::control::Control;
use super::endpoint::{Serving, Sources, exposition, pages};
use super::exporters::Exporters;
use super::files;
use super::folders::{Folders, Stages};
use super::reload;
use super::runtime::{self, Runtime};
use super::scopes::Scopes;
use super::service::{self, Heartbeat};
use super::status::FolderStatus;
use crate::catalog::watch::Watch;
use crate::catalog::{self, Catalog, Change, Finding, check_probes};
use crate::clock::mono_ms;
use crate::config::{self, Config, LoadError, Loaded};
use crate::contain::{self, Instance, Spawner};
use crate::control::{Command, Done, Refused, View, audit};
use crate::enrich::{Feed, HOST_LABELS, Host, Processes};
use crate::export::prometheus::Exposition;
use crate::ingest::Intakes;
use crate::rundir::RunDir;
use crate::shutdown::{Asked, Signals};
use crate::store::{GlobalLabels, Store};
use crate::supervise::{Settings, Sinks, StateName, Supervisor};
use crate::telemetry::{self, AgentMetrics, Level};
use crate::topology::Topology;

/// Between two looks for series and counters that are due to end.
const SWEEP: Duration = Duration::from_secs(2);
/// Time for all probes to stop.
const STOP: Duration = Duration::from_secs(10);

/// Everything that runs.
pub(super) struct App {
    path: PathBuf,
    loaded: Loaded,
    runtime: Runtime,
    /// The configuration with what was set at run time.
    running: Config,
    level: Level,
    catalog: Catalog,
    catalog_changes: Watch<Change>,
    config_changes: Option<Watch<config::watch::Reload>>,
    signals: Signals,
    stages: Stages,
    sources: Sources,
    folders: Folders,
    scopes: Scopes,
    status: FolderStatus,
    serving: Serving,
    control: Control,
    exporters: Exporters,
    spawner: Arc<Spawner>,
    // Last, so that the lock is given back when everything else is gone.
    _run_dir: RunDir,
}

impl App {
    /// Starts everything; returns when all probes have been told what to do.
    pub(super) async fn start(loaded: Loaded, path: &Path, level: Level) -> anyhow::Result<Self> {
        let listeners = files::read(&loaded, |_| true).map_err(LoadError::from)?;
        let signals = Signals::catch()?;
        let settings = &loaded.config;
        let run_dir = RunDir::take(&settings.agent.run_dir)?;
        let metrics = AgentMetrics::new().context("registering the agent's own metrics")?;
        let mut host = Host::read(&settings.agent.host_path, &settings.agent.state_dir)?;
        if !settings.agent.hostname.is_empty() {
            host.hostname.clone_from(&settings.agent.hostname);
        }
        let processes = Arc::new(Processes::new(&settings.agent.host_path));
        let store = Arc::new(store(settings, &host, Arc::clone(&processes)));
        let feed = Arc::<Feed>::default();
        let intakes = Arc::new(Intakes::new(metrics.clone(), Arc::<Feed>::clone(&feed)));
        let (supervisor, spawner) = supervisor(settings, Arc::<Intakes>::clone(&intakes))?;
        let sources = Sources {
            pages: pages(&settings.prometheus, &store, &metrics),
            metrics: metrics.clone(),
            supervisor: supervisor.clone(),
            topology: Arc::new(Topology::new(Arc::clone(&store), mono_ms())),
            started: Arc::default(),
        };
        let serving = Serving::start(&settings.prometheus, listeners.metrics, &sources)?;
        let control = Control::start(settings, path, listeners.control, &sources, &store)?;
        let runtime = Runtime::load(settings);
        let mut exporters = Exporters::new(Arc::clone(&store), Arc::new(host), metrics.clone());
        exporters.start(settings);
        let config_changes = watch_config(path);
        let (catalog, catalog_changes) = catalog::watch(catalog::roots(&settings.folders), rules(&loaded))
            .context("watching the probe folders")?;
        let mut scopes = Scopes::start(processes, feed, metrics.scope.clone())
            .context("starting the watch of processes")?;
        scopes.ask(settings);
        let stages = Stages { store, intakes, supervisor };
        let status = FolderStatus::new(metrics);
        let mut app = Self {
            path: path.to_owned(),
            running: loaded.config.clone(),
            loaded,
            runtime,
            level,
            catalog: Catalog::default(),
            catalog_changes,
            config_changes,
            signals,
            stages,
            sources,
            folders: Folders::default(),
            scopes,
            status,
            serving,
            control,
            exporters,
            spawner,
            _run_dir: run_dir,
        };
        app.begin(catalog);
        Ok(app)
    }

    /// Tells the probes of the first catalog what to do, and says that all is up.
    fn begin(&mut self, catalog: Catalog) {
        self.take(catalog);
        self.sources.started.store(true, Ordering::Release);
        self.announce();
    }

    /// Works until told to stop, then takes everything down.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut states = self.stages.supervisor.changes();
        let mut heartbeat = Heartbeat::start();
        loop {
            tokio::select! {
                Some(change) = self.catalog_changes.next() => self.change(change),
                Some(command) = self.control.next() => self.obey(command).await,
                Some(_) = next_reload(&mut self.config_changes) => self.reload().await,
                asked = self.signals.next() => match asked {
                    Asked::Reload => self.reload().await,
                    Asked::Stop => break,
                },
                Ok(()) = states.changed() => self.states(),
                _ = sweep.tick() => {
                    self.stages.store.sweep(mono_ms());
                    self.sources.topology.observe(mono_ms());
                    self.sources.metrics.sweep(mono_ms());
                    self.states();
                    self.status.capabilities(&self.stages.supervisor);
                    self.status.usages(&self.stages.supervisor);
                    self.scopes.show();
                }
                () = heartbeat.beat() => {}
                () = self.scopes.changed() => {
                    if self.scopes.update() {
                        self.tell();
                    }
                }
            }
        }
        self.stop().await;
        Ok(())
    }

    async fn stop(mut self) {
        tracing::info!("Stopping.");
        service::stopping();
        for folder in self.stages.supervisor.shutdown(STOP).await {
            tracing::error!(probe = folder, "A probe did not stop in time and was left to the keeper.");
        }
        self.exporters.stop().await;
        self.control.stop().await;
        self.serving.stop().await;
        self.spawner.close().await;
        tracing::info!("Stopped.");
    }

    /// Makes a whole catalog the one that holds.
    fn take(&mut self, catalog: Catalog) {
        let changes = catalog::diff(&self.catalog, &catalog);
        self.catalog = catalog;
        changes.into_iter().for_each(|change| self.apply(change));
        self.configure();
    }

    /// Follows one change of the catalog.
    fn change(&mut self, change: Change) {
        match &change {
            Change::Added(folder) | Change::Changed(folder) => {
                tracing::info!(probe = folder.name, path = %folder.path.display(), "Probe folder loaded.");
                self.catalog.folders.insert(folder.name.clone(), Arc::clone(folder));
            }
            Change::Removed(name) => {
                tracing::info!(probe = name, "Probe folder removed.");
                self.catalog.folders.remove(name);
            }
            Change::Fault(fault) => self.catalog.faults.push(fault.clone()),
            Change::FaultCleared(path) => self.catalog.faults.retain(|fault| fault.path != *path),
        }
        self.apply(change);
        self.configure();
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Added(folder) | Change::Changed(folder) => self.folders.add(&self.stages, &folder),
            Change::Removed(name) => self.folders.remove(&self.stages, &name),
            Change::Fault(fault) => tracing::error!("Probe folder refused: {fault}"),
            Change::FaultCleared(_) => {}
        }
    }

    /// Takes scopes from the configuration and tells every folder what it is to do.
    fn configure(&mut self) {
        runtime::report_wrong(&self.loaded, &self.catalog);
        runtime::report_wrong(&self.runtime.alone(), &self.catalog);
        self.run_with();
    }

    /// Puts what was set at run time over the configuration and tells every folder what follows from that.
    fn run_with(&mut self) {
        self.running = self.runtime.over(&self.loaded.config);
        self.scopes.configure(&self.running, self.folders.probes());
        self.tell();
        let (kept, passing) = self.runtime.overlays();
        let (running, catalog) = (self.running.clone(), self.catalog.clone());
        self.control.show(View { complete: true, running, kept, passing, catalog });
    }

    fn tell(&mut self) {
        self.folders.tell(&self.stages, &self.running, &self.scopes);
    }

    /// Takes note of where the folders are in their lives.
    fn states(&mut self) {
        self.status.states(&self.stages.supervisor);
        let briefs = self.stages.supervisor.briefs();
        let works = |name: &str| {
            briefs.iter().any(|brief| &*brief.folder == name && brief.state == StateName::Running)
        };
        self.scopes.fed(self.folders.feeding().any(works));
    }

    /// Makes a change that somebody asks for.
    async fn obey(&mut self, command: Command) {
        let Command { probe, settings, persist, caller, reply } = command;
        let outcome = match self.catalog.probe(&probe) {
            None => Err(Refused::Gone(probe)),
            Some((folder, found)) => {
                let folder = folder.name.clone();
                let changed = self.runtime.set(&self.loaded.config, found, settings, persist).await;
                changed.map(|changed| {
                    audit::changed(&caller, &probe, &changed.join(", "), persist);
                    self.run_with();
                    Done { generation: self.folders.generation(&folder), folder }
                })
            }
        };
        if reply.send(outcome).is_err() {
            tracing::debug!("Who asked for a change has gone.");
        }
    }

    /// Reads the configuration again. A bad one changes nothing and is reported.
    async fn reload(&mut self) {
        service::reloading();
        let outcome = match config::load(&self.path) {
            Ok(new) => self.adopt(new).await,
            Err(error) => Err(error.into()),
        };
        let label = if outcome.is_ok() { "accepted" } else { "rejected" };
        self.sources.metrics.reloads.with_label_values(&[label]).inc();
        if let Err(error) = outcome {
            tracing::error!("The configuration was not changed: {error:#}");
            service::ready(&format!("The configuration was not changed: {error:#}").replace('\n', " "));
        } else {
            service::ready(&self.standing());
        }
    }

    async fn adopt(&mut self, mut new: Loaded) -> anyhow::Result<()> {
        let wrong = check_probes(&new, &self.catalog).into_iter().filter_map(|finding| match finding {
            Finding::Wrong(problem) => Some(problem.to_string()),
            Finding::NotInstalled(_) => None,
        });
        let wrong: Vec<_> = wrong.collect();
        anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        let changes = config::diff(&self.loaded.config, &new.config);
        config::keep_restart_keys(&self.loaded.config, &mut new.config);
        let listeners = files::read(&new, |section| changes.touches(section))?;
        if changes.touches("control") {
            self.control.change(&new.config, listeners.control)?;
        }
        if changes.touches("export.prometheus") {
            self.serving.change(&new.config.prometheus, listeners.metrics, &self.sources).await?;
        }
        self.exporters.change(&changes, &new.config);
        if changes.touches("containers") {
            self.scopes.ask(&new.config);
        }
        reload::report(&changes);
        telemetry::set_level(&self.level, reload::level(new.config.agent.log_level))?;
        self.stages.store.set_limits(reload::limits(&new.config));
        let folders = changes.touches("folders");
        self.runtime.follow(&self.loaded.config, &new.config).await;
        self.loaded = new;
        if folders {
            let roots = catalog::roots(&self.loaded.config.folders);
            let (catalog, watch) =
                catalog::watch(roots, rules(&self.loaded)).context("watching the probe folders")?;
            self.catalog_changes = watch;
            self.take(catalog);
        } else {
            self.configure();
        }
        Ok(())
    }

    fn announce(&self) {
        let probes = summary(&self.catalog);
        let (metrics, control) = (self.metrics_url(), self.control.address());
        tracing::info!(version = env!("CARGO_PKG_VERSION"), probes, metrics, control, "Started.");
        service::ready(&self.standing());
    }

    /// In one line for the service manager.
    fn standing(&self) -> String {
        format!("{}; metrics on {}", summary(&self.catalog), self.metrics_url())
    }

    fn metrics_url(&self) -> String {
        self.serving.url().unwrap_or_else(|| "off".to_owned())
    }
}

/// The next request to read the configuration; never where the file cannot be watched.
async fn next_reload(changes: &mut Option<Watch<config::watch::Reload>>) -> Option<config::watch::Reload> {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

fn watch_config(path: &Path) -> Option<Watch<config::watch::Reload>> {
    config::watch::watch(path)
        .inspect_err(
            |error| tracing::warn!(%error, "The configuration is not watched; send SIGHUP after a change."),
        )
        .ok()
}

fn store(config: &Config, host: &Host, processes: Arc<Processes>) -> Store {
    let agent = &config.agent;
    let upstream = exposition(&config.prometheus) == Exposition::Upstream;
    let machine_id = if upstream { &host.upstream_id } else { &host.machine_id };
    let fixed = HOST_LABELS.map(str::to_owned).into_iter().zip([machine_id.clone(), host.hostname.clone()]);
    let custom = agent.labels.iter().filter(|(name, _)| !HOST_LABELS.contains(&name.as_str()));
    let custom: Vec<_> = custom.map(|(name, value)| (name.clone(), value.clone())).collect();
    let globals: GlobalLabels = fixed.chain(custom).filter(|(_, value)| !value.is_empty()).collect();
    Store::new(reload::limits(config), globals, processes, upstream)
}

fn supervisor(config: &Config, sinks: Arc<dyn Sinks>) -> anyhow::Result<(Supervisor, Arc<Spawner>)> {
    let agent = &config.agent;
    let instance = Instance::current(&agent.run_dir);
    let swept = contain::sweep::leftovers(&agent.run_dir);
    if swept != contain::sweep::Swept::default() {
        tracing::warn!(swept.processes, swept.cgroups, "What an agent that was killed had left was ended.");
    }
    let options = contain::Options { instance, probe_user: Some(agent.probe_user.clone()) };
    let spawner = Arc::new(Spawner::start(options).context("starting the thread that starts probes")?);
    let env = [
        ("GOPHER_HOST_PATH", agent.host_path.display().to_string()),
        ("GOPHER_LANGUAGE", config.events.language.name().to_owned()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value)).into();
    let settings = Settings { run_dir: agent.run_dir.clone(), env, ..Settings::default() };
    Ok((Supervisor::new(settings, Arc::clone(&spawner), sinks), spawner))
}
