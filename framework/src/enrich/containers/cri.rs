//! Kubernetes' container runtime interface over a unix socket, as containerd and CRI-O speak it: the two calls that
//! are needed, and of their messages the fields that are read (runtime.v1 of k8s.io/cri-api).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::runtime::{Failure, pod_of};
use crate::enrich::container::{Facts, Pod, image_name};

const LIST_CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
const LIST_PODS: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
/// Bytes of an answer about one container or pod.
const ANSWER: usize = 4 << 20;

/// `ListContainersRequest`, and `ListPodSandboxRequest`, which has the same shape as far as it is used.
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, optional, tag = "1")]
    filter: Option<Filter>,
}

/// `ContainerFilter`, `PodSandboxFilter`.
#[derive(Clone, PartialEq, Message)]
struct Filter {
    #[prost(string, tag = "1")]
    id: String,
}

/// `ListContainersResponse`.
#[derive(Clone, PartialEq, Message)]
struct Containers {
    #[prost(message, repeated, tag = "1")]
    containers: Vec<Container>,
}

#[derive(Clone, PartialEq, Message)]
struct Container {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    pod_sandbox_id: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "4")]
    image: Option<ImageSpec>,
    #[prost(map = "string, string", tag = "8")]
    labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerMetadata {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct ImageSpec {
    #[prost(string, tag = "1")]
    image: String,
    #[prost(string, tag = "18")]
    user_specified_image: String,
}

/// `ListPodSandboxResponse`.
#[derive(Clone, PartialEq, Message)]
struct Pods {
    #[prost(message, repeated, tag = "1")]
    items: Vec<PodSandbox>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandbox {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "2")]
    metadata: Option<PodSandboxMetadata>,
    #[prost(map = "string, string", tag = "5")]
    labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

/// A channel to a runtime; it connects when it is first used, and anew when it was lost.
pub(super) fn channel(socket: PathBuf) -> Channel {
    // The address is not used: every connection goes to the socket.
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    }))
}

/// Asks about one container, or a pod's sandbox; `None` when it is not known there.
pub(super) async fn inspect(channel: &Channel, id: &str) -> Result<Option<Facts>, Failure> {
    let found: Containers = list(channel, LIST_CONTAINERS, id).await?;
    let Some(container) = found.containers.into_iter().find(|container| container.id.starts_with(id)) else {
        let pod = pod(channel, id).await?;
        return Ok(pod.map(|pod| Facts { pod: Some(pod), ..Facts::default() }));
    };
    let pod = match pod(channel, &container.pod_sandbox_id).await? {
        Some(pod) => Some(pod),
        None => pod_of(&container.labels.into_iter().collect(), BTreeMap::new()),
    };
    let image = container.image.unwrap_or_default();
    let image = if image.user_specified_image.is_empty() { image.image } else { image.user_specified_image };
    let name = container.metadata.unwrap_or_default().name;
    Ok(Some(Facts { name, image: image_name(&image), pod }))
}

async fn pod(channel: &Channel, id: &str) -> Result<Option<Pod>, Failure> {
    let found: Pods = list(channel, LIST_PODS, id).await?;
    let sandbox = found.items.into_iter().find(|pod| !id.is_empty() && pod.id.starts_with(id));
    Ok(sandbox.map(|sandbox| {
        let names = sandbox.metadata.unwrap_or_default();
        let own = |(key, _): &(String, String)| !key.starts_with("io.kubernetes.");
        let labels = sandbox.labels.into_iter().filter(own).collect();
        Pod::new(names.uid, names.name, names.namespace, labels)
    }))
}

async fn list<R: Message + Default + 'static>(
    channel: &Channel,
    method: &'static str,
    id: &str,
) -> Result<R, Failure> {
    let mut client = tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(ANSWER);
    client.ready().await.map_err(|error| Failure::Answer(causes(&error)))?;
    let request = List { filter: Some(Filter { id: id.to_owned() }) };
    let path = PathAndQuery::from_static(method);
    let answer = client.unary(tonic::Request::new(request), path, ProstCodec::<List, R>::default()).await;
    answer.map(tonic::Response::into_inner).map_err(|status| Failure::Answer(causes(&status)))
}

/// An error with what is behind it; the library's own words are short.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
