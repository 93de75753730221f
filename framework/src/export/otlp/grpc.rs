//! One gRPC call per batch. The library's own TLS would keep its certificates for good, so that it speaks over our
//! connections; and batches wait as bytes, so that its codec passes them on as they are.

use std::error::Error as _;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::{BufMut as _, Bytes};
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper_util::rt::TokioIo;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::{ProstCodec, ProstDecoder};

use super::receiver::judge;
use crate::export::delivery::client::{Credentials, USER_AGENT, causes, first_line};
use crate::export::delivery::connect::{Access, connect};
use crate::export::delivery::{Batch, Failure};

/// Bytes of an answer.
const ANSWER: usize = 64 << 10;

/// How often a silent connection is asked for a sign of life, and how long that may take.
const ALIVE: Duration = Duration::from_secs(10);

/// Calls one server.
pub(super) struct Caller {
    client: Grpc<Channel>,
    method: PathAndQuery,
    timeout: Duration,
    headers: HeaderMap,
    credentials: Credentials,
}

impl Caller {
    /// Connects when there is something to send, and anew when a connection was lost. The error says what is wrong
    /// with the address.
    pub(super) fn new(
        access: Access,
        method: &'static str,
        headers: HeaderMap,
        gzip: bool,
    ) -> Result<Self, String> {
        let Access { target, timeout, credentials, .. } = access.clone();
        let scheme = if target.tls { "https" } else { "http" };
        let no_address = |_| format!("{} is no address", target.authority);
        let origin: Uri = format!("{scheme}://{}", target.authority).parse().map_err(no_address)?;
        // The library shall not do TLS itself: it reads no file again.
        let endpoint = Endpoint::from_shared(format!("http://{}", target.authority));
        let endpoint =
            endpoint.map_err(|error| error.to_string())?.origin(origin).http2_keep_alive_interval(ALIVE);
        let endpoint = endpoint.keep_alive_timeout(ALIVE).connect_timeout(timeout);
        let endpoint = endpoint.user_agent(USER_AGENT).map_err(|error| error.to_string())?;
        let channel = endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
            let access = access.clone();
            async move { connect(&access, b"h2").await.map(TokioIo::new) }
        }));
        let mut client = Grpc::new(channel).max_decoding_message_size(ANSWER);
        if gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
            // Servers answer in kind, asked or not.
            client = client.accept_compressed(CompressionEncoding::Gzip);
        }
        let method = PathAndQuery::from_static(method);
        Ok(Self { client, method, timeout, headers, credentials })
    }

    /// Sends one batch.
    pub(super) async fn call(&mut self, batch: &Batch) -> Result<(), Failure> {
        let timeout = self.timeout;
        let called = tokio::time::timeout(timeout, self.exchange(batch)).await;
        called.unwrap_or_else(|_| Err(Failure::Unreachable(format!("no answer within {timeout:?}"))))
    }

    async fn exchange(&mut self, batch: &Batch) -> Result<(), Failure> {
        let mut headers = self.headers.clone();
        if let Some(value) = self.credentials.header().await? {
            headers.insert(AUTHORIZATION, value);
        }
        let mut request = Request::new(batch.body.clone());
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        request.set_timeout(self.timeout);
        self.client.ready().await.map_err(|error| Failure::Unreachable(causes(&error)))?;
        let response = self.client.unary(request, self.method.clone(), Passing(PhantomData)).await;
        judge(response.map_err(|status| failure(&status))?.into_inner())
    }
}

/// What a call that failed means.
fn failure(status: &Status) -> Failure {
    // With a source it comes from our own end: there was no answer.
    if let Some(source) = status.source() {
        return Failure::Unreachable(causes(source));
    }
    let (code, text) = (format!("{:?}", status.code()), first_line(status.message()));
    let wait = retry_delay(status.details());
    let is_busy = match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => wait.is_some(),
        _ => false,
    };
    if is_busy { Failure::Busy { code, text, wait } } else { Failure::Refused { code, text } }
}

/// `google.rpc.Status`, of which the details are read.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// How long the server asks to be left alone.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let details = Details::decode(details).ok()?.details;
    let info = details.into_iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.delay.unwrap_or_default();
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
}

/// Sends bytes as they are and reads messages.
struct Passing<R>(PhantomData<R>);

impl<R: Message + Default + 'static> Codec for Passing<R> {
    type Encode = Bytes;
    type Decode = R;
    type Encoder = AsTheyAre;
    type Decoder = ProstDecoder<R>;

    fn encoder(&mut self) -> AsTheyAre {
        AsTheyAre
    }

    fn decoder(&mut self) -> ProstDecoder<R> {
        ProstCodec::<R, R>::default().decoder()
    }
}

struct AsTheyAre;

impl Encoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, body: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(seconds: i64) -> Bytes {
        let info = RetryInfo { delay: Some(Delay { seconds, nanos: 0 }) };
        let any =
            Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: info.encode_to_vec() };
        Details { details: vec![any] }.encode_to_vec().into()
    }

    #[test]
    fn an_exhausted_server_is_tried_again_only_when_it_says_when() {
        let (code, text) = ("ResourceExhausted".to_owned(), "full".to_owned());
        let full = Status::new(Code::ResourceExhausted, "full\nmore");
        assert_eq!(failure(&full), Failure::Refused { code: code.clone(), text: text.clone() });
        let later = Status::with_details(Code::ResourceExhausted, "full", details(3));
        let wait = Some(Duration::from_secs(3));
        assert_eq!(failure(&later), Failure::Busy { code, text, wait });
    }

    #[test]
    fn a_bad_request_is_refused_and_an_unavailable_server_tried_again() {
        for (code, is_busy) in
            [(Code::InvalidArgument, false), (Code::Unauthenticated, false), (Code::Unavailable, true)]
        {
            let failure = failure(&Status::new(code, ""));
            assert_eq!(matches!(failure, Failure::Busy { .. }), is_busy, "{failure:?}");
        }
    }
}
