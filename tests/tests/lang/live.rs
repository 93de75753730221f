//! The other half of the contract: ready, configuration, items, parameters, periods, events, and each way to stop.

use std::io::Read;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use gopher_tests::probe::{Output, Probe, Row, manifest_text, wait_for_end};
use serde_json::{Value, json};

use crate::language::{ALL, Driver, Language, driver, golden_folder};

/// Languages whose probes read their configuration from stdin.
const STDIN: [Language; 2] = [Language::Python, Language::Java];

struct Live {
    probe: Probe,
    _driver: Driver,
}

fn live(language: Language, items: &[&str], params: &[(&str, Value)]) -> Result<Live> {
    let mut driver = driver(language, "live")?;
    let mut manifest = manifest_text(&golden_folder())?;
    if matches!(language, Language::Sh(_)) {
        manifest = manifest.replacen("\n[[", "\nreconfigure = \"restart\"\n[[", 1);
    }
    let command = std::mem::replace(&mut driver.command, std::process::Command::new("true"));
    Ok(Live { probe: Probe::start_command(command, &manifest, items, params)?, _driver: driver })
}

fn clean(status: ExitStatus) -> Result<()> {
    ensure!(status.code() == Some(0), "{status}");
    Ok(())
}

fn each(
    languages: &[Language],
    items: &[&str],
    params: &[(&str, Value)],
    check: impl Fn(&mut Probe) -> Result<()>,
) -> Result<()> {
    for language in languages {
        let mut live = live(*language, items, params)?;
        check(&mut live.probe).with_context(|| format!("{language:?}"))?;
    }
    Ok(())
}

fn any(_: &Row) -> bool {
    true
}

#[test]
fn it_is_ready_before_its_first_row() -> Result<()> {
    each(&ALL, &[], &[], |probe| {
        ensure!(probe.next_output()? == Output::Ready);
        Ok(())
    })
}

#[test]
fn items_and_parameters_arrive() -> Result<()> {
    each(&ALL, &["second"], &[("word", json!("a|b\\c"))], |probe| {
        let row = probe.row_where(any)?;
        ensure!(row.text("items") == "second," && row.text("word") == "a|b\\c", "{row:?}");
        Ok(())
    })
}

#[test]
fn rows_come_period_after_period_with_their_events() -> Result<()> {
    each(&ALL, &[], &[("report_period", json!(1))], |probe| {
        for wanted in 1..=3 {
            let row = probe.row_where(any)?;
            ensure!(row.text("rows") == wanted.to_string(), "{row:?}");
            let Output::Event(entity, id, body) = probe.next_output()? else {
                anyhow::bail!("no event follows the row")
            };
            ensure!(entity == "live" && id == row.text("language") && body == "a row | was written");
        }
        Ok(())
    })
}

#[test]
fn sigterm_stops_it() -> Result<()> {
    each(&ALL, &[], &[("report_period", json!(600))], |probe| {
        probe.row_where(any)?;
        probe.terminate()?;
        clean(probe.ended()?)
    })
}

#[test]
fn what_cannot_work_here_is_exit_status_78_with_the_reason() -> Result<()> {
    each(&ALL, &[], &[("word", json!("unsupported"))], |probe| {
        let status = probe.ended()?;
        ensure!(status.code() == Some(78), "{status}");
        gopher_tests::peer::until("the reason is on stderr", || {
            probe.stderr().contains("this word cannot be said here")
        })
    })
}

#[test]
fn a_closed_stdout_stops_it() -> Result<()> {
    for language in ALL {
        let mut driver = driver(language, "live")?;
        driver.command.env("GOPHER_PARAM_REPORT_PERIOD", "1");
        let mut child =
            driver.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("no stdin")?;
        std::io::Write::write_all(
            &mut stdin,
            b"{\"version\":1,\"generation\":1,\"probes\":{\"golden\":{\"items\":[],\"params\":{\"report_period\":1},\"scope\":{}}}}\n",
        )?;
        drop(child.stdout.take());
        clean(wait_for_end(&mut child)?).with_context(|| format!("{language:?}"))?;
        let mut complaint = String::new();
        child.stderr.take().context("no stderr")?.read_to_string(&mut complaint)?;
        ensure!(complaint.is_empty(), "{language:?}: {complaint}");
    }
    Ok(())
}

#[test]
fn a_closed_stdin_stops_what_reads_it() -> Result<()> {
    each(&STDIN, &[], &[("report_period", json!(600))], |probe| {
        probe.row_where(any)?;
        probe.close_stdin();
        clean(probe.ended()?)
    })
}

#[test]
fn a_change_is_answered_and_in_force_at_once() -> Result<()> {
    each(&STDIN, &["first"], &[("report_period", json!(600))], |probe| {
        ensure!(probe.row_where(any)?.text("items") == "first,");
        let params = [("report_period", json!(600)), ("word", json!("new"))];
        let generation = probe.configure(&["first", "second"], &params)?;
        probe.until(&Output::Applied(generation))?;
        let row = probe.row_where(any)?;
        ensure!(row.text("items") == "first,second," && row.text("word") == "new", "{row:?}");
        Ok(())
    })
}

#[test]
fn parameters_that_are_absent_have_their_defaults() -> Result<()> {
    each(&STDIN, &[], &[("report_period", json!(600)), ("word", json!("set"))], |probe| {
        ensure!(probe.row_where(any)?.text("word") == "set");
        probe.send("{\"version\":1,\"generation\":9,\"probes\":{\"golden\":{}}}\n")?;
        ensure!(probe.row_where(any)?.text("word") == "plain");
        Ok(())
    })
}

#[test]
fn a_bad_configuration_leaves_the_one_before() -> Result<()> {
    each(&STDIN, &[], &[("report_period", json!(1)), ("word", json!("kept"))], |probe| {
        for bad in ["{\n", "[]\n", "{\"version\":2,\"generation\":5,\"probes\":{}}\n"] {
            probe.send(bad)?;
        }
        gopher_tests::peer::until("three refusals", || probe.stderr().matches("was refused").count() == 3)?;
        for _ in 0..2 {
            ensure!(probe.row_where(any)?.text("word") == "kept");
        }
        Ok(())
    })
}

#[test]
fn a_probe_that_is_absent_from_the_configuration_rests() -> Result<()> {
    each(&STDIN, &[], &[("report_period", json!(1))], |probe| {
        probe.row_where(any)?;
        probe.send("{\"version\":1,\"generation\":50,\"probes\":{}}\n")?;
        probe.until(&Output::Applied(50))?;
        probe.send("{\"version\":1,\"generation\":51,\"probes\":{}}\n")?;
        ensure!(probe.next_output()? == Output::Applied(51), "rows go on");
        Ok(())
    })
}
