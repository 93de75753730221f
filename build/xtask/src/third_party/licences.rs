//! The licences of what is linked, each text once.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::shipped::{Package, Shipped};

/// Begins of the names of files with licences, in small letters.
const NAMES: [&str; 6] = ["license", "licence", "copying", "notice", "unlicense", "copyright"];
/// How deep a crate holds the sources of a library with a licence of its own.
const DEPTH: usize = 4;

const HEAD: &str = "\
What the programs of gala-gopher contain of others, and under which licences.

Generated from the crates by `cargo xtask third-party`. Beside them the standard library of Rust is linked
(MIT OR Apache-2.0), and from the system of the build OpenSSL (Apache-2.0), libelf (LGPL-3.0-or-later OR GPL-2.0-or-later)
and zlib (Zlib), whose texts are with the packages of that system.
";

pub(super) fn text(shipped: &Shipped) -> Result<String> {
    let mut page = HEAD.to_owned();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    page.push_str("\n== Crates ==\n\n");
    for package in shipped.packages.values() {
        writeln!(page, "{} {}: {}", package.name, package.version, package.licence)?;
        let found = files(package)?;
        if found.is_empty() {
            let told = format!("{}\n(its sources hold no text; by {})", package.licence, by(package));
            texts.entry(told).or_default().push(name(package));
        }
        for text in found {
            texts.entry(text).or_default().push(name(package));
        }
    }
    let mut texts: Vec<_> = texts.into_iter().map(|(text, of)| (of, text)).collect();
    texts.sort();
    for (mut of, text) in texts {
        of.dedup();
        write!(page, "\n== {} ==\n\n{text}\n", of.join(", "))?;
    }
    Ok(page)
}

fn name(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn by(package: &Package) -> String {
    if package.authors.is_empty() {
        format!("the authors of {}", package.name)
    } else {
        package.authors.join(", ")
    }
}

/// The texts in a crate's folder; deeper ones where it holds a C library.
fn files(package: &Package) -> Result<Vec<String>> {
    let depth = if package.name.ends_with("-sys") || package.name == "ring" { DEPTH } else { 0 };
    let mut paths = Vec::new();
    collect(&package.folder, depth, &mut paths)
        .with_context(|| format!("reading the files of {}", package.name))?;
    paths.sort();
    let mut texts: Vec<String> = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        let text = lines.join("\n").trim_matches('\n').to_owned();
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    Ok(texts)
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, paths)?;
        } else if kind.is_dir() && name.starts_with("licen") {
            collect(&entry.path(), 0, paths)?;
        } else if kind.is_file() && is_licence(&name) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Not the program of that name.
fn is_licence(name: &str) -> bool {
    let program = [".rs", ".py", ".c", ".h", ".go", ".sh", ".toml", ".json", ".html"];
    NAMES.iter().any(|begin| name.starts_with(begin)) && !program.iter().any(|end| name.ends_with(end))
}
