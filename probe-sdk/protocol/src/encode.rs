//! Rows to lines: what a probe writes.

use crate::MAX_LINE;
use crate::escape::escape;
use crate::histogram::Histogram;
use crate::number::Number;

/// Builds one line after another in a reused buffer.
#[derive(Debug, Default)]
pub struct LineWriter {
    line: Vec<u8>,
}

impl LineWriter {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a line for the table (or `event`, `ready`, `applied`), forgetting an unfinished one.
    pub fn begin(&mut self, table: &str) -> &mut Self {
        self.line.clear();
        self.line.push(b'|');
        self.text(table)
    }

    /// Appends a text field; an empty one is absent.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape(text, &mut self.line);
        self.close()
    }

    /// Appends a number; one that is not finite is absent.
    pub fn number(&mut self, number: impl Into<Number>) -> &mut Self {
        let number = number.into();
        if number.as_f64().is_finite() {
            number.write(&mut self.line);
        }
        self.close()
    }

    /// Appends a histogram.
    pub fn histogram(&mut self, histogram: &Histogram) -> &mut Self {
        histogram.write(&mut self.line);
        self.close()
    }

    /// Appends an absent field: the last value stays.
    pub fn absent(&mut self) -> &mut Self {
        self.close()
    }

    /// The whole line, its newline included; `None` when it is longer than [`MAX_LINE`].
    pub fn finish(&mut self) -> Option<&[u8]> {
        self.line.push(b'\n');
        (self.line.len() <= MAX_LINE).then_some(self.line.as_slice())
    }

    fn close(&mut self) -> &mut Self {
        self.line.push(b'|');
        self
    }
}
