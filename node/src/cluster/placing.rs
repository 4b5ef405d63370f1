//! Where a shop is within its region, for the operator, and that it shall be elsewhere.

use super::member::Member;
use super::messages::{Moving, ShopPlace};
use crate::backend::{NodeBackend, of_platform};
use gearify_commerce::placement::{self, Move};
use gearify_commerce::tenants::{self, Tenant};
use gearify_commerce::{GroupKind, ReadScope, Refusal, Shard, Site, Slug, TenantId};
use gearify_web::ports::{Decided, SubmitError};

impl Member {
    /// Where a shop is; if `to` is a shard, after it was said that the shop shall go there.
    pub(super) async fn shop_place(&self, slug: &str, to: Option<Shard>) -> Result<ShopPlace, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        let shop = find(&backend, slug)?;
        let site = Site::FIRST;
        let home = shop.sites.iter().find(|place| place.site == site).map(|place| place.region.as_str());
        if self.spans_regions() && home != Some(self.me.region()) {
            let home = home.unwrap_or("another region");
            return Err(format!("the shop is sold by {home}: ask a node there"));
        }
        if let Some(to) = to {
            if backend.shards().shard_of(shop.id, site).is_none() {
                backend.place_now(shop.id, site).await.map_err(|error| error.to_string())?;
            }
            intend(&backend, shop.id, site, to).await?;
            // So that what is answered knows of it.
            gearify_web::ports::Backend::know_places(&*backend).await;
        }
        let placement = backend.shards().placement();
        let moving = placement.moves.get(&(shop.id, site)).map(|row| match row {
            Move { last: Some(_), .. } => Moving::Opening,
            Move { arrival: Some(_), .. } => Moving::Copying,
            _ => Moving::Intended,
        });
        Ok(ShopPlace { shard: placement.shard_of(shop.id, site), moving })
    }
}

fn find(backend: &NodeBackend, slug: &str) -> Result<Tenant, String> {
    let unknown = || format!("there is no shop {slug}");
    let slug = Slug::parse(slug).map_err(|_| unknown())?;
    let world = &**backend.state(GroupKind::World);
    let platform = ReadScope::new(world, TenantId::PLATFORM, Site::NONE);
    let tenant = tenants::by_slug(&platform, &slug).ok_or_else(unknown)?;
    tenants::get(&ReadScope::new(world, tenant, Site::NONE)).ok_or_else(unknown)
}

async fn intend(backend: &NodeBackend, tenant: TenantId, site: Site, to: Shard) -> Result<(), String> {
    let request = of_platform(placement::Command::Move { tenant, site, to });
    let refusal = match backend.submit_now(&request).await {
        Ok(Decided { result: Ok(_), .. }) => return Ok(()),
        Ok(Decided { result: Err(refusal), .. }) | Err(SubmitError::Refused(refusal)) => refusal,
        Err(error) => return Err(error.to_string()),
    };
    match refusal {
        Refusal::Placement(placement::Refusal::AlreadyThere { .. }) => Ok(()),
        refusal => Err(refusal.to_string()),
    }
}
