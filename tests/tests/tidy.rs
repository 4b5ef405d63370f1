//! Tidiness: what the documents promise about the code, checked on its text.

use gearify_tests::process::{gearify, run};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Longer files are split by meaning.
const LINES_MAX: usize = 900;

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the crate lies in the workspace").to_owned()
}

/// Files of the repository whose names end so, with their text.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&root(), endings, &mut found);
    assert!(!found.is_empty(), "there are files that end in {endings:?}");
    found.sort();
    found
}

fn collect(dir: &Path, endings: &[&str], found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(dir).expect("a directory of the repository can be read") {
        let path = entry.expect("a directory of the repository can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let is_made = ["target", "node_modules", "data", "proptest-regressions"].contains(&name.as_str());
            if !is_made && !name.starts_with('.') && !name.starts_with("gearify-demo") {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = std::fs::read_to_string(&path).expect("a source file is text");
            found.push((path.strip_prefix(root()).expect("it lies below").to_owned(), text));
        }
    }
}

/// Lists what is wrong, if anything is.
#[track_caller]
fn none(wrong: Vec<String>, rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is() {
    let sources = files(&[".rs"]);
    let included: String =
        sources.iter().flat_map(|(_, text)| text.lines()).filter(|line| line.contains("include!(")).collect();
    let lacks = |(path, text): &(PathBuf, String)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // An included file can't have a module's header; a comment says the same.
        let is_included = included.contains(&format!("\"{name}\"")) && text.starts_with("// ");
        !text.starts_with("//! ") && !is_included
    };
    none(
        sources.iter().filter(|file| lacks(file)).map(|(path, _)| path.display().to_string()).collect(),
        "these do not open with `//! ` and their contract",
    );
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together, so that this file does not find itself.
    let marks = [
        concat!("to", "do!("),
        concat!("unimplemen", "ted!("),
        concat!("FIX", "ME"),
        concat!("#[ign", "ore"),
    ];
    let mut wrong = Vec::new();
    for (path, text) in files(&[".rs", ".html", ".js", ".mjs", ".css", ".toml", ".md", ".yml"]) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    none(wrong, "what is begun is finished or left out");
}

#[test]
fn no_file_is_too_long() {
    let long = |(path, text): &(PathBuf, String)| {
        let lines = text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
    };
    none(files(&[".rs"]).iter().filter_map(long).collect(), "split these by meaning");
}

/// The fields of a struct, in the text of its file.
fn fields<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let body = text.split_once(&format!("pub struct {name} {{\n")).expect("the struct is there").1;
    let body = body.split_once("\n}").expect("it ends").0;
    body.lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|pair| pair.0)
        .collect()
}

#[test]
fn every_setting_of_a_shop_is_used_where_somebody_notices() {
    // Forms and documents that only write a setting down and show it again are no use of it.
    let shown_only = [
        "commerce/src/tenants/",
        "web/src/console/shop/",
        "web/src/console/operator.rs",
        "web/src/api/admin/settings.rs",
        "web/src/api/catalog.rs",
        "node/src/demo/",
        "node/src/cli/",
    ];
    let is_test = |path: &str| path.contains("test") || path.contains("/sample/");
    let sources = files(&[".rs"]);
    let text_of = |path: &PathBuf| path.to_string_lossy().into_owned();
    let mut used = String::new();
    for (path, text) in &sources {
        let path = text_of(path);
        let counts = ["commerce/", "web/", "node/"].iter().any(|room| path.starts_with(room));
        if counts && !is_test(&path) && !shown_only.iter().any(|form| path.starts_with(form)) {
            used.extend(text.split_whitespace());
        }
    }
    let model = &sources.iter().find(|(path, _)| path.ends_with("tenants/model.rs")).expect("it is there").1;
    // Read through a method of the settings, by its name.
    let through = [
        ("further_currencies", ".currencies()"),
        ("rounding", ".tax_rules()"),
        ("elsewhere", ".tax_rules()"),
    ];
    let groups = [
        ("Branding", "branding.", "branding.value."),
        ("Settings", "settings.", "settings()."),
        ("TaxSettings", "tax.", "tax."),
        ("Lifetimes", "lifetimes.", "lifetimes."),
        ("OrderNumbers", "numbers.", "numbers."),
        ("LegalEntity", "legal.", "legal."),
    ];
    let mut wrong = Vec::new();
    for (group, one, other) in groups {
        let found = fields(model, group);
        assert!(found.len() > 1, "{group} has fields");
        for field in found {
            let direct = [one, other].iter().any(|owner| used.contains(&format!("{owner}{field}")));
            let by_method = through.iter().any(|(name, method)| *name == field && used.contains(method));
            if !direct && !by_method {
                wrong.push(format!("{group}.{field}"));
            }
        }
    }
    none(wrong, "these can be set and nothing comes of it");
}

