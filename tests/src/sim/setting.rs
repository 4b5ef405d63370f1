//! The shops of a simulation, made by the same commands as in every story.

use super::crowd::{Shop, Town};
use super::{Shape, Simulation};
use crate::market::Market;
use crate::stage::{self, Stage};
use gearify_commerce::command::{GroupKind, Reply};
use gearify_commerce::intent::Intent;
use gearify_commerce::{Actor, Refusal, TenantId, Timestamp, Vault};
use gearify_storage::Reader;
use gearify_web::ports::{Backend, SubmitError};
use tokio::runtime::Runtime;

/// A node as a stage, while nothing is broken yet.
struct Desk<'s> {
    runtime: &'s Runtime,
    town: &'s Town,
    node: u64,
    serial: u128,
}

impl Stage for Desk<'_> {
    fn submit(
        &mut self,
        tenant: TenantId,
        actor: Actor,
        key: Option<&str>,
        intent: Intent,
    ) -> Result<Reply, Refusal> {
        self.serial += 1;
        let request = stage::request(&*self.town.vault, tenant, actor, key, self.serial, intent);
        let running = self.town.node(self.node).expect("nothing is broken yet");
        match self.runtime.block_on(running.backend.submit_now(&request)) {
            Ok(decided) => decided.result,
            Err(SubmitError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("no decision: {error}"),
        }
    }

    fn pass(&mut self, _millis: i64) {
        panic!("time passes by itself");
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_777_593_600_000)
    }

    fn read(&self, group: GroupKind, tenant: TenantId, with: &mut dyn FnMut(&dyn Reader)) {
        let running = self.town.node(self.node).expect("nothing is broken yet");
        with(&*running.backend.reader(group, tenant));
    }

    fn vault(&self) -> &dyn Vault {
        &*self.town.vault
    }
}

impl Simulation {
    /// Opens shops that sell the same goods under the same names.
    pub(super) fn set_the_scene(&mut self, runtime: &Runtime) {
        let skus = ["BAT", "BALL"].map(str::to_owned).to_vec();
        let homes: &[(&str, u16)] = match self.plan.shape {
            Shape::Region => &[("willow", 0), ("maple", 0)],
            Shape::World => &[("willow", 0), ("maple", 1), ("poplar", 2)],
        };
        let mut shops = Vec::new();
        let mut desk = Desk { runtime, town: &self.town, node: 1, serial: 0 };
        for (slug, region) in homes {
            let nodes: Vec<u64> = self.nodes_of(*region).collect();
            desk.node = nodes[0];
            let mut market = Market::open_in(&mut desk, slug, &format!("region-{region}"));
            market.warehouse(&mut desk, "MAIN");
            for sku in &skus {
                market.product(&mut desk, sku, 2_490);
            }
            shops.push(Shop { market, nodes, skus: skus.clone() });
        }
        self.town.open(shops);
    }
}
