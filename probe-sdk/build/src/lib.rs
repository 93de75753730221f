//! Compiles a probe's eBPF programs in its build script: the only code that calls clang.
//!
//! A build script is one line:
//!
//! ```no_run
//! fn main() -> Result<(), probe_build::Error> {
//!     probe_build::bpf("bpf/example.bpf.c")
//! }
//! ```
//!
//! The skeleton, with the types that the programs share with user space, goes to `example.skel.rs` in `OUT_DIR`;
//! `probe_bpf::skeleton!("example")` includes it.

use std::env::{self, VarError};
use std::path::{Path, PathBuf};

use libbpf_cargo::SkeletonBuilder;
use thiserror::Error;

/// The headers that all eBPF programs share.
const HEADERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bpf/include");

/// Why there is no skeleton.
#[derive(Debug, Error)]
pub enum Error {
    /// Not called from a build script.
    #[error("{0} is not set: call this from a build script")]
    NoBuildScript(&'static str, #[source] VarError),
    /// Only what the kernel's just-in-time compilers know.
    #[error("no eBPF programs for the architecture {0}; there are for x86_64 and aarch64")]
    Architecture(String),
    /// The name of the source is not `NAME.bpf.c`.
    #[error("{0}: the name of the source must end in .bpf.c")]
    Name(PathBuf),
    /// What clang says.
    #[error("{0}: {1}\nneeded are clang and libelf-dev (elfutils-libelf-devel); build/setup installs them")]
    Compile(PathBuf, String),
}

/// Compiles `source`, a path below the crate's folder that ends in `.bpf.c`. The compiler is `clang`, or what `BPF_CLANG`
/// names.
///
/// # Errors
/// When it does not compile, with what the compiler says.
pub fn bpf(source: impl AsRef<Path>) -> Result<(), Error> {
    let source = source.as_ref();
    let architecture = variable("CARGO_CFG_TARGET_ARCH")?;
    let target = match architecture.as_str() {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        _ => return Err(Error::Architecture(architecture)),
    };
    let name = source.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".bpf.c"));
    let name = name.ok_or_else(|| Error::Name(source.to_owned()))?;
    let folder = source.parent().unwrap_or(Path::new("."));
    let mut builder = SkeletonBuilder::new();
    builder.source(source).clang_args([
        format!("-I{HEADERS}"),
        format!("-I{}", folder.display()),
        format!("-D__TARGET_ARCH_{target}"),
        // Debian keeps the part of the kernel's headers that differs between architectures here.
        format!("-idirafter/usr/include/{architecture}-linux-gnu"),
        "-Wall".to_owned(),
        "-Werror".to_owned(),
        // No path of the building machine ends up in the object.
        format!("-ffile-prefix-map={}=.", variable("CARGO_MANIFEST_DIR")?),
    ]);
    if let Ok(clang) = env::var("BPF_CLANG") {
        builder.clang(clang);
    }
    let skeleton = Path::new(&variable("OUT_DIR")?).join(format!("{name}.skel.rs"));
    for watched in [folder, Path::new(HEADERS)] {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    println!("cargo::rerun-if-env-changed=BPF_CLANG");
    builder
        .build_and_generate(skeleton)
        .map_err(|error| Error::Compile(source.to_owned(), format!("{error:#}")))
}

fn variable(name: &'static str) -> Result<String, Error> {
    env::var(name).map_err(|error| Error::NoBuildScript(name, error))
}
