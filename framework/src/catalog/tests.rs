//! Behaviour of loading folders, the rules between them, and comparison.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::strategy::Strategy;

use super::*;
use crate::config::{self, Config};

/// A manifest with one probe and one table, its fields as TOML.
pub(super) fn manifest(name: &str, probe: &str, entity: &str, fields: &str) -> String {
    let table = name.replace('-', "_");
    format!(
        "protocol = 1\nname = \"{name}\"\nexec = [\"run.sh\"]\nprivileges = []\n\n[[probe]]\nname = \"{probe}\"\n\
         summary = \"A test.\"\n[[probe.item]]\nname = \"one\"\nsummary = \"One.\"\n\
         [probe.params.report_period]\ndefault = 60\nrange = [5, 600]\nunit = \"s\"\nsummary = \"Period.\"\n\n\
         [[table]]\nname = \"{table}_t\"\nentity = \"{entity}\"\nfields = [\n{fields}\n]\n"
    )
}

pub(super) const FIELDS: &str = "{ name = \"id\", type = \"key\", help = \"Id.\" },\n{ name = \"n\", type = \"gauge\", help = \"A number.\" },";

/// A folder in the plain form: its name is also the probe's and the entity's.
pub(super) fn write_folder(root: &Path, name: &str) -> PathBuf {
    let word = name.replace('-', "_");
    write_with(root, name, &manifest(name, name, &word, FIELDS))
}

pub(super) fn write_with(root: &Path, name: &str, text: &str) -> PathBuf {
    let path = root.join(name);
    fs::create_dir_all(&path).unwrap();
    write_executable(&path);
    fs::write(path.join("probe.toml"), text).unwrap();
    path
}

pub(super) fn write_executable(folder: &Path) {
    let file = folder.join("run.sh");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn rules() -> Rules {
    Rules { extend_privileges: vec!["CAP_BPF".into()], trust: None }
}

/// Two roots in a temporary folder, built-in first.
pub(super) struct Place {
    pub(super) dir: tempfile::TempDir,
    pub(super) roots: Vec<Root>,
}

impl Place {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str, origin| Root { path: dir.path().join(name), origin };
        let roots = vec![at("probes", Origin::BuiltIn), at("extend", Origin::Extend)];
        roots.iter().for_each(|root| fs::create_dir(&root.path).unwrap());
        Self { dir, roots }
    }

    pub(super) fn built_in(&self) -> &Path {
        &self.roots[0].path
    }

    pub(super) fn extend(&self) -> &Path {
        &self.roots[1].path
    }

    fn scan(&self) -> Catalog {
        scan(&self.roots, &rules())
    }

    /// The only fault, with the temporary folder cut out.
    fn fault(&self) -> String {
        let catalog = self.scan();
        assert_eq!(catalog.faults.len(), 1, "{:?}", catalog.faults);
        catalog.faults[0].to_string().replace(&self.dir.path().display().to_string(), "")
    }
}

#[test]
fn folders_of_both_roots_are_found() {
    let place = Place::new();
    write_folder(place.built_in(), "disk");
    write_folder(place.extend(), "dns-x");
    fs::write(place.extend().join("README.md"), "no folder").unwrap();
    fs::create_dir(place.extend().join(".copying")).unwrap();
    let catalog = place.scan();
    assert_eq!(catalog.faults, []);
    assert_eq!(catalog.folders["disk"].origin, Origin::BuiltIn);
    assert_eq!(catalog.folders["dns-x"].origin, Origin::Extend);
    assert_eq!(catalog.probe("dns-x").unwrap().0.path, place.extend().join("dns-x"));
    assert_eq!(catalog.probe_names().collect::<Vec<_>>(), ["disk", "dns-x"]);
}

#[test]
fn a_missing_root_is_no_fault() {
    let place = Place::new();
    fs::remove_dir(place.extend()).unwrap();
    assert_eq!(place.scan(), Catalog::default());
}

