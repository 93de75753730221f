//! Docker's HTTP API over a unix socket, as dockerd and podman speak it.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::UnixStream;

use super::runtime::{Failure, pod_of};
use crate::enrich::container::{Facts, image_name};

/// Bytes of an answer; one with much environment and many mounts stays far below.
const ANSWER: usize = 4 << 20;

/// The part of an answer to `GET /containers/ID/json` that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    name: String,
    config: Config,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    image: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// Asks about one container; `None` when it is not known there.
pub(super) async fn inspect(socket: &Path, id: &str) -> Result<Option<Facts>, Failure> {
    let stream = TokioIo::new(UnixStream::connect(socket).await?);
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("/containers/{id}/json"))
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await;
    let answer = match response {
        Ok(response) => {
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| Failure::Answer(error.to_string()))
        }
        Err(error) => Err(error.into()),
    };
    connection.abort();
    let (status, body) = answer?;
    match status {
        StatusCode::OK => read(&body).map(Some),
        StatusCode::NOT_FOUND => Ok(None),
        other => Err(Failure::Answer(format!("status {other}"))),
    }
}

fn read(body: &[u8]) -> Result<Facts, Failure> {
    let inspected: Inspected =
        serde_json::from_slice(body).map_err(|error| Failure::Answer(error.to_string()))?;
    let labels = inspected.config.labels.unwrap_or_default();
    Ok(Facts {
        name: inspected.name.trim_start_matches('/').to_owned(),
        image: image_name(&inspected.config.image),
        // A kubelet that works through dockerd leaves the pod's names, not its labels, on each container.
        pod: pod_of(&labels, BTreeMap::new()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_slash_and_images_their_digest() {
        let facts = read(
            br#"{"Id":"x","Name":"/web","State":{"Pid":5},"Config":{"Image":"nginx@sha256:aa","Labels":null}}"#,
        );
        let facts = facts.unwrap();
        assert_eq!((facts.name.as_str(), facts.image.as_str(), facts.pod), ("web", "nginx", None));
    }

    #[test]
    fn containers_of_a_kubelet_name_their_pod() {
        let facts = read(
            br#"{"Name":"/k8s_a","Config":{"Image":"sha256:0123456789abcdef","Labels":{
                "io.kubernetes.pod.uid":"u","io.kubernetes.pod.name":"p","io.kubernetes.pod.namespace":"n"}}}"#,
        );
        let facts = facts.unwrap();
        assert_eq!(facts.image, "0123456789ab");
        assert_eq!(facts.pod.unwrap().path, "n/p");
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        assert!(read(b"[]").is_err() && read(b"{\"Name\":1}").is_err() && read(b"").is_err());
    }
}
