//! Which orders are asked for: from the address of the list, and back into one.
//!
//! The search box takes words and the same filters as the interface: `payment_status:paid total:>100`.

use crate::console::lists::{Columns, ListColumn, Show, column, push, query_of, with_query, words_beside};
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

pub const COLUMNS: [ListColumn; 10] = [
    column("order", "Order", Show::Always),
    column("placed", "Placed", Show::Usual),
    column("customer", "Customer", Show::Usual),
    column("status", "Status", Show::Usual),
    column("payment", "Payment", Show::Usual),
    column("fulfilment", "Delivery", Show::Usual),
    column("pieces", "Pieces", Show::Usual),
    column("total", "Total", Show::Usual),
    column("sku", "First SKU", Show::Asked),
    column("country", "Country", Show::Asked),
];

/// Filters as a person set them. Words of the search box that name a status are filters like any other; a
/// total or a day stays a word, because no box is ticked for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderAsk {
    /// What is searched for.
    pub text: String,
    pub status: Vec<OrderStatus>,
    pub payment: Vec<PaymentStatus>,
    pub fulfilment: Vec<FulfillmentStatus>,
    pub marks: Vec<Mark>,
    pub sort: OrderSort,
    pub columns: Columns,
}

/// A bound that was typed: `total:>100`, `placed:2026-01-31`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub typed: String,
    pub means: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Minor units, both within.
    Total { min: Option<i64>, max: Option<i64> },
    /// At or after, and before.
    Placed { from: Option<Timestamp>, until: Option<Timestamp> },
}

impl OrderAsk {
    pub fn read(visit: &Visit, words: &Words, currency: Currency) -> OrderAsk {
        let mut ask = OrderAsk { columns: Columns::read(visit, &COLUMNS), ..OrderAsk::default() };
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
        ask.read_typed(visit.get("q"), words, currency);
        ask
    }

    /// Takes `key:value` words out of the typed text; what is not understood is searched for.
    fn read_typed(&mut self, typed: &str, words: &Words, currency: Currency) {
        self.text = words_beside(typed, |key, value| self.take(key, value, words, currency));
    }

    fn take(&mut self, key: &str, value: &str, words: &Words, currency: Currency) -> bool {
        let bound = match key {
            "status" => return push(&mut self.status, parse_status(value)),
            "payment_status" | "payment" => return push(&mut self.payment, parse_payment(value)),
            "fulfillment_status" | "fulfilment" => {
                return push(&mut self.fulfilment, parse_fulfilment(value));
            }
            "total" => total_bound(value, currency),
            "placed" => day_bound(value, words),
            _ => None,
        };
        let mark = bound.map(|means| Mark { typed: format!("{key}:{value}"), means });
        push(&mut self.marks, mark)
    }

    /// What stands in the search box.
    pub fn typed(&self) -> String {
        let marks = self.marks.iter().map(|mark| mark.typed.as_str());
        marks.chain(Some(self.text.as_str()).filter(|text| !text.is_empty())).collect::<Vec<_>>().join(" ")
    }

    /// Whether something is asked for that hides orders.
    pub fn is_filtered(&self) -> bool {
        let OrderAsk { text, status, payment, fulfilment, marks, .. } = self;
        !(text.is_empty()
            && status.is_empty()
            && payment.is_empty()
            && fulfilment.is_empty()
            && marks.is_empty())
    }

    pub fn query(&self, cursor: &str) -> OrderQuery {
        let from = if cursor.is_empty() { ListFrom::Start } else { ListFrom::Cursor(cursor.to_owned()) };
        self.page(ROWS, from)
    }

    pub fn page(&self, limit: usize, from: ListFrom) -> OrderQuery {
        let mut query = OrderQuery {
            text: Some(self.text.clone()).filter(|text| !text.is_empty()),
            status: self.status.clone(),
            payment_status: self.payment.clone(),
            fulfillment_status: self.fulfilment.clone(),
            sort: self.sort,
            page: PageRequest { limit, from },
            ..OrderQuery::default()
        };
        for mark in &self.marks {
            match mark.means {
                Bound::Total { min, max } => {
                    query.total_min = query.total_min.max(min);
                    query.total_max = earlier(query.total_max, max);
                }
                Bound::Placed { from, until } => {
                    query.placed_from = query.placed_from.max(from);
                    query.placed_until = earlier(query.placed_until, until);
                }
            }
        }
        query
    }

