//! The command line of `gopher-ctl`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::parse_duration;

/// Controls a running gala-gopher agent; checks, runs and makes probes; checks and imports configurations.
#[derive(Debug, Parser)]
#[command(name = "gopher-ctl", version, max_term_width = 100, after_help = AFTER)]
pub struct Arguments {
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
  gopher-ctl config check                       find what is wrong with the configuration";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check, run and make probes.
    #[command(subcommand)]
    Probe(ProbeCommand),
    /// Check a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write completions for a shell.
    #[command(after_help = "Example:\n  gopher-ctl completions bash >/etc/bash_completion.d/gopher-ctl")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What can be done with probes.
#[derive(Debug, Subcommand)]
pub(super) enum ProbeCommand {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_need_a_unit() {
        let time = |text| Arguments::try_parse_from(["gopher-ctl", "probe", "run", "x", "--for", text]);
        assert!(time("5").is_err());
        let Command::Probe(ProbeCommand::Run(run)) = time("250ms").unwrap().command else { panic!() };
        assert_eq!(run.time, Duration::from_millis(250));
    }
}
