//! What other nodes ask of this one, and what it asks of them.

use super::CLUSTER_GROUP_NAME;
use super::founding::open_authority;
use super::member::{Member, known_peers};
use super::messages::{
    Admin, AdminAnswer, Admission, ClusterStatus, DecideAnswer, GroupReport, HistoryFile, HistoryFilePart,
    HistoryPage, HistoryQuery, IssuedAnswer, JoinAnswer, JoinRequest, NewestAnswer, NodeReport, NodeStatus,
    Order, PeerRequest, ProposeAnswer, join_proof_text, plain, row,
};
use super::roster::{Command, NodeState, Refusal, Reply, Roster};
use super::token::{JoinToken, secret_hash};
use super::warrant::Warrant;
use crate::forward::{Forward, Undecided};
use crate::snapshot::{HistoryPeers, read_file_part};
use crate::state::{GroupKey, group_name};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::intent::Request;
use gearify_commerce::{GroupKind, Shard, StateVersion, version};
use gearify_replication::net::{Authority, Issued, JoinRefused, PeerName, PeerService, check_proof};
use gearify_replication::{Group, NodeId, TransportError};
use gearify_storage::{ContentHash, EventPosition, EventRow, decode, disk, encode};
use gearify_web::ports::{Decided, SubmitError};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Longer than any request waits: the one who forwards gives up first.
const DECIDE_WITHIN: Duration = Duration::from_secs(12);
const HISTORY_WITHIN: Duration = Duration::from_secs(20);
const REPORT_WITHIN: Duration = Duration::from_secs(2);
/// Events of one page of history, by bytes; a row is at most one more.
const PAGE_BYTES_MAX: usize = 2 << 20;
const PAGE_ROWS_MAX: usize = 10_000;
/// Clocks of nodes may differ by so much when one joins.
const CLOCK_OFFSET_MAX_MS: i64 = 30_000;
const ADDRESS_BYTES_MAX: usize = 255;

impl PeerService for Member {
    fn request(&self, from: PeerName, request: Bytes) -> BoxFuture<'_, Result<Bytes, String>> {
        async move {
            let request: PeerRequest = decode(&request).map_err(|error| error.to_string())?;
            match request {
                PeerRequest::Decide(request) => {
                    self.require_business(&from, request.intent.group())?;
                    self.decide(&request).await
                }
                PeerRequest::DecideIn(shard, request) => {
                    self.require_business(&from, GroupKind::Region)?;
                    self.decide_in(shard, &request).await
                }
                PeerRequest::History(query) => {
                    self.require_business(&from, query.group)?;
                    self.history(query.group.into(), query).await
                }
                PeerRequest::ShardHistory(shard, query) => {
                    self.require_business(&from, GroupKind::Region)?;
                    self.history(GroupKey::Region(shard), query).await
                }
                PeerRequest::HistoryFile(asked) => {
                    self.require_business(&from, asked.group)?;
                    self.history_file(asked).await
                }
                PeerRequest::Report => Ok(encode(&self.report().await).into()),
                PeerRequest::Propose(command) if is_about(&command, from.node()) => {
                    Ok(encode(&self.propose_here(command).await).into())
                }
                PeerRequest::Propose(_) => {
                    Err(refused_order(&from, "a node may only say where it is itself"))
                }
                PeerRequest::Renew => {
                    let Issued { certificate, valid_until } = self.issue(&from)?;
                    Ok(encode(&IssuedAnswer { certificate, valid_until }).into())
                }
                PeerRequest::Follow { group, from } => self.page(group, from).await,
                PeerRequest::Web(relayed) => self.answer_web(&from, *relayed).await,
                PeerRequest::SnapshotPart { group, hash, offset } => self.part(group, hash, offset).await,
                PeerRequest::Admin(_) => {
                    Err("the operator's orders must be signed with the master key".into())
                }
                PeerRequest::Order(warrant, order) => self.obey(&from, &warrant, &order).await,
                PeerRequest::BlobPart(part) => self.blob_part(part).await,
                PeerRequest::NewestKnown => Ok(encode(&NewestAnswer(self.newest)).into()),
                PeerRequest::Holds(here) => Ok(encode(&self.confirmed_by(from.node(), &here)).into()),
                PeerRequest::Pulse(_) => Ok(encode(&self.pulse()).into()),
                PeerRequest::KeepBlob(hash) => self.keep_blob_of(from.node(), hash).await,
            }
        }
        .boxed()
    }

    fn join(&self, request: Bytes) -> BoxFuture<'_, Result<Bytes, JoinRefused>> {
        async move {
            let request: JoinRequest =
                decode(&request).map_err(|error| JoinRefused::new("join-request", error))?;
            Ok(encode(&self.admit(request).await?).into())
        }
        .boxed()
    }
}

