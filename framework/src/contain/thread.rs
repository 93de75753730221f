//! The permanent thread: every fork, and the collection of ends.

use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::cgroup::{Cgroups, Hierarchies};
use super::child::{Prepared, Step, highest_file};
use super::environment;
use super::error::SpawnError;
use super::fork::{Forked, fork};
use super::group::Group;
use super::instance::Instance;
use super::keeper::Keeper;
use super::launch::{Kind, Launch, Program};
use super::limits::{Enforced, Mechanism};
use super::privileges::{Ids, Privileges};
use super::reaper::{Exit, registry};

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Start a process.
    Spawn(Box<Launch>, oneshot::Sender<Result<Started, SpawnError>>),
    /// Some child has ended.
    Reap,
    /// A group is gone.
    Forget(i32),
    /// End. Whoever waits hears when the keeper is gone.
    Close(oneshot::Sender<()>),
}

/// A process that was started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) exit: oneshot::Receiver<Exit>,
    pub(super) enforced: Enforced,
    pub(super) group: Group,
}

/// What the thread works with.
pub(super) struct Forker {
    pub(super) instance: Instance,
    pub(super) user: Option<Ids>,
    pub(super) hierarchies: Hierarchies,
    pub(super) keeper: Keeper,
    /// To order something later.
    pub(super) runtime: Handle,
    pub(super) own_orders: mpsc::WeakSender<Order>,
}

impl Forker {
    /// Works until it is told to end, or nobody can order anything any more.
    pub(super) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut waiting = None;
        while let Some(order) = orders.blocking_recv() {
            match order {
                Order::Spawn(launch, reply) => {
                    // Refused when nobody waits any more; the process then ends as its group is dropped.
                    let unwanted = reply.send(self.spawn(&launch)).err();
                    if let Some(Ok(started)) = unwanted {
                        tracing::debug!(probe = %launch.name, "Nobody waited for a new process.");
                        drop(started);
                    }
                }
                Order::Reap => {}
                Order::Forget(group) => self.keeper.remove(group),
                Order::Close(done) => {
                    waiting = Some(done);
                    break;
                }
            }
            registry().reap();
            if let Some(delay) = self.keeper.tend() {
                self.come_back(delay);
            }
        }
        // The keeper is told last, so that it finishes the work should the agent end before.
        if self.keeper.has_no_groups() {
            self.hierarchies.remove();
        }
        self.keeper.close();
        drop(waiting);
    }

    fn come_back(&self, delay: Duration) {
        let orders = self.own_orders.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(orders) = orders.upgrade()
                && orders.send(Order::Reap).await.is_err()
            {
                tracing::debug!("The spawner was closed before its keeper was replaced.");
            }
        });
    }

    fn spawn(&mut self, launch: &Launch) -> Result<Started, SpawnError> {
        let orders = self.own_orders.upgrade().ok_or(SpawnError::Closed)?;
        let program = Program::find(launch)?;
        let privileges = Privileges::resolve(launch, self.user)?;
        let (cgroups, mut enforced) = Cgroups::create(&self.hierarchies, &launch.name, launch.limits);
        let mut address_space = None;
        if enforced.memory == Mechanism::NotEnforced && program.kind == Kind::Elf {
            address_space = launch.limits.memory;
            enforced.memory = Mechanism::Rlimit;
        }
        let forked = cgroups
            .open()
            .map_err(|source| SpawnError::Step { step: Step::Cgroup, source })
            .and_then(|files| {
                let Program { folder, path, .. } = program;
                let parent = std::process::id();
                let highest_file = highest_file();
                let prepared =
                    Prepared { parent, folder, cgroups: files, address_space, privileges, highest_file };
                fork(launch, &path, environment::of(launch, &self.instance), prepared)
            });
        let Forked { pid, pipes: [stdin, stdout, stderr], ended, exit } = match forked {
            Ok(forked) => forked,
            Err(error) => {
                cgroups.remove();
                return Err(error);
            }
        };
        self.keeper.add(pid);
        let (probe, entry) = (launch.name.clone(), self.instance.entry());
        let group = Group { pid, probe, entry, ended, cgroups, orders, cleared: AtomicBool::new(false) };
        Ok(Started { stdin, stdout, stderr, exit, enforced, group })
    }
}
