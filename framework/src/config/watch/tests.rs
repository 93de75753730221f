//! Reload requests on real files, changed the ways that editors, packages and Kubernetes change them.

use std::fs;
use std::os::unix::fs::symlink;

use tokio::time::timeout;

use super::*;

/// Only a bound for a broken watch; nothing is measured against it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Conf {
    dir: tempfile::TempDir,
    main: PathBuf,
}

fn conf() -> Conf {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("etc/gala-gopher.conf");
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(&main, "one").unwrap();
    Conf { dir, main }
}

async fn assert_reload(watch: &mut Watch<Reload>) {
    let request = timeout(PATIENCE, watch.next()).await;
    assert_eq!(request.expect("no reload was asked for"), Some(Reload));
}

/// Nothing is asked for while several quiet periods pass.
async fn assert_silent(watch: &mut Watch<Reload>) {
    assert!(timeout(QUIET * 6, watch.next()).await.is_err(), "a reload was asked for");
}

#[tokio::test]
async fn a_write_in_place_asks_once() {
    let conf = conf();
    let mut watch = watch(&conf.main).unwrap();
    fs::write(&conf.main, "three").unwrap();
    assert_reload(&mut watch).await;
    assert_silent(&mut watch).await;
}

#[tokio::test]
async fn an_editor_that_renames_asks_each_time() {
    let conf = conf();
    let mut watch = watch(&conf.main).unwrap();
    for text in ["two", "four", "six"] {
        let new = conf.main.with_extension("tmp");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &conf.main).unwrap();
        assert_reload(&mut watch).await;
    }
}

#[tokio::test]
async fn a_deleted_file_and_its_return_are_seen() {
    let conf = conf();
    let mut watch = watch(&conf.main).unwrap();
    fs::remove_file(&conf.main).unwrap();
    assert_reload(&mut watch).await;
    fs::write(&conf.main, "back").unwrap();
    assert_reload(&mut watch).await;
}

#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let conf = conf();
    let etc = conf.main.parent().unwrap();
    fs::remove_file(&conf.main).unwrap();
    for version in ["..v1", "..v2", "..v3"] {
        fs::create_dir(etc.join(version)).unwrap();
        fs::write(etc.join(version).join("gala-gopher.conf"), version).unwrap();
    }
    symlink("..v1", etc.join("..data")).unwrap();
    symlink("..data/gala-gopher.conf", &conf.main).unwrap();
    let mut watch = watch(&conf.main).unwrap();
    for version in ["..v2", "..v3"] {
        symlink(version, etc.join("..data_tmp")).unwrap();
        fs::rename(etc.join("..data_tmp"), etc.join("..data")).unwrap();
        assert_reload(&mut watch).await;
    }
    fs::write(etc.join("..v3/gala-gopher.conf"), "written behind the links").unwrap();
    assert_reload(&mut watch).await;
}

#[tokio::test]
async fn a_directory_that_comes_late_or_is_replaced_is_seen() {
    let conf = conf();
    let etc = conf.main.parent().unwrap().to_owned();
    fs::remove_dir_all(&etc).unwrap();
    let mut watch = watch(&conf.main).unwrap();
    fs::create_dir(&etc).unwrap();
    fs::write(&conf.main, "late").unwrap();
    assert_reload(&mut watch).await;
    fs::rename(&etc, conf.dir.path().join("old")).unwrap();
    assert_reload(&mut watch).await;
    fs::create_dir(&etc).unwrap();
    fs::write(&conf.main, "another").unwrap();
    assert_reload(&mut watch).await;
}

#[tokio::test]
async fn the_whitelist_is_watched_and_strangers_are_not() {
    let conf = conf();
    let mut watch = watch(&conf.main).unwrap();
    fs::write(conf.main.with_file_name("other.conf"), "x").unwrap();
    fs::read(&conf.main).unwrap();
    assert_silent(&mut watch).await;
    fs::write(app_conf_of(&conf.main), "all = true").unwrap();
    assert_reload(&mut watch).await;
}

#[test]
fn a_file_that_is_still_written_is_left_alone() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let file = |size| vec![Some((1, 1, size, 0, 0, 0))];
    let mut quiet = Quiet { loaded: file(0), seen: file(0), since: None };
    assert!(!quiet.look(file(1), at(0)));
    assert!(!quiet.look(file(2), at(40)));
    assert!(!quiet.look(file(2), at(60)), "not quiet for long enough");
    assert!(quiet.look(file(2), at(90)));
    assert!(!quiet.look(file(2), at(500)), "asked twice");
}

#[test]
fn a_file_that_is_never_quiet_is_loaded_in_the_end() {
    let start = Instant::now();
    let mut quiet = Quiet { loaded: vec![None], seen: vec![None], since: None };
    let ask = |n: u64| (vec![Some((1, 1, n, 0, 0, 0))], start + Duration::from_millis(20 * n));
    let asked = (1..=300)
        .filter(|n| {
            let (seen, now) = ask(*n);
            quiet.look(seen, now)
        })
        .count();
    assert_eq!(asked, 1);
}
