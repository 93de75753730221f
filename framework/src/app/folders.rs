//! The folders that are installed, and what their processes were last told.

use std::collections::BTreeMap;
use std::sync::Arc;

use gopher_protocol::PROTOCOL;
use gopher_protocol::control::ConfigMessage;
use gopher_protocol::manifest::Feeds;

use super::plan::{period, plan};
use super::scopes::Scopes;
use crate::catalog;
use crate::config::Config;
use crate::ingest::{Intakes, RowSink};
use crate::store::{FolderStore, Store};
use crate::supervise::{Desired, Folder, Supervisor};

/// The stages that a folder goes through.
pub(super) struct Stages {
    pub(super) store: Arc<Store>,
    pub(super) intakes: Arc<Intakes>,
    pub(super) supervisor: Supervisor,
}

/// One installed folder.
struct Installed {
    folder: Arc<Folder>,
    store: Arc<FolderStore>,
    told: Option<ConfigMessage>,
    generation: u64,
}

/// All installed folders by name.
#[derive(Default)]
pub(super) struct Folders(BTreeMap<String, Installed>);

impl Folders {
    /// Takes a new or changed folder in; [`Self::tell`] follows.
    pub(super) fn add(&mut self, stages: &Stages, found: &catalog::Folder) {
        let manifest = Arc::clone(&found.manifest);
        let store = stages.store.folder(&manifest);
        let sink: Arc<dyn RowSink> = Arc::<FolderStore>::clone(&store);
        stages.intakes.set(&manifest, sink);
        let generation = self.0.get(&found.name).map_or(0, |before| before.generation);
        let folder =
            Arc::new(Folder { manifest, path: found.path.clone(), revision: found.fingerprint.value() });
        self.0.insert(found.name.clone(), Installed { folder, store, told: None, generation });
    }

    /// Stops a folder and forgets its series at once; its process may take a moment to go.
    pub(super) fn remove(&mut self, stages: &Stages, name: &str) {
        if self.0.remove(name).is_none() {
            return;
        }
        stages.store.remove(name);
        stages.intakes.remove(name);
        let (supervisor, name) = (stages.supervisor.clone(), name.to_owned());
        tokio::spawn(async move { supervisor.remove(&name).await });
    }

    /// Tells every folder what it is to do, where that has changed.
    pub(super) fn tell(&mut self, stages: &Stages, config: &Config, scopes: &Scopes) {
        for installed in self.0.values_mut() {
            installed.tell(stages, config, scopes);
        }
    }

    /// The generation of the configuration that a folder's process is to have; `None`: it is not to run.
    pub(super) fn generation(&self, folder: &str) -> Option<u64> {
        let told = self.0.get(folder)?.told.as_ref()?;
        (!told.probes.is_empty()).then_some(told.generation)
    }

    /// The folders whose processes tell of processes.
    pub(super) fn feeding(&self) -> impl Iterator<Item = &str> {
        let feeds = |one: &(&String, &Installed)| one.1.folder.manifest.feeds == Some(Feeds::Scopes);
        self.0.iter().filter(feeds).map(|(name, _)| name.as_str())
    }

    /// The probes (REST names) of all folders.
    pub(super) fn probes(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(|one| one.folder.manifest.probes.iter().map(|probe| probe.name.as_str()))
    }
}

impl Installed {
    fn tell(&mut self, stages: &Stages, config: &Config, scopes: &Scopes) {
        let manifest = &self.folder.manifest;
        for probe in &manifest.probes {
            self.store.label(&probe.name, &scopes.labels(&probe.name));
        }
        let needed = manifest.feeds != Some(Feeds::Scopes) || scopes.follow();
        let planned = needed.then(|| plan(config, manifest, |probe| scopes.of(probe)));
        let probes = planned.unwrap_or_default();
        if self.told.as_ref().is_some_and(|told| told.probes == probes) {
            return;
        }
        for probe in &manifest.probes {
            let planned = probes.get(&probe.name);
            self.store.switch(&probe.name, planned.map(|planned| planned.items.as_slice()));
            self.store.set_period(&probe.name, planned.map_or(0, period));
        }
        self.generation += 1;
        let message = ConfigMessage { version: PROTOCOL, generation: self.generation, probes };
        let config = (!message.probes.is_empty()).then(|| message.clone());
        stages.supervisor.set(Desired { folder: Arc::clone(&self.folder), config });
        self.told = Some(message);
    }
}
