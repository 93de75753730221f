//! `top`: probes and exporters of a running agent, again and again until `q`; once where there is no terminal.

mod screen;

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::screen::{Screen, size as window};
use super::failure::Failure;
use super::metric::{Sample, samples};
use super::out::{Out, Style, columns, plain};
use super::probes::{array, size, text};
use crate::control::client::Client;

/// Rows of each folder by outcome, and of each exporter.
const ROWS: &str = "gala_gopher_agent_rows_total";
const EXPORTED: &str = "gala_gopher_agent_export_rows_total";
const SERIES: &str = "gala_gopher_agent_series";
/// Time between two looks at the keyboard and at the size of the window.
const GLANCE: Duration = Duration::from_millis(200);

/// What was seen at one time.
#[derive(Debug)]
struct Look {
    at: Instant,
    probes: Vec<Value>,
    samples: Vec<Sample>,
}

/// Shows the agent until `q`.
pub(super) fn run(client: Client, period: Duration, once: bool, out: &Out) -> Result<(), Failure> {
    let first = look(&client)?;
    let screen = if out.json || once { None } else { Screen::open()? };
    let Some(screen) = screen else {
        std::thread::sleep(period);
        return show(&first, &look(&client)?, out);
    };
    // An agent that does not answer keeps nobody from quitting.
    let (sender, looks) = sync_channel(0);
    std::thread::spawn(move || {
        while sender.send(look(&client)).is_ok() {
            std::thread::sleep(period);
        }
    });
    let mut trouble = String::new();
    let (mut before, mut now, mut drawn) = (None, first, None);
    loop {
        let size = window();
        if drawn != Some(size) {
            let page = page(before.as_ref().unwrap_or(&now), &now, size.1, out);
            screen.draw(&format!("{trouble}{page}"))?;
            drawn = Some(size);
        }
        if screen.quits(GLANCE)? {
            return Ok(());
        }
        match looks.try_recv() {
            Ok(Ok(new)) => {
                before = Some(std::mem::replace(&mut now, new));
                trouble.clear();
            }
            Ok(Err(failure)) => {
                trouble = format!("{}; what it was:\n\n", out.styled(Style::Bad, &failure.to_string()));
            }
            Err(_) => continue,
        }
        drawn = None;
    }
}

fn look(client: &Client) -> Result<Look, Failure> {
    let (probes, page) = (client.get("/probes")?, client.text("/metrics")?);
    let wanted = |sample: &Sample| [ROWS, EXPORTED, SERIES].contains(&sample.name.as_str());
    let samples = samples(&page).filter(wanted).collect();
    Ok(Look { at: Instant::now(), probes: array(&probes, "probes").to_vec(), samples })
}

fn show(before: &Look, now: &Look, out: &Out) -> Result<(), Failure> {
    if !out.json {
        return out.print(&page(before, now, usize::MAX, out));
    }
    let probe = |probe: &Value| {
        let rates = Rates::of(before, now, probe);
        json!({
            "name": probe["name"], "folder": probe["folder"], "state": probe["state"], "restarts": probe["restarts"],
            "rows_per_second": rates.accepted, "rejected_per_second": rates.rejected,
            "dropped_per_second": rates.dropped, "cpu_percent": rates.cpu,
            "memory_bytes": probe.pointer("/usage/memory_bytes"), "last_error": probe["last_error"],
        })
    };
    let exporters =
        exporters(before, now).into_iter().map(|(name, rates)| json!({ "name": name, "per_second": rates }));
    out.value(&json!({
        "probes": now.probes.iter().map(probe).collect::<Vec<_>>(),
        "exporters": exporters.collect::<Vec<_>>(),
    }))
}

