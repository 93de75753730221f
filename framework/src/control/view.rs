//! What requests see of the agent, and how they ask it for a change.

use std::sync::Arc;

use axum::extract::FromRef;
use gopher_protocol::manifest::Probe;
use serde_json::{Map, Value as Json, json};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::auth::Caller;
use crate::catalog::{self, Catalog, resolve};
use crate::config::json::{selectors, write_scope};
use crate::config::{Config, Overlay, Scope, Settings};
use crate::export::prometheus::Endpoint;
use crate::store::Store;
use crate::supervise::Supervisor;
use crate::topology::Topology;

/// What holds now; replaced as a whole by every change.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Whether the agent has read everything that it starts with; until then requests wait.
    pub complete: bool,
    /// The configuration with what was set at run time.
    pub running: Config,
    /// What was set at run time and holds over a restart.
    pub kept: Overlay,
    /// What was set until the next start.
    pub passing: Overlay,
    /// The probe folders.
    pub catalog: Catalog,
}

impl View {
    /// A probe by its name in any case, as the original took it.
    #[must_use]
    pub fn probe(&self, name: &str) -> Option<(&Arc<catalog::Folder>, &Probe)> {
        self.catalog.probe(&name.to_ascii_lowercase())
    }

    /// What a probe is asked for, in the form that sets it again.
    #[must_use]
    pub fn document(&self, folder: &catalog::Folder, probe: &Probe) -> Json {
        let resolved = resolve(&self.running, probe);
        let program = folder.manifest.exec.first().map(String::as_str).unwrap_or_default();
        let mut document = json!({
            "cmd": {"bin": folder.path.join(program).display().to_string(), "probe": resolved.items},
            "params": resolved.params,
            "state": if resolved.running { "running" } else { "stopped" },
        });
        let none = Scope::default();
        let scope =
            self.running.probes.get(&probe.name).and_then(|asked| asked.scope.as_ref()).unwrap_or(&none);
        if let Json::Object(parts) = &mut document {
            parts.extend(scope_parts(scope, probe));
        }
        document
    }
}

/// The scope as `snoopers`; as `blacklist` where it is everything but something.
fn scope_parts(scope: &Scope, probe: &Probe) -> Map<String, Json> {
    let mut keys = write_scope(scope);
    let mut parts = Map::new();
    if scope.all && !keys.keys().any(|key| selectors().any(|selector| selector == key)) {
        keys.remove("all");
        parts.insert("blacklist".to_owned(), keys.remove("exclude").unwrap_or_else(|| json!({})));
        if !keys.is_empty() {
            parts.insert("snoopers".to_owned(), keys.into());
        }
        return parts;
    }
    if !probe.scope.is_empty() {
        for name in selectors() {
            keys.entry(name).or_insert_with(|| json!([]));
        }
    }
    parts.insert("snoopers".to_owned(), keys.into());
    parts
}

/// A change that somebody asks for.
#[derive(Debug)]
pub struct Command {
    /// The probe.
    pub probe: String,
    /// The keys to set, all or none of them.
    pub settings: Settings,
    /// Whether they hold over a restart.
    pub persist: bool,
    /// Who asks.
    pub caller: Caller,
    /// Takes what became of it.
    pub reply: oneshot::Sender<Result<Done, Refused>>,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The folder that serves the probe.
    pub folder: String,
    /// The configuration that its process is to have; `None`: it is not to run.
    pub generation: Option<u64>,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The probe went away meanwhile.
    #[error("no folder serves {0} any more")]
    Gone(String),
    /// It cannot be kept.
    #[error("{0}; nothing was changed. With \"persist\": false it holds until the next start")]
    Unkept(String),
}

/// What every request has at hand.
#[derive(Clone)]
pub struct Api {
    /// What holds now.
    pub view: watch::Receiver<Arc<View>>,
    /// Asked for states; told to restart.
    pub supervisor: Supervisor,
    /// The way to the owner of the configuration.
    pub commands: mpsc::Sender<Command>,
    /// The configuration's file.
    pub file: Arc<std::path::Path>,
    /// Places for requests whose body is being received; it bounds the memory that all of them take.
    pub bodies: Arc<Semaphore>,
    /// What a scrape gets.
    pub endpoint: Endpoint,
    /// Where events come by.
    pub store: Arc<Store>,
    /// Requests that may follow events at the same time.
    pub followers: Arc<Semaphore>,
    /// Who talks to whom.
    pub topology: Arc<Topology>,
    /// Requests for that which may be worked on at the same time.
    pub drawing: Arc<Semaphore>,
}

impl FromRef<Api> for Endpoint {
    fn from_ref(api: &Api) -> Self {
        api.endpoint.clone()
    }
}

impl Api {
    pub(super) fn now(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }
}
