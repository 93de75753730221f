//! The handle through which processes are started.

use std::thread;

use nix::sys::prctl;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::cgroup::Hierarchies;
use super::error::{Error, SpawnError};
use super::group::Group;
use super::instance::Instance;
use super::keeper::Keeper;
use super::launch::Launch;
use super::limits::Enforced;
use super::privileges::probe_user;
use super::reaper::Exit;
use super::thread::{Forker, Order, Started};

/// Starts that wait for the thread; more of them wait in their callers.
const ORDERS: usize = 64;

/// How processes are started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The user to run probes as when the agent is root; `nobody` when none is named.
    pub probe_user: Option<String>,
    /// Which agent this is.
    pub instance: Instance,
}

/// Starts processes and collects their ends. Clones are handles on the same one.
///
/// The parent-death signal of every process is bound to the thread behind this: when the last handle and the last
/// [`Group`] are dropped, or at [`Spawner::close`], it ends, and whatever still runs is killed.
#[derive(Clone, Debug)]
pub struct Spawner {
    orders: mpsc::Sender<Order>,
}

/// A process that was started.
#[derive(Debug)]
pub struct Child {
    /// Its id, which is its process group's and its session's too.
    pub pid: u32,
    /// Closed, it tells the process to stop.
    pub stdin: pipe::Sender,
    /// Its rows.
    pub stdout: pipe::Receiver,
    /// Its log.
    pub stderr: pipe::Receiver,
    /// How it ended, once it has.
    pub exit: oneshot::Receiver<Exit>,
    /// What enforces its limits.
    pub enforced: Enforced,
    /// It with its descendants.
    pub group: Group,
}

impl Spawner {
    /// Starts the thread and the keeper, and makes the agent's cgroups. To be called once, within a runtime, while the
    /// run directory is held. The agent becomes the parent of its probes' orphans.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn start(options: Options) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let io = |what| move |source| Error::Io { what, source };
        let user = probe_user(options.probe_user.as_deref())?;
        prctl::set_child_subreaper(true).map_err(|errno| io("become the parent of orphans")(errno.into()))?;
        let ends = signal(SignalKind::child()).map_err(io("listen to the ends of children"))?;
        let hierarchies = Hierarchies::create(options.instance.life());
        let folders = hierarchies.folders().map(ToOwned::to_owned).collect();
        let keeper = Keeper::start(options.instance.entry(), folders);
        let (orders, received) = mpsc::channel(ORDERS);
        let own_orders = orders.downgrade();
        let instance = options.instance;
        runtime.spawn(forward(ends, own_orders.clone()));
        let forker = Forker { instance, user, hierarchies, keeper, runtime, own_orders };
        let named = thread::Builder::new().name("forker".to_owned());
        named.spawn(move || forker.run(received)).map_err(io("start a thread"))?;
        Ok(Self { orders })
    }

    /// Starts a process.
    ///
    /// # Errors
    /// [`SpawnError`]; then nothing of the process is left.
    pub async fn spawn(&self, launch: Launch) -> Result<Child, SpawnError> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Spawn(Box::new(launch), reply);
        self.orders.send(order).await.map_err(|_| SpawnError::Closed)?;
        let Started { stdin, stdout, stderr, exit, enforced, group } =
            answer.await.map_err(|_| SpawnError::Closed)??;
        Ok(Child {
            pid: group.pid.unsigned_abs(),
            stdin: pipe::Sender::from_owned_fd(stdin).map_err(SpawnError::Pipe)?,
            stdout: pipe::Receiver::from_owned_fd(stdout).map_err(SpawnError::Pipe)?,
            stderr: pipe::Receiver::from_owned_fd(stderr).map_err(SpawnError::Pipe)?,
            exit,
            enforced,
            group,
        })
    }

    /// Ends the thread and the keeper and removes the agent's cgroups; waits until that is done. Processes that still
    /// run are killed.
    pub async fn close(&self) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Close(done)).await.is_ok() && wait.await.is_ok() {
            tracing::debug!("The spawner is closed.");
        }
    }
}

/// Tells the thread of each end of a child, as long as there is one.
async fn forward(mut ends: Signal, orders: mpsc::WeakSender<Order>) {
    while ends.recv().await.is_some() {
        let Some(orders) = orders.upgrade() else { return };
        match orders.try_send(Order::Reap) {
            // The thread collects ends after whatever it has before it.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}