/// What a node may change in the roster without the operator: where it is itself.
fn is_about(command: &Command, node: NodeId) -> bool {
    matches!(command, Command::Move { node: moved, .. } if *moved == node.0)
}

fn not_now(reason: impl ToString) -> JoinRefused {
    JoinRefused::new("not-now", reason)
}

fn of_token(refusal: &Refusal) -> JoinRefused {
    let reason = match refusal {
        Refusal::UnknownToken => "token-unknown",
        Refusal::TokenExpired => "token-expired",
        Refusal::TokenUsed => "token-used",
        Refusal::AddressTaken { .. } => "address",
        Refusal::OtherRegion { .. } => "region",
        _ => "roster",
    };
    JoinRefused::new(reason, refusal)
}

/// Everything that can be refused without an entry.
fn check_join(
    roster: &Roster,
    request: &JoinRequest,
    follows: StateVersion,
    now_ms: i64,
) -> Result<(), JoinRefused> {
    let secret = secret_hash(&request.secret);
    let known = roster.check_token(now_ms, &request.token, &secret, &request.public_key);
    known.map_err(|refusal| of_token(&refusal))?;
    let text = join_proof_text(&request.token, &request.region, &request.address);
    let proof = check_proof(&request.public_key, &text, &request.proof);
    proof.map_err(|error| JoinRefused::new("proof", error))?;
    let name = PeerName::new(&roster.cluster, &request.region, NodeId(0));
    name.map_err(|error| JoinRefused::new("region", error))?;
    let port = request.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if request.address.len() > ADDRESS_BYTES_MAX || port.is_none_or(|port| port == 0) {
        return Err(JoinRefused::new("address", "its address is not host:port"));
    }
    if !roster.has_region(&request.region) {
        let region = &request.region;
        let text = format!(
            "the cluster has no region {region}; add it with `gearify region add {region}`, or set \
             node.region to one that is there"
        );
        return Err(JoinRefused::new("region", text));
    }
    if request.master_key != roster.master_key {
        let text = "its master key is not the cluster's; copy the first node's to it";
        return Err(JoinRefused::new("master-key", text));
    }
    if request.newest < follows {
        let newest = request.newest;
        let text = format!(
            "its program knows the groups' rules up to version {newest}, and the cluster follows version \
             {follows}; start the cluster's version of gearify"
        );
        return Err(JoinRefused::new("version", text));
    }
    let offset = request.now_ms.abs_diff(now_ms);
    if offset > CLOCK_OFFSET_MAX_MS.unsigned_abs() {
        return Err(JoinRefused::new("clock", format!("its clock differs by {} s", offset / 1000)));
    }
    Ok(())
}

/// An order that nobody may give so.
fn refused_order(from: &PeerName, why: &str) -> String {
    metrics::counter!("gearify_peer_refused_total", "reason" => "order").increment(1);
    tracing::warn!(%from, reason = "order", why, "a peer's order was refused");
    why.to_owned()
}

