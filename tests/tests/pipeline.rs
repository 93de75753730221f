//! The built agent with real probes, from the file of its configuration to what a scraper sees.

#[cfg(test)]
#[path = "pipeline/configuration.rs"]
mod configuration;
#[cfg(test)]
#[path = "pipeline/folders.rs"]
mod folders;
#[cfg(test)]
#[path = "pipeline/http.rs"]
mod http;
#[cfg(test)]
#[path = "pipeline/prometheus.rs"]
mod prometheus;
#[cfg(test)]
#[path = "pipeline/reload.rs"]
mod reload;
#[cfg(test)]
#[path = "pipeline/rows.rs"]
mod rows;
#[cfg(test)]
#[path = "pipeline/server.rs"]
mod server;
#[cfg(test)]
#[path = "pipeline/tls.rs"]
mod tls;
