//! The thread of the exporter: takes records, hands messages to the client, follows what becomes of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::backlog::{Backlog, Ticket};
use super::client::{Client, Fate};
use super::files::Files;
use super::metadata::Metadata;
use super::news::{Loss, News};
use super::render::Renderer;
use crate::config::export::Kafka;
use crate::export::push::Feed;
use crate::store::{Record, Subscription};

/// Most records and messages of one round.
const ROUND: usize = 4096;
/// Wait for records while messages are on their way.
const BUSY: Duration = Duration::from_millis(10);
/// Wait for records while there is nothing else to do.
const IDLE: Duration = Duration::from_millis(500);
/// Without an answer for so long, and the longest wait for a batch, the brokers count as away.
const SILENCE: Duration = Duration::from_secs(1);
/// Between two writes to the spool while they are.
const SECURE: Duration = Duration::from_millis(100);
/// Before a client is made anew after one has failed.
const AGAIN: Duration = Duration::from_secs(2);
/// For an old client to get rid of what it has.
const SETTLE: Duration = Duration::from_secs(2);
/// For the last messages at the end.
const FLUSH: Duration = Duration::from_millis(3500);

/// All that the thread works with.
pub(super) struct Worker {
    pub(super) settings: Kafka,
    pub(super) feed: Feed,
    pub(super) records: Subscription,
    pub(super) stop: CancellationToken,
    pub(super) runtime: Handle,
}

/// What changes while it works.
struct Work {
    setup: Worker,
    backlog: Backlog,
    renderer: Renderer,
    metadata: Metadata,
    news: News,
    files: Files,
    client: Option<Client>,
    /// When a client is to be made where there is none, or the one there is has to go.
    renew: Option<Instant>,
    /// The last time that a message was done with or there was none on its way.
    progress: Instant,
    secured: Instant,
    fates: Vec<(Ticket, Fate)>,
    /// Records that the queue has lost, as far as they are counted.
    lost: u64,
}

impl Worker {
    /// Works until told to stop.
    pub(super) fn run(self, backlog: Backlog) {
        let now = Instant::now();
        let mut work = Work {
            renderer: Renderer::new(Arc::clone(&self.feed.host)),
            metadata: Metadata::default(),
            news: News::new(&self.settings, &self.feed.state_dir),
            files: Files::new(&self.settings),
            setup: self,
            backlog,
            client: None,
            renew: Some(now),
            progress: now,
            secured: now,
            fates: Vec::new(),
            lost: 0,
        };
        while !work.setup.stop.is_cancelled() {
            work.round();
        }
        work.end();
    }
}

impl Work {
    fn round(&mut self) {
        self.take(true);
        self.tables();
        let now = Instant::now();
        self.renew_client(now);
        self.send();
        self.follow();
        self.tend(now);
        self.count();
    }

    /// Takes the records that are there, or waits for one.
    fn take(&mut self, wait: bool) {
        let mut next = self.setup.records.try_next();
        if next.is_none() && wait {
            let busy = self.client.as_ref().is_some_and(|client| client.messages() > 0);
            next = self.wait(if busy { BUSY } else { IDLE });
        }
        let mut left = ROUND;
        while let Some(record) = next {
            self.keep(&record);
            left -= 1;
            next = (left > 0).then(|| self.setup.records.try_next()).flatten();
        }
    }

    fn wait(&mut self, wait: Duration) -> Option<Arc<Record>> {
        let Worker { records, stop, runtime, .. } = &mut self.setup;
        runtime.block_on(async {
            tokio::select! {
                record = records.next() => record,
                () = stop.cancelled() => None,
                () = tokio::time::sleep(wait) => None,
            }
        })
    }

    fn keep(&mut self, record: &Record) {
        if let Err(loss) = self.backlog.push(&self.renderer.record(record)) {
            self.dropped(loss, 1);
        }
    }

    fn dropped(&mut self, loss: Loss, count: u64) {
        self.setup.feed.counters.dropped.inc_by(count);
        self.news.dropped(loss, count);
    }

    /// Tells what the tables hold, when it is time or when they have changed.
    fn tables(&mut self) {
        for layout in self.metadata.due(&self.setup.feed.store) {
            if let Err(loss) = self.backlog.push(&self.renderer.table(crate::clock::unix_ms(), &layout)) {
                self.dropped(loss, 1);
            }
        }
    }

    /// Makes a client where there is none or the one there is must go.
    fn renew_client(&mut self, now: Instant) {
        if self.files.changed(now) {
            self.renew = Some(now);
        }
        if self.renew.is_none_or(|due| now < due) {
            return;
        }
        match Client::new(&self.setup.settings) {
            Ok(client) => {
                self.settle();
                self.backlog.rewind();
                (self.client, self.renew, self.progress) = (Some(client), None, now);
            }
            Err(error) => {
                self.news.no_client(&error, self.client.is_some());
                self.renew = Some(now + 5 * AGAIN);
            }
        }
    }

