//! `[control]`: where the agent can be asked and changed at run time.

use std::net::{Ipv4Addr, SocketAddr};

use super::keys::{Key, Section, key};
use super::kind::{Field, Kind};
use super::model::Config;
use super::rules::Rule;
use super::setting::{Setting, assign};

/// Where requests are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Address and port; `None` (an empty string) leaves the unix socket alone.
    pub listen: Option<SocketAddr>,
}

impl Default for Control {
    fn default() -> Self {
        Self { listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9999))) }
    }
}

/// The section.
pub const SECTION: Section = Section {
    name: "control",
    doc: "REST: what is collected is asked and changed while the agent runs. The unix socket control.sock in run_dir \
          answers the same and is always there.",
    keys: KEYS,
    check,
};

const KEYS: &[Key<Config>] = &[key!(
    "listen",
    control.listen,
    Kind::Text(Rule::Listen),
    "IP address and port; \"\" for the unix socket alone."
)];

/// Who asks from elsewhere cannot be told apart yet.
fn check(config: &Config) -> Vec<(&'static str, String)> {
    match config.control.listen {
        Some(listen) if !listen.ip().is_loopback() => {
            let message = format!("{listen} is not a loopback address; listen on 127.0.0.1 or [::1]");
            vec![("listen", message)]
        }
        _ => Vec::new(),
    }
}
