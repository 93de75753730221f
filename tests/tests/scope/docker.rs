//! Containers of dockerd and podman, known by Docker's API.

use std::path::Path;
use std::process::Command;

use gopher_tests::agent::{Home, until};

use crate::daemon::{Daemon, IMAGE, files, folder, import_to_podman, podman, run};
use crate::observer::Observer;

fn docker(folder: &Path) -> Command {
    let mut docker = Command::new("docker");
    docker.arg("-H").arg(format!("unix://{}", folder.join("sock").display()));
    docker
}

fn remove_from_docker(folder: &Path) {
    let left = docker(folder).args(["ps", "-aq"]).output().map(|output| output.stdout).unwrap_or_default();
    for id in String::from_utf8_lossy(&left).lines() {
        run(docker(folder).args(["rm", "-f", id]));
    }
}

fn remove_from_podman(folder: &Path) {
    run(podman(folder).args(["rm", "-fa", "-t", "0"]));
}

fn dockerd() -> Daemon {
    let folder = folder();
    let path = folder.path();
    let mut command = Command::new("dockerd");
    command.arg("-H").arg(format!("unix://{}", path.join("sock").display()));
    for (flag, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
        command.arg(flag).arg(path.join(name));
    }
    command.args(["--storage-driver", "vfs", "--iptables=false", "--bridge=none"]);
    let files = files(path);
    let answers =
        |path: &Path| docker(path).arg("version").output().is_ok_and(|output| output.status.success());
    let daemon = Daemon::start(folder, &mut command, remove_from_docker, answers);
    run(docker(daemon.path()).args(["import", "-c", r#"ENTRYPOINT ["/idle"]"#]).arg(files).arg(IMAGE));
    daemon
}

fn podman_service() -> Daemon {
    let folder = folder();
    import_to_podman(folder.path());
    let mut command = podman(folder.path());
    let socket = format!("unix://{}", folder.path().join("sock").display());
    command.args(["system", "service", "--time", "0", &socket]);
    Daemon::start(folder, &mut command, remove_from_podman, |path| {
        std::os::unix::net::UnixStream::connect(path.join("sock")).is_ok()
    })
}

/// Full id and pid of a container.
fn inspected(command: &mut Command) -> (String, u32) {
    let text = run(command);
    let (id, pid) = text.split_once(' ').unwrap();
    (id.to_owned(), pid.parse().unwrap())
}

fn sockets(daemon: &Daemon) -> String {
    format!("[containers]\ndocker_socket = [\"{}\"]\ncri_socket = []\n", daemon.socket().display())
}

#[test]
fn containers_of_docker_are_selected_and_named() {
    let daemon = dockerd();
    let start = |name: &str| {
        run(docker(daemon.path()).args(["run", "-d", "--network", "none", "--name", name, IMAGE]));
        inspected(docker(daemon.path()).args(["inspect", "-f", "{{.Id}} {{.State.Pid}}", name]))
    };
    let (before, before_pid) = start("before");
    let lines = sockets(&daemon);
    let observer = Observer::start("{ container_name = [\"before\", \"after\"] }", &lines);
    let scope = observer.until_sees("the container that was there", &[before_pid]);
    assert_eq!(scope.processes[0].container_id, before);
    let container = &scope.containers[0];
    assert_eq!(
        (container.id.as_str(), container.cgroup_path.as_str()),
        (before.as_str(), &*format!("/docker/{before}"))
    );
    assert_ne!(container.cgroup_id, 0);

    let (after, after_pid) = start("after");
    start("other");
    observer.until_sees("the new container", &[before_pid, after_pid]);
    let named = [
        format!("container_id=\"{after}\""),
        "container_name=\"after\"".to_owned(),
        format!("container_image=\"{IMAGE}\""),
    ];
    let named: Vec<_> = named.iter().map(String::as_str).collect();
    observer.until_labelled(
        "seen_up",
        &[&[&*format!("tgid=\"{after_pid}\""), "comm=\"idle\""], &named[..]].concat(),
    );
    observer.until_labelled("box_up", &named);

    run(docker(daemon.path()).args(["rm", "-f", "after"]));
    observer.until_sees("its end", &[before_pid]);
    // Its series keep the labels for a minute.
    observer.until_labelled("seen_up", &named);

    observer.observe(&format!("{{ container_id = [\"{}\"] }}", &before[..12]), &lines);
    observer.until_sees("by id", &[before_pid]);
    observer.observe("{ all = true, exclude = { container_name = [\"before\"] } }", &lines);
    until("the exclusion", || {
        let scope = observer.scope()?;
        let has = |pid| scope.processes.iter().any(|process| process.pid == pid);
        (has(std::process::id()) && !has(before_pid)).then_some(())
    });
}

#[test]
fn a_runtime_that_comes_late_names_what_was_there() {
    let daemon = dockerd();
    run(docker(daemon.path()).args(["run", "-d", "--network", "none", "--name", "late", IMAGE]));
    let (id, pid) =
        inspected(docker(daemon.path()).args(["inspect", "-f", "{{.Id}} {{.State.Pid}}", "late"]));
    let link = folder();
    let socket = link.path().join("late.sock");
    let lines = format!("[containers]\ndocker_socket = [\"{}\"]\ncri_socket = []\n", socket.display());
    let observer = Observer::start(&format!("{{ proc_id = [{pid}] }}"), &lines);
    observer.until_labelled("seen_up", &[&format!("container_id=\"{id}\"")]);
    std::os::unix::fs::symlink(daemon.socket(), &socket).unwrap();
    observer.until_labelled("seen_up", &["container_name=\"late\""]);
}

#[test]
fn containers_of_podman_are_selected_and_named() {
    let daemon = podman_service();
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--network", "none"];
    run(podman(daemon.path()).args(["run", "-d"]).args(limits).args(["--name", "web", IMAGE]));
    let (id, pid) = inspected(podman(daemon.path()).args(["inspect", "-f", "{{.Id}} {{.State.Pid}}", "web"]));
    let home = Home::new().upstream();
    let observer = Observer::start_in(home, "{ container_name = [\"web\"] }", &sockets(&daemon));
    let scope = observer.until_sees("the container", &[pid]);
    assert_eq!(scope.containers[0].id, id);
    let image = format!("container_image=\"{IMAGE}\"");
    observer
        .until_labelled("seen_up", &[&format!("container_id=\"{id}\""), "container_name=\"web\"", &image]);
}
