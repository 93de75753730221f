//! What is set at run time: over the file's configuration, kept in the state directory, given up where the file is edited.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gopher_protocol::manifest::Probe;

use crate::catalog::{Catalog, Finding, check_probes, resolve};
use crate::config::overlay::settings_of;
use crate::config::{Config, Loaded, Overlay, ProbeConfig, ProbeState, Settings};
use crate::control::Refused;
use crate::rundir;

/// The file's name in the state directory.
const FILE: &str = "runtime.toml";

/// What was set at run time.
#[derive(Clone, Debug)]
pub(super) struct Runtime {
    file: PathBuf,
    kept: Overlay,
    passing: Overlay,
}

impl Runtime {
    /// Reads what was kept. What cannot be used is reported and put aside.
    pub(super) fn load(config: &Config) -> Self {
        let file = config.agent.state_dir.join(FILE);
        let kept = match read(&file, config) {
            Ok(kept) => kept,
            Err(reason) => {
                let aside = file.with_extension("toml.bad");
                let moved = fs::rename(&file, &aside);
                let aside = moved.map_or_else(|error| error.to_string(), |()| aside.display().to_string());
                tracing::error!(reason, aside, "What was set at run time is lost: its file cannot be used.");
                Overlay::default()
            }
        };
        Self { file, kept, passing: Overlay::default() }
    }

    /// The configuration that holds, over the one of the file.
    pub(super) fn over(&self, config: &Config) -> Config {
        self.passing.over(&self.kept.over(config))
    }

    /// What is set, for the check against the manifests.
    pub(super) fn alone(&self) -> Loaded {
        Loaded { config: self.over(&Config::default()), file: self.file.clone(), ..Loaded::default() }
    }

    /// The settings that hold over a restart, and those that do not.
    pub(super) fn overlays(&self) -> (Overlay, Overlay) {
        (self.kept.clone(), self.passing.clone())
    }

    /// Sets keys of a probe, all or none. A key that is set to what it would be anyway is not held any longer. Returns
    /// the keys that hold something else now, with it, or that only how long they hold is another; nothing where all is as
    /// it was.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(super) async fn set(
        &mut self,
        config: &Config,
        probe: &Probe,
        settings: Settings,
        persist: bool,
    ) -> Result<Vec<String>, Refused> {
        let mut new = self.clone();
        let below = if persist { config.clone() } else { self.kept.over(config) };
        let anyway = resolved(&below, probe);
        let name = &probe.name;
        for (key, value) in settings {
            let value = Some(value).filter(|value| anyway.get(&key) != Some(value));
            if persist {
                new.passing.set(name, &key, None);
                new.kept.set(name, &key, value);
            } else {
                new.passing.set(name, &key, value);
            }
        }
        if new.kept != self.kept {
            new.save(config).await.map_err(|error| {
                Refused::Unkept(format!("the change cannot be written to {}: {error}", self.file.display()))
            })?;
        }
        let (before, now) = (resolved(&self.over(config), probe), resolved(&new.over(config), probe));
        let held_otherwise = (&new.kept, &new.passing) != (&self.kept, &self.passing);
        *self = new;
        let differs = now.iter().filter(|(key, value)| before.get(*key) != Some(value));
        let differs: Vec<_> = differs.map(|(key, value)| format!("{key} = {value}")).collect();
        let same = differs.is_empty() && held_otherwise;
        Ok(if same { vec!["how long the settings hold".to_owned()] } else { differs })
    }

    /// Follows an edit of the file: what it changes is no longer held here.
    pub(super) async fn follow(&mut self, old: &Config, new: &Config) {
        let before = self.kept.clone();
        let mut keys = self.kept.forget_changed(old, new);
        keys.extend(self.passing.forget_changed(old, new));
        for key in keys {
            tracing::info!(key, "The edited configuration holds again in place of what was set at run time.");
        }
        if self.kept != before
            && let Err(error) = self.save(new).await
        {
            tracing::error!(file = %self.file.display(), %error, "What is set at run time could not be written.");
        }
    }

    async fn save(&self, config: &Config) -> io::Result<()> {
        let (file, text) = (self.file.clone(), self.kept.render(config));
        tokio::task::spawn_blocking(move || replace(&file, &text)).await.map_err(io::Error::other)?
    }
}

fn read(file: &Path, config: &Config) -> Result<Overlay, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Overlay::default()),
        Err(error) => return Err(error.to_string()),
    };
    let (overlay, forgotten) =
        Overlay::parse(&text, file, config).map_err(|problems| problems.to_string())?;
    for key in forgotten {
        tracing::info!(
            key,
            "The configuration was edited meanwhile and holds in place of what was set at run time."
        );
    }
    Ok(overlay)
}

/// Replaces the file as a whole, on the disk before this returns.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    rundir::directory(folder).map_err(io::Error::other)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    File::open(folder)?.sync_all()
}

/// Every key of a probe with what it comes to.
fn resolved(config: &Config, probe: &Probe) -> Settings {
    let resolved = resolve(config, probe);
    let scope = config.probes.get(&probe.name).and_then(|asked| asked.scope.clone());
    let state = if resolved.running { ProbeState::Running } else { ProbeState::Stopped };
    let (items, params) = (Some(resolved.items), resolved.params);
    settings_of(&ProbeConfig { state, items, params, scope })
}

/// Reports what of the configuration contradicts the manifests; defaults hold there.
pub(super) fn report_wrong(loaded: &Loaded, catalog: &Catalog) {
    for finding in check_probes(loaded, catalog) {
        match finding {
            Finding::NotInstalled(problem) => tracing::debug!("{problem}"),
            Finding::Wrong(problem) => tracing::error!("{problem}; the default holds"),
        }
    }
}
