//! Probe folders for the agent to run: one that behaves, the real `baseinfo`, and many that misbehave.

use std::fs;

use gopher_tests::agent::Home;

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

/// Folders with all of them.
pub(crate) fn install() -> Home {
    let home = Home::new().with_built_in("baseinfo");
    for (name, flags) in FAKES {
        fake(&home, name, flags, 5_000);
    }
    home
}

/// Adds a folder with a probe that does what these flags say.
pub(crate) fn fake(home: &Home, name: &str, flags: &str, rows_per_second: u32) {
    let flags: Vec<_> = flags.split(' ').collect();
    home.fake_with(name, &flags, &format!("limits = {{ rows_per_second = {rows_per_second} }}"));
}

/// Changes a manifest in a way that means nothing, so that its folder starts afresh.
pub(crate) fn renew(home: &Home, name: &str) {
    let files = ["probes", "extend"].map(|root| home.path().join(root).join(name).join("probe.toml"));
    let file = files.iter().find(|file| file.exists()).unwrap();
    let manifest = fs::read_to_string(file).unwrap();
    fs::write(file, format!("{manifest}\n")).unwrap();
}