    /// Lets the client that there is get rid of what it has, as long as it does.
    fn settle(&mut self) {
        let until = Instant::now() + SETTLE;
        while let Some(client) = self.client.as_mut() {
            let before = client.messages();
            if before == 0 || client.is_dead() || Instant::now() > until {
                break;
            }
            client.reports(Duration::from_millis(100), &mut self.fates);
            self.resolve();
        }
        self.client = None;
    }

    /// Hands messages over as long as the client takes them.
    fn send(&mut self) {
        let Some(client) = self.client.as_mut().filter(|client| !client.is_dead()) else { return };
        if client.messages() == 0 {
            self.progress = Instant::now();
        }
        let window = usize::try_from(self.setup.settings.buffer.0 / 2).unwrap_or(usize::MAX);
        for _ in 0..ROUND {
            if client.on_the_way() >= window {
                break;
            }
            let Some((ticket, message)) = self.backlog.peek() else { break };
            match client.send(ticket, &message) {
                Ok(()) | Err(Fate::Sent) => {}
                Err(Fate::Unknown(_)) => break,
                Err(refused @ Fate::Refused(_)) => self.fates.push((ticket, refused)),
            }
            self.backlog.advance();
        }
    }

    /// Takes what the client reports.
    fn follow(&mut self) {
        for _ in 0..64 {
            let Some(client) = self.client.as_mut() else { break };
            let before = self.fates.len();
            client.reports(Duration::ZERO, &mut self.fates);
            if self.fates.len() == before {
                break;
            }
        }
        self.resolve();
    }

    /// Counts what messages have come to.
    fn resolve(&mut self) {
        let mut sent = 0;
        for (ticket, fate) in self.fates.drain(..) {
            match fate {
                Fate::Unknown(_) => {
                    self.renew.get_or_insert_with(|| Instant::now() + AGAIN);
                }
                _ if !self.backlog.finish(ticket) => {}
                Fate::Sent => sent += 1,
                Fate::Refused(code) => {
                    self.progress = Instant::now();
                    self.setup.feed.counters.failed.inc();
                    self.news.refused(code);
                }
            }
        }
        if sent > 0 {
            self.progress = Instant::now();
            self.setup.feed.counters.sent.inc_by(sent);
            self.news.answered(self.backlog.open());
        }
    }

    /// Looks after what takes long: silence of the brokers, a client that has failed, a spool that is not needed.
    fn tend(&mut self, now: Instant) {
        if self.client.as_ref().is_some_and(Client::is_dead) {
            self.renew.get_or_insert(now + AGAIN);
        }
        let error = self.client.as_ref().and_then(Client::take_error);
        self.news.heard(error);
        if self.backlog.open() == 0 {
            self.backlog.rest();
            self.progress = now;
        } else if self.is_silent(now) && now.duration_since(self.secured) >= SECURE {
            self.backlog.secure();
            self.secured = now;
            self.news.silent(self.backlog.open());
        }
        self.news.tell(now);
    }

    fn is_silent(&self, now: Instant) -> bool {
        now.duration_since(self.progress) > self.setup.settings.linger + SILENCE
    }

    fn count(&mut self) {
        let gone = self.backlog.take_lost();
        self.dropped(Loss::Gone, gone as u64);
        let lost = self.setup.records.dropped();
        self.dropped(Loss::Bounds, lost - self.lost);
        self.lost = lost;
        let waiting = self.backlog.open() + self.setup.records.queued();
        self.setup.feed.counters.queued.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Sends what there is as long as brokers answer, and keeps the rest.
    fn end(mut self) {
        self.setup.records.close();
        let until = Instant::now() + FLUSH;
        loop {
            self.take(false);
            self.send();
            self.follow();
            let now = Instant::now();
            let done = self.backlog.open() == 0 && self.setup.records.queued() == 0;
            if done || now > until || self.is_silent(now) && self.setup.records.queued() == 0 {
                break;
            }
            if let Some(client) = &mut self.client {
                client.reports(Duration::from_millis(5), &mut self.fates);
            }
        }
        self.count();
        self.client = None;
        let mut kept = self.backlog.open();
        for (loss, count) in self.backlog.close() {
            kept -= count;
            self.setup.feed.counters.dropped.inc_by(count as u64);
            self.news.dropped(loss, count as u64);
        }
        self.setup.feed.counters.queued.set(i64::try_from(kept).unwrap_or(i64::MAX));
        self.news.ended(kept);
    }
}
