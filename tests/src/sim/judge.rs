//! After the storm: the cluster leads, agrees and serves again, and the books are compared.

use super::crowd::{Buying, Shop};
use super::linear::{self, Verdict};
use super::{AGREE_WITHIN, LEAD_WITHIN, Simulation, TICK};
use bytes::Bytes;
use gearify_commerce::event::Envelope;
use gearify_commerce::orders::ORDERS;
use gearify_commerce::{GroupKind, OrderId, ReadScope, Site};
use gearify_node::audit;
use gearify_node::state::{GROUPS, GroupState, LOCAL};
use gearify_replication::GroupId;
use gearify_storage::state_hash::hash_rows;
use gearify_storage::{EventPosition, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

impl Simulation {
    pub(super) async fn recover(&mut self) {
        if self.has_failed() {
            return;
        }
        let nodes: Vec<u64> = self.hosts.keys().copied().collect();
        for node in nodes {
            self.start(node).await;
        }
        if !self.led_within(LEAD_WITHIN).await {
            return;
        }
        // The last calls come to their end, or are given up.
        self.town.closing.store(true, Ordering::Relaxed);
        self.agree().await;
        self.serve().await;
        // Time passed, and the till goes on. From here to the end nothing moves any more.
        self.agree().await;
        if self.has_failed() {
            return;
        }
        self.compare_states();
        self.compare_histories();
        self.count_orders();
        self.check_stock();
    }

    /// Every node comes to hold everything, and everybody to an answer.
    async fn agree(&mut self) {
        let until = Instant::now() + AGREE_WITHIN;
        loop {
            tokio::time::sleep(TICK).await;
            self.watch.look(&self.hosts);
            if self.has_failed() {
                return;
            }
            let everybody = self.town.out.load(Ordering::Relaxed) == 0;
            if everybody && self.all_equal() {
                return;
            }
            if Instant::now() > until {
                let at: Vec<String> = self.positions().iter().map(|row| format!("{row:?}")).collect();
                let wrong = format!("no agreement within {AGREE_WITHIN:?}: {}", at.join(", "));
                return self.common.wrong.lock().push(wrong);
            }
        }
    }

    /// What each node has applied of each group.
    fn positions(&self) -> Vec<(GroupId, u64, u64)> {
        let running = self.town.running.lock();
        let of = |kind| {
            running.iter().map(move |(node, running)| {
                (running.backend.group(kind).group.id(), *node, running.backend.state(kind).applied_index())
            })
        };
        GROUPS.into_iter().flat_map(of).collect()
    }

    fn all_equal(&self) -> bool {
        let mut applied: BTreeMap<GroupId, BTreeSet<u64>> = BTreeMap::new();
        for (group, _, index) in self.positions() {
            applied.entry(group).or_default().insert(index);
        }
        applied.values().all(|indexes| indexes.len() == 1)
    }

    /// A linearizable read at every node. The last fault may have ended a moment ago, and elections go on.
    async fn serve(&mut self) {
        let running: Vec<_> = self.town.running.lock().values().cloned().collect();
        for running in running {
            let node = running.backend.group(GroupKind::Region).group.node();
            for kind in GROUPS {
                let group = &running.backend.group(kind).group;
                let until = Instant::now() + LEAD_WITHIN;
                let mut read = group.read_barrier().await;
                while read.is_err() && Instant::now() < until {
                    tokio::time::sleep(TICK).await;
                    read = group.read_barrier().await;
                }
                if read.is_err() {
                    self.common
                        .wrong
                        .lock()
                        .push(format!("node {node} serves no reads of {kind:?} after the storm"));
                }
            }
        }
    }

    fn states(&self, kind: GroupKind, nodes: &[u64]) -> Vec<(u64, Arc<GroupState>)> {
        let running = self.town.running.lock();
        let wanted = running.iter().filter(|(node, _)| nodes.contains(node));
        wanted.map(|(node, running)| (*node, running.backend.state(kind).clone())).collect()
    }

    fn say(&self, wrong: String) {
        self.common.wrong.lock().push(wrong);
    }

    /// Row by row, not only by the hash that is carried along.
    fn compare_states(&self) {
        let mut hashes: BTreeMap<GroupId, [u8; 32]> = BTreeMap::new();
        for (node, running) in &*self.town.running.lock() {
            for (kind, handle) in running.backend.groups() {
                let hash = hash_rows(&*handle.state, b"", &[LOCAL]).expect("memory can be read");
                if *hashes.entry(handle.group.id()).or_insert(hash) != hash {
                    self.say(format!("the rows of {kind:?} on node {node} differ from those of others"));
                }
            }
        }
    }

    /// Event histories have no gap, no double and no difference.
    fn compare_histories(&self) {
        let mut told: BTreeMap<GroupId, Vec<(EventPosition, Bytes)>> = BTreeMap::new();
        for host in self.hosts.values() {
            let Some(running) = &host.running else { continue };
            for (kind, handle) in running.backend.groups() {
                let reader = running.stores[&kind.kind()].lock().reader();
                let rows =
                    reader.read(EventPosition::default(), usize::MAX).expect("the history can be read");
                let mut last: BTreeMap<Bytes, u64> = BTreeMap::new();
                for row in &rows {
                    let before = last.entry(row.stream.clone()).or_default();
                    let event: Envelope = decode(&row.body).expect("an event can be read");
                    if event.sequence != *before + 1 {
                        let (node, found) = (host.id, event.sequence);
                        return self
                            .say(format!("node {node}: event {found} of {kind:?} comes after {before}"));
                    }
                    *before = event.sequence;
                }
                let own: Vec<_> = rows.into_iter().map(|row| (row.position, row.body)).collect();
                let others = told.entry(handle.group.id()).or_insert_with(|| own.clone());
                // Movers may be a round apart.
                if own.iter().zip(others.iter()).any(|(one, other)| one != other) {
                    self.say(format!("node {} has another history of {kind:?} than others", host.id));
                }
            }
        }
    }

    /// Every order somebody was told of is there, once, and none that nobody asked for.
    fn count_orders(&self) {
        let buyings = self.town.buyings.lock();
        for Shop { market, nodes, .. } in self.town.shops() {
            for (node, state) in self.states(GroupKind::Region, nodes) {
                let view = ReadScope::new(&*state, market.tenant, Site::FIRST);
                let orders = ORDERS.list(&view, &(), usize::MAX);
                let mut by_cart: BTreeMap<_, Vec<OrderId>> = BTreeMap::new();
                for order in &orders {
                    by_cart.entry(order.cart).or_default().push(order.id);
                }
                for buying in buyings.iter().filter(|buying| buying.tenant == market.tenant) {
                    let found = by_cart.remove(&buying.cart).unwrap_or_default();
                    let fits = match buying.outcome {
                        Some(Some(order)) => found == [order],
                        Some(None) => found.is_empty(),
                        None => found.len() <= 1,
                    };
                    if !fits {
                        let Buying { key, outcome, was_unknown, .. } = buying;
                        let wrong = format!(
                            "{key} was told {outcome:?} (unknown before: {was_unknown}), and node {node} has {found:?}"
                        );
                        self.say(wrong);
                    }
                }
                if !by_cart.is_empty() {
                    self.say(format!("node {node} has orders that nobody placed: {by_cart:?}"));
                }
            }
        }
    }

    /// Pieces and money add up, and each item's history has an order.
    fn check_stock(&self) {
        for shop in self.town.shops() {
            for (node, state) in self.states(GroupKind::Region, &shop.nodes) {
                let view = ReadScope::new(&*state, shop.market.tenant, Site::FIRST);
                for wrong in audit::shop(&view).wrong {
                    self.say(format!("node {node}: {wrong}"));
                }
            }
        }
        for ((shop, sku), events) in &*self.town.histories.lock() {
            match linear::check(0, events) {
                Verdict::Legal => {}
                verdict => self.say(format!(
                    "the history of {sku} in shop {shop} is {verdict:?} of {} calls",
                    events.len()
                )),
            }
        }
    }
}
