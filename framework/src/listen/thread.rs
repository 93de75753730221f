//! A thread that serves connections with a runtime of its own: one thread to wake per request, and nobody else's work before it.

use std::future::Future;
use std::{io, thread};

use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Threads beside it for what blocks, as rendering a page.
const BLOCKING: usize = 2;

/// The thread, until [`Thread::stop`] or until it is dropped.
#[derive(Debug)]
pub struct Thread {
    runtime: Handle,
    tasks: TaskTracker,
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl Thread {
    /// Starts a thread of that name.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING).build()?;
        let (handle, tasks, stop) = (runtime.handle().clone(), TaskTracker::new(), CancellationToken::new());
        let (all, stopped) = (tasks.clone(), stop.clone());
        let work = move || {
            runtime.block_on(async {
                stopped.cancelled().await;
                all.close();
                all.wait().await;
            });
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { runtime: handle, tasks, stop, thread: Some(thread) })
    }

    /// Sockets made while the guard lives belong to this thread.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Runs a task here; it has to end soon after [`Thread::stopping`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    /// Cancelled by [`Thread::stop`].
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Ends the thread once its tasks have ended; blocks until then.
    pub fn stop(&mut self) {
        self.stop.cancel();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("A thread that serves connections failed.");
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
