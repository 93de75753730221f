//! `GET /events`: the latest events and those to come, a JSON object on each line.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use serde_json::json;

use super::reply::Failure;
use super::view::Api;
use crate::config::json::Issue;
use crate::store::{Body as Content, Record, Subscription, Wanted};

/// Most requests that follow at the same time, so that they leave connections to others.
pub const FOLLOWERS: usize = 8;
/// Events that wait for a reader before some are lost to it.
const WAITING: usize = 8192;
/// Lines that wait to be sent.
const LINES: usize = 64;
/// An empty line comes when nothing else has, so that both ends see whether the other is there.
const ALIVE: Duration = Duration::from_secs(15);

/// Whether the answer goes on with the events to come.
fn follows(query: Option<&str>) -> Result<bool, Failure> {
    match query.unwrap_or_default() {
        "" | "follow=false" => Ok(false),
        "follow=true" => Ok(true),
        other => Err(vec![Issue::new("?", &other.into(), "follow=true or follow=false")].into()),
    }
}

pub(super) async fn events(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let body = if follows(query.as_deref())? {
        let permit = api.followers.clone().try_acquire_owned().map_err(|_| {
            let message = format!("{FOLLOWERS} requests follow events already; end one of them");
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, message)
        })?;
        let (sender, body) = Channel::new(LINES);
        let coming = api.store.records().subscribe(Wanted::Events, WAITING);
        tokio::spawn(follow(api.store.latest_events(), coming, sender));
        // The place is free again as soon as the client has gone, and the body with it.
        Body::new(body.map_frame(move |frame| {
            let _held = &permit;
            frame
        }))
    } else {
        Body::from(api.store.latest_events().iter().filter_map(|record| written(record)).collect::<String>())
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// Sends the latest events, then those that come, until the client or the store has gone.
async fn follow(latest: Vec<Arc<Record>>, mut coming: Subscription, mut sender: Sender<Bytes>) {
    // The head of the answer goes out with the first bytes.
    let mut line = Some("\n".to_owned());
    let mut lost = 0;
    for record in &latest {
        if sender.send_data(Bytes::from(written(record).unwrap_or_default())).await.is_err() {
            return;
        }
    }
    loop {
        if let Some(line) = line.take()
            && sender.send_data(Bytes::from(line)).await.is_err()
        {
            return;
        }
        line = match tokio::time::timeout(ALIVE, coming.next()).await {
            Err(_) => Some("\n".to_owned()),
            Ok(None) => return,
            Ok(Some(record)) if latest.iter().any(|sent| Arc::ptr_eq(sent, &record)) => None,
            Ok(Some(record)) => written(&record),
        };
        let dropped = coming.dropped();
        if dropped > lost {
            let more = json!({ "dropped": dropped - lost });
            line.get_or_insert_default().insert_str(0, &format!("{more}\n"));
            lost = dropped;
        }
    }
}

/// An event as a line; none for other records.
fn written(record: &Record) -> Option<String> {
    let Content::Event(event) = &record.body else { return None };
    let [entity, entity_id, metric, pid, comm, ip, container_id, pod_id, device] = &event.about;
    let line = json!({
        "time": record.time, "folder": event.folder, "severity": event.severity_text,
        "severity_number": event.severity_number, "entity": entity, "entity_id": entity_id, "metric": metric,
        "pid": pid, "comm": comm, "ip": ip, "container_id": container_id, "pod_id": pod_id, "device": device,
        "body": event.body,
    });
    Some(format!("{line}\n"))
}
