//! What the agent pushes to the collector is what it shows.

use std::collections::BTreeMap;

use gopher_tests::agent::{Agent, until};
use serde_json::Value;

use super::collector::{Certificates, Collector, Point, Way};
use super::series::{Series, counts, filled, home};

/// The last value of each series as the page would show it.
fn series(points: &[Point]) -> BTreeMap<Series, f64> {
    let mut shown = BTreeMap::new();
    for point in points {
        let mut labels = point.attributes.clone();
        labels.insert("machine_id".into(), point.resource["host.id"].clone());
        labels.insert("hostname".into(), point.resource["host.name"].clone());
        if point.kind == "histogram" {
            buckets(point, &labels, &mut shown);
        } else {
            let value = [&point.point["asInt"], &point.point["asDouble"]].into_iter().find_map(number);
            shown.insert((point.metric.clone(), labels), value.unwrap());
        }
    }
    shown
}

/// Whole numbers are texts in the protocol's JSON.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn buckets(point: &Point, labels: &BTreeMap<String, String>, shown: &mut BTreeMap<Series, f64>) {
    let mut put = |part: &str, le: Option<String>, value: f64| {
        let mut labels = labels.clone();
        labels.extend(le.map(|le| ("le".to_owned(), le)));
        shown.insert((format!("{}_{part}", point.metric), labels), value);
    };
    let numbers = |key: &str| point.point[key].as_array().unwrap().iter().map(|n| number(n).unwrap());
    let bounds = numbers("explicitBounds").map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
    let mut below = 0.0;
    for (bound, count) in bounds.zip(numbers("bucketCounts")) {
        below += count;
        put("bucket", Some(bound), below);
    }
    put("sum", None, number(&point.point["sum"]).unwrap());
    put("count", None, number(&point.point["count"]).unwrap());
}

fn values_agree(way: Way, tls: Option<&Certificates>, lines: &str) {
    let collector = Collector::up(tls);
    let keys = tls.map_or(String::new(), Certificates::keys);
    let home = home();
    home.configure(&collector.configuration(way, &format!("{lines}\n{keys}")));
    let agent = Agent::start(home);
    let page = filled(&agent);
    let found = until("all series at the collector", || {
        Some(series(&collector.points())).filter(|found| found.len() >= page.len())
    });
    assert_eq!(found, page);
    let [sent, failed, dropped, _] = counts(&agent);
    assert!(sent > 0 && failed + dropped == 0, "{sent} {failed} {dropped}");
}

#[test]
fn values_are_those_of_the_page_over_grpc() {
    values_agree(Way::Grpc, None, "");
}

#[test]
fn values_are_those_of_the_page_over_http() {
    values_agree(Way::Http, None, "");
}

#[test]
fn values_are_those_of_the_page_without_compression() {
    values_agree(Way::Grpc, None, "compression = \"none\"");
    values_agree(Way::Http, None, "compression = \"none\"");
}

#[test]
fn values_are_those_of_the_page_over_grpc_and_tls() {
    values_agree(Way::Grpc, Some(&Certificates::new()), "");
}

#[test]
fn values_are_those_of_the_page_over_http_and_tls() {
    values_agree(Way::Http, Some(&Certificates::new()), "");
}

#[test]
fn points_say_what_they_are_and_whom_they_are_from() {
    let collector = Collector::up(None);
    let home = home();
    home.configure(&collector.configuration(Way::Grpc, ""));
    let agent = Agent::start(home);
    filled(&agent);
    let seen = until("two points of a sum", || {
        let mut points = collector.points();
        points.retain(|point| point.metric == "gala_gopher_kinds_seen_total");
        (points.len() >= 2).then_some(points)
    });
    let time = |point: &Point, key: &str| point.point[key].as_str().unwrap().parse::<u64>().unwrap();
    let (first, last) = (&seen[0], &seen[1]);
    assert_eq!(first.kind, "sum");
    assert_eq!(time(first, "startTimeUnixNano"), time(last, "startTimeUnixNano"));
    assert!(time(first, "timeUnixNano") < time(last, "timeUnixNano"));
    let resource = &last.resource;
    assert_eq!(resource["service.name"], "gala-gopher");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["service.instance.id"], resource["host.id"]);
}
