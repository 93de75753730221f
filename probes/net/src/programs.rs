//! The programs in the kernel: loaded once, told what to observe, asked for their sums.

use std::mem::MaybeUninit;
use std::thread::sleep;
use std::time::Duration;

use libbpf_rs::skel::{Skel as _, SkelBuilder as _};
use probe_bpf::{Choice, Loaded, Over, Period, ScopeMap};
use probe_sdk::protocol::control::Scope;
use probe_sdk::{Context, Unsupported};

use crate::hooks::CAPABILITIES;
use crate::services;
use crate::skeleton::{NetSkel, NetSkelBuilder, types};

probe_bpf::shared!(types::flow_key, types::flow, types::delays, types::endpoint, types::datagrams);

/// Long enough to tell the frequencies of jiffies apart that kernels are built with.
const COUNT_JIFFIES: Duration = Duration::from_millis(100);
/// `CONFIG_HZ` of kernel/Kconfig.hz.
const FREQUENCIES: [u32; 4] = [100, 250, 300, 1000];

/// Upper bounds of the histograms; `i64::MAX` where there are fewer.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) of: [[u64; 15]; 14],
    pub(crate) latency: [u64; 15],
    pub(crate) delay: [u64; 15],
}

impl Bounds {
    fn of(data: &types::rodata) -> Self {
        Self { of: data.bounds_of, latency: data.bounds_latency, delay: data.bounds_delay }
    }

    /// As the object has them, without any help of the kernel's.
    pub(crate) fn declared() -> anyhow::Result<Self> {
        let mut place = MaybeUninit::uninit();
        let open = NetSkelBuilder::default().open(&mut place)?;
        let bounds = open.maps.rodata_data.as_deref().map(Self::of);
        bounds.ok_or_else(|| anyhow::anyhow!("the programs have no constants"))
    }
}

/// Why a capability has no hook.
fn refusals(choices: &[Choice], name: &str) -> String {
    let of = choices.iter().find(|choice| choice.capability.name == name).map(Choice::refusals);
    format!("connections cannot be seen: {}", of.unwrap_or_default())
}

pub(crate) struct Programs {
    loaded: Loaded<NetSkel<'static>>,
    pub(crate) bounds: Bounds,
    scope: ScopeMap,
    pub(crate) flows: Period<types::flow_key, types::flow>,
    pub(crate) waits: Period<types::flow_key, types::delays>,
    pub(crate) endpoints: Period<types::flow_key, types::endpoint>,
    pub(crate) udp: Period<types::flow_key, types::datagrams>,
    /// Of the counter `unbound`, when all open files were last looked at.
    unbound: u64,
}

