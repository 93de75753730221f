//! `table`, `config diff` and `events`: what a running agent knows.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, SystemTime};

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

/// Shows the latest events, `count` at most, with `follow` all those to come too, until nobody reads.
pub(super) fn events(client: &Client, follow: bool, count: Option<usize>, out: &Out) -> Result<(), Failure> {
    let show = |line: &str| if out.json { out.line(line) } else { out.line(&event(line, out)) };
    let mut latest = VecDeque::new();
    // An empty line stands between the latest and those to come.
    let mut keeps = count;
    let mut failed = None;
    let followed = client.follow(if follow { "/events?follow=true" } else { "/events" }, |line| {
        let shown = match keeps {
            Some(_) if line.is_empty() => {
                keeps = None;
                latest.drain(..).try_for_each(|line: String| show(&line))
            }
            Some(count) => {
                latest.push_back(line.to_owned());
                if latest.len() > count {
                    latest.pop_front();
                }
                Ok(())
            }
            None if line.is_empty() => Ok(()),
            None => show(line),
        };
        shown.map_err(|failure| {
            failed = Some(failure);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    });
    failed.map_or(Ok(()), Err)?;
    followed?;
    latest.iter().try_for_each(|line| show(line))
}

/// The end of the year 9999; there is no way to write what comes later.
const LAST: u64 = 253_402_300_799_999;

/// Milliseconds since 1970 as people write them.
fn moment(milliseconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds.min(LAST)))
}

/// An event on one line.
fn event(line: &str, out: &Out) -> String {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    if let Some(dropped) = event["dropped"].as_u64() {
        return out.styled(Style::Bad, &format!("{dropped} events came too fast to be shown"));
    }
    let severity = text(&event, "severity");
    let style = if severity == "INFO" { Style::Faint } else { Style::Bad };
    format!(
        "{} {} {} {} {}: {}",
        moment(event["time"].as_u64().unwrap_or_default()),
        out.styled(style, &severity),
        text(&event, "entity"),
        text(&event, "entity_id"),
        text(&event, "metric"),
        text(&event, "body").replace(char::is_control, " "),
    )
}
