//! What comes of a file as the original ships it, and of each key that is not as shipped.

use super::*;

const SHIPPED: &str = include_str!("../testdata/gala-gopher.conf");

fn import_text(text: &str) -> (Config, Vec<String>) {
    let (config, notes) = import(text, Path::new("g.conf"), Config::default()).unwrap();
    (config, notes.iter().map(ToString::to_string).collect())
}

#[test]
fn the_shipped_file_changes_nothing_but_the_exposition() {
    let (config, _) = import_text("global = { log_level = \"info\"; rest_api_on = true; };");
    assert_eq!(config.agent, Config::default().agent);
    let (_, notes) = import_text(SHIPPED);
    assert!(!notes.iter().any(|note| note.contains("no key of the original")), "{notes:#?}");
}

#[test]
fn an_unknown_key_and_a_wrong_type_are_noted_with_their_lines() {
    let (_, notes) = import_text("global =\n{\n  log_level = 1;\n  colour = true;\n};\nother = 2;\n");
    assert!(
        notes.iter().any(|note| note.starts_with("g.conf:3: global.log_level is no string")),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.starts_with("g.conf:4: global.colour is no key")), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("g.conf:6: other is no key")), "{notes:?}");
}

#[test]
fn listeners_keep_address_port_and_files() {
    let (config, notes) = import_text(
        "web_server = { bind_addr = \"0.0.0.0\"; port = 9100; ssl_auth = \"on\"; private_key = \"/k\"; cert_file = \"/c\"; ca_file = \"/a\" };",
    );
    assert_eq!(config.prometheus.listen.unwrap().to_string(), "0.0.0.0:9100");
    let tls = &config.prometheus.tls;
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().unwrap().display().to_string();
    assert_eq!([path(&tls.key_file), path(&tls.cert_file), path(&tls.client_ca_file)], ["/k", "/c", "/a"]);
    assert!(!config.prometheus.plaintext, "{notes:?}");
    let (config, notes) = import_text(
        "web_server = { bind_addr = \"0.0.0.0\"; port = 8888; ssl_auth = \"off\"; cert_file = \"/c\" };",
    );
    assert!(config.prometheus.plaintext);
    assert!(notes.iter().any(|note| note.contains("cert_file meant nothing")), "{notes:?}");
}

#[test]
fn bounds_and_times_of_records() {
    let (config, _) =
        import_text("imdb = { max_records_num = 5000; record_timeout = 0; max_tables_num = 5 };");
    assert_eq!(config.store.series_per_table, 5000);
    assert_eq!(config.store.record_timeout, std::time::Duration::from_secs(60));
    let (config, notes) = import_text("imdb = { max_records_num = 1024; record_timeout = 120 };");
    assert_eq!(config.store.series_per_table, 200_000);
    assert_eq!(config.store.record_timeout, std::time::Duration::from_secs(120));
    assert!(notes.iter().any(|note| note.contains("1024 is the value")), "{notes:?}");
}

#[test]
fn a_value_that_we_refuse_is_noted_with_the_line() {
    let (config, notes) = import_text("imdb = {\n  record_timeout = 100000;\n};");
    assert_eq!(config.store, Config::default().store);
    assert!(
        notes.iter().any(|note| note.starts_with("g.conf:2: store.record_timeout is left out")),
        "{notes:?}"
    );
}

#[test]
fn log_levels() {
    assert_eq!(
        import_text("global = { log_level = \"warn\" };").0.agent.log_level,
        crate::config::LogLevel::Warn
    );
    let (config, notes) = import_text("global = { log_level = \"loud\" };");
    assert_eq!(config.agent.log_level, crate::config::LogLevel::Debug);
    assert!(notes.iter().any(|note| note.contains("meant debug")), "{notes:?}");
}

#[test]
fn what_went_to_files_goes_to_files() {
    let (config, notes) = import_text(
        "metric = { out_channel = \"json\" };\nevent = { out_channel = \"web_server\"; timeout = 300 };\n\
         meta = { out_channel = \"logs\" };\nlogs = {\n metric_total_size = 50;\n metric_dir = \"/l/m\";\n \
         meta_dir = \"/l/t\";\n debug_dir = \"/d\" };",
    );
    assert!(!config.prometheus.enabled);
    assert_eq!(config.events.dedup, std::time::Duration::from_secs(300));
    let logs = &config.logs;
    assert!(logs.enabled && logs.metrics && !logs.events && logs.metadata, "{notes:#?}");
    assert_eq!((logs.directory.as_path(), logs.file_size.0), (Path::new("/l"), 10 << 20));
    for expected in [
        "g.conf:2: event.out_channel \"web_server\" meant no output",
        "g.conf:2: event.timeout: events of all probes",
        "g.conf:5: logs.metric_total_size: 5 files of 10240 KiB",
        "g.conf:6: logs.*_dir: ",
        "g.conf:8: logs.debug_dir is left out: the log goes to stderr",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(expected)), "{expected}: {notes:#?}");
    }
}

#[test]
fn files_in_several_places_come_together_in_the_first() {
    let (config, _) = import_text(
        "event = { out_channel = \"logs\" };\nmeta = { out_channel = \"logs\" };\n\
         logs = { event_dir = \"/a/e\"; meta_dir = \"/b/m\" };",
    );
    assert_eq!(config.logs.directory, Path::new("/a/e"));
    let (config, notes) = import_text("metric = { out_channel = \"logs\" };");
    assert!(config.logs.metrics && !config.logs.events);
    assert!(notes.iter().any(|note| note.contains("had Prometheus text")), "{notes:#?}");
}

#[test]
fn directories_that_nothing_goes_to_are_left_out() {
    let (config, notes) = import_text("logs = { metric_dir = \"/m\"; debug_dir = \"/d\" };");
    assert!(!config.logs.enabled);
    assert!(notes.iter().any(|note| note.contains("logs.metric_dir is left out")), "{notes:#?}");
}

#[test]
fn a_broker_that_nothing_goes_to_is_left_out() {
    let (_, notes) =
        import_text("kafka = { kafka_broker = \"k:9092\" };\nmetric = { out_channel = \"web_server\" };");
    assert!(notes.iter().any(|note| note.contains("no channel is kafka")), "{notes:?}");
}

#[test]
fn without_rest_there_is_the_socket_alone() {
    let (config, notes) = import_text("global = { rest_api_on = false };");
    assert_eq!(config.control.listen, None);
    assert!(notes.iter().any(|note| note.contains("REST is off")), "{notes:?}");
    let (config, _) = import_text(
        "global = { rest_api_on = true };\nrest_api_server = { bind_addr = \"127.0.0.1\"; port = 9998 };",
    );
    assert_eq!(config.control.listen.unwrap().port(), 9998);
}