    /// The address of the list with these filters.
    pub fn href(&self) -> String {
        self.address("/console/orders")
    }

    /// What stands behind the question mark of the list's address.
    pub fn query_text(&self) -> String {
        query_of(&self.href()).to_owned()
    }

    /// The address of the same rows as a file.
    pub fn export_href(&self) -> String {
        self.address("/console/orders/export")
    }

    fn address(&self, path: &str) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        let typed = self.typed();
        if !typed.is_empty() {
            pairs.append_pair("q", &typed);
        }
        let status = self.status.iter().map(|value| ("status", value.as_str()));
        let payment = self.payment.iter().map(|value| ("payment", value.as_str()));
        let fulfilment = self.fulfilment.iter().map(|value| ("fulfilment", value.as_str()));
        pairs.extend_pairs(status.chain(payment).chain(fulfilment));
        if self.sort != OrderSort::default() {
            let word = SORTS.iter().find(|(sort, ..)| *sort == self.sort).map_or("", |found| found.1);
            pairs.append_pair("sort", word);
        }
        pairs.extend_pairs(self.columns.pairs());
        with_query(path, &pairs.finish())
    }
}

/// The smaller of two upper bounds, where there are any.
fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn total_bound(value: &str, currency: Currency) -> Option<Bound> {
    let (sign, amount) = split_sign(value);
    let amount = Some(parse_money(amount, currency).ok()?);
    Some(match sign {
        '>' => Bound::Total { min: amount, max: None },
        '<' => Bound::Total { min: None, max: amount },
        _ => Bound::Total { min: amount, max: amount },
    })
}

fn day_bound(value: &str, words: &Words) -> Option<Bound> {
    let (sign, day) = split_sign(value);
    let start = words.parse_moment(&format!("{day}T00:00")).ok()?;
    Some(match sign {
        '>' => Bound::Placed { from: Some(start), until: None },
        '<' => Bound::Placed { from: None, until: Some(start) },
        _ => Bound::Placed { from: Some(start), until: Some(words.day_start(start, 1)) },
    })
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
        let mut ask = OrderAsk::default();
        ask.read_typed(typed, &Words::plain(), Currency::GBP);
        ask
    }

    #[test]
    fn filters_are_taken_out_of_the_words() {
        let ask = asked("payment_status:paid total:>100 ada status:placed status:placed nonsense:x");
        assert_eq!(ask.payment, [PaymentStatus::Paid]);
        assert_eq!(ask.status, [OrderStatus::Placed]);
        let query = ask.query("");
        assert_eq!((query.total_min, query.total_max), (Some(10_000), None));
        assert_eq!(query.text.as_deref(), Some("ada nonsense:x"));
        assert_eq!(asked("total:25.50").query("").total_max, Some(2_550));
        let narrowed = asked("total:>100 total:>50 total:<300 total:<200").query("");
        assert_eq!(
            (narrowed.total_min, narrowed.total_max),
            (Some(10_000), Some(20_000)),
            "all of them hold"
        );
        let day = asked("placed:2026-01-02").query("");
        assert_eq!(day.placed_from.map(Timestamp::as_millis), Some(1_767_312_000_000));
        assert_eq!(day.placed_until.map(Timestamp::as_millis), Some(1_767_398_400_000));
        assert_eq!(asked("status:lost").text, "status:lost", "what is not known is searched for");
    }

    #[test]
    fn an_address_is_read_back() {
        let ask = OrderAsk {
            text: "a&b".into(),
            status: vec![OrderStatus::Confirmed],
            fulfilment: vec![FulfillmentStatus::Partial],
            sort: OrderSort::Oldest,
            ..OrderAsk::default()
        };
        assert_eq!(ask.href(), "/console/orders?q=a%26b&status=confirmed&fulfilment=partial&sort=oldest");
        let ask = asked("ada payment:paid total:>100");
        assert_eq!(ask.typed(), "total:>100 ada");
        assert_eq!(ask.href(), "/console/orders?q=total%3A%3E100+ada&payment=paid");
    }
}
