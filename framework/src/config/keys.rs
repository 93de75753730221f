//! The one table of keys: name, document, accepted values and the field behind each.

use std::time::Duration;

use super::containers;
use super::control;
use super::events;
use super::export;
use super::kind::{Field, Kind, Value};
use super::model::{Config, ProbeConfig};
use super::rules::Rule;
pub use super::scope::SCOPE;
use super::setting::{LOG_FORMATS, LOG_LEVELS, PROBE_STATES, Setting, assign};

/// A section of `gala-gopher.conf` with fixed keys.
pub struct Section {
    /// Its dotted name.
    pub name: &'static str,
    /// What it is about.
    pub doc: &'static str,
    /// Its keys in the order of the default file.
    pub keys: &'static [Key<Config>],
    /// What no key can tell alone: keys of the section with what is wrong about them.
    pub check: fn(&Config) -> Vec<(&'static str, String)>,
}

/// A key whose value lives in a field of `T`.
pub struct Key<T> {
    /// Name, document and accepted values.
    pub field: Field,
    /// Whether a change waits for the next start of the agent.
    pub restart: bool,
    /// The environment variable that gives the default where it is set.
    pub env: Option<&'static str>,
    /// The value now.
    pub get: fn(&T) -> Value,
    /// Sets the value, which must be of the key's kind.
    pub set: fn(&mut T, Value),
}

/// `key!(name, a.b, kind, "doc")`: the key `name` lives in the field `a.b`; after the document, fields of `Key`
/// that differ from the usual.
macro_rules! key {
    ($name:literal, $($field:ident).+, $kind:expr, $doc:expr $(, $other:ident: $value:expr)*) => {
        Key {
            $($other: $value,)*
            ..Key {
                field: Field { name: $name, doc: $doc, kind: $kind, required: false },
                restart: false,
                env: None,
                get: |from| from.$($field).+.to_value(),
                set: |into, value| assign(&mut into.$($field).+, value),
            }
        }
    };
}

pub(super) use key;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const PATH: Kind = Kind::Text(Rule::Path);
pub(super) const PATHS: Kind = Kind::List(&Kind::Text(Rule::Path));
pub(super) const PATTERNS: Kind = Kind::List(&Kind::Text(Rule::MetricPattern));

/// The sections with fixed keys, in the order of the default file.
pub const SECTIONS: &[Section] = &[
    plain("agent", "Where the agent lives and how it speaks.", AGENT),
    plain("folders", "Where probe folders are looked for; all are watched.", FOLDERS),
    plain("store", "How long series live and how many there may be.", STORE),
    containers::SECTION,
    control::SECTION,
    events::SECTION,
    export::prometheus::SECTION,
    export::kafka::SECTION,
    export::otlp::SECTION,
    export::remote_write::SECTION,
    export::logs::SECTION,
];

/// A section whose keys do not depend on each other.
const fn plain(name: &'static str, doc: &'static str, keys: &'static [Key<Config>]) -> Section {
    Section { name, doc, keys, check: |_| Vec::new() }
}

const AGENT: &[Key<Config>] = &[
    key!("run_dir", agent.run_dir, PATH, "Lock file and sockets. A change waits for a restart.", restart: true),
    key!(
        "state_dir",
        agent.state_dir,
        PATH,
        "What must survive a restart of the agent. A change waits for a restart.",
        restart: true
    ),
    key!("log_level", agent.log_level, Kind::Choice(LOG_LEVELS), "Least severe lines that are logged."),
    key!(
        "log_format",
        agent.log_format,
        Kind::Choice(LOG_FORMATS),
        "Shape of a log line. A change waits for a restart.",
        restart: true
    ),
    key!(
        "hostname",
        agent.hostname,
        Kind::Text(Rule::Hostname),
        "Value of the label hostname; empty = the host's own name. A change waits for a restart.",
        restart: true
    ),
    key!(
        "labels",
        agent.labels,
        Kind::Map(Rule::Label, Rule::Any),
        "Labels added to every series, such as { site = \"north\" }; a probe's own label of that name wins. \
         A change waits for a restart.",
        restart: true
    ),
    key!(
        "probe_user",
        agent.probe_user,
        Kind::Text(Rule::User),
        "User that all probes run as when the agent is root. A change waits for a restart.",
        restart: true
    ),
    key!(
        "host_path",
        agent.host_path,
        PATH,
        "Where the host's root directory is seen; in a container the mount of the host, such as \"/host\". \
         Without this key the environment variable GOPHER_HOST_PATH holds. A change waits for a restart.",
        restart: true,
        env: Some("GOPHER_HOST_PATH")
    ),
];

const FOLDERS: &[Key<Config>] = &[
    key!("probes", folders.probes, PATHS, "Folders that hold the built-in probe folders."),
    key!(
        "extend",
        folders.extend,
        PATHS,
        "Folders that hold probe folders of others; one that is missing may appear later."
    ),
    key!(
        "extend_privileges",
        folders.extend_privileges,
        Kind::List(&Kind::Text(Rule::Capability)),
        "Capabilities that extend probes may ask for; one that asks for more is refused."
    ),
];

const STORE: &[Key<Config>] = &[
    key!(
        "record_timeout",
        store.record_timeout,
        Kind::Duration(SECOND, DAY),
        "A series ends this long after its last row, or after 2.5 report periods of its probe if that is longer."
    ),
    key!(
        "series_per_table",
        store.series_per_table,
        Kind::Integer(1, 100_000_000),
        "Most series of one table; rows of further ones are dropped and counted."
    ),
    key!(
        "series_total",
        store.series_total,
        Kind::Integer(1, 100_000_000),
        "Most series of all tables together; rows of further ones are dropped and counted."
    ),
];

/// The keys of a `[probe.NAME]` section.
pub const PROBE: &[Key<ProbeConfig>] = &[
    key!(
        "state",
        state,
        Kind::Choice(PROBE_STATES),
        "\"running\", \"stopped\", or \"auto\": as the probe's manifest says."
    ),
    key!(
        "items",
        items,
        Kind::List(&Kind::Text(Rule::Item)),
        "Items that are on; without this key all are. The probe's README names them."
    ),
    key!("params", params, Kind::Params, "Parameters in the units that the probe's README gives."),
    key!(
        "scope",
        scope,
        Kind::Record(SCOPE),
        "What the probe observes; without it the whitelist in gala-gopher-app.conf holds."
    ),
];
