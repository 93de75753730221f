//! The protocol of virtual machines, spoken with a socket of the test's own.

use std::os::unix::net::UnixListener;

use nix::unistd::getegid;

use super::*;

const STATUS: &str = "Name:\tjava\nUid:\t0\t1000\t1000\t1000\nGid:\t0\t100\t100\t100\nNSpid:\t4711\t7\nSigCgt:\t0000000000000004\n";

#[test]
fn a_status_tells_the_user_and_the_number_in_the_container() {
    let target = Target::parse(4711, STATUS).unwrap();
    assert_eq!((target.own, target.user, target.group, target.handles_quit), (7, 1000, 100, true));
    assert!(!Target::parse(1, &STATUS.replace("04\n", "00\n")).unwrap().handles_quit);
    assert_eq!(Target::parse(1, "Name:\tx\n"), None);
}

#[test]
fn a_request_has_three_arguments_whatever_is_given() {
    let bytes = |command, arguments: &[&str]| {
        request(command, &arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(bytes("properties", &[]).unwrap(), b"1\0properties\0\0\0\0");
    assert_eq!(
        bytes("load", &["instrument", "false", "/a.jar=x"]).unwrap(),
        b"1\0load\0instrument\0false\0/a.jar=x\0"
    );
    assert_eq!(bytes("jcmd", &["help", "GC.run", "x", "y"]).unwrap(), b"1\0jcmd\0help GC.run x y\0\0\0");
    assert!(bytes("load", &["a", "b", "c", "d"]).unwrap_err().contains("4 arguments"));
}

fn own() -> Target {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    Target { pid: 1, own: 7, user, group, handles_quit: false }
}

#[test]
fn a_machine_that_listens_is_asked() {
    let tmp = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(tmp.path().join(".java_pid7")).unwrap();
    let machine = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 16];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(b"0\nyes\n").unwrap();
        heard
    });
    assert_eq!(ask(own(), tmp.path(), &request("properties", &[]).unwrap()).unwrap(), "0\nyes\n");
    assert_eq!(&machine.join().unwrap(), b"1\0properties\0\0\0\0");
}

#[test]
fn neither_a_file_in_place_of_the_socket_nor_a_signal_that_would_end_the_process_is_used() {
    let tmp = tempfile::tempdir().unwrap();
    assert!(ask(own(), tmp.path(), b"").unwrap_err().to_string().contains("SIGQUIT"));
    fs::write(tmp.path().join(".java_pid7"), "").unwrap();
    assert!(ask(own(), tmp.path(), b"").unwrap_err().to_string().contains("no socket"));
}

#[test]
fn an_agent_is_loaded_where_its_own_code_says_so() {
    assert!(loaded("return code: 0\n") && loaded("0\n"));
    assert!(!loaded("return code: 100\n") && !loaded("Agent_OnAttach failed\n"));
}
