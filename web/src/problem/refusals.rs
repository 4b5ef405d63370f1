//! Refusals of the contexts as problems.
//!
//! Every match is exhaustive: a new refusal must choose its kind before this compiles.

use super::{Kind, Problem};
use crate::ports::{HistoryError, ProviderEventError, SubmitError};
use crate::ports_lists::ListFault;
use crate::ports_search::SearchFault;
use gearify_commerce::check::Invalid;
use gearify_commerce::processes::{checkout, schedule};
use gearify_commerce::{
    Refusal, bundle, cart, catalog, customers, inventory, notifications, orders, payments, pricing, shipping,
    staff, tax, tenants,
};
use serde_json::{Value, json};

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Problem {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Overloaded => Problem::new(Kind::Overloaded).retry_after(1),
            SubmitError::Unavailable => Problem::new(Kind::Unavailable).retry_after(1),
            SubmitError::ReadOnly => Problem::new(Kind::RegionReadOnly).retry_after(5),
            SubmitError::NoRoom => Problem::no_room(),
            SubmitError::Unknown => Problem::new(Kind::OutcomeUnknown).retry_after(1),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Tenants(refusal) => refusal.into(),
            Refusal::Staff(refusal) => refusal.into(),
            Refusal::Catalog(refusal) => refusal.into(),
            Refusal::Pricing(refusal) => refusal.into(),
            Refusal::Tax(refusal) => refusal.into(),
            Refusal::Shipping(refusal) => refusal.into(),
            Refusal::Inventory(refusal) => refusal.into(),
            Refusal::Cart(refusal) => refusal.into(),
            Refusal::Orders(refusal) => refusal.into(),
            Refusal::Payments(refusal) => refusal.into(),
            Refusal::Customers(refusal) => refusal.into(),
            Refusal::Notifications(refusal) => refusal.into(),
            Refusal::Checkout(refusal) => refusal.into(),
            Refusal::Schedule(refusal) => refusal.into(),
            Refusal::KeyReused => Problem::new(Kind::KeyReused),
            // Only nodes ask for that, and nobody is told.
            Refusal::Version(refusal) => told(Kind::Conflict, &refusal),
            // Nodes follow a shop to where it is; who is told came in between.
            Refusal::Placement(_) => Problem::new(Kind::Unavailable).retry_after(1),
            Refusal::Bundle(bundle::Refusal::Arriving) => Problem::new(Kind::Unavailable).retry_after(5),
            Refusal::Bundle(refusal) => told(Kind::Conflict, &refusal),
        }
    }
}

/// The kind with the refusal's own words as a sentence.
fn told(kind: Kind, refusal: &impl std::fmt::Display) -> Problem {
    Problem::new(kind).detail(sentence(refusal))
}

