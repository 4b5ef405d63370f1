//! Which orders are asked for: from the address of the list, and back into one.
//!
//! The search box takes words and the same filters as the interface: `payment_status:paid total:>100`.

use crate::console::visit::Visit;
use crate::console::words::{Words, parse_money};
use crate::ports_lists::{ListFrom, OrderQuery, OrderSort, PageRequest};
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_commerce::{Currency, Timestamp};

pub const ROWS: usize = 50;

pub const STATUSES: [OrderStatus; 5] = [
    OrderStatus::Placed,
    OrderStatus::Confirmed,
    OrderStatus::Completed,
    OrderStatus::Cancelled,
    OrderStatus::Expired,
];
pub const PAYMENT_STATUSES: [PaymentStatus; 7] = [
    PaymentStatus::Unpaid,
    PaymentStatus::Pending,
    PaymentStatus::Authorised,
    PaymentStatus::PartiallyPaid,
    PaymentStatus::Paid,
    PaymentStatus::PartiallyRefunded,
    PaymentStatus::Refunded,
];
pub const FULFILMENTS: [FulfillmentStatus; 4] = [
    FulfillmentStatus::Unfulfilled,
    FulfillmentStatus::Partial,
    FulfillmentStatus::Fulfilled,
    FulfillmentStatus::Delivered,
];
pub const SORTS: [(OrderSort, &str, &str); 4] = [
    (OrderSort::Newest, "newest", "Newest first"),
    (OrderSort::Oldest, "oldest", "Oldest first"),
    (OrderSort::Dearest, "dearest", "Highest total first"),
    (OrderSort::Cheapest, "cheapest", "Lowest total first"),
];

/// Filters as a person set them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderAsk {
    /// What stands in the search box.
    pub typed: String,
    pub text: Option<String>,
    pub status: Vec<OrderStatus>,
    pub payment: Vec<PaymentStatus>,
    pub fulfilment: Vec<FulfillmentStatus>,
    pub total_min: Option<i64>,
    pub total_max: Option<i64>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub sort: OrderSort,
}

impl OrderAsk {
    pub fn read(visit: &Visit, words: &Words, currency: Currency) -> OrderAsk {
        let mut ask = OrderAsk { typed: visit.get("q").to_owned(), ..OrderAsk::default() };
        // Values nobody knows filter nothing.
        for value in visit.all("status") {
            let _ = push(&mut ask.status, parse_status(value));
        }
        for value in visit.all("payment") {
            let _ = push(&mut ask.payment, parse_payment(value));
        }
        for value in visit.all("fulfilment") {
            let _ = push(&mut ask.fulfilment, parse_fulfilment(value));
        }
        let sort = visit.get("sort");
        ask.sort =
            SORTS.iter().find(|(_, word, _)| *word == sort).map_or(OrderSort::default(), |found| found.0);
        ask.read_typed(words, currency);
        ask
    }

    /// Takes `key:value` words out of the typed text; what is not understood is searched for.
    fn read_typed(&mut self, words: &Words, currency: Currency) {
        let mut rest = Vec::new();
        for word in self.typed.clone().split_whitespace() {
            let known =
                word.split_once(':').is_some_and(|(key, value)| self.take(key, value, words, currency));
            if !known {
                rest.push(word.to_owned());
            }
        }
        self.text = Some(rest.join(" ")).filter(|text| !text.is_empty());
    }

    fn take(&mut self, key: &str, value: &str, words: &Words, currency: Currency) -> bool {
        match key {
            "status" => push(&mut self.status, parse_status(value)),
            "payment_status" | "payment" => push(&mut self.payment, parse_payment(value)),
            "fulfillment_status" | "fulfilment" => push(&mut self.fulfilment, parse_fulfilment(value)),
            "total" => self.take_total(value, currency),
            "placed" => self.take_day(value, words),
            _ => false,
        }
    }

    fn take_total(&mut self, value: &str, currency: Currency) -> bool {
        let (sign, amount) = split_sign(value);
        let Ok(amount) = parse_money(amount, currency) else { return false };
        match sign {
            '>' => self.total_min = Some(amount),
            '<' => self.total_max = Some(amount),
            _ => (self.total_min, self.total_max) = (Some(amount), Some(amount)),
        }
        true
    }

