//! What a run came to, as a document: commit, seeds, counts, faults and what each changed.

use super::{apart, cuts, kills, rot, storm};
use crate::sim;
use crate::sim::Fault;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

/// What is run, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seeds of a region, and of a world of three, each so many ticks long.
    pub seeds: u64,
    pub world_seeds: u64,
    pub ticks: u64,
    pub kills: usize,
    pub cuts: cuts::Plan,
    pub edits: usize,
    /// For how long a region is cut off.
    pub apart: Duration,
    pub storm: Duration,
}

impl Plan {
    /// For every change: minutes.
    pub const SHORT: Plan = Plan {
        seeds: 20,
        world_seeds: 2,
        ticks: 20_000,
        kills: 30,
        cuts: cuts::Plan { of_one: 4, of_all: 2 },
        edits: 40,
        apart: Duration::from_secs(20),
        storm: Duration::from_secs(60),
    };
    /// Before a release.
    pub const FULL: Plan = Plan {
        seeds: 200,
        world_seeds: 20,
        ticks: 20_000,
        kills: 180,
        cuts: cuts::Plan { of_one: 40, of_all: 20 },
        edits: 200,
        apart: Duration::from_secs(600),
        storm: Duration::from_secs(480),
    };
}

/// What the tiers came to; those that were not run are not there.
#[derive(Debug, Default)]
pub struct Report {
    pub seed: u64,
    pub seconds: u64,
    pub sim: Option<Vec<sim::Report>>,
    pub kills: Option<kills::Report>,
    pub cuts: Option<cuts::Report>,
    pub rot: Option<rot::Report>,
    pub apart: Option<apart::Report>,
    pub storm: Option<storm::Report>,
}

fn counts<K: std::fmt::Display>(of: &BTreeMap<K, usize>) -> String {
    let all: Vec<String> = of.iter().map(|(what, count)| format!("{what} {count}")).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn commit() -> String {
    let asked =
        Command::new("git").args(["-c", "safe.directory=*", "rev-parse", "--short=12", "HEAD"]).output();
    let said = asked.ok().filter(|output| output.status.success());
    said.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Report {
    /// As Markdown.
    pub fn told(&self) -> String {
        let mut out = format!(
            "# The last run of the fault harness\n\nCommit `{}`, seed {}, {} s. Debug build, three nodes on one \
             machine, each in a network namespace and on an ext4 image of its own.\n\n\
             | tier | done | orders acknowledged | lost | what it changed |\n|---|---|---|---|---|\n",
            commit(),
            self.seed,
            self.seconds
        );
        if let Some(runs) = &self.sim {
            let sum = |of: fn(&sim::Report) -> u64| runs.iter().map(of).sum::<u64>();
            let _ = writeln!(
                out,
                "| simulation | {} seeds, {} ticks, {} s of their time | {} | 0 | {} leaders, {} crashes that took {} \
                 writes and {} commits back, {} snapshots installed, {} calls unknown, then known |",
                runs.len(),
                sum(|run| run.plan.ticks),
                sum(|run| run.plan.ticks) * sim::TICK.as_millis() as u64 / 1_000,
                sum(|run| run.tally.orders),
                sum(|run| run.leaders),
                sum(|run| run.crashes),
                sum(|run| run.unsynced_lost),
                sum(|run| run.commits_taken_back),
                sum(|run| run.snapshots_installed),
                sum(|run| run.tally.unknown)
            );
        }
        if let Some(kills) = &self.kills {
            let _ = writeln!(
                out,
                "| kill -9 | {} kills, {} with a leader | {} | 0 | where they were: {}; calls that became unknown: {} |",
                kills.kills,
                kills.of_leaders,
                kills.orders,
                counts(&kills.places),
                counts(&kills.unknown)
            );
        }
        if let Some(cuts) = &self.cuts {
            let _ = writeln!(
                out,
                "| power cuts | {} of one node, {} of all three | {} | 0 | {} files had lost something that was not \
                 synced, {} states were built again; the same cut where sync calls do nothing: {} |",
                cuts.of_one, cuts.of_all, cuts.orders, cuts.files_lost, cuts.states_rebuilt, cuts.lie
            );
        }
        if let Some(rot) = &self.rot {
            let _ = writeln!(
                out,
                "| corruption | {} edits | {} | 0 | came back equal: {}; refused to start with one line: {} |",
                rot.edits,
                rot.orders,
                counts(&rot.came_back),
                counts(&rot.refused)
            );
        }
        if let Some(apart) = &self.apart {
            let _ = writeln!(
                out,
                "| a region cut off | {} s | {} | 0 | {} edits of what all regions share were made meanwhile, {} refused \
                 where it was cut off; at most {} ms without a sale; one again after {} ms |",
                apart.seconds,
                apart.orders,
                apart.edits,
                apart.refused,
                apart.longest_gap_ms,
                apart.converged_ms
            );
        }
        if let Some(storm) = &self.storm {
            let _ = writeln!(
                out,
                "| chaos | {} faults in {} s | {} | 0 | {} calls; refused: {}; unknown, then known: {} |",
                storm.faults.len(),
                storm.seconds,
                storm.orders,
                storm.calls,
                counts(&storm.refused),
                counts(&storm.unknown)
            );
        }
        self.tell_details(&mut out);
        out
    }

    fn tell_details(&self, out: &mut String) {
        if let Some(runs) = &self.sim {
            out.push_str(
                "\n## Faults of the simulation\n\nHow often each came, and how much was felt of it:\n\n",
            );
            let mut faults: BTreeMap<Fault, (u64, u64)> = BTreeMap::new();
            for (fault, (times, felt)) in runs.iter().flat_map(|run| &run.faults) {
                let sum = faults.entry(*fault).or_default();
                *sum = (sum.0 + times, sum.1 + felt);
            }
            for (fault, (times, felt)) in faults {
                let _ = writeln!(out, "- {fault:?}: {times} times, {felt}");
            }
        }
        if let Some(rot) = &self.rot {
            out.push_str("\n## How nodes refused damaged files\n\n");
            for (line, count) in &rot.lines {
                let _ = writeln!(out, "- {count} × `{line}`");
            }
        }
        if let Some(storm) = &self.storm {
            let kinds: BTreeMap<String, usize> =
                storm.by_kind().into_iter().map(|(fault, count)| (format!("{fault:?}"), count)).collect();
            let _ = writeln!(out, "\n## Faults of the chaos run\n\n{}\n", counts(&kinds));
            for (fault, effect) in &storm.faults {
                let _ = writeln!(out, "- {fault:?}: {effect}");
            }
        }
    }
}
