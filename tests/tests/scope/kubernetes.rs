//! A pod that a Kubernetes API server serves. The test is its kubelet: it takes the pod from the server, has containerd
//! run it, and reports its state.

use std::path::Path;
use std::process::Command;

use gopher_tests::agent::until;
use gopher_tests::peer::free_port;
use gopher_tests::tree::source_root;
use serde_json::{Value, json};

use crate::cri::{Client, PodMetadata};
use crate::daemon::{Daemon, IMAGE, folder, run};
use crate::observer::Observer;
use crate::pods::{PodGroup, containerd, pod};

const TOKEN: &str = "gg-token";

/// An API server over an etcd; both end with this.
struct Cluster {
    port: u16,
    // Ends before its store.
    _server: Daemon,
    _etcd: Daemon,
}

fn etcd(port: u16) -> Daemon {
    let folder = folder();
    let peers = format!("http://127.0.0.1:{}", free_port().unwrap());
    let clients = format!("http://127.0.0.1:{port}");
    let mut command = Command::new("etcd");
    command.arg("--data-dir").arg(folder.path().join("data"));
    command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}"), "--unsafe-no-fsync"]);
    let health = format!("{clients}/health");
    let answers = move |_: &Path| curl(&["-sf", &health]).is_some();
    Daemon::start(folder, &mut command, |_| {}, answers)
}

fn server(port: u16, etcd_port: u16) -> Daemon {
    let folder = folder();
    let path = folder.path();
    let key = path.join("sa.key");
    run(Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048"));
    let tokens = path.join("tokens.csv");
    std::fs::write(&tokens, format!("{TOKEN},admin,1,\"system:masters\"\n")).unwrap();
    let program = run(Command::new(source_root().join("build/kube-apiserver")).arg("--path"));
    let mut command = Command::new(program);
    let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}");
    command.args([
        flag("etcd-servers", &format!("http://127.0.0.1:{etcd_port}")),
        flag("bind-address", &"127.0.0.1"),
        flag("advertise-address", &"127.0.0.1"),
        flag("secure-port", &port),
        flag("cert-dir", &path.join("certs").display()),
        flag("service-account-issuer", &"https://local"),
        flag("service-account-key-file", &key.display()),
        flag("service-account-signing-key-file", &key.display()),
        flag("service-cluster-ip-range", &"10.0.0.0/24"),
        flag("authorization-mode", &"RBAC"),
        flag("token-auth-file", &tokens.display()),
        flag("disable-admission-plugins", &"ServiceAccount"),
        flag("endpoint-reconciler-type", &"none"),
    ]);
    let answers = move |_: &Path| request(port, "GET", "/readyz", None).is_some();
    Daemon::start(folder, &mut command, |_| {}, answers)
}

fn curl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("curl").args(arguments).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The body of a good answer.
fn request(port: u16, method: &str, path: &str, body: Option<&Value>) -> Option<String> {
    let (url, token) = (format!("https://127.0.0.1:{port}{path}"), format!("Authorization: Bearer {TOKEN}"));
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let kind = format!("Content-Type: {kind}");
    let mut arguments = vec!["-skf", "-X", method, &url, "-H", &token];
    let body = body.map(Value::to_string);
    if let Some(body) = &body {
        arguments.extend(["-H", &kind, "-d", body]);
    }
    curl(&arguments)
}

impl Cluster {
    fn start() -> Self {
        let (etcd_port, port) = (free_port().unwrap(), free_port().unwrap());
        let etcd = etcd(etcd_port);
        Self { port, _server: server(port, etcd_port), _etcd: etcd }
    }

    /// Makes something, or changes it.
    fn put(&self, method: &str, path: &str, body: &Value) {
        assert!(request(self.port, method, path, Some(body)).is_some(), "{method} {path} {body}");
    }

    /// The pods of a node, as a kubelet asks for them.
    fn pods(&self, node: &str) -> Vec<Value> {
        let path = format!("/api/v1/pods?fieldSelector=spec.nodeName={node}");
        let text = request(self.port, "GET", &path, None).unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_pod_that_an_api_server_serves_is_selected_by_its_uid_and_labelled() {
    let mut group = PodGroup::default();
    let (daemon, cluster) = (containerd(), Cluster::start());
    cluster.put("POST", "/api/v1/nodes", &json!({"metadata": {"name": "n1"}}));
    cluster.put("POST", "/api/v1/namespaces", &json!({"metadata": {"name": "shop"}}));
    let spec =
        json!({"nodeName": "n1", "hostNetwork": true, "containers": [{"name": "main", "image": IMAGE}]});
    let wanted = json!({"metadata": {"name": "web-0", "labels": {"app": "web"}}, "spec": spec});
    cluster.put("POST", "/api/v1/namespaces/shop/pods", &wanted);

    let served = until("the pod", || cluster.pods("n1").pop());
    let names = &served["metadata"];
    let metadata = PodMetadata {
        name: text(&names["name"]),
        uid: text(&names["uid"]),
        namespace: text(&names["namespace"]),
    };
    group.0.clone_from(&metadata.uid);
    let uid = metadata.uid.clone();
    let labels = names["labels"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value)));
    let config = pod(&daemon, metadata, labels.collect());
    let container = &served["spec"]["containers"][0];
    let client = Client::connect(&daemon.socket());
    let sandbox = client.run_pod(&config);
    let id = client.start(&sandbox, &config, &text(&container["name"]), &text(&container["image"]));
    let state = json!({"name": "main", "image": IMAGE, "imageID": "", "ready": true, "restartCount": 0,
        "containerID": format!("containerd://{id}"), "state": {"running": {}}});
    let status = json!({"status": {"phase": "Running", "containerStatuses": [state]}});
    cluster.put("PATCH", "/api/v1/namespaces/shop/pods/web-0/status", &status);

    let lines =
        format!("[containers]\ndocker_socket = []\ncri_socket = [\"{}\"]\n", daemon.socket().display());
    let observer = Observer::start(&format!("{{ pod_id = [\"{uid}\"], pod_labels = [\"app\"] }}"), &lines);
    let own = format!("container_id=\"{id}\"");
    let pod_id = format!("pod_id=\"{uid}\"");
    let labels = ["container_name=\"main\"", "pod=\"web-0\"", "pod_namespace=\"shop\"", "app=\"web\""];
    observer.until_labelled("seen_up", &[&[own.as_str(), &pod_id], &labels[..]].concat());
    drop(client);
}
