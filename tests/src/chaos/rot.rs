//! Corruption: a flipped bit, a lost tail, a page of zeros, an older page, or a swapped neighbour, in every kind
//! of file of a node that stands still.
//!
//! Such a node either makes the damaged part again, from its log or from its neighbours, and then tells what
//! they tell; or it does not start, and one line says why. It never gives another answer.

use super::checks::every_order_is_told;
use super::crowd::{Crowd, Street, Told};
use super::fleet::{Fleet, PATIENCE, Ways};
use super::{checks, say};
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BUYERS: usize = 4;

/// Where files of one kind lie, and how their names end.
const KINDS: [Kind; 7] = [
    ("raft log", "log", &["raftlog.db", "raftlog.db-wal", "raftlog.commit"]),
    ("snapshot", "log", &[".snapshot"]),
    ("state", "groups", &["db", "conf", "CURRENT"]),
    ("history", "events", &[".db", ".db-wal", ".closed"]),
    (
        "ledger and lists",
        "projections",
        &["ledger.db", "ledger.db-wal", "lists.db", "lists.db-wal", "search.db"],
    ),
    ("search index", "projections/search", &[""]),
    ("place in the cluster", "cluster", &[".json"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    FlipBit,
    CutTail,
    ZeroPage,
    /// What stands at its beginning stands at its end as well.
    OldPage,
    /// The bytes of another file of its kind, of another group too.
    Swap,
}

const EDITS: [Edit; 6] =
    [Edit::FlipBit, Edit::FlipBit, Edit::CutTail, Edit::ZeroPage, Edit::OldPage, Edit::Swap];
const PAGE: usize = 4096;

/// What a run of corruptions came to.
#[derive(Debug, Default)]
pub struct Report {
    pub edits: usize,
    /// Nodes that came back and told what their neighbours tell, by the kind of file.
    pub came_back: BTreeMap<String, usize>,
    /// Nodes that did not start, with one line that says why.
    pub refused: BTreeMap<String, usize>,
    /// Lines of refusals, as they were.
    pub lines: BTreeMap<String, usize>,
    pub orders: usize,
}

/// So many edits, each on a node of a fleet that sells.
///
/// # Panics
/// With a wrong answer, a start that neither comes to an end nor says why, or a panic of the node.
pub fn run(edits: usize, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut ways = Ways::default();
    // Snapshots are there to be damaged.
    ways.set("replication.snapshot_log_bytes", "64KiB");
    let mut fleet = Fleet::begin(3, ways, None);
    let street = Street::of(&fleet);
    let crowd = Crowd::come(&fleet.premises.runtime, &street, BUYERS, seed);
    assert!(crowd.sells(30, PATIENCE), "nothing is sold");
    let mut told = crowd.leave(&fleet.premises.runtime);
    let mut report = Report::default();
    for number in 0..edits {
        let (n, kind) = victim(&fleet, number, &mut random);
        // A little is sold between the edits, so that logs and histories have new ends.
        let crowd = Crowd::come(&fleet.premises.runtime, &street, 2, seed ^ number as u64);
        assert!(crowd.sells(2, PATIENCE), "nothing is sold before edit {number}");
        fleet.kill(n);
        told.add(crowd.leave(&fleet.premises.runtime));
        let root = fleet.seats[n].disk.place().to_owned();
        fleet.seats[n].disk.sync();
        let copy = fleet.seats[n].disk.copy();
        let (name, dir, endings) = kind;
        let (path, edit) = spoil(&root, dir, endings, &mut random).expect("the node has files of the kind");
        let spoilt = Spoilt { kind: name, path, edit, copy };
        judge(&mut fleet, n, &spoilt, &told, &mut report);
        report.edits += 1;
        if report.edits % 10 == 0 {
            say(&format!("{} edits: {:?} {:?}", report.edits, report.came_back, report.refused));
        }
    }
    checks::all_is_well(&mut fleet, &street, &mut told);
    report.orders = told.orders.len();
    say(&format!("{report:?}"));
    report
}

type Kind = (&'static str, &'static str, &'static [&'static str]);

/// The kind of file whose turn it is, and a node that has such files.
fn victim(fleet: &Fleet, turn: usize, random: &mut StdRng) -> (usize, Kind) {
    let first = random.random_range(0..3);
    for kind in KINDS.iter().cycle().skip(turn % KINDS.len()).take(KINDS.len()) {
        let has = |n: &usize| !files_of(fleet.seats[*n].disk.place(), kind.1, kind.2).is_empty();
        if let Some(n) = (0..3).map(|n| (first + n) % 3).find(has) {
            return (n, *kind);
        }
    }
    panic!("no node has a file")
}

fn files_of(root: &Path, dir: &str, endings: &[&str]) -> Vec<PathBuf> {
    if !root.join(dir).exists() {
        return Vec::new();
    }
    let mut files = crate::files::all(&root.join(dir));
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        endings.iter().any(|ending| name.ends_with(ending))
            && std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
    };
    files.retain(fits);
    files.sort();
    files
}

