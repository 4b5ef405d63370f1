//! Stories: shoppers and an owner act in turn, and the story tells what came of it.

use crate::acts::{Act, Shopper, Word, placing_key};
use crate::market::{Market, address, britain, english};
use crate::stage::{Stage, look};
use crate::telling::{Telling, minor};
use crate::{Pure, audit};
use gearify_commerce::cart::{CARTS, Contact};
use gearify_commerce::catalog::Policy;
use gearify_commerce::command::{GroupKind, Settled};
use gearify_commerce::intent::{
    CartIntent, CheckoutIntent, Intent, OrderIntent, PaymentChoice, RefundRequest, VariantRef,
};
use gearify_commerce::inventory;
use gearify_commerce::orders::{self, ORDERS, Order, PAPERS, Papers, Source};
use gearify_commerce::payments::{self, PAYMENTS, REFUNDS};
use gearify_commerce::processes::{checkout, schedule::Work};
use gearify_commerce::{
    Actor, CartId, Currency, Money, OrderId, Refusal, StaffId, TenantId, WarehouseId, scope,
};
use std::collections::BTreeMap;

/// A story on a stage.
pub struct Scenario<S: Stage> {
    pub stage: S,
    pub market: Market,
    carts: BTreeMap<Shopper, CartId>,
    orders: BTreeMap<Shopper, OrderId>,
    lines: Vec<String>,
    steps: u64,
}

impl Scenario<Pure> {
    /// A story on pure apply.
    pub fn new() -> Scenario<Pure> {
        Scenario::on(Pure::new())
    }
}

impl Default for Scenario<Pure> {
    fn default() -> Scenario<Pure> {
        Scenario::new()
    }
}

impl<S: Stage> Scenario<S> {
    pub fn tenant(&self) -> TenantId {
        self.market.tenant
    }

    pub fn on(mut stage: S) -> Scenario<S> {
        let market = Market::open(&mut stage, "willow");
        Scenario {
            stage,
            market,
            carts: BTreeMap::new(),
            orders: BTreeMap::new(),
            lines: Vec::new(),
            steps: 0,
        }
    }

    /// Whether this shopper has placed an order.
    pub fn has_order(&self, who: &Shopper) -> bool {
        self.orders.contains_key(who)
    }

    /// How many acts there were.
    pub fn acts(&self) -> u64 {
        self.steps
    }

    fn perform(&mut self, act: &Act) -> Option<String> {
        match act {
            Act::Adds { who, sku, quantity, add_ons } => {
                self.takes_a_new_cart_if_the_old_one_is_gone(who);
                let intent = self.adding(who, sku, *quantity, add_ons);
                let result = self.submit(Actor::Guest, None, Intent::Cart(intent));
                Some(tell(who, &format!("adds {quantity} {sku}"), result, "in the cart"))
            }
            Act::GivesAddress { who } => {
                let result = self.gives_address(who);
                Some(tell(who, "gives an address", result, "noted"))
            }
            Act::Reserves { who } => {
                let intent = Intent::Cart(CartIntent::Reserve { cart: self.carts[who] });
                let result = self.submit(Actor::Guest, None, intent);
                Some(tell(who, "reserves", result, "held"))
            }
            Act::Pays { who, token } => {
                let what = format!("pays with {token}");
                Some(match self.places(who, "test", Some(token)) {
                    // A request that comes again is told what was answered first.
                    Ok(Some(answered)) => tell(who, &what, Ok(()), &describe(&answered.order)),
                    Ok(None) => self.tell_order(who, &what, Ok(())),
                    Err(refusal) => self.tell_order(who, &what, Err(refusal)),
                })
            }
            Act::PaysLater { who } => {
                let result = self.places(who, "manual", None).map(drop);
                Some(self.tell_order(who, "pays later", result))
            }
            Act::TriesAgain { who, token } => {
                let result = self.tries_again(who, "test", Some(token));
                Some(self.tell_order(who, &format!("tries again with {token}"), result))
            }
            Act::TransfersInstead { who } => {
                let result = self.tries_again(who, "manual", None);
                Some(self.tell_order(who, "chooses a transfer instead", result))
            }
            Act::ProviderSays { who, captured } => {
                let last = self.order(who).payments.len().checked_sub(1).expect("a payment was started");
                let word = if *captured { Word::Captured } else { Word::Declined };
                let result = self.provider_says(who, last, word);
                Some(self.tell_order(
                    who,
                    if *captured { "is captured late" } else { "is declined late" },
                    result,
                ))
            }
            Act::ProviderSpeaks { who, attempt, word } => {
                let result = self.provider_says(who, *attempt, *word);
                let said = match word {
                    Word::Captured => "captured".to_owned(),
                    Word::CapturedPart(part) => format!("captured to {}", Money::new(*part, Currency::GBP)),
                    Word::Authorised => "authorised".to_owned(),
                    Word::Declined => "declined".to_owned(),
                };
                Some(self.tell_order(who, &format!("hears that attempt {} is {said}", attempt + 1), result))
            }
            Act::Looks { who, sku } => {
                let told = self.market.availability(&self.stage, sku);
                Some(format!("{} looks at {sku}: {}", who.0, told.as_str()))
            }
            Act::Minutes(minutes) => {
                self.stage.pass(minutes * 60_000);
                self.provider_answers();
                None
            }
            owners => Some(self.owner_acts(owners)),
        }
    }

