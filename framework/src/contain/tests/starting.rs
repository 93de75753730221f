//! A process is started with what it needs and no more, and its end is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::harness::{PATIENCE, Scene, end, eventually, exists, finish, lines};
use crate::contain::{Child, Exit, SpawnError};

#[tokio::test]
async fn output_and_exit_code_arrive() {
    let scene = Scene::new();
    let mut child = scene.run("echo hello; exit 7").await;
    assert_eq!(lines(&mut child, 1).await, ["hello"]);
    assert_eq!(end(&mut child).await, Exit::Code(7));
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn signal_is_told_even_where_it_has_no_name() {
    let scene = Scene::new();
    let mut child = scene.run("kill -40 $$").await;
    assert_eq!(end(&mut child).await, Exit::Signal(40));
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn closing_stdin_is_seen_by_the_process() {
    let scene = Scene::new();
    let Child { stdin, exit, group, .. } = scene.run("cat > /dev/null; exit 3").await;
    drop(stdin);
    assert_eq!(tokio::time::timeout(PATIENCE, exit).await.unwrap().unwrap(), Exit::Code(3));
    group.clear().await;
    scene.close().await;
}

#[tokio::test]
async fn environment_is_clean() {
    let scene = Scene::new();
    let mut launch =
        scene.script("tr '\\0' '\\n' < /proc/$$/environ | grep -v ^GOPHER_HOST_PATH; echo; echo end");
    launch.env =
        vec![("OWN".to_owned(), "1".to_owned()), ("GOPHER_INSTANCE".to_owned(), "forged".to_owned())];
    let mut child = scene.spawner.spawn(launch).await.unwrap();
    let mut names = Vec::new();
    loop {
        let line = lines_one(&mut child).await;
        if line == "end" {
            break;
        }
        names.extend(line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    names.sort();
    let marker = scene.instance.marker().into_string().unwrap();
    let without_tz: Vec<_> = names.iter().filter(|(name, _)| name != "TZ").collect();
    let found: Vec<&str> = without_tz.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, ["GOPHER_INSTANCE", "GOPHER_PROBE", "HOME", "LANG", "OWN", "PATH"]);
    assert_eq!((&without_tz[0].1, without_tz[1].1.as_str()), (&marker, "sample"));
    finish(child).await;
    scene.close().await;
}

/// One line, read byte by byte so that nothing after it is taken.
async fn lines_one(child: &mut Child) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut line = Vec::new();
    loop {
        match child.stdout.read_u8().await.unwrap() {
            b'\n' => return String::from_utf8(line).unwrap(),
            byte => line.push(byte),
        }
    }
}

#[tokio::test]
async fn only_stdio_is_inherited_and_signals_are_as_new() {
    let scene = Scene::new();
    let script = "ls /proc/self/fd | tr '\\n' ' '; echo\n\
        grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f2\n umask\n pwd\n\
        set -- $(cut -d' ' -f5,6 /proc/$$/stat); echo $$ $1 $2";
    let file = fs::File::open("/dev/null").unwrap();
    // SAFETY: the descriptor is open; it is made to survive exec, as a careless library would.
    unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&file), libc::F_SETFD, 0) };
    let mut child = scene.run(script).await;
    let pid = child.pid.to_string();
    let lines = lines(&mut child, 6).await;
    // 3 is what `ls` itself reads.
    assert_eq!(lines[0].trim(), "0 1 2 3");
    assert_eq!(lines[1..3], ["0000000000000000", "0000000000000000"]);
    assert_eq!(lines[3], "0027");
    assert_eq!(lines[4], scene.folder.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(lines[5], format!("{pid} {pid} {pid}"));
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn missing_interpreter_is_explained() {
    let scene = Scene::new();
    let launch = scene.script("");
    fs::write(scene.folder.path().join("run.sh"), "#!/no/such/interpreter\n").unwrap();
    let error = scene.spawner.spawn(launch).await.unwrap_err();
    assert!(error.to_string().contains("run.sh: No such file or directory"), "{error}");
    assert!(error.to_string().contains("interpreter"), "{error}");
    scene.close().await;
}

#[tokio::test]
async fn file_that_is_not_executable_is_explained() {
    let scene = Scene::new();
    let launch = scene.script("");
    fs::set_permissions(scene.folder.path().join("run.sh"), Permissions::from_mode(0o644)).unwrap();
    let error = scene.spawner.spawn(launch).await.unwrap_err();
    assert!(error.to_string().contains("Permission denied"), "{error}");
    scene.close().await;
}

#[tokio::test]
async fn text_without_shebang_is_refused() {
    let scene = Scene::new();
    let launch = scene.script("");
    fs::write(scene.folder.path().join("run.sh"), "echo hello\n").unwrap();
    let error = scene.spawner.spawn(launch).await.unwrap_err();
    assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error}");
    scene.close().await;
}

#[tokio::test]
async fn executable_outside_of_the_folder_is_refused() {
    let scene = Scene::new();
    for program in ["/bin/true", "../run.sh", ""] {
        let mut launch = scene.script("");
        launch.exec = vec![program.to_owned()];
        let error = scene.spawner.spawn(launch).await.unwrap_err();
        assert!(matches!(error, SpawnError::NotInFolder { .. }), "{error}");
    }
    scene.close().await;
}

#[tokio::test]
async fn executable_that_others_may_write_is_refused() {
    let scene = Scene::new();
    let launch = scene.script("");
    fs::set_permissions(scene.folder.path().join("run.sh"), Permissions::from_mode(0o777)).unwrap();
    let error = scene.spawner.spawn(launch).await.unwrap_err();
    assert!(matches!(error, SpawnError::Untrusted(_)), "{error}");
    scene.close().await;
}

#[tokio::test]
async fn two_hundred_quick_ones_leave_no_zombie() {
    let scene = Scene::new();
    let mut pids = Vec::new();
    for round in 0..200 {
        let mut child = scene.run(&format!("exit {}", round % 100)).await;
        pids.push(child.pid.to_string());
        assert_eq!(end(&mut child).await, Exit::Code(round % 100));
        child.group.clear().await;
    }
    let left: Vec<&String> = pids.iter().filter(|pid| exists(pid)).collect();
    assert!(left.is_empty(), "{left:?}");
    scene.close().await;
}

#[tokio::test]
async fn orphan_is_collected() {
    let scene = Scene::new();
    let mut child = scene.run("(sleep 0.05 & echo $!); read line; exit 0").await;
    let orphan = lines(&mut child, 1).await.remove(0);
    eventually("the orphan is gone", || !exists(&orphan)).await;
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn close_leaves_neither_keeper_nor_cgroup() {
    let scene = Scene::new();
    let child = scene.run("read line").await;
    let mut roots = child.group.cgroups.folders();
    roots.iter_mut().for_each(|folder| assert!(folder.pop()));
    assert!(roots.iter().all(|root| root.exists()));
    finish(child).await;
    scene.close().await;
    assert!(roots.iter().all(|root| !root.exists()), "{roots:?}");
}

#[tokio::test]
async fn closed_spawner_starts_nothing() {
    let scene = Scene::new();
    scene.spawner.close().await;
    let error = scene.spawner.spawn(scene.script("exit 0")).await.unwrap_err();
    assert!(matches!(error, SpawnError::Closed), "{error}");
}
