//! How long the counters of a folder are shown.

use super::*;

/// All series of a folder as `name value`, sorted.
fn shown(metrics: &AgentMetrics, folder: &str) -> Vec<String> {
    let mut out = Vec::new();
    for family in metrics.gather() {
        let of_folder = family.get_metric().iter().filter(|metric| {
            metric.get_label().iter().any(|label| label.name() == "probe" && label.value() == folder)
        });
        out.extend(of_folder.map(|metric| format!("{} {}", family.name(), metric.get_counter().get_value())));
    }
    out.sort();
    out
}

const LINES: &str = "gala_gopher_agent_lines_total";

#[test]
fn counters_of_a_folder_go_ten_minutes_after_their_last_holder() {
    let metrics = AgentMetrics::new().unwrap();
    let (gone, stays) = (metrics.folder("gone"), metrics.folder("stays"));
    let second = gone.clone();
    gone.lines.inc();
    drop(gone);
    metrics.sweep(1);
    metrics.sweep(1 + GONE_SHOWN);
    assert!(shown(&metrics, "gone").contains(&format!("{LINES} 1")), "the second holder can still count");
    drop(second);
    metrics.sweep(2 + GONE_SHOWN);
    metrics.sweep(1 + 2 * GONE_SHOWN);
    assert!(
        shown(&metrics, "gone").contains(&format!("{LINES} 1")),
        "a scrape may not have seen the last count"
    );
    metrics.sweep(2 + 2 * GONE_SHOWN);
    assert_eq!(shown(&metrics, "gone"), Vec::<String>::new());
    assert!(shown(&metrics, "stays").contains(&format!("{LINES} 0")));
    drop(stays);
}

#[test]
fn a_folder_that_comes_back_in_time_counts_on() {
    let metrics = AgentMetrics::new().unwrap();
    metrics.folder("back").lines.inc();
    metrics.sweep(1);
    let back = metrics.folder("back");
    back.lines.inc();
    metrics.sweep(1 + GONE_SHOWN);
    drop(back);
    metrics.sweep(2 + GONE_SHOWN);
    assert!(shown(&metrics, "back").contains(&format!("{LINES} 2")));
}

#[test]
fn a_folder_that_comes_back_later_begins_anew() {
    let metrics = AgentMetrics::new().unwrap();
    metrics.folder("back").lines.inc();
    metrics.sweep(1);
    metrics.sweep(1 + GONE_SHOWN);
    metrics.folder("back").lines.inc();
    assert!(shown(&metrics, "back").contains(&format!("{LINES} 1")));
}

#[test]
fn folders_with_ever_new_names_leave_nothing() {
    let metrics = AgentMetrics::new().unwrap();
    let series = || metrics.gather().iter().map(|family| family.get_metric().len()).sum::<usize>();
    let before = series();
    for folder in 0..100 {
        drop(metrics.folder(&format!("folder{folder}")));
    }
    assert!(series() > before);
    metrics.sweep(1);
    metrics.sweep(1 + GONE_SHOWN);
    assert_eq!(series(), before);
}
