//! `probe.toml` as serde reads it, with the places of what the check may complain about.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{Feeds, Reconfigure, ScopeKind};
use crate::table::Kind;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) protocol: Spanned<u32>,
    pub(super) name: Spanned<String>,
    pub(super) exec: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) reconfigure: Reconfigure,
    pub(super) feeds: Option<Feeds>,
    #[serde(default)]
    pub(super) privileges: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) optional_privileges: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) probe: Vec<Probe>,
    #[serde(default)]
    pub(super) table: Vec<Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) memory: Option<Spanned<String>>,
    pub(super) cpu: Option<Spanned<String>>,
    pub(super) rows_per_second: Option<Spanned<u32>>,
    pub(super) series: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) name: Spanned<String>,
    pub(super) summary: String,
    #[serde(default)]
    pub(super) autostart: bool,
    #[serde(default)]
    pub(super) scope: Vec<ScopeKind>,
    #[serde(default)]
    pub(super) item: Vec<Item>,
    #[serde(default)]
    pub(super) params: BTreeMap<Spanned<String>, Param>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) name: Spanned<String>,
    pub(super) summary: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Param {
    pub(super) default: Value,
    pub(super) range: Option<(f64, f64)>,
    #[serde(default)]
    pub(super) choices: Vec<String>,
    pub(super) unit: Option<String>,
    #[serde(default)]
    pub(super) summary: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) name: Spanned<String>,
    pub(super) probe: Option<Spanned<String>>,
    pub(super) entity: Spanned<String>,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) name: Spanned<String>,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) unit: Option<String>,
    pub(super) item: Option<Spanned<String>>,
    pub(super) help: Spanned<String>,
    #[serde(default)]
    pub(super) upstream_only: bool,
}