impl Member {
    async fn obey(&self, from: &PeerName, warrant: &Warrant, order: &[u8]) -> Result<Bytes, String> {
        let now_ms = crate::backend::now().as_millis();
        let is_signed = warrant.check(&self.vault, self.me.cluster(), from.node().0, now_ms, order);
        is_signed.map_err(|why| refused_order(from, why))?;
        match decode(order).map_err(|error| error.to_string())? {
            Order::Admin(_) if *from != self.me => {
                Err(refused_order(from, "only this node's own tools may ask for that"))
            }
            Order::Admin(admin) => Ok(encode(&self.admin(admin).await).into()),
            Order::Propose(command) => Ok(encode(&self.propose_here(command).await).into()),
        }
    }

    /// What belongs to a region is nobody else's business.
    fn require_business(&self, from: &PeerName, group: GroupKind) -> Result<(), String> {
        if group != GroupKind::Region || from.region() == self.me.region() {
            return Ok(());
        }
        Err(format!("{from} has no business with what belongs to region {}", self.me.region()))
    }

    async fn decide(&self, request: &Request) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        Ok(encode(&DecideAnswer::from(backend.decide(request).await)).into())
    }

    async fn decide_in(&self, shard: Shard, request: &Request) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        if request.intent.group() != GroupKind::Region {
            return Err("a shard decides what belongs to the region".into());
        }
        Ok(encode(&DecideAnswer::from(backend.decide_in(GroupKey::Region(shard), request).await)).into())
    }

    async fn history(&self, group: GroupKey, query: HistoryQuery) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        let handle = backend.find(group).ok_or_else(|| format!("{} is not here", group_name(group)))?;
        let reader = handle.history.clone();
        let read = move || {
            if reader.position() < query.through {
                return Err(format!("this node's history ends at {}", reader.position()));
            }
            let limit = (query.limit as usize).min(PAGE_ROWS_MAX);
            let found = reader.read(EventPosition::new(query.index, query.n), limit);
            let found = found.map_err(|error| error.to_string())?;
            let (mut bytes, mut rows) = (0, Vec::new());
            for row in &found {
                rows.push(plain(row));
                bytes += row.body.len() + row.stream.len() + 32;
                if bytes > PAGE_BYTES_MAX {
                    break;
                }
            }
            let is_whole = rows.len() == found.len();
            Ok(encode(&HistoryPage { rows, is_whole }).into())
        };
        tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
    }

    async fn history_file(&self, asked: HistoryFile) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        let group = match asked.group {
            GroupKind::Region => GroupKey::Region(asked.shard),
            shared => shared.into(),
        };
        let handle = backend.find(group).ok_or_else(|| format!("{} is not here", group_name(group)))?;
        let reader = handle.history.clone();
        let read = tokio::task::spawn_blocking(move || read_file_part(&reader, asked.hash, asked.offset));
        Ok(encode(&HistoryFilePart(read.await.map_err(|error| error.to_string())??)).into())
    }

    /// A certificate for a node of the roster, under the key it joined with.
    pub(super) fn issue(&self, name: &PeerName) -> Result<Issued, String> {
        let roster = self.roster.borrow().clone();
        let record = roster.nodes.get(&name.node().0).ok_or("the roster does not know this node")?;
        if record.state == NodeState::Removed || record.region != name.region() {
            return Err("the roster does not know this node so".into());
        }
        let key = open_authority(&self.vault, &roster.cluster, &roster.authority_key);
        let key = key.map_err(|error| error.to_string())?;
        let authority = Authority::from_parts(&roster.cluster, roster.authority.clone(), &key);
        let authority = authority.map_err(|error| error.to_string())?;
        let issued = authority.issue(name, &record.public_key, SystemTime::now(), self.certificate_valid);
        issued.map_err(|error| error.to_string())
    }

    async fn admit(&self, request: JoinRequest) -> Result<JoinAnswer, JoinRefused> {
        let group = self.group().ok_or_else(|| not_now("the node is starting"))?;
        if !group.is_leader() {
            let leader = group.leader().filter(|leader| *leader != self.node());
            let record = leader.and_then(|leader| self.net.book().find(leader));
            let record = record.ok_or_else(|| not_now("the cluster has no leader at the moment"))?;
            return Ok(JoinAnswer::TryAt { address: record.address });
        }
        let (follows, now_ms) = (self.follows(), crate::backend::now().as_millis());
        check_join(&self.roster.borrow().clone(), &request, follows, now_ms)?;
        let command = Command::Admit {
            token: request.token,
            secret_hash: secret_hash(&request.secret),
            public_key: request.public_key,
            region: request.region.clone(),
            address: request.address,
        };
        let node = match self.propose_here(command).await {
            ProposeAnswer::Applied(Ok(Reply::Admitted { node })) => node,
            ProposeAnswer::Applied(Err(refusal)) => return Err(of_token(&refusal)),
            _ => return Err(not_now("the cluster could not decide; try again with the same token")),
        };
        let name = PeerName::new(self.me.cluster(), &request.region, NodeId(node));
        let Issued { certificate, valid_until } = self.issue(&name.map_err(not_now)?).map_err(not_now)?;
        let roster = self.roster.borrow().clone();
        tracing::info!(node, "a node was taken in");
        Ok(JoinAnswer::Admitted(Box::new(Admission {
            node,
            certificate,
            valid_until,
            authority: roster.authority.clone(),
            peers: known_peers(&roster),
        })))
    }

    async fn admin(&self, admin: Admin) -> AdminAnswer {
        match admin {
            Admin::Status => AdminAnswer::Status(Box::new(self.status().await)),
            Admin::AddRegion { region, public, valid_secs } => {
                match self.propose(Command::AddRegion { region, public }).await {
                    Some(Ok(_)) => Box::pin(self.admin(Admin::Token { valid_secs })).await,
                    Some(Err(refusal)) => AdminAnswer::Refused(refusal),
                    None => AdminAnswer::Unavailable,
                }
            }
            Admin::SetShards { region, shards } => {
                match self.propose(Command::SetShards { region, shards }).await {
                    Some(Ok(_)) => AdminAnswer::Done,
                    Some(Err(refusal)) => AdminAnswer::Refused(refusal),
                    None => AdminAnswer::Unavailable,
                }
            }
            Admin::Shop { slug, to } => match self.shop_place(&slug, to).await {
                Ok(place) => AdminAnswer::Shop(place),
                Err(reason) => AdminAnswer::Declined(reason),
            },
            Admin::Token { valid_secs } => self.new_token(valid_secs, None).await,
            Admin::Replace { node, valid_secs } => self.new_token(valid_secs, Some(node)).await,
            Admin::SetState { node, state } => match self.propose(Command::SetState { node, state }).await {
                Some(Ok(_)) => AdminAnswer::Done,
                Some(Err(refusal)) => AdminAnswer::Refused(refusal),
                None => AdminAnswer::Unavailable,
            },
        }
    }

    async fn new_token(&self, valid_secs: u64, replaces: Option<u64>) -> AdminAnswer {
        let roster = self.roster.borrow().clone();
        let Some(authority) = self.authority_public_key() else { return AdminAnswer::Unavailable };
        let made = JoinToken::new(&roster.cluster, authority);
        let now_ms = crate::backend::now().as_millis();
        let expires_ms = now_ms.saturating_add_unsigned(valid_secs.saturating_mul(1000));
        let (token, secret_hash) = (made.id, made.secret_hash());
        let command = match replaces {
            None => Command::AddToken { token, secret_hash, expires_ms },
            Some(node) => Command::AddReplacement { token, secret_hash, expires_ms, node },
        };
        match self.propose(command).await {
            Some(Ok(_)) => AdminAnswer::Token(made.to_string()),
            Some(Err(refusal)) => AdminAnswer::Refused(refusal),
            None => AdminAnswer::Unavailable,
        }
    }

    fn authority_public_key(&self) -> Option<[u8; 32]> {
        let roster = self.roster.borrow().clone();
        let key = open_authority(&self.vault, &roster.cluster, &roster.authority_key).ok()?;
        Some(Authority::from_parts(&roster.cluster, roster.authority.clone(), &key).ok()?.public_key())
    }

    async fn status(&self) -> ClusterStatus {
        let roster = self.roster.borrow().clone();
        let asked = roster.nodes.iter().map(|(node, record)| async move {
            let report = match record.state {
                NodeState::Removed => None,
                _ if *node == self.node().0 => Some(self.report().await),
                _ => self.report_of(NodeId(*node)).await,
            };
            NodeStatus {
                node: *node,
                region: record.region.clone(),
                address: record.address.clone(),
                state: record.state,
                report,
            }
        });
        let nodes = futures::future::join_all(asked).await;
        ClusterStatus { cluster: self.me.cluster().to_owned(), asked: self.node().0, nodes }
    }

    /// The version of the rules that a group's state follows here.
    fn version_of(&self, name: &str) -> Option<StateVersion> {
        if name == CLUSTER_GROUP_NAME {
            return Some(self.roster.borrow().version).filter(|version| *version > 0);
        }
        let backend = self.backend()?;
        let (_, handle) = backend.groups().find(|(key, _)| group_name(*key) == name)?;
        Some(version::of(&*handle.state))
    }

    /// Whoever joins must know that much.
    fn follows(&self) -> StateVersion {
        let backend = self.backend();
        let groups = backend.iter().flat_map(|backend| backend.groups());
        let versions = groups.map(|(_, handle)| version::of(&*handle.state));
        versions.max().unwrap_or(version::FIRST).max(self.roster.borrow().version)
    }

    /// Whether every node can read this command: the roster follows rules that have it, if need be from now on.
    ///
    /// # Errors
    /// What to answer instead of proposing it.
    pub(super) async fn require_known(&self, group: &Group, command: &Command) -> Result<(), ProposeAnswer> {
        let needs = command.since();
        let follows = || self.roster.borrow().version.max(version::FIRST);
        if needs <= follows() {
            return Ok(());
        }
        if !group.is_leader() {
            let leader = group.leader().map(|leader| leader.0);
            return Err(ProposeAnswer::NotLeader { leader });
        }
        self.raise_roster().await;
        match follows() {
            follows if needs <= follows => Ok(()),
            follows => Err(ProposeAnswer::Applied(Err(Refusal::TooEarly { follows, needs }))),
        }
    }

    /// As leader of the cluster group: the roster follows the newest rules that every node knows.
    pub async fn raise_roster(&self) {
        let (name, follows) = {
            let roster = self.roster.borrow();
            (roster.cluster.clone(), roster.version)
        };
        let leads = self.group().is_some_and(Group::is_leader);
        if !leads || name != self.me.cluster() || self.newest <= follows {
            return;
        }
        // Every node has the roster, as it has the world.
        let all_know = self.newest_known(GroupKind::World).await;
        // Programs before that version do not know that it can be raised.
        let Some(to) = all_know.filter(|to| *to > follows && *to >= version::ROSTER) else { return };
        let answer = Box::pin(self.propose_here(Command::Raise { to })).await;
        if !matches!(answer, ProposeAnswer::Applied(Ok(_))) {
            tracing::debug!("the roster's version was not raised yet");
        }
    }

    /// The newest version of the rules that every node knows which applies a group's log; `None` if one did
    /// not say.
    pub async fn newest_known(&self, group: GroupKind) -> Option<StateVersion> {
        let known = known_peers(&self.roster.borrow());
        let here = self.me.region();
        let others = known.into_iter().filter(|(node, peer)| {
            let applies = group != GroupKind::Region || peer.region == here;
            applies && !peer.is_removed && *node != self.node().0
        });
        let asked = others.map(|(node, _)| self.newest_known_by(NodeId(node)));
        let answers = futures::future::join_all(asked).await;
        answers.into_iter().try_fold(self.newest, |least, answer| Some(least.min(answer?)))
    }

    async fn newest_known_by(&self, node: NodeId) -> Option<StateVersion> {
        let request = encode(&PeerRequest::NewestKnown).into();
        match self.net.request(node, request, REPORT_WITHIN).await {
            Ok(answer) => decode(&answer).ok().map(|NewestAnswer(newest)| newest),
            // It does not understand the question.
            Err(TransportError::Refused { .. }) => Some(version::FIRST),
            Err(_) => None,
        }
    }

    async fn report_of(&self, node: NodeId) -> Option<NodeReport> {
        let answer = self.net.request(node, encode(&PeerRequest::Report).into(), REPORT_WITHIN).await;
        decode(&answer.ok()?).ok()
    }

    async fn report(&self) -> NodeReport {
        let dir = self.data_dir.clone();
        let sizes = tokio::task::spawn_blocking(move || {
            (bytes_in(&dir.join("log")), bytes_in(&dir.join("groups")), disk::free_bytes(&dir).unwrap_or(0))
        });
        let (log_bytes, state_bytes, free_bytes) = sizes.await.unwrap_or_default();
        NodeReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now_ms: crate::backend::now().as_millis(),
            certificate_until: self.certificate_until(),
            log_bytes,
            state_bytes,
            free_bytes,
            newest: self.newest,
            groups: self
                .groups()
                .iter()
                .map(|(name, group)| ((*name).to_owned(), group_report(group, self.version_of(name))))
                .collect(),
        }
    }

    /// Whether this node is a member of every group, has caught up since its start, and is not behind.
    pub fn standing(&self) -> Result<String, String> {
        match self.state() {
            None => return Err("this node is not in the roster yet".into()),
            Some(NodeState::Active) => {}
            Some(NodeState::Draining) => return Err("this node is draining".into()),
            Some(NodeState::Removed) => return Err("this node was removed".into()),
        }
        if !self.may_sell() {
            return Err("catching up since the start".into());
        }
        if let Some(off_by) = self.clock_off_by() {
            return Err(format!("its clock differs from the others' by {off_by} ms"));
        }
        const BEHIND_MAX: u64 = 1_000;
        for (name, group) in self.groups() {
            let metrics = group.metrics();
            if group.is_observer() {
                // Cut off it is as good as any other for what it sells itself.
                if metrics.applied.unwrap_or(0) == 0 {
                    return Err(format!("nothing of {name} is here yet"));
                }
            } else if !metrics.voters.contains(&self.node()) && !metrics.learners.contains(&self.node()) {
                return Err(format!("not a member of {name} yet"));
            }
            let behind = metrics.last_log.unwrap_or(0).saturating_sub(metrics.applied.unwrap_or(0));
            if behind > BEHIND_MAX {
                return Err(format!("{behind} entries behind in {name}"));
            }
        }
        Ok(format!("node {} of cluster {}", self.node(), self.me.cluster()))
    }
}

