//! A line of a probe's output to its fields, against the folder's tables. Text in, fields out; it stores nothing.

use crate::escape;
use crate::event::Event;
use crate::notice::{Capability, Lost, News};
use crate::reject::{Reason, Reject};
use crate::table::{Kind, Tables};

/// One decoded line.
#[derive(Debug)]
pub enum Line<'a> {
    /// A row of a table.
    Row(Row<'a>),
    /// An event.
    Event(Event<'a>),
    /// An OTel log line, `|log|…|`: its six fields.
    Log(Fields<'a>),
    /// The probe works.
    Ready,
    /// The configuration of this generation is in force.
    Applied(u64),
    /// How a capability works on this host.
    Capability(Capability<'a>),
    /// What the process lost before it could report it.
    Lost(Lost<'a>),
    /// Something happened to a process of the host.
    News(News),
}

/// A row whose field count fits its table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Index of the table within the folder's [`Tables`].
    pub table: usize,
    /// Values in table order.
    pub fields: Fields<'a>,
}

/// The fields of a line after the first, unescaped.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    text: &'a str,
    /// End of each field in `text`, the first field (the table's name) included.
    ends: &'a [u32],
    /// Bytes between two fields: 1 where `text` is the line itself, 0 where it was unescaped.
    gap: u32,
}

impl<'a> Fields<'a> {
    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// True for a line that is only a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of field `index` from 0, empty past the end. `(null)` reads as empty.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> &'a str {
        let (Some(from), Some(to)) = (self.ends.get(index), self.ends.get(index + 1)) else { return "" };
        let text = self.text.get((from + self.gap) as usize..*to as usize).unwrap_or("");
        if text == "(null)" { "" } else { text }
    }

    fn name(&self) -> &'a str {
        let from = self.gap as usize;
        self.ends.first().and_then(|to| self.text.get(from..*to as usize)).unwrap_or("")
    }

    fn start(&self, index: usize) -> usize {
        self.ends.get(index).map_or(self.text.len(), |end| (end + self.gap) as usize)
    }
}

/// Decodes lines; its buffers are reused, so that a line allocates nothing.
#[derive(Debug, Default)]
pub struct Decoder {
    ends: Vec<u32>,
    text: String,
    valid: String,
    last_table: usize,
    invalid_utf8: u64,
}

