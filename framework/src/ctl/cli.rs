//! The command line of `gopher-ctl`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::import;
use crate::config::parse_duration;

/// Controls a running gala-gopher agent; checks, runs and makes probes; checks and imports configurations.
#[derive(Debug, Parser)]
#[command(name = "gopher-ctl", version, max_term_width = 100, after_help = AFTER)]
pub struct Arguments {
    /// The control socket of the agent, control.sock in its run_dir.
    #[arg(long, global = true, value_name = "PATH", default_value = "/run/gala-gopher/control.sock")]
    pub socket: PathBuf,
    /// Write JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

const AFTER: &str = "\
Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 no agent on that socket, 78 bad configuration.

Examples:
  gopher-ctl probe new my-probe --lang python   make a probe of your own
  gopher-ctl probe check my-probe               find what is wrong with its folder
  gopher-ctl probe run my-probe --for 10s       run it and show its rows
  gopher-ctl config check                       find what is wrong with the configuration
  gopher-ctl probe list                         see what the agent runs
  gopher-ctl probe set tcp '{\"state\":\"running\"}'
  gopher-ctl top                                watch it";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// See, change, start and stop probes of the agent; check, run and make probe folders.
    #[command(subcommand)]
    Probe(ProbeCommand),
    /// Show the series that a scrape would get now.
    #[command(after_help = METRIC)]
    Metric {
        /// Part of the metric's name, or a pattern in which * stands for any characters.
        filter: Option<String>,
        /// Show them again every two seconds.
        #[arg(long)]
        watch: bool,
    },
    /// Show the latest events, of which the agent keeps 1,000.
    #[command(
        after_help = "Examples:\n  gopher-ctl events\n  gopher-ctl events --count 10 --follow\n  gopher-ctl --json events --follow | jq -r .body"
    )]
    Events {
        /// Go on with those to come until Ctrl-C.
        #[arg(long, short)]
        follow: bool,
        /// Show no more of the latest than so many; with --follow all those to come are shown after them, as by tail.
        #[arg(long, value_name = "NUMBER")]
        count: Option<usize>,
    },
    /// Show the tables that probes fill, or the fields of one.
    #[command(after_help = "Examples:\n  gopher-ctl table\n  gopher-ctl table system_cpu")]
    Table {
        /// The table.
        name: Option<String>,
    },
    /// Check, compare and import configurations.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show who talks to whom: processes, containers or pods, with rates, round-trip times and losses.
    #[command(after_help = TOPOLOGY)]
    Topology(Topology),
    /// Watch probes and exporters: states, rows, CPU, memory, errors. q quits.
    #[command(
        after_help = "On no terminal, or a dumb one, it shows everything once.\n\nExamples:\n  gopher-ctl top\n  gopher-ctl --json top | jq '.probes[] | {name, rows_per_second}'"
    )]
    Top {
        /// Time between two looks, at least 100ms.
        #[arg(long, value_name = "TIME", default_value = "2s", value_parser = pause)]
        every: Duration,
        /// Show it once.
        #[arg(long)]
        once: bool,
    },
    /// Find out what each probe can see on this host, by which hooks, and what keeps it from better ones.
    #[command(after_help = DOCTOR)]
    Doctor {
        /// Probes; all that are installed without any.
        names: Vec<String>,
        /// The configuration that says where probes are.
        #[arg(long, value_name = "FILE", default_value = "/etc/gala-gopher/gala-gopher.conf")]
        config: PathBuf,
        /// Measure what the eBPF programs of running probes cost, for so long; 10s without a time.
        #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10s",
            value_parser = duration)]
        measure: Option<Duration>,
    },
    /// Send a command to a Java virtual machine (HotSpot), of this host or of a container; no Java is needed here.
    #[command(after_help = JVM)]
    Jvm {
        /// The process, by the number that it has here.
        #[arg(value_parser = clap::value_parser!(i32).range(1..))]
        pid: i32,
        /// Such as jcmd, properties, threaddump or load.
        command: String,
        /// Its arguments.
        #[arg(allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Write completions for a shell.
    #[command(after_help = "Example:\n  gopher-ctl completions bash >/etc/bash_completion.d/gopher-ctl")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages; packages do.
    #[command(hide = true)]
    Man {
        /// A folder that exists.
        folder: PathBuf,
    },
    /// Start a command as container images do; for the agent, with the configuration that files and variables make.
    #[command(hide = true)]
    Container {
        /// The command with its arguments.
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

const TOPOLOGY: &str = "\
Each line of the tree is a flow: the server's port and name, bytes a second to the server and to the client, the mean
round-trip time, the share of segments sent again. Flows are read of the probe tcp, connections of the probe socket.

Examples:
  gopher-ctl topology
  gopher-ctl topology --by pod --format html --output topology.html
  gopher-ctl topology --format dot | dot -Tsvg >topology.svg
  gopher-ctl --json topology | jq '.edges[] | select(.loss_ratio > 0.01)'";

const DOCTOR: &str = "\
A probe that the agent runs is asked through it. Others are started for a moment, as you and without limits: doctor is
for root.

While --measure lasts, the kernel takes the time of every eBPF program of the host, which slows them a little.

Exit codes: 0 everything works, or less well than it could, 1 something is impossible here.

Examples:
  gopher-ctl doctor
  gopher-ctl doctor tcp --measure=30s
  gopher-ctl --json doctor | jq '.folders[].capabilities[] | select(.fidelity != \"exact\")'";

const JVM: &str = "\
You must be root or the user of the virtual machine. Paths are those of its own container.

Examples:
  gopher-ctl jvm 4711 jcmd VM.version
  gopher-ctl jvm 4711 properties
  gopher-ctl jvm 4711 load instrument false /tmp/agent.jar=options";

const METRIC: &str = "\
Where the filter leaves one metric, its series are shown as a table of the labels that differ.

Examples:
  gopher-ctl metric cpu
  gopher-ctl metric 'gala_gopher_disk_*_total' --watch
  gopher-ctl --json metric agent_series | jq '.[].value'";

const SET: &str = "\
The document is that of PUT /<probe>, also read from a file with @FILE, or from stdin with -. What it leaves out stays as
it is. With \"persist\": false the change holds until the next start of the agent.

Exit codes: 0 changed, 1 refused, 2 the file cannot be read.

Examples:
  gopher-ctl probe set baseinfo '{\"cmd\":{\"probe\":[\"cpu\",\"mem\"]},\"params\":{\"report_period\":5}}'
  gopher-ctl probe set tcp '{\"snoopers\":{\"proc_name\":[{\"comm\":\"^nginx$\"}]},\"state\":\"running\"}'
  gopher-ctl probe get tcp | gopher-ctl --socket OTHER probe set tcp -";

/// What can be done with probes.
#[derive(Debug, Subcommand)]
pub(super) enum ProbeCommand {
    /// List all probes with their states.
    #[command(
        after_help = "Examples:\n  gopher-ctl probe list\n  gopher-ctl --json probe list | jq '.probes[] | select(.state != \"running\")'"
    )]
    List,
    /// Show what a probe is asked for, on one line, as `set` takes it.
    #[command(after_help = "Example:\n  gopher-ctl probe get baseinfo | jq")]
    Get {
        /// The probe.
        name: String,
    },
    /// Change items, parameters, scope or state of a probe.
    #[command(after_help = SET)]
    Set {
        /// The probe.
        name: String,
        /// JSON, @FILE or -.
        document: String,
    },
    /// Have a probe run, and wait until it does.
    #[command(after_help = "Example:\n  gopher-ctl probe start tcp")]
    Start {
        /// The probe.
        name: String,
    },
    /// Have a probe run no more, and wait until it has ended.
    #[command(after_help = "Example:\n  gopher-ctl probe stop tcp")]
    Stop {
        /// The probe.
        name: String,
    },
    /// Start the process of a probe anew, at once even where it waits after a crash.
    #[command(after_help = "Example:\n  gopher-ctl probe restart tcp")]
    Restart {
        /// The probe.
        name: String,
    },
    /// Show the last lines that a probe wrote to stderr.
    #[command(after_help = "Example:\n  gopher-ctl probe logs tcp")]
    Logs {
        /// The probe.
        name: String,
    },
    /// Check a probe folder as the agent does, and name every problem with its line.
    #[command(
        after_help = "Exit codes: 0 the folder is good, 78 it is not.\n\nExample:\n  gopher-ctl probe check ./my-probe"
    )]
    Check {
        /// The folder with probe.toml.
        folder: PathBuf,
    },
    /// Run a probe folder outside the agent for some time, and show its rows as the agent would take them.
    #[command(after_help = RUN)]
    Run(Run),
    /// Make the folder of a new probe: a manifest, a program that works, a README.
    #[command(after_help = NEW)]
    New(New),
}

