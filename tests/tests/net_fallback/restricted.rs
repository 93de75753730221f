//! An agent that does not have the capabilities for eBPF, as in a restricted container: the tables are served without, and
//! `gopher-ctl doctor` and the agent's metrics say what is missing and what would help.

use std::collections::BTreeMap;
use std::process::Command;

use gopher_tests::agent::{Agent, Home, sum, values};
use gopher_tests::tree::binary;
use serde_json::Value;

use crate::traffic::Traffic;

/// What eBPF needs.
const PROGRAMS: &str = "-bpf,-perfmon,-sys_admin";
/// And what other users' processes need.
const USERS: &str = "-bpf,-perfmon,-sys_admin,-sys_ptrace,-dac_read_search";

/// Without these capabilities, and with this process in scope.
fn agent(without: &'static str, traffic: &Traffic) -> Agent {
    let home = Home::new().with_built_in("net").bounded(without);
    let scope = format!("scope = {{ proc_id = [{}] }}", traffic.pid());
    home.configure(&format!(
        "[probe.tcp]\nstate = \"running\"\nparams = {{ report_period = 5, sample_period = 200 }}\n{scope}\n\
         [probe.socket]\nstate = \"running\"\nparams = {{ report_period = 5 }}\n{scope}\n"
    ));
    let agent = Agent::serve(home);
    agent.until("the probe", |samples| {
        sum(samples, "gala_gopher_agent_probe_state", &[("probe", "net"), ("state", "running")]) == 1
    });
    agent
}

/// What `gopher-ctl doctor` says of a folder, asked through the agent.
fn doctor(agent: &Agent) -> Value {
    let (socket, config) = (agent.home.path().join("run/control.sock"), agent.home.config());
    let mut command = Command::new(binary("gopher-ctl"));
    command.arg("--socket").arg(socket).args(["doctor", "--json", "--config"]).arg(config);
    let said = command.output().unwrap();
    // Some items are impossible.
    assert_eq!(said.status.code(), Some(1), "{}", String::from_utf8_lossy(&said.stderr));
    let all: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((&all["folders"][0]["folder"], &all["folders"][0]["by"]), (&"net".into(), &"agent".into()));
    all["folders"][0].clone()
}

/// Verdict and reason of each item.
fn items(folder: &Value) -> BTreeMap<&str, (&str, &str)> {
    let items = folder["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let text = |key: &str| item[key].as_str().unwrap();
            (text("item"), (text("verdict"), text("reason")))
        })
        .collect()
}

#[test]
fn tables_are_those_of_ss_without_the_capabilities_for_ebpf() {
    let mut traffic = Traffic::here();
    let agent = agent(PROGRAMS, &traffic);
    let pid = traffic.pid();
    let known =
        |samples: &_| values(samples, "gala_gopher_endpoint_tcp_listendrop_total", "tgid").contains(&pid);
    agent.until("a look at the listener", known);
    let made = traffic.ask("connections");
    let (there, back) = (made["there"].as_u64().unwrap(), made["back"].as_u64().unwrap());
    let labels = |role| [("tgid", pid.as_str()), ("role", role), ("source", "inet_diag")];
    let of = |samples: &_, role, field: &str| {
        sum(samples, &format!("gala_gopher_tcp_link_{field}_total"), &labels(role))
    };
    let all = |samples: &_| {
        ["client", "server"].map(|role| (of(samples, role, "tx_bytes"), of(samples, role, "rx_bytes")))
    };
    agent.until("what was sent", |samples| all(samples) == [(there, back), (back, there)]);
    let samples = agent.scrape();
    for (field, name) in [("segs_in", "segs_in"), ("segs_out", "segs_out"), ("tx_bytes", "bytes_sent")] {
        assert_eq!(
            of(&samples, "client", field) + of(&samples, "server", field),
            traffic.ss(name),
            "{field}"
        );
    }
    let of_ebpf = values(&samples, "gala_gopher_tcp_link_tx_bytes_total", "source");
    assert_eq!(of_ebpf.into_iter().collect::<Vec<_>>(), ["inet_diag"]);
    for absent in ["send_rsts", "tmout_count", "syn_srtt_count"] {
        let name = format!("gala_gopher_tcp_link_{absent}");
        assert!(!samples.keys().any(|series| series.starts_with(&name)), "{absent} cannot be had");
    }
}

#[test]
fn doctor_and_metrics_say_of_each_item_what_is_missing_and_what_helps() {
    let traffic = Traffic::here();
    let agent = agent(PROGRAMS, &traffic);
    let found = doctor(&agent);
    let items = items(&found);
    let (verdict, reason) = items["tcp_abnormal"];
    assert_eq!(verdict, "degraded");
    for part in [
        "no tmout_count, send_rsts, receive_rsts, tcp_oom",
        "counters by inet_diag, approximate: ",
        "eBPF: CAP_BPF and CAP_PERFMON are missing: grant them to the agent",
        "no processes in other network namespaces (setns: CAP_SYS_ADMIN is missing: grant it to the agent)",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    for (item, absent) in [("tcp_delay", "no sys_delay, net_delay"), ("tcp_srtt", "no syn_srtt")] {
        assert_eq!(items[item].0, "impossible", "{item}");
        assert!(items[item].1.starts_with(absent), "{}", items[item].1);
    }
    for item in ["tcp_rtt", "tcp_windows", "tcp_rate", "tcp_sockbuf", "tcp_stats", "tcp_socket", "udp_socket"]
    {
        assert_eq!(items[item].0, "degraded", "{item}");
    }
    agent.until("the capabilities", |samples| {
        let shown = |labels: &[_]| sum(samples, "gala_gopher_agent_probe_capability", labels) == 1;
        shown(&[("capability", "counters"), ("hook", "inet_diag"), ("fidelity", "approximate")])
            && shown(&[("capability", "delays"), ("fidelity", "none")])
            && shown(&[("capability", "other_users"), ("fidelity", "exact")])
    });
}

#[test]
fn other_users_processes_are_said_to_be_out_of_reach() {
    let traffic = Traffic::here();
    let agent = agent(USERS, &traffic);
    let told = "no processes of other users than the probe's \
        (/proc: CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are missing: grant them to the agent)";
    let found = doctor(&agent);
    for (item, (_, reason)) in items(&found) {
        assert!(reason.contains(told), "{item}: {reason}");
    }
}
