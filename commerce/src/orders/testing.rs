//! One order in a shop of two houses, with its payments: for the tests of this context and of processes.

use super::*;
use crate::harness::{Harness, sealed};
use crate::ids::{CartId, LineId, OrderId, PaymentId, ProductId, StockItemId, VariantId, WarehouseId};
use crate::intent::RefundRequest;
use crate::inventory::{self, Reason, Taken};
use crate::locale::{Country, Locale};
use crate::money::Currency;
use crate::payments::{self, Outcome, PAYMENTS, RefundOutcome};
use crate::scope::open_work;
use crate::text::Name;
use crate::time::HOUR_MS;
use crate::{cart, processes::schedule, tax};

pub(crate) const ORDER: OrderId = OrderId::from_bits(100);
pub(crate) const LINE: LineId = LineId::from_bits(101);
pub(crate) const ITEM: StockItemId = StockItemId::from_bits(102);
const PRICE: i64 = 1_000;

/// A shop that sold some pieces of one thing, at 10.00 each.
pub(crate) struct Sold {
    pub shop: Harness,
    pub houses: [WarehouseId; 2],
}

impl Sold {
    /// An order of as many pieces as are said, from each house; ten more lie in each. It ends unpaid after an hour.
    pub fn of(from: [u32; 2]) -> Sold {
        Sold::under(crate::StateVersion::MAX, from)
    }

    /// As [`Sold::of`], where the rules of this version are followed.
    pub fn under(rules: crate::StateVersion, from: [u32; 2]) -> Sold {
        Sold::from_stock(rules, from.map(|quantity| i64::from(quantity) + 10), &[(0, from[0]), (1, from[1])])
    }

    /// An order beyond stock of the first house, where so many pieces lie: allocated as checkout does it, what is
    /// there first and then what has to come.
    pub fn beyond_stock(there: u32, to_come: u32) -> Sold {
        Sold::from_stock(crate::StateVersion::MAX, [i64::from(there), 0], &[(0, there), (0, to_come)])
    }

    /// `parts`: of which house, and how many.
    pub fn from_stock(rules: crate::StateVersion, stock: [i64; 2], parts: &[(usize, u32)]) -> Sold {
        let mut shop = Harness { rules, ..Harness::site() };
        let houses = ["NEAR", "FAR"].map(|code| {
            let (name, country) = (Name::parse(code).unwrap(), Country::parse("GB").unwrap());
            let (id, priority, active) = (None, 1, true);
            let put =
                inventory::Command::PutWarehouse { id, code: code.into(), name, country, priority, active };
            WarehouseId::from_bits(shop.make(put))
        });
        for (house, pieces) in houses.into_iter().zip(stock).filter(|(_, pieces)| *pieces > 0) {
            shop.run(received(house, pieces));
        }
        let part = |(house, quantity): &(usize, u32)| Taken {
            item: ITEM,
            warehouse: houses[*house],
            quantity: *quantity,
        };
        let taken: Vec<Taken> = parts.iter().map(part).filter(|part| part.quantity > 0).collect();
        shop.run(inventory::Command::Allocate { order: ORDER, taken: taken.clone() });
        let there: i64 = stock.iter().sum();
        let wanted: i64 = taken.iter().map(|part| i64::from(part.quantity)).sum();
        let order = order(&shop, &taken, wanted > there);
        shop.run(Command::Place { order: Box::new(order) });
        if rules >= crate::version::PAPERS {
            shop.write(|scope| document::sold_by(scope, ORDER, &seller("GB 1")));
        }
        Sold { shop, houses }
    }

    pub fn order(&self) -> Order {
        ORDERS.get(&self.shop.view(), &ORDER).unwrap()
    }