impl Programs {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let beside = probe_bpf::has_function("bpf_sk_storage_get_tracing");
        let namespace = probe_bpf::namespace()?;
        let loaded = probe_bpf::load(NetSkelBuilder::default, CAPABILITIES, |open| {
            if let Some(data) = open.maps.rodata_data.as_deref_mut() {
                data.namespace = namespace;
                data.beside = beside;
            }
            if beside {
                open.maps.sockets_by_address.set_max_entries(1)?;
                open.maps.waiting_by_address.set_max_entries(1)?;
            }
            Ok(())
        })?;
        for needed in ["connections", "counters"] {
            anyhow::ensure!(loaded.has(needed), Unsupported(refusals(&loaded.choices, needed)));
        }
        let maps = &loaded.skeleton.maps;
        let bounds = maps.rodata_data.map(Bounds::of);
        let mut programs = Self {
            bounds: bounds.ok_or_else(|| anyhow::anyhow!("the programs have no constants"))?,
            scope: ScopeMap::new(&maps.scope)?,
            flows: Period::new(&maps.flows, &maps.flows_0, &maps.flows_1)?,
            waits: Period::new(&maps.waits, &maps.waits_0, &maps.waits_1)?,
            endpoints: Period::new(&maps.endpoints, &maps.endpoints_0, &maps.endpoints_1)?,
            udp: Period::new(&maps.udp, &maps.udp_0, &maps.udp_1)?,
            unbound: 0,
            loaded,
        };
        programs.count_jiffies()?;
        Ok(programs)
    }

    pub(crate) fn report(&self, ctx: &mut Context) -> anyhow::Result<()> {
        Ok(self.loaded.report(ctx)?)
    }

    /// Brings scope, items and parameters to the kernel, and adopts the sockets that are open.
    pub(crate) fn configure(&mut self, ctx: &Context) -> anyhow::Result<()> {
        let scopes: Vec<&Scope> = ctx.config().running().map(|probe| probe.scope()).collect();
        let all = self.scope.sync(scopes)?;
        if let Some(data) = self.loaded.skeleton.maps.bss_data.as_deref_mut() {
            data.scope_all = all;
            data.by_client_port = ctx.param_u64("report_cport") == Some(1);
            data.by_connection = services::wanted(ctx);
        }
        self.loaded.serve(|item| ctx.item(item))?;
        self.over_files(types::pass::PASS_LISTENERS)?;
        self.over_files(types::pass::PASS_SOCKETS)
    }

    /// Reads the counters of all connections, and looks at their windows.
    pub(crate) fn sweep(&mut self) -> anyhow::Result<()> {
        let Some(program) = self.in_use("counters") else { return Ok(()) };
        self.set_sweeping(true);
        let swept = self.flows.wait().and_then(|()| {
            let maps = &self.loaded.skeleton.maps;
            let map = if program == "sweep" { &maps.sockets } else { &maps.sockets_by_address };
            probe_bpf::pass(self.loaded.skeleton.object(), program, &Over::Map(map)).map(drop)
        });
        self.set_sweeping(false);
        swept
    }

    /// Tells connections that close meanwhile to look out for the sweep.
    fn set_sweeping(&mut self, sweeping: bool) {
        if let Some(data) = self.loaded.skeleton.maps.bss_data.as_deref_mut() {
            data.sweeping = sweeping;
        }
    }

    /// Brings all sums up to now: to be called before the periods are ended.
    pub(crate) fn complete(&mut self) -> anyhow::Result<()> {
        let unbound = self.variable(|data| data.unbound);
        if unbound != self.unbound {
            self.unbound = unbound;
            self.over_files(types::pass::PASS_SOCKETS)?;
        }
        self.sweep()
    }

    /// What could not be seen or kept.
    pub(crate) fn tell_losses(&self, ctx: &mut Context) -> anyhow::Result<()> {
        ctx.lost("flows", self.variable(|data| data.lost_flows))?;
        ctx.lost("delays", self.variable(|data| data.lost_waits))?;
        ctx.lost("endpoints", self.variable(|data| data.lost_endpoints))?;
        ctx.lost("udp_flows", self.variable(|data| data.lost_udp))?;
        ctx.lost("connection_ends", self.variable(|data| data.lost_ends))?;
        ctx.lost("sockets", self.variable(|data| data.lost_sockets))?;
        ctx.lost("processes_in_scope", self.scope.left_out())?;
        ctx.lost("program_runs", self.loaded.missed())?;
        Ok(())
    }

    /// A pass over the open files of all processes.
    fn over_files(&mut self, pass: types::pass) -> anyhow::Result<()> {
        let Some(program) = self.in_use("open_sockets") else { return Ok(()) };
        if let Some(data) = self.loaded.skeleton.maps.bss_data.as_deref_mut() {
            data.pass = pass.0;
        }
        let over: Over<'_, libbpf_rs::MapHandle> = Over::All;
        probe_bpf::pass(self.loaded.skeleton.object(), program, &over).map(drop)
    }

    /// Times in the kernel's sockets are in jiffies; nothing tells how long one is, so they are counted.
    fn count_jiffies(&mut self) -> anyhow::Result<()> {
        let swept = |programs: &Self| programs.variable(|data| (data.swept_jiffies, data.swept_ns));
        self.over_files(types::pass::PASS_LISTENERS)?;
        let (jiffies, ns) = swept(self);
        sleep(COUNT_JIFFIES);
        self.over_files(types::pass::PASS_LISTENERS)?;
        let (jiffies_now, ns_now) = swept(self);
        let passed = (jiffies_now - jiffies) * 1_000_000_000;
        let measured = passed.checked_div(ns_now - ns).unwrap_or(0);
        let nearest = FREQUENCIES.into_iter().min_by_key(|frequency| {
            // As shares: 300 is as far from 250 as 120 is from 100.
            u64::from(*frequency).abs_diff(measured) * 1000 / u64::from(*frequency)
        });
        if let Some(data) = self.loaded.skeleton.maps.bss_data.as_deref_mut() {
            data.ticks_per_second = nearest.unwrap_or(0);
        }
        Ok(())
    }

    fn variable<T: Default>(&self, of: impl Fn(&types::bss) -> T) -> T {
        self.loaded.skeleton.maps.bss_data.as_deref().map(of).unwrap_or_default()
    }

    /// The program of the hook that serves a capability.
    fn in_use(&self, capability: &str) -> Option<&'static str> {
        let choice = self.loaded.choices.iter().find(|choice| choice.capability.name == capability)?;
        choice.hook?.programs.first().copied()
    }
}
