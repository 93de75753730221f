//! Compiles the eBPF programs that kernels refuse.

fn main() -> Result<(), probe_build::Error> {
    probe_build::bpf("bpf/refused.bpf.c")
}
