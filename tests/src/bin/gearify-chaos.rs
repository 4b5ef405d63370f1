//! `gearify-chaos`: the fault harness as a program. It makes namespaces of its own and runs itself in them.
//!
//! ```text
//! gearify-chaos [sim|kills|cuts|rot|apart|storm]… [--full] [--minutes N] [--seed S] [--report FILE]
//! ```
//!
//! Without a tier it runs all of them, short or `--full`; `--minutes` is how long chaos lasts. The seed decides
//! every choice, and is printed.

use anyhow::{Context, bail};
use gearify_tests::chaos::report::{Plan, Report};
use gearify_tests::chaos::{apart, cuts, kills, place, rot, say, storm};
use gearify_tests::sim;
use gearify_tests::sim::many::{run_all, seeds};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const TIERS: [&str; 6] = ["sim", "kills", "cuts", "rot", "apart", "storm"];

struct Asked {
    tiers: BTreeSet<String>,
    plan: Plan,
    seed: u64,
    report: Option<PathBuf>,
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked { tiers: BTreeSet::new(), plan: Plan::SHORT, seed: 1, report: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            tier if TIERS.contains(&tier) => drop(asked.tiers.insert(word)),
            "--full" => asked.plan = Plan::FULL,
            "--minutes" => {
                let minutes: u64 = value()?.parse().context("--minutes takes a number")?;
                asked.plan.storm = Duration::from_secs(minutes * 60);
            }
            "--kills" => asked.plan.kills = value()?.parse().context("--kills takes a number")?,
            "--edits" => asked.plan.edits = value()?.parse().context("--edits takes a number")?,
            "--seed" => asked.seed = value()?.parse().context("--seed takes a number")?,
            "--report" => asked.report = Some(value()?.into()),
            other => bail!("{other} is not known; tiers are {TIERS:?}"),
        }
    }
    if asked.tiers.is_empty() {
        asked.tiers.extend(TIERS.map(str::to_owned));
    }
    Ok(asked)
}

fn simulate(plan: Plan, seed: u64) -> anyhow::Result<Vec<sim::Report>> {
    let of = |shape, count| seeds(sim::Plan { shape, ..sim::Plan::new(seed, plan.ticks) }, count);
    let plans = [of(sim::Shape::Region, plan.seeds), of(sim::Shape::World, plan.world_seeds)].concat();
    let reports = run_all(&plans, |report| say(&report.to_string()));
    let mut wrong: Vec<String> =
        reports.iter().filter(|run| !run.passed()).map(sim::Report::replay).collect();
    wrong.extend(sim::report::inconclusive(&reports));
    if wrong.is_empty() { Ok(reports) } else { bail!("the simulation failed:\n{}", wrong.join("\n")) }
}

fn main() -> anyhow::Result<ExitCode> {
    let Asked { tiers, plan, seed, report } = asked()?;
    if let Some(status) = place::enter()? {
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    say(&format!("seed {seed}, {tiers:?}, {plan:?}"));
    let begun = Instant::now();
    let mut told = Report { seed, ..Report::default() };
    let runs = |tier: &str| tiers.contains(tier);
    told.sim = runs("sim").then(|| simulate(plan, seed)).transpose()?;
    told.cuts = runs("cuts").then(|| cuts::run(plan.cuts, seed));
    told.kills = runs("kills").then(|| kills::run(plan.kills, seed));
    told.rot = runs("rot").then(|| rot::run(plan.edits, seed));
    told.apart = runs("apart").then(|| apart::run(plan.apart, seed));
    told.storm = runs("storm").then(|| storm::run(plan.storm, seed));
    told.seconds = begun.elapsed().as_secs();
    say(&told.told());
    if let Some(file) = report {
        std::fs::write(&file, told.told()).with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
