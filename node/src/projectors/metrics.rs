//! Counters of what shops do, for `/metrics`.
//!
//! Counters of a process begin at zero, so this projector begins where the history stands when the
//! process starts; its position is kept in memory only.

use super::{Histories, Projected, Projector, ProjectorError, shard_name};
use crate::state::GroupState;
use crate::telemetry::{TenantLabels, names};
use gearify_commerce::cart::Event as Cart;
use gearify_commerce::event::{Envelope, Event};
use gearify_commerce::orders::Event as Order;
use gearify_commerce::payments::Event as Payment;
use gearify_commerce::{GroupKind, ReadScope, Shard, Site, TenantId, tenants};
use gearify_storage::EventPosition;
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Counters {
    shard: Shard,
    position: EventPosition,
    world: Arc<GroupState>,
    labels: Arc<TenantLabels>,
    /// A tenant's slug never changes.
    slugs: BTreeMap<TenantId, String>,
}

impl Counters {
    pub fn new(
        histories: &Histories,
        shard: Shard,
        world: Arc<GroupState>,
        labels: Arc<TenantLabels>,
    ) -> Counters {
        let position = EventPosition::new(histories.reader(GroupKind::Region).position(), u32::MAX);
        Counters { shard, position, world, labels, slugs: BTreeMap::new() }
    }

    fn label(&mut self, tenant: TenantId) -> String {
        if let Some(slug) = self.slugs.get(&tenant) {
            return self.labels.label(slug).to_string();
        }
        let view = ReadScope::new(&*self.world, tenant, Site::NONE);
        match tenants::get(&view) {
            Some(known) => {
                let label = self.labels.label(known.slug.as_str()).to_string();
                self.slugs.insert(tenant, known.slug.as_str().to_owned());
                label
            }
            None => "other".to_owned(),
        }
    }

    fn count(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::Orders(event) => {
                if let Some(status) = entered(event) {
                    let tenant = self.label(envelope.tenant);
                    ::metrics::counter!(names::ORDERS, "tenant_id" => tenant, "status" => status)
                        .increment(1);
                }
            }
            Event::Payments(Payment::PaymentCompleted { amount, currency, .. }) => {
                let tenant = self.label(envelope.tenant);
                let currency = currency.as_str().to_owned();
                ::metrics::counter!(names::REVENUE, "tenant_id" => tenant, "currency" => currency)
                    .increment(u64::try_from(*amount).unwrap_or(0));
            }
            Event::Cart(event) => {
                if let Some(outcome) = outcome(event) {
                    ::metrics::counter!(names::CARTS, "outcome" => outcome).increment(1);
                }
            }
            _ => {}
        }
    }
}

/// The state an order entered.
fn entered(event: &Order) -> Option<&'static str> {
    match event {
        Order::OrderPlaced { .. } => Some("placed"),
        Order::OrderConfirmed { .. } => Some("confirmed"),
        Order::OrderCancelled { .. } => Some("cancelled"),
        Order::OrderExpired { .. } => Some("expired"),
        Order::OrderRevived { .. } => Some("revived"),
        Order::OrderShipped { .. } => Some("shipped"),
        Order::OrderDelivered { .. } => Some("delivered"),
        Order::OrderCompleted { .. } => Some("completed"),
        Order::OrderRefunded { .. } => Some("refunded"),
        Order::PaymentStatusChanged { .. }
        | Order::RefundRequested { .. }
        | Order::RefundFailed { .. }
        | Order::NoteAdded { .. }
        | Order::Joined { .. }
        | Order::OrderErased { .. }
        | Order::AllocationMoved { .. }
        | Order::DocumentIssued { .. } => None,
    }
}

fn outcome(event: &Cart) -> Option<&'static str> {
    match event {
        Cart::CartChanged { revision: 1, .. } => Some("created"),
        Cart::CartCheckedOut { .. } => Some("ordered"),
        Cart::CartAbandoned { .. } => Some("abandoned"),
        Cart::CartExpired { .. } => Some("expired"),
        _ => None,
    }
}

impl Projector for Counters {
    fn name(&self) -> &'static str {
        shard_name("metrics", self.shard)
    }

    fn groups(&self) -> &'static [GroupKind] {
        &[GroupKind::Region]
    }

    fn position(&self, _: GroupKind) -> Result<Option<EventPosition>, ProjectorError> {
        Ok(Some(self.position))
    }

    fn project(
        &mut self,
        _: GroupKind,
        events: &[Projected],
        to: EventPosition,
    ) -> Result<(), ProjectorError> {
        events.iter().for_each(|event| self.count(&event.envelope));
        self.position = to;
        Ok(())
    }
}
