//! Loads and attaches programs, each capability by the best hook that the kernel takes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _};

use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{Link, OpenObject, Program, ProgramMut};
use probe_sdk::protocol::notice;
use probe_sdk::{Context, Unsupported};
use thiserror::Error;

use crate::capability::{Capability, Choice, Hook, Refusal};
use crate::host::Host;
use crate::{messages, rights};

/// Why nothing could be loaded.
#[derive(Debug, Error)]
pub enum Error {
    /// The object as a whole was refused, for a reason that no single program has.
    #[error("the eBPF programs cannot be loaded: {told}")]
    Load {
        /// What libbpf said last.
        told: String,
        /// What the kernel said.
        #[source]
        source: libbpf_rs::Error,
    },
    /// A capability names a program that the object does not have.
    #[error("the object has no program {0}")]
    NoProgram(&'static str),
}

/// Programs at work. They are detached when it is dropped.
pub struct Loaded<S> {
    /// The skeleton: maps, variables, programs that are attached when needed (iterators).
    pub skeleton: S,
    /// What became of each capability, in the order asked for.
    pub choices: Vec<Choice>,
    /// By program; dropped, it is detached.
    links: Links,
    /// The root of the control groups, to attach to.
    cgroup: Option<File>,
}

type Links = BTreeMap<&'static str, Link>;

impl<S> Loaded<S> {
    /// Tells the agent what became of each capability.
    ///
    /// # Errors
    /// Those of writing to the agent.
    pub fn report(&self, ctx: &mut Context) -> Result<(), probe_sdk::Error> {
        self.choices.iter().try_for_each(|choice| {
            ctx.capability(&notice::Capability {
                name: choice.capability.name,
                items: &choice.capability.items.join(" "),
                hook: &choice.hook_name(),
                fidelity: &choice.fidelity(),
                refused: &choice.refusals(),
            })
        })
    }

    /// How often a program was not run because it was interrupted on the same processor by what it hooks: what happened
    /// then was not seen. The kernel counts that from 5.12 on; with preemption within programs (7.x) it does happen.
    #[must_use]
    pub fn missed(&self) -> u64
    where
        S: Skel<'static>,
    {
        let of = |program: Program<'_>| {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd()));
            let info = info.unwrap_or_default();
            let count = info.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
            count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        self.skeleton.object().progs().filter(Program::autoload).map(of).sum()
    }

    /// Attaches what serves an item that is on, or no item in particular, and detaches all else, so that what nobody asks
    /// for costs nothing.
    ///
    /// # Errors
    /// When a program that could be attached before cannot be now.
    pub fn serve(&mut self, on: impl Fn(&str) -> bool) -> anyhow::Result<()>
    where
        S: Skel<'static>,
    {
        let asked = |choice: &&Choice| {
            let items = choice.capability.items;
            items.is_empty() || items.iter().any(|item| on(item))
        };
        let hooks = self.choices.iter().filter(asked).filter_map(|choice| choice.hook);
        let wanted: Vec<_> = hooks.flat_map(|hook| hook.programs).copied().collect();
        self.links.retain(|name, _| wanted.contains(name));
        let missing: Vec<_> = wanted.into_iter().filter(|name| !self.links.contains_key(name)).collect();
        let mut refused = Refused::new();
        self.links.extend(attach(
            self.skeleton.object().progs_mut(),
            &missing,
            self.cgroup.as_ref(),
            &mut refused,
        ));
        match refused.pop_first() {
            Some((name, reason)) => Err(anyhow::anyhow!("the program {name} {reason}")),
            None => Ok(()),
        }
    }

    /// True where the capability of this name has a hook.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.choices.iter().any(|choice| choice.capability.name == name && choice.hook.is_some())
    }
}

/// The reason of each refusal, by program.
type Refused = BTreeMap<&'static str, String>;

/// Opens the skeleton, lets `prepare` set constants, sizes and read-only data, and loads and attaches one hook of each
/// capability. A kernel's refusal of one program concerns that hook alone: the next one of its capability is tried.
///
/// # Errors
/// [`Unsupported`] where this kernel can run none at all, else [`enum@Error`].
pub fn load<B>(
    builder: impl Fn() -> B,
    capabilities: &'static [Capability],
    prepare: impl Fn(&mut B::Output) -> anyhow::Result<()>,
) -> anyhow::Result<Loaded<<B::Output as OpenSkel<'static>>::Output>>
where
    B: SkelBuilder<'static>,
{
    let host = Host::look();
    let lacks: Vec<_> = host.lacks_types().into_iter().chain(rights::lacks()).collect();
    if !lacks.is_empty() {
        return Err(Unsupported(lacks.join("; ")).into());
    }
    let mut refused = Refused::new();
    loop {
        let mut open = open(builder(), &host)?;
        let sections = sections(open.open_object());
        let hooks = choose(capabilities, &sections, &host, &mut refused)?;
        let wanted: Vec<_> = hooks.iter().flatten().flat_map(|hook| hook.programs).copied().collect();
        for mut program in open.open_object_mut().progs_mut() {
            let autoload = program.name().to_str().is_some_and(|name| wanted.contains(&name));
            program.set_autoload(autoload);
        }
        prepare(&mut open)?;
        let (skeleton, said) = messages::during(|| open.load());
        let skeleton = match skeleton {
            Ok(skeleton) => skeleton,
            Err(source) => {
                let Some((name, reason)) = messages::refused_program(&said).and_then(|(name, reason)| {
                    wanted.iter().find(|wanted| **wanted == name).map(|name| (*name, reason))
                }) else {
                    return Err(failure(source, &said));
                };
                refuse(name, &reason, &sections, &wanted, &mut refused);
                continue;
            }
        };
        let before = refused.len();
        let links = attach(skeleton.object().progs_mut(), &wanted, host.cgroup.as_ref(), &mut refused);
        if refused.len() == before {
            let choices = choices(capabilities, &hooks, &sections, &refused);
            let cgroup = host.cgroup;
            drop(host.types);
            give_back();
            return Ok(Loaded { skeleton, choices, links, cgroup });
        }
    }
}