/// The dependencies of a crate's manifest, apart from those of its tests.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let manifest =
        std::fs::read_to_string(root().join(krate).join("Cargo.toml")).expect("a crate has a manifest");
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[dependencies]") || line.starts_with("[target.");
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            found.insert(name.trim().to_owned());
        }
    }
    found
}

const CRATES: [&str; 9] =
    ["config", "storage", "search", "replication", "commerce", "web", "node", "benches", "tests"];

#[test]
fn arrows_point_inward() {
    let may_name: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("config", &[][..]),
        ("storage", &[][..]),
        ("search", &[][..]),
        ("replication", &["gearify-storage"][..]),
        ("commerce", &["gearify-storage"][..]),
        ("web", &["gearify-commerce", "gearify-storage"][..]),
        (
            "node",
            &[
                "gearify-commerce",
                "gearify-config",
                "gearify-replication",
                "gearify-search",
                "gearify-storage",
                "gearify-web",
            ][..],
        ),
    ]);
    let mut wrong = Vec::new();
    for (krate, allowed) in may_name {
        for named in dependencies(krate).iter().filter(|name| name.starts_with("gearify-")) {
            if !allowed.contains(&named.as_str()) {
                wrong.push(format!("{krate} names {named}"));
            }
        }
    }
    none(wrong, "arrows point inward");
}

#[test]
fn each_engine_is_named_in_its_room_only() {
    let rooms: [(&str, &[&str]); 9] = [
        ("openraft", &["replication"]),
        ("sled", &["storage"]),
        ("tantivy", &["search"]),
        // The log, the history and projections lie in storage; node and tests ask projections.
        ("rusqlite", &["storage", "node", "benches", "tests"]),
        // Benches measure a floor of it.
        ("axum", &["web", "node", "benches"]),
        ("hyper", &["web", "node", "benches"]),
        ("askama", &["web"]),
        ("reqwest", &["node", "tests"]),
        ("clap", &["node", "benches"]),
    ];
    let mut wrong = Vec::new();
    for (engine, homes) in rooms {
        for krate in CRATES {
            if dependencies(krate).contains(engine) && !homes.contains(&krate) {
                wrong.push(format!("{krate} names {engine}"));
            }
        }
        let users = format!("{}::", engine.replace('-', "_"));
        for (path, text) in files(&[".rs"]) {
            let krate = path.iter().next().unwrap_or_default().to_string_lossy().into_owned();
            let uses = |line: &&str| {
                let code = line.split("//").next().unwrap_or_default();
                code.contains(&format!("use {users}")) || code.contains(&format!(" {users}"))
            };
            // Examples and benches may compare with anything.
            let is_product = path.starts_with(Path::new(&krate).join("src"));
            if is_product && !homes.contains(&krate.as_str()) && text.lines().any(|line| uses(&line)) {
                wrong.push(format!("{} uses {engine}", path.display()));
            }
        }
    }
    none(wrong, "an engine stands behind one crate's interface");
}

#[test]
fn commerce_is_pure() {
    let allowed =
        ["blake3", "bytes", "gearify-storage", "postcard", "serde", "thiserror", "unicode-normalization"];
    let named = dependencies("commerce");
    let further = named.iter().filter(|name| !allowed.contains(&name.as_str()));
    none(
        further.map(|name| format!("commerce names {name}")).collect(),
        "no clock, no runtime, no files, no luck",
    );
}