/// All that is shown, in lines of at most so many columns where that is possible.
fn page(before: &Look, now: &Look, width: usize, out: &Out) -> String {
    let row = |probe: &Value| {
        let rates = Rates::of(before, now, probe);
        let memory = probe.pointer("/usage/memory_bytes").and_then(Value::as_u64).map(size);
        vec![
            text(probe, "name"),
            text(probe, "state"),
            rate(rates.accepted),
            rate(rates.rejected),
            rate(rates.dropped),
            rates.cpu.map(|percent| format!("{percent:.1}")).unwrap_or_default(),
            memory.unwrap_or_default(),
            text(probe, "restarts"),
        ]
    };
    let rows: Vec<_> = now.probes.iter().map(row).collect();
    let heading = ["PROBE", "STATE", "ROWS/s", "REJ/s", "DROP/s", "CPU %", "MEMORY", "RESTARTS"];
    let series: f64 =
        now.samples.iter().filter(|s| s.name == SERIES).filter_map(|s| s.value.parse::<f64>().ok()).sum();
    let head = format!("gala-gopher: {} probes, {series} series; q quits", now.probes.len());
    let mut page = format!("{}\n\n{}", out.styled(Style::Bold, &head), columns(out, &heading, &rows));
    page += &last_errors(&now.probes, width, out);
    let exporters = exporters(before, now);
    if !exporters.is_empty() {
        let get =
            |rates: &BTreeMap<String, f64>, outcome: &str| rate(rates.get(outcome).copied().unwrap_or(0.0));
        let row = |(name, rates): &(String, BTreeMap<String, f64>)| {
            vec![name.clone(), get(rates, "sent"), get(rates, "failed"), get(rates, "dropped")]
        };
        let rows: Vec<_> = exporters.iter().map(row).collect();
        page += &format!("\n{}", columns(out, &["EXPORTER", "SENT/s", "FAILED/s", "DROPPED/s"], &rows));
    }
    page
}

/// The last error of each probe that has one, whole: the end of such a text often is what matters.
fn last_errors(probes: &[Value], width: usize, out: &Out) -> String {
    let error = |probe: &Value| {
        let reason = probe.pointer("/last_error/reason").and_then(Value::as_str)?;
        Some((text(probe, "name"), plain(reason)))
    };
    let errors: Vec<_> = probes.iter().filter_map(error).collect();
    let Some(names) = errors.iter().map(|(name, _)| name.chars().count()).max() else { return String::new() };
    let names = names.max("PROBE".len());
    let heading = format!("{:names$}  LAST ERROR", "PROBE");
    let mut shown = format!("\n{}\n", out.styled(Style::Bold, &heading));
    for (name, reason) in errors {
        let letters: Vec<char> = reason.chars().collect();
        for (index, part) in letters.chunks(width.saturating_sub(names + 2).max(1)).enumerate() {
            let name = if index == 0 { name.as_str() } else { "" };
            shown += &format!("{name:names$}  {}\n", part.iter().collect::<String>());
        }
    }
    shown
}

/// What happens in a second.
#[derive(Debug, Default)]
struct Rates {
    accepted: f64,
    rejected: f64,
    dropped: f64,
    /// Percent of one core.
    cpu: Option<f64>,
}

impl Rates {
    /// Rows are counted by folder: probes of one folder show the same.
    fn of(before: &Look, now: &Look, probe: &Value) -> Self {
        let folder = text(probe, "folder");
        let seconds = now.at.duration_since(before.at).as_secs_f64().max(1e-3);
        let rows = |look: &Look, outcome: &str| {
            total(look, ROWS, |labels| {
                labels.get("probe") == Some(&folder)
                    && labels.get("outcome").is_some_and(|found| found == outcome)
            })
        };
        let per_second = |outcome| (rows(now, outcome) - rows(before, outcome)).max(0.0) / seconds;
        let cpu = |look: &Look| {
            let same = |other: &&Value| other["name"] == probe["name"] && other["pid"] == probe["pid"];
            look.probes
                .iter()
                .find(same)
                .and_then(|found| found.pointer("/usage/cpu_seconds"))
                .and_then(Value::as_f64)
        };
        let cpu = cpu(now).zip(cpu(before)).map(|(now, before)| (now - before).max(0.0) / seconds * 100.0);
        Self {
            accepted: per_second("accepted"),
            rejected: per_second("rejected"),
            dropped: per_second("dropped"),
            cpu,
        }
    }
}

