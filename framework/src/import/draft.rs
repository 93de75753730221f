//! What comes of all files together.

use std::io;
use std::path::{Path, PathBuf};

use super::init::{self, Settle};
use super::{Error, Imported, Note, Variables, app, conf, custom, environment, libconfig, meta};
use crate::config::{self, Config, Scope, render};

/// Where probe folders go, below the output folder.
const FOLDERS: &str = "extend-probes";

/// What a file of the original is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `gala-gopher.conf`.
    Conf,
    /// `gala-gopher-app.conf`.
    App,
    /// `probes.init`.
    Init,
    /// `gala-gopher-custom.json`.
    Custom,
    /// `*.meta`.
    Meta,
}

/// Tells by the content what a file is, and by the name where the content does not say.
///
/// # Errors
/// What it should have been.
pub fn kind_of(file: &Path, text: &str) -> Result<Kind, Error> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if text.trim_start().starts_with('{') || name.ends_with("-custom.json") {
        return Ok(Kind::Custom);
    }
    if init::is_init(text) || name.ends_with("probes.init") {
        return Ok(Kind::Init);
    }
    if name.contains(".meta") {
        return Ok(Kind::Meta);
    }
    let settings = match libconfig::parse(text) {
        Ok(settings) => settings,
        Err(_) if config::parse(text, file, Config::default()).is_ok() => {
            return Err(Error::new(file, 0, "is a configuration of this agent already"));
        }
        Err(error) => return Err(Error::new(file, error.line, error.message)),
    };
    let has = |name: &str| settings.iter().any(|setting| setting.name == name);
    if has("measurements") {
        return Ok(Kind::Meta);
    }
    if app::is_app(&settings) {
        return Ok(Kind::App);
    }
    if settings.iter().any(|setting| conf::is_group(&setting.name)) {
        return Ok(Kind::Conf);
    }
    let known = "gala-gopher.conf, gala-gopher-app.conf, probes.init, gala-gopher-custom.json and *.meta";
    Err(Error::new(file, 0, format!("is no file of the original; those that can be imported are {known}")))
}

/// An import under way.
#[derive(Debug, Default)]
pub struct Draft {
    config: Config,
    configured: bool,
    whitelist: Option<Scope>,
    imported: Imported,
}

impl Draft {
    /// Takes a file in; `read` gets the text of a `.meta` file that it names, `settle` understands requests.
    ///
    /// # Errors
    /// Everything in the file that cannot be understood and is left out; of a `probes.init` these are single lines,
    /// of a `gala-gopher-custom.json` single probes.
    pub fn add(
        &mut self,
        file: &Path,
        text: &str,
        settle: Settle<'_>,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<(), Vec<Error>> {
        match kind_of(file, text).map_err(|error| vec![error])? {
            Kind::Conf => {
                let (config, notes) =
                    conf::import(text, file, self.config.clone()).map_err(|error| vec![error])?;
                self.config = config;
                self.configured = true;
                self.imported.notes.extend(notes);
            }
            Kind::App => {
                let scope = self.whitelist.get_or_insert_default();
                self.imported.notes.extend(app::import(text, file, scope).map_err(|error| vec![error])?);
            }
            Kind::Init => {
                let (probes, configured) = (&mut self.config.probes, &mut self.configured);
                let put = |name: &str, probe| {
                    *configured = true;
                    probes.insert(name.to_owned(), probe);
                };
                let (notes, left_out) = init::import(text, file, settle, put);
                self.imported.notes.extend(notes);
                if !left_out.is_empty() {
                    return Err(left_out);
                }
            }
            Kind::Custom => {
                let (imported, left_out) = custom::import(text, file, read).map_err(|error| vec![error])?;
                self.folders(imported);
                if !left_out.is_empty() {
                    return Err(left_out);
                }
            }
            Kind::Meta => self.folders(meta::import(text, file).map_err(|error| vec![error])?),
        }
        Ok(())
    }

    /// An import over what holds already.
    #[must_use]
    pub fn over(config: Config, whitelist: Option<Scope>) -> Self {
        Self { config, configured: true, whitelist, ..Self::default() }
    }

    /// What holds so far.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Replaces the whitelist, if there was one.
    pub fn set_whitelist(&mut self, whitelist: Option<Scope>) {
        self.whitelist = whitelist;
    }

    /// Takes the variables of a container in.
    ///
    /// # Errors
    /// Every variable whose value is refused.
    pub fn variables(&mut self, variables: &Variables, settle: Settle<'_>) -> Result<(), Vec<Error>> {
        let outcome = environment::import(variables, settle, std::mem::take(&mut self.config));
        self.config = outcome.config;
        self.configured = true;
        self.imported.notes.extend(outcome.notes);
        if outcome.refused.is_empty() { Ok(()) } else { Err(outcome.refused) }
    }

    /// True while nothing was taken in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.configured && self.whitelist.is_none() && self.imported.files.is_empty()
    }

    fn folders(&mut self, imported: Imported) {
        let below = |path: PathBuf| Path::new(FOLDERS).join(path);
        self.imported.files.extend(imported.files.into_iter().map(|(path, text)| (below(path), text)));
        self.imported.copies.extend(imported.copies.into_iter().map(|(from, to)| (from, below(to))));
        self.imported.notes.extend(imported.notes);
    }

    /// All that comes of it. The configuration has been read back and means what was imported.
    ///
    /// # Errors
    /// When what would be written does not, or two files make one.
    pub fn finish(mut self) -> Result<Imported, Error> {
        let mut files = Vec::new();
        if self.configured {
            let (path, text) = (PathBuf::from("gala-gopher.conf"), render::difference(&self.config));
            match config::parse(&text, &path, Config::default()) {
                Ok(loaded) if loaded.config == self.config => files.push((path, text)),
                Ok(_) => {
                    return Err(Error::new(
                        &path,
                        0,
                        "what was to be written means something else when it is read",
                    ));
                }
                Err(problems) => {
                    return Err(Error::new(
                        &path,
                        0,
                        format!("what was to be written is refused: {problems}"),
                    ));
                }
            }
        }
        if let Some(scope) = &self.whitelist {
            let path = PathBuf::from("gala-gopher-app.conf");
            let text = render::whitelist(scope);
            config::load::parse_whitelist(&text, &path).map_err(|problems| {
                Error::new(&path, 0, format!("what was to be written is refused: {problems}"))
            })?;
            files.push((path, text));
        }
        files.append(&mut self.imported.files);
        for (at, (path, _)) in files.iter().enumerate() {
            if files.iter().take(at).any(|(other, _)| other == path) {
                return Err(Error::new(path, 0, "two of the imported files would become this one"));
            }
        }
        self.imported.files = files;
        self.imported.notes.dedup_by(|a: &mut Note, b| a == b);
        Ok(self.imported)
    }
}

#[cfg(test)]
mod tests;
