//! A request brought to the leader of its group, wherever that is, until it is decided or its time is up.

use super::{NodeBackend, key_at, of_platform};
use crate::forward::Undecided;
use crate::state::GroupKey;
use gearify_commerce::intent::Request;
use gearify_commerce::{GroupKind, Refusal, Site, TenantId, bundle, placement};
use gearify_replication::NodeId;
use gearify_web::ports::{Decided, SubmitError};
use rand::seq::IndexedRandom;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A request is decided within this time, or its outcome is unknown.
const SUBMIT_DEADLINE: Duration = Duration::from_secs(10);
/// Likewise, where the majority may be in other regions: a cut begins while requests are under way.
const FAR_DEADLINE: Duration = Duration::from_secs(6);
/// A region that can't reach the leader of what all regions share says so after this time.
const READ_ONLY_AFTER: Duration = Duration::from_secs(3);
/// Pause before looking for a leader again.
const LEADER_PAUSE: Duration = Duration::from_millis(20);

/// Which group decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// The one that holds what the request is about.
    ByPlacement,
    To(GroupKey),
}

impl NodeBackend {
    /// Finds the leader, wherever it is, and has the request decided.
    async fn submit_within(&self, request: &Request, deadline: Instant) -> Result<Decided, SubmitError> {
        self.submit_to(Route::ByPlacement, request, deadline).await
    }

    async fn submit_to(
        &self,
        route: Route,
        request: &Request,
        deadline: Instant,
    ) -> Result<Decided, SubmitError> {
        let kind = request.intent.group();
        let may_be_cut_off = kind != GroupKind::Region && self.forward.spans_regions();
        if may_be_cut_off && self.is_cut_off(kind) {
            return Err(SubmitError::ReadOnly);
        }
        // Once an outcome was unknown, giving up is unknown too.
        let mut give_up = if may_be_cut_off { SubmitError::ReadOnly } else { SubmitError::Unavailable };
        let deadline = match may_be_cut_off {
            true => deadline.min(Instant::now() + READ_ONLY_AFTER),
            false => deadline,
        };
        let mut hint = None;
        loop {
            let key = match route {
                Route::ByPlacement => self.key_of(request),
                Route::To(key) => Some(key),
            };
            let decided = match key {
                Some(key) => self.ask(route, key, request, &mut hint).await,
                None => match Box::pin(self.place(request.tenant, request.site, deadline)).await {
                    Ok(()) => continue,
                    Err(error) => Err(error.into()),
                },
            };
            match decided {
                Ok(Decided { result: Err(refusal), .. })
                | Err(Undecided::Submit(SubmitError::Refused(refusal)))
                    if route == Route::ByPlacement && self.is_elsewhere(request, &refusal) =>
                {
                    hint = None;
                }
                Ok(decided) => return Ok(decided),
                Err(Undecided::Submit(SubmitError::Unknown)) => give_up = SubmitError::Unknown,
                Err(Undecided::Submit(error)) => return Err(error),
                Err(Undecided::NotLeader { .. } | Undecided::Unreachable) => {}
            }
            if Instant::now() + LEADER_PAUSE >= deadline {
                return Err(give_up);
            }
            sleep(LEADER_PAUSE).await;
        }
    }

    /// Whether what all regions share can't be changed from here: its leader, or the majority that it needs, is
    /// in regions that have not answered a moment ago.
    fn is_cut_off(&self, kind: GroupKind) -> bool {
        let group = &self.group(kind).group;
        let reaches = |node: &NodeId| *node == group.node() || self.forward.reaches(*node);
        let voters = group.metrics().voters;
        let has_majority =
            voters.is_empty() || 2 * voters.iter().filter(|node| reaches(node)).count() > voters.len();
        let hears = !group.is_observer() || !group.is_cut_off();
        !(hears && has_majority && group.leader().is_none_or(|leader| reaches(&leader)))
    }

