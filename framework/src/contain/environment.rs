//! The environment of a probe: nothing of the agent's but what every program needs.

use std::ffi::OsString;

use super::instance::{Instance, VARIABLE};
use super::launch::Launch;
use super::marker::PROBE;

/// Passed on from the agent, each with what stands in for it.
const PASSED: [(&str, Option<&str>); 4] = [
    ("PATH", Some("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
    ("LANG", Some("C.UTF-8")),
    ("TZ", None),
    ("GOPHER_HOST_PATH", None),
];

/// What every probe finds in its environment.
pub fn common() -> impl Iterator<Item = (OsString, OsString)> {
    let passed = PASSED.into_iter().filter_map(|(name, default)| {
        let value = std::env::var_os(name).or_else(|| default.map(OsString::from))?;
        Some((OsString::from(name), value))
    });
    passed.chain([(OsString::from("HOME"), OsString::from("/"))])
}

/// All of a process's environment; the markers come last and cannot be replaced.
pub(super) fn of(launch: &Launch, instance: &Instance) -> Vec<(OsString, OsString)> {
    let own = launch.env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let markers = [
        (OsString::from(PROBE), OsString::from(&launch.name)),
        (OsString::from(VARIABLE), instance.marker()),
    ];
    common().chain(own).chain(markers).collect()
}
