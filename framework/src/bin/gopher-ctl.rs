//! The operator's tool. It is a part of the agent's program, so that a host holds its libraries once; this hands over.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let beside = std::env::current_exe().map(|own| own.with_file_name("gala-gopher"));
    let error = match beside {
        Ok(agent) => {
            let error = Command::new(&agent).arg0("gopher-ctl").args(std::env::args_os().skip(1)).exec();
            format!("{} cannot be started: {error}", agent.display())
        }
        Err(error) => format!("the agent's program, which lies beside this one, cannot be found: {error}"),
    };
    eprintln!("gopher-ctl: {error}");
    ExitCode::FAILURE
}
