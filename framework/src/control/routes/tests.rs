//! The document against the routes.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_document_has_each_route_and_no_other() {
    let document: Json = serde_json::from_str(OPENAPI).unwrap();
    let documented: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let served: BTreeSet<_> = routes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(documented, served);
}