#[test]
fn pages_have_no_script_or_style_of_their_own() {
    let handlers = [
        "onclick", "onload", "onerror", "onchange", "onsubmit", "oninput", "onfocus", "onblur", "onkey",
        "onmouse",
    ];
    let mut wrong = Vec::new();
    for (path, text) in files(&[".html"]).into_iter().filter(|(path, _)| path.starts_with("web")) {
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let scripts = lower.match_indices("<script").map(|(at, _)| &lower[at..]);
            // Data for search engines is not run by anybody.
            let inline = |tag: &str| {
                let head = tag.split('>').next().unwrap_or_default();
                !head.contains(" src=") && !head.contains("type=\"application/ld+json\"")
            };
            let has_handler = handlers.iter().any(|name| lower.contains(&format!(" {name}")));
            let styled =
                lower.contains(" style=") || lower.contains("<style") || lower.contains("javascript:");
            if styled || has_handler || scripts.into_iter().any(inline) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    none(wrong, "scripts and styles are files of our own");
}

#[test]
fn a_release_holds_no_planted_bug() {
    let switch = std::fs::read_to_string(root().join("storage/src/planted.rs")).expect("it is there");
    for part in ["pub use switch::", "mod switch {"] {
        let guarded = format!("#[cfg(debug_assertions)]\n{part}");
        assert!(switch.contains(&guarded), "what sows stands behind debug assertions: {part}");
    }
    let manifests = files(&["Cargo.toml"]).into_iter().filter(|(_, text)| text.contains("debug-assertions"));
    none(manifests.map(|(path, _)| path.display().to_string()).collect(), "no profile turns assertions on");
    // Put together, so that this file does not find itself.
    let call = concat!("planted::s", "ow");
    let sowers =
        files(&[".rs"]).into_iter().filter(|(_, text)| text.contains(call) || text.contains("{Bug, sow}"));
    let outside = sowers.filter(|(path, _)| !path.starts_with("tests"));
    none(outside.map(|(path, _)| path.display().to_string()).collect(), "only tests sow bugs");
}

#[test]
fn every_table_has_a_tag_of_its_own() {
    let mut owners: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (path, text) in files(&[".rs"]).into_iter().filter(|(path, _)| path.starts_with("commerce/src")) {
        for line in text.lines() {
            let Some((head, tail)) = line.split_once("= Table::new(") else { continue };
            let Some(tag) = tail.split(')').next().and_then(|tag| tag.trim().parse().ok()) else { continue };
            let name =
                head.split(':').next().and_then(|head| head.split_whitespace().last()).unwrap_or_default();
            owners.entry(tag).or_default().push(format!("{}: {name}", path.display()));
        }
    }
    assert!(owners.len() > 40, "the tables were found: {}", owners.len());
    let twice = owners.into_iter().filter(|(_, owners)| owners.len() > 1);
    none(
        twice.map(|(tag, owners)| format!("{tag}: {}", owners.join(", "))).collect(),
        "tags are part of the stored format",
    );
}

/// Lines of the fenced blocks of a document, with continued lines joined and comments taken off.
fn commands(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).expect("the document is there");
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim_start().starts_with("```sh");
        } else if inside {
            let command =
                line.split("  #").next().unwrap_or_default().split(" # ").next().unwrap_or_default();
            found.push(command.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    found.retain(|line| !line.is_empty());
    found
}

#[test]
fn the_commands_of_the_documents_exist() {
    let mut commands = commands("README.md");
    assert!(commands.iter().any(|line| line == "cargo run --release -- demo"), "{commands:?}");
    assert!(commands.iter().any(|line| line == "./tests/run"), "{commands:?}");
    commands.extend(self::commands("docs/backup.md"));
    for line in &commands {
        let words: Vec<&str> = line.split(' ').collect();
        let arguments = match words.as_slice() {
            ["gearify", arguments @ ..] | ["cargo", "run", "--release", "--", arguments @ ..] => arguments,
            ["./tests/run"] => {
                assert!(root().join("tests/run").exists());
                continue;
            }
            // Figures take a release build and many minutes; here only that there is such a program.
            ["cargo", "build", "--release", .., "&&", "target/release/load", "all"] => {
                let manifest = std::fs::read_to_string(root().join("benches/Cargo.toml"));
                assert!(manifest.expect("the benches have a manifest").contains("name = \"load\""));
                continue;
            }
            other => panic!("nobody checks whether this works: {other:?}"),
        };
        // Words before the first option are subcommands, or the value of one; their help knows the options.
        let names: Vec<&str> = arguments.iter().take_while(|word| !word.starts_with('-')).copied().collect();
        let depth = if ["tenant", "config", "cluster", "node", "region", "backup"].contains(&names[0]) {
            2
        } else {
            1
        };
        let mut help = names[..depth].to_vec();
        help.push("--help");
        let ran = run(gearify(&help));
        assert!(ran.status.success(), "{line}: {}", ran.stderr);
        for option in arguments.iter().filter(|word| word.starts_with("--")) {
            assert!(ran.stdout.contains(option), "{line}: {option} is not known:\n{}", ran.stdout);
        }
    }
}

#[test]
fn the_documents_lead_to_files_that_are_there() {
    let mut wrong = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "docs/backup.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect("the document is there");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            if !root().join(target).exists() {
                wrong.push(format!("{document}: {target}"));
            }
        }
    }
    none(wrong, "these are not there");
}
