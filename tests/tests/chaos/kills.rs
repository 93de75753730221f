//! Random kills of probes and of the agent. `GOPHER_TEST_LONG=1` makes it long, `GOPHER_TEST_SEED` repeats a run.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::agent::{Agent, Home, Page};
use crate::folders::{self, RUNAWAY, STEADY};
use crate::machine::{Process, cgroups, pause, until_none, until_some};

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
    let home = Home::new();
    folders::install(&home.probes());
    let mut chaos = Chaos { home, dice: StdRng::seed_from_u64(seed), kills: BTreeMap::new() };

    let mut slowest = Duration::ZERO;
    for _ in 0..agents {
        let agent = chaos.start();
        chaos.live(&agent, PER_LIFE);
        let pid = agent.pid();
        agent.kill();
        slowest = slowest.max(chaos.nothing_left(pid));
    }
    let agent = chaos.start();
    let rest = probes - agents * PER_LIFE;
    chaos.live(&agent, rest / 5);
    let before = agent.size();
    chaos.live(&agent, rest - rest / 5);
    let after = agent.size();
    let pid = agent.pid();
    agent.stop();
    chaos.nothing_left(pid);

    println!(
        "{probes} kills of probes, {agents} of the agent, after which all was gone in {slowest:?} at most"
    );
    println!("KiB and files of the last agent: {before:?} before {} kills, {after:?} after", rest - rest / 5);
    assert!(after.0 <= before.0 + GROWTH.0, "memory grew from {} to {} KiB", before.0, after.0);
    assert!(after.1 <= before.1 + GROWTH.1, "open files grew from {} to {}", before.1, after.1);
}

struct Chaos {
    home: Home,
    dice: StdRng,
    /// Kills since the folder started afresh.
    kills: BTreeMap<String, u32>,
}

impl Chaos {
    fn start(&mut self) -> Agent {
        self.kills.clear();
        let agent = Agent::start(&self.home);
        until_some("the steady probe's rows", || (steady(&agent.page()) > 0).then_some(()));
        until_some("the process that a probe has started", || self.has_grandchild(&agent).then_some(()));
        agent
    }

    /// Whether there is a process that the end of the agent must not leave behind although it left its session.
    fn has_grandchild(&self, agent: &Agent) -> bool {
        let of = |process: &Process| process.variable("GOPHER_PROBE").is_some_and(|probe| probe == RUNAWAY);
        self.home.processes().iter().any(|process| of(process) && process.parent != agent.pid())
    }

    /// Kills so many probes, then looks whether everything is as it should be.
    fn live(&mut self, agent: &Agent, kills: u32) {
        let before = steady(&agent.page());
        for _ in 0..kills {
            self.kill_one(agent);
        }
        until_some("more rows of the steady probe", || (steady(&agent.page()) > before).then_some(()));
        let restarts = agent.page().sum("gala_gopher_agent_probe_restarts_total", &[("probe", STEADY)]);
        assert_eq!(restarts, 0, "the steady probe was restarted");
        until_none("zombies of the agent", || agent.zombies());
        self.accounts(agent);
    }

    /// Kills one living process of a probe in a way that is left to chance.
    fn kill_one(&mut self, agent: &Agent) {
        let (folder, pid) = until_some("a living probe process", || {
            let mut living = agent.probes();
            living.retain(|(folder, _)| folder != STEADY);
            (!living.is_empty()).then(|| living.swap_remove(self.dice.random_range(0..living.len())))
        });
        let pid = Pid::from_raw(pid.pid);
        let signals: &[Signal] = match self.dice.random_range(0..3) {
            0 => &[Signal::SIGKILL],
            1 => &[Signal::SIGSEGV],
            _ => &[Signal::SIGSTOP, Signal::SIGKILL],
        };
        if signals.iter().any(|signal| kill(pid, *signal).is_err()) {
            // It has died by itself just now.
            return self.kill_one(agent);
        }
        let pauses = self.dice.random_range(0..6);
        (0..pauses).for_each(|_| pause());
        let kills = self.kills.entry(folder.clone()).or_default();
        *kills += 1;
        if *kills == PER_FOLDER {
            *kills = 0;
            folders::renew(&self.home.probes(), &folder);
        }
    }

    /// Every line that was read has had one fate: looked at while all probes are stopped and nothing is read any more.
    fn accounts(&self, agent: &Agent) {
        let frozen = |page: &Page| {
            page.values(LINES, "probe").into_iter().map(|folder| account(page, &folder)).collect::<Vec<_>>()
        };
        let mut last = Vec::new();
        let accounts = until_some("no more lines are read", || {
            self.signal(Signal::SIGSTOP);
            (0..5).for_each(|_| pause());
            let now = frozen(&agent.page());
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
            // It may have gone since.
            kill(Pid::from_raw(process.pid), signal).ok();
        }
    }

    /// After the end of an agent of this pid; returns how long its processes took to go.
    fn nothing_left(&self, pid: i32) -> Duration {
        let took = until_none("processes are left", || self.home.processes());
        until_none("cgroups are left", || cgroups(pid));
        took
    }
}

fn steady(page: &Page) -> u64 {
    page.sum(ROWS, &[("probe", STEADY), ("outcome", "accepted")])
}

fn account(page: &Page, folder: &str) -> (String, u64, u64) {
    let of = [("probe", folder)];
    (folder.to_owned(), page.sum(LINES, &of), page.sum(ROWS, &of))
}
