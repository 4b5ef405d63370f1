//! A running node's part in its cluster.
//!
//! Every node: the address book follows the roster; a node that finds itself removed ends, and will not
//! start again. Whoever leads a group brings its members in step with the roster, one step a second.

use super::blobs::FETCHES_MAX;
use super::founding::LONE_LOG_NAME;
use super::identity::{ClusterDir, Identity, IdentityError, KnownPeer, KnownPeers};
use super::machine::{RosterMachine, RosterView};
use super::messages::{Order, PeerRequest, ProposeAnswer};
use super::pulse::Pulses;
use super::recall::KeptLogs;
use super::regions::shared_seats;
use super::roster::{Answer, Command, Entry, NodeState, Outcome, Refusal, Roster};
use super::warrant::Warrant;
use super::{CLUSTER_GROUP, CLUSTER_GROUP_NAME};
use crate::backend::NodeBackend;
use crate::core::{Core, RegionPart};
use crate::room::Room;
use crate::state::{FIRST_REGIONAL, group_name};
use crate::vault::NodeVault;
use gearify_commerce::{GroupKind, Shard, StateVersion};
use gearify_replication::net::{NetLimits, PeerBook, PeerName, PeerRecord, TcpNet, TlsError};
use gearify_replication::{
    Group, GroupOptions, MembershipError, NodeId, ProposeError, Source, StartError, Timers,
};
use gearify_storage::BlobStore;
use gearify_storage::raftlog::OnFatal;
use gearify_storage::{decode, encode};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often it is tried again to found the roster.
const FOUND_PAUSE: Duration = Duration::from_secs(1);
/// How long a proposal to the cluster group looks for its leader.
const PROPOSE_WITHIN: Duration = Duration::from_secs(15);
const CALL_WITHIN: Duration = Duration::from_secs(5);
/// A node that starts waits so long for voters in other regions: longer than they take for an election.
const SHARED_WITHIN: Duration = Duration::from_secs(20);
/// A removed leader gets this long to hand over.
const FAREWELL: Duration = Duration::from_secs(10);
const HAND_OVER_WITHIN: Duration = Duration::from_secs(5);

/// Why a node does not take its place: one line each.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error("the cluster's files can't be used: {0}")]
    Identity(#[from] IdentityError),
    #[error("the node's certificate can't be used: {0}")]
    Tls(#[from] TlsError),
    #[error(
        "node {node} was removed from cluster {cluster} and may not serve again under its number; empty \
         the data directory and join anew"
    )]
    Removed { cluster: String, node: u64 },
    #[error(
        "the raft log of node {node} is gone. Votes were given under this number, so it must not vote \
         again: empty the data directory, and join with a token of `gearify node replace {node}`, given by \
         another node"
    )]
    LogGone { node: u64 },
    #[error("the master key is not that of cluster {cluster}")]
    MasterKey { cluster: String },
    #[error("node.region is {setting}, but this node joined cluster {cluster} in region {region}")]
    Region { setting: String, region: String, cluster: String },
    #[error("the cluster group does not start: {0}")]
    Group(#[from] StartError),
    #[error("the cluster group can't be founded: {0}")]
    Found(#[from] MembershipError),
}

/// A node's part in its cluster.
pub struct Member {
    pub(super) me: PeerName,
    pub(super) vault: Arc<NodeVault>,
    pub(super) net: TcpNet,
    pub(super) roster: RosterView,
    pub(super) data_dir: PathBuf,
    pub(super) runtime: Handle,
    pub(super) certificate_valid: Duration,
    pub(super) newest: StateVersion,
    dir: ClusterDir,
    pub(super) identity: Mutex<Identity>,
    /// Where others reach it.
    address: String,
    /// It belongs to the groups that all regions share; otherwise it observes them.
    is_member: bool,
    /// Voters of those groups are in several regions.
    is_spread: bool,
    machine: Mutex<Option<RosterMachine>>,
    group: OnceLock<Group>,
    backend: OnceLock<Weak<NodeBackend>>,
    pub(super) blobs: OnceLock<Arc<BlobStore>>,
    /// Blobs on their way here at a time.
    pub(super) fetching: Semaphore,
    /// Answers what other regions hand on.
    pub(super) app: OnceLock<axum::Router>,
    /// Other regions of which no node answered last.
    pub(super) unreachable: Mutex<BTreeSet<String>>,
    pub(super) own_room: Mutex<Room>,
    pub(super) pulses: Mutex<Pulses>,
    pub(super) kept: Mutex<KeptLogs>,
    /// What its clock is off by, if that is too much.
    pub(super) off_by_ms: Mutex<Option<i64>>,
    on_fatal: OnFatal,
    /// Since the start everything was here once that had been acknowledged anywhere before.
    has_caught_up: AtomicBool,
    /// Only what is its region's own came here; the others, without which its voters are no majority, did not
    /// answer.
    sells_cut_off: AtomicBool,
    stop: CancellationToken,
}

/// What a member is opened from.
pub struct MemberOptions<'a> {
    pub data_dir: &'a Path,
    pub region: &'a str,
    pub address: String,
    pub vault: Arc<NodeVault>,
    /// How long the certificates hold that this node issues or asks for.
    pub certificate_valid: Duration,
    /// The newest version of the groups' rules that this program knows.
    pub newest: StateVersion,
    pub on_fatal: OnFatal,
}

