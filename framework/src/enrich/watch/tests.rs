//! The watch over the processes of this machine, by each source.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use gopher_protocol::notice::{self, News};

use super::*;

/// A process that ends with the test.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("cat").stdin(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn refused() -> io::Result<Connector> {
    Err(io::ErrorKind::PermissionDenied.into())
}

fn sees_who_comes_and_goes(open: fn() -> io::Result<Connector>, source: Source) {
    let processes = Arc::new(Processes::new(Path::new("/")));
    let watch = ProcessWatch::start_with(Arc::clone(&processes), Arc::default(), open).unwrap();
    assert_eq!(watch.source(), Source::None);
    watch.follow(true);
    assert_eq!(watch.source(), source);
    assert!(processes.seen(std::process::id()).is_some(), "who was there is known at once");
    assert!(watch.take_changed().pids.contains(&std::process::id()));
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id();
    let runs = |process: Arc<super::super::Process>| process.names().0 == "cat";
    until("the start", || processes.seen(pid).is_some_and(runs));
    drop(sleeper);
    until("the end", || processes.seen(pid).is_none());
    assert!(watch.take_changed().pids.contains(&pid));
    watch.follow(false);
    until("the rest", || watch.source() == Source::None);
}

#[test]
fn procfs_is_read_where_the_kernel_gives_no_news() {
    sees_who_comes_and_goes(refused, Source::Procfs);
}

#[test]
fn the_kernel_gives_news_where_it_may_be_asked() {
    match Connector::open() {
        Ok(_) => sees_who_comes_and_goes(Connector::open, Source::Connector),
        // In a container the watch must do without.
        Err(_) => sees_who_comes_and_goes(Connector::open, Source::Procfs),
    }
}

#[test]
fn very_many_changes_are_all() {
    let processes = Arc::new(Processes::new(Path::new("/nowhere")));
    let watch = ProcessWatch::start_with(processes, Arc::default(), refused).unwrap();
    let many: Vec<_> = (0..=u32::try_from(MOST).unwrap()).collect();
    watch.shared.tell(false, &many);
    assert_eq!(watch.take_changed(), Changed { all: true, pids: HashSet::new() });
    assert_eq!(watch.take_changed(), Changed::default());
}

#[test]
fn what_a_probe_tells_counts_while_it_works() {
    let processes = Arc::new(Processes::new(Path::new("/")));
    let feed = Arc::<Feed>::default();
    let watch = ProcessWatch::start_with(Arc::clone(&processes), Arc::clone(&feed), refused).unwrap();
    watch.follow(true);
    assert_eq!(watch.source(), Source::Procfs);
    feed.set_live(true);
    until("its news", || watch.source() == Source::Ebpf);
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id();
    let told = |happened| feed.take(News { pid, happened });
    told(notice::Happened::Started);
    until("the start", || processes.seen(pid).is_some());
    drop(sleeper);
    told(notice::Happened::Ended);
    until("the end", || processes.seen(pid).is_none());
    let unseen = Sleeper::start();
    feed.lose();
    until("a look at all", || processes.seen(unseen.0.id()).is_some());
    assert_eq!(watch.overruns(), 1);
    feed.set_live(false);
    until("news from elsewhere", || watch.source() == Source::Procfs);
}
