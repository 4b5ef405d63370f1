//! Three nodes on this machine: orders beside etcd, and how long a killed leader is missed.

use crate::{Beside, Run};
use anyhow::{Result, ensure};
use gearify_benches::etcd::Etcd;
use gearify_benches::node::{Demo, Range, logged};
use gearify_benches::outage;
use gearify_benches::region::Region;
use gearify_benches::report::{Figure, median};
use gearify_benches::scenarios::{self, EtcdWork, Extent};
use std::time::Duration;

/// Longest that writes may be missing after their leader is gone.
const MISSED_MAX: Duration = Duration::from_secs(3);

#[expect(clippy::print_stdout, reason = "the driver's report is its purpose")]
impl Run {
    pub async fn three_nodes(&mut self) -> Result<()> {
        let (region, buying) = self.region().await?;
        let outage::Buying { goods, option } = &buying;
        let etcd = Etcd::start().await?;
        let (mut ours, mut transactions, mut puts) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.arguments.rounds {
            let carts =
                scenarios::prepare_carts(region.address(0), goods, option, self.arguments.orders).await?;
            let orders = carts.len().max(1);
            let (_, before) = logged(region.data(0), 0)?;
            let connections = self.arguments.connections;
            ours.push(scenarios::place(region.addresses(), None, carts, "manual", connections).await?);
            let bytes = logged(region.data(0), before)?.0 as usize / orders;
            println!("an order is {bytes} bytes of log");
            transactions.push(scenarios::etcd(&etcd, EtcdWork::Transaction, bytes, self.extent()).await?);
            puts.push(scenarios::etcd(&etcd, EtcdWork::Put, bytes, self.extent()).await?);
        }
        drop(etcd);
        let (figure, put) = (median(ours), median(puts));
        println!("{}", put.line(None));
        println!("{:.2} of a plain put", figure.ratio_to(&put));
        let what = "order placed, three nodes, prepared carts of 3 lines";
        self.beside(&Beside { what, goal: 1.0 }, figure, median(transactions));

        self.killed(region, &buying).await
    }

    /// The kills alone.
    pub async fn leaders(&mut self) -> Result<()> {
        let (region, buying) = self.region().await?;
        self.killed(region, &buying).await
    }

    async fn region(&self) -> Result<(Region, outage::Buying)> {
        let demo = Demo::start(Range { shops: 1, products: self.arguments.products }).await?;
        let (goods, option) = scenarios::market(&demo, 100).await?;
        Ok((Region::grown_from(demo).await?, outage::Buying { goods, option }))
    }

    async fn killed(&mut self, mut region: Region, buying: &outage::Buying) -> Result<()> {
        let extent = Extent { connections: 32, ..self.extent() };
        let (goods, option) = (buying.goods.clone(), buying.option.clone());
        let most = scenarios::checkout(region.addresses(), None, goods, option, "manual", extent).await?;
        println!("{}", most.line(None));
        self.kills(&mut region, &most, buying).await
    }

    async fn kills(&mut self, region: &mut Region, most: &Figure, buying: &outage::Buying) -> Result<()> {
        let rate = most.per_second() / 2.0;
        let tell = |number, without: Duration| println!("kill {number}: {:.2} s", without.as_secs_f64());
        let told = outage::kill_leaders(region, buying, rate, self.arguments.kills, tell).await?;
        ensure!(told.lost.is_empty(), "acknowledged orders are gone: {:?}", told.lost);
        let median = told.missed[told.missed.len() / 2];
        let most = told.missed.last().copied().unwrap_or_default();
        let measured = format!(
            "{:.2} s (most {:.2} s of {} kills at {:.0} orders/s), {} orders acknowledged, none lost",
            median.as_secs_f64(),
            most.as_secs_f64(),
            told.missed.len(),
            rate,
            told.acknowledged,
        );
        println!("leader killed: {measured}");
        let what = "leader killed at half of the most, writes come again after";
        self.table.row(what, measured, "–".into(), "< 3 s, none lost", Some(median < MISSED_MAX));
        Ok(())
    }
}
