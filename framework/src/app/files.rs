//! The certificates, keys and tokens that a configuration names: read in one way for a check, a start and a change.

use std::sync::Arc;

use super::control::rules;
use super::exporters;
use crate::config::{self, Loaded, Problem, Problems};
use crate::tls::{Files, Part, Tls};

/// What the listeners speak TLS with; none: plain HTTP.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub(super) metrics: Option<Arc<Tls>>,
    pub(super) control: Option<Arc<Tls>>,
}

/// Reads the files of the sections that are `asked` for.
///
/// # Errors
/// Every file that is missing, cannot be read or does not fit, with its key.
pub(super) fn read(loaded: &Loaded, asked: impl Fn(&str) -> bool) -> Result<Listeners, Problems> {
    let config = &loaded.config;
    let mut problems = Vec::new();
    let mut report = |section: &str, key: &str, message: String| {
        let key = format!("{section}.{key}");
        let line = loaded.lines.get(&key).copied().unwrap_or(0);
        problems.push(Problem { file: loaded.file.clone(), line, key, message });
    };
    let mut listeners = Listeners::default();
    if asked("export.prometheus") && config.prometheus.enabled {
        let files = &config.prometheus.tls;
        match tls(files, files.client_ca_file.is_some()) {
            Ok(tls) => listeners.metrics = tls,
            Err((key, message)) => report("export.prometheus", key, message),
        }
    }
    if asked("control") {
        let files = &config.control.tls;
        // A client without a certificate gets as far as the requests where a token can show who it is.
        match tls(files, files.client_ca_file.is_some() && config.control.token_file.is_none()) {
            Ok(tls) => listeners.control = tls,
            Err((key, message)) => report("control", key, message),
        }
        if let Err(error) = rules(&config.control).check() {
            report("control", "token_file", error.to_string());
        }
    }
    for (section, key, message) in exporters::bad_files(config) {
        if asked(section) {
            report(section, key, message);
        }
    }
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(listeners) } else { Err(Problems(problems)) }
}

/// TLS as the files have it; none where none are named. `client_must`: without a certificate nobody gets in. The error
/// has the key to look at.
fn tls(files: &config::Tls, client_must: bool) -> Result<Option<Arc<Tls>>, (&'static str, String)> {
    let (Some(cert), Some(key)) = (files.cert_file.clone(), files.key_file.clone()) else { return Ok(None) };
    let client_ca = files.client_ca_file.clone();
    let tls = Tls::load(Files { cert, key, client_ca, client_must }).map_err(|error| {
        let key = match error.part() {
            Part::Certificate => "tls_cert_file",
            Part::Key => "tls_key_file",
            Part::Authorities => "tls_client_ca_file",
        };
        (key, error.to_string())
    })?;
    Ok(Some(Arc::new(tls)))
}
