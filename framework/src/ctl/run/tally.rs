//! What a probe wrote in a run: rows by table, events, and each line or field that was refused.

use std::collections::BTreeMap;

use gopher_protocol::decode::{Decoder, Fields, Line};
use gopher_protocol::event::Event;
use gopher_protocol::manifest::Manifest;
use gopher_protocol::reject::Reason;
use gopher_protocol::table::{Table, Tables};

/// Most rows of a table, events and refused lines that are kept to be shown; more are counted.
const KEPT: usize = 1000;
/// Most bytes of a refused line that are kept.
const LINE: usize = 200;

/// A line, or a field of a row, that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// The line, or as much of it as is worth showing.
    pub(super) line: String,
    /// Why.
    pub(super) reason: String,
}

/// Rows of one table.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// The first rows, a cell for each field.
    pub(super) kept: Vec<Vec<String>>,
    /// All rows.
    pub(super) count: u64,
}

/// What was written so far.
#[derive(Debug)]
pub(super) struct Tally {
    tables: Tables,
    decoder: Decoder,
    /// By the table's index.
    pub(super) rows: BTreeMap<usize, Rows>,
    /// The first refused lines and fields.
    pub(super) rejected: Vec<Rejected>,
    /// All refused lines and fields.
    pub(super) rejections: u64,
    /// The first events: entity, its id, metric, severity, text.
    pub(super) events: Vec<[String; 5]>,
    /// All events and log lines.
    pub(super) event_count: u64,
    /// Lines that are no rows, the last ones.
    pub(super) text_lines: u64,
    /// It said `|ready|` or `|applied|`.
    pub(super) answered: bool,
}

impl Tally {
    pub(super) fn new(manifest: &Manifest) -> Self {
        Self {
            tables: manifest.tables(),
            decoder: Decoder::new(),
            rows: BTreeMap::new(),
            rejected: Vec::new(),
            rejections: 0,
            events: Vec::new(),
            event_count: 0,
            text_lines: 0,
            answered: false,
        }
    }

    /// All rows of all tables.
    pub(super) fn row_count(&self) -> u64 {
        self.rows.values().map(|rows| rows.count).sum()
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: &[u8]) {
        if line.first() != Some(&b'|') {
            self.text_lines += 1;
            eprintln!("probe says: {}", super::shown(&String::from_utf8_lossy(line)));
            return;
        }
        let mut refused = Vec::new();
        match self.decoder.decode(&self.tables, line) {
            Err(reject) => refused.push(reject.to_string()),
            Ok(Line::Ready | Line::Applied(_) | Line::Capability(_) | Line::Lost(_) | Line::News(_)) => {
                self.answered = true;
            }
            Ok(Line::Log(_)) => self.event_count += 1,
            Ok(Line::Event(event)) => {
                self.event_count += 1;
                if self.events.len() < KEPT {
                    self.events.push(cells(&event));
                }
            }
            Ok(Line::Row(row)) => {
                let rows = self.rows.entry(row.table).or_default();
                rows.count += 1;
                if let Some(table) = self.tables.all().get(row.table) {
                    refused = bad_fields(table, &row.fields);
                }
                if rows.kept.len() < KEPT {
                    rows.kept.push((0..row.fields.len()).map(|at| row.fields.get(at).to_owned()).collect());
                }
            }
        }
        for reason in refused {
            self.refuse(line, reason);
        }
    }

    /// Takes a line that was too long to be read.
    pub(super) fn too_long(&mut self) {
        self.refuse(b"", Reason::TooLong.label().to_owned());
    }

    fn refuse(&mut self, line: &[u8], reason: String) {
        self.rejections += 1;
        if self.rejected.len() < KEPT {
            let line = line.get(..LINE).unwrap_or(line);
            self.rejected.push(Rejected { line: String::from_utf8_lossy(line).into_owned(), reason });
        }
    }
}

/// Why fields of a good row are refused, each with its name.
fn bad_fields(table: &Table, fields: &Fields<'_>) -> Vec<String> {
    let filled = table.fields.iter().enumerate().filter(|(at, _)| !fields.get(*at).is_empty());
    let bad = filled.filter_map(|(at, field)| {
        let reason = field.kind.check(fields.get(at)).err()?;
        Some(format!(
            "{}: table `{}`, field `{}`; the rest of the row is kept",
            reason.label(),
            table.name,
            field.name
        ))
    });
    bad.collect()
}

fn cells(event: &Event<'_>) -> [String; 5] {
    [event.entity, event.entity_id, event.metric, event.severity_text, event.body].map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["x"]
[[probe]]
name = "demo"
summary = "s"
[[table]]
name = "t"
entity = "e"
fields = [
  { name = "k", type = "key", help = "Key." },
  { name = "v", type = "gauge", help = "Value." },
]
"#;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::new(&Manifest::parse(MANIFEST).unwrap());
        lines.iter().for_each(|line| tally.line(line.as_bytes()));
        tally
    }

    #[test]
    fn every_line_ends_in_one_place() {
        let tally = tally(&[
            "|ready|",
            "|t|a|1|",
            "|t|b||",
            "text",
            "|x|1|",
            "|t|a|",
            "|event|a|b|c|||||||WARN|13|d|",
        ]);
        assert_eq!((tally.row_count(), tally.rejections, tally.event_count, tally.text_lines), (2, 2, 1, 1));
        assert!(tally.answered);
        let reasons: Vec<_> = tally.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
        assert!(
            reasons[0].starts_with("unknown_table") && reasons[1].starts_with("too_few_fields"),
            "{reasons:?}"
        );
    }

    #[test]
    fn a_bad_field_is_named_and_its_row_kept() {
        let tally = tally(&["|t|a|many|"]);
        assert_eq!((tally.row_count(), tally.rejections), (1, 1));
        assert!(tally.rejected[0].reason.contains("not_a_number: table `t`, field `v`"));
    }
}