fn group_report(group: &Group, version: Option<StateVersion>) -> GroupReport {
    let metrics = group.metrics();
    let numbers = |nodes: &std::collections::BTreeSet<NodeId>| nodes.iter().map(|node| node.0).collect();
    GroupReport {
        leader: metrics.leader.map(|leader| leader.0),
        term: metrics.term,
        last_log: metrics.last_log.unwrap_or(0),
        committed: metrics.committed.unwrap_or(0),
        applied: metrics.applied.unwrap_or(0),
        snapshot: metrics.snapshot,
        voters: numbers(&metrics.voters),
        learners: numbers(&metrics.learners),
        is_changing: metrics.is_joint,
        is_observer: group.is_observer(),
        version,
    }
}

fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_in(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

impl Forward for Member {
    fn spans_regions(&self) -> bool {
        self.spans_regions()
    }

    fn forward(&self, to: NodeId, request: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.ask_to_decide(to, PeerRequest::Decide(Box::new(request))).boxed()
    }

    fn forward_in(
        &self,
        to: NodeId,
        shard: Shard,
        request: Request,
    ) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.ask_to_decide(to, PeerRequest::DecideIn(shard, Box::new(request))).boxed()
    }
}

impl Member {
    async fn ask_to_decide(&self, to: NodeId, request: PeerRequest) -> Result<Decided, Undecided> {
        let answer = self.net.request(to, encode(&request).into(), DECIDE_WITHIN).await;
        match answer {
            Ok(answer) => match decode::<DecideAnswer>(&answer) {
                Ok(answer) => answer.into(),
                Err(error) => {
                    tracing::error!(node = %to, %error, "a decision was not understood");
                    Err(SubmitError::Unknown.into())
                }
            },
            Err(TransportError::Unreachable { .. } | TransportError::Refused { .. }) => {
                Err(Undecided::Unreachable)
            }
            Err(TransportError::Broken { .. } | TransportError::TimedOut { .. }) => {
                Err(SubmitError::Unknown.into())
            }
        }
    }
}

