//! An agent with a probe that writes down the scope it is given, and a row about each process and container in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use gopher_protocol::control::{ConfigMessage, Scope};
use gopher_tests::agent::{Agent, Home, until};

const MANIFEST: &str = r#"
protocol = 1
name = "observer"
exec = ["run.sh", "FILE"]
[[probe]]
name = "observer"
summary = "Says whom it observes."
autostart = true
scope = ["process", "container", "pod"]
[[table]]
name = "seen"
entity = "seen"
fields = [
  { name = "tgid", type = "key", help = "Process id." },
  { name = "up", type = "gauge", help = "1." },
]
[[table]]
name = "box"
entity = "box"
fields = [
  { name = "container_id", type = "key", help = "Container." },
  { name = "up", type = "gauge", help = "1." },
]
"#;

const SCRIPT: &str = r#"#!/bin/sh
# Keeps the last configuration in a file and writes rows about those in scope.
echo '|ready|'
while read -r line; do
  printf '%s\n' "$line" >"$1"
  echo >>"$1.count"
  printf '%s' "$line" | grep -o '"pid":[0-9]*' | sed 's/.*:\(.*\)/|seen|\1|1|/'
  printf '%s' "$line" | grep -o '"id":"[0-9a-f]*"' | sed 's/.*:"\(.*\)"/|box|\1|1|/'
done
"#;

/// The running agent.
pub(crate) struct Observer {
    pub(crate) agent: Agent,
    file: PathBuf,
}

/// Lines of the configuration that use no container runtime.
pub(crate) const NO_RUNTIME: &str = "[containers]\ndocker_socket = []\ncri_socket = []\n";

impl Observer {
    /// Starts an agent whose probe has this scope; `lines` are further ones of the configuration.
    pub(crate) fn start(scope: &str, lines: &str) -> Self {
        Self::start_in(Home::new(), scope, lines)
    }

    pub(crate) fn start_in(home: Home, scope: &str, lines: &str) -> Self {
        let file = home.path().join("scope.json");
        for file in [&file, &file.with_extension("json.count")] {
            fs::write(file, "").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
        }
        home.extend("observer", &MANIFEST.replace("FILE", &file.display().to_string()));
        let script = home.path().join("extend/observer/run.sh");
        fs::write(&script, SCRIPT).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        home.configure(&text(scope, lines));
        Self { agent: Agent::start(home), file }
    }

    /// Gives the probe another scope.
    pub(crate) fn observe(&self, scope: &str, lines: &str) {
        self.agent.home.configure(&text(scope, lines));
    }

    /// The scope that the probe was given last, as soon as it is whole.
    pub(crate) fn scope(&self) -> Option<Scope> {
        let line = fs::read_to_string(&self.file).unwrap();
        ConfigMessage::from_line(&line).ok()?.probes.remove("observer").map(|probe| probe.scope)
    }

    /// How many configurations the probe was given.
    pub(crate) fn told(&self) -> usize {
        fs::read(self.file.with_extension("json.count")).unwrap().len()
    }

    /// Waits until exactly these processes are in scope.
    pub(crate) fn until_sees(&self, what: &str, pids: &[u32]) -> Scope {
        let mut wanted = pids.to_vec();
        wanted.sort_unstable();
        let seen = |scope: &Scope| scope.processes.iter().map(|process| process.pid).collect::<Vec<_>>();
        until(what, || self.scope().filter(|scope| seen(scope) == wanted))
    }

    /// Waits for a series of the probe with all these labels, as `name="value"`.
    pub(crate) fn until_labelled(&self, metric: &str, labels: &[&str]) {
        let metric = format!("gala_gopher_{metric}{{");
        let fits = |series: &String| {
            series.starts_with(&metric) && labels.iter().all(|label| series.contains(label))
        };
        let what = format!("{metric} with {labels:?}");
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.agent.until(&what, |samples| samples.keys().any(fits));
        }));
        if let Err(problem) = found {
            let own = self.agent.scrape();
            eprintln!(
                "{:#?}",
                own.keys().filter(|series| series.starts_with("gala_gopher_")).collect::<Vec<_>>()
            );
            std::panic::resume_unwind(problem);
        }
    }
}

fn text(scope: &str, lines: &str) -> String {
    format!("{lines}\n[probe.observer]\nscope = {scope}\n")
}
