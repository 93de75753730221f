//! A client of the container runtime interface, as a kubelet is one: the messages that pods need (runtime.v1 of
//! k8s.io/cri-api), with the fields that are set or read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// `NODE` of `NamespaceMode`: the host's.
pub(crate) const NODE: i32 = 2;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PodConfig {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<PodMetadata>,
    #[prost(string, tag = "3")]
    pub(crate) log_directory: String,
    #[prost(map = "string, string", tag = "6")]
    pub(crate) labels: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    pub(crate) linux: Option<LinuxPod>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PodMetadata {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) uid: String,
    #[prost(string, tag = "3")]
    pub(crate) namespace: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LinuxPod {
    #[prost(string, tag = "1")]
    pub(crate) cgroup_parent: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) security: Option<Security>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Security {
    #[prost(message, optional, tag = "1")]
    pub(crate) namespaces: Option<Namespaces>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Namespaces {
    #[prost(int32, tag = "1")]
    pub(crate) network: i32,
}

#[derive(Clone, PartialEq, Message)]
struct RunPod {
    #[prost(message, optional, tag = "1")]
    config: Option<PodConfig>,
}

/// A message with one id: answers to run and create, requests to start, stop and remove.
#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct CreateContainer {
    #[prost(string, tag = "1")]
    pod: String,
    #[prost(message, optional, tag = "2")]
    config: Option<ContainerConfig>,
    #[prost(message, optional, tag = "3")]
    pod_config: Option<PodConfig>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "2")]
    image: Option<Image>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerMetadata {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(string, tag = "1")]
    image: String,
}

#[derive(Clone, PartialEq, Message)]
struct Pods {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Id>,
}

/// A connection to a runtime.
pub(crate) struct Client {
    runtime: tokio::runtime::Runtime,
    channel: Channel,
}

impl Client {
    pub(crate) fn connect(socket: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket: PathBuf = socket.to_owned();
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let entered = runtime.enter();
        let channel = Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector);
        drop(entered);
        Self { runtime, channel }
    }

    fn call<Q, A>(&self, method: &str, request: Q) -> Result<A, tonic::Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(format!("/runtime.v1.RuntimeService/{method}")).unwrap();
        self.runtime.block_on(async {
            let mut client = tonic::client::Grpc::new(self.channel.clone());
            client.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
            let answer = client.unary(tonic::Request::new(request), path, ProstCodec::<Q, A>::default());
            answer.await.map(tonic::Response::into_inner)
        })
    }

    /// Whether the runtime serves pods by now.
    pub(crate) fn answers(&self) -> bool {
        self.call::<Empty, Pods>("ListPodSandbox", Empty {}).is_ok()
    }

    /// Starts a pod; its id.
    pub(crate) fn run_pod(&self, config: &PodConfig) -> String {
        let request = RunPod { config: Some(config.clone()) };
        self.call::<_, Id>("RunPodSandbox", request).unwrap().id
    }

    /// Starts a container in a pod; its id.
    pub(crate) fn start(&self, pod: &str, pod_config: &PodConfig, name: &str, image: &str) -> String {
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.into() }),
            image: Some(Image { image: image.into() }),
        };
        let request =
            CreateContainer { pod: pod.into(), config: Some(config), pod_config: Some(pod_config.clone()) };
        let created: Id = self.call("CreateContainer", request).unwrap();
        self.call::<_, Empty>("StartContainer", created.clone()).unwrap();
        created.id
    }

    /// Ends and removes a pod with its containers.
    pub(crate) fn remove_pod(&self, id: &str) {
        let request = Id { id: id.into() };
        self.call::<_, Empty>("StopPodSandbox", request.clone()).unwrap();
        self.call::<_, Empty>("RemovePodSandbox", request).unwrap();
    }

    /// Ends and removes all pods.
    pub(crate) fn remove_pods(&self) {
        let pods = self.call::<_, Pods>("ListPodSandbox", Empty {}).map(|pods| pods.items);
        pods.unwrap_or_default().iter().for_each(|pod| self.remove_pod(&pod.id));
    }
}
