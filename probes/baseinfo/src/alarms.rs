//! Events: what is said when a value is above the threshold that the operator has set.
//!
//! A value above its threshold is reported at every period while it lasts; the agent passes one event on per thing,
//! metric and window. Without `report_event`, or with a threshold of 0, nothing is said.

use probe_sdk::Context;
use probe_sdk::protocol::event::Event;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    Cpu,
    Memory,
    Swap,
    Disk,
    Inodes,
    Blocks,
    RxDropped,
    TxDropped,
    RxErrors,
    TxErrors,
    Files,
}

/// How an alarm is written: entity and metric as in the tables, and the text in both languages, `{}` for the value.
struct Wording {
    alarm: Alarm,
    entity: &'static str,
    metric: &'static str,
    english: &'static str,
    chinese: &'static str,
}

const fn wording(
    alarm: Alarm,
    [entity, metric]: [&'static str; 2],
    [english, chinese]: [&'static str; 2],
) -> Wording {
    Wording { alarm, entity, metric, english, chinese }
}

const WORDINGS: [Wording; 11] = [
    wording(
        Alarm::Cpu,
        ["cpu", "total_used_per"],
        ["Too high cpu utilization({}%).", "CPU 使用率过高（{}%）。"],
    ),
    wording(Alarm::Memory, ["mem", "util"], ["Too high mem utilization({}%).", "内存使用率过高（{}%）。"]),
    wording(
        Alarm::Swap,
        ["mem", "swap_util"],
        ["Too high swap utilization({}%).", "交换区使用率过高（{}%）。"],
    ),
    wording(Alarm::Disk, ["disk", "util"], ["Disk device saturated({}%).", "磁盘设备饱和（{}%）。"]),
    wording(Alarm::Inodes, ["fs", "IUsePer"], ["Too many Inodes consumed({}%).", "inode 使用过多（{}%）。"]),
    wording(Alarm::Blocks, ["fs", "UsePer"], ["Too many Blocks used({}%).", "磁盘空间使用过多（{}%）。"]),
    wording(
        Alarm::RxDropped,
        ["nic", "rx_dropped"],
        ["Net device rx queue drops({}).", "网卡接收队列丢包（{}）。"],
    ),
    wording(
        Alarm::TxDropped,
        ["nic", "tx_dropped"],
        ["Net device tx queue drops({}).", "网卡发送队列丢包（{}）。"],
    ),
    wording(Alarm::RxErrors, ["nic", "rx_errs"], ["Net device rx queue errors({}).", "网卡接收错误（{}）。"]),
    wording(Alarm::TxErrors, ["nic", "tx_errs"], ["Net device tx queue errors({}).", "网卡发送错误（{}）。"]),
    wording(
        Alarm::Files,
        ["proc", "fd_free_per"],
        ["Too many file descriptors used({}%).", "文件描述符使用过多（{}%）。"],
    ),
];

/// What an alarm is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    /// Which of its sort.
    pub(crate) id: &'a str,
    /// The device, where it is one or is on one.
    pub(crate) device: &'a str,
    /// The process id, where it is a process.
    pub(crate) pid: &'a str,
}

impl<'a> Subject<'a> {
    /// Something that is neither a device nor a process.
    pub(crate) fn of(id: &'a str) -> Self {
        Self { id, ..Self::default() }
    }

    /// A device.
    pub(crate) fn device(id: &'a str) -> Self {
        Self { id, device: id, ..Self::default() }
    }
}

/// The operator's thresholds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Alarms {
    on: bool,
    upper: f64,
    drops: u64,
    chinese: bool,
}

impl Alarms {
    /// As the parameters say; the agent names the language of texts in `GOPHER_LANGUAGE`.
    pub(crate) fn configured(ctx: &Context) -> Self {
        Self {
            on: ctx.param_u64("report_event") == Some(1),
            upper: ctx.param_f64("res_upper_thr").unwrap_or(0.0),
            drops: ctx.param_u64("drops_thr").unwrap_or(0),
            chinese: std::env::var("GOPHER_LANGUAGE").is_ok_and(|language| language == "zh"),
        }
    }

    /// Raises an alarm when a percentage is above `res_upper_thr`.
    pub(crate) fn share(
        self,
        alarm: Alarm,
        subject: Subject<'_>,
        percent: Option<f64>,
        ctx: &mut Context,
    ) -> anyhow::Result<()> {
        match percent {
            Some(percent) if self.on && self.upper > 0.0 && percent > self.upper => {
                self.raise(alarm, subject, &format!("{percent:.2}"), ctx)
            }
            _ => Ok(()),
        }
    }

    /// Raises an alarm when the increase over a period is above `drops_thr`.
    pub(crate) fn count(
        self,
        alarm: Alarm,
        subject: Subject<'_>,
        increase: Option<u64>,
        ctx: &mut Context,
    ) -> anyhow::Result<()> {
        match increase {
            Some(increase) if self.on && self.drops > 0 && increase > self.drops => {
                self.raise(alarm, subject, &increase.to_string(), ctx)
            }
            _ => Ok(()),
        }
    }

    fn raise(self, alarm: Alarm, subject: Subject<'_>, value: &str, ctx: &mut Context) -> anyhow::Result<()> {
        let Some(wording) = WORDINGS.iter().find(|wording| wording.alarm == alarm) else { return Ok(()) };
        let text = if self.chinese { wording.chinese } else { wording.english };
        ctx.event(&Event {
            entity: wording.entity,
            entity_id: subject.id,
            metric: wording.metric,
            pid: subject.pid,
            comm: "",
            ip: "",
            container_id: "",
            pod_id: "",
            device: subject.device,
            severity_text: "WARN",
            severity_number: 13,
            body: &text.replacen("{}", value, 1),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
