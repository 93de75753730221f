//! Devices, disks, processes and file systems that come, go or hang.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::running::{Probe, config};

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}: {status}");
}

/// Mounts of this thread and of what it starts are its own from here on. The files in them are not: nothing of the
/// host may ever be bind-mounted below a folder that a test removes, which would remove the host's files.
pub(crate) fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
}

#[test]
fn a_device_that_comes_and_goes_is_followed() {
    own_mounts();
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    // /sys shows the devices of the network namespace in which it was mounted.
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>).unwrap();
    let mut probe = Probe::start(&config(1, &["nic", "host"], &[]));
    assert!(probe.tick("system_os").keys().all(|(table, _)| table != "nic"));
    ip("link add first type veth peer name second");
    ip("link set first up");
    let row = probe.wait_for("the new device", |row| row.text("dev_name") == "first");
    assert_ne!((row.text("status"), row.number("rx_bytes")), ("", None));
    ip("link del first");
    while probe.tick("system_os").keys().any(|(table, _)| table == "nic") {}
    assert_eq!(probe.stop(), (Some(0), String::new()));
}

#[test]
fn a_queueing_discipline_is_seen_without_tc() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    ip("link add first type veth peer name second");
    ip("link set first up");
    let tc =
        Command::new("tc").args(["qdisc", "add", "dev", "first", "root", "pfifo", "limit", "5"]).status();
    assert!(tc.unwrap().success());
    let mut probe = Probe::start(&config(1, &["nic"], &[]));
    let row = probe.wait_for("the discipline", |row| row.text("dev_name") == "first");
    assert_eq!((row.number("tc_sent_drop"), row.number("tc_backlog")), (Some(0.0), Some(0.0)));
    assert_eq!(row.number("tc_ecn_mark"), None);
}

#[test]
fn addresses_are_those_of_now_and_of_the_device_that_is_asked_for() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    ip("link add first type veth peer name second");
    for (device, address) in [("first", "192.0.2.1/24"), ("second", "198.51.100.1/24")] {
        ip(&format!("address add {address} dev {device}"));
        ip(&format!("link set {device} up"));
    }
    let mut configuration = config(1, &["host"], &[]);
    let mut probe = Probe::start(&configuration);
    let row = probe.row();
    let mut addresses: Vec<&str> = row.text("ip_addr").split(',').collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["192.0.2.1", "198.51.100.1"]);
    configuration.generation = 2;
    let params = &mut configuration.probes.get_mut("baseinfo").unwrap().params;
    params.insert("dev_name".to_owned(), "second".into());
    probe.configure(&configuration);
    probe.wait_for("the second device alone", |row| row.text("ip_addr") == "198.51.100.1");
    ip("address add 203.0.113.2/24 dev second");
    probe.wait_for("a new address", |row| row.text("ip_addr") == "198.51.100.1,203.0.113.2");
    ip("address del 198.51.100.1/24 dev second");
    probe.wait_for("an address less", |row| row.text("ip_addr") == "203.0.113.2");
    ip("link set second down");
    probe.wait_for("no address of a device that is down", |row| row.text("ip_addr").is_empty());
    assert_eq!(probe.stop(), (Some(0), String::new()));
}

#[test]
fn a_disk_that_vanishes_is_no_error() {
    let host = tempfile::tempdir().unwrap();
    let file = host.path().join("proc/diskstats");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let disk = |name: &str, reads: u32| format!(" 8 0 {name} {reads} 0 {} 4 1 0 8 2 0 3 6\n", reads * 8);
    let replace = |text: String| {
        fs::write(host.path().join("new"), text).unwrap();
        // In place: a file that is held open is read again, as those of /proc are.
        fs::copy(host.path().join("new"), &file).unwrap();
    };
    replace(disk("sda", 10) + &disk("sdb", 10));
    let root = host.path().to_str().unwrap();
    let mut probe = Probe::start_with(&config(1, &["disk"], &[]), &[("GOPHER_HOST_PATH", root)]);
    probe.wait_for("the second disk", |row| row.text("disk_name") == "sdb");
    replace(disk("sda", 20));
    let row = probe.wait_for("the first disk", |row| row.number("rspeed").is_some_and(|rate| rate > 0.0));
    assert_eq!((row.text("disk_name"), row.number("rareq")), ("sda", Some(4.0)));
    assert_eq!(probe.row().text("disk_name"), "sda");
    replace(disk("sda", 20) + &disk("sdb", 1));
    probe.wait_for("the disk that came back", |row| row.text("disk_name") == "sdb");
    assert_eq!(probe.stop(), (Some(0), String::new()));
}