    fn owner_acts(&mut self, act: &Act) -> String {
        let (who, what, intent) = match act {
            Act::OwnerCancels { who } => {
                let order = self.orders[who];
                (
                    who,
                    "is cancelled",
                    Intent::Order(OrderIntent::Cancel { order, reason: Some("out of season".into()) }),
                )
            }
            Act::OwnerMoves { who, line, to } => {
                let order = self.order(who);
                let (line, to) = (order.lines[*line].id, self.market.warehouses[*to]);
                let command = orders::Command::Reallocate { order: order.id, line, from: None, to };
                (who, "is sent from elsewhere", command.into())
            }
            Act::OwnerShips { who, pieces } => {
                let order = self.order(who);
                let lines = pieces.map_or(Vec::new(), |pieces| vec![(order.lines[0].id, pieces)]);
                let (carrier, tracking) = (Some("Parcel Post".into()), Some("PP1".into()));
                (
                    who,
                    "is shipped",
                    orders::Command::Ship { order: order.id, lines, carrier, tracking }.into(),
                )
            }
            Act::OwnerMarksDelivered { who } => {
                let order = self.order(who);
                let shipment = order.shipments.last().expect("something was shipped").id;
                (who, "is delivered", orders::Command::MarkDelivered { order: order.id, shipment }.into())
            }
            Act::OwnerMarksReceived { who } => {
                let payment = *self.order(who).payments.last().expect("a payment was started");
                (who, "is paid by transfer", payments::Command::MarkReceived { payment }.into())
            }
            Act::OwnerRefunds { who, line, pieces, restock } => {
                let line = self.order(who).lines[*line].id;
                let part = RefundRequest::Line { line, quantity: *pieces, restock: *restock };
                (who, "is refunded", self.refunding(who, part, "sent back"))
            }
            Act::OwnerRefundsShipping { who } => {
                let part = RefundRequest::Shipping { amount: None };
                (who, "gets the delivery back", self.refunding(who, part, "late"))
            }
            Act::OwnerGivesGoodwill { who, minor } => {
                let part = RefundRequest::Goodwill { amount: *minor };
                (who, "gets something back", self.refunding(who, part, "sorry"))
            }
            other => unreachable!("{other:?} is not the owner's"),
        };
        let staff = Actor::Staff(StaffId::from_bits(1));
        let key = format!("owner {}", self.steps);
        let result = self.submit(staff, Some(&key), intent);
        self.provider_answers();
        self.tell_order(who, what, result)
    }

