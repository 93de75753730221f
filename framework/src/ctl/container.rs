//! `container`: the entry point of the images. It finds out which configuration holds, then becomes the command.
//!
//! The image has a configuration of its own; files that are mapped win over it, variables of the original over those.
//! A configuration that stands in a file of ours alone is named to the agent as it is, so that changes hold at once;
//! what is put together from several is written anew at each start.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::settle::Known;
use crate::config::load::parse_whitelist;
use crate::config::{self, Config, Scope};
use crate::import::{Draft, Kind, Variables, kind_of};
use crate::rundir;

const CONF: &str = "gala-gopher.conf";
const APP: &str = "gala-gopher-app.conf";
/// Arguments of the agent after which no configuration is asked for.
const DECIDED: [&str; 6] = ["--config", "-c", "--help", "-h", "--version", "-V"];

/// Where configurations are.
#[derive(Debug)]
struct Places {
    /// The image's own.
    own: PathBuf,
    /// What the original's command line maps a folder over.
    mapped: PathBuf,
    /// Where one that is put together is written.
    written: PathBuf,
}

/// Becomes the command; the agent gets the configuration that holds, unless the command names one.
pub(super) fn run(command: &[OsString]) -> Result<(), Failure> {
    let places = Places {
        own: "/etc/gala-gopher".into(),
        mapped: "/gala-gopher/user_conf".into(),
        written: "/run/gala-gopher/container".into(),
    };
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::Usage("a command is missing after --".into()));
    };
    let mut process = std::process::Command::new(program);
    process.args(arguments);
    if wants_configuration(program, arguments) {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let (file, notes) = configuration(&places, &variables.collect())?;
        for note in notes {
            eprintln!("note: {note}");
        }
        process.arg("--config").arg(file);
    }
    let error = process.exec();
    Err(Failure::Failed(format!("{} cannot be started: {error}", program.display())))
}

fn wants_configuration(program: &OsString, arguments: &[OsString]) -> bool {
    let decided = |argument: &OsString| {
        let text = argument.to_string_lossy();
        DECIDED.contains(&text.as_ref()) || text.starts_with("--config=")
    };
    Path::new(program).file_name().is_some_and(|name| name == "gala-gopher") && !arguments.iter().any(decided)
}

/// A mapped file.
enum Mapped<T> {
    Missing,
    /// In our form, with what it says.
    Ours(T),
    /// The text of a file of the original.
    Original(String),
}

impl<T> Mapped<T> {
    /// Reads a file: ours if `parse` understands it, the original's if it is of that kind.
    fn read(
        path: &Path,
        kind: Kind,
        parse: impl Fn(&str) -> Result<T, config::Problems>,
    ) -> Result<Self, Failure> {
        let Some(text) = read(path)? else { return Ok(Self::Missing) };
        let problems = match parse(&text) {
            Ok(value) => return Ok(Self::Ours(value)),
            Err(problems) => problems,
        };
        match kind_of(path, &text) {
            Ok(found) if found == kind => Ok(Self::Original(text)),
            // Sections in brackets are not in the original's language.
            _ if text.lines().any(|line| line.trim_start().starts_with('[')) => {
                Err(bad(&format!("{problems}")))
            }
            Ok(_) => {
                Err(bad(&format!("{}: is another file of the original than its name says", path.display())))
            }
            Err(error) => Err(bad(&format!("{problems}\nas a file of the original: {error}"))),
        }
    }
}

