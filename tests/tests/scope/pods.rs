//! Pods of containerd's CRI plugin.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cri::{Client, LinuxPod, NODE, Namespaces, PodConfig, PodMetadata, Security};
use crate::daemon::{Daemon, IMAGE, folder, import_to_podman, podman, run};
use crate::observer::Observer;

const UID: &str = "0f3c5b2e-1111-4222-8333-444455556666";

/// Without a network plugin only pods in the host's network start; runc may not lower `oom_score_adj` everywhere.
pub(crate) fn containerd() -> Daemon {
    let folder = folder();
    let path = folder.path();
    import_to_podman(path);
    let archive = path.join("image.tar");
    run(podman(path).arg("save").arg("-o").arg(&archive).arg(IMAGE));
    let at = path.display();
    let config = format!(
        r#"
version = 2
root = "{at}/root"
state = "{at}/state"
[grpc]
  address = "{at}/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
"#
    );
    fs::write(path.join("config.toml"), config).unwrap();
    let mut command = Command::new("containerd");
    command.arg("-c").arg(path.join("config.toml"));
    let clean = |path: &Path| Client::connect(&path.join("sock")).remove_pods();
    let answers = |path: &Path| Client::connect(&path.join("sock")).answers();
    let daemon = Daemon::start(folder, &mut command, clean, answers);
    let mut ctr = Command::new("ctr");
    ctr.arg("-a").arg(daemon.socket()).args(["-n", "k8s.io", "images", "import", "--snapshotter", "native"]);
    run(ctr.arg(archive));
    daemon
}

/// The control groups of a pod, which the runtime leaves to the kubelet; they go with this.
#[derive(Default)]
pub(crate) struct PodGroup(pub(crate) String);

impl Drop for PodGroup {
    fn drop(&mut self) {
        let mounts = fs::read_dir("/sys/fs/cgroup").unwrap().filter_map(Result::ok).map(|entry| entry.path());
        for mount in mounts.chain(["/sys/fs/cgroup".into()]) {
            let group = mount.join(format!("kubepods/besteffort/pod{}", self.0));
            if group.exists() && fs::remove_dir(&group).is_err() {
                eprintln!("{} is left", group.display());
            }
        }
    }
}

/// What a kubelet asks a runtime for.
pub(crate) fn pod(daemon: &Daemon, metadata: PodMetadata, labels: HashMap<String, String>) -> PodConfig {
    let namespaces = Namespaces { network: NODE };
    PodConfig {
        log_directory: daemon.path().join("logs").display().to_string(),
        labels,
        linux: Some(LinuxPod {
            cgroup_parent: format!("/kubepods/besteffort/pod{}", metadata.uid),
            security: Some(Security { namespaces: Some(namespaces) }),
        }),
        metadata: Some(metadata),
    }
}

#[test]
fn pods_are_selected_by_uid_and_their_rows_carry_their_names_and_labels() {
    let _group = PodGroup(UID.to_owned());
    let daemon = containerd();
    let client = Client::connect(&daemon.socket());
    let lines =
        format!("[containers]\ndocker_socket = []\ncri_socket = [\"{}\"]\n", daemon.socket().display());
    let labels = "pod_labels = [\"app\", \"app.kubernetes.io/part-of\", \"missing\"]";
    let scope = format!("{{ pod_id = [\"{}\"], {labels} }}", UID.replace('-', ""));
    let observer = Observer::start(&scope, &lines);

    let labels = [("app", "web"), ("app.kubernetes.io/part-of", "shop \"x\"")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let metadata = PodMetadata { name: "web-0".into(), uid: UID.into(), namespace: "shop".into() };
    let config = pod(&daemon, metadata, labels);
    let sandbox = client.run_pod(&config);
    let container = client.start(&sandbox, &config, "main", IMAGE);
    let scope = gopher_tests::agent::until("the pod's containers", || {
        observer.scope().filter(|scope| scope.containers.len() == 2 && scope.processes.len() == 2)
    });
    let ids: std::collections::BTreeSet<_> = scope.containers.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, [sandbox.as_str(), container.as_str()].into());
    let group = scope.containers.iter().find(|found| found.id == container).unwrap();
    assert_eq!(group.cgroup_path, format!("/kubepods/besteffort/pod{UID}/{container}"));

    let own = format!("container_id=\"{container}\"");
    let image = format!("container_image=\"{IMAGE}\"");
    let wanted = [
        own.as_str(),
        "container_name=\"main\"",
        &image,
        &format!("pod_id=\"{UID}\""),
        "pod=\"web-0\"",
        "pod_namespace=\"shop\"",
        "app=\"web\"",
        "app_kubernetes_io_part_of=\"shop \\\"x\\\"\"",
    ];
    observer.until_labelled("seen_up", &wanted);
    observer.until_labelled("box_up", &wanted);
    assert!(!observer.agent.scrape().keys().any(|series| series.contains("missing=")));

    observer.observe(&format!("{{ pod_id = [\"{UID}\"] }}"), &lines);
    observer.agent.until("the chosen labels are gone", |samples| {
        let of_container = |series: &&String| series.contains(&own);
        samples.keys().any(|series| of_container(&series))
            && !samples.keys().filter(of_container).any(|series| series.contains("app"))
    });

    client.remove_pod(&sandbox);
    observer.until_sees("the pod's end", &[]);
    observer.until_labelled("seen_up", &wanted[..6]);
}
