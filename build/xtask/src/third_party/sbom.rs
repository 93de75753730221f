//! The bill of materials: CycloneDX 1.5 (<https://cyclonedx.org/docs/1.5/json/>), the same for the same Cargo.lock.
use anyhow::Result;
use serde_json::{Value, json};

use super::shipped::{Package, Shipped};

/// Crates that hold the sources of a C library: the version after `+` in theirs is the library's.
const HOLD: [(&str, &str, &str); 3] =
    [("libbpf-sys", "libbpf", "v"), ("rdkafka-sys", "librdkafka", ""), ("zstd-sys", "zstd", "zstd.")];

/// Libraries of the system that builds, linked statically; of which version depends on it.
const OF_THE_SYSTEM: [(&str, &str); 3] =
    [("libelf", "LGPL-3.0-or-later OR GPL-2.0-or-later"), ("openssl", "Apache-2.0"), ("zlib", "Zlib")];

pub(super) fn text(shipped: &Shipped) -> Result<String> {
    let product = format!("pkg:generic/gala-gopher@{}", shipped.version);
    let crates = shipped.packages.values();
    let mut components: Vec<Value> = crates.clone().map(component).collect();
    components.extend(OF_THE_SYSTEM.map(|(name, licence)| {
        json!({ "type": "library", "bom-ref": format!("pkg:generic/{name}"), "name": name,
            "description": "Linked statically, of the version that the building system has.",
            "licenses": [{ "expression": licence }] })
    }));
    let standard = format!("pkg:generic/rust-std@{}", shipped.rust);
    components
        .push(json!({ "type": "library", "bom-ref": standard, "name": "rust-std", "version": shipped.rust,
        "purl": standard, "licenses": [{ "expression": "MIT OR Apache-2.0" }] }));
    let depends = |package: &Package| {
        let on: Vec<_> = package.depends_on.iter().map(|(name, version)| purl(name, version)).collect();
        json!({ "ref": purl(&package.name, &package.version), "dependsOn": on })
    };
    let mut dependencies: Vec<Value> = crates.map(depends).collect();
    let all: Vec<_> = components.iter().map(|component| component["bom-ref"].clone()).collect();
    dependencies.insert(0, json!({ "ref": product, "dependsOn": all }));
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "bom-ref": product, "name": "gala-gopher",
            "version": shipped.version, "purl": product,
            "licenses": [{ "expression": "Apache-2.0 AND (BSD-2-Clause OR GPL-2.0-only)" }] } },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn component(package: &Package) -> Value {
    let purl = purl(&package.name, &package.version);
    let mut component = json!({ "type": "library", "bom-ref": purl, "name": package.name, "version": package.version,
        "purl": purl, "licenses": [{ "expression": package.licence }] });
    if let Some(checksum) = &package.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    let held = HOLD.iter().find(|(name, ..)| *name == package.name);
    if let Some(((_, library, before), (_, version))) = held.zip(package.version.split_once('+')) {
        let version = version.strip_prefix(before).unwrap_or(version);
        let purl = format!("pkg:generic/{library}@{version}");
        component["components"] = json!([{ "type": "library", "bom-ref": purl, "name": library,
            "version": version, "purl": purl }]);
    }
    component
}
