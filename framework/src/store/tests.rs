//! The store as ingest and exporters see it.

use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::number::Number;

use super::*;
use crate::ingest::{Dropped, RowSink};

fn manifest(name: &str, series: u32, entity: &str) -> Manifest {
    let text = format!(
        r#"
protocol = 1
name = "{name}"
exec = ["x"]
limits = {{ series = {series} }}
[[probe]]
name = "{name}"
summary = "s"
[[probe.item]]
name = "one"
summary = "s"
[[table]]
name = "t"
entity = "{entity}"
fields = [
  {{ name = "key", type = "key", help = "h" }},
  {{ name = "seen", type = "delta", item = "one", help = "h" }},
]
[[table]]
name = "p"
entity = "proc"
fields = [
  {{ name = "tgid", type = "key", help = "h" }},
  {{ name = "{name}_size", type = "gauge", help = "h" }},
]
"#
    );
    Manifest::parse(&text).unwrap()
}

fn store(limits: Limits) -> Store {
    let globals: GlobalLabels = vec![("machine_id".to_owned(), "m".to_owned())].into();
    Store::new(limits, globals, Arc::new(Processes::new(std::path::Path::new("/"))), false)
}

const WIDE: Limits =
    Limits { record_timeout: 60_000, series_per_table: 1000, series_total: 1000, event_window: 0 };

fn put(folder: &FolderStore, manifest: &Manifest, line: &str) -> Result<(), Dropped> {
    let mut decoder = Decoder::new();
    let Ok(Line::Row(row)) = decoder.decode(&manifest.tables(), line.as_bytes()) else {
        panic!("no row: {line}")
    };
    folder.batch().row(&row)
}

fn shown(store: &Store) -> Vec<String> {
    let mut shown = Vec::new();
    for table in store.snapshot().tables {
        for (row, labels) in table.labels.iter().enumerate() {
            let mut text = Vec::new();
            labels.each(&table.layout, |name, value| text.push(format!("{name}={value}")));
            let value = match &table.values(row)[0] {
                Value::Number(number) => number.to_string(),
                other => format!("{other:?}"),
            };
            shown.push(format!("{} {value}", text.join(",")));
        }
    }
    shown
}

/// A process that ends with the test.
struct Sleeper(std::process::Child);

