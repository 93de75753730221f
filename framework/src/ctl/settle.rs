//! What lines of `probes.init` ask of probes: read as a PUT is, against the probe folders that are here.

use std::path::PathBuf;

use gopher_protocol::manifest::{Item, Param, Probe, ScopeKind};
use serde_json::{Map, Value};

use crate::catalog::{self, Catalog, Rules};
use crate::config::{Config, Folders, Overlay, ProbeConfig};
use crate::control::{body, known, wanted};

/// The probes that are here.
pub(super) struct Known(Catalog);

impl Known {
    /// Looks at folders of probe folders.
    pub(super) fn scan(dirs: &[PathBuf]) -> Self {
        let folders = Folders { probes: dirs.to_vec(), extend: Vec::new(), ..Folders::default() };
        let rules = Rules { extend_privileges: Vec::new(), trust: None };
        Self(catalog::scan(&catalog::roots(&folders), &rules))
    }

    /// Reads what is asked of a probe; what is worth a note comes back.
    pub(super) fn settle(
        &self,
        name: &str,
        text: &str,
        into: &mut ProbeConfig,
    ) -> Result<Vec<String>, String> {
        let document = body::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut notes = Vec::new();
        let made;
        let probe = if let Some((_, probe)) = self.0.probe(name) {
            probe
        } else {
            notes.push(
                "no folder here serves this probe; items and parameters are taken over unchecked".into(),
            );
            made = assumed(name, &document);
            &made
        };
        let wanted = wanted(&document, probe).map_err(|issues| {
            let issues: Vec<_> = issues.iter().map(ToString::to_string).collect();
            issues.join("; ")
        })?;
        notes.extend(wanted.warnings.iter().map(|warning| format!("{}: {}", warning.path, warning.message)));
        if !wanted.persist {
            notes.push("persist: what stands in the configuration holds over a restart".into());
        }
        let mut overlay = Overlay::default();
        for (key, value) in wanted.settings {
            overlay.set(name, &key, Some(value));
        }
        *into = overlay.over(&Config::default()).probes.remove(name).unwrap_or_default();
        Ok(notes)
    }
}

/// A probe that has what the document names, but for what is known to be lacking.
fn assumed(name: &str, document: &Value) -> Probe {
    let part = |path| document.pointer(path);
    let items = part("/cmd/probe").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let items = items.filter(|item| !known::is_item(name, item));
    let params = part("/params").and_then(Value::as_object).into_iter().flat_map(Map::iter);
    let param = |value: &Value| Param {
        default: value.clone(),
        range: None,
        choices: Vec::new(),
        unit: None,
        summary: String::new(),
    };
    Probe {
        name: name.to_owned(),
        summary: String::new(),
        autostart: false,
        scope: vec![ScopeKind::Process, ScopeKind::Container, ScopeKind::Pod],
        items: items.map(|item| Item { name: item.to_ascii_lowercase(), summary: String::new() }).collect(),
        params: params.map(|(name, value)| (name.clone(), param(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProbeState;

    #[test]
    fn what_the_original_shows_of_a_probe_is_taken_over() {
        let text = r#"{"cmd":{"bin":"/opt/gala-gopher/extend_probes/tcpprobe","probe":["tcp_abnormal","tcp_rtt"]},"params":{"cluster_ip_backend":0,"dev_name":"","report_cport":0,"report_event":1,"report_period":30,"res_lower_thr":0,"res_upper_thr":0,"ringbuf_map_size":1,"sample_period":5000},"snoopers":{"container_id":[],"container_name":[],"pod_id":[],"proc_id":[23139],"proc_name":[{"cmdline":"600","comm":"^sleep$"}]},"state":"running"}"#;
        let mut probe = ProbeConfig::default();
        let notes = Known::scan(&[]).settle("tcp", text, &mut probe).unwrap();
        assert!(notes[0].contains("no folder here"), "{notes:?}");
        assert_eq!(probe.state, ProbeState::Running);
        assert_eq!(probe.items.unwrap(), ["tcp_abnormal", "tcp_rtt"]);
        assert_eq!(probe.params["report_period"], 30);
        let scope = probe.scope.unwrap();
        assert_eq!((scope.select.proc_id, scope.select.proc_name[0].comm.as_str()), (vec![23139], "^sleep$"));
    }

    #[test]
    fn items_that_no_probe_has_any_more_are_noted_whether_or_not_its_folder_is_here() {
        let text = r#"{"cmd":{"probe":["cpu","con"]},"state":"running"}"#;
        let mut probe = ProbeConfig::default();
        let notes = Known::scan(&[]).settle("baseinfo", text, &mut probe).unwrap();
        assert!(notes.iter().any(|note| note.starts_with("cmd.probe[1]: ")), "{notes:?}");
        assert_eq!(probe.items.unwrap(), ["cpu"]);
    }

    #[test]
    fn a_probe_without_items_and_scope_is_taken_over() {
        let text = r#"{"cmd":{"bin":"virtualized_infos","probe":[]},"params":{"report_event":0,"report_period":60,"res_lower_thr":0,"res_upper_thr":0},"snoopers":{},"state":"stopped"}"#;
        let mut probe = ProbeConfig::default();
        Known::scan(&[]).settle("virt", text, &mut probe).unwrap();
        assert_eq!((probe.state, probe.items, probe.scope), (ProbeState::Stopped, None, None));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let settle = |text| Known::scan(&[]).settle("tcp", text, &mut ProbeConfig::default()).unwrap_err();
        assert!(settle("{\"state\":").contains("line 1"));
        assert!(settle("{\"state\":\"maybe\"}").contains("state: found \"maybe\""));
    }
}