impl HistoryPeers for Member {
    fn read(
        &self,
        group: GroupKey,
        from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String> {
        let mut last = "there is no other node to ask".to_owned();
        for node in self.nodes_with_history(group.kind()) {
            match self.runtime.block_on(self.history_of(node, group, from, through, limit)) {
                Ok(rows) => return Ok(rows),
                Err(reason) => last = format!("node {node}: {reason}"),
            }
        }
        Err(last)
    }

    fn file_part(&self, group: GroupKey, hash: ContentHash, offset: u64) -> Result<Vec<u8>, String> {
        let asked = HistoryFile { group: group.kind(), shard: group.shard(), hash, offset };
        let request: Bytes = encode(&PeerRequest::HistoryFile(asked)).into();
        let mut last = "there is no other node to ask".to_owned();
        for node in self.nodes_with_history(group.kind()) {
            let asked = self.net.request(node, request.clone(), HISTORY_WITHIN);
            let answer = self.runtime.block_on(asked).map_err(|error| error.to_string());
            let part = answer.and_then(|answer| decode(&answer).map_err(|error| error.to_string()));
            match part {
                Ok(HistoryFilePart(part)) => return Ok(part),
                Err(reason) => last = format!("node {node}: {reason}"),
            }
        }
        Err(last)
    }
}

impl Member {
    /// Other nodes that keep a group's history.
    fn nodes_with_history(&self, group: GroupKind) -> Vec<NodeId> {
        let known = known_peers(&self.roster.borrow());
        let others = known.iter().filter(|(node, peer)| {
            let has_it = group != GroupKind::Region || peer.region == self.me.region();
            has_it && !peer.is_removed && **node != self.node().0
        });
        let nodes: Vec<NodeId> = others.map(|(node, _)| NodeId(*node)).collect();
        // Before the roster is here, what was learnt by joining must do.
        if nodes.is_empty() { self.net.book().nodes() } else { nodes }
    }