    fn take_day(&mut self, value: &str, words: &Words) -> bool {
        let (sign, day) = split_sign(value);
        let Ok(start) = words.parse_moment(&format!("{day}T00:00")) else { return false };
        let next = words.day_start(start, 1);
        match sign {
            '>' => self.from = Some(start),
            '<' => self.until = Some(start),
            _ => (self.from, self.until) = (Some(start), Some(next)),
        }
        true
    }

    pub fn query(&self, cursor: &str) -> OrderQuery {
        let from = if cursor.is_empty() { ListFrom::Start } else { ListFrom::Cursor(cursor.to_owned()) };
        self.page(ROWS, from)
    }

    pub fn page(&self, limit: usize, from: ListFrom) -> OrderQuery {
        OrderQuery {
            text: self.text.clone(),
            status: self.status.clone(),
            payment_status: self.payment.clone(),
            fulfillment_status: self.fulfilment.clone(),
            customer: None,
            placed_from: self.from,
            placed_until: self.until,
            total_min: self.total_min,
            total_max: self.total_max,
            sort: self.sort,
            page: PageRequest { limit, from },
        }
    }

    /// The address of the list with these filters.
    pub fn href(&self) -> String {
        self.address("/console/orders")
    }

    /// The address of the same rows as a file.
    pub fn export_href(&self) -> String {
        self.address("/console/orders/export")
    }

    fn address(&self, path: &str) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.typed.is_empty() {
            pairs.append_pair("q", &self.typed);
        }
        let status = self.status.iter().map(|value| ("status", value.as_str()));
        let payment = self.payment.iter().map(|value| ("payment", value.as_str()));
        let fulfilment = self.fulfilment.iter().map(|value| ("fulfilment", value.as_str()));
        pairs.extend_pairs(status.chain(payment).chain(fulfilment));
        if self.sort != OrderSort::default() {
            let word = SORTS.iter().find(|(sort, ..)| *sort == self.sort).map_or("", |found| found.1);
            pairs.append_pair("sort", word);
        }
        match pairs.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

/// Whether there was a value to be added.
fn push<T: PartialEq>(list: &mut Vec<T>, value: Option<T>) -> bool {
    match value {
        Some(value) if !list.contains(&value) => list.push(value),
        Some(_) => {}
        None => return false,
    }
    true
}

fn split_sign(value: &str) -> (char, &str) {
    match value.strip_prefix('>') {
        Some(rest) => ('>', rest),
        None => value.strip_prefix('<').map_or(('=', value), |rest| ('<', rest)),
    }
}

fn parse_status(text: &str) -> Option<OrderStatus> {
    STATUSES.into_iter().find(|known| known.as_str() == text)
}

fn parse_payment(text: &str) -> Option<PaymentStatus> {
    PAYMENT_STATUSES.into_iter().find(|known| known.as_str() == text)
}

fn parse_fulfilment(text: &str) -> Option<FulfillmentStatus> {
    FULFILMENTS.into_iter().find(|known| known.as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(typed: &str) -> OrderAsk {
        let mut ask = OrderAsk { typed: typed.to_owned(), ..OrderAsk::default() };
        ask.read_typed(&Words::plain(), Currency::GBP);
        ask
    }

    #[test]
    fn filters_are_taken_out_of_the_words() {
        let ask = asked("payment_status:paid total:>100 ada status:placed status:placed nonsense:x");
        assert_eq!(ask.payment, [PaymentStatus::Paid]);
        assert_eq!(ask.status, [OrderStatus::Placed]);
        assert_eq!((ask.total_min, ask.total_max), (Some(10_000), None));
        assert_eq!(ask.text.as_deref(), Some("ada nonsense:x"));
        assert_eq!(asked("total:25.50").total_max, Some(2_550));
        assert_eq!(asked("placed:2026-01-02").from.map(Timestamp::as_millis), Some(1_767_312_000_000));
        assert_eq!(
            asked("status:lost").text.as_deref(),
            Some("status:lost"),
            "what is not known is searched for"
        );
    }

    #[test]
    fn an_address_is_read_back() {
        let ask = OrderAsk {
            typed: "a&b".into(),
            status: vec![OrderStatus::Confirmed],
            fulfilment: vec![FulfillmentStatus::Partial],
            sort: OrderSort::Oldest,
            ..OrderAsk::default()
        };
        assert_eq!(ask.href(), "/console/orders?q=a%26b&status=confirmed&fulfilment=partial&sort=oldest");
    }
}
