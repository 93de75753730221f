//! `table` and `config diff`: what a running agent knows.

use serde_json::Value;

use super::failure::Failure;
use super::out::{Out, Style, columns};
use super::probes::{array, text};
use crate::control::client::Client;

/// Shows all tables, or the fields of one.
pub(super) fn tables(client: &Client, name: Option<&str>, out: &Out) -> Result<(), Failure> {
    let found = client.get("/tables")?;
    let all = array(&found, "tables");
    let chosen: Vec<&Value> =
        all.iter().filter(|table| name.is_none_or(|name| text(table, "name") == name)).collect();
    if let Some(name) = name.filter(|_| chosen.is_empty()) {
        return Err(Failure::Failed(format!("there is no table {name}; gopher-ctl table lists them")));
    }
    if out.json {
        return out.value(&chosen);
    }
    if name.is_none() {
        let row = |table: &&Value| {
            let fields = array(table, "fields").len().to_string();
            vec![text(table, "name"), text(table, "probe"), text(table, "entity"), fields]
        };
        let rows: Vec<_> = chosen.iter().map(row).collect();
        return out.print(&columns(out, &["TABLE", "PROBE", "ENTITY", "FIELDS"], &rows));
    }
    let row = |field: &Value| {
        ["name", "type", "unit", "item", "metric", "help"].map(|key| text(field, key)).to_vec()
    };
    let rows: Vec<_> = chosen.iter().flat_map(|table| array(table, "fields")).map(row).collect();
    out.print(&columns(out, &["FIELD", "TYPE", "UNIT", "ITEM", "METRIC", "HELP"], &rows))
}

/// Shows what the configuration file says otherwise than what holds.
pub(super) fn differences(client: &Client, out: &Out) -> Result<(), Failure> {
    let found = client.get("/config")?;
    if out.json {
        return out.value(&found);
    }
    let problem = text(&found, "problem");
    if !problem.is_empty() {
        out.line(&format!("{} {problem}", out.styled(Style::Bad, "the file cannot be read:")))?;
    }
    let row = |change: &Value| ["key", "file", "running", "why"].map(|name| text(change, name)).to_vec();
    let rows: Vec<_> = array(&found, "differences").iter().map(row).collect();
    if rows.is_empty() {
        return out.line(&format!("{}: what it says holds", text(&found, "file")));
    }
    out.print(&columns(out, &["KEY", "FILE", "RUNNING", "WHY"], &rows))
}
