//! Who wishes to be forgotten takes along the open cart and every order that came to nothing.
//!
//! Orders that money was taken for keep name and address under a key of their own, as bookkeeping law
//! demands. One that is still open when its customer goes is looked at again when it ends.

use crate::cart::{CUSTOMER_CARTS, CartOf, Command as Carts};
use crate::command::{Command, Event};
use crate::customers::{self, person_of};
use crate::ids::OrderId;
use crate::orders::{
    Command as Orders, Event as OrderEvent, ORDERS, ORDERS_BY_CUSTOMER, OrderRef, came_to_nothing,
};
use crate::payments::Event as Payments;
use crate::scope::View;
use crate::sealed::{ERASED, PERSON_KEYS};

/// Orders looked at when one customer goes; more than anybody leaves unpaid.
const ORDERS_MAX: usize = 1_000;

pub fn react(view: &impl View, event: &Event) -> Vec<Command> {
    match event {
        Event::Customers(customers::Event::CustomerErased { customer }) => {
            let orders = ORDERS_BY_CUSTOMER.list(view, customer, ORDERS_MAX).into_iter();
            let erased = orders.filter_map(|OrderRef(order)| erase(view, order));
            let cart = CUSTOMER_CARTS.get(view, customer).map(|CartOf(cart)| Carts::Erase { cart }.into());
            cart.into_iter().chain(erased).collect()
        }
        Event::Orders(OrderEvent::OrderCancelled { order, .. } | OrderEvent::OrderExpired { order, .. })
        | Event::Payments(Payments::PaymentFailed { order, .. } | Payments::PaymentVoided { order, .. }) => {
            let customer = ORDERS.get(view, order).and_then(|order| order.customer);
            let gone = customer.is_some_and(|customer| ERASED.contains(view, &person_of(customer)));
            if gone { erase(view, *order).into_iter().collect() } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}

fn erase(view: &impl View, order: OrderId) -> Option<Command> {
    let known = ORDERS.get(view, &order)?;
    let readable = PERSON_KEYS.contains(view, &known.contact.sealed.person());
    (readable && came_to_nothing(view, &known)).then(|| Orders::Erase { order }.into())
}
