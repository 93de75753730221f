//! Measures the agent; `tests/bench/run` calls it part by part.

use std::process::ExitCode;

fn main() -> ExitCode {
    match gopher_tests::bench::main(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gopher-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
