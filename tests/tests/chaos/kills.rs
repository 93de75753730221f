//! Random kills of probes and of the agent. `GOPHER_TEST_LONG=1` makes it long, `GOPHER_TEST_SEED` repeats a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gopher_tests::agent::{Agent, Home, sum, until, values};
use gopher_tests::process::Process;
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::folders::{self, RUNAWAY, STEADY};
use crate::machine::{cgroups, open_files, pause, resident, until_none};

type Samples = BTreeMap<String, String>;

const LINES: &str = "gala_gopher_agent_lines_total";
const ROWS: &str = "gala_gopher_agent_rows_total";

/// Kills of probes in the life of each agent but the last, which gets the rest.
const PER_LIFE: u32 = 10;
/// A folder starts afresh after so many kills: one more and it would soon be failing, and nothing of it alive.
const PER_FOLDER: u32 = 4;
/// By how much the last agent may grow, in KiB and files; several megabytes are the allocator's.
const GROWTH: (u64, usize) = (8 * 1024, 16);

#[test]
fn random_kills_leave_nothing_behind_lose_nothing_and_disturb_nobody() {
    let long = std::env::var("GOPHER_TEST_LONG").is_ok_and(|value| value == "1");
    let (probes, agents) = if long { (1000, 50) } else { (100, 5) };
    let seed =
        std::env::var("GOPHER_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("GOPHER_TEST_SEED={seed}");
    let home = Arc::new(folders::install());
    let mut chaos = Chaos { home, dice: StdRng::seed_from_u64(seed), kills: BTreeMap::new() };

    let mut slowest = Duration::ZERO;
    for _ in 0..agents {
        let mut agent = chaos.start();
        chaos.live(&agent, PER_LIFE);
        let killed = Instant::now();
        agent.kill();
        slowest = slowest.max(killed.elapsed());
        until_none("cgroups are left", || cgroups(agent.pid()));
    }
    let mut agent = chaos.start();
    let rest = probes - agents * PER_LIFE;
    chaos.live(&agent, rest / 5);
    let before = size(&agent);
    chaos.live(&agent, rest - rest / 5);
    let after = size(&agent);
    let status = agent.stop();
    assert!(status.success(), "{status}");
    until_none("cgroups are left", || cgroups(agent.pid()));

    println!(
        "{probes} kills of probes, {agents} of the agent, after which all was gone in {slowest:?} at most"
    );
    println!("KiB and files of the last agent: {before:?} before {} kills, {after:?} after", rest - rest / 5);
    assert!(after.0 <= before.0 + GROWTH.0, "memory grew from {} to {} KiB", before.0, after.0);
    assert!(after.1 <= before.1 + GROWTH.1, "open files grew from {} to {}", before.1, after.1);
}

struct Chaos {
    home: Arc<Home>,
    dice: StdRng,
    /// Kills since the folder started afresh.
    kills: BTreeMap<String, u32>,
}

impl Chaos {
    fn start(&mut self) -> Agent {
        self.kills.clear();
        let agent = Agent::serve(Arc::clone(&self.home));
        agent.until("the steady probe's rows", |now| steady(now) > 0);
        until("the process that a probe has started", || self.has_grandchild(&agent).then_some(()));
        agent
    }

    /// Whether there is a process that the end of the agent must not leave behind although it left its session.
    fn has_grandchild(&self, agent: &Agent) -> bool {
        let of = |process: &Process| process.variable("GOPHER_PROBE") == Some(RUNAWAY);
        self.home.processes().iter().any(|process| of(process) && process.parent != agent.pid())
    }

    /// Kills so many probes, then looks whether everything is as it should be.
    fn live(&mut self, agent: &Agent, kills: u32) {
        let before = steady(&agent.scrape());
        for _ in 0..kills {
            self.kill_one(agent);
        }
        let now = agent.until("more rows of the steady probe", |now| steady(now) > before);
        let restarts = sum(&now, "gala_gopher_agent_probe_restarts_total", &[("probe", STEADY)]);
        assert_eq!(restarts, 0, "the steady probe was restarted");
        until_none("zombies of the agent", || zombies(agent));
        self.accounts(agent);
    }

    /// Kills one living process of a probe in a way that is left to chance.
    fn kill_one(&mut self, agent: &Agent) {
        let (folder, process) = until("a living probe process", || {
            let mut living = probes(agent);
            living.retain(|(folder, _)| folder != STEADY);
            (!living.is_empty()).then(|| living.swap_remove(self.dice.random_range(0..living.len())))
        });
        let signals: &[Signal] = match self.dice.random_range(0..3) {
            0 => &[Signal::SIGKILL],
            1 => &[Signal::SIGSEGV],
            _ => &[Signal::SIGSTOP, Signal::SIGKILL],
        };
        if !signals.iter().all(|signal| process.signal(*signal)) {
            // It has died by itself just now.
            return self.kill_one(agent);
        }
        let pauses = self.dice.random_range(0..6);
        (0..pauses).for_each(|_| pause());
        let kills = self.kills.entry(folder.clone()).or_default();
        *kills += 1;
        if *kills == PER_FOLDER {
            *kills = 0;
            folders::renew(&self.home, &folder);
        }
    }

    /// Every line that was read has had one fate: looked at while all probes are stopped and nothing is read any more.
    fn accounts(&self, agent: &Agent) {
        let frozen = |now: &Samples| {
            values(now, LINES, "probe").into_iter().map(|folder| account(now, &folder)).collect::<Vec<_>>()
        };
        let mut last = Vec::new();
        let accounts = until("no more lines are read", || {
            self.signal(Signal::SIGSTOP);
            (0..5).for_each(|_| pause());
            let now = frozen(&agent.scrape());
            let quiet = now == last;
            last = now;
            quiet.then(|| last.clone())
        });
        self.signal(Signal::SIGCONT);
        assert!(accounts.len() >= 10, "{accounts:?}");
        for (folder, lines, fates) in accounts {
            assert_eq!(lines, fates, "lines and fates of {folder}");
        }
    }

    fn signal(&self, signal: Signal) {
        let probes =
            self.home.processes().into_iter().filter(|process| process.variable("GOPHER_PROBE").is_some());
        for process in probes {
            process.signal(signal);
        }
    }
}

/// The processes that an agent has started for probes; what these have started themselves is not among them.
fn probes(agent: &Agent) -> Vec<(String, Process)> {
    let living = agent.children().into_iter().filter(|process| !process.zombie);
    living.filter_map(|process| Some((process.variable("GOPHER_PROBE")?.to_owned(), process))).collect()
}

fn zombies(agent: &Agent) -> Vec<Process> {
    let mut all = agent.children();
    all.retain(|process| process.zombie);
    all
}

/// Resident memory in KiB and open files.
fn size(agent: &Agent) -> (u64, usize) {
    (resident(agent.pid()), open_files(agent.pid()))
}

fn steady(now: &Samples) -> u64 {
    sum(now, ROWS, &[("probe", STEADY), ("outcome", "accepted")])
}

fn account(now: &Samples, folder: &str) -> (String, u64, u64) {
    let of = [("probe", folder)];
    (folder.to_owned(), sum(now, LINES, &of), sum(now, ROWS, &of))
}
