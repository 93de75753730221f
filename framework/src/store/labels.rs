//! The labels of one series, compact and shared between the store, its snapshots and its records.

use std::sync::{Arc, OnceLock};

use super::layout::Layout;
use crate::enrich::{CONTAINER_LABELS, Container, Process};

/// Ends each value within [`Labels::own`]; no UTF-8 text contains it.
pub(super) const END: u8 = 0xff;

/// Bytes before the key in [`Labels::own`] that say how long it is.
const HEAD: usize = 4;

/// The label values of one series. Names come from the [`Layout`].
#[derive(Debug)]
pub struct Labels {
    /// Length of the key, key, labels: one block, since there is one per series.
    own: Box<[u8]>,
    process: Option<Arc<Process>>,
    container: Option<Arc<Container>>,
    text: OnceLock<Box<str>>,
}

/// Whom a series is about, where its table has a `tgid` or a `container_id`.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) process: Option<Arc<Process>>,
    pub(super) container: Option<Arc<Container>>,
}

impl About {
    /// True when both name the same, with the same labels; who is not known any more is taken to be as before.
    pub(super) fn is_as(&self, before: &Labels) -> bool {
        fn same<T>(now: Option<&Arc<T>>, before: Option<&Arc<T>>) -> bool {
            now.is_none_or(|now| before.is_some_and(|before| Arc::ptr_eq(now, before)))
        }
        same(self.process.as_ref(), before.process.as_ref())
            && same(self.container.as_ref(), before.container.as_ref())
    }
}

impl Labels {
    pub(super) fn new(key: &[u8], labels: &[u8], about: About) -> Self {
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_ne_bytes();
        let own = [&length, key, labels].concat().into_boxed_slice();
        Self { own, process: about.process, container: about.container, text: OnceLock::new() }
    }

    /// The same values about `about`.
    pub(super) fn about(&self, about: About) -> Self {
        Self {
            own: self.own.clone(),
            process: about.process,
            container: about.container,
            text: OnceLock::new(),
        }
    }

    fn key_end(&self) -> usize {
        let length = self.own.first_chunk::<HEAD>().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        HEAD + length as usize
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.own[HEAD..self.key_end()]
    }

    pub(super) fn changing(&self) -> &[u8] {
        &self.own[self.key_end()..]
    }

    /// True when both are labels of one series: the same key, about the same process.
    #[must_use]
    pub fn is_series_of(&self, other: &Self) -> bool {
        let same_process = match (&self.process, &other.process) {
            (Some(own), Some(others)) => own.is_same(others),
            _ => true,
        };
        self.key() == other.key() && same_process
    }

    /// The process that the series is about, where its table has a `tgid`.
    #[must_use]
    pub fn process(&self) -> Option<&Arc<Process>> {
        self.process.as_ref()
    }

    /// The container that the series is about: the one that the row names, else that of its process.
    #[must_use]
    pub fn container(&self) -> Option<&Arc<Container>> {
        self.container.as_ref().or_else(|| self.process.as_ref()?.container())
    }

    pub(super) fn now(&self) -> About {
        About { process: self.process.clone(), container: self.container.clone() }
    }

    pub(super) fn named_container(&self) -> Option<&Arc<Container>> {
        self.container.as_ref()
    }

    /// The table's own label values, keys first, in the order of [`Layout::label_names`]; empty = no label.
    pub fn own(&self) -> impl Iterator<Item = &str> {
        // The closing byte of each value yields one empty piece after the last.
        let own = &self.own[HEAD..];
        let count = own.iter().filter(|byte| **byte == END).count();
        own.split(|byte| *byte == END).take(count).map(|value| std::str::from_utf8(value).unwrap_or(""))
    }

    /// Calls `each` with every label of the series that is not empty: the table's own, those of its process, of its
    /// container and pod, the operator's for the probe, the global ones.
    pub fn each(&self, layout: &Layout, mut each: impl FnMut(&str, &str)) {
        for (name, value) in layout.label_names().zip(self.own()) {
            if !value.is_empty() {
                each(name, value);
            }
        }
        self.each_added(layout, each);
    }

    /// The same without the table's own labels.
    pub fn each_added(&self, layout: &Layout, mut each: impl FnMut(&str, &str)) {
        if let Some(process) = &self.process {
            process.each_label(layout.own_comm, layout.process_details, &mut each);
            layout.added.each_of_process(process, &mut each);
        }
        if let Some(container) = self.container() {
            let labels = container.labels(layout.pod_path);
            for ((name, value), own) in CONTAINER_LABELS.into_iter().zip(labels).zip(layout.own_container) {
                if !own && !value.is_empty() {
                    each(name, value);
                }
            }
            layout.added.each_of_pod(container, &mut each);
        }
        layout.added.each_custom(&mut each);
        for (name, value) in layout.globals.iter() {
            each(name, value);
        }
    }

    /// A slot for an exporter's rendering of the labels, made once and dropped with them.
    pub fn text(&self, render: impl FnOnce() -> Box<str>) -> &str {
        self.text.get_or_init(render)
    }
}
