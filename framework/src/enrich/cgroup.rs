//! Which container a control group belongs to, told from its path alone. Pure.

/// What the path of a control group says of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The container's id: 64 hexadecimal digits.
    pub(super) id: &'a str,
    /// The uid of its pod with dashes, where the path names one.
    pub(super) pod_id: Option<String>,
    /// The path down to the container, without what the container has made below it.
    pub(super) path: &'a str,
}

/// What stands before the id in the unit names of runtimes that work through systemd.
const PREFIXES: [&str; 5] = ["docker-", "cri-containerd-", "crio-", "libpod-", "nerdctl-"];

/// The control group of a container: one hierarchy's path in `/proc/PID/cgroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// The hierarchy; empty for version 2, else controllers such as `cpu,cpuacct`.
    pub(super) controllers: &'a str,
    /// What its path says.
    pub(super) found: Found<'a>,
}

/// The container of a process from the text of its `/proc/PID/cgroup` (cgroups(7)): the first hierarchy that names
/// one, version 2 first.
pub(super) fn container_of(cgroup: &str) -> Option<Group<'_>> {
    let mut groups: Vec<_> = cgroup.lines().filter_map(group).collect();
    groups.sort_by_key(|group| !group.controllers.is_empty());
    groups.into_iter().next()
}

fn group(line: &str) -> Option<Group<'_>> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, path) = rest.split_once(':')?;
    Some(Group { controllers, found: parse(path)? })
}

/// What a path says. The innermost id counts: a container in a container is its own.
pub(super) fn parse(path: &str) -> Option<Found<'_>> {
    let mut found = None;
    let mut pod_id = None;
    let mut end = 0;
    for part in path.split('/') {
        end += part.len();
        if let Some(pod) = pod(part) {
            pod_id = Some(pod);
        }
        if let Some(id) = container(part) {
            found = Some((id, end));
        }
        end += 1;
    }
    let (id, end) = found?;
    Some(Found { id, pod_id, path: &path[..end] })
}

/// The id in one part of a path: alone, or in a unit's name behind a runtime's prefix, or behind `slice:prefix:`.
fn container(part: &str) -> Option<&str> {
    // Monitors of podman and CRI-O live beside the container, not in it.
    if part.contains("-conmon-") {
        return None;
    }
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let name = name.rsplit_once(':').map_or(name, |(_, last)| last);
    let unprefixed = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    let id = unprefixed.unwrap_or(name);
    is_id(id).then_some(id)
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The pod's uid in one part of a path: `podUID`, or `kubepods-QOS-podUID.slice` with `_` for `-`.
fn pod(part: &str) -> Option<String> {
    let name = part.split_once(':').map_or(part, |(slice, _)| slice);
    let name = match name.strip_suffix(".slice") {
        Some(slice) if slice.contains("kubepods") => slice.rsplit_once("-pod")?.1,
        Some(_) => return None,
        None => name.strip_prefix("pod")?,
    };
    normal_uid(name)
}

/// A pod's uid in its usual form with dashes; `_` stands for `-` in the names of units, and static pods have none.
pub(super) fn normal_uid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !"-_".contains(*c)).collect();
    let is_uid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_uid {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests;