#[test]
fn a_process_that_ends_is_no_error_and_a_reused_id_is_not_reported() {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let pids = [child.id(), std::process::id()];
    let mut configuration = config(1, &["proc", "host"], &pids);
    let mut probe = Probe::start(&configuration);
    let pid = child.id().to_string();
    probe.wait_for("the process", |row| row.text("tgid") == pid);
    child.kill().unwrap();
    child.wait().unwrap();
    while probe.tick("system_os").keys().any(|(_, key)| *key == pid) {}
    // The same id with another start is another process.
    configuration.generation = 2;
    let scope = &mut configuration.probes.get_mut("baseinfo").unwrap().scope;
    scope.processes.iter_mut().for_each(|process| process.start_time = 1);
    probe.configure(&configuration);
    while probe.tick("system_os").keys().any(|(table, _)| table == "system_proc") {}
    assert_eq!(probe.stop(), (Some(0), String::new()));
}

#[test]
fn a_mount_that_does_not_answer_holds_up_nothing() {
    own_mounts();
    let folder = tempfile::tempdir().unwrap();
    // A FUSE file system whose server never reads a request: a call waits as on a dead NFS server.
    let server = fs::File::options().read(true).write(true).open("/dev/fuse").unwrap();
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
    mount(Some("dead"), folder.path(), Some("fuse"), MsFlags::empty(), Some(options.as_str())).unwrap();
    let point = folder.path().to_str().unwrap().to_owned();
    let mut probe = Probe::start(&config(1, &["fs", "host"], &[]));
    let row = probe.wait_for("the dead mount", |row| row.text("MountOn") == point);
    assert_eq!((row.text("MountStatus"), row.number("Used")), ("stuck", None));
    for _ in 0..3 {
        assert!(probe.tick("system_os").contains_key(&("system_df".to_owned(), "/".to_owned())));
    }
    // The server's end ends the calls that wait for it.
    drop(server);
    umount2(folder.path(), MntFlags::MNT_DETACH).unwrap();
    while probe.tick("system_os").keys().any(|(_, key)| *key == point) {}
    let (status, said) = probe.stop();
    assert_eq!((status, said.matches("does not answer").count()), (Some(0), 1), "{said}");
}

#[test]
fn names_with_blanks_and_read_only_mounts_are_shown_as_they_are() {
    own_mounts();
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("my disk");
    fs::create_dir(&point).unwrap();
    let options = Some("size=1m,nr_inodes=10");
    mount(Some("a name"), &point, Some("tmpfs"), MsFlags::MS_RDONLY, options).unwrap();
    let mut probe = Probe::start(&config(1, &["fs"], &[]));
    let shown = point.to_str().unwrap();
    let row = probe.wait_for("the mount", |row| row.text("MountOn") == shown);
    assert_eq!((row.text("MountStatus"), row.text("Fsname")), ("ro", "a name"));
    assert_eq!((row.text("Blocks"), row.text("Inodes")), ("1024", "10"));
    assert_eq!((row.text("Used"), row.text("Free"), row.number("UsePer")), ("0", "1024", Some(0.0)));
    assert_eq!((row.text("IUsed"), row.text("IFree"), row.number("IUsePer")), ("1", "9", Some(10.0)));
    drop(probe);
    umount2(&point, MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn in_a_container_the_hosts_files_are_read() {
    let host = tempfile::tempdir().unwrap();
    // Links and not mounts: removing the folder removes the links alone.
    for name in ["proc", "sys"] {
        std::os::unix::fs::symlink(Path::new("/").join(name), host.path().join(name)).unwrap();
    }
    fs::create_dir(host.path().join("etc")).unwrap();
    fs::write(host.path().join("etc/os-release"), "PRETTY_NAME=\"The Host 1\"\n").unwrap();
    fs::write(host.path().join("etc/hostname"), "the-host\n").unwrap();
    let environment = [("GOPHER_HOST_PATH", host.path().to_str().unwrap())];
    let pid = std::process::id();
    let mut probe =
        Probe::start_with(&config(1, &["cpu", "mem", "net", "proc", "host"], &[pid]), &environment);
    let rows = probe.tick("system_os");
    for (table, key) in [
        ("system_cpu", "0"),
        ("system_meminfo", "/proc/meminfo"),
        ("system_tcp", "/proc/net/snmp"),
        ("system_proc", pid.to_string().as_str()),
    ] {
        assert!(rows.contains_key(&(table.to_owned(), key.to_owned())), "no row of {table}");
    }
    let row = &rows[&("system_os".to_owned(), "The Host 1".to_owned())];
    assert_eq!(row.text("hostname"), "the-host");
}
