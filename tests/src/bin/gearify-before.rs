//! `gearify serve` as the program before the present one knows it: one state version less, and otherwise the
//! same. Nodes of both run in one cluster while an operator replaces them. With `--roster-only`, it lacks the
//! version in the cluster's roster and knows everything else.

use anyhow::{Context, bail};
use gearify_commerce::version;
use gearify_config::Settings;
use gearify_node::runtime::{Known, NodeRuntime, asked_to_end};
use gearify_node::telemetry::{self, Metrics};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some("serve") {
        bail!("it only serves");
    }
    let mut known = Known { shops: version::NEWEST - 1, roster: version::NEWEST - 1 };
    let mut options = Vec::new();
    while let Some(flag) = arguments.next() {
        if flag == "--roster-only" {
            known.shops = version::NEWEST;
            continue;
        }
        let option = arguments.next().filter(|_| flag == "--set").context("only --set KEY=VALUE is known")?;
        let (key, value) = option.split_once('=').context("--set needs KEY=VALUE")?;
        options.push((key.to_owned(), value.to_owned()));
    }
    let settings = Settings::resolve(None, std::iter::empty::<(String, String)>(), &options)?;
    telemetry::start_logs(&settings.telemetry)?;
    let metrics = Metrics::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let ending = asked_to_end();
        let node = NodeRuntime::start_knowing(known, &settings, Some(metrics)).await?;
        ending.await?;
        node.stop().await;
        Ok(())
    })
}
