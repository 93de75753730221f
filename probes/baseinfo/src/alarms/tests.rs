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

/// All alarms; one that is new does not compile before it stands here too.
fn all() -> [Alarm; 11] {
    let listed = |alarm| match alarm {
        Alarm::Cpu | Alarm::Memory | Alarm::Swap | Alarm::Disk | Alarm::Inodes | Alarm::Blocks => alarm,
        Alarm::RxDropped | Alarm::TxDropped | Alarm::RxErrors | Alarm::TxErrors | Alarm::Files => alarm,
    };
    [
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
    ]
    .map(listed)
}

/// The text that is sent for an alarm with the value 95.50.
fn text(alarm: Alarm, chinese: bool) -> String {
    let mut harness = harness(&ALL);
    let alarms = Alarms { chinese, ..Alarms::configured(&harness.ctx) };
    alarms.share(alarm, Subject::of("x"), Some(95.5), &mut harness.ctx).unwrap();
    let lines = harness.lines().unwrap();
    let [line] = lines.as_slice() else { panic!("{alarm:?}: {lines:?}") };
    line.trim_end_matches('|').rsplit('|').next().unwrap().to_owned()
}

#[test]
fn every_event_is_said_in_chinese_too_and_each_in_its_own_words() {
    let mut said = std::collections::BTreeSet::new();
    for alarm in all() {
        let (english, chinese) = (text(alarm, false), text(alarm, true));
        assert!(english.is_ascii() && english.contains("(95.50"), "{alarm:?}: {english}");
        assert!(chinese.contains("（95.50"), "{alarm:?}: {chinese}");
        let han = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
        assert!(chinese.chars().filter(|letter| han(*letter)).count() >= 4, "{alarm:?}: {chinese}");
        assert!(said.insert(english) && said.insert(chinese), "{alarm:?} says what another says");
    }
}

#[test]
fn every_alarm_names_a_field_of_a_table() {
    let manifest = probe_sdk::protocol::manifest::Manifest::parse(crate::MANIFEST).unwrap();
    for alarm in all() {
        let words = WORDINGS.iter().find(|wording| wording.alarm == alarm).unwrap();
        let in_a_table = manifest.tables.iter().any(|table| {
            table.entity == words.entity && table.fields.iter().any(|field| field.name == words.metric)
        });
        assert!(in_a_table, "{alarm:?}: no field {} of {}", words.metric, words.entity);
    }
}
