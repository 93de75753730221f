//! From the two files to a checked configuration: text in, `Loaded` or all problems out.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Key, PROBE, SCOPE, SECTIONS, Section};
use super::kind::{Kind, Value};
use super::model::{Config, ProbeConfig};
use super::names::is_probe_name;
use super::problem::{Problem, Problems, Report};
use super::raw;
use super::scope::Scope;
use super::setting::Setting;

/// Largest file that is read, in bytes; a configuration is a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// A configuration with the places of its keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The main file, as it was named.
    pub file: PathBuf,
    /// Lines of all keys in the main file by full name, and those of the `[probe.NAME]` sections, items and parameters.
    pub lines: BTreeMap<String, usize>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file that cannot be read.
    #[error("{}: cannot read the configuration: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What is wrong inside the files.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

/// The whitelist's file: `gala-gopher-app.conf` in the folder of the main file.
pub fn app_conf_of(main: &Path) -> PathBuf {
    main.with_file_name("gala-gopher-app.conf")
}

/// Reads the main file and, where there is one, the whitelist beside it; the environment gives the defaults of
/// the keys that name a variable.
///
/// # Errors
/// A main file that is missing, an unreadable file, or every problem of the environment and both files.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let mut problems = Vec::new();
    let base = defaults(|name| std::env::var(name).ok(), &mut problems);
    let main = parse(&read(path)?, path, base);
    let app = app_conf_of(path);
    let whitelist = match read(&app) {
        // The whitelist itself was named as the main file, which has said what is wrong with it.
        Ok(_) if app == path => Ok(None),
        Ok(text) => parse_whitelist(&text, &app),
        Err(LoadError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => return Err(error),
    };
    match (main, whitelist) {
        (Ok(mut loaded), Ok(whitelist)) if problems.is_empty() => {
            loaded.config.whitelist = whitelist;
            Ok(loaded)
        }
        (main, whitelist) => {
            problems.extend(main.err().into_iter().chain(whitelist.err()).flat_map(|p| p.0));
            Err(Problems(problems).into())
        }
    }
}

/// The defaults where the environment has its say; an empty variable says nothing.
pub(super) fn defaults(variable: impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) -> Config {
    let mut config = Config::default();
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        let set = key.env.and_then(|name| Some((name, variable(name).filter(|text| !text.is_empty())?)));
        let Some((name, text)) = set else { continue };
        match key.field.kind {
            Kind::Text(rule) if rule.check(&text).is_ok() => (key.set)(&mut config, Value::Text(text)),
            kind => problems.push(Problem {
                file: "environment".into(),
                line: 0,
                key: name.into(),
                message: format!("found {}, expected {}", raw::quote(&text), kind.expects()),
            }),
        }
    }
    config
}

fn read(path: &Path) -> Result<String, LoadError> {
    let attempt = || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("the file is larger than 1 MiB"));
        }
        String::from_utf8(bytes).map_err(|error| {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|b| **b == b'\n')
                .count();
            io::Error::other(format!("line {line} is not UTF-8"))
        })
    };
    attempt().map_err(|cause| LoadError::Read { path: path.to_owned(), cause })
}

/// Reads the text of a main file over a base of defaults; `path` only names the file in messages.
///
/// # Errors
/// Every problem of the text.
pub fn parse(text: &str, path: &Path, base: Config) -> Result<Loaded, Problems> {
    let mut report = Report::new(path, text);
    let mut loaded = Loaded { config: base, file: path.to_owned(), lines: BTreeMap::new() };
    let root = syntax(text, &mut report);
    let mut reader = Reader { loaded: &mut loaded, report: &mut report };
    reader.sections("", root.get_ref());
    check_sections(&loaded.config, root.get_ref(), &mut report);
    report.finish().map(|()| loaded)
}

/// Reads the text of a whitelist; `None` where it selects nothing.
///
/// # Errors
/// Every problem of the text.
pub fn parse_whitelist(text: &str, path: &Path) -> Result<Option<Scope>, Problems> {
    let mut report = Report::new(path, text);
    let root = syntax(text, &mut report);
    let value = raw::read_record(SCOPE, root.get_ref(), 0, "", &mut report);
    report.finish().map(|()| value.and_then(Option::<Scope>::from_value).flatten())
}

fn syntax<'t>(text: &'t str, report: &mut Report<'_>) -> Spanned<DeTable<'t>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        report.add_syntax(at, format!("not TOML: {}", error.message().replace('\n', ", ")));
    }
    root
}

