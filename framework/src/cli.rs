//! The command line of the agent.

use std::path::PathBuf;

use clap::Parser;

/// Supervises probes and exports what they measure.
///
/// Every probe folder runs as a child process; its rows appear on http://127.0.0.1:8888/metrics. The agent stays in
/// the foreground; it stops on SIGTERM or SIGINT and reads its configuration again on SIGHUP or when the file changes.
#[derive(Debug, Parser)]
#[command(name = "gala-gopher", version, max_term_width = 100, after_help = AFTER)]
pub struct Agent {
    /// The configuration file; every key has a default, so an empty file is a valid one.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/gala-gopher/gala-gopher.conf")]
    pub config: PathBuf,
    /// Check the configuration and all probe folders, report every problem, and exit.
    #[arg(long)]
    pub check: bool,
}

const AFTER: &str = "\
Exit codes: 0 stopped as asked, 1 failed, 75 another agent holds the run directory, 78 the configuration is bad.

Examples:
  gala-gopher --config /etc/gala-gopher/gala-gopher.conf --check
  gala-gopher --config ./my.conf & curl -s localhost:8888/metrics";
