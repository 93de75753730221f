//! One run of an iterator: a program that is called for each object that the kernel has.

use std::io::Read as _;
use std::os::fd::AsFd as _;

use anyhow::Context as _;
use libbpf_rs::{Iter, IterOpts, MapCore, MapIterOpts, Object};

/// What the iterator runs over.
pub enum Over<'a, M: MapCore> {
    /// Its own kind of objects: tasks, files.
    All,
    /// The entries of a map.
    Map(&'a M),
}

/// Runs the iterator `program` of a loaded object once, over everything; returns what it wrote.
///
/// # Errors
/// When the object has no such program, or the kernel does not run it.
pub fn pass<M: MapCore>(object: &Object, program: &str, over: &Over<'_, M>) -> anyhow::Result<Vec<u8>> {
    let named = object.progs_mut().find(|candidate| candidate.name() == program);
    let named = named.with_context(|| format!("the object has no program {program}"))?;
    let options = match over {
        Over::All => IterOpts::None,
        Over::Map(map) => IterOpts::Map(MapIterOpts::from_fd(map.as_fd())),
    };
    let link =
        named.attach_iter_with_opts(options).with_context(|| format!("attaching the iterator {program}"))?;
    let mut written = Vec::new();
    Iter::new(&link)?.read_to_end(&mut written).with_context(|| format!("running the iterator {program}"))?;
    Ok(written)
}
