//! Answers as the kernel lays them out, and hostile ones.

use gopher_netlink::message::messages;
use proptest::prelude::*;

use super::*;

fn attribute(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap();
    let mut out = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 16).unwrap();
    let mut out = length.to_ne_bytes().to_vec();
    out.extend([kind.to_ne_bytes(), [0, 0]].concat());
    out.extend(numbers(&[sequence, 0]));
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn qdisc(device: u32, parent: u32, kind: &str, own: &[u32]) -> Vec<u8> {
    let mut body = numbers(&[0, device, 0x8001_0000, parent, 1]);
    body.extend(attribute(TCA_KIND, format!("{kind}\0").as_bytes()));
    let mut nested = attribute(TCA_STATS_QUEUE, &numbers(&[1, 1500, 7, 0, 9]));
    if !own.is_empty() {
        nested.extend(attribute(TCA_STATS_APP, &numbers(own)));
    }
    body.extend(attribute(TCA_STATS2 | 0x8000, &nested));
    message(RTM_NEWQDISC, 5, &body)
}

fn all(chunk: &[u8]) -> Vec<QdiscStats> {
    messages(chunk).filter_map(discipline).collect()
}

#[test]
fn a_chunk_holds_many_answers() {
    let chunk =
        [qdisc(2, TC_H_ROOT, "mq", &[]), qdisc(2, 1, "fq_codel", &[0, 1, 2, 33, 4]), message(3, 5, &[0; 4])]
            .concat();
    let found = all(&chunk);
    let expected =
        QdiscStats { device: 2, is_root: true, drops: 7, overlimits: 9, backlog: 1500, ecn_marks: None };
    assert_eq!(found[0], expected);
    assert_eq!(found[1], QdiscStats { is_root: false, ecn_marks: Some(33), ..expected });
    assert_eq!(found.len(), 2);
}

#[test]
fn marks_of_every_kind_are_found() {
    for (kind, own) in [
        ("codel", &[1, 2, 3, 4, 5, 6, 33, 0, 0][..]),
        ("pie", &[1, 2, 3, 4, 5, 6, 7, 33]),
        ("pie", &[1, 1, 2, 3, 4, 5, 6, 7, 8, 33]),
        ("fq_pie", &[1, 2, 3, 4, 33, 6]),
    ] {
        assert_eq!(all(&qdisc(2, TC_H_ROOT, kind, own))[0].ecn_marks, Some(33), "{kind}");
    }
    assert_eq!(all(&qdisc(2, TC_H_ROOT, "htb", &[1, 2, 3, 4, 5]))[0].ecn_marks, None);
}

proptest! {
    #[test]
    fn nothing_panics_or_hangs(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        all(&bytes);
        all(&message(RTM_NEWQDISC, 5, &bytes));
    }

    #[test]
    fn a_damaged_answer_does_not_panic(at in 0usize..150, byte: u8, cut in 0usize..150) {
        let mut chunk = qdisc(2, TC_H_ROOT, "fq_codel", &[0, 1, 2, 33, 4]);
        let at = at % chunk.len();
        chunk[at] = byte;
        chunk.truncate(cut.max(1));
        all(&chunk);
    }
}
