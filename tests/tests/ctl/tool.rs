//! Runs `gopher-ctl` to its end.
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong here fails the test at once")]

use std::process::{Command, Output, Stdio};

use gopher_tests::tree::binary;
use serde_json::Value;

/// What a command did.
pub(crate) struct Done {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
}

impl Done {
    /// stdout as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// The same, where the exit code is this one.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Whether stdout has this text, with all of it shown where not.
    pub(crate) fn says(&self, text: &str) {
        assert!(
            self.stdout.contains(text),
            "no {text:?} in stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
    }

    /// The same for stderr.
    pub(crate) fn complains(&self, text: &str) {
        assert!(
            self.stderr.contains(text),
            "no {text:?} in stderr: {}\nstdout: {}",
            self.stderr,
            self.stdout
        );
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs the tool with these arguments.
pub(crate) fn ctl(arguments: &[&str]) -> Done {
    let mut command = Command::new(binary("gopher-ctl"));
    command.args(arguments).stdin(Stdio::null()).output().expect("gopher-ctl").into()
}
