//! What a probe observes, in `[probe.NAME]` and, at the top level, in the whitelist file.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{Field, Kind, Value};
use super::rules::Rule;
use super::setting::{Setting, entries_of, take};

/// What a probe observes, and the labels that this adds to its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Everything on the host.
    pub all: bool,
    /// What is observed: the union of what these select.
    pub select: Selectors,
    /// What is not observed, whatever else selects it.
    pub exclude: Selectors,
    /// Keys of pod labels that become labels of rows.
    pub pod_labels: Vec<String>,
    /// Labels of all rows of the probe.
    pub custom_labels: BTreeMap<String, String>,
}

/// Ways to select processes and containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors {
    /// Processes by id.
    pub proc_id: Vec<u32>,
    /// Processes by name, found anew whenever one starts or changes its name.
    pub proc_name: Vec<ProcName>,
    /// Containers by the beginning of their id, 12 hexadecimal digits or more.
    pub container_id: Vec<String>,
    /// Containers by name.
    pub container_name: Vec<String>,
    /// Containers by the uid of their pod, with or without dashes.
    pub pod_id: Vec<String>,
}

/// A pattern for processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcName {
    /// Regular expression searched in the process's name (`/proc/PID/comm`).
    pub comm: String,
    /// Text that the command line contains; empty = any.
    pub cmdline: String,
    /// Labels of the rows about these processes; the first pattern that fits gives them.
    pub label: BTreeMap<String, String>,
}

impl Scope {
    /// Whether anything says what to observe.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.all || self.select != Selectors::default()
    }

    /// What holds for a probe with this scope of its own: where it does not say what to observe, or which labels, the
    /// whitelist does.
    #[must_use]
    pub(super) fn over(&self, whitelist: Option<&Self>) -> Self {
        let mut scope = self.clone();
        let Some(whitelist) = whitelist else { return scope };
        if !scope.selects() {
            (scope.all, scope.select) = (whitelist.all, whitelist.select.clone());
            if scope.exclude == Selectors::default() {
                scope.exclude.clone_from(&whitelist.exclude);
            }
        }
        if scope.pod_labels.is_empty() {
            scope.pod_labels.clone_from(&whitelist.pod_labels);
        }
        if scope.custom_labels.is_empty() {
            scope.custom_labels.clone_from(&whitelist.custom_labels);
        }
        scope
    }
}

const fn field(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, doc, kind, required: false }
}

const ALL: Field = field("all", Kind::Bool, "Everything on the host.");
const PROC_ID: Field = field("proc_id", Kind::List(&Kind::Integer(1, 4_194_304)), "Processes by id.");
const PROC_NAMES: Field = field(
    "proc_name",
    Kind::List(&Kind::Record(PROC_NAME)),
    "Processes by name: comm is a regular expression searched in the process's name, \
     cmdline a text that its command line contains; label, such as { role = \"db\" }, is added to their rows.",
);
const CONTAINER_ID: Field = field(
    "container_id",
    Kind::List(&Kind::Text(Rule::ContainerId)),
    "Containers by id, or by its first 12 digits or more.",
);
const CONTAINER_NAME: Field = field(
    "container_name",
    Kind::List(&Kind::Text(Rule::ContainerName)),
    "Containers by the name that their runtime knows them by.",
);
const POD_ID: Field =
    field("pod_id", Kind::List(&Kind::Text(Rule::PodId)), "Containers by the uid of their pod.");

/// The keys of a scope.
pub const SCOPE: &[Field] = &[
    ALL,
    PROC_ID,
    PROC_NAMES,
    CONTAINER_ID,
    CONTAINER_NAME,
    POD_ID,
    field(
        "exclude",
        Kind::Record(SELECTORS),
        "What is not observed, by the keys above from proc_id on, whatever else selects it.",
    ),
    field(
        "pod_labels",
        Kind::List(&Kind::Text(Rule::PodLabel)),
        "Keys of pod labels that become labels of the rows about processes in pods.",
    ),
    field(
        "custom_labels",
        Kind::Map(Rule::Label, Rule::Any),
        "Labels of all rows of the probe; one that the agent or the table has already wins.",
    ),
];

pub(super) const SELECTORS: &[Field] = &[PROC_ID, PROC_NAMES, CONTAINER_ID, CONTAINER_NAME, POD_ID];

const PROC_NAME: &[Field] = &[
    Field {
        name: "comm",
        doc: "Regular expression searched in the process's name.",
        kind: Kind::Text(Rule::Regex),
        required: true,
    },
    field("cmdline", Kind::Text(Rule::Any), "Text that the command line contains."),
    field("label", Kind::Map(Rule::Label, Rule::Any), "Labels of the rows about these processes."),
];

/// A scope that says nothing is none.
impl Setting for Option<Scope> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or_else(|| Value::Table(BTreeMap::new()), Scope::to_value)
    }
    fn from_value(value: Value) -> Option<Self> {
        Scope::from_value(value).map(|scope| (scope != Scope::default()).then_some(scope))
    }
}

