//! Which mounts are shown: as df does, without pseudo file systems and without duplicates.

use std::collections::HashMap;

use gopher_procfs::mounts::{Mount, mountinfo, unescape};

/// Types without space of their own. `autofs` is among them, which a look at would mount. What is missing here
/// shows itself by having no blocks.
const PSEUDO: [&str; 24] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devfs",
    "efivarfs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// A mount that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) mount_point: Vec<u8>,
    pub(super) source: String,
    pub(super) fs_type: String,
    pub(super) read_only: bool,
    device: Vec<u8>,
    /// False for a part of a file system (bind mount).
    whole: bool,
}

/// The mounts to show, in their order.
pub(super) fn choose(text: &[u8]) -> Vec<Chosen> {
    let mut mounts: Vec<Chosen> = Vec::new();
    mountinfo(text, |mount| {
        let mount = decode(&mount);
        // What is mounted later covers what was at the same place.
        mounts.retain(|earlier| earlier.mount_point != mount.mount_point);
        mounts.push(mount);
    });
    mounts.retain(|mount| !PSEUDO.contains(&mount.fs_type.as_str()));
    let mut best: HashMap<&[u8], usize> = HashMap::new();
    for (index, mount) in mounts.iter().enumerate() {
        let place = best.entry(&mount.device).or_insert(index);
        if mounts.get(*place).is_some_and(|other| mount.rank() < other.rank()) {
            *place = index;
        }
    }
    let mut kept: Vec<usize> = best.into_values().collect();
    kept.sort_unstable();
    kept.into_iter().filter_map(|index| mounts.get(index).cloned()).collect()
}

impl Chosen {
    /// The mount of the whole file system is preferred, then the shorter path.
    fn rank(&self) -> (bool, usize) {
        (!self.whole, self.mount_point.len())
    }
}

fn decode(mount: &Mount<'_>) -> Chosen {
    let mut path = Vec::new();
    unescape(mount.source, &mut path);
    let source = String::from_utf8_lossy(&path).into_owned();
    unescape(mount.mount_point, &mut path);
    Chosen {
        mount_point: path,
        source,
        fs_type: String::from_utf8_lossy(mount.fs_type).into_owned(),
        read_only: mount.read_only,
        device: mount.device.to_vec(),
        whole: mount.root == b"/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Vec<String> {
        choose(text.as_bytes())
            .iter()
            .map(|mount| String::from_utf8(mount.mount_point.clone()).unwrap())
            .collect()
    }

    #[test]
    fn pseudo_file_systems_are_left_out() {
        let text = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /proc rw - proc proc rw\n3 1 0:6 / /net rw - autofs systemd-1 rw\n";
        assert_eq!(points(text), ["/"]);
    }

    #[test]
    fn a_device_is_shown_once_and_whole_before_in_part() {
        let text = "1 0 8:1 /srv /a rw - ext4 /dev/sda1 rw\n2 0 8:1 / /longer rw - ext4 /dev/sda1 rw\n3 0 8:1 / /mnt rw - ext4 /dev/sda1 rw\n4 0 8:2 /x /part rw - ext4 /dev/sda2 rw\n";
        assert_eq!(points(text), ["/mnt", "/part"]);
    }

    #[test]
    fn a_mount_that_is_covered_is_left_out() {
        let text = "1 0 8:1 / /mnt rw - ext4 /dev/sda1 rw\n2 0 8:2 / /mnt ro - xfs /dev/sda2 rw\n";
        let chosen = choose(text.as_bytes());
        assert_eq!((chosen.len(), chosen[0].source.as_str(), chosen[0].read_only), (1, "/dev/sda2", true));
    }

    #[test]
    fn names_are_unescaped() {
        let text = "1 0 8:1 / /my\\040disk rw - ext4 server:/an\\040export rw\n";
        assert_eq!(points(text), ["/my disk"]);
        assert_eq!(choose(text.as_bytes())[0].source, "server:/an export");
    }
}
