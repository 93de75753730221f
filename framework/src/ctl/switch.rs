//! `probe start`, `stop`, `restart`: a change of a probe's process, and the wait until it is so.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::failure::Failure;
use super::out::{Out, Style};
use super::probes::{array, path, refused, text};
use crate::control::client::{Client, Error};

/// Longest wait; a probe that does not heed its stop is killed before that.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Time after which a probe that has said nothing yet is believed to work.
const SILENCE: Duration = Duration::from_secs(3);

/// Has a probe run, and waits until it does or fails.
pub(super) fn start(client: &Client, name: &str, out: &Out) -> Result<(), Failure> {
    let document = json!({ "state": "running" }).to_string();
    client.put(&path(name)?, document).map_err(|error| refused(error, name))?;
    let (found, over) = look(client, name, started)?;
    show(name, &found, over, out)
}

/// Has a probe run no more, and waits until it has ended.
pub(super) fn stop(client: &Client, name: &str, out: &Out) -> Result<(), Failure> {
    let document = json!({ "state": "stopped" }).to_string();
    client.put(&path(name)?, document).map_err(|error| refused(error, name))?;
    let (found, over) = look(client, name, |found, _| (text(found, "state") == "stopped").then_some(true))?;
    show(name, &found, over, out)
}

/// Has a probe's process started anew, and waits until the new one works or fails.
pub(super) fn restart(client: &Client, name: &str, out: &Out) -> Result<(), Failure> {
    let before = of(client, name)?;
    client.post(&format!("/probes{}/restart", path(name)?)).map_err(|error| match error {
        Error::Refused { status: StatusCode::CONFLICT, .. } => Failure::Failed(format!(
            "{name}: failed: it is not to run; gopher-ctl probe start {name} starts it"
        )),
        error => refused(error, name),
    })?;
    let (found, over) = look(client, name, |found, since| {
        let new = found.get("started") != before.get("started");
        if new { started(found, since) } else { None }
    })?;
    show(name, &found, over, out)
}

/// Whether a start has come to its end, and to a good one.
fn started(found: &Value, since: Duration) -> Option<bool> {
    match text(found, "state").as_str() {
        "running" | "done" => Some(true),
        "starting" if since > SILENCE => Some(true),
        "starting" | "stopped" | "stopping" => None,
        _ => Some(false),
    }
}

/// Looks at a probe until it has come to an end; whether that is the one that was asked for.
fn look(
    client: &Client,
    name: &str,
    judge: impl Fn(&Value, Duration) -> Option<bool>,
) -> Result<(Value, bool), Failure> {
    let begun = Instant::now();
    loop {
        let found = of(client, name)?;
        if let Some(good) = judge(&found, begun.elapsed()) {
            return Ok((found, good));
        }
        if begun.elapsed() > PATIENCE {
            return Ok((found, false));
        }
        std::thread::sleep(PAUSE);
    }
}

/// What is known of a probe.
fn of(client: &Client, name: &str) -> Result<Value, Failure> {
    let all = client.get("/probes")?;
    let same = |probe: &&Value| text(probe, "name").eq_ignore_ascii_case(name);
    let found = array(&all, "probes").iter().find(same).cloned();
    found.ok_or_else(|| {
        Failure::Failed(format!("there is no probe {name}; gopher-ctl probe list shows those that there are"))
    })
}

/// Says how it is, and why it is not otherwise.
fn show(name: &str, found: &Value, good: bool, out: &Out) -> Result<(), Failure> {
    let state = text(found, "state");
    if out.json {
        out.value(
            &json!({ "name": name, "state": state, "pid": found["pid"], "last_error": found["last_error"] }),
        )?;
        return if good { Ok(()) } else { Err(Failure::Failed(String::new())) };
    }
    if good {
        let more = if state == "starting" { ", and has said nothing yet" } else { "" };
        return out.line(&format!("{name}: {}{more}", out.styled(Style::Good, &state)));
    }
    let why = found.pointer("/last_error/reason").and_then(Value::as_str).unwrap_or("it takes long");
    Err(Failure::Failed(format!(
        "{name}: {state}: {why}; its last words: gopher-ctl probe logs {name}, another try: gopher-ctl probe restart \
         {name}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_ends_with_a_probe_that_works_or_has_failed() {
        for (state, seconds, expected) in [
            ("running", 0, Some(true)),
            ("done", 0, Some(true)),
            ("stopped", 9, None),
            ("starting", 0, None),
            ("starting", 9, Some(true)),
            ("backoff", 0, Some(false)),
            ("unsupported", 0, Some(false)),
        ] {
            let found = json!({ "state": state });
            assert_eq!(started(&found, Duration::from_secs(seconds)), expected, "{state}");
        }
    }
}