/// Rows a second of each exporter by outcome.
fn exporters(before: &Look, now: &Look) -> Vec<(String, BTreeMap<String, f64>)> {
    let seconds = now.at.duration_since(before.at).as_secs_f64().max(1e-3);
    let mut all: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for sample in now.samples.iter().filter(|sample| sample.name == EXPORTED) {
        let labels = sample.pairs();
        let was = total(before, EXPORTED, |other| *other == labels);
        let rate = (sample.value.parse::<f64>().unwrap_or(0.0) - was).max(0.0) / seconds;
        let [exporter, outcome] =
            ["exporter", "outcome"].map(|name| labels.get(name).cloned().unwrap_or_default());
        all.entry(exporter).or_default().insert(outcome, rate);
    }
    all.into_iter().collect()
}

fn total(look: &Look, name: &str, fits: impl Fn(&BTreeMap<String, String>) -> bool) -> f64 {
    let chosen = look.samples.iter().filter(|sample| sample.name == name && fits(&sample.pairs()));
    chosen.filter_map(|sample| sample.value.parse::<f64>().ok()).sum()
}

/// A rate as it is read at a glance.
fn rate(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else if number < 100.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(at: Instant, cpu: f64, accepted: u32) -> Look {
        let page = format!(
            "{ROWS}{{probe=\"demo\",outcome=\"accepted\",reason=\"\"}} {accepted}\n\
             {ROWS}{{probe=\"other\",outcome=\"accepted\",reason=\"\"}} 9\n\
             {EXPORTED}{{exporter=\"kafka\",outcome=\"sent\"}} {accepted}\n"
        );
        let probe = json!({ "name": "demo", "folder": "demo", "state": "running", "pid": 7, "restarts": 0,
            "usage": { "cpu_seconds": cpu, "memory_bytes": 2048 }, "last_error": { "reason": "exit code 3" } });
        Look { at, probes: vec![probe], samples: samples(&page).collect() }
    }

    #[test]
    fn rates_are_what_changed_between_two_looks() {
        let begun = Instant::now();
        let (before, now) = (look(begun, 1.0, 100), look(begun + Duration::from_secs(2), 1.5, 300));
        let rates = Rates::of(&before, &now, &now.probes[0]);
        assert_eq!((rates.accepted, rates.cpu), (100.0, Some(25.0)));
        let page = page(&before, &now, 80, &Out::new(false));
        for word in ["demo", "running", "100", "25.0", "2.0 KiB", "exit code 3", "kafka"] {
            assert!(page.contains(word), "{word}: {page}");
        }
    }

    #[test]
    fn eighty_columns_are_enough_for_long_errors() {
        let begun = Instant::now();
        let mut now = look(begun, 1.0, 123_456);
        let reason =
            "exit code 78; its last line: ".to_owned() + &"the reason is long ".repeat(6) + "and ends so";
        now.probes[0]["last_error"]["reason"] = json!(reason);
        now.probes[0]["state"] = json!("unsupported");
        now.probes[0]["name"] = json!("twelve-chars");
        let page = page(&now, &now, 80, &Out::new(false));
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        let errors = page.lines().skip_while(|line| !line.contains("LAST ERROR")).skip(1);
        let errors: String =
            errors.take_while(|line| !line.is_empty()).filter_map(|line| line.get(14..)).collect();
        assert_eq!(errors.replace(' ', ""), reason.replace(' ', ""));
    }

    #[test]
    fn a_counter_that_began_anew_is_no_negative_rate() {
        let begun = Instant::now();
        let (before, now) = (look(begun, 9.0, 300), look(begun + Duration::from_secs(1), 1.0, 5));
        let rates = Rates::of(&before, &now, &now.probes[0]);
        assert_eq!((rates.accepted, rates.cpu), (0.0, Some(0.0)));
    }
}
