//! The same samples and the same host facts through other agents, as plain processes on loopback.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::agent::{Agent, Ground, free_address};
use super::figure::{Goal, figure};
use super::http::Client;
use super::measure::{cpu_of, resident};
use super::scrape::to_f64;

/// Rows of six values each; as many rows as one run of the ingest measurement has would take a slow peer minutes.
const ROWS: u64 = 200_000;
const KEYS: u64 = 100;
const VALUES: u64 = 6;
const SCRAPES: u32 = 50;

/// Writes the samples in a peer's protocol, FORMAT `netdata` or `collectd`, and then a file that says so.
pub(super) fn samples(arguments: &mut impl Iterator<Item = String>) -> Result<()> {
    let (format, done) = (arguments.next().context("FORMAT")?, arguments.next().context("DONE")?);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if format == "netdata" {
        for key in 0..KEYS {
            writeln!(out, "CHART bench.row{key} '' 'Rows' 'units' 'bench' 'bench' line 1000 1")?;
            (0..VALUES).try_for_each(|value| writeln!(out, "DIMENSION v{value} v{value} absolute 1 1"))?;
        }
    }
    let start = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs() - ROWS / KEYS - 10;
    for row in 0..ROWS {
        let (key, time) = (row % KEYS, start + row / KEYS);
        if format == "netdata" {
            writeln!(out, "BEGIN bench.row{key} 1000000")?;
            (0..VALUES).try_for_each(|value| writeln!(out, "SET v{value} = {}", row * 7 + value))?;
            writeln!(out, "END")?;
        } else {
            (0..VALUES).try_for_each(|value| {
                writeln!(out, "PUTVAL bench/row-{key}/gauge-v{value} interval=1 {time}:{}", row * 7 + value)
            })?;
        }
    }
    out.flush()?;
    fs::write(done, "done")?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    sleep(Duration::from_secs(30));
    Ok(())
}

/// A directory that a peer without privileges may use.
fn place() -> Result<TempDir> {
    let dir = tempfile::Builder::new().prefix("gopher-bench-").tempdir()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777))?;
    Ok(dir)
}

