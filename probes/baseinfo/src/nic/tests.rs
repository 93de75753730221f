//! Which devices are shown, and their speeds.

use super::*;

fn reading(before: u64, now: u64) -> Reading {
    let device = |rx_bytes| Device { rx_bytes, ..Device::default() };
    Reading { now: device(now), before: Some(device(before)), qdisc: None, elapsed: Duration::from_secs(2) }
}

#[test]
fn virtual_devices_are_shown_only_where_there_is_no_physical_one() {
    assert!(is_shown("eth0", true, true));
    assert!(!is_shown("veth1", false, true));
    assert!(is_shown("veth1", false, false));
    assert!(!is_shown("lo", false, false));
}

#[test]
fn speed_is_kib_a_second() {
    assert_eq!(speed(&reading(1024, 5120), |device| device.rx_bytes), Some(2.0));
}

#[test]
fn a_device_that_came_back_has_no_speed() {
    assert_eq!(speed(&reading(5120, 1024), |device| device.rx_bytes), None);
    assert_eq!(speed(&Reading { before: None, ..reading(0, 1) }, |device| device.rx_bytes), None);
}

#[test]
fn the_link_tells_a_physical_device() {
    let sys = std::env::temp_dir().join(format!("baseinfo-nic-{}", std::process::id()));
    std::fs::create_dir_all(&sys).unwrap();
    std::os::unix::fs::symlink("../../devices/pci0000:00/0000:00:03.0/net/eth0", sys.join("eth0")).unwrap();
    std::os::unix::fs::symlink("../../devices/virtual/net/lo", sys.join("lo")).unwrap();
    assert!(is_physical(&sys.join("eth0")));
    assert!(!is_physical(&sys.join("lo")));
    assert!(!is_physical(&sys.join("gone")));
    std::fs::remove_dir_all(&sys).unwrap();
}