/// Gives back to the kernel what its types took: some megabytes, of which a C library would keep the most.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes no pointer, and frees nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn open<B: SkelBuilder<'static>>(mut builder: B, host: &Host) -> anyhow::Result<B::Output> {
    if let Some(file) = &host.btf_file {
        builder.object_builder_mut().btf_custom_path(file)?;
    }
    // A pointer's size, kept for the life of the process: it is opened once per refused program at most.
    let place: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
    let (open, said) = messages::during(|| builder.open(place));
    open.map_err(|source| failure(source, &said))
}

/// What each program hooks, by its name.
fn sections(object: &OpenObject) -> BTreeMap<String, String> {
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    object.progs().map(|program| (text(program.name()), text(program.section()))).collect()
}

/// The first hook of each capability of which no program has been refused.
fn choose(
    capabilities: &'static [Capability],
    sections: &BTreeMap<String, String>,
    host: &Host,
    refused: &mut Refused,
) -> Result<Vec<Option<&'static Hook>>, Error> {
    for name in capabilities.iter().flat_map(|capability| capability.hooks).flat_map(|hook| hook.programs) {
        let section = sections.get(*name).ok_or(Error::NoProgram(name))?;
        if let Some(reason) = host.refuses(section) {
            refused.entry(name).or_insert(reason);
        }
    }
    let usable = |hook: &&Hook| hook.programs.iter().all(|name| !refused.contains_key(name));
    Ok(capabilities.iter().map(|capability| capability.hooks.iter().find(usable)).collect())
}

/// Notes a refusal. Where a kind of program is not permitted at all, none of its kind is tried again.
fn refuse(
    name: &'static str,
    reason: &str,
    sections: &BTreeMap<String, String>,
    wanted: &[&'static str],
    refused: &mut Refused,
) {
    refused.insert(name, reason.to_owned());
    let kind =
        |name: &str| sections.get(name).and_then(|section| section.split('/').next().map(str::to_owned));
    let trampoline = |kind: &Option<String>| matches!(kind.as_deref(), Some("fentry" | "fexit"));
    if trampoline(&kind(name)) && (reason.ends_with("-1") || reason.ends_with("-EPERM")) {
        for other in wanted.iter().filter(|other| trampoline(&kind(other))) {
            refused.insert(other, reason.to_owned());
        }
    }
}

/// Attaches what is wanted; what cannot be is noted.
fn attach<'a>(
    programs: impl Iterator<Item = ProgramMut<'a>>,
    wanted: &[&'static str],
    cgroup: Option<&File>,
    refused: &mut Refused,
) -> Links {
    let mut links = Links::new();
    for program in programs {
        let Some(name) = wanted.iter().find(|wanted| program.name().to_str() == Some(**wanted)) else {
            continue;
        };
        let section = program.section().to_string_lossy();
        let (link, _said) = messages::during(|| match section.split('/').next() {
            Some("iter") => None,
            Some("cgroup_skb") => cgroup.map(|cgroup| program.attach_cgroup(cgroup.as_raw_fd())),
            _ => Some(program.attach()),
        });
        match link {
            Some(Ok(link)) => drop(links.insert(name, link)),
            Some(Err(error)) => drop(refused.insert(name, format!("cannot be attached: {error}"))),
            // An iterator is attached for each of its runs.
            None => {}
        }
    }
    links
}

fn choices(
    capabilities: &'static [Capability],
    hooks: &[Option<&'static Hook>],
    sections: &BTreeMap<String, String>,
    refused: &Refused,
) -> Vec<Choice> {
    let section = |name: &&str| sections.get(*name).cloned().unwrap_or_default();
    let choice = |(capability, hook): (&'static Capability, &Option<&'static Hook>)| {
        let before =
            capability.hooks.iter().take_while(|other| hook.is_none_or(|hook| !std::ptr::eq(hook, *other)));
        let refusal = |name: &&'static str| {
            let reason = refused.get(name)?.clone();
            Some(Refusal { section: section(name), reason })
        };
        let mut refused: Vec<Refusal> = Vec::new();
        for refusal in before.flat_map(|hook| hook.programs).filter_map(refusal) {
            // Hooks share programs, and programs for several forms of a function share a section.
            if !refused.contains(&refusal) {
                refused.push(refusal);
            }
        }
        let sections = hook.map(|hook| hook.programs.iter().map(section).collect());
        Choice { capability, hook: *hook, sections: sections.unwrap_or_default(), refused }
    };
    capabilities.iter().zip(hooks).map(choice).collect()
}

/// The object as a whole was refused: for lack of rights this is no fault of the probe.
fn failure(source: libbpf_rs::Error, said: &[String]) -> anyhow::Error {
    let told = said.iter().rev().find(|line| line.contains("fail") || line.contains("rror")).cloned();
    let told = told.unwrap_or_else(|| source.to_string());
    if source.kind() == libbpf_rs::ErrorKind::PermissionDenied {
        let needs = "eBPF is not permitted here: it needs CAP_BPF and CAP_PERFMON of the host, not of a user namespace, \
            before Linux 5.11 CAP_SYS_RESOURCE too, and no policy that forbids it";
        return Unsupported(format!("{needs} ({told})")).into();
    }
    Error::Load { told, source }.into()
}
