//! `topology`: who talks to whom, as the agent writes it.

use std::fs;

use clap::ValueEnum;

use super::cli::{Form, Topology};
use super::failure::Failure;
use super::out::Out;
use crate::control::client::Client;

/// Shows the graph, or writes it to a file.
pub(super) fn run(client: &Client, wanted: &Topology, out: &Out) -> Result<(), Failure> {
    let format = if out.json { Form::Json } else { wanted.format };
    let mut path = format!("/topology?format={}&by={}", name(format), name(wanted.by));
    if let Some(limit) = wanted.limit {
        path += &format!("&limit={limit}");
    }
    let text = client.text(&path)?;
    let Some(file) = &wanted.output else { return out.print(&text) };
    let failed = |error| Failure::Failed(format!("writing {}: {error}", file.display()));
    fs::write(file, text).map_err(failed)
}

/// The name of a value, as the command line and the request have it.
fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
