//! Item `host`: operating system and hardware, in labels.

mod addresses;
mod kind;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use gopher_procfs::{Buffer, FileReader, cpu, mem, os};
use probe_sdk::Context;

use self::addresses::Addresses;
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
    addresses: Addresses,
}

impl Host {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            stat: shared.reader("/proc/stat"),
            meminfo: shared.reader("/proc/meminfo"),
            hostname: shared.root.is_foreign().then(|| shared.root.path("/etc/hostname")),
            os_version: os_version(shared),
            kind: kind::read(&shared.root),
            addresses: Addresses::default(),
        }
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
        let addresses = self.addresses.read(ctx.param_str("dev_name").unwrap_or_default())?;
        let kernel = nix::sys::utsname::uname()?;
        let of_file = self.hostname.as_ref().and_then(|path| hostname(path, &mut shared.buffer));
        let hostname = of_file.unwrap_or_else(|| kernel.nodename().to_string_lossy());
        let row = ctx.row("system_os")?.set("os_version", &self.os_version);
        let row = row.set("hostname", hostname.as_ref());
        let row = row.set("kversion", kernel.release().to_string_lossy().as_ref());
        let row = row.set("cpu_num", cpus).set("memory_MB", memory.map(|kb| kb / 1024));
        let row = row.set("ip_addr", addresses).set("host_type", self.kind);
        let row = row.set("clock_ticks", shared.system.ticks_per_second).set("os_btime", boot);
        row.set("value", 1u64).send()?;
        Ok(())
    }
}

/// The name that a file holds, if any.
fn hostname<'b>(path: &Path, buffer: &'b mut Buffer) -> Option<Cow<'b, str>> {
    let name = buffer.read(path).ok()?.trim_ascii();
    (!name.is_empty()).then(|| String::from_utf8_lossy(name))
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

#[cfg(test)]
mod tests {
    use super::*;
    use gopher_procfs::Root;

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
