//! A whole scrape: the cached text of all tables, joined by family, and the agent's own metrics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::families::Family;
use super::filter::Filter;
use super::format::{Exposition, Format};
use super::gzip::{self, Part};
use super::render::RenderedTable;
use super::{own, upstream};
use crate::clock::{mono_ms, unix_ms};
use crate::store::{Snapshot, Store, TableSnapshot};
use crate::sync::lock;
use crate::telemetry::AgentMetrics;

/// Texts from this size on are sent as they are, smaller ones are joined.
const FRAME: usize = 16 * 1024;

/// What follows the ready frames of a page, made when its turn comes.
pub type Rest = Box<dyn FnOnce() -> Bytes + Send>;

/// The answer to one scrape.
pub struct Page {
    /// The text, or its gzip form, piece by piece.
    pub frames: Vec<Bytes>,
    /// The agent's own metrics where they are not in the frames yet: the first byte does not wait for them.
    pub rest: Option<Rest>,
    /// True when the frames are gzip.
    pub gzip: bool,
}

/// Makes pages; what has not changed is not made again.
#[derive(Debug)]
pub struct Pages {
    store: Arc<Store>,
    metrics: AgentMetrics,
    exposition: Exposition,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    filter: Filter,
    tables: HashMap<u64, Arc<RenderedTable>>,
    /// The tables and versions that `joined` and `packed` were made from.
    versions: Vec<(u64, u64)>,
    joined: HashMap<Format, Arc<[Bytes]>>,
    packed: HashMap<Format, Arc<Part>>,
}

impl Pages {
    /// Over the store, in one exposition.
    #[must_use]
    pub fn new(store: Arc<Store>, metrics: AgentMetrics, exposition: Exposition, filter: Filter) -> Self {
        let cache = Cache { filter, ..Cache::default() };
        Self { store, metrics, exposition, cache: Mutex::new(cache) }
    }

    /// Shows other metrics from the next page on.
    pub fn set_filter(&self, filter: Filter) {
        let mut cache = lock(&self.cache);
        if cache.filter != filter {
            *cache = Cache { filter, ..Cache::default() };
        }
    }

    /// The exposition that the pages are in.
    #[must_use]
    pub fn exposition(&self) -> Exposition {
        self.exposition
    }

    /// The page as of now. It takes a copy of each table that has changed and renders that, so it may work for some
    /// milliseconds per 10,000 series; unchanged tables cost nothing.
    ///
    /// # Errors
    /// None in practice: compressing into memory.
    pub fn page(self: &Arc<Self>, format: Format, gzip: bool) -> std::io::Result<Page> {
        let snapshot = self.store.snapshot();
        let mut cache = lock(&self.cache);
        let tables = self.tables(&mut cache, &snapshot, format);
        if !gzip {
            drop(cache);
            let pages = Arc::clone(self);
            let rest: Rest = Box::new(move || pages.own(format));
            return Ok(Page { frames: tables.to_vec(), rest: Some(rest), gzip });
        }
        let packed = match cache.packed.get(&format) {
            Some(packed) => Arc::clone(packed),
            None => Arc::new(Part::compress(&tables, false)?),
        };
        cache.packed.insert(format, Arc::clone(&packed));
        drop(cache);
        let own = Part::compress(&[self.own(format)], true)?;
        Ok(Page { frames: gzip::member(&packed, &own), rest: None, gzip })
    }

    /// Whether [`Self::page`] would find everything ready.
    #[must_use]
    pub fn is_cached(&self, format: Format, gzip: bool) -> bool {
        let snapshot = self.store.snapshot();
        let cache = lock(&self.cache);
        cache.versions == versions(&snapshot)
            && cache.joined.contains_key(&format)
            && (!gzip || cache.packed.contains_key(&format))
    }

    fn tables(&self, cache: &mut Cache, snapshot: &Snapshot, format: Format) -> Arc<[Bytes]> {
        let versions = versions(snapshot);
        if cache.versions != versions {
            cache.versions = versions;
            cache.joined.clear();
            cache.packed.clear();
        }
        if let Some(joined) = cache.joined.get(&format) {
            return Arc::clone(joined);
        }
        let joined: Arc<[Bytes]> = match self.exposition {
            Exposition::Modern => {
                let rendered: Vec<_> =
                    snapshot.tables.iter().map(|table| self.rendered(cache, table)).collect();
                cache.tables.retain(|id, _| snapshot.tables.iter().any(|table| table.id == *id));
                join(&rendered, format).into()
            }
            Exposition::Upstream => {
                let wall = unix_ms().saturating_sub(mono_ms());
                let texts = snapshot.tables.iter().map(|table| upstream::render(table, &cache.filter, wall));
                texts.collect::<Vec<_>>().into()
            }
        };
        cache.joined.insert(format, Arc::clone(&joined));
        joined
    }

    fn rendered(&self, cache: &mut Cache, table: &TableSnapshot) -> Arc<RenderedTable> {
        if let Some(rendered) =
            cache.tables.get(&table.id).filter(|rendered| rendered.version == table.version)
        {
            return Arc::clone(rendered);
        }
        let rendered = Arc::new(RenderedTable::render(table, &cache.filter));
        cache.tables.insert(table.id, Arc::clone(&rendered));
        rendered
    }

    fn own(&self, format: Format) -> Bytes {
        self.metrics.series.set(i64::try_from(self.store.series()).unwrap_or(i64::MAX));
        let open_metrics = format == Format::OpenMetrics && self.exposition == Exposition::Modern;
        let mut text = own::render(&self.metrics.gather(), open_metrics);
        if open_metrics {
            text.extend_from_slice(b"# EOF\n");
        }
        Bytes::from(text)
    }
}

impl Page {
    /// The whole answer.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let rest = self.rest.map(|rest| rest()).unwrap_or_default();
        [self.frames.concat(), rest.to_vec()].concat()
    }
}

fn versions(snapshot: &Snapshot) -> Vec<(u64, u64)> {
    snapshot.tables.iter().map(|table| (table.id, table.version)).collect()
}

/// Brings the samples of each family together under one header, whichever tables they come from.
fn join(tables: &[Arc<RenderedTable>], format: Format) -> Vec<Bytes> {
    let mut order: Vec<(&Family, Vec<&Bytes>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (family, text) in tables.iter().flat_map(|table| &table.families).filter(|(_, text)| !text.is_empty())
    {
        let place = *places.entry(&family.name).or_insert(order.len());
        match order.get_mut(place) {
            Some((_, texts)) => texts.push(text),
            None => order.push((family, vec![text])),
        }
    }
    let (mut frames, mut small) = (Vec::new(), Vec::new());
    for (family, texts) in order {
        small.extend_from_slice(family.header(format == Format::OpenMetrics).as_bytes());
        for text in texts {
            if text.len() < FRAME {
                small.extend_from_slice(text);
                continue;
            }
            frames.push(Bytes::from(std::mem::take(&mut small)));
            frames.push(text.clone());
        }
    }
    frames.push(Bytes::from(small));
    frames
}

#[cfg(test)]
mod tests;
