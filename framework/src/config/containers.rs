//! `[containers]`: the sockets of container runtimes, which tell the names of containers and pods.

use std::path::PathBuf;

use super::keys::{Key, PATHS, Section, key};
use super::kind::Field;
use super::model::Config;
use super::setting::{Setting, assign};

/// Where the runtimes listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Containers {
    /// Sockets that speak Docker's HTTP API: dockerd, podman.
    pub docker_socket: Vec<PathBuf>,
    /// Sockets that speak Kubernetes' container runtime interface: containerd, CRI-O.
    pub cri_socket: Vec<PathBuf>,
}

impl Default for Containers {
    fn default() -> Self {
        Self {
            docker_socket: vec!["/run/docker.sock".into(), "/run/podman/podman.sock".into()],
            cri_socket: vec!["/run/containerd/containerd.sock".into(), "/run/crio/crio.sock".into()],
        }
    }
}

/// The section.
pub const SECTION: Section = Section {
    name: "containers",
    doc: "Runtimes that are asked for the names of containers and pods. A socket that does not exist is not used.",
    keys: KEYS,
    check: |_| Vec::new(),
};

const KEYS: &[Key<Config>] = &[
    key!(
        "docker_socket",
        containers.docker_socket,
        PATHS,
        "Sockets with Docker's API, as of dockerd and podman; below host_path where that is set."
    ),
    key!(
        "cri_socket",
        containers.cri_socket,
        PATHS,
        "Sockets with the container runtime interface, as of containerd and CRI-O; below host_path where that is set."
    ),
];
