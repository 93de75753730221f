//! Which text a client gets: the exposition is configured, the format and its compression are negotiated.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING};

/// What the samples look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposition {
    /// HELP and TYPE, `_total`, sums, real histograms.
    #[default]
    Modern,
    /// As the original agent: no types, per-period values, time stamps.
    Upstream,
}

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format that an Accept header asks for: OpenMetrics when it is preferred to plain text.
    pub(super) fn negotiate(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
        let quality = |wanted: &str| {
            accept.split(',').filter_map(|range| quality_of(range, wanted)).fold(0.0, f32::max)
        };
        let open = quality("application/openmetrics-text");
        if open > 0.0 && open >= quality("text/plain") { Self::OpenMetrics } else { Self::Text }
    }

    pub(super) fn content_type(self, exposition: Exposition) -> &'static str {
        match (exposition, self) {
            (Exposition::Upstream, _) => "text/plain",
            (_, Self::Text) => "text/plain; version=0.0.4; charset=utf-8",
            (_, Self::OpenMetrics) => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The quality that one media range gives to a type, when it names it.
fn quality_of(range: &str, wanted: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    Some(quality.map_or(1.0, |text| text.parse().unwrap_or(0.0)))
}

/// True when the client takes gzip.
pub(super) fn wants_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    accepted.split(',').any(|coding| quality_of(coding, "gzip").is_some_and(|quality| quality > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: hyper::header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn openmetrics_is_given_to_who_prefers_it() {
        // The header of Prometheus 2.42.
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::negotiate(&headers(ACCEPT, prometheus)), Format::OpenMetrics);
        assert_eq!(Format::negotiate(&headers(ACCEPT, "text/plain")), Format::Text);
        assert_eq!(Format::negotiate(&headers(ACCEPT, "*/*")), Format::Text);
        let reluctant = "application/openmetrics-text;q=0.1,text/plain";
        assert_eq!(Format::negotiate(&headers(ACCEPT, reluctant)), Format::Text);
        assert_eq!(Format::negotiate(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn gzip_is_given_to_who_takes_it() {
        assert!(wants_gzip(&headers(ACCEPT_ENCODING, "deflate, gzip;q=0.5")));
        assert!(!wants_gzip(&headers(ACCEPT_ENCODING, "gzip;q=0")));
        assert!(!wants_gzip(&headers(ACCEPT_ENCODING, "br")));
    }
}
