//! What tests of exporters share: a store that is filled by lines of a probe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gopher_protocol::manifest::Manifest;

use crate::enrich::{Host, Processes};
use crate::export::push::Feed;
use crate::ingest::Intakes;
use crate::store::{GlobalLabels, Limits, Snapshot, Store};
use crate::supervise::LineSink as _;
use crate::telemetry::AgentMetrics;

/// A store with one folder.
pub(super) struct TestStore {
    store: Arc<Store>,
    intakes: Intakes,
}

impl TestStore {
    /// With these labels on all rows, and a folder `demo` with this manifest.
    pub(super) fn new(manifest: &str, globals: &[(&str, &str)]) -> Self {
        let limits = Limits {
            record_timeout: 60_000,
            series_per_table: 100_000,
            series_total: 100_000,
            event_window: 0,
        };
        let globals: GlobalLabels =
            globals.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let processes = Arc::new(Processes::new(Path::new("/")));
        let store = Arc::new(Store::new(limits, globals, processes, false));
        let this = Self {
            store,
            intakes: Intakes::new(AgentMetrics::new().unwrap(), Arc::new(crate::enrich::Feed::default())),
        };
        this.folder(manifest);
        this
    }

    /// Gives the folder another manifest.
    pub(super) fn folder(&self, manifest: &str) {
        let manifest = Manifest::parse(manifest).unwrap();
        self.intakes.set(&manifest, self.store.folder(&manifest));
    }

    /// The state after these lines.
    pub(super) fn after(&self, lines: &str) -> Snapshot {
        let mut intake = self.intakes.intake("demo").unwrap();
        intake.accept(lines.as_bytes(), &mut |_| panic!("text"));
        self.store.snapshot()
    }

    /// What an exporter of it reads.
    pub(super) fn feed(&self) -> Feed {
        Feed {
            store: Arc::clone(&self.store),
            host: Arc::new(Host { machine_id: "m".into(), upstream_id: "u".into(), hostname: "h".into() }),
            state_dir: PathBuf::new(),
            counters: AgentMetrics::new().unwrap().exporter("test"),
        }
    }
}