impl Setting for Scope {
    fn to_value(&self) -> Value {
        let mut entries = self.select.entries();
        put(&mut entries, "all", &self.all);
        put(&mut entries, "exclude", &self.exclude);
        put(&mut entries, "pod_labels", &self.pod_labels);
        put(&mut entries, "custom_labels", &self.custom_labels);
        Value::Table(entries)
    }
    fn from_value(value: Value) -> Option<Self> {
        let mut entries = entries_of(value)?;
        Some(Self {
            all: take(&mut entries, "all")?,
            exclude: take(&mut entries, "exclude")?,
            pod_labels: take(&mut entries, "pod_labels")?,
            custom_labels: take(&mut entries, "custom_labels")?,
            select: Selectors::from_value(Value::Table(entries))?,
        })
    }
}

impl Selectors {
    fn entries(&self) -> BTreeMap<String, Value> {
        let mut entries = BTreeMap::new();
        put(&mut entries, "proc_id", &self.proc_id);
        put(&mut entries, "proc_name", &self.proc_name);
        put(&mut entries, "container_id", &self.container_id);
        put(&mut entries, "container_name", &self.container_name);
        put(&mut entries, "pod_id", &self.pod_id);
        entries
    }
}

impl Setting for Selectors {
    fn to_value(&self) -> Value {
        Value::Table(self.entries())
    }
    fn from_value(value: Value) -> Option<Self> {
        let mut entries = entries_of(value)?;
        let mut proc_id: Vec<u32> = take(&mut entries, "proc_id")?;
        let mut seen = BTreeSet::new();
        proc_id.retain(|id| seen.insert(*id));
        Some(Self {
            proc_id,
            proc_name: take(&mut entries, "proc_name")?,
            container_id: take(&mut entries, "container_id")?,
            container_name: take(&mut entries, "container_name")?,
            pod_id: take(&mut entries, "pod_id")?,
        })
    }
}

impl Setting for ProcName {
    fn to_value(&self) -> Value {
        let mut entries = BTreeMap::new();
        put(&mut entries, "comm", &self.comm);
        put(&mut entries, "cmdline", &self.cmdline);
        put(&mut entries, "label", &self.label);
        Value::Table(entries)
    }
    fn from_value(value: Value) -> Option<Self> {
        let mut entries = entries_of(value)?;
        Some(Self {
            comm: take(&mut entries, "comm")?,
            cmdline: take(&mut entries, "cmdline")?,
            label: take(&mut entries, "label")?,
        })
    }
}

/// An entry that differs from its default; the others are left out.
fn put<S: Setting + Default + PartialEq>(entries: &mut BTreeMap<String, Value>, name: &str, setting: &S) {
    if *setting != S::default() {
        entries.insert(name.to_owned(), setting.to_value());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load::parse_whitelist;

    fn scope(text: &str) -> Scope {
        parse_whitelist(text, Path::new("app")).unwrap().unwrap_or_default()
    }

    #[test]
    fn every_key_gives_back_what_it_was_given() {
        let scope = scope(
            "all = true\nproc_id = [7]\nproc_name = [{ comm = \"my prog\", cmdline = \"-g\", label = { role = \"x\" } }]\n\
             container_id = [\"0123456789ab\"]\ncontainer_name = [\"web.1\"]\n\
             pod_id = [\"12345678-1234-1234-1234-123456789abc\"]\npod_labels = [\"app.kubernetes.io/name\"]\n\
             custom_labels = { site = \"n\" }\nexclude = { proc_id = [8], container_name = [\"db\"] }\n",
        );
        assert_eq!(Scope::from_value(scope.to_value()), Some(scope.clone()));
        assert_eq!(scope.exclude.container_name, ["db"]);
    }

    #[test]
    fn a_scope_with_labels_alone_observes_what_the_whitelist_says() {
        let whitelist = scope("proc_id = [7]\ncustom_labels = { a = \"1\" }");
        let own = scope("custom_labels = { b = \"2\" }").over(Some(&whitelist));
        assert_eq!(own.select.proc_id, [7]);
        assert_eq!(own.custom_labels.keys().collect::<Vec<_>>(), ["b"]);
        let own = scope("container_name = [\"x\"]").over(Some(&whitelist));
        assert!(own.select.proc_id.is_empty() && own.custom_labels.contains_key("a"));
    }

    #[test]
    fn ids_and_names_that_cannot_be_are_refused() {
        for text in [
            "container_id = [\"0123456789a\"]",
            "container_id = [\"0123456789xy\"]",
            "container_name = [\"a b\"]",
            "pod_id = [\"1234\"]",
            "pod_labels = [\"a b\"]",
            "custom_labels = { \"9a\" = \"x\" }",
            "exclude = { all = true }",
        ] {
            assert!(parse_whitelist(text, Path::new("app")).is_err(), "{text}");
        }
    }
}