    /// Events from one node, page by page.
    async fn history_of(
        &self,
        node: NodeId,
        group: GroupKey,
        mut from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String> {
        let mut rows: Vec<EventRow> = Vec::new();
        while rows.len() < limit {
            let limit = (limit - rows.len()) as u32;
            let query = HistoryQuery { group: group.kind(), index: from.index, n: from.n, through, limit };
            let request = match group.shard() {
                Shard::FIRST => PeerRequest::History(query),
                shard => PeerRequest::ShardHistory(shard, query),
            };
            let answer = self.net.request(node, encode(&request).into(), HISTORY_WITHIN).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let page: HistoryPage = decode(&answer).map_err(|error| error.to_string())?;
            rows.extend(page.rows.into_iter().map(row));
            match rows.last() {
                Some(last) if !page.is_whole => from = last.position.next(),
                _ => break,
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::{NodeRecord, TokenRecord};
    use super::*;
    use gearify_replication::net::NodeKey;

    #[test]
    fn a_certificate_alone_moves_its_own_node_and_changes_nothing_else() {
        let of = |node| Command::Move { node, address: "192.0.2.2:7400".into() };
        assert!(is_about(&of(2), NodeId(2)));
        assert!(!is_about(&of(3), NodeId(2)));
        let secret_hash = [1; 32];
        let orders = [
            Command::SetState { node: 2, state: NodeState::Removed },
            Command::SetState { node: 3, state: NodeState::Removed },
            Command::AddToken { token: [1; 8], secret_hash, expires_ms: 1 },
            Command::Admit {
                token: [1; 8],
                secret_hash,
                public_key: [1; 32],
                region: "home".into(),
                address: "192.0.2.2:7400".into(),
            },
            Command::AddRegion { region: "away".into(), public: String::new() },
        ];
        assert!(orders.iter().all(|order| !is_about(order, NodeId(2))));
    }

    #[test]
    fn whoever_may_not_join_hears_why_under_a_reason_of_its_own() {
        const NOW: i64 = 10_000_000;
        let key = NodeKey::generate().unwrap();
        let (token, region, address) = ([7; 8], "home", "192.0.2.9:7400");
        let text = join_proof_text(&token, region, address);
        let request = || JoinRequest {
            token,
            secret: [8; 16],
            public_key: key.public(),
            proof: key.prove(&text).unwrap(),
            region: region.into(),
            address: address.into(),
            master_key: "ours".into(),
            now_ms: NOW,
            newest: 2,
        };
        let record = TokenRecord { secret_hash: secret_hash(&[8; 16]), expires_ms: NOW + 1, used_by: None };
        let first = NodeRecord {
            region: region.into(),
            address: "192.0.2.1:7400".into(),
            public_key: [1; 32],
            state: NodeState::Active,
        };
        let roster = Roster {
            cluster: "acme".into(),
            master_key: "ours".into(),
            nodes: [(1, first)].into(),
            tokens: [(token, record.clone())].into(),
            ..Roster::default()
        };
        assert_eq!(check_join(&roster, &request(), 2, NOW), Ok(()));
        let used = TokenRecord { used_by: Some(1), ..record };
        let spent = Roster { tokens: [(token, used)].into(), ..roster.clone() };
        let table: [(&str, &Roster, JoinRequest, i64); 10] = [
            ("token-unknown", &roster, JoinRequest { token: [9; 8], ..request() }, NOW),
            ("token-unknown", &roster, JoinRequest { secret: [9; 16], ..request() }, NOW),
            ("token-expired", &roster, request(), NOW + 1),
            ("token-used", &spent, request(), NOW),
            ("proof", &roster, JoinRequest { address: "192.0.2.8:7400".into(), ..request() }, NOW),
            ("master-key", &roster, JoinRequest { master_key: "theirs".into(), ..request() }, NOW),
            ("version", &roster, JoinRequest { newest: 1, ..request() }, NOW),
            ("clock", &roster, JoinRequest { now_ms: NOW - 3_600_000, ..request() }, NOW),
            ("clock", &roster, JoinRequest { now_ms: NOW + 3_600_000, ..request() }, NOW),
            ("address", &roster, signed(&key, JoinRequest { address: "nowhere".into(), ..request() }), NOW),
        ];
        for (reason, roster, request, now_ms) in table {
            let refused = check_join(roster, &request, 2, now_ms).unwrap_err();
            assert_eq!(refused.reason, reason, "{refused}");
            assert!(!refused.text.contains('\n') && refused.text.len() > 20, "one clear line: {refused}");
        }
    }

    fn signed(key: &NodeKey, request: JoinRequest) -> JoinRequest {
        let text = join_proof_text(&request.token, &request.region, &request.address);
        JoinRequest { proof: key.prove(&text).unwrap(), ..request }
    }
}
