//! Names of the original's requests that are understood without being honoured.

/// Parameters of the original: any probe accepted any of them. One that a probe does not honour gives a warning.
pub(super) const PARAMS: &[&str] = &[
    "cadvisor_port",
    "cluster_ip_backend",
    "continuous_sampling",
    "custom_param",
    "dev_name",
    "drops_thr",
    "elf_path",
    "env",
    "flame_dir",
    "kafka_port",
    "l7_protocol",
    "latency_thr",
    "metrics_type",
    "min_aggr_dur",
    "min_exec_dur",
    "multi_instance",
    "native_stack",
    "offline_thr",
    "output_dir",
    "perf_sample_period",
    "profiling_channel",
    "pyroscope_server",
    "report_cport",
    "report_event",
    "report_period",
    "res_lower_thr",
    "res_upper_thr",
    "ringbuf_map_size",
    "sample_period",
    "support_ssl",
    "svg_period",
];

/// Items of the original that its probes of these names have here no more. Asked for, they give a warning.
const ITEMS: &[(&str, &str)] = &[("baseinfo", "con")];

/// True for an item that the original's probe of this name had, in any case as it took it, and ours has not.
pub(crate) fn is_item(probe: &str, item: &str) -> bool {
    ITEMS.iter().any(|(of, name)| *of == probe && name.eq_ignore_ascii_case(item))
}

/// Keys that documents of the original show below `snoopers`, and that no version of today reads.
pub(super) const SNOOPERS: &[&str] = &["dbname", "gaussdb", "ip", "password", "port", "user"];

/// The same within an entry of `proc_name`.
pub(super) const PROC_NAME: &[&str] = &["debugging_dir"];
