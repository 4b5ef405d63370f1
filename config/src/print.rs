//! Settings as TOML: the effective ones with where each came from, and the documented example.

use std::collections::BTreeMap;

use crate::declare::{Item, Key, Section as _};
use crate::error::Origin;
use crate::settings::Tree;
use crate::value::quoted;

/// The effective settings, each with a comment saying where it was written; secrets masked.
pub(crate) fn effective(tree: &Tree, origins: &BTreeMap<String, Origin>) -> String {
    let values = values(tree);
    let mut lines = Vec::new();
    for item in items() {
        match item {
            Item::Section { path, .. } => heading(&mut lines, &path),
            Item::Key(key) => {
                let origin = origins.get(&key.path).unwrap_or(&Origin::Default);
                lines.push(match &values[&key.path] {
                    Some(value) => format!("{} = {value} # {origin}", key.name()),
                    None => format!("# {} is not set # {origin}", key.name()),
                });
            }
        }
    }
    text(&lines)
}

/// A settings file that explains every key and, as all its keys are commented out, changes none.
pub(crate) fn example(defaults: &Tree) -> String {
    let values = values(defaults);
    let mut lines: Vec<String> = EXAMPLE_HEAD.iter().map(|line| format!("# {line}")).collect();
    for item in items() {
        match item {
            Item::Section { path, help } => {
                heading(&mut lines, &path);
                if !path.is_empty() {
                    comment(&mut lines, help);
                }
            }
            Item::Key(key) => example_key(&mut lines, &key, values[&key.path].as_deref()),
        }
    }
    text(&lines)
}

const EXAMPLE_HEAD: [&str; 5] = [
    "Settings of a Gearify node. Every key is here with its default; take the # before it away to change one.",
    "",
    "Each key can also be set in the environment (listen.public is GEARIFY_LISTEN__PUBLIC) and on the",
    "command line. The command line wins over the environment, and the environment over this file.",
    "`gearify config check` says what is wrong, `gearify config print` what is in force and from where.",
];

fn example_key(lines: &mut Vec<String>, key: &Key, default: Option<&str>) {
    lines.push(String::new());
    comment(lines, key.help);
    if let Some((min, max)) = key.range {
        lines.push(format!("# From {min} to {max}."));
    }
    let shown = match default {
        Some(value) => value.to_owned(),
        None => {
            lines.push("# Not set unless you set it; for example:".to_owned());
            quoted(key.sample.expect("a key without default has a sample; a test reads them all"))
        }
    };
    lines.push(format!("#{} = {shown}", key.name()));
}

fn comment(lines: &mut Vec<String>, help: &[&str]) {
    lines.extend(help.iter().map(|line| format!("#{line}")));
}

fn heading(lines: &mut Vec<String>, path: &str) {
    if !path.is_empty() {
        lines.extend([String::new(), format!("[{path}]")]);
    }
}

fn text(lines: &[String]) -> String {
    let mut text: String = lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect();
    text.drain(..text.len() - text.trim_start().len());
    text
}

fn values(tree: &Tree) -> BTreeMap<String, Option<String>> {
    let mut values = Vec::new();
    tree.values("", &mut values);
    values.into_iter().collect()
}

/// All sections and keys in the order of declaration.
pub(crate) fn items() -> Vec<Item> {
    let mut items = Vec::new();
    Tree::describe("", &mut items);
    items
}