/// Starts the node on the damaged file and sees what it does; puts its disk back where it refuses.
fn judge(
    fleet: &mut Fleet,
    n: usize,
    Spoilt { kind, path, edit, copy }: &Spoilt,
    told: &Told,
    report: &mut Report,
) {
    let log_before = std::fs::metadata(fleet.log(n)).map_or(0, |log| log.len());
    let place = path.strip_prefix(fleet.seats[n].disk.place()).unwrap_or(path);
    let what = format!("{edit:?} of {} on node {}", place.display(), n + 1);
    say(&what);
    fleet.launch(n);
    let until = Instant::now() + PATIENCE;
    loop {
        let node = fleet.nodes.get_mut(&n).expect("it was launched");
        if let Some(status) = node.has_ended() {
            let said = fleet.log_since(n, log_before);
            let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("gearify: ")).collect();
            assert!(!said.contains("panicked"), "{what}: it panicked:\n{said}");
            assert!(status.code().is_some_and(|code| code != 0), "{what}: it ended with {status}:\n{said}");
            assert_eq!(lines.len(), 1, "{what}: one line says why:\n{said}");
            *report.refused.entry((*kind).to_owned()).or_default() += 1;
            *report.lines.entry(without_numbers(lines[0])).or_default() += 1;
            fleet.nodes.remove(&n);
            fleet.seats[n].disk.comes_back(copy.clone());
            fleet.start(n);
            return;
        }
        if node.is_ready() {
            break;
        }
        assert!(
            Instant::now() < until,
            "{what}: neither ready nor ended:\n{}",
            fleet.log_since(n, log_before)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::remove_file(copy).expect("the copy is the harness's own");
    every_order_is_told(fleet, told);
    *report.came_back.entry((*kind).to_owned()).or_default() += 1;
}

/// Numbers and paths of one run would make every line its own.
fn without_numbers(line: &str) -> String {
    let words =
        line.split(' ').map(|word| match word.contains('/') || word.chars().any(|c| c.is_ascii_digit()) {
            true => "…",
            false => word,
        });
    words.collect::<Vec<_>>().join(" ")
}

/// A damaged file, and the node's disk as it was before.
struct Spoilt {
    kind: &'static str,
    path: PathBuf,
    edit: Edit,
    copy: PathBuf,
}

/// Damages one file.
fn spoil(root: &Path, dir: &str, endings: &[&str], random: &mut StdRng) -> Option<(PathBuf, Edit)> {
    let files = files_of(root, dir, endings);
    let path = files.choose(random)?.clone();
    let bytes = std::fs::read(&path).ok()?;
    let mut edit = *EDITS.choose(random)?;
    let other = files.iter().find(|other| **other != path && other.extension() == path.extension());
    // A flipped digit of a certificate makes a node that no other answers, which is neither ready nor at its end.
    if (edit == Edit::Swap && other.is_none()) || (edit == Edit::FlipBit && dir == "cluster") {
        edit = Edit::CutTail;
    }
    let spoilt = match edit {
        Edit::FlipBit => {
            let mut spoilt = bytes.clone();
            let at = random.random_range(0..spoilt.len());
            spoilt[at] ^= 1 << random.random_range(0..8);
            spoilt
        }
        Edit::CutTail => {
            let cut = random.random_range(1..=bytes.len().min(PAGE));
            bytes[..bytes.len() - cut].to_vec()
        }
        Edit::ZeroPage => {
            let mut spoilt = bytes.clone();
            let page = random.random_range(0..=(spoilt.len() - 1) / PAGE) * PAGE;
            let end = spoilt.len().min(page + PAGE);
            spoilt[page..end].fill(0);
            spoilt
        }
        Edit::OldPage => {
            let mut spoilt = bytes.clone();
            let length = spoilt.len().min(PAGE);
            let end = spoilt.len() - length;
            spoilt.copy_within(0..length, end);
            spoilt
        }
        Edit::Swap => std::fs::read(other?).ok()?,
    };
    std::fs::write(&path, spoilt).ok()?;
    Some((path, edit))
}
