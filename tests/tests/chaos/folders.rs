//! Probe folders for the agent to run: one that behaves, the real `baseinfo`, and many that misbehave.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The one that must not notice anything.
pub(crate) const STEADY: &str = "steady";

/// The one that starts a process which leaves its session.
pub(crate) const RUNAWAY: &str = "runaway";

const FAKES: [(&str, &str); 11] = [
    (STEADY, "--period 20"),
    ("flood", "--flood"),
    ("crash", "--rows 10 --crash-after 1500"),
    ("hang", "--hang"),
    ("stubborn", "--ignore-term --period 50"),
    ("parent", "--fork-grandchild --period 50"),
    (RUNAWAY, "--setsid-grandchild --ignore-term --period 50"),
    ("garbage", "--garbage --period 50"),
    ("deaf", "--never-read --rows 3"),
    ("mute", "--rows 5 --close-stdout --hang"),
    ("partial", "--rows 3 --partial-line --echo-config"),
];

/// Fills a folder of probe folders.
pub(crate) fn install(probes: &Path) {
    for (name, flags) in FAKES {
        fake(probes, name, flags, 5_000);
    }
    let folder = folder(probes, "baseinfo");
    let manifest = include_str!("../../../probes/baseinfo/probe.toml");
    fs::copy(built("baseinfo"), folder.join("baseinfo")).unwrap();
    fs::write(folder.join("probe.toml"), manifest).unwrap();
}

/// Adds a folder with a probe that does what these flags say.
pub(crate) fn fake(probes: &Path, name: &str, flags: &str, rows_per_second: u32) {
    let folder = folder(probes, name);
    let words: Vec<_> = ["fake_probe"].into_iter().chain(flags.split(' ')).collect();
    let manifest = format!(
        r#"
protocol = 1
name = "{name}"
exec = {words:?}
limits = {{ rows_per_second = {rows_per_second} }}

[[probe]]
name = "{name}"
summary = "Misbehaves on request."
autostart = true

[[table]]
name = "demo"
entity = "chaos_{name}"
fields = [
  {{ name = "number", type = "key", help = "Which row." }},
  {{ name = "value", type = "gauge", help = "Any number." }},
]
"#
    );
    fs::copy(built("fake_probe"), folder.join("fake_probe")).unwrap();
    fs::write(folder.join("probe.toml"), manifest).unwrap();
}

/// Changes a manifest in a way that means nothing, so that its folder starts afresh.
pub(crate) fn renew(probes: &Path, name: &str) {
    let file = probes.join(name).join("probe.toml");
    let manifest = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{manifest}\n")).unwrap();
}

fn folder(probes: &Path, name: &str) -> PathBuf {
    let folder = probes.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A binary of the workspace, from beside this test's own folder.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(binary.exists(), "{} is not there; run `cargo build --workspace` first", binary.display());
    binary
}