fn sentence(words: &impl std::fmt::Display) -> String {
    let text = words.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

fn invalid(Invalid { field, problem }: Invalid) -> Problem {
    Problem::invalid(format!("/{field}"), problem)
}

fn stale(revision: u64) -> Problem {
    Problem::new(Kind::PreconditionFailed).member("revision", revision)
}

impl From<tenants::Refusal> for Problem {
    fn from(refusal: tenants::Refusal) -> Problem {
        use tenants::Refusal::*;
        match refusal {
            UnknownTenant => Problem::not_found("tenant"),
            Exists | SlugTaken { .. } | HostTaken { .. } => told(Kind::AlreadyExists, &refusal),
            Platform => told(Kind::Conflict, &refusal),
            UnknownHost { .. } => Problem::not_found("host"),
            Stale { revision } => stale(revision),
            Invalid(problem) => invalid(problem),
        }
    }
}

impl From<staff::Refusal> for Problem {
    fn from(refusal: staff::Refusal) -> Problem {
        use staff::Refusal::*;
        match refusal {
            UnknownStaff => Problem::not_found("staff member"),
            UnknownKey => Problem::not_found("API key"),
            UnknownView => Problem::not_found("view"),
            UnknownRole { .. } | WrongPlace => Problem::invalid("/role", &refusal),
            NoScope => Problem::invalid("/scopes", &refusal),
            EmailTaken => told(Kind::AlreadyExists, &refusal),
            LinkOver => told(Kind::InvalidToken, &refusal),
            LastOwner => told(Kind::Conflict, &refusal),
            TooMany { .. } => told(Kind::LimitReached, &refusal),
            Erased => told(Kind::Conflict, &refusal),
            NotYourView => told(Kind::Forbidden, &refusal),
            NoView { .. } => Problem::invalid("/name", &refusal),
            NotYet => told(Kind::Unavailable, &refusal),
        }
    }
}

impl From<catalog::Refusal> for Problem {
    fn from(refusal: catalog::Refusal) -> Problem {
        use catalog::Refusal::*;
        match refusal {
            UnknownProduct { .. } => Problem::not_found("product"),
            UnknownVariant { .. } => Problem::not_found("variant"),
            UnknownCategory { category } => named("/categories", "category", &refusal, category.to_string()),
            UnknownAddOn { add_on } => named("/add_ons", "add_on", &refusal, add_on.to_string()),
            UnknownMedia { media } => named("/media", "media", &refusal, media.to_string()),
            UnknownProductType { ref code } => named("/product_type", "code", &refusal, code.to_string()),
            UnknownAttribute { ref code } => named("/attributes", "code", &refusal, code.to_string()),
            UnknownOption { ref code } => named("/options", "code", &refusal, code.to_string()),
            UnknownOptionValue { ref option, .. } => Problem::invalid(format!("/options/{option}"), &refusal),
            UnknownTaxCategory { ref code } => named("/tax_category", "code", &refusal, code.to_string()),
            Stale { revision } => stale(revision),
            SlugTaken { product, .. } => {
                told(Kind::AlreadyExists, &refusal).member("product_id", product.to_string())
            }
            PathTaken { category, .. } => {
                told(Kind::AlreadyExists, &refusal).member("category_id", category.to_string())
            }
            SkuTaken { ref sku, .. } => told(Kind::AlreadyExists, &refusal).member("sku", sku.to_string()),
            CombinationTaken { .. } => told(Kind::AlreadyExists, &refusal),
            OptionsMissing { .. } | NoVariant => Problem::invalid("/variants", &refusal),
            TooManyVariants { .. } => told(Kind::LimitReached, &refusal),
            OptionsInUse | ChoiceInUse { .. } | KindInUse { .. } | CategoryHasChildren => {
                told(Kind::InUse, &refusal)
            }
            CategoryInItself | TooDeep { .. } => Problem::invalid("/parent_id", &refusal),
            Archived => told(Kind::Conflict, &refusal),
            Invalid(problem) => invalid(problem),
        }
    }
}

/// A reference in the body that leads nowhere.
fn named(pointer: &str, member: &str, refusal: &impl std::fmt::Display, value: String) -> Problem {
    Problem::invalid(pointer, refusal).member(member, value)
}

impl From<pricing::Refusal> for Problem {
    fn from(refusal: pricing::Refusal) -> Problem {
        use pricing::Refusal::*;
        match refusal {
            UnknownList { .. } => Problem::invalid("/list", &refusal),
            UnknownVariant { .. } => Problem::not_found("variant"),
            UnknownPrice => Problem::not_found("price"),
            DefaultTaken { .. } => told(Kind::AlreadyExists, &refusal),
            ListFixed => told(Kind::Conflict, &refusal),
            Stale { revision } => stale(revision),
            Invalid(problem) => invalid(problem),
        }
    }
}

impl From<tax::Refusal> for Problem {
    fn from(refusal: tax::Refusal) -> Problem {
        use tax::Refusal::*;
        match refusal {
            UnknownZone { .. } => Problem::not_found("tax zone"),
            UnknownCategory { .. } => Problem::not_found("tax category"),
            PlaceTaken { .. } => told(Kind::AlreadyExists, &refusal),
            Stale { revision } => stale(revision),
            Invalid(problem) => invalid(problem),
        }
    }
}

impl From<shipping::Refusal> for Problem {
    fn from(refusal: shipping::Refusal) -> Problem {
        use shipping::Refusal::*;
        match refusal {
            UnknownZone { .. } => Problem::not_found("delivery zone"),
            UnknownRate { .. } => Problem::not_found("delivery rate"),
            UnknownTaxCategory { ref code } => named("/tax_category", "code", &refusal, code.to_string()),
            Stale { revision } => stale(revision),
            Invalid(problem) => invalid(problem),
        }
    }
}

impl From<inventory::Refusal> for Problem {
    fn from(refusal: inventory::Refusal) -> Problem {
        use inventory::Refusal::*;
        match refusal {
            UnknownWarehouse { .. } => Problem::not_found("warehouse"),
            UnknownItem { .. } => Problem::not_found("stock item"),
            CodeTaken { .. } => told(Kind::AlreadyExists, &refusal),
            TooManyWarehouses { .. } => told(Kind::LimitReached, &refusal),
            BadCode => Problem::invalid("/code", &refusal),
            BelowPromised { free } => told(Kind::Conflict, &refusal).member("free", free),
            TooMany { .. } | Zero => Problem::invalid("/delta", &refusal),
            SameWarehouse => Problem::invalid("/to", &refusal),
            NoHold | NotDue => told(Kind::Conflict, &refusal),
        }
    }
}

impl From<cart::Refusal> for Problem {
    fn from(refusal: cart::Refusal) -> Problem {
        use cart::Refusal::*;
        match refusal {
            UnknownCart { .. } => Problem::not_found("cart"),
            UnknownLine { .. } => Problem::not_found("line"),
            UnknownVariant => Problem::invalid("/variant_id", &refusal),
            UnknownAddOn => Problem::invalid("/add_ons", &refusal),
            UnknownRate => told(Kind::ShippingOptionExpired, &refusal),
            AlreadyOrdered { order } => Problem::new(Kind::AlreadyOrdered)
                .member("order_id", order.to_string())
                .member("order", format!("/api/v1/orders/{order}")),
            CartExpired => Problem::new(Kind::CartExpired),
            Quantity { .. } => Problem::invalid("/quantity", &refusal),
            TooManyLines { .. } => told(Kind::LimitReached, &refusal),
            Stale => Problem::new(Kind::CartChanged),
            Erased => told(Kind::Conflict, &refusal),
        }
    }
}

impl From<checkout::Refusal> for Problem {
    fn from(refusal: checkout::Refusal) -> Problem {
        use checkout::Refusal::*;
        match refusal {
            Cart(refusal) => refusal.into(),
            Payment(refusal) => refusal.into(),
            OutOfStock { lines } => {
                let lines: Vec<Value> = lines.iter().map(short_line).collect();
                Problem::new(Kind::OutOfStock).member("lines", lines)
            }
            Incomplete { ref what } if what == "a line" => Problem::new(Kind::CartEmpty),
            Incomplete { ref what } => {
                Problem::new(Kind::CartIncomplete).field(missing_field(what), "is missing")
            }
            // The handler adds the cart with its new total.
            TotalChanged { .. } => Problem::new(Kind::TotalChanged),
            RateExpired => Problem::new(Kind::ShippingOptionExpired),
            NotDeliverable => Problem::new(Kind::NotDeliverable),
            UnknownProvider { .. } => Problem::invalid("/payment/provider", &refusal),
            Stale => Problem::new(Kind::CartChanged),
            HoldRenewed | TooManyHolds => told(Kind::HoldRefused, &refusal),
            UnknownOrder { .. } => Problem::not_found("order"),
            NothingDue => told(Kind::PaymentRefused, &refusal),
            Unpriced { .. } => told(Kind::NotForSale, &refusal),
        }
    }
}

fn short_line(line: &checkout::ShortLine) -> Value {
    json!({
        "line_id": line.line.to_string(),
        "sku": line.sku,
        "requested": line.requested,
        "available": line.available,
    })
}

fn missing_field(what: &str) -> &'static str {
    match what {
        "the contact" => "/contact",
        "the delivery address" => "/addresses/shipping",
        "the delivery option" => "/shipping_option",
        _ => "/",
    }
}

