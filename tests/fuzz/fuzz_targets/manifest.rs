//! Fuzzes the manifest parser: no text may make it panic.
#![no_main]

use gopher_protocol::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        assert!(!manifest.probes.is_empty());
    }
});