const RUN: &str = "\
The probe runs as you and without limits, with the whole host in its scope. It is told to stop as the agent would tell it.

Exit codes: 0 every line was good, 1 a line or a field was rejected, or the probe failed, 78 the folder is bad.

Examples:
  gopher-ctl probe run ./my-probe
  gopher-ctl probe run ./my-probe --for 30s --items cpu,mem --params report_period=1
  gopher-ctl --json probe run ./my-probe | jq '.rows[].fields'";

const NEW: &str = "\
A Rust probe links the probe-sdk of a source tree: name it with --sdk, or make the probe in probes/ of that tree.

Examples:
  gopher-ctl probe new queue-length --lang sh
  gopher-ctl probe new queue-length --lang python /etc/gala-gopher/extend-probes
  gopher-ctl probe new queue-length --lang rust --sdk ~/gala-gopher";

/// `probe run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The folder with probe.toml.
    pub(super) folder: PathBuf,
    /// How long, such as 500ms, 5s or 2m; Ctrl-C ends it earlier.
    #[arg(long = "for", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(super) time: Duration,
    /// Items that are on, parted by commas; all without this option.
    #[arg(long, value_name = "ITEM", value_delimiter = ',')]
    pub(super) items: Vec<String>,
    /// Parameters that differ from their defaults, parted by commas.
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub(super) params: Vec<String>,
}