    /// Has a request decided where its group is led. `hint` is the leader that another node has named.
    async fn ask(
        &self,
        route: Route,
        key: GroupKey,
        request: &Request,
        hint: &mut Option<NodeId>,
    ) -> Result<Decided, Undecided> {
        // What is left of a shard that was here knows only who led it then.
        let handle = self.find(key).filter(|_| self.shards.is_current(key.shard()));
        let led_by = handle.map(|handle| (handle.group.node(), handle.group.leader()));
        let to = match (hint.take(), led_by) {
            (Some(named), _) => named,
            (None, Some((_, Some(leader)))) => leader,
            (None, Some((me, None))) if self.shards.is_seated(key.shard()) => me,
            (None, _) => {
                let others = self.shards.others(key.shard());
                *others.choose(&mut rand::rng()).ok_or(Undecided::Unreachable)?
            }
        };
        if led_by.is_some_and(|(me, _)| me == to) {
            return self.decide_in(key, request).await;
        }
        if !self.forward.reaches(to) {
            return Err(Undecided::Unreachable);
        }
        let decided = match route {
            Route::ByPlacement => self.forward.forward(to, request.clone()).await,
            Route::To(key) => self.forward.forward_in(to, key.shard(), request.clone()).await,
        };
        if let Err(Undecided::NotLeader { leader }) = &decided {
            *hint = *leader;
        }
        decided
    }

    /// Has a site given its shard, and waits until it is known here.
    async fn place(&self, tenant: TenantId, site: Site, deadline: Instant) -> Result<(), SubmitError> {
        let request = of_platform(placement::Command::Place { tenant, site });
        let decided = self.submit_within(&request, deadline).await?;
        let first = &self.group(GroupKind::Region).group;
        let known = first.wait_applied(decided.position.index, deadline - Instant::now()).await;
        match known {
            Ok(()) if self.shards.shard_of(tenant, site).is_some() => Ok(()),
            _ => Err(SubmitError::Unavailable),
        }
    }

    /// Has a site given its shard.
    pub async fn place_now(&self, tenant: TenantId, site: Site) -> Result<(), SubmitError> {
        let deadline = Instant::now() + SUBMIT_DEADLINE;
        self.place(tenant, site, deadline).await
    }

    /// Whether it is worth while to look again where the site is: it has left the shard that was asked, or is
    /// about to open in it.
    fn is_elsewhere(&self, request: &Request, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Placement(placement::Refusal::Moved { .. }) => true,
            Refusal::Bundle(bundle::Refusal::Arriving) => self.shards.is_moving(request.tenant, request.site),
            _ => false,
        }
    }

    /// Submits and waits until the entry is applied here.
    pub async fn submit_now(&self, request: &Request) -> Result<Decided, SubmitError> {
        self.submit_and_wait(Route::ByPlacement, request).await
    }

    /// As [`NodeBackend::submit_now`], in a shard of the region that is named, whether or not it holds the site.
    pub async fn submit_in(&self, key: GroupKey, request: &Request) -> Result<Decided, SubmitError> {
        self.submit_and_wait(Route::To(key), request).await
    }

    async fn submit_and_wait(&self, route: Route, request: &Request) -> Result<Decided, SubmitError> {
        let is_far = request.intent.group() != GroupKind::Region && self.forward.spans_regions();
        let within = if is_far { FAR_DEADLINE } else { SUBMIT_DEADLINE };
        let deadline = Instant::now() + within;
        let decided = tokio::time::timeout_at(deadline, self.submit_to(route, request, deadline)).await;
        let decided = decided.unwrap_or(Err(SubmitError::Unknown))?;
        let handle = match decided.position.group {
            GroupKind::Region => self.shards.serving(request.tenant, request.site).map(|parts| &parts.handle),
            shared => self.find(shared),
        };
        // Of another shard nothing is read here, and what is left of one that was here stands still.
        if let Some(handle) = handle.filter(|handle| handle.state.key() == key_at(&decided.position))
            && handle.group.applied_index() < decided.position.index
        {
            // It is decided; a node that can't keep up only reads a little later than it could.
            let _ = handle.group.wait_applied(decided.position.index, deadline - Instant::now()).await;
        }
        Ok(decided)
    }
}
