//! Arguments that are taken, and those that are refused.

use super::*;

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn the_agent_is_not_asked_all_the_time() {
    let top = |every| Arguments::try_parse_from(["gopher-ctl", "top", "--every", every]);
    for short in ["0s", "99ms"] {
        let refused = top(short).unwrap_err();
        assert!(refused.to_string().contains("the smallest is 100ms"), "{refused}");
    }
    assert!(top("100ms").is_ok());
}

#[test]
fn times_need_a_unit() {
    let time = |text| Arguments::try_parse_from(["gopher-ctl", "probe", "run", "x", "--for", text]);
    assert!(time("5").is_err());
    let Command::Probe(ProbeCommand::Run(run)) = time("250ms").unwrap().command else { panic!() };
    assert_eq!(run.time, Duration::from_millis(250));
}