/// `probe new`.
#[derive(Debug, Args)]
pub(super) struct New {
    /// Its name: [a-z][a-z0-9_-]*, at most 32 characters.
    pub(super) name: String,
    /// The language of its program.
    #[arg(long, value_enum)]
    pub(super) lang: Language,
    /// Where its folder is made.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// The source tree of gala-gopher, for a probe in Rust.
    #[arg(long, value_name = "TREE")]
    pub(super) sdk: Option<PathBuf>,
}

/// Languages that there is a template for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// POSIX shell.
    Sh,
    /// Python 3.
    Python,
    /// Java 11 or newer.
    Java,
    /// Rust, with the probe-sdk.
    Rust,
}

/// `topology`.
#[derive(Debug, Args)]
pub(super) struct Topology {
    /// How it is written; json with the option --json.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Form,
    /// What a node stands for; what is in no container or pod stands for itself.
    #[arg(long, value_enum, default_value = "process")]
    pub(super) by: Nodes,
    /// Show so many flows at most, those with the highest rates.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) limit: Option<u32>,
    /// Write to this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// A tree, from clients to servers.
    Text,
    /// All that is known.
    Json,
    /// For Graphviz.
    Dot,
    /// A page for browsers that needs nothing else.
    Html,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Nodes {
    /// A process.
    Process,
    /// The processes of a container.
    Container,
    /// The processes of a pod.
    Pod,
}

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration and all probe folders that it names, and name every problem with its line.
    #[command(
        after_help = "Exit codes: 0 everything is good, 78 it is not.\n\nExamples:\n  gopher-ctl config check\n  gopher-ctl --json config check ./my.conf"
    )]
    Check {
        /// The configuration file.
        #[arg(default_value = "/etc/gala-gopher/gala-gopher.conf")]
        file: PathBuf,
    },
    /// Show what the agent's configuration file says otherwise than what holds, and why.
    #[command(after_help = "Example:\n  gopher-ctl config diff")]
    Diff,
    /// Convert files of the original gala-gopher: what they say, in our form, and notes on what changes its meaning.
    #[command(after_help = import::HELP)]
    Import(import::Import),
}

/// The completions for a shell.
#[must_use]
pub(super) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "gopher-ctl", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a number with a unit: 500ms, 5s, 2m, 1h".to_owned())
}

/// A time between two looks at the agent: each has it answer two requests.
fn pause(text: &str) -> Result<Duration, String> {
    let least = Duration::from_millis(100);
    duration(text)
        .and_then(|time| if time < least { Err("the smallest is 100ms".to_owned()) } else { Ok(time) })
}

#[cfg(test)]
mod tests;
