//! The rules of tables: fields, and the names of the metrics they expand to.

use std::collections::HashMap;

use super::names::{RESERVED_TABLES, is_label_name, is_reserved_label};
use super::{Probe, Problems, raw};
use crate::table::{Field, Kind, Table, metric_name};

/// The most fields a table may have.
const MAX_FIELDS: usize = 128;

pub(super) fn tables(problems: &mut Problems<'_>, probes: &[Probe], raw: Vec<raw::Table>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::with_capacity(raw.len());
    let mut metrics = HashMap::new();
    for table in raw {
        let span = table.name.span();
        let name = table.name.get_ref().clone();
        if !is_label_name(&name) || RESERVED_TABLES.contains(&name.as_str()) {
            let reserved = RESERVED_TABLES.join(", ");
            problems.add(
                span.clone(),
                format!("table name `{name}` must match [a-zA-Z_][a-zA-Z0-9_]* and not be {reserved}"),
            );
        }
        if tables.iter().any(|other| other.name == name) {
            problems.add(span, format!("table `{name}` is there twice"));
        }
        if !is_label_name(table.entity.get_ref()) {
            let reason = format!("entity `{}` must match [a-zA-Z_][a-zA-Z0-9_]*", table.entity.get_ref());
            problems.add(table.entity.span(), reason);
        } else if *table.entity.get_ref() == "agent" || table.entity.get_ref().starts_with("agent_") {
            let reason = format!("entity `{}` would name the agent's own metrics", table.entity.get_ref());
            problems.add(table.entity.span(), reason);
        }
        let probe = owner(problems, probes, &table);
        let entity = table.entity.get_ref().clone();
        check_metrics(problems, &entity, &table, &mut metrics);
        let fields = fields(problems, probe, &name, table.fields);
        let probe = probe.map_or(String::new(), |probe| probe.name.clone());
        tables.push(Table { name, probe, entity, fields });
    }
    tables
}

fn owner<'a>(problems: &mut Problems<'_>, probes: &'a [Probe], table: &raw::Table) -> Option<&'a Probe> {
    match &table.probe {
        None if probes.len() == 1 => probes.first(),
        None => {
            let reason = format!("table `{}` needs `probe`: the folder serves several", table.name.get_ref());
            problems.add(table.name.span(), reason);
            None
        }
        Some(name) => {
            let found = probes.iter().find(|probe| probe.name == *name.get_ref());
            if found.is_none() {
                problems.add(name.span(), format!("no [[probe]] has the name `{}`", name.get_ref()));
            }
            found
        }
    }
}

fn fields(
    problems: &mut Problems<'_>,
    probe: Option<&Probe>,
    table: &str,
    raw: Vec<raw::Field>,
) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::with_capacity(raw.len());
    let at = raw.first().map_or(0..0, |field| field.name.span());
    for field in raw {
        let name = field.name.get_ref().clone();
        check_field(problems, probe, &field);
        if fields.iter().any(|other| other.name == name) {
            problems.add(field.name.span(), format!("field `{name}` is there twice"));
        }
        fields.push(Field {
            name,
            kind: field.kind,
            unit: field.unit,
            item: field.item.map(toml::Spanned::into_inner),
            help: field.help.into_inner(),
            upstream_only: field.upstream_only,
        });
    }
    if !fields.iter().any(|field| field.kind == Kind::Key) {
        problems.add(at.clone(), format!("table `{table}` needs at least one key"));
    }
    if fields.iter().all(|field| field.kind.is_label()) {
        problems.add(at.clone(), format!("table `{table}` has no field with a value"));
    }
    if fields.len() > MAX_FIELDS {
        problems.add(at, format!("table `{table}` has {} fields; allowed: up to {MAX_FIELDS}", fields.len()));
    }
    fields
}

fn check_field(problems: &mut Problems<'_>, probe: Option<&Probe>, field: &raw::Field) {
    let name = field.name.get_ref();
    if !is_label_name(name) {
        problems.add(field.name.span(), format!("field name `{name}` must match [a-zA-Z_][a-zA-Z0-9_]*"));
    }
    if field.kind.is_label() && is_reserved_label(name) {
        problems
            .add(field.name.span(), format!("label `{name}` is reserved: le, quantile, machine_id and __*"));
    }
    if field.help.get_ref().trim().is_empty() || field.help.get_ref().contains('\n') {
        problems.add(field.help.span(), format!("help of field `{name}` must be one line of text"));
    }
    if let Some(item) = &field.item
        && let Some(probe) = probe
        && !probe.items.iter().any(|known| known.name == *item.get_ref())
    {
        let known = probe.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ");
        let reason = format!("probe `{}` has no item `{}`; it has: {known}", probe.name, item.get_ref());
        problems.add(item.span(), reason);
    }
}

/// Refuses two fields of one entity that expand to the same name, suffixes included. The same field of the same
/// kind in several tables is one metric; whether those tables agree is the catalog's check.
fn check_metrics(
    problems: &mut Problems<'_>,
    entity: &str,
    table: &raw::Table,
    seen: &mut HashMap<String, (String, Kind, String)>,
) {
    for field in table.fields.iter().filter(|field| !field.kind.is_label()) {
        let (name, table) = (field.name.get_ref(), table.name.get_ref());
        for expanded in field.kind.expansions(&metric_name(entity, name)) {
            let entry = (format!("{entity}/{name}"), field.kind, table.clone());
            match seen.get(&expanded) {
                Some((other, kind, owner)) if *other != entry.0 || *kind != entry.1 || owner == table => {
                    let reason = format!(
                        "field `{name}` makes the metric {expanded}, as `{other}` of table `{owner}` does"
                    );
                    problems.add(field.name.span(), reason);
                }
                Some(_) => {}
                None => {
                    seen.insert(expanded, entry);
                }
            }
        }
    }
}
