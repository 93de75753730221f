//! `[control]`: where the agent can be asked and changed at run time, and who may.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::keys::{Key, Section, key};
use super::kind::{Field, Kind};
use super::model::Config;
use super::rules::Rule;
use super::setting::{Setting, assign};
use super::tls::{self, Tls};

/// Where requests are answered, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Address and port; `None` (an empty string) leaves the unix socket alone.
    pub listen: Option<SocketAddr>,
    /// Members may ask and change, as root may.
    pub group: String,
    /// Whether the owner of a loopback connection counts.
    pub trust_peers: bool,
    /// Holds the bearer token; whoever sends it may ask and change.
    pub token_file: Option<PathBuf>,
    /// With a certificate requests come over TLS.
    pub tls: Tls,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9999))),
            group: "gala-gopher".into(),
            trust_peers: true,
            token_file: None,
            tls: Tls::default(),
        }
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

const KEYS: &[Key<Config>] = &[
    key!(
        "listen",
        control.listen,
        Kind::Text(Rule::Listen),
        "IP address and port; \"\" for the unix socket alone. An address that is not loopback needs TLS, and \
         tls_client_ca_file or token_file."
    ),
    key!(
        "group",
        control.group,
        Kind::Text(Rule::User),
        "Group whose members may ask and change by the socket and over loopback, as root may. \
         A change waits for a restart.",
        restart: true
    ),
    key!(
        "trust_peers",
        control.trust_peers,
        Kind::Bool,
        "Whether the user on the other end of a loopback connection counts; false where a proxy stands in front."
    ),
    key!(
        "token_file",
        control.token_file,
        tls::FILE,
        "File with the token that opens as `Authorization: Bearer TOKEN`, at most 4 KiB, not readable by other users; \
         read at each use."
    ),
    key!(
        "tls_cert_file",
        control.tls.cert_file,
        tls::FILE,
        "Certificate and chain in PEM; with it requests come over TLS. Read again when the file changes."
    ),
    key!("tls_key_file", control.tls.key_file, tls::FILE, "The certificate's private key in PEM."),
    key!(
        "tls_client_ca_file",
        control.tls.client_ca_file,
        tls::FILE,
        "Authorities in PEM; a client with a certificate of theirs may ask and change. Without token_file all others \
         are refused."
    ),
];

/// An address that others reach needs TLS, and something that tells callers apart.
fn check(config: &Config) -> Vec<(&'static str, String)> {
    let control = &config.control;
    let mut wrong: Vec<_> = control.tls.check().into_iter().collect();
    if let Some(listen) = control.listen.filter(|listen| tls::is_open(*listen)) {
        let guarded = control.tls.client_ca_file.is_some() || control.token_file.is_some();
        if !control.tls.is_on() || !guarded {
            let message = format!(
                "{listen} is not a loopback address; set tls_cert_file and tls_key_file, and tls_client_ca_file or \
                 token_file, or listen on 127.0.0.1"
            );
            wrong.push(("listen", message));
        }
    }
    if let Some(listen) = shared(config).filter(|_| control.listen != Control::default().listen) {
        let message =
            format!("metrics are served at {listen} (export.prometheus.listen); choose another port");
        wrong.push(("listen", message));
    }
    wrong
}

/// The endpoint's address where it and the control's are one.
pub(super) fn shared(config: &Config) -> Option<SocketAddr> {
    let endpoint = config.prometheus.listen.filter(|_| config.prometheus.enabled)?;
    config.control.listen.is_some_and(|listen| tls::overlap(listen, endpoint)).then_some(endpoint)
}