#[test]
fn a_bad_manifest_names_file_and_line() {
    let place = Place::new();
    let text = manifest("a", "a", "a", FIELDS).replace("type = \"gauge\"", "type = \"gage\"");
    write_with(place.extend(), "a", &text);
    let line = 1 + text.lines().position(|l| l.contains("gage")).unwrap();
    assert!(place.fault().starts_with(&format!("/extend/a/probe.toml:{line}: ")), "{}", place.fault());
}

#[test]
fn a_folder_without_a_manifest_says_so() {
    let place = Place::new();
    fs::create_dir(place.extend().join("a")).unwrap();
    assert_eq!(place.fault(), "/extend/a: there is no probe.toml in this folder");
}

#[test]
fn the_name_must_be_the_folders() {
    let place = Place::new();
    write_with(place.extend(), "b", &manifest("a", "a", "a", FIELDS));
    assert_eq!(place.fault(), "/extend/b/probe.toml:2: name = \"a\" must be the folder's name, \"b\"");
}

#[test]
fn the_executable_must_be_there_and_executable() {
    let place = Place::new();
    let exec = write_folder(place.extend(), "a").join("run.sh");
    fs::set_permissions(&exec, fs::Permissions::from_mode(0o644)).unwrap();
    let expected = "/extend/a/probe.toml:3: exec: `run.sh` is not executable; chmod 755 /extend/a/run.sh";
    assert_eq!(place.fault(), expected);
    fs::remove_file(&exec).unwrap();
    assert!(place.fault().starts_with("/extend/a/probe.toml:3: exec: `run.sh` cannot be used: No such file"));
    fs::create_dir(&exec).unwrap();
    assert_eq!(place.fault(), "/extend/a/probe.toml:3: exec: `run.sh` is not a regular file");
}

#[test]
fn the_executable_must_not_lead_out_of_the_folder() {
    let place = Place::new();
    let folder = write_folder(place.extend(), "a");
    fs::remove_file(folder.join("run.sh")).unwrap();
    symlink("/bin/sh", folder.join("run.sh")).unwrap();
    assert!(place.fault().starts_with("/extend/a/probe.toml:3: exec: `run.sh` leads out of the folder"));
    fs::remove_file(folder.join("run.sh")).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    write_executable(&folder.join("bin"));
    symlink("bin/run.sh", folder.join("run.sh")).unwrap();
    assert_eq!(place.scan().faults, []);
}

#[test]
fn extend_probes_get_only_the_privileges_that_are_granted() {
    let place = Place::new();
    let asking = |name: &str, cap: &str| {
        manifest(name, name, name, FIELDS).replace("privileges = []", &format!("privileges = [\"{cap}\"]"))
    };
    write_with(place.built_in(), "a", &asking("a", "CAP_SYS_ADMIN"));
    write_with(place.extend(), "b", &asking("b", "CAP_BPF"));
    write_with(place.extend(), "c", &asking("c", "CAP_SYS_ADMIN"));
    let expected = "/extend/c/probe.toml:4: privileges: CAP_SYS_ADMIN is not granted to extend probes; \
                    allow it in [folders] extend_privileges";
    assert_eq!(place.fault(), expected);
}

#[test]
fn extend_probes_work_without_optional_privileges_that_are_not_granted() {
    let place = Place::new();
    let asking = |name: &str| {
        manifest(name, name, name, FIELDS)
            .replace("privileges = []", "optional_privileges = [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]")
    };
    write_with(place.built_in(), "a", &asking("a"));
    write_with(place.extend(), "b", &asking("b"));
    let scanned = place.scan();
    assert_eq!(scanned.faults, []);
    assert_eq!(scanned.folders["a"].manifest.optional_privileges, ["CAP_SYS_ADMIN", "CAP_BPF"]);
    assert_eq!(scanned.folders["b"].manifest.optional_privileges, ["CAP_BPF"]);
}