impl Member {
    /// The node's place in a cluster, if it has one. Nothing runs yet.
    pub fn open(options: MemberOptions<'_>) -> Result<Option<Arc<Member>>, MemberError> {
        let dir = ClusterDir::of(options.data_dir);
        let Some(identity) = dir.identity()? else { return Ok(None) };
        check(&identity, &options)?;
        let book = PeerBook::default();
        let me = identity.name()?;
        let known = dir.peers()?;
        fill(&book, &known, me.node());
        let is_member = takes_seat(&known, me.node());
        let net = TcpNet::new(&identity.credentials()?, book, NetLimits::default())?;
        let (machine, roster) = RosterMachine::new(options.newest);
        Ok(Some(Arc::new(Member {
            me,
            vault: options.vault,
            net,
            roster,
            data_dir: options.data_dir.to_owned(),
            runtime: Handle::current(),
            certificate_valid: options.certificate_valid,
            newest: options.newest,
            dir,
            identity: Mutex::new(identity),
            address: options.address,
            is_member,
            is_spread: shared_seats(&known).voters.is_some(),
            machine: Mutex::new(Some(machine)),
            group: OnceLock::new(),
            backend: OnceLock::new(),
            blobs: OnceLock::new(),
            fetching: Semaphore::new(FETCHES_MAX),
            app: OnceLock::new(),
            unreachable: Mutex::default(),
            own_room: Mutex::default(),
            pulses: Mutex::default(),
            kept: Mutex::default(),
            off_by_ms: Mutex::default(),
            on_fatal: options.on_fatal,
            has_caught_up: AtomicBool::new(false),
            sells_cut_off: AtomicBool::new(false),
            stop: CancellationToken::new(),
        })))
    }

    pub fn node(&self) -> NodeId {
        self.me.node()
    }

    /// This node's part in the groups of its region and of all.
    pub fn region_part(self: &Arc<Member>) -> RegionPart {
        RegionPart {
            region: self.region_number(),
            founds: self.founds_region(),
            keeps: self.identity.lock().keeps.iter().copied().map(Shard).collect(),
            observe: self.source(),
            shared_timers: self.is_spread.then(Timers::wan),
            recall: Some(self.clone()),
        }
    }

    /// The number of this node's region.
    pub fn region_number(&self) -> u16 {
        self.identity.lock().region_number
    }

    /// Where this node reads the shared groups, unless it is a member of them.
    fn source(self: &Arc<Member>) -> Option<Arc<dyn Source>> {
        (!self.is_member).then(|| self.clone() as Arc<dyn Source>)
    }

    pub fn net(&self) -> &TcpNet {
        &self.net
    }

    /// Whose raft log this node's is.
    pub fn log_name(&self) -> String {
        self.identity.lock().log_name.clone()
    }

    /// No other node is known, not even a removed one.
    pub fn is_alone(&self) -> bool {
        self.dir.peers().is_ok_and(|peers| peers.keys().all(|node| *node == self.node().0))
    }

    /// Whether this node makes the groups: only the first one, before the cluster is founded.
    pub fn founds(&self) -> Result<bool, MemberError> {
        Ok(self.dir.founding()?.is_some())
    }

    /// Whether this node makes its region's own group: the first that ever joined there.
    fn founds_region(&self) -> bool {
        let known = self.known_on_disk();
        let first = known.iter().find(|(_, peer)| peer.region == self.me.region());
        first.is_some_and(|(node, _)| *node == self.node().0) && self.region_number() > 0
    }

