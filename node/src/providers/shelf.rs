//! What the leader looks up for itself: which product a stock item is sold as.

use crate::backend::NodeBackend;
use gearify_commerce::command::{CommandId, GroupKind, Keep};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::inventory::{Command, shelf};
use gearify_commerce::{Actor, ReadScope, Site, StockItemId, TenantId};
use std::time::Duration;

/// Looks in the catalogue as it is here and commits what it says. Answers how long it should rest if that failed.
pub async fn report(
    backend: &NodeBackend,
    (tenant, site): (TenantId, Site),
    item: StockItemId,
) -> Option<Duration> {
    let catalogue = backend.state(GroupKind::Catalogue).clone();
    let shelf = shelf::of_item(&ReadScope::new(&*catalogue, tenant, Site::NONE), item);
    let request = Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant,
        site,
        actor: Actor::System,
        intent: Intent::Ready(Box::new(Command::Report { item, shelf }.into())),
    };
    match backend.submit_now(&request).await {
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%item, %error, "it could not be told what ran out");
            Some(Duration::from_secs(1))
        }
    }
}
