//! Thresholds and values in, event lines out.

use probe_sdk::protocol::control::{ConfigMessage, ProbeConfig};
use probe_sdk::testing::Harness;

use super::*;

/// A probe with these parameters.
fn harness(params: &[(&str, u64)]) -> Harness {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let probe = ProbeConfig { params, ..ProbeConfig::default() };
    let probes = [("baseinfo".to_owned(), probe)].into();
    Harness::new(crate::MANIFEST, ConfigMessage { version: 1, generation: 1, probes }).unwrap()
}

const ALL: [(&str, u64); 3] = [("report_event", 1), ("res_upper_thr", 80), ("drops_thr", 10)];

/// The lines after a use of 80 % and of 95.5 %, a growth of 10 and of 11.
fn raised(params: &[(&str, u64)], chinese: bool) -> Vec<String> {
    let mut harness = harness(params);
    let alarms = Alarms { chinese, ..Alarms::configured(&harness.ctx) };
    for percent in [None, Some(80.0), Some(95.5)] {
        alarms.share(Alarm::Cpu, Subject::of("cpu"), percent, &mut harness.ctx).unwrap();
    }
    for increase in [None, Some(10), Some(11)] {
        alarms.count(Alarm::RxDropped, Subject::device("eth0"), increase, &mut harness.ctx).unwrap();
    }
    harness.lines().unwrap()
}

#[test]
fn only_what_is_above_its_threshold_is_said() {
    assert_eq!(
        raised(&ALL, false),
        [
            "|event|cpu|cpu|total_used_per|||||||WARN|13|Too high cpu utilization(95.50%).|",
            "|event|nic|eth0|rx_dropped||||||eth0|WARN|13|Net device rx queue drops(11).|",
        ]
    );
}

#[test]
fn the_text_is_in_the_language_that_was_asked_for() {
    let lines = raised(&ALL, true);
    assert!(lines[0].ends_with("|CPU 使用率过高（95.50%）。|"), "{lines:?}");
}

#[test]
fn without_consent_or_threshold_nothing_is_said() {
    assert_eq!(raised(&[("report_event", 0), ("res_upper_thr", 80), ("drops_thr", 10)], false), [""; 0]);
    assert_eq!(raised(&[("report_event", 1)], false), [""; 0]);
}

#[test]
fn every_alarm_has_its_words_in_both_languages_and_its_table() {
    let alarms = [
        Alarm::Cpu,
        Alarm::Memory,
        Alarm::Swap,
        Alarm::Disk,
        Alarm::Inodes,
        Alarm::Blocks,
        Alarm::RxDropped,
        Alarm::TxDropped,
        Alarm::RxErrors,
        Alarm::TxErrors,
        Alarm::Files,
    ];
    let manifest = probe_sdk::protocol::manifest::Manifest::parse(crate::MANIFEST).unwrap();
    for alarm in alarms {
        let words = WORDINGS.iter().find(|wording| wording.alarm == alarm).unwrap();
        assert!(
            [words.english, words.chinese].iter().all(|text| text.matches("{}").count() == 1),
            "{alarm:?}"
        );
        let in_a_table = manifest.tables.iter().any(|table| {
            table.entity == words.entity && table.fields.iter().any(|field| field.name == words.metric)
        });
        assert!(in_a_table, "{alarm:?}: no field {} of {}", words.metric, words.entity);
    }
}
