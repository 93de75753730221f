//! Requests as users of the original send them, against probes of the original's names.

use std::collections::{BTreeMap, BTreeSet};

use gopher_tests::agent::{Agent, Home};
use serde_json::{Value, json};

const REQUESTS: &str = include_str!("original.txt");

fn requests() -> impl Iterator<Item = (&'static str, &'static str)> {
    REQUESTS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap())
}

/// The items that the requests name, by probe.
fn items() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut items: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (probe, body) in requests() {
        let document: Value = serde_json::from_str(body.trim_start_matches("json=")).unwrap();
        let named = document["cmd"]["probe"].as_array().cloned().unwrap_or_default();
        items.entry(probe).or_default().extend(named.iter().map(|item| item.as_str().unwrap().to_owned()));
    }
    items
}

/// An agent with a fake probe for each name.
fn agent() -> Agent {
    let home = Home::new();
    for (probe, items) in items() {
        let items: String = items
            .iter()
            .map(|item| format!("[[probe.item]]\nname = \"{item}\"\nsummary = \"s\"\n"))
            .collect();
        let table = format!("[[table]]\nname = \"demo\"\nentity = \"{probe}\"\n");
        home.extend(probe, &format!(
            "protocol = 1\nname = \"{probe}\"\nexec = [\"fake_probe\", \"--rows\", \"1\"]\n[[probe]]\nname = \"{probe}\"\nsummary = \"s\"\n\
             scope = [\"process\", \"container\", \"pod\"]\n{items}[probe.params.report_period]\ndefault = 60\nrange = [5, 600]\n{table}\
             fields = [{{ name = \"id\", type = \"key\", help = \"N.\" }}, {{ name = \"v\", type = \"gauge\", help = \"V.\" }}]\n"
        ));
    }
    Agent::start(home)
}

#[test]
fn each_request_of_the_original_is_accepted_and_shown_again() {
    let agent = agent();
    for (probe, body) in requests() {
        let path = format!("/{probe}");
        let (code, reply) = agent.control("PUT", &path, body);
        assert_eq!((code, &reply["result"]), (200, &json!("success")), "{probe} {body}: {reply}");
        assert_eq!(reply["message"], "New config takes effect");
        let (_, document) = agent.control("GET", &path, "");
        let (code, again) = agent.control("PUT", &path, &format!("json={document}"));
        assert_eq!((code, again.get("warnings")), (200, None), "{probe} {document}: {again}");
        assert_eq!(agent.control("GET", &path, "").1, document, "{body}");
    }
}

#[test]
fn the_probes_that_are_here_take_their_requests_of_the_original() {
    let home = Home::new().with_built_in("baseinfo").with_built_in("net");
    home.configure("");
    let agent = Agent::start(home);
    let mine = requests().filter(|(probe, _)| ["baseinfo", "tcp", "socket"].contains(probe));
    for (probe, body) in mine {
        let (code, reply) = agent.control("PUT", &format!("/{probe}"), body);
        assert_eq!((code, &reply["result"]), (200, &json!("success")), "{probe} {body}: {reply}");
        let lacking = probe == "baseinfo" && body.contains("\"con\"");
        let warned = reply["warnings"].to_string().contains("has no such item");
        assert_eq!(warned, lacking, "{probe} {body}: {reply}");
        let (_, document) = agent.control("GET", &format!("/{probe}"), "");
        let (code, again) = agent.control("PUT", &format!("/{probe}"), &format!("json={document}"));
        assert_eq!((code, again.get("warnings")), (200, None), "{probe} {document}: {again}");
    }
}

#[test]
fn encoded_as_curl_encodes_it_the_request_is_the_same() {
    let agent = agent();
    let (code, reply) =
        agent.control("PUT", "/tcp", "json=%7B%22params%22%3A%7B%22report_period%22%3A+31%7D%7D");
    assert_eq!(code, 200, "{reply}");
    assert_eq!(agent.control("GET", "/TCP", "").1["params"]["report_period"], 31);
}
