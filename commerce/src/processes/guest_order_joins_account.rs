//! Orders placed as a guest appear in the account once its e-mail address is verified. Those placed afterwards belong
//! to it from the first: see [`super::checkout`].

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customers::{Command as Customers, Refusal, person_of};
    use crate::harness::sealed;
    use crate::ids::CustomerId;
    use crate::orders::testing::{ORDER, Sold};
    use crate::orders::{ORDERS_BY_CUSTOMER, ORDERS_BY_EMAIL};
    use crate::sealed::{KeyedHash, PersonRef};

    const BUYER: CustomerId = CustomerId::from_bits(6);
    const OTHER: CustomerId = CustomerId::from_bits(9);

    fn register(customer: CustomerId, email_hash: KeyedHash) -> Customers {
        Customers::Register {
            customer,
            person: PersonRef { person: person_of(customer), new_key: None },
            profile: sealed(),
            email_hash,
            password_hash: String::new(),
            locale: crate::Locale::parse("en").unwrap(),
        }
    }

    fn owner(sold: &Sold) -> Option<CustomerId> {
        sold.order().customer
    }

    #[test]
    fn a_guests_order_waits_until_its_address_is_verified() {
        let mut sold = Sold::of([1, 0]);
        let address = sold.order().contact.email_hash;
        sold.shop.run(register(BUYER, address));
        assert_eq!(owner(&sold), None, "anybody can register under an address");
        sold.shop.run(Customers::VerifyEmail { customer: BUYER });
        assert_eq!(owner(&sold), Some(BUYER));
        assert!(ORDERS_BY_CUSTOMER.contains(&sold.shop.view(), &(BUYER, ORDER)));
        assert!(ORDERS_BY_EMAIL.contains(&sold.shop.view(), &(address, ORDER)), "it keeps its own contact");
        sold.shop.run(Customers::VerifyEmail { customer: BUYER });
        let told = |name| sold.shop.story().iter().filter(|known| **known == name).count();
        assert_eq!((told("customer.email_verified"), told("order.joined_account")), (1, 1));
    }

    #[test]
    fn an_order_joins_no_account_of_another_address_and_none_but_the_first() {
        let mut sold = Sold::of([1, 0]);
        let address = sold.order().contact.email_hash;
        sold.shop.run(register(OTHER, [2; 16]));
        sold.shop.run(Customers::VerifyEmail { customer: OTHER });
        assert_eq!(owner(&sold), None);
        sold.shop.run(register(BUYER, address));
        assert_eq!(
            sold.shop.refused(register(CustomerId::from_bits(8), address)),
            Refusal::EmailTaken.into()
        );
        sold.shop.run(Customers::VerifyEmail { customer: BUYER });
        let stale = crate::orders::Refusal::Stale;
        assert_eq!(sold.shop.refused(Orders::Join { order: ORDER, customer: OTHER }), stale.into());
        assert_eq!(owner(&sold), Some(BUYER));
    }
}
