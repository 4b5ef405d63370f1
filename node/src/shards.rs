//! The shards of its region that this node runs, and where every other one is.
//!
//! Every node has the first shard, and with it the region's placement. Further shards are opened when they
//! are placed here, at a start or later, and stay open until the node stops: one that was placed elsewhere
//! meanwhile serves as long as it is still fed. A shard serves from here once this node had all that had been
//! acknowledged.

use crate::backend::GroupHandle;
use crate::machine::Listener;
use crate::opening::Opener;
use crate::projectors::Histories;
use crate::projectors::lists::ListReader;
use crate::state::GroupState;
use arc_swap::ArcSwap;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use gearify_commerce::placement::{self, Placement, SHARDS_MAX, SitePlace};
use gearify_commerce::{GroupKind, ReadScope, Shard, Site, TenantId};
use gearify_replication::NodeId;
use gearify_storage::ProjectionDb;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often it is looked at whether a shard serves from here.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// In a region with one shard nothing has to be looked at.
const NOTHING_TO_DO: Duration = Duration::from_secs(3600);

/// A shard that runs here.
pub struct ShardParts {
    pub handle: GroupHandle,
    /// The shared groups', and this shard's.
    pub histories: Histories,
    pub lists: ListReader,
    pub lists_db: Arc<ProjectionDb>,
    pub ledger_db: Arc<ProjectionDb>,
    serves: AtomicBool,
}

impl ShardParts {
    /// `serves`: what is here may be read at once.
    pub fn new(
        handle: GroupHandle,
        histories: Histories,
        lists: ListReader,
        (lists_db, ledger_db): (Arc<ProjectionDb>, Arc<ProjectionDb>),
        serves: bool,
    ) -> ShardParts {
        ShardParts { handle, histories, lists, lists_db, ledger_db, serves: AtomicBool::new(serves) }
    }

    /// Whether this node may be asked for what the shard holds.
    pub fn serves(&self) -> bool {
        self.serves.load(Ordering::Acquire)
    }

