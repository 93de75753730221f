//! Whom probes observe, and what rows say of containers and pods: with real processes and real runtimes.

#[cfg(test)]
#[path = "scope/cri.rs"]
mod cri;
#[cfg(test)]
#[path = "scope/daemon.rs"]
mod daemon;
#[cfg(test)]
#[path = "scope/docker.rs"]
mod docker;
#[cfg(test)]
#[path = "scope/kubernetes.rs"]
mod kubernetes;
#[cfg(test)]
#[path = "scope/labels.rs"]
mod labels;
#[cfg(test)]
#[path = "scope/observer.rs"]
mod observer;
#[cfg(test)]
#[path = "scope/pods.rs"]
mod pods;
#[cfg(test)]
#[path = "scope/processes.rs"]
mod processes;
