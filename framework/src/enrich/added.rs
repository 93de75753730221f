//! The labels that the scope of a probe adds to its rows: of pods, of patterns, and the operator's own.

use super::container::{CONTAINER_LABELS, Container};
use super::process::Process;
use super::scope::Name;

/// The labels of the machine, which no label of an operator's replaces.
pub const HOST_LABELS: [&str; 2] = ["machine_id", "hostname"];

/// Labels of a probe's rows beside those that all probes' rows have.
#[derive(Clone, Debug, Default)]
pub struct Added {
    pods: Vec<(String, String)>,
    names: Vec<(Name, Vec<(String, String)>)>,
    custom: Vec<(String, String)>,
}

impl Added {
    /// From the keys of pod labels, patterns with their labels, and the operator's labels. A pod label whose legal
    /// name is taken is left out.
    #[must_use]
    pub fn new(
        pod_labels: &[String],
        names: Vec<(Name, Vec<(String, String)>)>,
        custom: Vec<(String, String)>,
    ) -> Self {
        let mut pods: Vec<(String, String)> = Vec::new();
        for key in pod_labels {
            let name = label_name(key);
            let is_taken = RESERVED.contains(&name.as_str())
                || HOST_LABELS.contains(&name.as_str())
                || name.starts_with("__")
                || CONTAINER_LABELS.contains(&name.as_str())
                || pods.iter().any(|(_, other)| *other == name);
            if !is_taken {
                pods.push((key.clone(), name));
            }
        }
        Self { pods, names, custom }
    }

    /// Names that the operator chose and that the agent's own labels take on some rows.
    pub fn shadowed(&self) -> impl Iterator<Item = &str> {
        let patterns = self.names.iter().flat_map(|(_, labels)| labels);
        let of_pod = |name: &str| self.pods.iter().any(|(_, other)| other == name);
        let chosen = patterns.chain(&self.custom).map(|(name, _)| name.as_str());
        chosen.filter(move |name| {
            HOST_LABELS.contains(name)
                || CONTAINER_LABELS.contains(name)
                || ["comm", "cmdline", "start_time"].contains(name)
                || of_pod(name)
        })
    }

    /// The same without the labels that a table has under these names already, or that another of these has: labels of
    /// pods win over those of patterns, these over the operator's.
    #[must_use]
    pub fn without(&self, is_taken: impl Fn(&str) -> bool) -> Self {
        let pods: Vec<_> = self.pods.iter().filter(|(_, name)| !is_taken(name)).cloned().collect();
        let of_pod = |name: &str| pods.iter().any(|(_, other)| other == name);
        let free = |labels: &[(String, String)]| -> Vec<_> {
            let labels = labels.iter().filter(|(name, value)| {
                !value.is_empty()
                    && !is_taken(name)
                    && !of_pod(name)
                    && !CONTAINER_LABELS.contains(&name.as_str())
                    && !HOST_LABELS.contains(&name.as_str())
            });
            labels.cloned().collect()
        };
        let names: Vec<_> =
            self.names.iter().map(|(pattern, labels)| (pattern.clone(), free(labels))).collect();
        let of_name =
            |name: &str| names.iter().any(|(_, labels)| labels.iter().any(|(other, _)| other == name));
        let custom = free(&self.custom).into_iter().filter(|(name, _)| !of_name(name)).collect();
        Self { pods, names, custom }
    }

    /// Whether a label of this name may be added.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        let in_list = |labels: &[(String, String)]| labels.iter().any(|(other, _)| other == name);
        self.pods.iter().any(|(_, other)| other == name)
            || self.names.iter().any(|(_, labels)| in_list(labels))
            || in_list(&self.custom)
    }

    /// The names of all labels that may be added, each once.
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        let patterns = self.names.iter().flat_map(|(_, labels)| labels);
        let mut names: Vec<&str> = self.pods.iter().map(|(_, name)| name.as_str()).collect();
        names.extend(patterns.chain(&self.custom).map(|(name, _)| name.as_str()));
        names.sort_unstable();
        names.dedup();
        names.into_iter()
    }

    /// Calls `each` with the labels of the first pattern that the process fits.
    pub fn each_of_process(&self, process: &Process, each: &mut impl FnMut(&str, &str)) {
        if let Some((_, labels)) = self.names.iter().find(|(pattern, _)| pattern.fits(process)) {
            labels.iter().for_each(|(name, value)| each(name, value));
        }
    }

    /// Calls `each` with the labels of the container's pod that are wanted and there.
    pub fn each_of_pod(&self, container: &Container, each: &mut impl FnMut(&str, &str)) {
        for (key, name) in &self.pods {
            if let Some(value) = container.pod_label(key).filter(|value| !value.is_empty()) {
                each(name, value);
            }
        }
    }

    /// Calls `each` with the operator's labels.
    pub fn each_custom(&self, each: &mut impl FnMut(&str, &str)) {
        self.custom.iter().for_each(|(name, value)| each(name, value));
    }
}

/// Names that series have for other ends.
const RESERVED: [&str; 3] = ["le", "quantile", "comm"];

/// A key such as `app.kubernetes.io/name` as a label name: what is not allowed there becomes `_`.
fn label_name(key: &str) -> String {
    let mut name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_legal_names_and_none_takes_anothers_place() {
        let keys = ["app.kubernetes.io/name", "app_kubernetes_io.name", "1st", "pod", "machine_id"];
        let added = Added::new(&keys.map(str::to_owned), Vec::new(), Vec::new());
        let names: Vec<_> = added.pods.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["app_kubernetes_io_name", "_1st"]);
    }

    #[test]
    fn what_a_table_has_or_a_pod_gives_is_not_added_again() {
        let custom = ["app", "site", "ip", "pod", "hostname", "machine_id"]
            .map(|name| (name.to_owned(), "x".to_owned()));
        let added = Added::new(&["app".to_owned()], Vec::new(), custom.into());
        assert_eq!(added.shadowed().collect::<Vec<_>>(), ["app", "pod", "hostname", "machine_id"]);
        let left = added.without(|name| name == "ip");
        let mut names = Vec::new();
        left.each_custom(&mut |name: &str, _: &str| names.push(name.to_owned()));
        assert_eq!(names, ["site"]);
        assert!(left.names("app") && !left.names("ip"));
    }
}