    /// Finds out whether the shard serves from here; whether it begins to.
    async fn look(&self, is_seated: bool) -> bool {
        let metrics = self.handle.group.metrics();
        let me = self.handle.group.node();
        let is_member = metrics.voters.contains(&me) || metrics.learners.contains(&me);
        let serves = self.serves.load(Ordering::Acquire);
        // A node that lost its seat may never hear that it is no member any more.
        let is_known_fit = is_seated && serves;
        let is_fit = is_member && (is_known_fit || self.handle.group.read_barrier().await.is_ok());
        self.serves.store(is_fit, Ordering::Release);
        is_fit && !serves
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Shards {
    shared: Arc<Shared>,
}

struct Shared {
    me: NodeId,
    first: Arc<GroupState>,
    open: Vec<OnceLock<ShardParts>>,
    placement: ArcSwap<Placement>,
    refreshing: Mutex<()>,
    /// Counts what is opened and placed.
    changes: watch::Sender<u64>,
}

impl Shards {
    /// `first` is the state of the first shard, where the placement stands.
    pub fn new(me: NodeId, first: Arc<GroupState>) -> Shards {
        let open = (0..SHARDS_MAX).map(|_| OnceLock::new()).collect();
        let placement = ArcSwap::from_pointee(placement::read(&*first));
        let (refreshing, changes) = (Mutex::new(()), watch::Sender::new(0));
        Shards { shared: Arc::new(Shared { me, first, open, placement, refreshing, changes }) }
    }

    /// Reads the placement anew.
    pub fn refresh(&self) {
        // Whoever reads later stores later.
        let _turn = self.shared.refreshing.lock();
        self.shared.placement.store(Arc::new(placement::read(&*self.shared.first)));
        self.changed();
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Tells when a shard was opened or something was placed.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    pub fn placement(&self) -> Arc<Placement> {
        self.shared.placement.load_full()
    }

    /// Puts a shard that was opened among the others.
    pub fn add(&self, shard: Shard, parts: ShardParts) {
        let is_new = self.shared.open[usize::from(shard.0)].set(parts).is_ok();
        assert!(is_new, "a shard is opened once");
        self.changed();
    }

    /// A shard that runs here.
    pub fn get(&self, shard: Shard) -> Option<&ShardParts> {
        self.shared.open.get(usize::from(shard.0))?.get()
    }

    pub fn first(&self) -> &ShardParts {
        self.get(Shard::FIRST).expect("every node has the first shard")
    }

    /// All that run here.
    pub fn open(&self) -> impl Iterator<Item = (Shard, &ShardParts)> {
        (0..SHARDS_MAX).map(Shard).filter_map(|shard| Some((shard, self.get(shard)?)))
    }

    /// The shard that holds a site; `None` before it was given one.
    pub fn shard_of(&self, tenant: TenantId, site: Site) -> Option<Shard> {
        self.shared.placement.load().shard_of(tenant, site)
    }

    /// The shard that holds a site, if it serves from here.
    pub fn serving(&self, tenant: TenantId, site: Site) -> Option<&ShardParts> {
        let placement = self.shared.placement.load();
        let parts = self.get(placement.shard_of(tenant, site)?).filter(|parts| parts.serves())?;
        let since = placement.since(tenant, site);
        (since == 0 || parts.handle.state.applied_index() >= since).then_some(parts)
    }

    /// Whether a site is on its way from one shard to another.
    pub fn is_moving(&self, tenant: TenantId, site: Site) -> bool {
        self.shared.placement.load().moves.contains_key(&(tenant, site))
    }

    /// Waits while the shard that holds a site is being left by it, at most `limit`: who comes then is answered
    /// where it goes.
    pub async fn while_leaving(&self, tenant: TenantId, site: Site, limit: Duration) {
        let is_leaving = || {
            let parts = self.is_moving(tenant, site).then(|| self.serving(tenant, site)).flatten();
            parts.is_some_and(|parts| {
                let view = ReadScope::new(&*parts.handle.state, tenant, site);
                placement::moved_to(&view).is_some()
            })
        };
        let mut changes = self.watch();
        let gone = async {
            while is_leaving() {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(limit, gone).await;
    }

    /// Lets what lives in memory look at sites that have come to a shard that runs here, once all of theirs is
    /// here. `told` is what it has looked at before.
    fn tell_who_came(&self, told: &mut BTreeMap<(TenantId, Site), SitePlace>, listener: &dyn Listener) {
        let placement = self.placement();
        for (owner, place) in placement.sites.iter().filter(|(_, place)| place.since > 0) {
            let is_told = told.get(owner) == Some(place);
            if !is_told && (self.get(place.shard).is_none() || self.serving(owner.0, owner.1).is_some()) {
                listener.came(owner.0);
                told.insert(*owner, *place);
            }
        }
    }

    /// Whether a shard is placed on this node.
    pub fn is_seated(&self, shard: Shard) -> bool {
        let placement = self.shared.placement.load();
        let seats = placement.shards.get(&shard);
        shard == Shard::FIRST || seats.is_some_and(|seats| seats.nodes.contains(&self.shared.me.0))
    }

    /// Whether what is here of a shard goes on, and is not just what is left of it.
    pub fn is_current(&self, shard: Shard) -> bool {
        self.is_seated(shard)
            || self.get(shard).is_some_and(|parts| parts.serves() && parts.handle.group.is_leader())
    }

    /// The nodes that a shard is placed on, without this one.
    pub fn others(&self, shard: Shard) -> Vec<NodeId> {
        let placement = self.shared.placement.load();
        let nodes = placement.shards.get(&shard).into_iter().flat_map(|seats| &seats.nodes);
        nodes.map(|node| NodeId(*node)).filter(|node| *node != self.shared.me).collect()
    }

    /// Opens what is placed here and is not open yet.
    pub async fn open_placed(&self, opener: &Opener) {
        let placement = self.placement();
        for (&shard, seats) in &placement.shards {
            let is_due = self.is_seated(shard) || opener.keeps.contains(&shard);
            if !is_due || self.get(shard).is_some() {
                continue;
            }
            let founds = seats.founder == self.shared.me.0;
            match opener.open(shard, founds).await {
                Ok(()) => tracing::info!(%shard, "a shard runs here now"),
                Err(error) => tracing::error!(%shard, %error, "a shard that is placed here does not open"),
            }
        }
    }

    /// Follows the placement until the node stops.
    pub async fn keep(self, opener: Opener, stop: CancellationToken) {
        let mut changes = self.watch();
        let mut told = BTreeMap::new();
        let following = async {
            loop {
                changes.mark_unchanged();
                self.open_placed(&opener).await;
                let further: Vec<_> = self.open().filter(|(shard, _)| *shard != Shard::FIRST).collect();
                let looks = further.iter().map(|(shard, parts)| parts.look(self.is_seated(*shard)));
                let pause = if further.is_empty() { NOTHING_TO_DO } else { LOOK_AGAIN };
                let begun = futures::future::join_all(looks).await;
                if begun.contains(&true) {
                    // What lives in memory has not looked here yet.
                    opener.listener.replaced(GroupKind::Region);
                }
                self.tell_who_came(&mut told, &*opener.listener);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    changed = changes.changed() => if changed.is_err() { return },
                }
            }
        };
        tokio::select! {
            () = following => {}
            () = stop.cancelled() => {}
        }
    }

    /// Runs `tend` for every shard that runs here now or later, until all of them end.
    pub async fn tend_each<F: Future<Output = ()>>(&self, tend: impl Fn(Shard) -> F) {
        let (mut changes, mut known, mut tended) = (self.watch(), BTreeSet::new(), FuturesUnordered::new());
        loop {
            changes.mark_unchanged();
            let new = self.open().map(|(shard, _)| shard).filter(|shard| known.insert(*shard));
            tended.extend(new.map(&tend));
            tokio::select! {
                _ = tended.next(), if !tended.is_empty() => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}
