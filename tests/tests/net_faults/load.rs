//! Who loads the network, and how the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gopher_tests::net::Net;
use gopher_tests::probe::{DEADLINE, Row};
use gopher_tests::tree::{binary, source_root};

/// Namespaces in which it is root, and eBPF is refused.
const NEW: [&str; 3] = ["--user", "--map-root-user", "--net"];
/// In a namespace with nothing but itself.
const ALONE: &str = "ip link set lo up && exec \"$0\" \"$@\"";
/// Both ends of a cable; answers to any address go to the other end, where nobody takes them.
const CABLE: &str = "sysctl -q net.ipv4.tcp_syncookies=0 \
    && ip link add here address 02:00:00:00:00:01 type veth peer name there address 02:00:00:00:00:02 \
    && ip address add 10.77.0.1/24 dev here && ip link set lo up && ip link set here up && ip link set there up \
    && ip route add default via 10.77.0.2 && ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev here \
    && exec \"$0\" \"$@\"";

/// A process that makes load when it is told to. Ended when it is dropped.
pub(crate) struct Load {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Load {
    /// What `short_connections` does, in a new network namespace.
    pub(crate) fn connections(count: usize) -> Self {
        let mut command = Command::new("unshare");
        command.args(NEW).args(["sh", "-c", ALONE]).arg(binary("short_connections")).arg(count.to_string());
        Self::start(command)
    }

    /// The same, in the namespace of this one.
    pub(crate) fn connections_beside(&self, count: usize) -> Self {
        let mut command = self.enter();
        command.arg(binary("short_connections")).arg(count.to_string());
        Self::start(command)
    }

    /// A case of load.py in a new network namespace.
    pub(crate) fn case(case: &str, count: usize) -> Self {
        let prepare = if case == "flood" { CABLE } else { ALONE };
        let mut command = Command::new("unshare");
        command.args(NEW).args(["sh", "-c", prepare]);
        Self::script(command, case, count)
    }

    /// The same, in the namespace of this one.
    pub(crate) fn case_beside(&self, case: &str, count: usize) -> Self {
        Self::script(self.enter(), case, count)
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string(), "--user", "--net"]);
        command
    }

    fn script(mut command: Command, case: &str, count: usize) -> Self {
        command.arg("python3").arg(source_root().join("tests/tests/net_faults/load.py"));
        command.arg(case).arg(count.to_string());
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut load = Self { child, stdin, stdout };
        load.says("ready");
        load
    }

    fn says(&mut self, wanted: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), wanted);
    }

    /// Lets it begin.
    pub(crate) fn begin(&mut self) {
        writeln!(self.stdin, "go").unwrap();
    }

    /// Waits until it has done it; what it has open stays open.
    pub(crate) fn done(&mut self) {
        self.says("done");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The kernel's own counters of its network namespace, as nstat shows them.
    pub(crate) fn kernel(&self) -> BTreeMap<String, u64> {
        let text = |file| fs::read_to_string(format!("/proc/{}/net/{file}", self.pid())).unwrap();
        let text = text("snmp") + &text("netstat");
        let lines: Vec<&str> = text.lines().collect();
        let pairs =
            lines.chunks(2).flat_map(|pair| pair[0].split(' ').skip(1).zip(pair[1].split(' ').skip(1)));
        pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The sum of a field: a table, a role (empty: both), a field, the sum.
pub(crate) type Sum<'a> = (&'a str, &'a str, &'a str, u64);

fn told(rows: &[Row], (table, role, field, _): &Sum<'_>) -> u64 {
    let of = |row: &&Row| row.table == *table && (role.is_empty() || row.text("role") == *role);
    rows.iter().filter(of).filter_map(|row| row.text(field).parse::<u64>().ok()).sum()
}

/// Waits until the rows have these sums. Only where the kernel did not run the programs, and that is told, may something
/// be missing; nothing may be told that was not.
pub(crate) fn agrees(net: &Net, counts: impl Fn(&Row) -> bool, wanted: &[Sum<'_>]) {
    let begun = Instant::now();
    loop {
        let rows: Vec<Row> = net.rows().into_iter().filter(&counts).collect();
        let found = wanted.iter().map(|sum| (sum, told(&rows, sum)));
        let missing: Vec<_> = found.filter(|(sum, told)| *told != sum.3).collect();
        assert!(missing.iter().all(|(sum, told)| *told < sum.3), "more than there was: {missing:?}");
        if missing.is_empty() {
            return;
        }
        if begun.elapsed() > DEADLINE {
            let lost = net.lost();
            assert!(lost.contains_key("program_runs"), "nothing explains {missing:?}; lost is {lost:?}");
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
}
