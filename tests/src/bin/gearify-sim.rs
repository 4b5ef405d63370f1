//! `gearify-sim`: the simulation as a program, and the one command that repeats a run.
//!
//! ```text
//! gearify-sim [--seed S] [--seeds N] [--ticks T] [--world] [--trace] [--bug NAME]
//! ```
//!
//! Runs seeds S to S + N - 1 of one region, with `--world` of three. `--bug` plants a bug, to see how soon it is
//! found; `--trace` tells all that happened.

use anyhow::{Context, bail};
use gearify_storage::planted::Bug;
use gearify_tests::sim::many::{run_all, seeds};
use gearify_tests::sim::report::inconclusive;
use gearify_tests::sim::{Plan, Report, Shape};
use std::process::ExitCode;

fn asked() -> anyhow::Result<(Plan, u64)> {
    let (mut plan, mut count) = (Plan::new(1, 20_000), 1);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        let number = |value: String| value.parse().with_context(|| format!("{value} is not a number"));
        match word.as_str() {
            "--trace" => plan.traced = true,
            "--world" => plan.shape = Shape::World,
            "--seed" => plan.seed = number(value()?)?,
            "--seeds" => count = number(value()?)?,
            "--ticks" => plan.ticks = number(value()?)?,
            "--bug" => {
                let name = value()?;
                let found = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
                plan.bug =
                    Some(found.with_context(|| format!("{name} is no bug; there are {:?}", Bug::ALL))?);
            }
            _ => bail!("{word} is not known; there are --seed, --seeds, --ticks, --world, --bug and --trace"),
        }
    }
    if cfg!(not(debug_assertions)) && plan.bug.is_some() {
        bail!("this build has no bugs to plant");
    }
    Ok((plan, count))
}

#[expect(clippy::print_stdout, reason = "what a run came to is what this program is for")]
fn tell(report: &Report) {
    report.trace.iter().for_each(|line| println!("    {line}"));
    println!("{report}");
}

fn main() -> anyhow::Result<ExitCode> {
    let (plan, count) = asked()?;
    let reports = run_all(&seeds(plan, count), tell);
    let mut wrong: Vec<String> =
        reports.iter().filter(|report| !report.passed()).map(Report::replay).collect();
    if count > 1 {
        wrong.extend(inconclusive(&reports));
    }
    wrong.iter().for_each(|line| eprintln!("{line}"));
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
