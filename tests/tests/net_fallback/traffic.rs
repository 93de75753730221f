//! A process that makes TCP and UDP traffic when it is asked to, in network namespaces of its own or here.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gopher_tests::tree::source_root;
use serde_json::{Value, from_str};

/// Prepares a network namespace; `$0` is what follows.
pub(crate) const PREPARE: &str =
    "ip link set lo up && ip address add 10.244.1.7/32 dev lo && exec \"$0\" \"$@\"";
/// And lets a service's address lead to a backend.
pub(crate) const TRANSLATE: &str = "ip link set lo up && ip address add 10.244.1.7/32 dev lo \
    && ip route add local 10.96.0.0/16 dev lo \
    && iptables -t nat -A OUTPUT -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.1.7:8080 \
    && exec \"$0\" \"$@\"";

/// Who makes traffic. Ended when it is dropped.
pub(crate) struct Traffic {
    pub(crate) child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Traffic {
    /// In new user and network namespaces.
    pub(crate) fn start(prepare: &str, argument: &str) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", prepare]);
        Self::run(command, argument)
    }

    /// In another network namespace of the same user namespace.
    pub(crate) fn beside(&self) -> Self {
        let mut command = self.enter(&["--user"]);
        command.args(["unshare", "--net", "sh", "-c", PREPARE]);
        Self::run(command, "")
    }

    /// In the namespaces of the test itself.
    pub(crate) fn here() -> Self {
        Self::run(Command::new("env"), "")
    }

    fn run(mut command: Command, argument: &str) -> Self {
        let script = source_root().join("tests/tests/net_fallback/traffic.py");
        command.arg("python3").arg(script).arg(argument);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut traffic = Self { child, stdin, stdout };
        assert_eq!(traffic.heard()["ready"], true);
        traffic
    }

    /// A command in its namespaces.
    pub(crate) fn enter(&self, which: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.child.id().to_string()).args(which);
        command
    }

    fn heard(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        from_str(&line).unwrap_or_else(|error| panic!("{error}: `{line}`"))
    }

    pub(crate) fn ask(&mut self, what: &str) -> Value {
        writeln!(self.stdin, "{what}").unwrap();
        self.heard()
    }

    /// What `ss` tells of its connections: a number behind a name, added up.
    pub(crate) fn ss(&self, name: &str) -> u64 {
        let output = self.enter(&["--net"]).args(["ss", "-tinpHO"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let own = format!("pid={},", self.pid());
        let words = text.lines().filter(|line| line.contains(&own)).flat_map(str::split_ascii_whitespace);
        let numbers = words.filter_map(|word| word.strip_prefix(name)?.strip_prefix(':'));
        numbers.map(|number| number.parse::<u64>().unwrap()).sum()
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
