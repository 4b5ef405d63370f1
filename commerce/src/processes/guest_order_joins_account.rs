//! Orders placed as a guest appear in the account once its e-mail address is verified.

use crate::command::{Command, Event};
use crate::customers;
use crate::orders::{Command as Orders, ORDERS, ORDERS_BY_EMAIL, OrderRef};
use crate::scope::View;

/// Guest orders that join at one verification; more than anybody has.
const ORDERS_MAX: usize = 256;

pub fn react(view: &impl View, event: &Event) -> Vec<Command> {
    let Event::Customers(customers::Event::EmailVerified { customer, email_hash }) = event else {
        return Vec::new();
    };
    let orders = ORDERS_BY_EMAIL.list(view, email_hash, ORDERS_MAX).into_iter();
    orders
        .filter(|OrderRef(order)| ORDERS.get(view, order).is_some_and(|order| order.customer.is_none()))
        .map(|OrderRef(order)| Orders::Join { order, customer: *customer }.into())
        .collect()
}
