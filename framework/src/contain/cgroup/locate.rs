//! Finds the agent's own cgroup in each hierarchy, cgroups(7).

use std::fs;
use std::path::{Path, PathBuf};

use super::Version;

/// The agent's own cgroup in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::contain) struct Found {
    pub(in crate::contain) version: Version,
    /// Version 1: the controllers of the hierarchy. Version 2: none yet.
    pub(in crate::contain) controllers: Vec<String>,
    pub(in crate::contain) own: PathBuf,
}

/// The agent's own cgroups, version 2 first.
pub(in crate::contain) fn locate() -> Vec<Found> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    find(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
}

fn find(mounts: &str, memberships: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for mount in mounts.lines().filter_map(mount) {
        let path = memberships.lines().find_map(|line| membership(line, &mount));
        let Some(own) = path.and_then(|path| own(&mount, path)) else { continue };
        // The same hierarchy may be mounted more than once.
        let known = found
            .iter()
            .any(|other| other.version == mount.version && other.controllers == mount.controllers);
        if !known {
            found.push(Found { version: mount.version, controllers: mount.controllers, own });
        }
    }
    found.sort_by_key(|found| found.version == Version::V1);
    found
}

struct Mount {
    version: Version,
    controllers: Vec<String>,
    /// Which cgroup is mounted.
    root: String,
    point: String,
}

/// A line of `/proc/PID/mountinfo` (proc(5)).
fn mount(line: &str) -> Option<Mount> {
    let (place, kind) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (unescape(place.next()?), unescape(place.next()?));
    let mut kind = kind.split(' ');
    let version = match kind.next()? {
        "cgroup" => Version::V1,
        "cgroup2" => Version::V2,
        _ => return None,
    };
    let options = kind.nth(1).unwrap_or_default().split(',');
    let controllers = match version {
        Version::V1 => options.filter(|option| !is_general(option)).map(str::to_owned).collect(),
        Version::V2 => Vec::new(),
    };
    Some(Mount { version, controllers, root, point })
}

/// Mount options that are no controllers.
fn is_general(option: &str) -> bool {
    const OPTIONS: [&str; 7] = ["rw", "ro", "xattr", "noprefix", "clone_children", "seclabel", "none"];
    OPTIONS.contains(&option) || option.starts_with("release_agent=") || option.starts_with("name=")
}

/// The path in a line `id:controllers:path` of `/proc/PID/cgroup`, if it is about this mount.
fn membership<'a>(line: &'a str, mount: &Mount) -> Option<&'a str> {
    let mut parts = line.splitn(3, ':');
    let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let same = match mount.version {
        Version::V2 => id == "0" && controllers.is_empty(),
        Version::V1 => {
            mount.controllers.first().is_some_and(|first| controllers.split(',').any(|name| name == first))
        }
    };
    same.then_some(path)
}

/// The folder of a cgroup, if the mount shows it.
fn own(mount: &Mount, path: &str) -> Option<PathBuf> {
    let below = Path::new(path).strip_prefix(&mount.root).ok()?;
    let climbs = below.components().any(|part| part == std::path::Component::ParentDir);
    (!climbs).then(|| Path::new(&mount.point).join(below))
}

/// Blanks and backslashes in mountinfo are octal escapes.
fn unescape(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(version: Version, controllers: &[&str], own: &str) -> Found {
        let controllers = controllers.iter().map(|name| (*name).to_owned()).collect();
        Found { version, controllers, own: own.into() }
    }

    #[test]
    fn hybrid_host() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
            35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let memberships = "4:memory:/a/b\n1:cpu,cpuacct:/\n9:name=systemd:/x\n0::/x\n";
        let expected = [
            one(Version::V2, &[], "/sys/fs/cgroup/unified/x"),
            one(Version::V1, &["cpu", "cpuacct"], "/sys/fs/cgroup/cpu,cpuacct/"),
            one(Version::V1, &["memory"], "/sys/fs/cgroup/memory/a/b"),
        ];
        assert_eq!(find(mounts, memberships), expected);
    }

    #[test]
    fn container_that_sees_its_part_of_the_hosts_hierarchy() {
        let mounts = "9 8 0:1 /docker/7 /sys/fs/cgroup/a\\040b ro - cgroup2 cgroup rw\n";
        let expected = [one(Version::V2, &[], "/sys/fs/cgroup/a b/agent")];
        assert_eq!(find(mounts, "0::/docker/7/agent\n"), expected);
    }

    #[test]
    fn cgroup_outside_of_what_is_mounted_is_not_used() {
        let mounts = "9 8 0:1 /docker/7 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert!(find(mounts, "0::/docker/8\n").is_empty());
        let mounts = "9 8 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert!(find(mounts, "0::/../other\n").is_empty());
    }
}
