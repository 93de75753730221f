//! Every encoder writes the golden lines, and the agent's decoder reads the input back from them.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use gopher_protocol::decode::{Decoder, Fields, Line};
use gopher_protocol::histogram::Histogram;
use gopher_protocol::number::Number;
use gopher_tests::probe::manifest;

use crate::cases::{self, Case, Value};
use crate::language::{ALL, Language, driver, golden_folder};

#[test]
fn the_rust_encoder_writes_the_golden_lines() -> Result<()> {
    let cases = cases::all()?;
    let lines = cases.iter().map(Case::encoded).collect::<Result<Vec<_>>>()?;
    compare(&cases, &lines)
}

#[test]
fn each_language_writes_the_golden_lines() -> Result<()> {
    let cases = cases::all()?;
    for language in ALL {
        compare(&cases, &driven(language)?).with_context(|| format!("{language:?}"))?;
    }
    Ok(())
}

fn driven(language: Language) -> Result<Vec<String>> {
    let mut driver = driver(language, "drive")?;
    let mut child = driver.command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let text = cases::text()?;
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{:?}", output.status);
    writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    Ok(String::from_utf8(output.stdout)?.split_terminator('\n').map(str::to_owned).collect())
}

fn compare(cases: &[Case], lines: &[String]) -> Result<()> {
    ensure!(cases.len() == lines.len(), "{} cases, {} lines", cases.len(), lines.len());
    let tables = manifest(&golden_folder())?.tables();
    let mut decoder = Decoder::new();
    for (case, line) in cases.iter().zip(lines) {
        ensure!(case.has_float() || case.line == *line, "wanted {}, got {line}", case.line);
        let Line::Row(row) = decoder.decode(&tables, line.as_bytes())? else { bail!("{line} is no row") };
        for (index, value) in case.values.iter().enumerate() {
            ensure!(reads_back(value, row.fields, index), "field {index} of {line} is not {value:?}");
        }
    }
    Ok(())
}

fn reads_back(value: &Value, fields: Fields<'_>, index: usize) -> bool {
    let text = fields.get(index);
    match value {
        Value::Text(wanted) if wanted == "(null)" => text.is_empty(),
        Value::Text(wanted) => text == wanted,
        Value::Number(wanted) => text == wanted.to_string(),
        Value::Float(wanted) => {
            Number::parse(text).is_ok_and(|number| number.as_f64().to_bits() == wanted.to_bits())
        }
        Value::Absent => text.is_empty(),
        Value::Histogram(wanted) => {
            let mut histogram = Histogram::default();
            histogram.parse(text).is_ok() && histogram == *wanted
        }
    }
}
