//! Physical or virtual: what systemd-detect-virt looks at, without running it.

use gopher_procfs::{Root, cpu};

/// Makers and products of virtual machines, as DMI names them, in small letters.
const MACHINES: [&str; 14] = [
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "innotek",
    "xen",
    "bochs",
    "parallels",
    "bhyve",
    "openstack",
    "alibaba cloud ecs",
    "google compute engine",
    "hvm domu",
    "virtual machine",
];

/// What the host says about itself.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// The CPU's flag.
    cpu_flag: bool,
    /// `sys_vendor` and `product_name` of DMI.
    dmi: String,
    /// `/sys/hypervisor/type` or the device tree's hypervisor node.
    hypervisor: bool,
    /// The domain of Xen that controls the hardware.
    control_domain: bool,
}

/// `vm` or `pm`.
pub(super) fn read(root: &Root) -> &'static str {
    let text = |path: &str| std::fs::read_to_string(root.path(path)).unwrap_or_default();
    let cpu_flag =
        std::fs::read(root.path("/proc/cpuinfo")).is_ok_and(|text| cpu::has_hypervisor_flag(&text));
    let dmi = format!("{} {}", text("/sys/class/dmi/id/sys_vendor"), text("/sys/class/dmi/id/product_name"));
    let tree = root.path("/sys/firmware/devicetree/base/hypervisor").exists();
    let hypervisor = tree || !text("/sys/hypervisor/type").trim().is_empty();
    let control_domain = text("/proc/xen/capabilities").contains("control_d");
    decide(&Facts { cpu_flag, dmi, hypervisor, control_domain })
}

fn decide(facts: &Facts) -> &'static str {
    let dmi = facts.dmi.to_lowercase();
    let is_vm = facts.cpu_flag || facts.hypervisor || MACHINES.iter().any(|name| dmi.contains(name));
    if is_vm && !facts.control_domain { "vm" } else { "pm" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_one_fact_makes_a_virtual_machine() {
        assert_eq!(decide(&Facts::default()), "pm");
        assert_eq!(decide(&Facts { cpu_flag: true, ..Facts::default() }), "vm");
        assert_eq!(decide(&Facts { hypervisor: true, ..Facts::default() }), "vm");
        let dmi = "Microsoft Corporation Virtual Machine".to_owned();
        assert_eq!(decide(&Facts { dmi, ..Facts::default() }), "vm");
        let dmi = "Dell Inc. PowerEdge R740".to_owned();
        assert_eq!(decide(&Facts { dmi, ..Facts::default() }), "pm");
    }

    #[test]
    fn the_control_domain_of_xen_is_the_machine_itself() {
        let facts = Facts { cpu_flag: true, hypervisor: true, control_domain: true, ..Facts::default() };
        assert_eq!(decide(&facts), "pm");
    }
}
