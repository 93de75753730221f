//! What the eBPF programs of running probes cost: how often the kernel ran them in some time, and for how long.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, io};

use serde::Serialize;

use super::bpf;
use crate::ctl::failure::Failure;

/// What a program did while it was measured.
#[derive(Debug, Serialize)]
pub(super) struct Program {
    /// Its number in the kernel, as bpftool shows it.
    pub(super) id: u32,
    /// Its name, of which the kernel keeps 15 bytes.
    pub(super) name: String,
    pub(super) runs: u64,
    /// Of all its runs; the two readings of the clock that each is measured by are part of it.
    pub(super) nanoseconds: u64,
}

/// Runs of a program and their time since it was loaded, as far as statistics were on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Runs {
    count: u64,
    nanoseconds: u64,
}

/// Has the statistics on for some time; for each process, the programs that it held all that time. Also how long it was.
pub(super) fn measure(pids: &[u32], time: Duration) -> Result<(Vec<Vec<Program>>, Duration), Failure> {
    let statistics = bpf::statistics().map_err(|error| {
        Failure::Failed(format!(
            "--measure: the kernel's statistics of eBPF programs cannot be turned on: {error}; \
             it needs root (CAP_SYS_ADMIN) and Linux 5.8"
        ))
    })?;
    let before = pids.iter().map(|pid| programs(*pid)).collect::<Vec<_>>();
    let begun = Instant::now();
    sleep(time);
    let after = pids.iter().map(|pid| programs(*pid)).collect::<Vec<_>>();
    let took = begun.elapsed();
    let of = |(before, after): (BTreeMap<u32, Runs>, BTreeMap<u32, Runs>)| between(&before, &after);
    let measured = before.into_iter().zip(after).map(of).collect::<io::Result<_>>();
    drop(statistics);
    let measured = measured.map_err(|error| {
        Failure::Failed(format!("--measure: the name of a program cannot be read: {error}"))
    })?;
    Ok((measured, took))
}

fn between(before: &BTreeMap<u32, Runs>, after: &BTreeMap<u32, Runs>) -> io::Result<Vec<Program>> {
    let both = after.iter().filter_map(|(id, after)| Some((*id, before.get(id)?, after)));
    let mut programs = Vec::new();
    for (id, before, after) in both {
        programs.push(Program {
            id,
            name: bpf::name(id)?,
            runs: after.count.saturating_sub(before.count),
            nanoseconds: after.nanoseconds.saturating_sub(before.nanoseconds),
        });
    }
    programs.sort_by_key(|program| std::cmp::Reverse(program.nanoseconds));
    Ok(programs)
}

/// The programs that a process holds; none of one that has ended.
fn programs(pid: u32) -> BTreeMap<u32, Runs> {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    texts.filter_map(|text| runs(&text)).collect()
}

/// Of a descriptor's `fdinfo`; `None` for anything but a program (`bpf_prog_show_fdinfo()` of kernel/bpf/syscall.c).
fn runs(fdinfo: &str) -> Option<(u32, Runs)> {
    let field = |name: &str| {
        let line = fdinfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.trim().parse::<u64>().ok())
    };
    let id = u32::try_from(field("prog_id")?).ok()?;
    Some((id, Runs { count: field("run_cnt")?, nanoseconds: field("run_time_ns")? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_runs() {
        let program = "pos:\t0\nflags:\t02000002\nprog_type:\t26\nprog_jited:\t1\nprog_tag:\tab\nmemlock:\t4096\n\
            prog_id:\t31\nrun_time_ns:\t5000\nrun_cnt:\t7\nrecursion_misses:\t0\n";
        assert_eq!(runs(program), Some((31, Runs { count: 7, nanoseconds: 5000 })));
    }

    #[test]
    fn a_link_names_a_program_and_is_none() {
        assert_eq!(runs("pos:\t0\nlink_type:\ttracing\nlink_id:\t4\nprog_tag:\tab\nprog_id:\t31\n"), None);
    }
}
