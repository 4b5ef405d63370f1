//! A shop moves over the shards of three nodes while it sells; leaders change in the middle, and after it was closed.

use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::bundle::{self, ArrivalId, Command};
use gearify_commerce::placement;
use gearify_commerce::{GroupKind, Shard, Site, TenantId};
use gearify_node::doctor;
use gearify_node::moving::carry::{CarryError, Ground, Numbered, Taken, carry};
use gearify_node::moving::{self, NodeGround};
use gearify_node::state::GroupKey;
use gearify_storage::Reader;
use gearify_tests::scenario::Scenario;
use gearify_tests::{Cluster, Stage, Telling, audit};
use tokio_util::sync::CancellationToken;

/// A node that is lost after so many steps, or right after it closed the shop.
struct Lost<'b> {
    ground: NodeGround<'b>,
    steps: usize,
    on_leaving: bool,
}

impl Lost<'_> {
    fn is_gone(&mut self) -> Result<(), CarryError> {
        self.steps = self.steps.saturating_sub(1);
        match self.steps {
            0 => Err(CarryError::Unreachable("the node was lost".into())),
            _ => Ok(()),
        }
    }
}

impl Ground for Lost<'_> {
    fn rows(&self) -> &dyn Reader {
        self.ground.rows()
    }

    fn touched(&mut self) -> BoxFuture<'_, Result<Vec<Vec<u8>>, CarryError>> {
        self.ground.touched()
    }

    fn events(&mut self, from: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Numbered>, CarryError>> {
        self.ground.events(from, limit)
    }

    fn leave(&mut self) -> BoxFuture<'_, Result<(), CarryError>> {
        async move {
            self.ground.leave().await?;
            if self.on_leaving { Err(CarryError::Unreachable("the node was lost".into())) } else { Ok(()) }
        }
        .boxed()
    }

    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Taken, CarryError>> {
        async move {
            self.is_gone()?;
            self.ground.step(command).await
        }
        .boxed()
    }

    fn note(&mut self, command: placement::Command) -> BoxFuture<'_, Result<(), CarryError>> {
        self.ground.note(command)
    }
}

type Shop = Scenario<Cluster>;

fn placed(shop: &Shop, tenant: TenantId) -> (Option<Shard>, bool) {
    let (_, desk) = shop.stage.nodes().find(|(node, _)| *node == shop.stage.desk()).unwrap();
    (desk.shards.shard_of(tenant, Site::FIRST), desk.shards.is_moving(tenant, Site::FIRST))
}

/// The leader of the shop's shard carries it off and is lost on the way: cut off from everybody.
fn lose_the_carrier(shop: &mut Shop, to: Shard, steps: usize, on_leaving: bool) {
    let tenant = shop.tenant();
    let from = placed(shop, tenant).0.unwrap();
    let owner = (tenant, Site::FIRST);
    shop.stage.place(placement::Command::Move { tenant, site: Site::FIRST, to }).unwrap();
    let node = shop.stage.leader_of(from);
    let backend = shop.stage.node(node).backend().clone();
    let handle = backend.find(GroupKey::Region(from)).unwrap().clone();
    let ground = NodeGround::new(&backend, handle, owner, to);
    let mut lost = Lost { ground, steps, on_leaving };
    let carried = shop.stage.block_on(carry(&mut lost, owner, (from, to), ArrivalId(1)));
    assert!(matches!(carried, Err(CarryError::Unreachable(_))), "{carried:?}");
    drop(lost);
    shop.stage.cut_off(node);
}

/// Everybody but the node that is away carries on.
fn movers(shop: &Shop, away: Option<u64>) -> CancellationToken {
    let stop = CancellationToken::new();
    for (_, core) in shop.stage.nodes().filter(|(node, _)| Some(*node) != away) {
        let moving = moving::run(core.backend().clone(), stop.clone());
        shop.stage.block_on(async { drop(tokio::spawn(moving)) });
    }
    stop
}

/// Sells until the shop is where it shall be, and once there; answers how many orders that took.
fn sell_until_there(shop: &mut Shop, to: Shard, names: &str) -> usize {
    let tenant = shop.tenant();
    for n in 0.. {
        let is_there = placed(shop, tenant) == (Some(to), false);
        let buyer = shop.shopper(&format!("{names}{n}"));
        shop.run([buyer.adds("BALL", 1), buyer.pays()]);
        assert!(shop.has_order(&buyer));
        if is_there {
            return n + 1;
        }
        assert!(n < 3_000, "it never comes to {to}");
    }
    unreachable!("numbers have no end")
}

#[test]
fn a_shop_moves_while_it_sells_whoever_is_lost_on_the_way() {
    let cluster = Cluster::three();
    cluster.divide_among_all(3);
    let mut shop = Scenario::on(cluster);
    shop.product("BALL", "24.90").stock("BALL", 5_000);
    let tenant = shop.tenant();
    assert_eq!(placed(&shop, tenant), (Some(Shard(0)), false));
    let mut sold = 0;

    // In the middle of the copy, then right after the shop was closed.
    for (to, steps, on_leaving) in [(Shard(1), 3, false), (Shard(2), usize::MAX, true)] {
        let earlier = shop.shopper(&format!("earlier{}", to.0));
        shop.run([earlier.adds("BALL", 1), earlier.pays()]);
        lose_the_carrier(&mut shop, to, steps, on_leaving);
        let away = shop.stage.away();
        let stop = movers(&shop, away);
        sold += 1 + sell_until_there(&mut shop, to, &format!("to{}-", to.0));
        shop.stage.heal();
        stop.cancel();
    }
    // And back, with nobody lost.
    let stop = movers(&shop, None);
    shop.stage.place(placement::Command::Move { tenant, site: Site::FIRST, to: Shard(0) }).unwrap();
    sold += sell_until_there(&mut shop, Shard(0), "back-");
    shop.stage.pass(61_000);
    shop.stage.until("what it left is swept up", || {
        shop.stage.nodes().all(|(_, core)| {
            [1, 2].into_iter().all(|shard| {
                let state = &core.shards.get(Shard(shard)).unwrap().handle.state;
                let rows = bundle::rows(&**state, (tenant, Site::FIRST), None, 1).unwrap();
                placement::left(&**state, 1).is_empty() && rows.is_empty()
            })
        })
    });
    stop.cancel();

    audit::check(&shop.stage, tenant);
    shop.stage.agreed();
    let orders = gearify_tests::stage::look(&shop.stage, GroupKind::Region, tenant, |view| {
        gearify_commerce::orders::ORDERS.list(view, &(), usize::MAX).len()
    });
    assert_eq!(orders, sold);
    for (node, core) in shop.stage.nodes() {
        shop.stage.block_on(doctor::contents(core)).unwrap();
        let wrong: Vec<_> =
            doctor::examine(core, true, |_| true).into_iter().filter(|finding| !finding.ok).collect();
        assert!(wrong.is_empty(), "node {node}: {wrong:#?}");
    }
}
