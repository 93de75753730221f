//! Item `host`: operating system and hardware, in labels.

mod kind;

use std::net::IpAddr;
use std::path::PathBuf;

use gopher_procfs::{FileReader, cpu, mem, os};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use probe_sdk::Context;

use crate::collect::Collector;
use crate::shared::Shared;

/// Table `system_os`.
#[derive(Debug)]
pub(crate) struct Host {
    stat: FileReader,
    meminfo: FileReader,
    /// Where another name than this process's own stands: in a container.
    hostname: Option<PathBuf>,
    os_version: String,
    kind: &'static str,
}

impl Host {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            stat: shared.reader("/proc/stat"),
            meminfo: shared.reader("/proc/meminfo"),
            hostname: shared.root.is_foreign().then(|| shared.root.path("/etc/hostname")),
            os_version: os_version(shared),
            kind: kind::read(&shared.root),
        }
    }

    fn hostname(&self) -> String {
        let of_file = self.hostname.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let of_file = of_file.map(|text| text.trim().to_owned()).filter(|name| !name.is_empty());
        of_file
            .unwrap_or_else(|| nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned())
    }
}

impl Collector for Host {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        let (mut cpus, mut boot) = (0u32, None);
        if let Some(text) = shared.read(&mut self.stat) {
            cpu::stat(text, |index, _| cpus += u32::from(index.is_some()));
            boot = cpu::boot_time(text);
        }
        let memory = shared.read(&mut self.meminfo).and_then(|text| mem::meminfo(text).total);
        let addresses = addresses(ctx.param_str("dev_name").unwrap_or_default())?;
        let kernel = nix::sys::utsname::uname()?;
        let row = ctx.row("system_os")?.set("os_version", &self.os_version);
        let row = row.set("hostname", &self.hostname());
        let row = row.set("kversion", kernel.release().to_string_lossy().as_ref());
        let row = row.set("cpu_num", cpus).set("memory_MB", memory.map(|kb| kb / 1024));
        let row = row.set("ip_addr", &addresses).set("host_type", self.kind);
        let row = row.set("clock_ticks", shared.system.ticks_per_second).set("os_btime", boot);
        row.set("value", 1u64).send()?;
        Ok(())
    }
}

/// The name and version that the system shows to people. openEuler and EulerOS keep a fuller one in a file of their
/// own.
fn os_version(shared: &Shared) -> String {
    let value = |file: &str, key: &str| {
        let text = std::fs::read(shared.root.path(file)).ok()?;
        os::assignment(&text, key)
    };
    value("/etc/openEuler-latest", "openeulerversion")
        .or_else(|| value("/etc/euleros-latest", "eulerversion"))
        .or_else(|| value("/etc/os-release", "PRETTY_NAME"))
        .or_else(|| value("/usr/lib/os-release", "PRETTY_NAME"))
        .or_else(|| value("/etc/os-release", "NAME"))
        .unwrap_or_else(|| "Linux".to_owned())
}

/// Addresses of devices that are up, separated by commas; of one device when `device` is not empty.
fn addresses(device: &str) -> anyhow::Result<String> {
    let mut found: Vec<String> = Vec::new();
    for entry in getifaddrs()? {
        let named = device.is_empty() || entry.interface_name == device;
        if !named || !entry.flags.contains(InterfaceFlags::IFF_UP) {
            continue;
        }
        let Some(address) = entry.address else { continue };
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        let v6 = address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip()));
        found.extend(v4.or(v6).filter(|address| is_shown(*address)).map(|address| address.to_string()));
    }
    Ok(found.join(","))
}

fn is_shown(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !address.is_loopback() && !link_local
}

#[cfg(test)]
mod tests {
    use super::*;
    use gopher_procfs::Root;

    #[test]
    fn loopback_and_link_local_addresses_are_left_out() {
        for (address, shown) in [
            ("127.0.0.1", false),
            ("::1", false),
            ("169.254.3.4", false),
            ("fe80::1", false),
            ("10.1.2.3", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_shown(address.parse().unwrap()), shown, "{address}");
        }
    }

    #[test]
    fn the_name_of_the_system_is_the_fullest_there_is() {
        let folder = std::env::temp_dir().join(format!("baseinfo-host-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("etc")).unwrap();
        let shared = Shared::new(Root::new(&folder)).unwrap();
        assert_eq!(os_version(&shared), "Linux");
        std::fs::write(folder.join("etc/os-release"), "ID=ubuntu\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n")
            .unwrap();
        assert_eq!(os_version(&shared), "Ubuntu 22.04.5 LTS");
        std::fs::write(folder.join("etc/openEuler-latest"), "openeulerversion=openEuler-22.03-LTS-SP3\n")
            .unwrap();
        assert_eq!(os_version(&shared), "openEuler-22.03-LTS-SP3");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
