//! The containers that processes and rows name, and the questions that are open about them.

mod cri;
mod docker;
mod runtime;

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

pub use self::runtime::{Sockets, answer_questions};
use super::cgroup::Group;
use super::container::{Container, ControlGroup, Facts, is_container_id};
use crate::sync::lock;

/// The most containers kept; further ones are labelled with their id alone.
const CAPACITY: usize = 16_384;
/// The most questions that wait; the others are asked at a later sweep.
const QUEUE: usize = 1024;
/// Milliseconds that a container is kept after its last use, for the last rows about it.
const AFTER_USE: u64 = 60_000;
/// Milliseconds after which a runtime is asked again, by what it said last.
const AGAIN: [u64; 3] = [300_000, 10_000, 5_000];

/// What a runtime, or all of them, said of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is known.
    Found(Facts),
    /// No runtime knows it.
    Unknown,
    /// None could be asked.
    Failed,
}

#[derive(Debug)]
struct Entry {
    container: Arc<Container>,
    /// The hierarchy of its control group, as [`Group::controllers`].
    controllers: Box<str>,
    used: u64,
    due: u64,
    asked: bool,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<String, Entry>,
    questions: VecDeque<String>,
}

/// All containers that are known.
#[derive(Debug)]
pub struct Containers {
    cgroups: PathBuf,
    state: Mutex<State>,
    generation: AtomicU64,
    asked: Notify,
}

impl Containers {
    /// None yet; control groups are looked for below `host_path` (`/` outside containers).
    #[must_use]
    pub fn new(host_path: &Path) -> Self {
        let root = if host_path.as_os_str().is_empty() { Path::new("/") } else { host_path };
        Self {
            cgroups: root.join("sys/fs/cgroup"),
            state: Mutex::default(),
            generation: AtomicU64::new(0),
            asked: Notify::new(),
        }
    }

    /// The container with this id, or with an id that begins so; `None` when this is no id.
    pub fn by_id(&self, id: &str, now: u64) -> Option<Arc<Container>> {
        if !is_container_id(id) {
            return None;
        }
        let mut state = lock(&self.state);
        if id.len() < 64 && !state.known.contains_key(id) {
            let whole = state.known.keys().find(|known| known.starts_with(id)).cloned();
            if let Some(whole) = whole {
                return state.get(&whole, now);
            }
        }
        if let Some(known) = state.get(id, now) {
            return Some(known);
        }
        Some(self.add(&mut state, Container { id: id.to_owned(), ..Container::default() }, "", now))
    }

    /// The container of a process. One that was started again has another directory, mostly at the same path.
    pub(super) fn by_group(&self, group: &Group<'_>, now: u64) -> Arc<Container> {
        let found = &group.found;
        let mut state = lock(&self.state);
        if let Some(known) = state.get(found.id, now)
            && state.known.get(found.id).is_some_and(|entry| self.is_there(entry))
        {
            return known;
        }
        let inode = self.inode(group.controllers, found.path);
        let path_pod_id = found.pod_id.clone();
        let directory = ControlGroup { inode, path: found.path.to_owned() };
        let Some(entry) = state.known.get_mut(found.id) else {
            let container = Container { id: found.id.to_owned(), group: directory, path_pod_id, facts: None };
            return self.add(&mut state, container, group.controllers, now);
        };
        // Where the directory is not seen the one that was is the best that is known.
        if inode != 0 || entry.container.group.path.is_empty() {
            let known = (*entry.container).clone();
            entry.container = Arc::new(Container { group: directory, path_pod_id, ..known });
            entry.controllers = group.controllers.into();
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
        Arc::clone(&entry.container)
    }

    /// Whether the directory of a container's group is the one that it was.
    fn is_there(&self, entry: &Entry) -> bool {
        let group = &entry.container.group;
        group.inode != 0 && self.inode(&entry.controllers, &group.path) == group.inode
    }

    fn add(&self, state: &mut State, container: Container, controllers: &str, now: u64) -> Arc<Container> {
        let container = Arc::new(container);
        if state.known.len() < CAPACITY {
            let entry = Entry {
                container: Arc::clone(&container),
                controllers: controllers.into(),
                used: now,
                due: 0,
                asked: false,
            };
            state.known.insert(container.id.clone(), entry);
            self.ask(state, &container.id);
        }
        container
    }

    fn ask(&self, state: &mut State, id: &str) {
        if state.questions.len() >= QUEUE {
            return;
        }
        if let Some(entry) = state.known.get_mut(id).filter(|entry| !entry.asked) {
            entry.asked = true;
            state.questions.push_back(id.to_owned());
            self.asked.notify_one();
        }
    }

    /// The directory of a control group has the number that BPF knows it by; version 2 may be mounted beside version 1.
    fn inode(&self, controllers: &str, path: &str) -> u64 {
        let below = path.trim_start_matches('/');
        let mounts: &[&str] = match controllers {
            "" => &["", "unified"],
            "cpuacct" | "cpu" => &["cpu,cpuacct", "cpu", "cpuacct"],
            other => &[other.strip_prefix("name=").unwrap_or(other)],
        };
        let found = mounts.iter().find_map(|mount| fs::metadata(self.cgroups.join(mount).join(below)).ok());
        found.map_or(0, |metadata| metadata.ino())
    }

    /// What `container` has become by now.
    pub fn current(&self, container: &Arc<Container>) -> Arc<Container> {
        let state = lock(&self.state);
        let known = state.known.get(&container.id).map(|entry| &entry.container);
        Arc::clone(known.unwrap_or(container))
    }

    /// Rises whenever more is known of some container.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The next container that a runtime is to be asked about.
    pub(super) async fn question(&self) -> String {
        loop {
            if let Some(id) = lock(&self.state).questions.pop_front() {
                return id;
            }
            self.asked.notified().await;
        }
    }

    /// Takes an answer; one that does not know the container leaves what was known of it.
    pub(super) fn answer(&self, id: &str, answer: Answer, now: u64) {
        let mut state = lock(&self.state);
        let Some(entry) = state.known.get_mut(id) else { return };
        entry.asked = false;
        let again = match &answer {
            Answer::Found(_) => AGAIN[0],
            Answer::Unknown => AGAIN[1],
            Answer::Failed => AGAIN[2],
        };
        entry.due = now + again;
        if let Answer::Found(facts) = answer
            && entry.container.facts.as_ref() != Some(&facts)
        {
            entry.container = Arc::new(Container { facts: Some(facts), ..(*entry.container).clone() });
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As if a runtime had named the container.
    #[cfg(test)]
    pub fn learn_name(&self, id: &str, name: &str) {
        self.answer(id, Answer::Found(Facts { name: name.to_owned(), ..Facts::default() }), 1);
    }

    /// Asks again what is due and forgets what nobody has named for a minute. Call it every few seconds.
    pub(super) fn sweep(&self, now: u64) {
        let mut state = lock(&self.state);
        state.known.retain(|_, entry| {
            if Arc::strong_count(&entry.container) > 1 {
                entry.used = now;
            }
            entry.used + AFTER_USE >= now
        });
        let due = state.known.values().filter(|entry| entry.used == now && entry.due <= now && !entry.asked);
        let due: Vec<_> = due.map(|entry| entry.container.id.clone()).take(QUEUE).collect();
        due.iter().for_each(|id| self.ask(&mut state, id));
    }
}

impl State {
    fn get(&mut self, id: &str, now: u64) -> Option<Arc<Container>> {
        let entry = self.known.get_mut(id)?;
        entry.used = entry.used.max(now);
        Some(Arc::clone(&entry.container))
    }
}

#[cfg(test)]
mod tests;
