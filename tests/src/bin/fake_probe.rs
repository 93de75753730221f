//! A probe that misbehaves on request; see `gopher_tests::fake_probe` for its flags.

use std::process::ExitCode;

use gopher_tests::fake_probe::{Flags, run};

fn main() -> ExitCode {
    let flags = match Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(problem) => {
            eprintln!("fake_probe: {problem}");
            return ExitCode::from(2);
        }
    };
    match run(&flags) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("fake_probe: {error}");
            ExitCode::FAILURE
        }
    }
}
