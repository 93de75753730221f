//! The JSON reader of the Java helper judges documents as serde does.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::language::{Language, driver};

const DOCUMENTS: [&str; 44] = [
    "{}",
    "[]",
    " { } ",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "12",
    "-9223372036854775808",
    "9223372036854775807",
    "18446744073709551615",
    "1.5",
    "-2.5e3",
    "1E+2",
    r#""""#,
    r#""a b""#,
    r#""\" \\ \/ \b \f \n \r \t""#,
    r#""\u0041\u00e9\ud83d\udc39""#,
    r#""大象 🐹""#,
    r#"{"a":1,"b":[1,2,{"c":null}],"d":{"e":{"f":[[]]}}}"#,
    r#"{ "version" : 1 , "probes" : { "x" : { "items" : [ "a" , "b" ] } } }"#,
    r#"{"a":1,"a":2}"#,
    "nul",
    "trueish",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "-",
    "NaN",
    "[1,]",
    "[,]",
    "[1 2]",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1,}"#,
    "{a:1}",
    r#""open"#,
    r#""\x""#,
    r#""\u12g4""#,
    "\"tab\there\"",
    "{} {}",
];

#[test]
fn java_reads_json_as_serde_does() -> Result<()> {
    let mut driver = driver(Language::Java, "live")?;
    let mut child = driver.command.arg("json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = DOCUMENTS.join("\n");
    input.push_str(&format!("\n{}{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    let mut stdin = child.stdin.take().context("no stdin")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let output = String::from_utf8(child.wait_with_output()?.stdout)?;
    let verdicts: Vec<_> = output.split_terminator('\n').collect();
    ensure!(verdicts.len() == DOCUMENTS.len() + 1, "{output}");
    for (document, verdict) in DOCUMENTS.iter().zip(&verdicts) {
        let good = serde_json::from_str::<Value>(document).is_ok();
        ensure!(verdict.starts_with(if good { "good" } else { "bad" }), "{document}: {verdict}");
    }
    ensure!(verdicts.last() == Some(&"bad"), "a document of 100,000 levels is read");
    ensure!(output.contains("{a=1, b=[1, 2, {c=null}], d={e={f=[[]]}}}"), "{output}");
    Ok(())
}
