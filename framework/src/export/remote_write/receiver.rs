//! A Prometheus server, or who else takes remote-write: how it is asked, and what helps when it does not take it.

use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::config::RemoteWrite;
use crate::export::delivery::client::{Client, Credentials};
use crate::export::delivery::connect::{Access, Target};
use crate::export::delivery::{Batch, Failure, Receiver};
use crate::tls::client::ClientFiles;

/// The other side.
pub(super) struct PrometheusReceiver {
    url: String,
    path: String,
    client: Client,
}

impl PrometheusReceiver {
    /// Nothing when the URL is none.
    pub(super) fn new(settings: &RemoteWrite) -> Option<Self> {
        let access = access(settings)?;
        let path = access.target.path.clone();
        let headers = [
            (CONTENT_TYPE, "application/x-protobuf"),
            (CONTENT_ENCODING, "snappy"),
            (HeaderName::from_static("x-prometheus-remote-write-version"), "0.1.0"),
        ];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let client = Client::new(access, HeaderMap::from_iter(headers), is_busy);
        Some(Self { url: settings.url.clone(), path, client })
    }
}

/// How the receiver is reached; nothing when the URL is none.
pub(super) fn access(settings: &RemoteWrite) -> Option<Access> {
    let token = settings.bearer_token_file.clone().map(Credentials::Bearer);
    let password = settings.password_file.clone();
    let user = password.map(|file| Credentials::Basic(settings.username.clone(), file));
    Some(Access {
        target: Target::of(&settings.url)?,
        timeout: settings.timeout,
        files: ClientFiles {
            ca: settings.ca_file.clone(),
            pair: settings.cert_file.clone().zip(settings.key_file.clone()),
        },
        credentials: token.or(user).unwrap_or(Credentials::None),
    })
}

/// What the protocol wants a request sent again after.
fn is_busy(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

impl Receiver for PrometheusReceiver {
    fn place(&self) -> &str {
        &self.url
    }

    fn way_out(&self, failure: &Failure) -> &'static str {
        let Some(code) = failure.code() else {
            return "check that the receiver runs, url, and the files of [export.remote_write]; \
                    batches wait and are sent again";
        };
        match code.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0) {
            429 | 500.. => "look into the receiver's log; batches wait and are sent again",
            300..=399 => {
                "write the address that it points to into url of [export.remote_write]; the rows are lost"
            }
            401 | 403 => "check the user, token or certificate of [export.remote_write]; the rows are lost",
            404 | 405 => {
                "check the path of url of [export.remote_write] (Prometheus takes /api/v1/write when it is started \
                 with --web.enable-remote-write-receiver); the rows are lost"
            }
            _ => {
                "look into the receiver's log; time stamps are refused when the clock was set back or another agent \
                 has the same labels; the rows are lost"
            }
        }
    }

    async fn send(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.client.post(&self.path, &batch.body).await.map(|_| ())
    }
}
