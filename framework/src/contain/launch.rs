//! What is to be started.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use super::error::SpawnError;
use super::trust;

/// The file beside the executable that describes it.
const MANIFEST: &str = "probe.toml";

/// One process to start.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The folder's name; it names the cgroups.
    pub name: String,
    /// Where it runs.
    pub folder: PathBuf,
    /// Its arguments; the first is a file in the folder.
    pub exec: Vec<String>,
    /// Environment besides the common one.
    pub env: Vec<(String, String)>,
    /// Capabilities it keeps, `CAP_…`.
    pub privileges: Vec<String>,
    /// Capabilities it keeps if the agent holds them.
    pub optional_privileges: Vec<String>,
    /// What it may use.
    pub limits: Limits,
}

/// What a process with its descendants may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// CPU in percent of one core.
    pub cpu: Option<f64>,
}

/// What kind of file is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Elf,
    Script,
}

/// An executable that may be run, and its folder.
pub(super) struct Program {
    /// The folder as it was checked.
    pub(super) folder: OwnedFd,
    pub(super) kind: Kind,
    /// The path from the folder, beginning with `./` so that no search path is asked.
    pub(super) path: PathBuf,
}

impl Program {
    /// Finds and checks the executable of a launch.
    pub(super) fn find(launch: &Launch) -> Result<Self, SpawnError> {
        let name = Path::new(launch.exec.first().map_or("", String::as_str));
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.file_name().is_none() || !name.components().all(inside) {
            let program = name.display().to_string();
            return Err(SpawnError::NotInFolder { folder: launch.folder.clone(), program });
        }
        let mut files = vec![name];
        if launch.folder.join(MANIFEST).exists() {
            files.push(Path::new(MANIFEST));
        }
        let folder = trust::open(&launch.folder, &files)?;
        let file = launch.folder.join(name);
        let kind = kind(&file).map_err(|error| SpawnError::from_child(error, file.clone()))?;
        let kind = kind.ok_or(SpawnError::NotExecutable { path: file })?;
        Ok(Self { folder, kind, path: Path::new(".").join(name) })
    }
}

fn kind(file: &Path) -> io::Result<Option<Kind>> {
    let mut start = [0; 4];
    let mut file = File::open(file)?.take(4);
    let mut length = 0;
    loop {
        match file.read(&mut start[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(match &start[..length] {
        [0x7f, b'E', b'L', b'F'] => Some(Kind::Elf),
        [b'#', b'!', ..] => Some(Kind::Script),
        _ => None,
    })
}
