//! Which file is what, and what comes of several.

use super::*;

fn kind(name: &str, text: &str) -> Result<Kind, String> {
    kind_of(Path::new(name), text).map_err(|error| error.to_string())
}

#[test]
fn content_tells_what_a_file_is() {
    for (name, text, expected) in [
        ("x", "{\"a\": {\"bin\": \"/b\"}}", Kind::Custom),
        ("x", "# c\ntcp {\"state\":\"running\"}\n", Kind::Init),
        ("x", "version = \"1\";\nmeasurements: ()", Kind::Meta),
        ("x", "application = ( { comm = \"a\" } )", Kind::App),
        ("x", "global = { log_level = \"info\" };", Kind::Conf),
        ("probes.init", "", Kind::Init),
        ("gala-gopher-custom.json", "", Kind::Custom),
        ("a.meta.old", "x", Kind::Meta),
    ] {
        assert_eq!(kind(name, text), Ok(expected), "{name}: {text}");
    }
}

#[test]
fn what_is_nothing_of_the_original_says_so() {
    assert!(kind("x", "[agent]\nlog_level = \"info\"\n").unwrap_err().contains("of this agent already"));
    assert!(kind("x", "a = 1").unwrap_err().contains("no file of the original"));
    assert_eq!(
        kind("x.conf", "global = {\n log_level = info }").unwrap_err().split(": ").next(),
        Some("x.conf:2")
    );
}

fn add(draft: &mut Draft, name: &str, text: &str) {
    let settle = |_: &str, json: &str, probe: &mut crate::config::ProbeConfig| {
        probe.state = crate::config::ProbeState::Running;
        Ok(vec![json.to_owned()])
    };
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    draft.add(Path::new(name), text, &settle, &read).unwrap();
}

#[test]
fn several_files_make_one_configuration_and_one_whitelist() {
    let mut draft = Draft::default();
    add(&mut draft, "probes.init", "tcp {}\n");
    add(&mut draft, "gala-gopher.conf", "imdb = { record_timeout = 30 };\nglobal = { rest_api_on = true };");
    add(&mut draft, "gala-gopher-app.conf", "application = ( { comm = \"^nginx$\" } )");
    let imported = draft.finish().unwrap();
    let [(conf, text), (app, whitelist)] = &imported.files[..] else { panic!("{imported:?}") };
    assert_eq!((conf, app), (&"gala-gopher.conf".into(), &"gala-gopher-app.conf".into()));
    let loaded = config::parse(text, conf, Config::default()).unwrap();
    assert_eq!(loaded.config.store.record_timeout, std::time::Duration::from_secs(30));
    assert_eq!(loaded.config.probes["tcp"].state, crate::config::ProbeState::Running);
    let scope = config::load::parse_whitelist(whitelist, app).unwrap().unwrap();
    assert_eq!(scope.select.proc_name[0].comm, "^nginx$");
}

#[test]
fn two_folders_of_one_name_are_refused() {
    const META: &str = "measurements: ( { table_name: \"t\", entity_name: \"e\", fields: (
        { description: \"k\", type: \"key\", name: \"k\" }, { description: \"v\", type: \"gauge\", name: \"v\" } ) } )";
    let mut draft = Draft::default();
    add(&mut draft, "a/x.meta", META);
    add(&mut draft, "b/x.meta", META);
    assert!(draft.finish().unwrap_err().to_string().contains("two of the imported files"));
}