/// Reads the sections `[probe.NAME]` below each of these names at the top level, "" for the top level itself; other
/// sections are unknown.
///
/// # Errors
/// Every problem of the text.
pub(super) fn parse_probes<const N: usize>(
    text: &str,
    path: &Path,
    roots: [&'static str; N],
) -> Result<[Loaded; N], Problems> {
    let mut report = Report::new(path, text);
    let root = syntax(text, &mut report);
    let mut all = roots.map(|_| Loaded::default());
    for (name, node) in root.get_ref() {
        let (at, typed) = (name.span().start, name.get_ref().as_ref());
        let known = roots.iter().position(|root| *root == typed || (root.is_empty() && typed == "probe"));
        let below = |table| if typed == "probe" { Some(table) } else { probe_table(table) };
        let Some((loaded, table)) =
            known.and_then(|known| Some((&mut all[known], below(node.get_ref().as_table()?)?)))
        else {
            report.add(at, typed, "not a section [probe.NAME]");
            continue;
        };
        Reader { loaded, report: &mut report }.probes(table);
    }
    report.finish().map(|()| all)
}

/// The table `probe` of a table that holds nothing else.
fn probe_table<'t, 'i>(table: &'t DeTable<'i>) -> Option<&'t DeTable<'i>> {
    table.get("probe").filter(|_| table.len() == 1)?.get_ref().as_table()
}

struct Reader<'r, 'f> {
    loaded: &'r mut Loaded,
    report: &'r mut Report<'f>,
}

impl Reader<'_, '_> {
    /// Walks the tables that hold sections: the top level and, below it, the first part of dotted names.
    fn sections(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, node) in table {
            let path = raw::join(prefix, name.get_ref());
            let inner = node.get_ref().as_table();
            match (SECTIONS.iter().find(|s| s.name == path), inner) {
                (Some(section), Some(keys)) => self.section(section, keys),
                (None, Some(probes)) if path == "probe" => self.probes(probes),
                (None, Some(inner)) if SECTIONS.iter().any(|s| s.name.starts_with(&format!("{path}."))) => {
                    self.sections(&path, inner);
                }
                (None, _) if path != "probe" => self.unknown_section(name, &path, inner.is_some()),
                _ => {
                    let found = raw::describe(node.get_ref());
                    self.report.add(
                        name.span().start,
                        &path,
                        format!("found {found}, expected a section: [{path}]"),
                    );
                }
            }
        }
    }

    fn unknown_section(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, path: &str, is_table: bool) {
        let known = SECTIONS.iter().map(|s| s.name);
        let message = if is_table {
            let groups = known.clone().filter_map(|name| name.split('.').next());
            let hint = raw::did_you_mean(path, known.clone().chain(groups).chain(["probe"]));
            let known: Vec<String> = known.map(|s| format!("[{s}]")).collect();
            format!("unknown section{hint}; allowed: {}, [probe.NAME]", known.join(", "))
        } else {
            let owner =
                SECTIONS.iter().find(|s| s.keys.iter().any(|k| k.field.name == name.get_ref().as_ref()));
            match owner {
                Some(section) => format!("a key outside its section; it belongs under [{}]", section.name),
                None => "a key outside any section".into(),
            }
        };
        self.report.add(name.span().start, path, message);
    }

    fn section(&mut self, section: &Section, table: &DeTable<'_>) {
        for (key, value) in read_keys(section.keys, section.name, table, self.report) {
            (key.set)(&mut self.loaded.config, value);
        }
        for name in table.keys() {
            let line = self.report.line_at(name.span().start);
            self.loaded.lines.insert(raw::join(section.name, name.get_ref()), line);
        }
    }

    fn probes(&mut self, table: &DeTable<'_>) {
        for (name, node) in table {
            let path = raw::join("probe", name.get_ref());
            let Some(keys) = node.get_ref().as_table() else {
                let message =
                    format!("found {}, expected a section: [{path}]", raw::describe(node.get_ref()));
                self.report.add(name.span().start, &path, message);
                continue;
            };
            if !is_probe_name(name.get_ref()) {
                let message = "not a probe's name; expected [a-z][a-z0-9_-]*, at most 32 characters";
                self.report.add(name.span().start, &path, message);
                continue;
            }
            let mut probe = ProbeConfig::default();
            for (key, value) in read_keys(PROBE, &path, keys, self.report) {
                (key.set)(&mut probe, value);
            }
            if probe.items.as_ref().is_some_and(Vec::is_empty) {
                let at = keys.get("items").map_or(0, |n| n.span().start);
                let message = "found an empty list; leave the key out to have all items on, \
                               or set state = \"stopped\"";
                self.report.add(at, &format!("{path}.items"), message);
            }
            self.remember_lines(&path, name.span().start, keys);
            self.loaded.config.probes.insert(name.get_ref().to_string(), probe);
        }
    }

    fn remember_lines(&mut self, path: &str, offset: usize, keys: &DeTable<'_>) {
        let mut remember = |path: String, offset| {
            self.loaded.lines.insert(path, self.report.line_at(offset));
        };
        remember(path.to_owned(), offset);
        for (name, node) in keys {
            let path = raw::join(path, name.get_ref());
            remember(path.clone(), name.span().start);
            match node.get_ref() {
                DeValue::Table(entries) => {
                    entries.keys().for_each(|e| remember(raw::join(&path, e.get_ref()), e.span().start));
                }
                DeValue::Array(entries) => entries.iter().for_each(|e| {
                    e.get_ref()
                        .as_str()
                        .into_iter()
                        .for_each(|s| remember(raw::join(&path, s), e.span().start));
                }),
                _ => {}
            }
        }
    }
}

fn read_keys<'k, T>(
    keys: &'k [Key<T>],
    section: &str,
    table: &DeTable<'_>,
    report: &mut Report<'_>,
) -> Vec<(&'k Key<T>, Value)> {
    let mut read = Vec::new();
    for (name, node) in table {
        let path = raw::join(section, name.get_ref());
        match keys.iter().find(|k| k.field.name == name.get_ref().as_ref()) {
            Some(key) => {
                read.extend(raw::read(key.field.kind, node, &path, report).map(|value| (key, value)));
            }
            None => {
                let message = raw::unknown_key(name.get_ref(), keys.iter().map(|k| k.field.name));
                report.add(name.span().start, &path, message);
            }
        }
    }
    read
}

/// Reports what the sections say of their keys together, at the key where the file has it.
fn check_sections(config: &Config, root: &DeTable<'_>, report: &mut Report<'_>) {
    for section in SECTIONS {
        let mut parts = section.name.split('.');
        let table = parts.next().and_then(|part| root.get(part));
        let table =
            parts.try_fold(table, |table, part| Some(table.and_then(|t| t.get_ref().get(part)))).flatten();
        for (key, message) in (section.check)(config) {
            let at = table.and_then(|t| t.get_ref().get(key)).map_or(0, |node| node.span().start);
            report.add(at, &raw::join(section.name, key), message);
        }
    }
}