impl From<orders::Refusal> for Problem {
    fn from(refusal: orders::Refusal) -> Problem {
        use orders::Refusal::*;
        match refusal {
            UnknownOrder { .. } => Problem::not_found("order"),
            UnknownLine { .. } => Problem::invalid("/lines", &refusal),
            UnknownShipment { .. } => Problem::not_found("shipment"),
            WrongStatus { ref wanted, .. } => match wanted.as_str() {
                "cancelled" => told(Kind::NotCancellable, &refusal),
                "shipped" | "delivered" => told(Kind::ShipmentRefused, &refusal),
                _ => told(Kind::Conflict, &refusal),
            },
            TooMany { line, open } => {
                Problem::invalid("/lines", &refusal).member("line_id", line.to_string()).member("open", open)
            }
            NothingToShip | NotInStock { .. } => told(Kind::ShipmentRefused, &refusal),
            NothingChosen => Problem::invalid("/items", &refusal),
            Stale => told(Kind::Conflict, &refusal),
            MoreThanPaid { refundable } => {
                Problem::new(Kind::RefundExceedsCaptured).member("refundable", refundable)
            }
            NotPositive => Problem::invalid("/amount", &refusal),
            TooLong => Problem::invalid("/", &refusal),
            NoPayment | NothingToIssue | NothingToMove { .. } => told(Kind::Conflict, &refusal),
            UnknownWarehouse { .. } => Problem::invalid("/warehouse_id", &refusal),
            NotThere { line, ref sku, requested, available } => {
                let short = json!({
                    "line_id": line.to_string(), "sku": sku, "requested": requested, "available": available,
                });
                told(Kind::OutOfStock, &refusal).member("lines", vec![short])
            }
            Full => told(Kind::LimitReached, &refusal),
        }
    }
}