    pub(super) fn known_on_disk(&self) -> KnownPeers {
        self.dir.peers().unwrap_or_default()
    }

    pub(super) fn backend(&self) -> Option<Arc<NodeBackend>> {
        self.backend.get()?.upgrade()
    }

    pub(super) fn group(&self) -> Option<&Group> {
        self.group.get()
    }

    pub(super) fn certificate_until(&self) -> u64 {
        self.identity.lock().valid_until
    }

    /// Answers peers, takes part in the cluster group, and looks after the groups' members.
    pub async fn start(
        self: &Arc<Member>,
        core: &Core,
        listener: TcpListener,
        options: GroupOptions,
    ) -> Result<(), MemberError> {
        let machine = self.machine.lock().take().expect("a member starts once");
        let part = self.region_part();
        let options = part.shared(&options);
        let group = match part.observe {
            Some(source) => core.node().observe_group(CLUSTER_GROUP, machine, source, &options).await?,
            None => core.node().start_group(CLUSTER_GROUP, machine, options).await?,
        };
        let founding = self.dir.founding()?;
        if founding.is_some() && !group.is_bootstrapped().await.unwrap_or(true) {
            group.bootstrap([self.node()].into()).await?;
        }
        let _ = self.group.set(group.clone());
        let _ = self.backend.set(Arc::downgrade(core.backend()));
        let _ = self.blobs.set(core.blobs.clone());
        self.net.serve(listener, core.node().inbound(), self.clone());
        self.note(|identity| identity.has_begun = true)?;
        self.keep_running(self.clone().catch_up());
        self.keep_running(self.clone().found_roster());
        self.keep_running(self.clone().follow_roster());
        self.keep_running(self.clone().watch_for_removal());
        self.keep_running(self.clone().renew());
        self.keep_running(self.clone().reconcile(group, CLUSTER_GROUP_NAME));
        self.keep_running(self.clone().tell_kept());
        self.keep_running(self.clone().watch_seat());
        self.keep_running(self.clone().watch_regions());
        for (kind, handle) in core.backend().groups().filter(|(key, _)| key.kind() != GroupKind::Region) {
            self.keep_running(self.clone().reconcile(handle.group.clone(), group_name(kind)));
        }
        self.keep_running(self.clone().reconcile_shards(core.backend().clone()));
        self.keep_running(self.clone().seat_shards());
        Ok(())
    }

    /// Hands over what this node leads, before it stops.
    pub async fn resign(&self) {
        let resigned = self.groups().into_iter().map(|(name, group)| async move {
            match tokio::time::timeout(HAND_OVER_WITHIN, group.resign()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(group = name, %error, "leadership was not handed over"),
                Err(_) => tracing::warn!(group = name, "leadership was not handed over in time"),
            }
        });
        futures::future::join_all(resigned).await;
    }

    /// Ends its tasks and every connection.
    pub fn stop(&self) {
        self.stop.cancel();
        self.net.stop();
    }

    /// The state of this node, as far as the roster is known here.
    pub fn state(&self) -> Option<NodeState> {
        self.roster.borrow().state_of(self.node().0)
    }

    /// Since the start, everything came here that sales need and that was acknowledged before it.
    pub(super) fn may_sell(&self) -> bool {
        self.has_caught_up() || self.sells_cut_off.load(Ordering::Acquire)
    }

    /// Since the start, everything came here that had been acknowledged before it.
    pub fn has_caught_up(&self) -> bool {
        self.has_caught_up.load(Ordering::Acquire)
    }

    async fn catch_up(self: Arc<Member>) {
        let joined = self.groups().into_iter().filter(|(_, group)| !group.is_observer());
        let (shared, own): (Vec<_>, Vec<_>) = joined.partition(|(_, group)| group.id().0 < FIRST_REGIONAL);
        catch_up_with(&own).await;
        if self.is_spread && timeout(SHARED_WITHIN, catch_up_with(&shared)).await.is_err() {
            self.sells_cut_off.store(true, Ordering::Release);
            tracing::warn!("not caught up with other regions: this one sells without them");
        }
        catch_up_with(&shared).await;
        self.has_caught_up.store(true, Ordering::Release);
        tracing::info!("caught up with the cluster");
    }

