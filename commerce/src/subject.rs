//! What an event is about, and at which of that record's revisions it left it.
//!
//! An id names its kind; a record that goes by a code is named `kind/code`. Records that have no revision, such as
//! payments and stock, have none here either.

use crate::cart::{self, CARTS};
use crate::command::Event;
use crate::customers::{self, CUSTOMERS, Who};
use crate::event::Envelope;
use crate::orders::{self, ORDERS};
use crate::scope::View;
use crate::staff::{self, STAFF};
use crate::{catalog, inventory, notifications, payments, pricing, shipping, tax, tenants};

impl Envelope {
    /// Names the record that the event is about.
    pub fn subject(&self) -> String {
        match &self.event {
            Event::Tenants(_) => self.tenant.to_string(),
            Event::Staff(event) => of_staff(event),
            Event::Catalog(event) => of_catalog(event),
            Event::Pricing(pricing::Event::PriceListPut { code, .. }) => format!("price_list/{code}"),
            Event::Pricing(pricing::Event::PricesChanged { variant, .. }) => variant.to_string(),
            Event::Tax(event) => match event {
                tax::Event::CategoryPut { code, .. } => format!("tax_category/{code}"),
                tax::Event::ZonePut { zone, .. }
                | tax::Event::ZoneRemoved { zone }
                | tax::Event::RatesSet { zone, .. } => zone.to_string(),
            },
            Event::Shipping(event) => match event {
                shipping::Event::ZonePut { zone, .. } | shipping::Event::ZoneRemoved { zone } => {
                    zone.to_string()
                }
                shipping::Event::RatePut { rate, .. } => rate.to_string(),
            },
            Event::Inventory(event) => of_inventory(event),
            Event::Cart(event) => cart_of(event).to_string(),
            Event::Orders(event) => event.order().to_string(),
            Event::Payments(event) => of_payments(event),
            Event::Customers(event) => of_customers(event),
            Event::Notifications(
                notifications::Event::MailQueued { mail, .. }
                | notifications::Event::NotificationSent { mail }
                | notifications::Event::NotificationFailed { mail },
            ) => mail.to_string(),
            Event::Checkout(event) => match *event {},
            Event::Schedule(event) => match *event {},
        }
    }
}

fn of_staff(event: &staff::Event) -> String {
    use staff::Event::*;
    match event {
        ApiKeyAdded { key, .. } | ApiKeyRevoked { key } => key.to_string(),
        ViewSaved { view, .. } | ViewDeleted { view, .. } => view.to_string(),
        of_member => of_member.member().map_or_else(String::new, |member| member.to_string()),
    }
}

fn of_catalog(event: &catalog::Event) -> String {
    use catalog::Event::*;
    match event {
        ProductCreated { product, .. }
        | ProductUpdated { product, .. }
        | ProductPublished { product, .. }
        | ProductUnpublished { product, .. }
        | ProductArchived { product, .. } => product.to_string(),
        VariantCreated { variant, .. } | VariantUpdated { variant, .. } | VariantArchived { variant, .. } => {
            variant.to_string()
        }
        CategoryPut { category, .. } => category.to_string(),
        ProductTypePut { code, .. } => format!("product_type/{code}"),
        AttributePut { code, .. } => format!("attribute/{code}"),
        OptionTypePut { code, .. } => format!("option/{code}"),
        OptionValuePut { option, code, .. } => format!("option/{option}/{code}"),
        AddOnPut { add_on, .. } => add_on.to_string(),
        MediaPut { media, .. } => media.to_string(),
    }
}

fn of_inventory(event: &inventory::Event) -> String {
    use inventory::Event::*;
    match event {
        WarehousePut { id, .. } => id.to_string(),
        // One cause may move several items: what it is for names them together.
        InventoryUpdated { cause, changes } => match (cause, &changes[..]) {
            (_, [only]) => only.item.to_string(),
            (
                inventory::Cause::Allocated(order)
                | inventory::Cause::Shipped(order)
                | inventory::Cause::Unallocated(order)
                | inventory::Cause::Restocked(order)
                | inventory::Cause::Reallocated(order),
                _,
            ) => order.to_string(),
            (inventory::Cause::Reserved(cart) | inventory::Cause::Released(cart), _) => cart.to_string(),
            (_, several) => several.first().map_or_else(String::new, |first| first.item.to_string()),
        },
        InventoryReserved { cart, .. } | InventoryReleased { cart } => cart.to_string(),
        OutOfStock { item } | LowStockAlert { item, .. } => item.to_string(),
        ProductOutOfStock { product } => product.to_string(),
    }
}

fn cart_of(event: &cart::Event) -> crate::ids::CartId {
    use cart::Event::*;
    match event {
        ItemAddedToCart { cart, .. }
        | CartChanged { cart, .. }
        | CartsMerged { into: cart, .. }
        | CartCheckedOut { cart, .. }
        | CartExpired { cart }
        | CartAbandoned { cart, .. }
        | ConsentGiven { cart, .. } => *cart,
    }
}

