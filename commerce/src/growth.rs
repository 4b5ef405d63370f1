//! What may still be done where the disk is nearly full.
//!
//! Refused is what asks for more to be kept: new carts, orders, people, products. Let in is what brings
//! something under way to its end, gives back, ends or removes, and what a person needs to do that, such as
//! signing in. Every match is exhaustive: a new command has to choose.

use crate::command::Command;
use crate::intent::{CartIntent, CheckoutIntent, CustomerIntent, Intent, OrderIntent, StaffIntent};
use crate::processes::{checkout, schedule};
use crate::{
    bundle, cart, catalog, customers, inventory, notifications, orders, payments, placement, pricing,
    searches, shipping,
};
use crate::{staff, tax, tenants};

impl Intent {
    /// Whether this asks for more to be kept.
    pub fn grows(&self) -> bool {
        match self {
            Intent::Ready(command) => command.grows(),
            Intent::Cart(cart) => match cart {
                // Also how a line is taken out of a cart.
                CartIntent::SetQuantity { quantity, .. } => *quantity > 0,
                // Two carts become one.
                CartIntent::Merge { .. } | CartIntent::SetConsent { .. } => false,
                CartIntent::AddLine { .. }
                | CartIntent::SetDestination { .. }
                | CartIntent::SetContact { .. }
                | CartIntent::SetAddresses { .. }
                | CartIntent::ChooseRate { .. }
                | CartIntent::Reserve { .. } => true,
            },
            Intent::Checkout(checkout) => match checkout {
                CheckoutIntent::Place { .. } => true,
                CheckoutIntent::Pay { .. } => false,
            },
            Intent::Order(order) => match order {
                OrderIntent::AddNote { .. } => true,
                OrderIntent::Refund { .. } | OrderIntent::Cancel { .. } => false,
            },
            Intent::Customer(customer) => match customer {
                CustomerIntent::Register { .. } | CustomerIntent::AddAddress { .. } => true,
                CustomerIntent::UpdateProfile { .. } | CustomerIntent::UpdateAddress { .. } => true,
            },
            Intent::Staff(staff) => match staff {
                StaffIntent::Add { .. } | StaffIntent::SaveView { .. } => true,
                StaffIntent::ChangePassword { .. } => false,
            },
        }
    }
}

impl Command {
    /// Whether this asks for more to be kept.
    pub fn grows(&self) -> bool {
        match self {
            Command::Tenants(command) => of_tenants(command),
            Command::Staff(command) => of_staff(command),
            Command::Catalog(command) => of_catalog(command),
            Command::Pricing(command) => of_pricing(command),
            Command::Tax(command) => of_tax(command),
            Command::Shipping(command) => of_shipping(command),
            Command::Inventory(command) => of_inventory(command),
            Command::Cart(command) => of_cart(command),
            Command::Orders(command) => of_orders(command),
            Command::Payments(command) => of_payments(command),
            Command::Customers(command) => of_customers(command),
            Command::Notifications(command) => match command {
                // A mail about something that is let in, and what became of it.
                notifications::Command::Queue { .. } | notifications::Command::Settle { .. } => false,
            },
            Command::Checkout(command) => of_checkout(command),
            Command::Schedule(schedule::Command::RunDue { .. }) => false,
            Command::Version(_) => false,
            Command::Placement(command) => match command {
                // Where things are, so that what is under way finds its end.
                placement::Command::Seat { .. }
                | placement::Command::SeatWide { .. }
                | placement::Command::Place { .. } => false,
                placement::Command::Move { .. }
                | placement::Command::Attempt { .. }
                | placement::Command::Leave { .. }
                | placement::Command::Placed { .. }
                | placement::Command::Settled { .. }
                | placement::Command::Sweep => false,
            },
            Command::Bundle(bundle::Command::Arrive { .. }) => true,
            Command::Bundle(bundle::Command::Forget { .. }) => false,
            Command::Searches(searches::Command::CountMissed { .. }) => true,
        }
    }
}

fn of_tenants(command: &tenants::Command) -> bool {
    use tenants::Command::*;
    match command {
        RemoveDomain { .. } | Suspend | SuspendFor { .. } | Resume => false,
        CreateTenant { .. }
        | UpdateProfile { .. }
        | UpdateBranding { .. }
        | UpdateSettings { .. }
        | UpdateEntitlements { .. }
        | UpdateLegalEntity { .. }
        | UpdatePage { .. }
        | UpdateOrigins { .. }
        | AddDomain { .. } => true,
    }
}

fn of_staff(command: &staff::Command) -> bool {
    use staff::Command::*;
    match command {
        SetUp { .. } | ChangePassword { .. } | ChangeRole { .. } => false,
        Deactivate { .. } | Reactivate { .. } | RevokeApiKey { .. } | DeleteView { .. } => false,
        Add { .. } | AddApiKey { .. } | SaveView { .. } => true,
    }
}

fn of_catalog(command: &catalog::Command) -> bool {
    use catalog::Command::*;
    match command {
        UnpublishProduct { .. } | ArchiveProduct { .. } | ArchiveVariant { .. } => false,
        ArchiveCategory { archived, .. } | ArchiveAddOn { archived, .. } => !archived,
        PublishDue { .. } | RunDue { .. } => false,
        CreateProduct { .. }
        | UpdateProduct { .. }
        | PublishProduct { .. }
        | SchedulePublication { .. }
        | CreateVariant { .. }
        | UpdateVariant { .. }
        | RestoreVariant { .. }
        | CreateCategory { .. }
        | UpdateCategory { .. }
        | PutProductType { .. }
        | PutAttribute { .. }
        | PutOptionType { .. }
        | PutOptionValue { .. }
        | CreateAddOn { .. }
        | UpdateAddOn { .. }
        | AddMedia { .. }
        | UpdateMedia { .. } => true,
    }
}