    pub(super) fn groups(&self) -> Vec<(&'static str, Group)> {
        let own = self.group.get().map(|group| (CLUSTER_GROUP_NAME, group.clone()));
        let backend = self.backend();
        let shops = backend.iter().flat_map(|backend| backend.groups());
        own.into_iter().chain(shops.map(|(kind, handle)| (group_name(kind), handle.group.clone()))).collect()
    }

    fn keep_running(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Identity)) -> Result<(), IdentityError> {
        let mut identity = self.identity.lock();
        change(&mut identity);
        self.dir.save_identity(&identity)
    }

    // --- the roster ------------------------------------------------------------------------------

    /// Proposes here, as leader.
    pub(super) async fn propose_here(&self, command: Command) -> ProposeAnswer {
        let Some(group) = self.group.get() else { return ProposeAnswer::NotLeader { leader: None } };
        if let Err(answer) = self.require_known(group, &command).await {
            return answer;
        }
        let entry = Entry { at_ms: crate::backend::now().as_millis(), command };
        match group.propose(encode(&entry).into()).await {
            Ok(proposed) => match decode(&proposed.reply) {
                Ok(Answer(outcome)) => ProposeAnswer::Applied(outcome),
                Err(_) => ProposeAnswer::Unknown,
            },
            Err(ProposeError::NotLeader { leader }) => {
                ProposeAnswer::NotLeader { leader: leader.map(|leader| leader.0) }
            }
            Err(_) => ProposeAnswer::Unknown,
        }
    }

    /// Proposes to whoever leads. Every command may be given twice, so an unknown outcome is tried again.
    pub(super) async fn propose(&self, command: Command) -> Option<Outcome> {
        let until = Instant::now() + PROPOSE_WITHIN;
        while Instant::now() < until {
            let leader = self.group.get().and_then(Group::leader);
            let answer = match leader {
                Some(leader) if leader != self.node() => {
                    let request = encode(&self.proposal(&command));
                    let answer = self.net.request(leader, request.into(), CALL_WITHIN).await;
                    answer.ok().and_then(|answer| decode(&answer).ok())
                }
                _ => Some(self.propose_here(command.clone()).await),
            };
            if let Some(ProposeAnswer::Applied(outcome)) = answer {
                return Some(outcome);
            }
            sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// What asks another node to propose: signed as the operator's, unless it is only about this node.
    fn proposal(&self, command: &Command) -> PeerRequest {
        if matches!(command, Command::Move { .. }) {
            return PeerRequest::Propose(command.clone());
        }
        let order = encode(&Order::Propose(command.clone()));
        let now_ms = crate::backend::now().as_millis();
        let warrant = Warrant::sign(&self.vault, self.me.cluster(), self.node().0, now_ms, &order);
        PeerRequest::Order(warrant, order)
    }

    /// On the first node, once: tells the cluster group what the cluster is.
    async fn found_roster(self: Arc<Member>) {
        let founding = match self.dir.founding() {
            Ok(Some(founding)) => founding,
            Ok(None) => return,
            Err(error) => return (self.on_fatal)(&format!("the cluster can't be founded: {error}")),
        };
        loop {
            let mut outcome = self.propose(Command::Found(Box::new(founding.clone()))).await;
            if matches!(outcome, Some(Err(Refusal::Founded)))
                && self.roster.borrow().cluster != founding.cluster
            {
                outcome = self.propose(Command::Recover(Box::new(founding.clone()))).await;
            }
            if matches!(outcome, Some(Ok(_) | Err(Refusal::Founded))) {
                match self.dir.end_founding() {
                    Ok(()) => tracing::info!(cluster = self.me.cluster(), "the cluster is founded"),
                    Err(error) => tracing::warn!(%error, "what the founding left can't be removed"),
                }
                return;
            }
            sleep(FOUND_PAUSE).await;
        }
    }

    async fn follow_roster(self: Arc<Member>) {
        let mut view = self.roster.clone();
        let mut known = self.dir.peers().unwrap_or_default();
        loop {
            let roster = view.borrow_and_update().clone();
            if !roster.cluster.is_empty() {
                let now = known_peers(&roster);
                if now != known {
                    if let Err(error) = self.dir.save_peers(&now) {
                        tracing::warn!(%error, "the peers' addresses can't be kept");
                    }
                    known = now;
                }
                fill(self.net.book(), &known, self.node());
                self.keep_address(&roster).await;
            }
            if view.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells the others where this node is now.
    async fn keep_address(&self, roster: &Roster) {
        let Some(record) = roster.nodes.get(&self.node().0) else { return };
        if record.address == self.address || record.state == NodeState::Removed {
            return;
        }
        let command = Command::Move { node: self.node().0, address: self.address.clone() };
        match self.propose(command).await {
            Some(Ok(_)) => {
                tracing::info!(address = self.address, "the cluster knows this node's new address")
            }
            Some(Err(refusal)) => tracing::error!(%refusal, "this node's address was refused"),
            None => tracing::warn!("no leader was found to tell this node's new address"),
        }
    }

    async fn watch_for_removal(self: Arc<Member>) {
        let mut told = self.net.removed();
        let mut roster = self.roster.clone();
        let node = self.node().0;
        tokio::select! {
            _ = told.wait_for(|removed| *removed) => {}
            _ = roster.wait_for(|roster| roster.state_of(node) == Some(NodeState::Removed)) => {}
        }
        let until = Instant::now() + FAREWELL;
        while Instant::now() < until && self.groups().iter().any(|(_, group)| group.is_leader()) {
            sleep(Duration::from_millis(100)).await;
        }
        self.end_as_removed();
    }

    pub(super) fn end_as_removed(&self) {
        if let Err(error) = self.note(|identity| identity.is_removed = true) {
            tracing::error!(%error, "the removal can't be noted");
        }
        let (cluster, node) = (self.me.cluster().to_owned(), self.node().0);
        (self.on_fatal)(&MemberError::Removed { cluster, node }.to_string());
    }

    /// Says when this node should begin to vote in the shared groups, or give others more time in them: it
    /// does so when it starts.
    async fn watch_seat(self: Arc<Member>) {
        let mut roster = self.roster.clone();
        let node = self.node();
        let is_other = |roster: &Arc<Roster>| {
            let known = known_peers(roster);
            let is_spread = shared_seats(&known).voters.is_some();
            let takes_seat = known.contains_key(&node.0) && takes_seat(&known, node);
            (takes_seat && !self.is_member) || (is_spread && !self.is_spread)
        };
        if roster.wait_for(is_other).await.is_ok() {
            tracing::warn!("votes are spread over more regions now: restart this node to take its part");
        }
    }

    // --- members ---------------------------------------------------------------------------------
}

/// Waits until everything is here that was acknowledged in these groups.
async fn catch_up_with(groups: &[(&'static str, Group)]) {
    for (name, group) in groups {
        while let Err(error) = group.read_barrier().await {
            tracing::debug!(group = name, %error, "not caught up yet");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

fn check(identity: &Identity, options: &MemberOptions<'_>) -> Result<(), MemberError> {
    let (cluster, node) = (identity.cluster.clone(), identity.node);
    if identity.is_removed {
        return Err(MemberError::Removed { cluster, node });
    }
    if identity.master_key != options.vault.fingerprint() {
        return Err(MemberError::MasterKey { cluster });
    }
    if identity.region != options.region {
        let region = identity.region.clone();
        return Err(MemberError::Region { setting: options.region.to_owned(), region, cluster });
    }
    let has_log = options.data_dir.join("log").exists();
    let should_have = identity.has_begun || identity.log_name == LONE_LOG_NAME;
    if should_have && !has_log { Err(MemberError::LogGone { node }) } else { Ok(()) }
}

/// A node that nobody has heard of yet makes the first region.
fn takes_seat(known: &KnownPeers, node: NodeId) -> bool {
    !known.contains_key(&node.0) || shared_seats(known).members.contains(&node)
}

pub(super) fn known_peers(roster: &Roster) -> KnownPeers {
    let known = roster.nodes.iter().map(|(node, record)| {
        let (region, address) = (record.region.clone(), record.address.clone());
        (*node, KnownPeer { region, address, is_removed: record.state == NodeState::Removed })
    });
    known.collect()
}

fn fill(book: &PeerBook, known: &KnownPeers, me: NodeId) {
    let here = known.iter().filter(|(node, peer)| !peer.is_removed && **node != me.0);
    let peers = here.map(|(node, peer)| {
        (NodeId(*node), PeerRecord { region: peer.region.clone(), address: peer.address.clone() })
    });
    let gone = known.iter().filter(|(_, peer)| peer.is_removed).map(|(node, _)| NodeId(*node));
    book.set(peers.collect(), gone.collect());
}