impl From<payments::Refusal> for Problem {
    fn from(refusal: payments::Refusal) -> Problem {
        use payments::Refusal::*;
        match refusal {
            UnknownPayment { .. } => Problem::not_found("payment"),
            UnknownRefund { .. } => Problem::not_found("refund"),
            UnderWay { .. }
            | TooManyAttempts { .. }
            | AlreadySettled { .. }
            | OtherAttempt { .. }
            | NotManual { .. } => told(Kind::PaymentRefused, &refusal),
            MoreThanCaptured { refundable } => {
                Problem::new(Kind::RefundExceedsCaptured).member("refundable", refundable)
            }
            NotPositive => Problem::invalid("/amount", &refusal),
            RepeatedEvent => told(Kind::Conflict, &refusal),
        }
    }
}

impl From<customers::Refusal> for Problem {
    fn from(refusal: customers::Refusal) -> Problem {
        use customers::Refusal::*;
        match refusal {
            UnknownCustomer => Problem::not_found("customer"),
            EmailTaken => told(Kind::AlreadyExists, &refusal),
            UnknownAddress => Problem::not_found("address"),
            TooManyAddresses { .. } => told(Kind::LimitReached, &refusal),
            Stale { revision } => stale(revision),
            SessionOver | TokenReused => told(Kind::InvalidToken, &refusal),
            TooLong => Problem::invalid("/", &refusal),
            Erased => told(Kind::Conflict, &refusal),
        }
    }
}

impl From<notifications::Refusal> for Problem {
    fn from(refusal: notifications::Refusal) -> Problem {
        use notifications::Refusal::*;
        match refusal {
            UnknownMail { .. } => Problem::not_found("mail"),
            AlreadySettled { .. } => told(Kind::Conflict, &refusal),
        }
    }
}

impl From<schedule::Refusal> for Problem {
    fn from(refusal: schedule::Refusal) -> Problem {
        match refusal {}
    }
}

impl From<SearchFault> for Problem {
    fn from(fault: SearchFault) -> Problem {
        match fault {
            SearchFault::Refused { parameter, detail } => {
                Problem::new(Kind::UnknownParameter).field(format!("?{parameter}"), detail)
            }
            SearchFault::NotReady => Problem::new(Kind::Unavailable).retry_after(1),
            SearchFault::Failed(cause) => Problem::internal(cause),
        }
    }
}

impl From<ListFault> for Problem {
    fn from(fault: ListFault) -> Problem {
        match fault {
            ListFault::Refused { parameter, detail } => {
                Problem::new(Kind::UnknownParameter).field(format!("?{parameter}"), detail)
            }
            ListFault::Failed(cause) => Problem::new(Kind::Unavailable).retry_after(1).because(cause),
        }
    }
}

impl From<ProviderEventError> for Problem {
    fn from(error: ProviderEventError) -> Problem {
        match error {
            ProviderEventError::UnknownProvider => Problem::not_found("payment provider"),
            ProviderEventError::Signature => told(Kind::Unauthorized, &error),
            ProviderEventError::Malformed => told(Kind::Malformed, &error),
            ProviderEventError::Unavailable => Problem::new(Kind::Unavailable).retry_after(5),
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Problem {
        match error {
            HistoryError::NotKept => told(Kind::Unavailable, &error).retry_after(60),
            HistoryError::Failed(cause) => Problem::new(Kind::Unavailable).retry_after(5).because(cause),
        }
    }
}
