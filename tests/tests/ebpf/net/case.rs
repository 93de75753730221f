//! A script that makes traffic, counts it itself or has the kernel count it, and says what must be told of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use gopher_tests::tree::source_root;
use serde_json::Value;

/// A case of a script that has said what the probes must tell of it, and of which process. Ended when it is dropped.
pub(crate) struct Case {
    pub(crate) child: Child,
    pub(crate) pid: String,
    pub(crate) wanted: Vec<Value>,
}

impl Case {
    pub(crate) fn start(name: &str) -> Self {
        let (script, name) = name.split_once('/').unwrap_or(("traffic", name));
        let script = source_root().join(format!("tests/tests/ebpf/net/{script}.py"));
        let mut command = Command::new("python3");
        command.arg(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut line, mut complaint) = (String::new(), String::new());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
            panic!("{name} told nothing: {complaint}");
        }
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, pid: told["pid"].to_string(), wanted: told["wanted"].as_array().unwrap().clone() }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// True where a number, or a pair of bounds, is met.
pub(crate) fn meets(found: f64, wanted: &Value) -> bool {
    match wanted.as_array() {
        Some(bounds) => found >= bounds[0].as_f64().unwrap() && found <= bounds[1].as_f64().unwrap(),
        None => wanted.as_f64() == Some(found),
    }
}