    /// Begins a payment of all that is due.
    pub fn starts(&mut self, provider: &str) -> PaymentId {
        // Later payments have later ids.
        self.shop.pass(1);
        let (order, provider, amount) = (ORDER, provider.to_owned(), self.order().amount_due());
        let start =
            payments::Command::Start { order, provider, token: None, amount, currency: Currency::GBP };
        PaymentId::from_bits(self.shop.make(start))
    }

    /// The provider speaks about a payment, and answers every refund that it is asked for afterwards.
    pub fn says(&mut self, payment: PaymentId, outcome: Outcome) {
        let attempt = PAYMENTS.get(&self.shop.view(), &payment).unwrap().attempt.id;
        self.shop.run(payments::Command::Settle { payment, attempt, outcome });
        self.refunds_arrive();
    }

    pub fn captures(&mut self, payment: PaymentId, amount: i64) {
        self.says(payment, Outcome::Captured { reference: "p".into(), amount });
    }

    pub fn declines(&mut self, payment: PaymentId) {
        self.says(payment, Outcome::Declined { reference: None, code: "card_declined".into() });
    }

    pub fn pays(&mut self) -> PaymentId {
        let payment = self.starts("test");
        let amount = self.order().amount_due();
        self.captures(payment, amount);
        payment
    }

    fn refunds_arrive(&mut self) {
        self.refunds_end(&RefundOutcome::Succeeded { reference: "r".into() });
    }

    pub fn refunds_end(&mut self, outcome: &RefundOutcome) {
        for (_, _, work) in open_work(&self.shop.engine, 100) {
            if let schedule::Work::Refund(refund) = work {
                self.shop.run(payments::Command::SettleRefund { refund, outcome: outcome.clone() });
            }
        }
    }

    pub fn ships(&mut self, pieces: u32) {
        self.shop.run(ship(pieces));
    }

    /// Pieces come into the first house.
    pub fn receives(&mut self, pieces: i64) {
        self.shop.run(received(self.houses[0], pieces));
    }

    /// Pieces come into one of the houses.
    pub fn receives_in(&mut self, house: usize, pieces: i64) {
        self.shop.run(received(self.houses[house], pieces));
    }

    /// Asks for the price of some pieces, which come back or not; the money is on its way then.
    pub fn asks_back(&mut self, quantity: u32, restock: bool) {
        let order = self.order();
        let request = RefundRequest::Line { line: LINE, quantity, restock };
        let worth = refund::preview(&self.shop.view(), &order, None, &[request]).unwrap();
        let (payments, items, revision) = (worth.payments, worth.items, order.revision);
        let reason = "sent back".to_owned();
        if self.shop.rules >= crate::version::PAPERS {
            let why = Why::Words(reason);
            self.shop.run(Command::RefundFor { order: ORDER, revision, payments, items, why });
        } else {
            let payment = payments[0].0;
            self.shop.run(Command::Refund { order: ORDER, revision, payment, items, reason });
        }
    }

    pub fn gives_back(&mut self, quantity: u32, restock: bool) {
        self.asks_back(quantity, restock);
        self.refunds_arrive();
    }

    /// Pieces that lie in each house.
    pub fn on_hand(&self) -> [i64; 2] {
        let level = |house| inventory::LEVELS.get(&self.shop.view(), &(ITEM, house)).unwrap_or_default();
        self.houses.map(|house| level(house).on_hand)
    }

    /// Captured of each payment, and given back of it.
    pub fn money(&self) -> Vec<(i64, i64)> {
        let payments = payments::of_order(&self.shop.view(), ORDER);
        payments.iter().map(|payment| (payment.captured, payment.refunded)).collect()
    }

    pub fn cancels(&mut self) {
        self.shop.run(Command::Cancel { order: ORDER, reason: "changed mind".into() });
        self.refunds_arrive();
    }

    /// An hour passes and what is due happens.
    pub fn lapses(&mut self) {
        self.shop.pass(HOUR_MS);
        self.shop.run(Command::Expire { order: ORDER });
        self.refunds_arrive();
    }