    fn refunding(&self, who: &Shopper, part: RefundRequest, reason: &str) -> Intent {
        let (order, items, reason) = (self.orders[who], vec![part], reason.to_owned());
        Intent::Order(OrderIntent::Refund { order, payment: None, items, reason })
    }

    fn tries_again(&mut self, who: &Shopper, provider: &str, token: Option<&str>) -> Result<(), Refusal> {
        let payment = PaymentChoice { provider: provider.into(), token: token.map(Into::into) };
        let intent = Intent::Checkout(CheckoutIntent::Pay { order: self.orders[who], payment });
        let key = format!("{} again {}", who.0, self.steps);
        let result = self.submit(Actor::Guest, Some(&key), intent);
        self.provider_answers();
        result
    }

    fn submit(&mut self, actor: Actor, key: Option<&str>, intent: Intent) -> Result<(), Refusal> {
        self.stage.submit(self.market.tenant, actor, key, intent).map(|_| ())
    }

    /// What was ordered from a cart stays; the cart itself goes after its lifetime. Its id is refused from then
    /// on, by its age, where requests come in; here the shopper comes with another one.
    fn takes_a_new_cart_if_the_old_one_is_gone(&mut self, who: &Shopper) {
        let (cart, tenant) = (self.carts[who], self.market.tenant);
        let is_gone = self.orders.get(who).is_some_and(|order| {
            look(&self.stage, GroupKind::Region, tenant, |view| {
                CARTS.get(view, &cart).is_none()
                    && ORDERS.get(view, order).is_some_and(|order| order.cart == cart)
            })
        });
        if is_gone {
            self.carts.insert(who.clone(), self.cart_named(&format!("{} after {cart}", who.0)));
        }
    }

    fn cart_named(&self, name: &str) -> CartId {
        let hash = self.stage.vault().hash(self.market.tenant, "cart", name.as_bytes());
        CartId::from_bits(u128::from_be_bytes(hash))
    }

    /// What a shopper asks for who puts something in their cart.
    pub fn adding(&self, who: &Shopper, sku: &str, quantity: u32, add_ons: &[String]) -> CartIntent {
        CartIntent::AddLine {
            cart: self.carts[who],
            market: gearify_commerce::intent::Market {
                country: britain(),
                currency: Currency::GBP,
                locale: english(),
            },
            customer: None,
            variant: VariantRef::Sku(sku.into()),
            quantity,
            add_ons: add_ons.iter().map(|label| self.market.add_ons[label]).collect(),
        }
    }

    fn gives_address(&mut self, who: &Shopper) -> Result<(), Refusal> {
        let intents = self.addressing(who);
        intents.into_iter().try_for_each(|intent| self.submit(Actor::Guest, None, intent))
    }

    /// What a shopper asks for, one after the other, who says where the goods in their cart shall go.
    pub fn addressing(&self, who: &Shopper) -> [Intent; 3] {
        let (cart, rate) = (self.carts[who], self.market.rate);
        let name = format!("{} Example", who.0);
        let shipping = Box::new(address(&name, &who.0));
        let contact = Contact { email: format!("{}@shopper.example", who.0), phone: None, name: Some(name) };
        let contact = CartIntent::SetContact { cart, contact };
        let addresses = CartIntent::SetAddresses { cart, shipping, billing: None };
        [contact, addresses, CartIntent::ChooseRate { cart, rate }].map(Intent::Cart)
    }

    /// What a shopper asks for who orders the goods in their cart; sent under [`placing_key`].
    pub fn placing(&self, who: &Shopper, provider: &str, token: Option<&str>) -> Intent {
        Intent::Checkout(CheckoutIntent::Place {
            cart: self.carts[who],
            expected_total: None,
            payment: PaymentChoice { provider: provider.into(), token: token.map(Into::into) },
            note: None,
            terms_version: None,
            source: Source::Web,
        })
    }

