//! The side of the application that answers requests: publishes what holds, takes changes in.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};

use super::endpoint::Sources;
use crate::config::{self, Config};
use crate::control::auth::Rules;
use crate::control::{Api, Command, Doors, FOLLOWERS, Server, View};
use crate::store::Store;
use crate::tls::Tls;

/// Changes that wait; who sends one more waits with it.
const WAITING: usize = 16;
/// Bodies, of 1 MiB at most, that are received at the same time.
const BODIES: usize = 16;

/// The server, and what it is told.
pub(super) struct Control {
    server: Server,
    views: watch::Sender<Arc<View>>,
    commands: mpsc::Receiver<Command>,
}

impl Control {
    /// Starts to answer.
    ///
    /// # Errors
    /// When the address or the socket cannot be had.
    pub(super) fn start(
        config: &Config,
        file: &Path,
        tls: Option<Arc<Tls>>,
        sources: &Sources,
        store: &Arc<Store>,
    ) -> anyhow::Result<Self> {
        let (views, view) = watch::channel(Arc::default());
        let (sender, commands) = mpsc::channel(WAITING);
        let api = Api {
            view,
            supervisor: sources.supervisor.clone(),
            commands: sender,
            file: file.into(),
            bodies: Arc::new(Semaphore::new(BODIES)),
            endpoint: sources.endpoint(),
            store: Arc::clone(store),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            topology: Arc::clone(&sources.topology),
            drawing: Arc::new(Semaphore::new(1)),
        };
        let server = Server::start(doors(&config.control, tls), &config.agent.run_dir, api)?;
        Ok(Self { server, views, commands })
    }

    /// Follows a change of the settings.
    ///
    /// # Errors
    /// When the new address cannot be had; then all is as before.
    pub(super) fn change(&mut self, config: &Config, tls: Option<Arc<Tls>>) -> anyhow::Result<()> {
        Ok(self.server.change(doors(&config.control, tls))?)
    }

    /// Shows what holds now.
    pub(super) fn show(&self, view: View) {
        self.views.send_replace(Arc::new(view));
    }

    /// The next change that somebody asks for.
    pub(super) async fn next(&mut self) -> Option<Command> {
        self.commands.recv().await
    }

    /// Where requests are answered, for the log.
    pub(super) fn address(&self) -> String {
        self.server.url().unwrap_or_else(|| "socket only".to_owned())
    }

    /// Ends the server; requests under way are answered.
    pub(super) async fn stop(mut self) {
        drop(self.commands);
        if let Err(error) = tokio::task::spawn_blocking(move || self.server.stop()).await {
            tracing::error!(%error, "Stopping the control server failed.");
        }
    }
}

/// Where requests come in, and whose, as the settings say.
fn doors(settings: &config::Control, tls: Option<Arc<Tls>>) -> Doors {
    Doors { listen: settings.listen, tls, rules: rules(settings) }
}

/// Who may ask and change.
pub(super) fn rules(settings: &config::Control) -> Rules {
    Rules {
        group: settings.group.clone(),
        trust_peers: settings.trust_peers,
        token_file: settings.token_file.clone(),
    }
}
