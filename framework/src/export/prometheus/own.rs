//! The agent's own metrics as text, made anew at every scrape.

use prometheus::proto::{MetricFamily, MetricType};

use super::text::push_label;

/// Renders the families of the agent's registry, which holds counters and gauges only.
pub(super) fn render(families: &[MetricFamily], open_metrics: bool) -> Vec<u8> {
    let mut out = String::with_capacity(8 * 1024);
    for family in families {
        let counter = family.get_field_type() == MetricType::COUNTER;
        let full = family.name();
        let name = if counter && open_metrics { full.strip_suffix("_total").unwrap_or(full) } else { full };
        let kind = if counter { "counter" } else { "gauge" };
        out.push_str(&format!("# HELP {name} {}\n# TYPE {name} {kind}\n", family.help()));
        for metric in family.get_metric() {
            out.push_str(full);
            if !metric.get_label().is_empty() {
                let mut labels = String::from("{");
                for pair in metric.get_label().iter().filter(|pair| !pair.value().is_empty()) {
                    push_label(&mut labels, pair.name(), pair.value());
                }
                out.push_str(&labels);
                out.push('}');
            }
            let value =
                if counter { metric.get_counter().get_value() } else { metric.get_gauge().get_value() };
            out.push_str(&format!(" {value}\n"));
        }
    }
    out.into_bytes()
}
