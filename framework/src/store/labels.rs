//! The labels of one series, compact and shared between the store, its snapshots and its records.

use std::sync::{Arc, OnceLock};

use super::layout::Layout;
use crate::enrich::Process;

/// Ends each value within [`Labels::own`]; no UTF-8 text contains it.
pub(super) const END: u8 = 0xff;

/// The label values of one series. Names come from the [`Layout`].
#[derive(Debug)]
pub struct Labels {
    own: Box<[u8]>,
    key_len: u32,
    process: Option<Arc<Process>>,
    text: OnceLock<Box<str>>,
}

impl Labels {
    pub(super) fn new(key: &[u8], labels: &[u8], process: Option<Arc<Process>>) -> Self {
        let own = [key, labels].concat().into_boxed_slice();
        Self { own, key_len: u32::try_from(key.len()).unwrap_or(u32::MAX), process, text: OnceLock::new() }
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.own[..self.key_len as usize]
    }

    pub(super) fn changing(&self) -> &[u8] {
        &self.own[self.key_len as usize..]
    }

    /// The process that the series is about, where its table has a `tgid`.
    #[must_use]
    pub fn process(&self) -> Option<&Arc<Process>> {
        self.process.as_ref()
    }

    /// The table's own label values, keys first, in the order of [`Layout::label_names`]; empty = no label.
    pub fn own(&self) -> impl Iterator<Item = &str> {
        // The closing byte of each value yields one empty piece after the last.
        let count = self.own.iter().filter(|byte| **byte == END).count();
        self.own.split(|byte| *byte == END).take(count).map(|value| std::str::from_utf8(value).unwrap_or(""))
    }

    /// Calls `each` with every label of the series that is not empty: the table's own, then those of its process,
    /// then the global ones.
    pub fn each(&self, layout: &Layout, mut each: impl FnMut(&str, &str)) {
        for (name, value) in layout.label_names().zip(self.own()) {
            if !value.is_empty() {
                each(name, value);
            }
        }
        if let Some(process) = &self.process {
            process.each_label(layout.own_comm, layout.process_details, &mut each);
        }
        for (name, value) in layout.globals.iter() {
            each(name, value);
        }
    }

    /// A slot for an exporter's rendering of the labels, made once and dropped with them.
    pub fn text(&self, render: impl FnOnce() -> Box<str>) -> &str {
        self.text.get_or_init(render)
    }
}
