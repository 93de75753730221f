//! Paths of control groups as the runtimes make them.

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OUTER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const UID: &str = "0f3c5b2e-1111-4222-8333-444455556666";

/// Each path, whether it is within a container, and whether it names a pod. `ID`, `OUTER`, `UID`, `U_ID` and `UHEX`
/// stand for values.
const PATHS: &[(&str, bool, bool)] = &[
    // Nothing of a container.
    ("/", false, false),
    ("/init.scope", false, false),
    ("/system.slice/docker.service", false, false),
    ("/system.slice/containerd.service", false, false),
    ("/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.scope", false, false),
    ("/kubepods/besteffort/podUID", false, false),
    ("/machine.slice/libpod-conmon-ID.scope", false, false),
    ("/system.slice/crio-conmon-ID.scope", false, false),
    ("/docker/0123456789abcdef", false, false),
    ("/sessions/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", false, false),
    // Docker and podman.
    ("/docker/ID", true, false),
    ("/system.slice/docker-ID.scope", true, false),
    ("/docker/ID/init.scope", true, false),
    ("/libpod_parent/libpod-ID", true, false),
    ("/machine.slice/libpod-ID.scope", true, false),
    ("/machine.slice/libpod-ID.scope/container", true, false),
    ("/machine.slice/machine-libpod_pod_OUTER.slice/libpod-ID.scope/container", true, false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", true, false),
    ("/isulad/ID", true, false),
    // containerd by itself.
    ("/k8s.io/ID", true, false),
    ("/default/ID", true, false),
    ("/system.slice/nerdctl-ID.scope", true, false),
    // Pods.
    ("/kubepods/podUID/ID", true, true),
    ("/kubepods/besteffort/podUID/ID", true, true),
    ("/kubepods/burstable/podUHEX/ID", true, true),
    ("/kubepods/besteffort/podUID/crio-ID", true, true),
    ("/kubepods.slice/kubepods-podU_ID.slice/cri-containerd-ID.scope", true, true),
    ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podU_ID.slice/docker-ID.scope", true, true),
    ("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podU_ID.slice/crio-ID.scope", true, true),
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podU_ID.slice/crio-ID.scope/container",
        true,
        true,
    ),
    ("/kubepods-besteffort-podU_ID.slice:cri-containerd:ID", true, true),
    ("/system.slice/containerd.service/kubepods-burstable-podU_ID.slice:cri-containerd:ID", true, true),
    // A node that is a container itself; seen from inside its namespace.
    ("/docker/OUTER/kubelet/kubepods/burstable/podUID/ID", true, true),
    (
        "/system.slice/docker-OUTER.scope/kubelet.slice/kubelet-kubepods.slice/\
         kubelet-kubepods-podU_ID.slice/cri-containerd-ID.scope",
        true,
        true,
    ),
    ("/docker/OUTER/docker/ID", true, false),
    ("/../../podUID/ID", true, true),
];

fn path(shape: &str) -> String {
    let text = shape.replace("U_ID", &UID.replace('-', "_")).replace("UHEX", &UID.replace('-', ""));
    text.replace("UID", UID).replace("OUTER", OUTER).replace("ID", ID)
}

#[test]
fn every_shape_gives_its_container_and_pod() {
    for (shape, container, pod) in PATHS {
        let path = path(shape);
        let found = parse(&path);
        assert_eq!(found.as_ref().map(|found| found.id), container.then_some(ID), "{shape}");
        let uid = found.and_then(|found| found.pod_id);
        assert_eq!(uid.as_deref(), pod.then_some(UID), "{shape}");
    }
}

#[test]
fn what_a_container_makes_below_itself_is_cut_off() {
    let path = path("/machine.slice/libpod-ID.scope/container/app");
    assert_eq!(parse(&path).unwrap().path, path.strip_suffix("/container/app").unwrap());
}

#[test]
fn version_2_comes_first_and_any_hierarchy_will_do() {
    let both = format!("4:memory:/docker/{OUTER}\n1:cpu,cpuacct:/docker/{OUTER}\n0::/docker/{ID}\n");
    assert_eq!(container_of(&both).unwrap().found.id, ID);
    let first = format!("12:pids:/\n4:memory:/docker/{ID}\n1:name=systemd:/\n0::/\n");
    let group = container_of(&first).unwrap();
    assert_eq!((group.controllers, group.found.id), ("memory", ID));
    assert_eq!(container_of("0::/\n"), None);
    assert_eq!(container_of("no group"), None);
}