fn of_pricing(command: &pricing::Command) -> bool {
    use pricing::Command::*;
    match command {
        RemovePrice { .. } | TurnDue { .. } => false,
        PutPriceList { .. } | SetPrices { .. } | ReplacePrices { .. } => true,
    }
}

fn of_tax(command: &tax::Command) -> bool {
    use tax::Command::*;
    match command {
        RemoveZone { .. } => false,
        PutCategory { .. } | CreateZone { .. } | UpdateZone { .. } | SetRates { .. } => true,
    }
}

fn of_shipping(command: &shipping::Command) -> bool {
    use shipping::Command::*;
    match command {
        RemoveZone { .. } => false,
        ArchiveRate { archived, .. } => !archived,
        CreateZone { .. } | UpdateZone { .. } | CreateRate { .. } | UpdateRate { .. } => true,
    }
}

fn of_inventory(command: &inventory::Command) -> bool {
    use inventory::Command::*;
    match command {
        ExpireHold { .. } | Release { .. } | Allocate { .. } => false,
        Unallocate { .. } | Ship { .. } | Restock { .. } | Reallocate { .. } | Report { .. } => false,
        PutWarehouse { .. } | Adjust { .. } | Transfer { .. } | SetParts { .. } | SetLowAt { .. } => true,
    }
}

fn of_cart(command: &cart::Command) -> bool {
    use cart::Command::*;
    match command {
        SetQuantity { quantity, .. } => *quantity > 0,
        Merge { .. } | Expire { .. } | HoldEnded { .. } | Idle { .. } | Erase { .. } => false,
        // As that of a customer: no larger than a word.
        SetConsent { .. } => false,
        AddLine { .. }
        | SetDestination { .. }
        | SetContact { .. }
        | TakeContact { .. }
        | SetAddresses { .. }
        | ChooseRate { .. } => true,
    }
}

fn of_checkout(command: &checkout::Command) -> bool {
    use checkout::Command::*;
    match command {
        Reserve { .. } | Place { .. } | PlaceAs { .. } => true,
        Pay { .. } | PayWithin { .. } => false,
    }
}

fn of_orders(command: &orders::Command) -> bool {
    use orders::Command::*;
    match command {
        Place { .. } | AddNote { .. } => true,
        SetPaid { .. } | Confirm { .. } | Cancel { .. } | Expire { .. } | Revive { .. } => false,
        Ship { .. } | MarkDelivered { .. } | Refund { .. } | SettleRefund { .. } => false,
        Join { .. } | Erase { .. } | GiveBack { .. } | Await { .. } => false,
        Reallocate { .. } => false,
        IssueInvoice { .. } | IssueCreditNote { .. } | CallOff { .. } | RefundFor { .. } => false,
    }
}

fn of_payments(command: &payments::Command) -> bool {
    use payments::Command::*;
    match command {
        Start { .. } | Settle { .. } | TakeEvent { .. } | MarkReceived { .. } => false,
        Void { .. } | StartRefund { .. } | SettleRefund { .. } => false,
    }
}

fn of_customers(command: &customers::Command) -> bool {
    use customers::Command::*;
    match command {
        Register { .. } | UpdateProfile { .. } | PutAddress { .. } | SetWishes { .. } => true,
        ChangePassword { .. } | VerifyEmail { .. } | RemoveAddress { .. } | SetConsent { .. } => false,
        StartSession { .. } | Rotate { .. } | EndSession { .. } | EndSessionsOf { .. } => false,
        Erase { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AddOnId, CartId, LineId, OrderId, ProductId};
    use crate::intent::PaymentChoice;

    #[test]
    fn what_is_under_way_goes_on_and_what_is_new_waits() {
        let (cart, order, line) = (CartId::from_bits(1), OrderId::from_bits(2), LineId::from_bits(3));
        let payment = || PaymentChoice { provider: "test".into(), token: None };
        let archive = |archived| catalog::Command::ArchiveAddOn {
            add_on: AddOnId::from_bits(4),
            expected: None,
            archived,
        };
        let quantity = |quantity| Intent::Cart(CartIntent::SetQuantity { cart, line, quantity });
        let place = Intent::Checkout(CheckoutIntent::Place {
            cart,
            expected_total: None,
            payment: payment(),
            note: None,
            terms_version: None,
            source: crate::orders::Source::Web,
        });
        let refund = OrderIntent::Refund { order, payment: None, items: Vec::new(), reason: "late".into() };
        let table: [(bool, Intent); 11] = [
            (true, place),
            (true, quantity(1)),
            (false, quantity(0)),
            (false, Intent::Checkout(CheckoutIntent::Pay { order, payment: payment() })),
            (false, Intent::Order(refund)),
            (true, Intent::Order(OrderIntent::AddNote { order, text: "hello".into() })),
            (false, orders::Command::Cancel { order, reason: "late".into() }.into()),
            (false, archive(true).into()),
            (true, archive(false).into()),
            (
                true,
                catalog::Command::PublishProduct { product: ProductId::from_bits(5), expected: None }.into(),
            ),
            (false, schedule::Command::RunDue { limit: 1 }.into()),
        ];
        for (grows, intent) in table {
            assert_eq!(intent.grows(), grows, "{intent:?}");
        }
    }
}
