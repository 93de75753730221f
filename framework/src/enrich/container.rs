//! One container as rows are labelled with it, and what its runtime says of it.

use std::collections::BTreeMap;

/// A container, fixed when it was read; what becomes known of it later makes a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its full id.
    pub id: String,
    /// Its control group.
    pub group: ControlGroup,
    /// The uid of its pod, where the control group names it.
    pub(super) path_pod_id: Option<String>,
    /// What its runtime said.
    pub(super) facts: Option<Facts>,
}

/// A control group of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlGroup {
    /// Inode of its directory, which BPF calls the cgroup id; 0 where it was not found.
    pub inode: u64,
    /// Path below the mount of its hierarchy; empty where it is not known.
    pub path: String,
}

/// What a runtime says of a container. Empty = nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) pod: Option<Pod>,
}

/// The pod of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) namespace: String,
    /// `namespace/name`, as the original calls a pod.
    pub(super) path: String,
    pub(super) labels: BTreeMap<String, String>,
}

impl Pod {
    pub(super) fn new(id: String, name: String, namespace: String, labels: BTreeMap<String, String>) -> Self {
        let path = format!("{namespace}/{name}");
        Self { id, name, namespace, path, labels }
    }
}

/// The labels that a container gives to rows, in their order.
pub const CONTAINER_LABELS: [&str; 6] =
    ["container_id", "container_name", "container_image", "pod_id", "pod", "pod_namespace"];

impl Container {
    /// The name that its runtime knows it by; empty while it is not known.
    #[must_use]
    pub fn name(&self) -> &str {
        self.facts.as_ref().map_or("", |facts| &facts.name)
    }

    /// The uid of its pod; empty where there is none or it is not known.
    #[must_use]
    pub fn pod_id(&self) -> &str {
        let told = self.pod().map(|pod| pod.id.as_str()).filter(|id| !id.is_empty());
        told.or(self.path_pod_id.as_deref()).unwrap_or_default()
    }

    /// The value of a label of its pod.
    #[must_use]
    pub fn pod_label(&self, key: &str) -> Option<&str> {
        self.pod()?.labels.get(key).map(String::as_str)
    }

    /// The values of [`CONTAINER_LABELS`], `pod` with its namespace where `path` says so.
    #[must_use]
    pub fn labels(&self, path: bool) -> [&str; 6] {
        let facts = self.facts.as_ref().map(|facts| (facts.name.as_str(), facts.image.as_str()));
        let pod = self.pod().map(|pod| {
            let name = if path { &pod.path } else { &pod.name };
            (name.as_str(), pod.namespace.as_str())
        });
        let ((name, image), (pod, namespace)) = (facts.unwrap_or_default(), pod.unwrap_or_default());
        [&self.id, name, image, self.pod_id(), pod, namespace]
    }

    fn pod(&self) -> Option<&Pod> {
        self.facts.as_ref()?.pod.as_ref()
    }
}

/// An image's name without its digest; one that is a digest alone is cut to 12 digits, as tools show it.
pub(super) fn image_name(image: &str) -> String {
    match image.strip_prefix("sha256:") {
        Some(digest) => digest.chars().take(12).collect(),
        None => image.split('@').next().unwrap_or_default().to_owned(),
    }
}

/// Whether a text can be the id of a container.
pub(super) fn is_container_id(text: &str) -> bool {
    (12..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runtime_says_completes_what_the_control_group_says() {
        let mut container =
            Container { id: "c".into(), path_pod_id: Some("u".into()), ..Container::default() };
        assert_eq!(container.labels(false), ["c", "", "", "u", "", ""]);
        let pod = Pod::new("v".into(), "p".into(), "n".into(), [("app".to_owned(), "web".to_owned())].into());
        container.facts = Some(Facts { name: "main".into(), image: "i".into(), pod: Some(pod) });
        assert_eq!(container.labels(false), ["c", "main", "i", "v", "p", "n"]);
        assert_eq!(container.labels(true)[4], "n/p", "as the original names pods");
        assert_eq!((container.pod_label("app"), container.pod_label("other")), (Some("web"), None));
    }
}