impl orders::Event {
    /// The order that it is about.
    pub fn order(&self) -> crate::ids::OrderId {
        use orders::Event::*;
        match self {
            OrderPlaced { order } => order.id,
            OrderConfirmed { order }
            | OrderCancelled { order, .. }
            | OrderExpired { order, .. }
            | OrderRevived { order }
            | PaymentStatusChanged { order, .. }
            | OrderShipped { order, .. }
            | OrderDelivered { order, .. }
            | OrderCompleted { order }
            | RefundRequested { order, .. }
            | OrderRefunded { order, .. }
            | RefundFailed { order, .. }
            | NoteAdded { order, .. }
            | Joined { order, .. }
            | OrderErased { order }
            | AllocationMoved { order, .. }
            | DocumentIssued { order, .. } => *order,
        }
    }
}

fn of_payments(event: &payments::Event) -> String {
    use payments::Event::*;
    match event {
        PaymentInitiated { payment, .. }
        | PaymentAuthorised { payment, .. }
        | PaymentCompleted { payment, .. }
        | PaymentFailed { payment, .. }
        | PaymentVoided { payment, .. } => payment.to_string(),
        RefundInitiated { refund, .. } | RefundProcessed { refund, .. } | RefundFailed { refund, .. } => {
            refund.to_string()
        }
    }
}

fn of_customers(event: &customers::Event) -> String {
    use customers::Event::*;
    match event {
        CustomerRegistered { customer, .. }
        | CustomerUpdated { customer, .. }
        | EmailVerified { customer, .. }
        | AddressAdded { customer, .. }
        | AddressUpdated { customer, .. }
        | AddressRemoved { customer, .. }
        | ConsentGiven { customer, .. }
        | CustomerErased { customer }
        | WishesChanged { customer, .. } => customer.to_string(),
        SessionStarted { who, .. } | SessionEnded { who, .. } | TokenReused { who, .. } => match who {
            Who::Customer(customer) => customer.to_string(),
            Who::Staff(staff) => staff.to_string(),
        },
    }
}

/// The revision at which an event leaves its subject.
pub(crate) fn version_after(view: &(impl View + ?Sized), event: &Event) -> Option<u64> {
    match event {
        Event::Tenants(tenants::Event::Updated { revision, .. }) => Some(*revision),
        Event::Tenants(_) => None,
        Event::Staff(event) => STAFF.get(view, &event.member()?).map(|known| known.revision),
        Event::Catalog(event) => {
            use catalog::Event::*;
            match event {
                ProductCreated { revision, .. }
                | ProductUpdated { revision, .. }
                | ProductPublished { revision, .. }
                | ProductUnpublished { revision, .. }
                | ProductArchived { revision, .. }
                | VariantCreated { revision, .. }
                | VariantUpdated { revision, .. }
                | VariantArchived { revision, .. }
                | CategoryPut { revision, .. }
                | ProductTypePut { revision, .. }
                | AttributePut { revision, .. }
                | OptionTypePut { revision, .. }
                | OptionValuePut { revision, .. }
                | AddOnPut { revision, .. }
                | MediaPut { revision, .. } => Some(*revision),
            }
        }
        Event::Pricing(
            pricing::Event::PriceListPut { revision, .. } | pricing::Event::PricesChanged { revision, .. },
        )
        | Event::Tax(
            tax::Event::CategoryPut { revision, .. }
            | tax::Event::ZonePut { revision, .. }
            | tax::Event::RatesSet { revision, .. },
        )
        | Event::Shipping(
            shipping::Event::ZonePut { revision, .. } | shipping::Event::RatePut { revision, .. },
        )
        | Event::Inventory(inventory::Event::WarehousePut { revision, .. }) => Some(*revision),
        Event::Tax(tax::Event::ZoneRemoved { .. })
        | Event::Shipping(shipping::Event::ZoneRemoved { .. })
        | Event::Inventory(_)
        | Event::Payments(_)
        | Event::Notifications(_)
        | Event::Checkout(_)
        | Event::Schedule(_) => None,
        Event::Cart(cart::Event::CartChanged { revision, .. }) => Some(*revision),
        Event::Cart(event) => CARTS.get(view, &cart_of(event)).map(|cart| cart.revision),
        Event::Orders(orders::Event::OrderPlaced { order }) => Some(order.revision),
        Event::Orders(event) => ORDERS.get(view, &event.order()).map(|order| order.revision),
        Event::Customers(event) => {
            use customers::Event::*;
            match event {
                CustomerRegistered { customer, .. }
                | CustomerUpdated { customer, .. }
                | EmailVerified { customer, .. } => CUSTOMERS.get(view, customer).map(|known| known.revision),
                AddressAdded { .. }
                | AddressUpdated { .. }
                | AddressRemoved { .. }
                | ConsentGiven { .. }
                | SessionStarted { .. }
                | SessionEnded { .. }
                | TokenReused { .. }
                | CustomerErased { .. }
                | WishesChanged { .. } => None,
            }
        }
    }
}