impl Decoder {
    /// A decoder with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one line without its newline. The caller has seen that it starts with `|`.
    ///
    /// # Errors
    /// [`Reject`] with the reason and place.
    pub fn decode<'a>(&'a mut self, tables: &Tables, line: &'a [u8]) -> Result<Line<'a>, Reject> {
        if let Ok(text) = std::str::from_utf8(line) {
            return self.decode_text(tables, text);
        }
        self.invalid_utf8 += 1;
        let mut valid = std::mem::take(&mut self.valid);
        valid.clear();
        for chunk in line.utf8_chunks() {
            valid.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                valid.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.split_escaped(&valid);
        self.valid = valid;
        let fields = Fields { text: &self.text, ends: &self.ends, gap: 0 };
        interpret(tables, &mut self.last_table, fields)
    }

    /// Decodes one line that is known to be UTF-8: the fast path of a caller that has checked a whole chunk.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    #[inline]
    pub fn decode_text<'a>(&'a mut self, tables: &Tables, line: &'a str) -> Result<Line<'a>, Reject> {
        let escaped = !self.split_plain(line.as_bytes());
        if escaped {
            self.split_escaped(line);
        }
        let (text, gap) = if escaped { (self.text.as_str(), 0) } else { (line, 1) };
        interpret(tables, &mut self.last_table, Fields { text, ends: &self.ends, gap })
    }

    /// How many lines held invalid UTF-8 so far.
    #[must_use]
    pub fn invalid_utf8(&self) -> u64 {
        self.invalid_utf8
    }

    fn split_escaped(&mut self, line: &str) {
        self.ends.clear();
        self.text.clear();
        escape::split_escaped(line, &mut self.text, &mut self.ends);
    }

    /// Notes the ends of all fields; false where the line has a backslash. Fields are a few bytes long: eight bytes at
    /// a time, one after another, are faster than a search from bar to bar.
    #[inline]
    fn split_plain(&mut self, line: &[u8]) -> bool {
        self.ends.clear();
        let (words, rest) = line.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        for (index, word) in words.iter().chain([&last]).enumerate() {
            let word = u64::from_le_bytes(*word);
            if escape::bytes_equal(word, b'\\') != 0 {
                return false;
            }
            let mut bars = escape::bytes_equal(word, b'|');
            if index == 0 {
                bars &= !0xff; // The bar that opens the line.
            }
            while bars != 0 {
                self.ends.push(escape::offset(index * 8) + bars.trailing_zeros() / 8);
                bars &= bars - 1;
            }
        }
        if line.last() != Some(&b'|') || line.len() == 1 {
            self.ends.push(escape::offset(line.len()));
        }
        true
    }
}

#[inline]
fn interpret<'a>(tables: &Tables, last: &mut usize, fields: Fields<'a>) -> Result<Line<'a>, Reject> {
    let name = fields.name();
    let Some(table) = tables.find(name, *last) else { return control(name, fields) };
    *last = table;
    let wanted = tables.all().get(table).map_or(0, |table| table.fields.len());
    let reason = match fields.len().cmp(&wanted) {
        std::cmp::Ordering::Less => Reason::TooFewFields,
        std::cmp::Ordering::Greater => Reason::TooManyFields,
        std::cmp::Ordering::Equal => return checked_row(tables, Row { table, fields }),
    };
    Err(reject(reason, fields, fields.len().min(wanted) + 1))
}

#[inline]
fn checked_row<'a>(tables: &Tables, row: Row<'a>) -> Result<Line<'a>, Reject> {
    let first_key =
        tables.all().get(row.table).and_then(|table| table.fields_where(|kind| kind == Kind::Key).next());
    match first_key {
        Some(index) if row.fields.get(index).is_empty() => {
            Err(reject(Reason::EmptyKey, row.fields, index + 1))
        }
        _ => Ok(Line::Row(row)),
    }
}

fn control<'a>(name: &str, fields: Fields<'a>) -> Result<Line<'a>, Reject> {
    let bad = |field: usize| reject(Reason::BadControl, fields, field + 1);
    match (name, fields.len()) {
        ("", _) => Err(reject(Reason::NoTable, fields, 0)),
        ("ready", 0) => Ok(Line::Ready),
        ("applied", 1) => match fields.get(0).parse() {
            Ok(generation) => Ok(Line::Applied(generation)),
            Err(_) => Err(bad(0)),
        },
        ("event", Event::FIELDS) => {
            Event::read(fields).map(Line::Event).map_err(|field| reject(Reason::BadEvent, fields, field + 1))
        }
        ("log", 6) => Ok(Line::Log(fields)),
        ("capability", Capability::FIELDS) => Capability::read(fields).map(Line::Capability).map_err(bad),
        ("lost", Lost::FIELDS) => Lost::read(fields).map(Line::Lost).map_err(bad),
        ("news", News::FIELDS) => News::read(fields).map(Line::News).map_err(bad),
        ("ready" | "applied" | "event" | "log" | "capability" | "lost" | "news", count) => {
            Err(reject(Reason::BadControl, fields, count))
        }
        _ => Err(reject(Reason::UnknownTable, fields, 0)),
    }
}

#[cold]
fn reject(reason: Reason, fields: Fields<'_>, field: usize) -> Reject {
    let table = fields.name().chars().take(64).collect();
    Reject { reason, table, field, byte: fields.start(field.saturating_sub(1)) }
}

#[cfg(test)]
mod tests;
