//! One probe folder: read, checked by itself, fingerprinted.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use gopher_protocol::manifest::Manifest;

use super::Fault;

/// The manifest's file name.
const MANIFEST: &str = "probe.toml";
/// Largest manifest that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Most problems of a folder that a message spells out.
const SHOWN: usize = 8;

/// Who put a folder there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It belongs to the agent.
    BuiltIn,
    /// Somebody added it.
    Extend,
}

/// A checked probe folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// Its name, which is the manifest's.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Who put it there.
    pub origin: Origin,
    /// What it runs, serves and writes.
    pub manifest: Arc<Manifest>,
    /// Tells this content from another.
    pub fingerprint: Fingerprint,
}

/// Changes whenever the process has to be started anew: with the manifest, the executable, or a file in the
/// folder that an argument names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The number itself, to compare with another.
    pub fn value(self) -> u64 {
        self.0
    }
}

/// What holds for folders beside the grammar of the manifest.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Capabilities that extend probes may ask for.
    pub extend_privileges: Vec<String>,
    /// Refuses a folder or file that somebody else than its owner could change; `None` when the agent is not root.
    pub trust: Option<Trust>,
}

/// Checks one folder or file; the error says what is wrong and the way out.
pub type Trust = fn(&Path) -> Result<(), String>;

/// Reads and checks a folder by itself; `None` when there is no such folder.
///
/// # Errors
/// Why it cannot be used.
pub fn load_folder(path: &Path, origin: Origin, rules: &Rules) -> Option<Result<Folder, Fault>> {
    path.is_dir().then(|| load(path, origin, rules))
}

/// All faults as one: the place of the first, and of the others what is wrong with their lines.
fn load(path: &Path, origin: Origin, rules: &Rules) -> Result<Folder, Fault> {
    inspect(path, origin, rules).map_err(|faults| {
        let mut faults = faults.into_iter();
        let mut first = faults.next().unwrap_or_else(|| Fault::of_folder(path, "cannot be used"));
        let others = faults.len();
        for fault in faults.take(SHOWN - 1) {
            let line = match &fault.place {
                Some((_, line)) if *line > 0 => format!("line {line}: "),
                _ => String::new(),
            };
            first.reason += &format!("; {line}{}", fault.reason);
        }
        if others >= SHOWN {
            first.reason += &format!("; and {} more", others + 1 - SHOWN);
        }
        first
    })
}

/// Reads and checks a folder by itself.
///
/// # Errors
/// Every reason why it cannot be used, each with its place.
pub fn inspect(path: &Path, origin: Origin, rules: &Rules) -> Result<Folder, Vec<Fault>> {
    let file = path.join(MANIFEST);
    let in_manifest = |line: usize, reason: String| Fault {
        path: path.to_owned(),
        place: Some((file.clone(), line)),
        reason,
    };
    let text = read_manifest(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => vec![Fault::of_folder(path, "there is no probe.toml in this folder")],
        _ => vec![in_manifest(0, format!("cannot be read: {error}"))],
    })?;
    let mut manifest = Manifest::parse(&text).map_err(|problems| {
        problems.into_iter().map(|problem| in_manifest(problem.line, problem.reason)).collect::<Vec<_>>()
    })?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let mut faults = Vec::new();
    if manifest.name != name {
        let reason = format!("name = \"{}\" must be the folder's name, \"{name}\"", manifest.name);
        faults.push(in_manifest(line_of_key(&text, "name"), reason));
    }
    if let Some(excess) = manifest.privileges.iter().find(|p| !rules.extend_privileges.contains(p))
        && origin == Origin::Extend
    {
        let reason = format!(
            "privileges: {excess} is not granted to extend probes; allow it in [folders] extend_privileges"
        );
        faults.push(in_manifest(line_of_key(&text, "privileges"), reason));
    }
    if origin == Origin::Extend {
        manifest.optional_privileges.retain(|privilege| rules.extend_privileges.contains(privilege));
    }
    if manifest.feeds.is_some() && origin == Origin::Extend {
        let reason = "feeds: only built-in probes tell the agent of processes".to_owned();
        faults.push(in_manifest(line_of_key(&text, "feeds"), reason));
    }
    match executable(path, &manifest) {
        Err(reason) => faults.push(in_manifest(line_of_key(&text, "exec"), reason)),
        Ok(exec) => faults.extend(untrusted(path, &[path, &file, &exec], rules)),
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let fingerprint = fingerprint(path, &text, &manifest);
    Ok(Folder {
        name: name.to_owned(),
        path: path.to_owned(),
        origin,
        manifest: Arc::new(manifest),
        fingerprint,
    })
}

/// The first part of the folder that somebody else than its owner could change.
fn untrusted(folder: &Path, parts: &[&Path], rules: &Rules) -> Option<Fault> {
    let trust = rules.trust?;
    parts.iter().find_map(|part| {
        let reason = trust(part).err()?;
        Some(Fault { path: folder.to_owned(), place: Some(((*part).to_owned(), 0)), reason })
    })
}

fn read_manifest(file: &Path) -> io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8"))
}

/// The line, from 1, on which a top-level key stands; 0 when it is not found in the plain form.
fn line_of_key(text: &str, key: &str) -> usize {
    let top = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    let holds = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    top.enumerate().find(|(_, line)| holds(line)).map_or(0, |(at, _)| at + 1)
}

/// The executable's real path, which must lie in the folder.
fn executable(folder: &Path, manifest: &Manifest) -> Result<PathBuf, String> {
    let name = manifest.exec.first().map_or("", String::as_str);
    let path = folder.join(name);
    let inside = |error: io::Error| format!("exec: `{name}` cannot be used: {error}");
    let real = path.canonicalize().map_err(inside)?;
    if !real.starts_with(folder.canonicalize().map_err(inside)?) {
        return Err(format!(
            "exec: `{name}` leads out of the folder, to {}; it must lie in it",
            real.display()
        ));
    }
    let meta = real.metadata().map_err(inside)?;
    if !meta.is_file() {
        return Err(format!("exec: `{name}` is not a regular file"));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        return Err(format!("exec: `{name}` is not executable; chmod 755 {}", real.display()));
    }
    Ok(real)
}

fn fingerprint(folder: &Path, text: &str, manifest: &Manifest) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // What is left of them.
    manifest.optional_privileges.hash(&mut hasher);
    for argument in &manifest.exec {
        // Most arguments name no file; one that names a file of the folder takes part by its identity. Others are not
        // part of the package, and a probe may well write to them.
        let inside = Path::new(argument)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let meta = inside
            .then(|| folder.join(argument).metadata().ok())
            .flatten()
            .filter(std::fs::Metadata::is_file);
        meta.map(|m| (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec())).hash(&mut hasher);
    }
    Fingerprint(hasher.finish())
}