#[test]
fn what_the_trust_check_refuses_is_not_used() {
    let place = Place::new();
    let folder = write_folder(place.extend(), "a");
    let trust: Trust =
        |path| if path.ends_with("run.sh") { Err("is writable by others".into()) } else { Ok(()) };
    let catalog = scan(&place.roots, &Rules { trust: Some(trust), ..rules() });
    let expected = format!("{}: is writable by others", folder.join("run.sh").display());
    assert_eq!(catalog.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn of_two_with_one_name_the_built_in_one_wins() {
    let place = Place::new();
    let kept = write_folder(place.built_in(), "a");
    write_folder(place.extend(), "a");
    assert_eq!(place.fault(), "/extend/a: the name \"a\" belongs to /probes/a");
    assert_eq!(place.scan().folders["a"].path, kept);
}

#[test]
fn a_probe_is_served_by_one_folder() {
    let place = Place::new();
    write_with(place.extend(), "a", &manifest("a", "tcp", "a", FIELDS));
    write_with(place.built_in(), "z", &manifest("z", "tcp", "z", FIELDS));
    assert_eq!(place.fault(), "/extend/a: the probe \"tcp\" is served by /probes/z already");
}

#[test]
fn tables_that_share_a_metric_must_agree() {
    let other = |from: &str, to: &str| FIELDS.replace(from, to);
    for (fields, difference) in [
        (other("gauge", "counter"), "type counter instead of gauge"),
        (other("type = \"gauge\"", "type = \"gauge\", unit = \"s\""), "unit s instead of none"),
        (other("\"id\"", "\"ident\""), "labels ident instead of id"),
    ] {
        let place = Place::new();
        write_with(place.built_in(), "b", &manifest("b", "b", "shared", FIELDS));
        write_with(place.built_in(), "a", &manifest("a", "a", "shared", FIELDS));
        write_with(place.extend(), "a0", &manifest("a0", "a0", "shared", &fields));
        let expected = format!(
            "/extend/a0: gala_gopher_shared_n of table `a0_t` in /extend/a0 contradicts table `a_t` in /probes/a: {difference}"
        );
        assert_eq!(place.fault(), expected);
        assert_eq!(place.scan().folders.len(), 2);
    }
}

#[test]
fn folders_must_not_share_a_name_that_a_suffix_makes() {
    let field =
        |name: &str, kind: &str| FIELDS.replace("\"n\"", &format!("\"{name}\"")).replace("gauge", kind);
    for (first, later, shared) in [
        (("x", "histogram"), ("x_max", "gauge"), "x_max"),
        (("x_bucket", "gauge"), ("x", "histogram"), "x_bucket"),
        (("x_sum", "counter"), ("x", "histogram"), "x_sum"),
        (("x", "histogram"), ("x_count", "delta"), "x_count"),
        (("x", "delta"), ("x_total", "gauge"), "x_total"),
        (("x_total", "counter"), ("x", "counter"), "x_total"),
    ] {
        let place = Place::new();
        write_with(place.built_in(), "a", &manifest("a", "a", "shared", &field(first.0, first.1)));
        write_with(place.extend(), "b", &manifest("b", "b", "shared", &field(later.0, later.1)));
        let expected = format!(
            "/extend/b: {} `{}` of table `b_t` in /extend/b makes the metric gala_gopher_shared_{shared}, \
             as {} `{}` of table `a_t` in /probes/a does; rename one of them",
            later.1, later.0, first.1, first.0
        );
        assert_eq!(place.fault(), expected);
    }
}

#[test]
fn folders_may_share_a_metric_that_they_describe_alike() {
    let place = Place::new();
    let fields = FIELDS.replace("gauge", "histogram");
    write_with(place.built_in(), "a", &manifest("a", "a", "shared", &fields));
    write_with(place.extend(), "b", &manifest("b", "b", "shared", &fields));
    assert_eq!(place.scan().faults, []);
}

#[test]
fn a_refused_folder_leaves_no_trace_in_the_rules() {
    let place = Place::new();
    write_with(place.extend(), "a", &manifest("a", "tcp", "shared", FIELDS));
    write_with(place.built_in(), "z", &manifest("z", "tcp", "z", FIELDS));
    let fields = FIELDS.replace("gauge", "counter");
    write_with(place.extend(), "b", &manifest("b", "b", "shared", &fields));
    assert_eq!(place.scan().folders.keys().collect::<Vec<_>>(), ["b", "z"]);
}

#[test]
fn a_replaced_executable_is_another_folder() {
    let place = Place::new();
    let folder = write_folder(place.extend(), "a");
    let before = place.scan();
    assert_eq!(diff(&before, &place.scan()), []);
    fs::write(folder.join("new"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(folder.join("new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(folder.join("new"), folder.join("run.sh")).unwrap();
    let after = place.scan();
    assert_eq!(diff(&before, &after), [Change::Changed(Arc::clone(&after.folders["a"]))]);
}

#[test]
fn the_difference_names_what_came_what_went_and_what_is_wrong() {
    let place = Place::new();
    write_folder(place.extend(), "a");
    let bad = place.extend().join("bad");
    fs::create_dir(&bad).unwrap();
    let before = place.scan();
    fs::remove_dir_all(place.extend().join("a")).unwrap();
    fs::remove_dir(&bad).unwrap();
    write_folder(place.extend(), "b");
    let worse = place.extend().join("worse");
    fs::create_dir(&worse).unwrap();
    let after = place.scan();
    let expected = [
        Change::Removed("a".into()),
        Change::FaultCleared(bad),
        Change::Added(Arc::clone(&after.folders["b"])),
        Change::Fault(Fault::of_folder(worse, "there is no probe.toml in this folder")),
    ];
    assert_eq!(diff(&before, &after), expected);
}

#[test]
fn probe_sections_are_checked_against_the_manifests() {
    let place = Place::new();
    write_folder(place.extend(), "dns");
    let text = "[probe.dsn]\nstate = \"running\"\n[probe.dns]\nitems = [\"one\",\n \"two\"]\n\
                [probe.dns.params]\nreport_period = 4\nreport_perod = 5\n";
    let loaded = config::parse(text, Path::new("a.conf"), Config::default()).unwrap();
    let found: Vec<String> = check_probes(&loaded, &place.scan())
        .into_iter()
        .map(|finding| match finding {
            Finding::NotInstalled(problem) => format!("not installed: {problem}"),
            Finding::Wrong(problem) => problem.to_string(),
        })
        .collect();
    assert_eq!(
        found,
        [
            "a.conf:5: probe.dns.items.two: unknown item; allowed: one",
            "a.conf:7: probe.dns.params.report_period: found 4, must be a number from 5 to 600 (s)",
            "a.conf:8: probe.dns.params.report_perod: unknown parameter, did you mean `report_period`?; allowed: report_period",
            "not installed: a.conf:1: probe.dsn: no folder serves a probe of this name, did you mean `dns`?",
        ]
    );
}

proptest::proptest! {
    #[test]
    fn the_order_in_which_folders_come_does_not_matter(order in proptest::sample::subsequence(vec![0, 1, 2, 3, 4, 5], 6)
        .prop_shuffle())
    {
        let place = Place::new();
        let counter = FIELDS.replace("gauge", "counter");
        write_folder(place.built_in(), "a");
        write_folder(place.extend(), "a");
        write_with(place.extend(), "b", &manifest("b", "tcp", "shared", FIELDS));
        write_with(place.extend(), "c", &manifest("c", "c", "shared", &counter));
        write_with(place.built_in(), "d", &manifest("d", "tcp", "d", FIELDS));
        write_with(place.extend(), "e", &manifest("e", "e", "shared", FIELDS));
        let (found, _) = scan::list(&place.roots);
        let load = |(path, origin): (&PathBuf, &Origin)| load_folder(path, *origin, &rules()).unwrap().unwrap();
        let folders: Vec<Arc<Folder>> = found.iter().map(load).map(Arc::new).collect();
        let mixed = order.iter().map(|at| Arc::clone(&folders[*at])).collect();
        assert_eq!(assemble::assemble(mixed, Vec::new()), place.scan());
    }
}