impl Sleeper {
    fn start() -> Self {
        let child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let cmdline = format!("/proc/{}/cmdline", child.id());
        while !std::fs::read_to_string(&cmdline).unwrap().starts_with("sleep") {
            std::thread::yield_now();
        }
        Self(child)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A process in a container of a pod below a root of its own.
fn contained(root: &std::path::Path) -> String {
    let (container, pod) = ("5".repeat(64), "0f3c5b2e-1111-4222-8333-444455556666");
    let folder = root.join("proc/7");
    std::fs::create_dir_all(&folder).unwrap();
    let files = [
        ("stat", "7 (fan) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0\n".to_owned()),
        ("cmdline", "fan".to_owned()),
        ("cgroup", format!("0::/kubepods/besteffort/pod{pod}/{container}\n")),
    ];
    files.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
    container
}

#[test]
fn an_event_says_of_its_process_what_is_known_and_not_said() {
    let root = tempfile::tempdir().unwrap();
    let container = contained(root.path());
    let store = Store::new(WIDE, [].into(), Arc::new(Processes::new(root.path())), false);
    let manifest = manifest("a", 10, "e");
    let folder = store.folder(&manifest);
    let pod = "0f3c5b2e-1111-4222-8333-444455556666";
    let cases = [
        ("7", ["", "", ""], ["fan", &container, pod]),
        ("7", ["own", &container[..12], ""], ["own", &container[..12], pod]),
        ("7", ["", "0123456789ab", ""], ["fan", "0123456789ab", ""]),
        ("7", ["a", "b", "c"], ["a", "b", "c"]),
        ("8", ["", "", ""], ["", "", ""]),
        ("", ["", "", ""], ["", "", ""]),
    ];
    for (pid, [comm, id, own_pod], wanted) in cases {
        let line = format!("|event|proc|1|m|{pid}|{comm}||{id}|{own_pod}||WARN|13|b|");
        let (mut decoder, tables) = (Decoder::new(), manifest.tables());
        let Ok(Line::Event(event)) = decoder.decode(&tables, line.as_bytes()) else { panic!("{line}") };
        assert!(folder.batch().event(&event));
        let latest = store.latest_events();
        let Body::Event(event) = &latest[latest.len() - 1].body else { panic!("no event") };
        let [_, _, _, _, comm, _, id, pod, _] = &event.about;
        assert_eq!([&**comm, &**id, &**pod], wanted, "{line}");
    }
}

#[test]
fn a_snapshot_is_not_changed_by_later_rows() {
    let (store, manifest) = (store(WIDE), manifest("a", 10, "e"));
    let folder = store.folder(&manifest);
    put(&folder, &manifest, "|t|k|1|").unwrap();
    let before = store.snapshot();
    put(&folder, &manifest, "|t|k|1|").unwrap();
    put(&folder, &manifest, "|t|l|1|").unwrap();
    assert_eq!(before.tables[0].labels.len(), 1);
    assert_eq!(before.tables[0].values(0), [Value::Number(Number::Uint(1))]);
    assert_eq!(shown(&store), ["key=k,machine_id=m 2", "key=l,machine_id=m 1"]);
}

#[test]
fn an_unchanged_table_is_not_copied_again() {
    let (store, manifest) = (store(WIDE), manifest("a", 10, "e"));
    put(&store.folder(&manifest), &manifest, "|t|k|1|").unwrap();
    let (first, second) = (store.snapshot(), store.snapshot());
    assert!(Arc::ptr_eq(&first.tables[0], &second.tables[0]));
}

#[test]
fn each_limit_refuses_new_keys_with_its_own_reason_and_keeps_the_old() {
    for (limits, series, expected) in [
        (WIDE, 2, Dropped::SeriesPerFolder),
        (Limits { series_per_table: 2, ..WIDE }, 10, Dropped::SeriesPerTable),
        (Limits { series_total: 2, ..WIDE }, 10, Dropped::SeriesTotal),
    ] {
        let (store, manifest) = (store(limits), manifest("a", series, "e"));
        let folder = store.folder(&manifest);
        put(&folder, &manifest, "|t|k|1|").unwrap();
        put(&folder, &manifest, "|t|l|1|").unwrap();
        assert_eq!(put(&folder, &manifest, "|t|m|1|"), Err(expected));
        assert_eq!(put(&folder, &manifest, "|t|k|1|"), Ok(()));
        assert_eq!(store.series(), 2);
    }
}

#[test]
fn a_series_ends_after_its_time_or_two_and_a_half_periods() {
    let (store, manifest) = (store(WIDE), manifest("a", 10, "e"));
    let folder = store.folder(&manifest);
    put(&folder, &manifest, "|t|k|1|").unwrap();
    let now = crate::clock::mono_ms();
    store.sweep(now + 59_000);
    assert_eq!(store.series(), 1);
    folder.set_period("a", 60_000);
    store.sweep(now + 149_000);
    assert_eq!(store.series(), 1);
    store.sweep(now + 151_000);
    assert_eq!(store.series(), 0);
    put(&folder, &manifest, "|t|k|1|").unwrap();
    assert_eq!(shown(&store), ["key=k,machine_id=m 1"], "the sum is forgotten with the series");
}

#[test]
fn series_of_a_stopped_probe_or_item_or_removed_folder_go_at_once() {
    let (store, manifest) = (store(WIDE), manifest("a", 10, "e"));
    let folder = store.folder(&manifest);
    put(&folder, &manifest, "|t|k|1|").unwrap();
    folder.switch("a", Some(&["one".to_owned()]));
    assert_eq!(store.series(), 1);
    folder.switch("a", Some(&[]));
    assert_eq!(store.series(), 0);
    folder.switch("a", Some(&["one".to_owned()]));
    put(&folder, &manifest, "|t|k|1|").unwrap();
    folder.switch("a", None);
    assert_eq!(store.series(), 0);
    assert_eq!(put(&folder, &manifest, "|t|k|1|"), Err(Dropped::Stopped), "it was under way");
    store.remove("a");
    assert_eq!(put(&folder, &manifest, "|t|k|1|"), Err(Dropped::Stopped));
}

#[test]
fn a_sample_that_another_table_has_already_is_dropped() {
    let store = store(WIDE);
    let (a, b) = (manifest("a", 10, "e"), manifest("b", 10, "e"));
    let folders = (store.folder(&a), store.folder(&b));
    put(&folders.0, &a, "|t|k|1|").unwrap();
    assert_eq!(put(&folders.1, &b, "|t|k|5|"), Err(Dropped::Duplicate));
    assert_eq!(put(&folders.1, &b, "|t|l|5|"), Ok(()));
    folders.0.switch("a", None);
    assert_eq!(put(&folders.1, &b, "|t|k|5|"), Ok(()), "a set that was given back is free");
}

#[test]
fn a_folder_that_comes_later_does_not_double_samples_that_are_there() {
    let store = store(WIDE);
    let (a, b) = (manifest("a", 10, "e"), manifest("b", 10, "e"));
    let first = store.folder(&a);
    put(&first, &a, "|t|k|1|").unwrap();
    let second = store.folder(&b);
    assert_eq!(put(&second, &b, "|t|k|5|"), Err(Dropped::Duplicate));
}

#[test]
fn rows_of_a_process_carry_its_labels_and_outlive_it_by_a_minute() {
    let (store, manifest) = (store(WIDE), manifest("a", 10, "e"));
    let folder = store.folder(&manifest);
    let child = Sleeper::start();
    put(&folder, &manifest, &format!("|p|{}|1|", child.0.id())).unwrap();
    let text = shown(&store).join("\n");
    assert!(text.contains("comm=sleep,cmdline=sleep 1000,start_time="), "{text}");
    drop(child);
    folder.set_period("a", 600_000);
    let now = crate::clock::mono_ms();
    store.sweep(now + 2000);
    store.sweep(now + 61_000);
    assert_eq!(shown(&store).join("\n"), text, "labels are kept after the end");
    store.sweep(now + 63_000);
    assert_eq!(store.series(), 0);
}

#[test]
fn a_reader_that_takes_anothers_place_leaves_it_what_it_has() {
    let store = store(WIDE);
    let (folder, manifest) = (store.folder(&boxed()), boxed());
    let mut before = store.records().take_over("reader", Wanted::All, 10);
    put(&folder, &manifest, &format!("|c|{CONTAINER}||1|")).unwrap();
    let mut after = store.records().take_over("reader", Wanted::All, 10);
    put(&folder, &manifest, &format!("|c|{CONTAINER}||2|")).unwrap();
    let values = |reader: &mut Subscription| {
        std::iter::from_fn(|| reader.try_next())
            .map(|record| match &record.body {
                Body::Row { values, .. } => values[0].to_string(),
                _ => String::new(),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!((values(&mut before), values(&mut after)), (vec!["1".to_owned()], vec!["2".to_owned()]));
    after.close();
    put(&folder, &manifest, &format!("|c|{CONTAINER}||3|")).unwrap();
    assert_eq!((after.queued(), after.dropped()), (0, 0));
}

const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn boxed() -> Manifest {
    let text = r#"
protocol = 1
name = "b"
exec = ["x"]
[[probe]]
name = "b"
summary = "s"
[[table]]
name = "c"
entity = "c"
fields = [
  { name = "container_id", type = "key", help = "h" },
  { name = "pod", type = "label", help = "h" },
  { name = "size", type = "gauge", help = "h" },
]
"#;
    Manifest::parse(text).unwrap()
}

#[test]
fn labels_of_a_scope_come_and_go_with_it_and_a_tables_own_win() {
    let (store, manifest) = (store(WIDE), boxed());
    let folder = store.folder(&manifest);
    put(&folder, &manifest, &format!("|c|{CONTAINER}|own|1|")).unwrap();
    let plain = format!("container_id={CONTAINER},pod=own,machine_id=m 1");
    assert_eq!(shown(&store), [plain.as_str()]);
    let custom = [("site", "n"), ("pod", "x")];
    let custom = custom.map(|(name, value)| (name.to_owned(), value.to_owned()));
    folder.label("b", &Arc::new(Added::new(&[], Vec::new(), custom.to_vec())));
    assert_eq!(shown(&store), [format!("container_id={CONTAINER},pod=own,site=n,machine_id=m 1")]);
    folder.label("other", &Arc::default());
    assert!(shown(&store)[0].contains("site=n"), "another probe's labels are its own");
    folder.label("b", &Arc::default());
    assert_eq!(shown(&store), [plain]);
}

#[test]
fn a_scopes_label_that_makes_two_series_one_keeps_the_first() {
    let store = store(WIDE);
    let (a, b) = (manifest("a", 10, "e"), manifest("b", 10, "e"));
    let folders = (store.folder(&a), store.folder(&b));
    let site = |name: &str| Arc::new(Added::new(&[], Vec::new(), vec![("site".into(), name.into())]));
    folders.1.label("b", &site("n"));
    put(&folders.0, &a, "|t|k|1|").unwrap();
    put(&folders.1, &b, "|t|k|5|").unwrap();
    folders.1.label("b", &Arc::default());
    assert_eq!(shown(&store), ["key=k,machine_id=m 1"]);
    assert_eq!(store.series(), 1);
}

#[test]
fn what_becomes_known_of_a_container_is_shown_without_a_row() {
    let (store, manifest) = (store(WIDE), boxed());
    let folder = store.folder(&manifest);
    put(&folder, &manifest, &format!("|c|{CONTAINER}||1|")).unwrap();
    store.shared.processes.containers().learn_name(CONTAINER, "web");
    store.sweep(crate::clock::mono_ms());
    assert_eq!(shown(&store), [format!("container_id={CONTAINER},container_name=web,machine_id=m 1")]);
}

#[test]
fn a_series_costs_no_more_for_its_containers_labels() {
    assert!(size_of::<Labels>() <= 56, "{}", size_of::<Labels>());
}

#[test]
fn every_accepted_row_reaches_each_reader_once_and_a_full_queue_is_counted() {
    let (store, manifest) = (store(WIDE), manifest("a", 10, "e"));
    let folder = store.folder(&manifest);
    let (mut wide, mut narrow) =
        (store.records().subscribe(Wanted::All, 100), store.records().subscribe(Wanted::All, 1));
    for _ in 0..3 {
        put(&folder, &manifest, "|t|k|7|").unwrap();
    }
    let mut seen = 0;
    while let Some(record) = wide.try_next() {
        let Body::Row { values, .. } = &record.body else { panic!("no row") };
        assert_eq!(values[0].as_ref(), "7", "the row's own value, not the sum");
        seen += 1;
    }
    assert_eq!((seen, wide.dropped()), (3, 0));
    assert!(narrow.try_next().is_some() && narrow.try_next().is_none());
    assert_eq!(narrow.dropped(), 2);
}