/// A peer's plugin as a script that calls this program.
fn plugin(path: &Path, format: &str, done: &Path) -> Result<()> {
    let program = std::env::current_exe()?;
    let script = format!("#!/bin/sh\nexec '{}' samples {format} '{}'\n", program.display(), done.display());
    fs::write(path, script)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

/// Waits until the plugin has written everything and the peer has nothing left to do; its CPU time and memory.
fn measure(peer: &Agent, done: &Path) -> Result<(Duration, f64)> {
    let end = Instant::now() + Duration::from_secs(150);
    while !done.exists() {
        if Instant::now() > end {
            bail!("the peer did not take the samples in time");
        }
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_secs(1));
    Ok((cpu_of(&peer.pid())?, resident(&peer.pid())?))
}

fn report(name: &str, cpu: Duration, memory: f64) {
    let rate = to_f64(ROWS * VALUES) / cpu.as_secs_f64() / 1e6;
    figure(&format!("{name}: values per core-second"), "M values/s", rate, Goal::None);
    figure(&format!("{name}: resident memory after it"), "MB", memory / 1e6, Goal::None);
}

/// Netdata with a plugin of `plugins.d` and nothing else.
pub(super) fn netdata() -> Result<()> {
    let (dir, address) = (place()?, free_address()?);
    let at = |name: &str| dir.path().join(name);
    for name in ["plugins", "conf", "cache", "lib", "log"] {
        fs::create_dir(at(name))?;
    }
    plugin(&at("plugins/samples.plugin"), "netdata", &at("done"))?;
    let path = |name: &str| at(name).display().to_string();
    let config = format!(
        "[global]\nrun as user = root\n[directories]\nplugins = {}\nconfig = {}\nstock config = {}\ncache = {}\nlib = {}\n\
         log = {}\nhome = {}\n[db]\nmode = ram\nretention = 3600\n[web]\nbind to = {address}\n[health]\nenabled = no\n\
         [ml]\nenabled = no\n[cloud]\nenabled = no\n[statsd]\nenabled = no\n[plugins]\nproc = no\ndiskspace = no\n\
         cgroups = no\ntc = no\nidlejitter = no\ntimex = no\nprofile = no\nnetdata monitoring = no\nenable running new plugins = yes\nsamples = yes\n",
        path("plugins"),
        path("conf"),
        path("conf"),
        path("cache"),
        path("lib"),
        path("log"),
        path("lib"),
    );
    fs::write(at("netdata.conf"), config)?;
    fs::write(at("conf/.opt-out-from-anonymous-statistics"), "")?;
    let child = Command::new(find("netdata")?)
        .args(["-D", "-c", &path("netdata.conf"), "-P", &path("pid")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let peer = Agent::of(child, address);
    let (cpu, memory) = measure(&peer, &at("done"))?;
    report("Netdata, plugins.d", cpu, memory);
    Ok(())
}

/// collectd with its exec plugin and nothing that writes.
pub(super) fn collectd() -> Result<()> {
    let dir = place()?;
    let at = |name: &str| dir.path().join(name);
    plugin(&at("samples"), "collectd", &at("done"))?;
    let (base, samples) = (dir.path().display(), at("samples"));
    let config = format!(
        "Hostname \"bench\"\nBaseDir \"{base}\"\nPIDFile \"{base}/pid\"\nTypesDB \"/usr/share/collectd/types.db\"\n\
         LoadPlugin exec\n<Plugin exec>\n  Exec \"nobody\" \"{}\"\n</Plugin>\n",
        samples.display()
    );
    fs::write(at("collectd.conf"), config)?;
    fs::set_permissions(&samples, fs::Permissions::from_mode(0o755))?;
    let child: Child = Command::new(find("collectd")?)
        .args(["-f", "-C", &at("collectd.conf").display().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let peer = Agent::of(child, free_address()?);
    let (cpu, memory) = measure(&peer, &at("done"))?;
    report("collectd, exec", cpu, memory);
    Ok(())
}

/// The host facts of baseinfo: `node_exporter` gathers at each scrape, the agent's probe once per period.
pub(super) fn node_exporter() -> Result<()> {
    let address = free_address()?;
    let collectors = [
        "cpu",
        "meminfo",
        "vmstat",
        "netdev",
        "netstat",
        "netclass",
        "diskstats",
        "filesystem",
        "stat",
        "loadavg",
        "uname",
        "filefd",
        "softnet",
        "os",
    ];
    let child = Command::new(find("prometheus-node-exporter")?)
        .args([
            format!("--web.listen-address={address}"),
            "--collector.disable-defaults".into(),
            "--log.level=error".into(),
        ])
        .args(collectors.map(|name| format!("--collector.{name}")))
        .stdin(Stdio::null())
        .spawn()?;
    let mut peer = Agent::of(child, address);
    let mut client = peer.client()?;
    let (node, series) = per_scrape(&peer, &mut client)?;
    let name = |what: &str| format!("host facts: {what}");
    figure(&name("series of node_exporter"), "series", series, Goal::None);
    figure(&name("CPU of node_exporter per scrape"), "us/series", node / series, Goal::None);
    figure(&name("memory of node_exporter"), "MB", resident(&peer.pid())? / 1e6, Goal::None);
    drop(peer);

    let ground = Ground::new()?;
    ground.real_probe("baseinfo")?;
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    agent.wait_for(&mut client, |page| page.contains("gala_gopher_cpu_"))?;
    sleep(Duration::from_secs(2));
    let (cost, series) = per_scrape(&agent, &mut client)?;
    figure(&name("series of the agent with baseinfo"), "series", series, Goal::None);
    figure(&name("CPU of the agent per scrape"), "us/series", cost / series, Goal::None);
    let mut pids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let own = ground.path("probes").join("baseinfo/baseinfo");
    let probe = pids.find(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == own));
    let probe = probe.context("baseinfo is not running")?;
    let before = cpu_of(&probe)?;
    sleep(Duration::from_secs(20));
    let gathering = (cpu_of(&probe)? - before).as_secs_f64() * 1e3 / 20.0;
    figure(&name("CPU of baseinfo, gathering every 5 s"), "ms/s", gathering, Goal::None);
    let probe = resident(&probe)?;
    figure(&name("memory of the agent"), "MB", agent.resident()? / 1e6, Goal::AtMost(15.0));
    figure(&name("memory of the agent and baseinfo"), "MB", (agent.resident()? + probe) / 1e6, Goal::None);
    Ok(())
}

/// CPU of a scrape in microseconds, and the series that it shows.
fn per_scrape(server: &Agent, client: &mut Client) -> Result<(f64, f64)> {
    let page = client.text()?;
    let series = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    let before = cpu_of(&server.pid())?;
    for _ in 0..SCRAPES {
        client.text()?;
        sleep(Duration::from_millis(100));
    }
    let cost = (cpu_of(&server.pid())? - before).as_secs_f64() * 1e6 / f64::from(SCRAPES);
    Ok((cost, to_f64(u64::try_from(series)?)))
}

/// Where a peer's program is.
fn find(name: &str) -> Result<String> {
    let folders = ["/usr/sbin", "/usr/bin"];
    let found = folders.iter().map(|folder| format!("{folder}/{name}")).find(|path| Path::new(path).exists());
    found.with_context(|| format!("{name} is missing; build/setup --bench installs it"))
}
