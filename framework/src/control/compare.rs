//! `GET /config`: where the configuration's file and what holds now differ, and why.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value as Json, json};

use super::reply;
use super::view::{Api, View};
use crate::config::json::write;
use crate::config::overlay::settings_of;
use crate::config::{self, Config, ProbeConfig};

pub(super) async fn config(State(api): State<Api>) -> Response {
    let view = api.now();
    // The page cache has it; this thread does nothing but answer requests.
    let body = match config::load(&api.file) {
        Ok(loaded) => {
            json!({"file": *api.file, "problem": null, "differences": differences(&view, &loaded.config)})
        }
        Err(error) => json!({"file": *api.file, "problem": error.to_string(), "differences": set(&view)}),
    };
    reply::json(StatusCode::OK, &body)
}

/// Every key that the file says something else about than what holds.
fn differences(view: &View, file: &Config) -> Vec<Json> {
    let changes = config::diff(file, &view.running);
    let fixed = changes.keys.iter().map(|change| {
        let key = format!("{}.{}", change.section, change.key);
        let why = if change.restart { "takes effect after a restart" } else { "not read yet" };
        json!({"key": key, "file": change.from, "running": change.to, "why": why})
    });
    let mut all: Vec<_> = fixed.collect();
    let default = ProbeConfig::default();
    for name in changes.probes.keys() {
        let of = |config: &Config| settings_of(config.probes.get(name).unwrap_or(&default));
        let (before, now) = (of(file), of(&view.running));
        let mut keys: Vec<_> = before.keys().chain(now.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys.into_iter().filter(|key| before.get(*key) != now.get(*key)) {
            let (file, running) = (before.get(key).map(write), now.get(key).map(write));
            let why = why(view, name, key);
            all.push(
                json!({"key": format!("probe.{name}.{key}"), "file": file, "running": running, "why": why}),
            );
        }
    }
    all
}

/// What was set at run time, where the file cannot be read.
fn set(view: &View) -> Vec<Json> {
    let keys = view.kept.keys().chain(view.passing.keys());
    let of = |(probe, key, value): (&str, &str, &_)| json!({"key": format!("probe.{probe}.{key}"), "file": null, "running": write(value), "why": why(view, probe, key)});
    keys.map(of).collect()
}

fn why(view: &View, probe: &str, key: &str) -> &'static str {
    let has =
        |overlay: &config::Overlay| overlay.of(probe).is_some_and(|settings| settings.contains_key(key));
    if has(&view.passing) {
        "set at run time until the next start"
    } else if has(&view.kept) {
        "set at run time"
    } else {
        "not read yet"
    }
}
