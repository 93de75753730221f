//! `cargo xtask new-probe`: a new probe with eBPF programs, made from `probes/_template`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::workspace::Workspace;

/// Where a new probe begins.
const TEMPLATE: &str = "probes/_template";
/// Its name, in the three forms in which its files have it.
const NAME: &str = "template";

/// Makes the folder `probes/NAME` and says what comes next.
pub(crate) fn run(name: &str) -> Result<bool> {
    let workspace = Workspace::open()?;
    for file in make(workspace.root(), name)? {
        println!("wrote {}", file.display());
    }
    println!(
        "\nIt counts signals of processes, and works as it is:\n\
         \x20 cargo build -p {name}\n\
         \x20 install -D target/debug/{name} /tmp/{name}/{name} && install probes/{name}/probe.toml /tmp/{name}\n\
         \x20 gopher-ctl probe run /tmp/{name} --params report_period=1\n\n\
         Then make it yours: probe.toml (tables), bpf/{name}.bpf.c (programs), src/hooks.rs, src/main.rs (rows), README.md;\n\
         `cargo xtask metrics` when the tables are as they shall be. doc/adding-an-ebpf-probe.md explains each."
    );
    Ok(true)
}

/// Copies the template with its name replaced; gives the files that were written.
fn make(root: &Path, name: &str) -> Result<Vec<PathBuf>> {
    check(root, name)?;
    let from = root.join(TEMPLATE);
    let to = root.join("probes").join(name);
    let mut written = Vec::new();
    for file in [
        "Cargo.toml",
        "build.rs",
        "probe.toml",
        "README.md",
        "src/main.rs",
        "src/hooks.rs",
        "bpf/template.h",
        "bpf/template.bpf.c",
    ] {
        let text =
            fs::read_to_string(from.join(file)).with_context(|| format!("reading {TEMPLATE}/{file}"))?;
        let path = to.join(file.replace(NAME, name));
        let folder = path.parent().unwrap_or(&to);
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        fs::write(&path, named(&text, name)).with_context(|| format!("writing {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// The text with the template's name replaced: in Rust types, in C guards, elsewhere.
fn named(text: &str, name: &str) -> String {
    let identifier = name.replace('-', "_");
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    let type_name: String = identifier.split('_').map(capital).collect();
    let text = text.replace("where probes with eBPF programs begin", "told by the kernel");
    let text = text.replace("TEMPLATE_H", &format!("{}_H", identifier.to_ascii_uppercase()));
    let text = text.replace("TemplateSkel", &format!("{type_name}Skel"));
    let text = text.replace(&format!("entity = \"{NAME}\""), &format!("entity = \"{identifier}\""));
    let text =
        text.replace(&format!("name = \"{NAME}\"\nentity"), &format!("name = \"{identifier}\"\nentity"));
    let text = text.replace(&format!("ctx.row(\"{NAME}\")"), &format!("ctx.row(\"{identifier}\")"));
    text.replace(NAME, name)
}

/// A name in the grammar of folders that nobody has.
fn check(root: &Path, name: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
    let good = name.len() <= 32
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(fits);
    ensure!(good, "`{name}` is no name of a probe: allowed are [a-z][a-z0-9_-]*, at most 32");
    ensure!(name != NAME, "`{name}` is the name of what is copied; take another one");
    for taken in [root.join("probes").join(name), root.join("extend-probes").join(name)] {
        ensure!(!taken.exists(), "{} is there already; take another name or remove it", taken.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gopher_protocol::manifest::Manifest;

    use super::*;

    /// A tree with the template alone.
    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let source = Workspace::open().unwrap();
        for file in source.files().filter(|file| file.starts_with(TEMPLATE)) {
            let path = tree.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(source.root().join(file), path).unwrap();
        }
        tree
    }

    #[test]
    fn nothing_of_the_templates_name_is_left_and_nothing_of_its_files() {
        let tree = tree();
        let written = make(tree.path(), "file-locks").unwrap();
        assert_eq!(
            written.len(),
            Workspace::open().unwrap().files().filter(|f| f.starts_with(TEMPLATE)).count()
        );
        for file in &written {
            let text = fs::read_to_string(file).unwrap();
            assert!(!text.to_lowercase().contains(NAME), "{}: {text}", file.display());
        }
        let read = |file: &str| fs::read_to_string(tree.path().join("probes/file-locks").join(file)).unwrap();
        assert!(
            read("src/main.rs").contains("FileLocksSkelBuilder")
                && read("src/main.rs").contains("row(\"file_locks\")")
        );
        let manifest = Manifest::parse(&read("probe.toml")).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.tables[0].name.as_str()), ("file-locks", "file_locks"));
    }

    #[test]
    fn a_bad_or_taken_name_is_refused_and_writes_nothing() {
        let tree = tree();
        make(tree.path(), "mine").unwrap();
        for (name, reason) in [
            ("Mine", "no name of a probe"),
            ("", "no name of a probe"),
            ("../x", "no name of a probe"),
            ("template", "what is copied"),
            ("mine", "is there already"),
        ] {
            let error = make(tree.path(), name).unwrap_err().to_string();
            assert!(error.contains(reason), "{name}: {error}");
        }
        assert_eq!(fs::read_dir(tree.path().join("probes")).unwrap().count(), 2);
    }
}
