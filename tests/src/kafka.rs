//! A real Apache Kafka broker in KRaft mode, and Kafka's own tools.
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong here fails the test at once")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::agent::until;
use crate::peer::{self, Peer};
use crate::tree::source_root;

/// Id of every cluster; each has folders and ports of its own.
const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";
/// Whom the listener with a login knows.
pub const USER: &str = "app";
/// The password of [`USER`].
pub const PASSWORD: &str = "app-secret";

/// A broker with a listener without protection and one with TLS and a login, on ports of its own.
#[derive(Debug)]
pub struct Kafka {
    folder: TempDir,
    process: Option<Peer>,
    jvm: Jvm,
    plain: u16,
    secure: u16,
}

/// Where build/setup has put Kafka.
fn library() -> PathBuf {
    let script = source_root().join("build/kafka");
    let output = Command::new(&script).arg("--path").output().expect("build/kafka");
    assert!(output.status.success(), "Kafka has not been fetched; do so with {}", script.display());
    String::from_utf8(output.stdout).expect("a path").trim().into()
}

/// How much the JVM may do.
#[derive(Clone, Copy, Debug)]
enum Jvm {
    /// Small, and quick to start.
    Small,
    /// As fast as it gets, on this core.
    Fast(usize),
}

/// A program of Kafka's in the JVM.
fn java(jvm: Jvm, main: &str, log: &str) -> Command {
    let mut command = match jvm {
        Jvm::Small => {
            let mut java = Command::new("java");
            java.args(["-Xmx256m", "-XX:TieredStopAtLevel=1"]);
            java
        }
        Jvm::Fast(core) => {
            let mut taskset = Command::new("taskset");
            taskset.args(["-c", &core.to_string(), "java", "-Xmx1g"]);
            taskset
        }
    };
    command.args(["-XX:+UseSerialGC", "-cp"]).arg(library().join("*"));
    command.arg(format!("-Dlog4j2.level={log}")).arg(main);
    command
}

fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::piped()).stdin(Stdio::null()).output().expect("a program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

impl Kafka {
    /// Starts a small broker and waits until it serves.
    #[must_use]
    pub fn start() -> Self {
        Self::start_as(Jvm::Small)
    }

    /// Starts one that may be measured with, on this core.
    #[must_use]
    pub fn start_fast(core: usize) -> Self {
        Self::start_as(Jvm::Fast(core))
    }

    fn start_as(jvm: Jvm) -> Self {
        let mut broker = Self::prepare(jvm);
        broker.restart();
        broker
    }

    /// All that a broker needs, and none that runs yet.
    fn prepare(jvm: Jvm) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = || peer::free_port().expect("a free port");
        let (plain, secure, controller) = (port(), port(), port());
        certificates(folder.path());
        let home = folder.path().display();
        let listeners = format!("PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure}");
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners={listeners},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={listeners}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
             log.dirs={home}/data\nnum.partitions=3\noffsets.topic.num.partitions=1\n\
             offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n\
             log.cleaner.dedupe.buffer.size=4194304\nbroker.session.timeout.ms=2000\n\
             broker.heartbeat.interval.ms=500\nsasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.sasl_ssl.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";\n\
             ssl.keystore.type=PEM\nssl.keystore.location={home}/server.pem\n\
             ssl.truststore.type=PEM\nssl.truststore.location={home}/ca.crt\n"
        );
        fs::write(folder.path().join("server.properties"), properties).expect("properties");
        fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).expect("a password");
        let scram = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
        let mut format = java(Jvm::Small, "kafka.tools.StorageTool", "WARN");
        format.args(["format", "-t", CLUSTER, "--add-scram", &scram, "-c"]);
        run(format.arg(folder.path().join("server.properties")));
        Self { folder, process: None, jvm, plain, secure }
    }

    /// Where the broker's files are: `ca.crt`, `password`, `broker.log`.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The address without protection.
    #[must_use]
    pub fn plain(&self) -> String {
        format!("127.0.0.1:{}", self.plain)
    }

    /// The address with TLS and a login.
    #[must_use]
    pub fn secure(&self) -> String {
        format!("127.0.0.1:{}", self.secure)
    }

    /// Starts the broker again, with all that it had, and waits until it serves.
    pub fn restart(&mut self) {
        let path = self.path().join("broker.log");
        let starts = || fs::read_to_string(&path).unwrap_or_default().matches("Kafka Server started").count();
        let before = starts();
        let log = File::options().create(true).append(true).open(&path).expect("a log");
        let mut command = java(self.jvm, "kafka.Kafka", "INFO");
        command.env("LC_ALL", "C").arg(self.path().join("server.properties"));
        command.stdout(log.try_clone().expect("a second handle")).stderr(log).stdin(Stdio::null());
        self.process = Some(Peer::start(&mut command).expect("a broker"));
        until("the broker serves", || (starts() > before).then_some(()));
    }

    /// Stops the broker in good order.
    pub fn stop(&mut self) {
        self.process.take().expect("a broker").stop().expect("its end");
    }

    /// Stops the broker as a power cut does.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a broker"));
    }

    /// Lets the broker hang, or go on.
    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("a broker").signal(signal).expect("a signal");
    }

    /// Makes a topic.
    pub fn topic(&self, name: &str, partitions: u32, settings: &[&str]) {
        let mut command = java(Jvm::Small, "org.apache.kafka.tools.TopicCommand", "WARN");
        command.args(["--bootstrap-server", &self.plain(), "--create", "--topic", name]);
        command.args(["--partitions", &partitions.to_string()]);
        for setting in settings {
            command.args(["--config", setting]);
        }
        run(&mut command);
    }

    /// The first `count` messages of a topic by Kafka's console consumer, or those that there are before `wait`
    /// milliseconds without one; a partition's are in order.
    #[must_use]
    pub fn read(&self, topic: &str, count: usize, wait: u64) -> Vec<String> {
        self.consume(&self.plain(), topic, count, wait, &[])
    }

    /// The same through TLS and login.
    #[must_use]
    pub fn read_secure(&self, topic: &str, count: usize, wait: u64) -> Vec<String> {
        let client = self.path().join("client.properties");
        let text = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
             sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
             username=\"{USER}\" password=\"{PASSWORD}\";\n\
             ssl.truststore.type=PEM\nssl.truststore.location={}/ca.crt\n",
            self.path().display()
        );
        fs::write(&client, text).expect("properties");
        self.consume(&self.secure(), topic, count, wait, &["--consumer.config", &client.to_string_lossy()])
    }

    /// Records per second of `kafka-producer-perf-test`, bound to a core: so many of the lines of a file, with these
    /// settings of the producer.
    #[must_use]
    pub fn produce(&self, topic: &str, lines: &Path, count: u64, core: usize, settings: &[&str]) -> f64 {
        let mut command = java(Jvm::Fast(core), "org.apache.kafka.tools.ProducerPerformance", "WARN");
        command.args(["--topic", topic, "--num-records", &count.to_string(), "--throughput", "-1"]);
        command.arg("--payload-file").arg(lines).arg("--producer-props").args(settings);
        let said = run(command.arg(format!("bootstrap.servers={}", self.plain())));
        let rate = said.lines().last().and_then(|line| line.split_once(" records/sec")?.0.rsplit(' ').next());
        rate.and_then(|rate| rate.parse().ok()).unwrap_or_else(|| panic!("no rate in {said}"))
    }

    fn consume(&self, server: &str, topic: &str, count: usize, wait: u64, more: &[&str]) -> Vec<String> {
        let mut command = java(Jvm::Small, "org.apache.kafka.tools.consumer.ConsoleConsumer", "OFF");
        command.args(["--bootstrap-server", server, "--topic", topic, "--from-beginning"]);
        command.args(["--max-messages", &count.to_string(), "--timeout-ms", &wait.to_string()]);
        command.args(["--property", "print.key=true", "--property", "key.separator=\t"]).args(more);
        let output = command.stdin(Stdio::null()).output().expect("the consumer");
        String::from_utf8(output.stdout).expect("text").lines().map(ToOwned::to_owned).collect()
    }
}

/// An authority for this test alone and a certificate of the broker's.
fn certificates(folder: &Path) {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test-ca -keyout ca.key -out ca.crt\n\
         openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr\n\
         printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >names\n\
         openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt\n\
         openssl pkcs8 -topk8 -nocrypt -in server.key -out server.p8\n\
         cat server.p8 server.crt ca.crt >server.pem\n";
    run(Command::new("sh").args(["-e", "-c", script]).current_dir(folder));
}
