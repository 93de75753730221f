//! The other side: a receiver over gRPC or HTTP, and what its answers mean.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;

use super::grpc::Caller;
use crate::config::{Compression, Otlp, Protocol};
use crate::export::delivery::client::{Client, Credentials};
use crate::export::delivery::connect::{Access, Target};
use crate::export::delivery::{Batch, Failure, Receiver};
use crate::tls::client::ClientFiles;

/// One of a receiver's services.
pub(super) struct Service {
    /// What it takes, in the log's words.
    pub(super) what: &'static str,
    /// Its method, as gRPC names it.
    pub(super) grpc: &'static str,
    /// Its path, added to that of the endpoint.
    pub(super) http: &'static str,
}

/// A receiver.
pub(super) struct OtlpReceiver {
    endpoint: String,
    way: Way,
}

/// How it is spoken to.
enum Way {
    Grpc(Box<Caller>),
    Http { path: String, client: Box<Client>, gzip: bool },
}

impl OtlpReceiver {
    /// The error says what is wrong with the settings.
    pub(super) fn new(settings: &Otlp, service: &Service) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let name: HeaderName = name.parse().map_err(|_| format!("{name} is no header"))?;
            let value = HeaderValue::from_str(value).map_err(|_| format!("{name} has no good value"))?;
            headers.insert(name, value);
        }
        let endpoint = settings.endpoint.clone();
        let access = access(settings).ok_or_else(|| format!("{endpoint} is no URL"))?;
        let gzip = settings.compression == Compression::Gzip;
        let way = match settings.protocol {
            Protocol::Grpc => Way::Grpc(Box::new(Caller::new(access, service.grpc, headers, gzip)?)),
            Protocol::Http => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                if gzip {
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
                let path = path(&access.target.path, service);
                Way::Http { path, client: Box::new(Client::new(access, headers, is_busy)), gzip }
            }
        };
        Ok(Self { endpoint, way })
    }
}

pub(super) fn access(settings: &Otlp) -> Option<Access> {
    let files = ClientFiles {
        ca: settings.ca_file.clone(),
        pair: settings.cert_file.clone().zip(settings.key_file.clone()),
    };
    let credentials = settings.bearer_token_file.clone().map_or(Credentials::None, Credentials::Bearer);
    Some(Access { target: Target::of(&settings.endpoint)?, timeout: settings.timeout, files, credentials })
}

/// The path of a service below that of the endpoint, with the query of that.
fn path(endpoint: &str, service: &Service) -> String {
    let (path, query) = endpoint.split_at(endpoint.find('?').unwrap_or(endpoint.len()));
    format!("{}{}{query}", path.trim_end_matches('/'), service.http)
}

/// What the protocol wants a request sent again after.
fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

impl Receiver for OtlpReceiver {
    fn place(&self) -> &str {
        &self.endpoint
    }

    fn way_out(&self, failure: &Failure) -> &'static str {
        match failure {
            Failure::Unreachable(_) => {
                "check that the receiver runs, endpoint, protocol, and the files of [export.otlp]; \
                 batches wait and are sent again"
            }
            Failure::Busy { .. } => "look into the receiver's log; batches wait and are sent again",
            Failure::Refused { .. } => {
                "check endpoint, protocol, token, headers and certificate of [export.otlp], and the receiver's log; \
                 where it takes only metrics or only events, switch the others off with events = false or \
                 metrics = false; what was refused is lost"
            }
            Failure::Partly { .. } => "look into the receiver's log; what was refused is lost",
        }
    }

    async fn send(&mut self, batch: &Batch) -> Result<(), Failure> {
        match &mut self.way {
            Way::Grpc(caller) => caller.call(batch).await,
            Way::Http { path, client, gzip } => {
                let body = if *gzip { packed(batch.body.clone()).await? } else { batch.body.clone() };
                let answer = client.post(path, &body).await?;
                // Some receivers answer with a text or nothing; the status has said that all is well.
                ExportMetricsServiceResponse::decode(answer).map_or(Ok(()), judge)
            }
        }
    }
}

/// The body, compressed on a thread that may work for milliseconds.
async fn packed(body: Bytes) -> Result<Bytes, Failure> {
    let pack = move || {
        let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
        encoder.write_all(&body)?;
        encoder.finish()
    };
    let packed = tokio::task::spawn_blocking(pack).await.map_err(std::io::Error::other).flatten();
    packed.map(Bytes::from).map_err(|error| Failure::Unreachable(format!("compressing a request: {error}")))
}

/// What a success has left out. The answers of all services are the same on the wire.
pub(super) fn judge(response: ExportMetricsServiceResponse) -> Result<(), Failure> {
    match response.partial_success {
        Some(partial) if partial.rejected_data_points > 0 => {
            let rows = u64::try_from(partial.rejected_data_points).unwrap_or(0);
            Err(Failure::Partly { rows, text: partial.error_message })
        }
        _ => Ok(()),
    }
}