    /// Answers what the shop had stored as the answer, if the same was asked before.
    fn places(
        &mut self,
        who: &Shopper,
        provider: &str,
        token: Option<&str>,
    ) -> Result<Option<Settled>, Refusal> {
        let cart = self.carts[who];
        let addressed = look(&self.stage, GroupKind::Region, self.market.tenant, |view| {
            CARTS.get(view, &cart).is_some_and(|cart| cart.shipping_rate.is_some())
        });
        if !addressed {
            self.gives_address(who)?;
        }
        let (key, place) = (placing_key(who), self.placing(who, provider, token));
        let reply = self.stage.submit(self.market.tenant, Actor::Guest, Some(&key), place)?;
        self.orders.insert(who.clone(), OrderId::from_bits(reply.id.expect("an order answers with its id")));
        self.provider_answers();
        Ok(reply.record.map(|record| gearify_storage::decode(&record).expect("an answer can be read")))
    }

    /// The test provider, as far as stories need it: answers every open call by its token.
    fn provider_answers(&mut self) {
        let mut open = Vec::new();
        self.stage.read(GroupKind::Region, self.market.tenant, &mut |reader| {
            open = scope::open_work(reader, 1_000)
        });
        for (tenant, _, work) in open {
            let (group, provider) = match work {
                Work::Shelf(_) => (GroupKind::Catalogue, Actor::System),
                Work::Pay(_) | Work::Refund(_) => (GroupKind::Region, Actor::Provider("test".into())),
            };
            let command = look(&self.stage, group, tenant, |view| answer(view, work));
            self.stage.submit(tenant, provider, None, command.into()).expect("an open call takes an answer");
        }
    }

    fn provider_says(&mut self, who: &Shopper, attempt: usize, word: Word) -> Result<(), Refusal> {
        let payment = self.order(who).payments[attempt];
        let payment =
            look(&self.stage, GroupKind::Region, self.market.tenant, |view| PAYMENTS.get(view, &payment));
        let payment = payment.expect("the order names its payments");
        let reference = payment.id.to_string();
        let outcome = match word {
            Word::Captured => payments::Outcome::Captured { reference, amount: payment.amount },
            Word::CapturedPart(part) => {
                payments::Outcome::Captured { reference, amount: part.min(payment.amount) }
            }
            Word::Authorised => payments::Outcome::Authorised { reference },
            Word::Declined => {
                payments::Outcome::Declined { reference: Some(reference), code: "card_declined".into() }
            }
        };
        let event = format!("event of {} {word:?}", payment.id);
        let attempt = payment.attempt.id;
        let take = payments::Command::TakeEvent {
            provider: "test".into(),
            event,
            payment: payment.id,
            attempt,
            outcome,
        };
        // Providers repeat themselves: the second time must change nothing.
        let provider = || Actor::Provider("test".into());
        let result = self.submit(provider(), None, take.clone().into());
        let _ = self.submit(provider(), None, take.into());
        self.provider_answers();
        result
    }

    fn tell_order(&self, who: &Shopper, what: &str, result: Result<(), Refusal>) -> String {
        let ok = match (&result, self.orders.get(who)) {
            (Ok(()), Some(_)) => describe(&self.order(who)),
            _ => String::new(),
        };
        tell(who, what, result, &ok)
    }
}

impl<S: Stage> Telling for Scenario<S> {
    fn product(&mut self, sku: &str, pounds: &str) -> &mut Self {
        self.market.product(&mut self.stage, sku, minor(pounds));
        self
    }

    fn policy(&mut self, sku: &str, policy: Policy) -> &mut Self {
        self.market.policy(&mut self.stage, sku, policy);
        self
    }

    fn warehouse(&mut self, code: &str) -> &mut Self {
        self.market.warehouse(&mut self.stage, code);
        self
    }

    fn stock_in(&mut self, sku: &str, warehouse: usize, pieces: i64) -> &mut Self {
        self.market.stock(&mut self.stage, sku, warehouse, pieces);
        self
    }

    fn add_on(&mut self, label: &str, pounds: &str) -> &mut Self {
        self.market.add_on(&mut self.stage, label, minor(pounds));
        self
    }

    fn shopper(&mut self, name: &str) -> Shopper {
        let shopper = Shopper(name.to_owned());
        self.carts.insert(shopper.clone(), self.cart_named(name));
        shopper
    }

