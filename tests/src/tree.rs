//! Where the sources and the built programs are.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test at once")]

use std::path::{Path, PathBuf};

/// The root of the source tree.
#[must_use]
pub fn source_root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The binary of a workspace crate, beside the folder of the running test.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's path");
    let profile = test.parent().and_then(Path::parent).expect("the profile's folder");
    let binary = profile.join(name);
    assert!(binary.exists(), "{} is not there; run `cargo build --workspace` first", binary.display());
    binary
}
