//! CPU files of several kernels.

use std::hint::black_box;

use proptest::prelude::*;

use super::*;

const STAT: &[u8] = include_bytes!("../../testdata/4.19-x86/stat");
const SOFTIRQS: &[u8] = include_bytes!("../../testdata/4.19-x86/softirqs");
const CPUINFO_X86: &[u8] = include_bytes!("../../testdata/6.18-x86/cpuinfo");
const CPUINFO_ARM: &[u8] = include_bytes!("../../testdata/5.10-arm/cpuinfo");

fn all_times(bytes: &[u8]) -> Vec<(Option<u32>, Times)> {
    let mut all = Vec::new();
    stat(bytes, |cpu, times| all.push((cpu, times)));
    all
}

fn all_softnet(bytes: &[u8]) -> Vec<Softnet> {
    let mut all = Vec::new();
    softnet_stat(bytes, |line| all.push(line));
    all
}

fn all_mhz(bytes: &[u8]) -> Vec<(u32, f64)> {
    let mut all = Vec::new();
    mhz(bytes, |cpu, rate| all.push((cpu, rate)));
    all
}

#[test]
fn times_keep_the_index_of_a_cpu_when_another_is_offline() {
    let all = all_times(STAT);
    assert_eq!(all.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>(), [None, Some(0), Some(2)]);
    let times = Times {
        user: 11408,
        nice: 17,
        system: 5124,
        idle: 917_319,
        iowait: 1087,
        irq: 0,
        softirq: 110,
        steal: 7,
    };
    assert_eq!(all[2].1, times);
    assert_eq!(times.busy(), 11408 + 17 + 5124 + 110 + 7);
    assert_eq!(times.all(), times.busy() + 917_319 + 1087);
}

#[test]
fn boot_time_is_found_behind_the_line_of_interrupts() {
    assert_eq!(boot_time(STAT), Some(1_699_000_000));
}

#[test]
fn softirqs_go_by_the_header() {
    let mut rows = vec![Softirqs::default()];
    softirqs(SOFTIRQS, &mut rows);
    assert_eq!(rows.len(), 3);
    let last = Softirqs {
        cpu: 2,
        timer: Some(200_000),
        net_rx: Some(9000),
        sched: Some(150_501),
        rcu: Some(90_436),
    };
    assert_eq!(rows[2], last);
}

#[test]
fn softnet_tells_the_cpu_only_on_newer_kernels() {
    let old = all_softnet(include_bytes!("../../testdata/4.19-x86/softnet_stat"));
    assert_eq!(old[0], Softnet { cpu: None, dropped: 3, received_rps: Some(42) });
    assert_eq!(old[1].dropped, u64::from(u32::MAX));
    let new = all_softnet(include_bytes!("../../testdata/6.18-x86/softnet_stat"));
    assert_eq!(new[1], Softnet { cpu: Some(3), dropped: 2, received_rps: Some(0) });
}

#[test]
fn clock_rates_are_absent_where_the_kernel_gives_none() {
    assert_eq!(all_mhz(CPUINFO_X86), [(0, 2596.134), (1, 1200.5)]);
    assert_eq!(all_mhz(CPUINFO_ARM), []);
}

#[test]
fn a_virtual_cpu_says_so() {
    assert!(has_hypervisor_flag(CPUINFO_X86));
    assert!(!has_hypervisor_flag(CPUINFO_ARM));
    assert!(!has_hypervisor_flag(b"flags : fpu hypervisor_x\n"));
}

proptest! {
    #[test]
    fn nothing_panics(text in "(cpu[0-9]{0,3}|CPU[0-9]|TIMER:|RCU:|processor|cpu MHz|[ :\t\n]|[0-9a-f]{1,20}|btime |\\PC){0,60}") {
        let bytes = text.as_bytes();
        black_box(all_times(bytes));
        black_box(all_softnet(bytes));
        black_box(all_mhz(bytes));
        black_box(boot_time(bytes));
        black_box(has_hypervisor_flag(bytes));
        softirqs(bytes, &mut Vec::new());
    }
}