    fn run(&mut self, acts: impl IntoIterator<Item = Act>) -> &mut Self {
        for act in acts {
            self.steps += 1;
            self.stage.begins(self.steps);
            let line = self.perform(&act);
            self.lines.extend(line);
            audit::check(&self.stage, self.market.tenant);
        }
        self
    }

    fn story(&self) -> String {
        self.lines.join("\n")
    }

    fn order(&self, who: &Shopper) -> Order {
        let id = self.orders[who];
        look(&self.stage, GroupKind::Region, self.market.tenant, |view| ORDERS.get(view, &id))
            .expect("the order exists")
    }

    fn papers(&self, who: &Shopper) -> Papers {
        let id = self.orders[who];
        look(&self.stage, GroupKind::Region, self.market.tenant, |view| PAPERS.get(view, &id))
            .expect("an order knows who sells it")
    }

    fn available(&self, sku: &str) -> i64 {
        self.market.available(&self.stage, sku)
    }

    fn warehouses(&self) -> Vec<WarehouseId> {
        self.market.warehouses.clone()
    }
}

fn answer(view: &gearify_commerce::ReadScope<'_>, work: Work) -> gearify_commerce::Command {
    match work {
        Work::Pay(id) => {
            let payment = PAYMENTS.get(view, &id).expect("open work names a payment");
            let reference = id.to_string();
            let outcome = match payment.attempt.token.as_deref() {
                Some("tok_later" | "tok_timeout") => payments::Outcome::Pending { reference },
                Some("tok_declined") => {
                    payments::Outcome::Declined { reference: Some(reference), code: "card_declined".into() }
                }
                _ => payments::Outcome::Captured { reference, amount: payment.amount },
            };
            payments::Command::Settle { payment: id, attempt: payment.attempt.id, outcome }.into()
        }
        Work::Refund(id) => {
            let refund = REFUNDS.get(view, &id).expect("open work names a refund");
            let reference = refund.id.to_string();
            payments::Command::SettleRefund {
                refund: id,
                outcome: payments::RefundOutcome::Succeeded { reference },
            }
            .into()
        }
        Work::Shelf(item) => {
            let shelf = inventory::shelf::of_item(view, item);
            inventory::Command::Report { item, shelf }.into()
        }
    }
}

pub fn describe(order: &Order) -> String {
    let total = Money::new(order.totals.total, order.currency);
    let (status, paid) = (order.status.as_str(), order.payment_status().as_str());
    let sent = order.fulfillment_status().as_str();
    let refunded = match order.paid.refunded {
        0 => String::new(),
        amount => format!(", {} given back", Money::new(amount, order.currency)),
    };
    format!("{total}, {status}, {paid}, {sent}{refunded}")
}

fn tell(who: &Shopper, what: &str, result: Result<(), Refusal>, ok: &str) -> String {
    let outcome = match result {
        Ok(()) => ok.to_owned(),
        Err(Refusal::Checkout(checkout::Refusal::OutOfStock { lines })) => {
            let short: Vec<String> = lines
                .iter()
                .map(|line| format!("{} of {} {}", line.available, line.requested, line.sku))
                .collect();
            format!("refused: out of stock ({})", short.join(", "))
        }
        Err(Refusal::Orders(orders::Refusal::TooMany { open, .. })) => {
            format!("refused: {open} pieces are left")
        }
        Err(Refusal::Orders(orders::Refusal::NotInStock { short, .. })) => {
            format!("refused: {short} pieces are not in stock yet")
        }
        Err(Refusal::Orders(orders::Refusal::NotThere { sku, requested, available, .. })) => {
            format!("refused: out of stock ({available} of {requested} {sku})")
        }
        Err(Refusal::Orders(orders::Refusal::NothingToMove { .. })) => {
            "refused: nothing is set aside elsewhere".to_owned()
        }
        Err(refusal) => format!("refused: {refusal}"),
    };
    format!("{} {what}: {outcome}", who.0)
}
