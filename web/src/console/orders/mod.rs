//! Orders: the list, one order with everything that happened to it, and what staff do with it.

mod act;
mod allocation;
mod ask;
mod detail;
mod export;
mod failed;
mod list;
mod many;
mod refund;
mod sheets;

use crate::gate::Call;
use crate::l10n::Locale;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use crate::storefront::typed::address_lines_in;
use act::{
    add_note_form, cancel_order_form, cancel_order_page, mark_delivered_form, mark_received_form,
    ship_order_form, ship_order_page,
};
use allocation::{move_allocation_form, move_allocation_page};
use detail::order_page;
use export::export_orders;
use failed::failed_payments_page;
use gearify_commerce::cart::{Address, Contact};
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{ORDERS, Order};
use gearify_commerce::payments::{self, Payment};
use gearify_commerce::sealed::{self, Sealed};
use gearify_commerce::{OrderId, ReadScope, View};
use list::list_orders_page;
use many::change_many_form;
use refund::{refund_form, refund_page};
use serde::de::DeserializeOwned;
use sheets::{document_page, invoice_page, packing_slip_page};

pub use ask::OrderAsk;
pub use failed::FAILED_PAYMENTS;
pub use list::{buyers, order_rows, usual};

pub fn routes() -> Vec<Route> {
    routes! { "Console: orders", Console, Shop;
        Get "/console/orders" list_orders_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Orders, found and filtered";
        Get "/console/orders/export" export_orders: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "The orders of the list, as CSV";
        Get "/console/orders/failed-payments" failed_payments_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Payments that failed of late";
        Post "/console/orders/many" change_many_form: Staff(OrdersWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Packing slips of many orders, or many shipped at once";
        Get "/console/orders/{id}" order_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One order";
        Get "/console/orders/{id}/ship" ship_order_page: Staff(OrdersWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "What to ship";
        Post "/console/orders/{id}/ship" ship_order_form: Staff(OrdersWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Ships an order or parts of it";
        Get "/console/orders/{id}/allocations/{line}" move_allocation_page: Staff(OrdersWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "Where a line may be sent from";
        Post "/console/orders/{id}/allocations/{line}" move_allocation_form: Staff(OrdersWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Sends a line from another warehouse";
        Post "/console/orders/{id}/shipments/{shipment}/delivered" mark_delivered_form: Staff(OrdersWrite), PERSON,
            Write, Form, None, Token, query(), request(), 303(), "A shipment has arrived";
        Get "/console/orders/{id}/refund" refund_page: Staff(OrdersRefund), PERSON, Read, None, None, None,
            query(), request(), 200(), "What to give back";
        Post "/console/orders/{id}/refund" refund_form: Staff(OrdersRefund), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Shows what a refund comes to, then makes it";
        Get "/console/orders/{id}/cancel" cancel_order_page: Staff(OrdersWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "What cancelling means";
        Post "/console/orders/{id}/cancel" cancel_order_form: Staff(OrdersWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Calls an order off";
        Post "/console/orders/{id}/notes" add_note_form: Staff(OrdersWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Notes something about an order";
        Post "/console/orders/{id}/payments/{payment}/received" mark_received_form: Staff(OrdersWrite), PERSON,
            Write, Form, None, Token, query(), request(), 303(), "The money of a manual payment arrived";
        Get "/console/orders/{id}/packing-slip" packing_slip_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "The packing slip, to print";
        Get "/console/orders/{id}/invoice" invoice_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "The invoice, to print";
        Get "/console/orders/{id}/documents/{number}" document_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "An invoice or a credit note, to print";
    }
}

/// # Errors
/// `not-found` for an id of nobody, or of another shop.
fn order(call: &Call, id: OrderId) -> Result<Order, Problem> {
    call.read(GroupKind::Region, |view| ORDERS.get(view, &id)).ok_or_else(|| Problem::not_found("order"))
}

fn payments_of(call: &Call, id: OrderId) -> Vec<Payment> {
    call.read(GroupKind::Region, |view| payments::of_order(view, id))
}

/// Personal data of an order as it may be shown; `None` where it was erased.
pub(super) struct Opened {
    pub contact: Option<Contact>,
    pub shipping: Option<Address>,
    pub billing: Option<Address>,
    pub note: Option<String>,
}

fn open_order(call: &Call, order: &Order) -> Opened {
    call.read(GroupKind::Region, |view| Opened {
        contact: open(call, view, &order.contact.sealed),
        shipping: open(call, view, &order.shipping_address),
        billing: order.billing_address.as_ref().and_then(|sealed| open(call, view, sealed)),
        note: order.customer_note.as_ref().and_then(|sealed| open(call, view, sealed)),
    })
}

fn open<T: DeserializeOwned>(call: &Call, view: &impl View, sealed: &Sealed<T>) -> Option<T> {
    sealed::open(view, call.vault(), sealed).ok()
}

/// Who ordered, as briefly as a list says it.
fn buyer(call: &Call, view: &ReadScope<'_>, order: &Order) -> String {
    let Some(contact) = open::<Contact>(call, view, &order.contact.sealed) else {
        return "Erased".to_owned();
    };
    contact.name.filter(|name| !name.is_empty()).unwrap_or(contact.email)
}

/// As it stands on an envelope.
pub fn address_lines(address: &Address) -> Vec<String> {
    address_lines_in(address, Locale::EN_GB)
}

fn path_of(order: &Order) -> String {
    format!("/console/orders/{}", order.id)
}
