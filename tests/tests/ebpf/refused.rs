//! Programs that a kernel refuses: each leaves its place to the next hook, with the reason kept, and harms no other.

use std::process::Command;

use gopher_tests::agent::until;
use probe_bpf::{Capability, Choice, Fidelity, Hook};
use skeleton::RefusedSkelBuilder;

probe_bpf::skeleton!("refused");

const fn hook(programs: &'static [&'static str]) -> Hook {
    Hook { programs, fidelity: Fidelity::Exact }
}

static CAPABILITIES: &[Capability] = &[
    Capability { name: "pointer", items: &[], hooks: &[hook(&["unchecked_pointer"]), hook(&["taken"])] },
    Capability { name: "tracepoint", items: &[], hooks: &[hook(&["missing_tracepoint"]), hook(&["taken"])] },
    Capability { name: "function", items: &[], hooks: &[hook(&["missing_function"]), hook(&["taken"])] },
    Capability { name: "field", items: &[], hooks: &[hook(&["missing_field"]), hook(&["taken"])] },
    Capability { name: "symbol", items: &[], hooks: &[hook(&["missing_symbol"]), hook(&["taken"])] },
    Capability { name: "pair", items: &[], hooks: &[hook(&["taken", "missing_field"]), hook(&["taken"])] },
    Capability { name: "nothing", items: &[], hooks: &[hook(&["unchecked_pointer"])] },
];

#[test]
fn what_a_kernel_refuses_leaves_its_place_and_its_reason() {
    let loaded = probe_bpf::load(RefusedSkelBuilder::default, CAPABILITIES, |_| Ok(())).unwrap();
    let choice = |name: &str| loaded.choices.iter().find(|choice| choice.capability.name == name).unwrap();
    let programs = |choice: &Choice| choice.hook.map(|hook| hook.programs);
    let reasons = [
        ("pointer", "tp_btf/sched_process_exec: failed to load: -EACCES, verifier: "),
        ("tracepoint", "tp_btf/no_such_tracepoint: "),
        ("function", "fentry/no_such_function: "),
        ("field", "tp_btf/sched_process_exec: "),
        ("symbol", "tp_btf/sched_process_exec: "),
        ("pair", "tp_btf/sched_process_exec: "),
    ];
    for (name, reason) in reasons {
        let choice = choice(name);
        assert_eq!(programs(choice), Some(&["taken"][..]), "{name}: {}", choice.refusals());
        let refusals = choice.refusals();
        assert!(refusals.starts_with(reason) && refusals.len() > reason.len(), "{name}: {refusals}");
    }
    assert_eq!(programs(choice("nothing")), None);
    assert!(!loaded.has("nothing") && loaded.has("pointer"));

    let runs = || loaded.skeleton.maps.bss_data.as_deref().map(|data| data.runs).unwrap();
    let before = runs();
    assert!(Command::new("true").status().unwrap().success());
    until("the program that was taken", || (runs() > before).then_some(()));
}
