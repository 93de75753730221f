//! What a run has shown, as a table per table or as JSON.

use std::time::Duration;

use gopher_protocol::manifest::Manifest;
use gopher_protocol::table::Table;
use serde_json::{Map, Value, json};

use super::End;
use super::tally::{Rows, Tally};
use crate::ctl::failure::Failure;
use crate::ctl::out::{Out, Style, columns, count, shown};

/// Most rows of a table that are shown to people.
const ROWS: usize = 40;

/// The outcome of a run.
pub(super) struct Report<'r> {
    /// What the probe said that it would write.
    pub(super) manifest: &'r Manifest,
    /// What it wrote.
    pub(super) tally: &'r Tally,
    /// How it ended.
    pub(super) end: End,
    /// How long it ran.
    pub(super) took: Duration,
}

impl Report<'_> {
    /// What is wrong, if anything is.
    pub(super) fn verdict(&self) -> Option<String> {
        match self.end {
            End::Itself(Some(78)) => {
                return Some("the probe says that it cannot work here (exit code 78)".into());
            }
            End::Itself(Some(0)) => {}
            End::Itself(Some(code)) => {
                return Some(format!("the probe ended by itself with exit code {code}"));
            }
            End::Itself(None) => return Some("the probe was killed by a signal".into()),
            End::Killed => return Some("the probe did not end when told to, and was killed".into()),
            End::Stopped => {}
        }
        if self.tally.rejections > 0 {
            return Some(format!("rejected: {}", count(self.tally.rejections, "line")));
        }
        let silent = self.tally.row_count() == 0 && !self.tally.answered;
        silent.then(|| "the probe wrote no row and did not say that it is ready".into())
    }

    /// Writes it.
    pub(super) fn write(&self, out: &Out) -> Result<(), Failure> {
        if out.json { out.value(&self.json()) } else { out.print(&self.text(out)) }
    }

    fn tables(&self) -> impl Iterator<Item = (&Table, &Rows)> {
        let tables = self.tally.rows.iter();
        tables.filter_map(|(index, rows)| Some((self.manifest.tables.get(*index)?.as_ref(), rows)))
    }

    fn text(&self, out: &Out) -> String {
        let mut text = String::new();
        for (table, rows) in self.tables() {
            text += &format!("{} -> {}\n", out.styled(Style::Bold, &table.name), metrics(table));
            text += &indented(&table_text(table, rows, out));
            if rows.count > ROWS as u64 {
                text += &format!("  … and {} more\n", count(rows.count - ROWS as u64, "row"));
            }
            text.push('\n');
        }
        for [entity, id, metric, severity, body] in &self.tally.events {
            text += &format!("event {severity} {entity} {id} {metric}: {}\n", shown(body));
        }
        for rejected in &self.tally.rejected {
            let line = if rejected.line.is_empty() { "(a line)" } else { &rejected.line };
            text +=
                &format!("{} {}\n  {}\n", out.styled(Style::Bad, "rejected"), rejected.reason, shown(line));
        }
        text + &self.summary(out)
    }

    fn summary(&self, out: &Out) -> String {
        let tally = self.tally;
        let end = match &self.end {
            End::Stopped => "then it stopped when told to".to_owned(),
            End::Killed => "then it was killed".to_owned(),
            End::Itself(Some(code)) => format!("then it ended with exit code {code}"),
            End::Itself(None) => "then a signal killed it".to_owned(),
        };
        let style = if self.verdict().is_some() { Style::Bad } else { Style::Good };
        let counts = format!(
            "{} of {}, {} rejected, {}, {} in {:.1} s",
            count(tally.row_count(), "row"),
            count(tally.rows.len() as u64, "table"),
            tally.rejections,
            count(tally.event_count, "event"),
            count(tally.text_lines, "line") + " of text",
            self.took.as_secs_f64(),
        );
        format!("{}; {end}\n", out.styled(style, &counts))
    }

    fn json(&self) -> Value {
        let row = |table: &Table, cells: &Vec<String>| {
            let fields = table.fields.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
            let fields: Map<_, _> =
                fields.map(|(field, cell)| (field.name.clone(), Value::from(cell.as_str()))).collect();
            json!({ "table": table.name, "fields": fields })
        };
        let rows: Vec<_> = self
            .tables()
            .flat_map(|(table, rows)| rows.kept.iter().map(move |cells| row(table, cells)))
            .collect();
        let rejected: Vec<_> =
            self.tally.rejected.iter().map(|r| json!({ "line": r.line, "reason": r.reason })).collect();
        let events = self.tally.events.iter().map(|[entity, id, metric, severity, body]| {
            json!({ "entity": entity, "entity_id": id, "metric": metric, "severity": severity, "body": body })
        });
        let (end, code) = match self.end {
            End::Stopped => ("stopped", None),
            End::Killed => ("killed", None),
            End::Itself(code) => ("itself", code),
        };
        json!({
            "folder": self.manifest.name, "rows": rows, "row_count": self.tally.row_count(),
            "rejected": rejected, "rejected_count": self.tally.rejections,
            "events": events.collect::<Vec<_>>(), "event_count": self.tally.event_count,
            "text_lines": self.tally.text_lines, "end": end, "exit_code": code, "problem": self.verdict(),
        })
    }
}

fn metrics(table: &Table) -> String {
    format!("gala_gopher_{}_…", table.entity)
}

/// Names of the fields, what they are, and the first rows.
fn table_text(table: &Table, rows: &Rows, out: &Out) -> String {
    let kind = |field: &gopher_protocol::table::Field| format!("{:?}", field.kind).to_lowercase();
    let heading: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
    let kinds: Vec<String> = table.fields.iter().map(kind).collect();
    let cells: Vec<_> = [kinds].into_iter().chain(rows.kept.iter().take(ROWS).cloned()).collect();
    columns(out, &heading, &cells)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