    pub fn mails(&self) -> Vec<crate::notifications::MailKind> {
        let mails = self.shop.events.iter().filter_map(|envelope| match &envelope.event {
            crate::Event::Notifications(crate::notifications::Event::MailQueued { kind, .. }) => Some(*kind),
            _ => None,
        });
        mails.collect()
    }
}

/// A company that is registered for taxes under this number.
pub(crate) fn seller(tax_id: &str) -> Seller {
    Seller {
        name: "Willow Cricket Ltd".into(),
        address: vec!["1 Pavilion Road".into()],
        country: Some(Country::parse("GB").unwrap()),
        registration: Some("00000001".into()),
        tax_id: Some(tax_id.into()),
    }
}

pub(crate) fn ship(pieces: u32) -> Command {
    Command::Ship { order: ORDER, lines: vec![(LINE, pieces)], carrier: None, tracking: None }
}

fn received(warehouse: WarehouseId, delta: i64) -> inventory::Command {
    let (item, sku) = (ITEM, "BALL".to_owned());
    inventory::Command::Adjust { item, sku, warehouse, delta, reason: Reason::Received }
}

fn order(shop: &Harness, taken: &[Taken], beyond_stock: bool) -> Order {
    let ordered = taken.iter().map(|part| part.quantity).sum::<u32>();
    let total = PRICE * i64::from(ordered);
    // A sixth of what is paid.
    let tax = (total + 3) / 6;
    let tax_line = TaxLine {
        code: "vat".into(),
        name: "VAT 20 %".into(),
        jurisdiction: "GB".into(),
        rate_ppm: 200_000,
        included: true,
        taxable: total - tax,
        amount: tax,
    };
    let line = Line {
        id: LINE,
        product: ProductId::from_bits(103),
        variant: VariantId::from_bits(104),
        sku: "BALL".into(),
        name: "Ball".into(),
        options: Vec::new(),
        image: None,
        quantities: Quantities { ordered, ..Quantities::default() },
        list_price: PRICE,
        unit_price: PRICE,
        price_source: PriceSource::PriceList { currency: Currency::GBP, min_quantity: 1 },
        components: Vec::new(),
        subtotal: total,
        discounts: Vec::new(),
        tax_lines: vec![tax_line],
        tax,
        total,
        weight_grams: 160,
        needs: vec![cart::StockNeed { item: ITEM, per_unit: 1, beyond_stock }],
        allocations: taken.iter().map(Allocation::from).collect(),
    };
    let shipping = ShippingLine {
        rate: None,
        name: "Standard".into(),
        carrier: "Post".into(),
        price: 0,
        discounts: Vec::new(),
        tax_lines: Vec::new(),
        tax: 0,
        total: 0,
        days_min: 1,
        days_max: 2,
    };
    let lines = vec![line];
    let destination =
        cart::Destination { country: Country::parse("GB").unwrap(), region: None, postal_prefix: None };
    Order {
        id: ORDER,
        number: "1".into(),
        revision: 0,
        cart: CartId::from_bits(105),
        customer: None,
        source: Source::Web,
        status: OrderStatus::Placed,
        contact: cart::ContactRef { sealed: sealed(), email_hash: [1; 16] },
        shipping_address: sealed(),
        billing_address: None,
        destination,
        locale: Locale::parse("en-GB").unwrap(),
        currency: Currency::GBP,
        tax_included: true,
        rounding: tax::Rounding::PerLine,
        totals: Totals::of(Currency::GBP, true, &lines, &shipping).unwrap(),
        lines,
        shipping,
        paid: PaidSums::default(),
        payments: Vec::new(),
        shipments: Vec::new(),
        refunds: Vec::new(),
        notes: Vec::new(),
        timeline: Vec::new(),
        cancel_reason: None,
        customer_note: None,
        terms_version: None,
        placed_at: shop.at,
        updated_at: shop.at,
        expires_at: Some(shop.at.plus_millis(HOUR_MS)),
    }
}
