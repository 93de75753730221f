//! The machine: a stable id, the original agent's id, the host's name.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Context;

/// Facts of the machine that label every series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Stable id: `/etc/machine-id`, else the DMI product id, else one made once and kept in the state folder.
    pub machine_id: String,
    /// What the original agent calls machine id: `<product uuid>-<first IPv4 address>`.
    pub upstream_id: String,
    /// The host's name.
    pub hostname: String,
}

impl Host {
    /// Reads the facts; `host_path` is where the host's root is seen, `/` outside containers.
    ///
    /// # Errors
    /// When no id is found and none can be kept in `state_dir`.
    pub fn read(host_path: &Path, state_dir: &Path) -> anyhow::Result<Self> {
        let id = |file: &str| {
            let path = host_path.join(file);
            let path = if host_path.as_os_str().is_empty() { Path::new("/").join(file) } else { path };
            fs::read_to_string(path)
                .ok()
                .map(|text| text.trim().to_ascii_lowercase())
                .filter(|id| !id.is_empty())
        };
        let machine = id("etc/machine-id").filter(|id| id != "uninitialized");
        let product = id("sys/class/dmi/id/product_uuid");
        let machine_id = match machine.or_else(|| product.clone()) {
            Some(found) => found,
            None => kept_id(state_dir)?,
        };
        let address = first_address().map_or(String::new(), |address| format!("-{address}"));
        let upstream_id = format!("{}{address}", product.unwrap_or_else(|| machine_id.clone()));
        let hostname = host_name(host_path);
        Ok(Self { machine_id, upstream_id, hostname })
    }
}

/// The kernel's name for the machine; in a container with the host's root the file that names the host.
fn host_name(host_path: &Path) -> String {
    let file = (host_path != Path::new("/"))
        .then(|| fs::read_to_string(host_path.join("etc/hostname")).ok())
        .flatten()
        .map(|text| text.trim().to_owned())
        .filter(|name| !name.is_empty());
    file.or_else(|| nix::unistd::gethostname().ok()?.into_string().ok()).unwrap_or_default()
}

fn kept_id(state_dir: &Path) -> anyhow::Result<String> {
    let path = state_dir.join("machine-id");
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(text.trim().to_owned());
    }
    let id =
        fs::read_to_string("/proc/sys/kernel/random/uuid").context("reading /proc/sys/kernel/random/uuid")?;
    fs::create_dir_all(state_dir).with_context(|| format!("creating {}", state_dir.display()))?;
    fs::write(&path, &id).with_context(|| format!("writing {}", path.display()))?;
    Ok(id.trim().to_owned())
}

/// The first IPv4 address that is not a loopback one, in the kernel's order.
fn first_address() -> Option<Ipv4Addr> {
    let addresses = nix::ifaddrs::getifaddrs().ok()?;
    addresses
        .filter_map(|interface| interface.address?.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::ip))
        .find(|address| !address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_once_and_kept() {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Host::read(root.path(), state.path()).unwrap();
        let second = Host::read(root.path(), state.path()).unwrap();
        assert_eq!(first.machine_id.len(), 36);
        assert_eq!(first, second);
    }

    #[test]
    fn the_host_root_is_read_where_one_is_given() {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/machine-id"), "ABC\n").unwrap();
        fs::write(root.path().join("etc/hostname"), "host1\n").unwrap();
        let host = Host::read(root.path(), state.path()).unwrap();
        assert_eq!((host.machine_id.as_str(), host.hostname.as_str()), ("abc", "host1"));
    }
}
