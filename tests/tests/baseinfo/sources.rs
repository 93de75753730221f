//! What other programs and the test's own reading say about this host.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// Table, first key and field.
pub(crate) type Fact = (String, String, String);

/// A value, and by how much a moving one may be off.
pub(crate) type Facts = BTreeMap<Fact, (f64, f64)>;

/// So much moving memory may be off, in kB: too little to hide a wrong unit.
fn moving(kb: f64) -> f64 {
    kb / 50.0 + 256.0
}

fn put(facts: &mut Facts, table: &str, key: &str, field: &str, value: f64, slack: f64) {
    facts.insert((table.to_owned(), key.to_owned(), field.to_owned()), (value, slack));
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    String::from_utf8(output.stdout).unwrap()
}

/// Times and soft interrupts of every CPU, read from /proc by this test.
pub(crate) fn cpus(facts: &mut Facts) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    for line in stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let cpu = columns[0].trim_start_matches("cpu");
        let names = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
        for (name, ticks) in names.iter().zip(&columns[1..]) {
            let ms = ticks.parse::<f64>().unwrap() * 10.0;
            // Idle times are computed when they are read and may go back a little.
            let slack = if matches!(*name, "idle" | "iowait") { 100.0 } else { 0.0 };
            put(facts, "system_cpu", cpu, &format!("{name}_msec"), ms, slack);
        }
    }
    let softirqs = std::fs::read_to_string("/proc/softirqs").unwrap();
    for (name, field) in [("TIMER:", "timer"), ("SCHED:", "sched"), ("RCU:", "rcu"), ("NET_RX:", "net_rx")] {
        let line = softirqs.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        for (cpu, count) in line.split_whitespace().skip(1).enumerate() {
            put(facts, "system_cpu", &cpu.to_string(), field, count.parse().unwrap(), 0.0);
        }
    }
}

/// The root file system as df has it, in kB.
pub(crate) fn root_file_system(facts: &mut Facts) {
    let output = run("df", &["-k", "--output=used,avail,iused,iavail", "/"]);
    let numbers = output.lines().nth(1).unwrap().split_whitespace();
    for ((field, slack), number) in
        [("Used", 50e3), ("Free", 50e3), ("IUsed", 500.0), ("IFree", 500.0)].iter().zip(numbers)
    {
        put(facts, "system_df", "/", field, number.parse().unwrap(), *slack);
    }
}

/// What free says, in kB.
pub(crate) fn memory(facts: &mut Facts) {
    let output = run("free", &["-k"]);
    let row = |name: &str| -> Vec<f64> {
        let line = output.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect()
    };
    let (mem, swap) = (row("Mem:"), row("Swap:"));
    let infos = "/proc/meminfo";
    put(facts, "system_meminfo", infos, "total_kB", mem[0], 0.0);
    put(facts, "system_meminfo", infos, "free_kB", mem[2], moving(mem[2]));
    put(facts, "system_meminfo", infos, "shmem_kB", mem[3], moving(mem[3]));
    put(facts, "system_meminfo", infos, "available_kB", mem[5], moving(mem[5]));
    put(facts, "system_meminfo", infos, "swap_total_kB", swap[0], 0.0);
    put(facts, "system_meminfo", infos, "swap_free_kB", swap[2], moving(swap[2]));
}

/// A process as ps has it.
pub(crate) fn process(facts: &mut Facts, pid: u32) {
    let pid = pid.to_string();
    let output = run("ps", &["-o", "pgid=,ppid=,nlwp=,ni=,vsz=,rss=", "-p", &pid]);
    let numbers: Vec<f64> = output.split_whitespace().map(|number| number.parse().unwrap()).collect();
    for (field, number) in ["pgid", "ppid", "num_threads", "nice"].iter().zip(&numbers) {
        put(facts, "system_proc", &pid, field, *number, 0.0);
    }
    put(facts, "system_proc", &pid, "vm_size", numbers[4] * 1024.0, 0.0);
    // The kernel counts pages by CPU: the sums that it gives at different places differ by some hundred pages.
    put(facts, "system_proc", &pid, "pm_size", numbers[5] * 1024.0, f64::from(3 << 20));
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    put(facts, "system_proc", &pid, "fd_count", f64::from(u32::try_from(open).unwrap()), 0.0);
}

/// Every device that baseinfo can show, as `ip -s link` has it.
pub(crate) fn devices(facts: &mut Facts) {
    let links: serde_json::Value = serde_json::from_str(&run("ip", &["-s", "-j", "link"])).unwrap();
    for link in links.as_array().unwrap() {
        let name = link["ifname"].as_str().unwrap();
        for way in ["rx", "tx"] {
            for (theirs, ours) in
                [("bytes", "bytes"), ("packets", "packets"), ("errors", "errs"), ("dropped", "dropped")]
            {
                let value = link["stats64"][way][theirs].as_f64().unwrap();
                put(facts, "nic", name, &format!("{way}_{ours}"), value, 0.0);
            }
        }
    }
}

/// Debian's node exporter, on a free port.
pub(crate) struct NodeExporter {
    child: Child,
    port: u16,
}

impl NodeExporter {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("--web.listen-address=127.0.0.1:{port}");
        let mut command = Command::new("prometheus-node-exporter");
        let child = command.arg(listen).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, port }
    }

    /// Its page, as soon as it serves one.
    fn page(&self) -> String {
        let mut stream = (0..600)
            .find_map(|_| {
                let stream = TcpStream::connect(("127.0.0.1", self.port)).ok();
                if stream.is_none() {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                stream
            })
            .expect("node_exporter does not listen");
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    pub(crate) fn facts(&self, facts: &mut Facts) {
        let page = self.page();
        let value = |series: &str| -> f64 {
            let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("node_exporter has no {series}")).parse().unwrap()
        };
        for (theirs, ours) in [
            ("Buffers", "buffers_kB"),
            ("Cached", "cache_kB"),
            ("Active", "active_kB"),
            ("Inactive", "inactive_kB"),
            ("Slab", "slab_kB"),
            ("SReclaimable", "SReclaimable_kB"),
            ("SUnreclaim", "Unreclaim_kB"),
            ("PageTables", "page_kB"),
            ("KernelStack", "stack_kB"),
            ("Active_anon", "active_anon_kB"),
            ("Inactive_anon", "inactive_anon_kB"),
            ("Active_file", "active_file_kB"),
            ("Inactive_file", "inactive_file_kB"),
            ("Mlocked", "mlocked"),
            ("VmallocUsed", "vmalloc_kB"),
        ] {
            let kb = value(&format!("node_memory_{theirs}_bytes")) / 1024.0;
            put(facts, "system_meminfo", "/proc/meminfo", ours, kb, moving(kb));
        }
        for (table, theirs, ours) in [
            ("system_tcp", "Tcp_InSegs", "tcp_in_segs"),
            ("system_tcp", "Tcp_OutSegs", "tcp_out_segs"),
            ("system_tcp", "Tcp_RetransSegs", "tcp_retrans_segs"),
            ("system_tcp", "Tcp_InErrs", "tcp_in_errs"),
            ("system_udp", "Udp_InDatagrams", "udp_indata_grams"),
            ("system_udp", "Udp_OutDatagrams", "udp_outdata_grams"),
        ] {
            put(facts, table, "/proc/net/snmp", ours, value(&format!("node_netstat_{theirs}")), 0.0);
        }
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
