//! Turning an intent into a command: what only the leader knows is added here.
//!
//! Runs on the leader immediately before it proposes, against committed state. What it refuses never
//! makes an entry; what it lets pass is decided again in the entry, because the state may have moved
//! in between: then the entry refuses as stale and the leader adds facts anew.

mod carts;
mod checkouts;
mod people;

use crate::actor::Actor;
use crate::command::{Command, Refusal, Stamped};
use crate::ids::{IdSource, TenantId};
use crate::intent::{Intent, Request};
use crate::scope::{ReadScope, Site};
use crate::sealed::Vault;
use crate::tenants::{self, Tenant};
use crate::time::Timestamp;
use gearify_storage::{Reader, Tx};

/// What the leader has at hand.
#[derive(Clone, Copy)]
pub struct Desk<'d> {
    /// The leader's clock.
    pub now: Timestamp,
    /// Fresh random bits.
    pub seed: u128,
    pub vault: &'d dyn Vault,
    pub world: &'d dyn Reader,
    pub catalogue: &'d dyn Reader,
    pub region: &'d dyn Reader,
}

/// Views of one request's tenant.
pub(crate) struct Views<'d> {
    pub tenant: TenantId,
    pub world: ReadScope<'d>,
    pub catalogue: ReadScope<'d>,
    pub region: ReadScope<'d>,
}

impl<'d> Desk<'d> {
    /// Committed state of a group.
    pub fn reader(&self, group: crate::GroupKind) -> &'d dyn Reader {
        match group {
            crate::GroupKind::World => self.world,
            crate::GroupKind::Catalogue => self.catalogue,
            crate::GroupKind::Region => self.region,
        }
    }

    pub(crate) fn views(&self, tenant: TenantId, site: Site) -> Views<'d> {
        Views {
            tenant,
            world: ReadScope::new(self.world, tenant, Site::NONE),
            catalogue: ReadScope::new(self.catalogue, tenant, Site::NONE),
            region: ReadScope::new(self.region, tenant, site),
        }
    }
}

impl Views<'_> {
    /// The tenant's record. A site without one can't be reached from outside.
    pub fn shop(&self) -> Result<Tenant, Refusal> {
        tenants::get(&self.world).ok_or(Refusal::Tenants(tenants::Refusal::UnknownTenant))
    }
}

/// Completes a request.
///
/// # Errors
/// What can be refused without an entry: unknown variants, changed totals, sold-out goods, incomplete
/// carts. Nothing has changed then.
pub fn complete(request: &Request, desk: &Desk<'_>) -> Result<Stamped, Refusal> {
    let views = desk.views(request.tenant, request.site);
    let mut ids = IdSource::new(desk.now, !desk.seed);
    let command: Command = match &request.intent {
        Intent::Ready(command) => (**command).clone(),
        Intent::Cart(intent) => carts::complete(intent, desk, &views)?,
        Intent::Checkout(intent) => checkouts::complete(intent, desk, &views)?,
        Intent::Order(intent) => checkouts::complete_order(intent, desk, &views, &request.actor)?,
        Intent::Customer(intent) => people::complete_customer(intent, desk, &views, &mut ids)?,
        Intent::Staff(intent) => people::complete_staff(intent, desk, &views, &mut ids)?,
    };
    Ok(Stamped {
        id: request.id,
        keep: request.keep,
        request: request.hash,
        tenant: request.tenant,
        site: request.site,
        actor: request.actor.clone(),
        at: desk.now,
        seed: desk.seed,
        command,
    })
}

/// What the entry would refuse, seen before it is made: a request that is refused costs no entry. Whatever is
/// not foreseen is still decided in the entry, which alone counts.
///
/// Placing orders is left to the entry, as [`complete`] has looked at everything by then, and so are most changes
/// of carts; what providers and the scheduler say is hardly ever refused.
pub fn foresee(request: &Request, stamped: &Stamped, desk: &Desk<'_>) -> Option<Refusal> {
    let is_foreseen = match &request.intent {
        Intent::Checkout(_) => true,
        Intent::Cart(intent) => carts::is_foreseen(intent),
        _ => matches!(request.actor, Actor::System | Actor::Provider(_)),
    };
    if is_foreseen {
        return None;
    }
    let reader = desk.reader(request.intent.group());
    crate::command::apply(&mut Tx::new(reader), stamped, &mut Vec::new()).result.err()
}

/// Whether a refusal means "the facts were old": the leader adds them anew and tries again.
pub fn is_stale(refusal: &Refusal) -> bool {
    use crate::{cart, orders, processes::checkout};
    matches!(
        refusal,
        Refusal::Checkout(checkout::Refusal::Stale)
            | Refusal::Cart(cart::Refusal::Stale)
            | Refusal::Orders(orders::Refusal::Stale)
    )
}