/// The file that the agent reads, and notes on what became of the others.
fn configuration(places: &Places, variables: &Variables) -> Result<(PathBuf, Vec<String>), Failure> {
    let path = places.mapped.join(CONF);
    let conf =
        Mapped::read(&path, Kind::Conf, |text| Ok(config::parse(text, &path, Config::default())?.config))?;
    let app_path = places.mapped.join(APP);
    let app = Mapped::read(&app_path, Kind::App, |text| parse_whitelist(text, &app_path))?;
    match (&conf, &app) {
        (Mapped::Missing, Mapped::Missing) if variables.is_empty() => {
            return Ok((places.own.join(CONF), Vec::new()));
        }
        (Mapped::Ours(config), Mapped::Missing | Mapped::Ours(_)) if variables.is_empty() => {
            return Ok((path, inside_only(config)));
        }
        _ => {}
    }
    let (mut draft, text) = match conf {
        Mapped::Ours(config) => (Draft::over(config, None), None),
        Mapped::Missing => (Draft::over(own(places)?, own_whitelist(places)?), None),
        Mapped::Original(text) => (Draft::over(own(places)?, None), Some(text)),
    };
    let add = |draft: &mut Draft, path: &Path, text: &str| {
        let unused = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
        draft.add(path, text, &|_, _, _| Ok(Vec::new()), &unused).map_err(refused)
    };
    if let Some(text) = text {
        add(&mut draft, &path, &text)?;
    }
    match app {
        Mapped::Missing => {}
        Mapped::Ours(whitelist) => draft.set_whitelist(whitelist),
        Mapped::Original(text) => {
            draft.set_whitelist(None);
            add(&mut draft, &app_path, &text)?;
        }
    }
    let folders = draft.config().folders.clone();
    let known = Known::scan(&[folders.probes, folders.extend].concat());
    draft
        .variables(variables, &|name: &str, json: &str, probe: &mut _| known.settle(name, json, probe))
        .map_err(refused)?;
    let inside = inside_only(draft.config());
    let imported = draft.finish().map_err(|error| bad(&error.to_string()))?;
    write(&places.written, &imported.files)?;
    let notes = imported.notes.iter().map(ToString::to_string).chain(inside).collect();
    Ok((places.written.join(CONF), notes))
}

/// A word on metrics that nobody outside gets, which is not what who publishes a port expects.
fn inside_only(config: &Config) -> Vec<String> {
    let listen =
        config.prometheus.listen.filter(|listen| config.prometheus.enabled && listen.ip().is_loopback());
    let note = listen.map(|listen| {
        format!(
            "metrics are at {listen}, which nobody outside of the container's network reaches; with a published port set \
             listen = \"0.0.0.0:{}\" and plaintext = true in [export.prometheus], or GOPHER_METRIC_ADDR=0.0.0.0",
            listen.port()
        )
    });
    note.into_iter().collect()
}

fn own(places: &Places) -> Result<Config, Failure> {
    let path = places.own.join(CONF);
    let text = read(&path)?.unwrap_or_default();
    config::parse(&text, &path, Config::default())
        .map(|loaded| loaded.config)
        .map_err(|e| bad(&e.to_string()))
}

fn own_whitelist(places: &Places) -> Result<Option<Scope>, Failure> {
    let path = places.own.join(APP);
    let text = read(&path)?.unwrap_or_default();
    parse_whitelist(&text, &path).map_err(|problems| bad(&problems.to_string()))
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match super::import::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(&format!("{}: cannot be read: {error}", path.display()))),
    }
}

/// Replaces what an earlier start of this container wrote.
fn write(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::BadConfig(format!(
            "{error}\nthe configuration that files and variables make is written to {}: make it writable, for example \
             with --tmpfs /run/gala-gopher, or map one whole gala-gopher.conf and set no variables",
            folder.display()
        ))
    };
    rundir::directory(folder).map_err(|error| failed(&error))?;
    for name in [CONF, APP] {
        let path = folder.join(name);
        let text = files.iter().find(|(file, _)| file.as_os_str() == name).map(|(_, text)| text);
        let done = match (text, fs::remove_file(&path)) {
            (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            (Some(text), _) => fs::write(&path, text),
            (None, _) => Ok(()),
        };
        done.map_err(|error| failed(&format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

fn refused(errors: Vec<crate::import::Error>) -> Failure {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    bad(&errors.join("\n"))
}

fn bad(what: &str) -> Failure {
    Failure::BadConfig(format!(
        "{what}\nchange that, or leave the file or the variable out: the image's own configuration holds then"
    ))
}

#[cfg(test)]
mod tests;
