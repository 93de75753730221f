//! Compiles the eBPF programs.

fn main() -> Result<(), probe_build::Error> {
    probe_build::bpf("bpf/template.bpf.c")
}
