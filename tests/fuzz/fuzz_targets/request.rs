//! Fuzzes the bodies of requests: none may make the agent panic, and what one sets comes back from the file that keeps it.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use gala_gopher::config::{Config, Overlay};
use gala_gopher::control::{body, wanted};
use gopher_protocol::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    Manifest::parse(include_str!("../../../probes/baseinfo/probe.toml")).expect("the manifest of baseinfo")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = body::parse(bytes) else { return };
    let Ok(wanted) = wanted(&document, &MANIFEST.probes[0]) else { return };
    let mut overlay = Overlay::default();
    for (key, value) in wanted.settings {
        overlay.set("baseinfo", &key, Some(value));
    }
    let text = overlay.render(&Config::default());
    let kept = Overlay::parse(&text, Path::new("runtime.toml"), &Config::default());
    assert_eq!(kept.expect("what was written is read"), (overlay, Vec::new()), "{text}");
});
