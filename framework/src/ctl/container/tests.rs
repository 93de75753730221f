//! Which configuration the agent of a container gets.

use super::*;

/// The image's own, which listens on all addresses.
const OWN: &str = "[export.prometheus]\nlisten = \"0.0.0.0:8888\"\nplaintext = true\n";
const ORIGINAL: &str = "global = { log_level = \"warn\"; rest_api_on = true; };\nweb_server = { port = 8889; };\n\
    metric = { out_channel = \"web_server\"; };\n";

struct Image {
    _root: tempfile::TempDir,
    places: Places,
}

impl Image {
    fn new(mapped: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let place = |name: &str| root.path().join(name);
        let places = Places { own: place("own"), mapped: place("mapped"), written: place("written") };
        for folder in [&places.own, &places.mapped] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(places.own.join(CONF), OWN).unwrap();
        for (name, text) in mapped {
            fs::write(places.mapped.join(name), text).unwrap();
        }
        Self { _root: root, places }
    }

    fn file(&self, variables: &[(&str, &str)]) -> Result<PathBuf, String> {
        let variables: Variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        configuration(&self.places, &variables).map(|(file, _)| file).map_err(|failure| {
            assert_eq!(failure.code(), 78);
            failure.to_string()
        })
    }

    fn loaded(&self, variables: &[(&str, &str)]) -> Config {
        config::load(&self.file(variables).unwrap()).unwrap().config
    }
}

fn listen(config: &Config) -> String {
    config.prometheus.listen.unwrap().to_string()
}

#[test]
fn without_anything_the_images_own_holds() {
    let image = Image::new(&[]);
    assert_eq!(image.file(&[("GOPHER_HOST_PATH", "/host")]).unwrap(), image.places.own.join(CONF));
}

#[test]
fn a_configuration_of_ours_is_read_where_it_is() {
    let image = Image::new(&[(CONF, "[agent]\nlog_level = \"warn\"\n")]);
    assert_eq!(image.file(&[]).unwrap(), image.places.mapped.join(CONF));
}

#[test]
fn variables_win_over_files() {
    let image = Image::new(&[(CONF, "[agent]\nlog_level = \"warn\"\nhostname = \"a\"\n")]);
    let config = image.loaded(&[("GOPHER_LOG_LEVEL", "debug"), ("GOPHER_METRIC_PORT", "8890")]);
    assert_eq!((config.agent.log_level, config.agent.hostname.as_str()), (config::LogLevel::Debug, "a"));
    assert_eq!(listen(&config), "127.0.0.1:8890");
    let own = Image::new(&[]).loaded(&[("GOPHER_METRIC_PORT", "8890")]);
    assert_eq!(listen(&own), "0.0.0.0:8890");
}

#[test]
fn files_of_the_original_are_converted_over_the_images_own() {
    let app = "application = ( { comm = \"nginx\", cmdline = \"\" } );\n";
    let config = Image::new(&[(CONF, ORIGINAL), (APP, app)]).loaded(&[]);
    assert_eq!((config.agent.log_level, listen(&config).as_str()), (config::LogLevel::Warn, "0.0.0.0:8889"));
    assert_eq!(config.whitelist.unwrap().select.proc_name[0].comm, "nginx");
}

#[test]
fn what_an_earlier_start_wrote_goes() {
    let image = Image::new(&[(APP, "proc_name = [{ comm = \"^nginx$\" }]\n")]);
    assert!(image.loaded(&[]).whitelist.is_some());
    fs::remove_file(image.places.mapped.join(APP)).unwrap();
    assert!(image.loaded(&[("GOPHER_LOG_LEVEL", "debug")]).whitelist.is_none());
}

#[test]
fn mistakes_are_named_with_file_and_line_or_variable() {
    let ours = Image::new(&[(CONF, "[agent]\nlog_level = \"loud\"\n")]).file(&[]).unwrap_err();
    assert!(ours.contains("gala-gopher.conf:2") && !ours.contains("original"), "{ours}");
    let theirs = Image::new(&[(CONF, "global = {\n  log_level = ;\n};\n")]).file(&[]).unwrap_err();
    assert!(
        theirs.contains("gala-gopher.conf:2") && theirs.contains("as a file of the original"),
        "{theirs}"
    );
    let variable = Image::new(&[]).file(&[("GOPHER_LOG_LEVEL", "loud")]).unwrap_err();
    assert!(
        variable.starts_with("GOPHER_LOG_LEVEL: agent.log_level: ") && variable.contains("leave"),
        "{variable}"
    );
}

#[test]
fn only_the_agent_without_a_configuration_gets_one() {
    let wants = |command: &[&str]| {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        wants_configuration(&command[0], &command[1..])
    };
    assert!(wants(&["/usr/bin/gala-gopher"]) && wants(&["gala-gopher", "--check"]));
    for other in [&["gopher-ctl", "top"][..], &["gala-gopher", "--config=/x"], &["gala-gopher", "-c", "/x"]] {
        assert!(!wants(other), "{other:?}");
    }
}
