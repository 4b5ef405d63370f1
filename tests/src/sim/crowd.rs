//! The people of a simulation: shoppers who buy, an owner who restocks and cancels, a till that answers for
//! the payment provider. Each call is noted when it begins and when it ends.
//!
//! A call whose outcome is unknown is made again, under the same key, at any node, until it is decided: it
//! must come to one order or to none.

use super::dice::Dice;
use super::host::{Common, Running};
use super::linear::{Call, Event};
use crate::market::{Market, address, britain, code, english};
use crate::stage;
use gearify_commerce::cart::Contact;
use gearify_commerce::intent::{
    CartIntent, CheckoutIntent, Intent, OrderIntent, PaymentChoice, Request, VariantRef,
};
use gearify_commerce::inventory::{self, Reason};
use gearify_commerce::orders::{ORDERS, Source};
use gearify_commerce::payments::{self, PAYMENTS, REFUNDS};
use gearify_commerce::pricing::{self, Price};
use gearify_commerce::processes::checkout;
use gearify_commerce::processes::schedule::Work;
use gearify_commerce::{
    Actor, CartId, Currency, GroupKind, OrderId, ReadScope, Refusal, Site, StaffId, TenantId, View, catalog,
    scope,
};
use gearify_node::vault::NodeVault;
use gearify_storage::Reader;
use gearify_web::ports::{Backend, Decided, Position, SubmitError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A default read waits so long for the position its session has reached.
const FRESH_WITHIN: Duration = Duration::from_secs(2);

/// A shop, and the node numbers of its region.
pub struct Shop {
    pub market: Market,
    pub nodes: Vec<u64>,
    pub skus: Vec<String>,
}

/// What was asked for and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub begun: u64,
    pub ok: u64,
    pub refused: u64,
    /// Answers that left the outcome open.
    pub unknown: u64,
    pub orders: u64,
    /// Orders that were refused because there were too few pieces.
    pub sold_out: u64,
    pub reads: u64,
    /// Prices that were changed for all regions.
    pub prices: u64,
    /// Answers of a region which was cut off that it takes no writes of what all regions share.
    pub read_only: u64,
}

/// An intention to buy, in the end.
#[derive(Clone, Debug)]
pub struct Buying {
    pub tenant: TenantId,
    pub key: String,
    pub cart: CartId,
    /// `Some(None)` is a refusal; `None` was never decided.
    pub outcome: Option<Option<OrderId>>,
    /// An answer before the last one was unknown.
    pub was_unknown: bool,
}

/// What everybody shares.
pub struct Town {
    pub running: Arc<Mutex<BTreeMap<u64, Running>>>,
    pub vault: Arc<NodeVault>,
    shops: OnceLock<Vec<Shop>>,
    /// People who are still at something.
    pub out: AtomicU64,
    /// The order of beginnings and ends.
    step: AtomicU64,
    pub closing: AtomicBool,
    /// Histories by shop and item, beginning with nothing.
    pub histories: Mutex<BTreeMap<(usize, String), Vec<Event>>>,
    pub buyings: Mutex<Vec<Buying>>,
    pub tally: Mutex<Tally>,
    pub wrong: Arc<Mutex<Vec<String>>>,
    began: Instant,
    pub trace: Mutex<Vec<String>>,
}

impl Town {
    pub fn new(common: &Common) -> Town {
        Town {
            running: common.running.clone(),
            vault: common.vault.clone(),
            shops: OnceLock::new(),
            out: AtomicU64::new(0),
            step: AtomicU64::new(1),
            closing: AtomicBool::new(false),
            histories: Mutex::default(),
            buyings: Mutex::default(),
            tally: Mutex::default(),
            wrong: common.wrong.clone(),
            began: common.began,
            trace: Mutex::default(),
        }
    }

    /// Opens the shops, once.
    pub fn open(&self, shops: Vec<Shop>) {
        assert!(self.shops.set(shops).is_ok(), "shops are opened once");
    }

    pub fn shops(&self) -> &[Shop] {
        self.shops.get().map_or(&[], Vec::as_slice)
    }

    fn step(&self) -> u64 {
        self.step.fetch_add(1, Ordering::Relaxed)
    }

    /// A line of the trace, which is equal for equal seeds but for the order within one moment.
    pub fn note(&self, line: impl FnOnce() -> String) {
        self.trace.lock().push(format!("{:>9} {}", self.began.elapsed().as_micros(), line()));
    }

    fn history(&self, shop: usize, sku: &str, event: Event) {
        self.histories.lock().entry((shop, sku.to_owned())).or_default().push(event);
    }

    pub fn node(&self, node: u64) -> Option<Running> {
        self.running.lock().get(&node).cloned()
    }

    /// One call at one node; the node may end in the middle of it.
    async fn call(&self, node: u64, request: &Request) -> Result<Decided, SubmitError> {
        let Some(running) = self.node(node) else { return Err(SubmitError::Unavailable) };
        tokio::select! {
            biased;
            () = running.ended.cancelled() => Err(SubmitError::Unknown),
            decided = running.backend.submit_now(request) => decided,
        }
    }
}

/// Somebody, with a session that never wants to see the past again.
pub struct Person {
    pub town: Arc<Town>,
    pub name: String,
    pub shop: usize,
    pub dice: Dice,
    serial: u64,
    position: Option<Position>,
    mine: Vec<(OrderId, String, i64)>,
}

/// What became of a call that was made until it was decided.
enum Fate {
    Done(Decided),
    Refused(Refusal),
    /// The simulation ended first.
    Open,
}

impl Person {
    pub fn new(town: Arc<Town>, name: String, shop: usize, dice: Dice) -> Person {
        Person { town, name, shop, dice, serial: 0, position: None, mine: Vec::new() }
    }

    fn shop(&self) -> &Shop {
        &self.town.shops()[self.shop]
    }

    fn tenant(&self) -> TenantId {
        self.shop().market.tenant
    }

    fn any_node(&self) -> u64 {
        *self.dice.pick(&self.shop().nodes).expect("a shop has nodes")
    }

    /// Lives until the shop closes.
    pub async fn live(mut self) {
        self.town.out.fetch_add(1, Ordering::Relaxed);
        self.goes_about().await;
        self.town.out.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wants another price every now and then until the shop closes, which is for all regions together to give.
    pub async fn live_as_owner(mut self) {
        self.town.out.fetch_add(1, Ordering::Relaxed);
        while !self.town.closing.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(self.dice.between(500, 1_500))).await;
            let sku = self.dice.pick(&self.shop().skus).expect("a shop has goods").clone();
            self.prices(&sku).await;
        }
        self.town.out.fetch_sub(1, Ordering::Relaxed);
    }

    async fn goes_about(&mut self) {
        while !self.town.closing.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(self.dice.between(60, 500))).await;
            let sku = self.dice.pick(&self.shop().skus).expect("a shop has goods").clone();
            match self.dice.below(20) {
                0..9 => self.buys(&sku).await,
                9..11 => self.restocks(&sku).await,
                11..13 => self.cancels().await,
                13..17 => self.counts(&sku).await,
                17 => self.prices(&sku).await,
                _ => self.looks().await,
            }
        }
    }

    /// Makes a call until it is decided. The second value says whether it was ever unknown.
    async fn insist(&mut self, actor: Actor, key: &str, intent: Intent) -> (Fate, bool) {
        let request = stage::request(&*self.town.vault, self.tenant(), actor, Some(key), 0, intent);
        self.town.tally.lock().begun += 1;
        let (mut unknown, mut tries) = (false, 0);
        loop {
            let node = self.any_node();
            let answer = self.town.call(node, &request).await;
            let name = &self.name;
            self.town.note(|| format!("{name} {key} at {node}: {}", brief(&answer)));
            match answer {
                Ok(Decided { result: Err(refusal), .. }) | Err(SubmitError::Refused(refusal)) => {
                    self.town.tally.lock().refused += 1;
                    return (Fate::Refused(refusal), unknown);
                }
                Ok(decided) => {
                    self.town.tally.lock().ok += 1;
                    if decided.position.group == GroupKind::Region {
                        self.position = self.position.max_of(decided.position);
                    }
                    return (Fate::Done(decided), unknown);
                }
                Err(SubmitError::Unknown) => {
                    unknown = true;
                    self.town.tally.lock().unknown += 1;
                }
                Err(SubmitError::ReadOnly) => {
                    if request.intent.group() == GroupKind::Region {
                        let wrong =
                            format!("{name} was refused {key} at {node}, though it is the region's own");
                        self.town.wrong.lock().push(wrong);
                    }
                    self.town.tally.lock().read_only += 1;
                }
                Err(_) => {}
            }
            tries += 1;
            if self.town.closing.load(Ordering::Relaxed) && tries > 40 {
                return (Fate::Open, unknown);
            }
            sleep(Duration::from_millis(self.dice.between(20, 250))).await;
        }
    }

    fn next_key(&mut self, what: &str) -> String {
        self.serial += 1;
        format!("{} {what} {}", self.name, self.serial)
    }

    async fn buys(&mut self, sku: &str) {
        let key = self.next_key("buys");
        let bits = self.town.vault.hash_of(self.tenant(), &key);
        let cart = CartId::from_bits(bits);
        let pieces = self.dice.between(1, 4);
        for (step, intent) in self.preparations(cart, sku, pieces as u32).into_iter().enumerate() {
            let (fate, _) =
                self.insist(Actor::Guest, &format!("{key}, step {step}"), Intent::Cart(intent)).await;
            if !matches!(fate, Fate::Done(_)) {
                return;
            }
        }
        let provider = if self.dice.one_in(2) { "manual" } else { "test" };
        let token = (provider == "test").then(|| "tok_ok".to_owned());
        let place = Intent::Checkout(CheckoutIntent::Place {
            cart,
            expected_total: None,
            payment: PaymentChoice { provider: provider.into(), token },
            note: None,
            terms_version: None,
            source: Source::Web,
        });
        let began = self.town.step();
        let (fate, was_unknown) = self.insist(Actor::Guest, &key, place).await;
        let ended = self.town.step();
        let call = Call::Take(pieces as i64);
        let outcome = match fate {
            Fate::Done(decided) => {
                let order = decided.result.ok().and_then(|reply| reply.id).map(OrderId::from_bits);
                let order = order.expect("an order answers with its id");
                self.town.history(self.shop, sku, Event { call, began, ended: Some(ended) });
                self.mine.push((order, sku.to_owned(), pieces as i64));
                self.town.tally.lock().orders += 1;
                Some(Some(order))
            }
            Fate::Refused(refusal) => {
                if matches!(refusal, Refusal::Checkout(checkout::Refusal::OutOfStock { .. })) {
                    let call = Call::Short(pieces as i64);
                    self.town.history(self.shop, sku, Event { call, began, ended: Some(ended) });
                    self.town.tally.lock().sold_out += 1;
                }
                Some(None)
            }
            Fate::Open => {
                self.town.history(self.shop, sku, Event { call, began, ended: None });
                None
            }
        };
        let buying = Buying { tenant: self.tenant(), key, cart, outcome, was_unknown };
        self.town.buyings.lock().push(buying);
    }

    fn preparations(&self, cart: CartId, sku: &str, quantity: u32) -> Vec<CartIntent> {
        let market = gearify_commerce::intent::Market {
            country: britain(),
            currency: Currency::GBP,
            locale: english(),
        };
        let contact = Contact { email: format!("{}@shopper.example", self.name), phone: None, name: None };
        let shipping = Box::new(address(&self.name, "Crease"));
        vec![
            CartIntent::AddLine {
                cart,
                market,
                customer: None,
                variant: VariantRef::Sku(sku.into()),
                quantity,
                add_ons: Vec::new(),
            },
            CartIntent::SetContact { cart, contact },
            CartIntent::SetAddresses { cart, shipping, billing: None },
            CartIntent::ChooseRate { cart, rate: self.shop().market.rate },
        ]
    }

    /// A write to what all regions share, which may have to travel.
    async fn prices(&mut self, sku: &str) {
        let key = self.next_key("prices");
        let price = Price {
            variant: self.shop().market.variants[sku],
            list: code("gbp"),
            min_quantity: 1,
            amount: self.dice.between(1_000, 9_000) as i64,
            compare_at: None,
            starts: None,
            ends: None,
        };
        let set = gearify_commerce::Command::from(pricing::Command::SetPrices { prices: vec![price] });
        let staff = Actor::Staff(StaffId::from_bits(1));
        if let (Fate::Done(_), _) = self.insist(staff, &key, Intent::Ready(Box::new(set))).await {
            self.town.tally.lock().prices += 1;
        }
    }

    async fn restocks(&mut self, sku: &str) {
        let key = self.next_key("restocks");
        let delta = self.dice.between(1, 6) as i64;
        let item = catalog::Variant::own_stock_item(self.shop().market.variants[sku]);
        let warehouse = self.shop().market.warehouses[0];
        let adjust =
            inventory::Command::Adjust { item, sku: sku.into(), warehouse, delta, reason: Reason::Received };
        self.puts(sku, &key, delta, Intent::from(adjust)).await;
    }

    async fn cancels(&mut self) {
        if self.mine.is_empty() {
            return;
        }
        let (order, sku, pieces) = self.mine.remove(self.dice.below(self.mine.len() as u64) as usize);
        let key = self.next_key("cancels");
        let cancel = OrderIntent::Cancel { order, reason: Some("rain".into()) };
        self.puts(&sku, &key, pieces, Intent::Order(cancel)).await;
    }

    async fn puts(&mut self, sku: &str, key: &str, pieces: i64, wanted: Intent) {
        let began = self.town.step();
        let staff = Actor::Staff(StaffId::from_bits(1));
        let (fate, _) = self.insist(staff, key, wanted).await;
        let ended = match fate {
            Fate::Done(_) => Some(self.town.step()),
            Fate::Open => None,
            Fate::Refused(_) => return,
        };
        self.town.history(self.shop, sku, Event { call: Call::Put(pieces), began, ended });
    }

    /// A linearizable read of what can be had.
    async fn counts(&mut self, sku: &str) {
        let node = self.any_node();
        let Some(running) = self.town.node(node) else { return };
        let began = self.town.step();
        let confirmed = tokio::select! {
            biased;
            () = running.ended.cancelled() => false,
            confirmed = running.backend.read_barrier(GroupKind::Region, self.tenant()) => confirmed,
        };
        if confirmed {
            let item = catalog::Variant::own_stock_item(self.shop().market.variants[sku]);
            let reader = running.backend.reader(GroupKind::Region, self.tenant());
            let seen = inventory::available(&ReadScope::new(&*reader, self.tenant(), Site::FIRST), item);
            let ended = Some(self.town.step());
            self.town.history(self.shop, sku, Event { call: Call::Read(seen), began, ended });
            self.town.tally.lock().reads += 1;
            let name = &self.name;
            self.town.note(|| format!("{name} counts {seen} {sku} at {node}"));
        }
    }

    /// A read as any page makes it: never older than what this session has seen.
    async fn looks(&mut self) {
        let Some(position) = self.position else { return };
        let node = self.any_node();
        let Some(running) = self.town.node(node) else { return };
        let fresh = tokio::select! {
            biased;
            () = running.ended.cancelled() => false,
            fresh = running.backend.wait_for(position, FRESH_WITHIN) => fresh,
        };
        if !fresh {
            return;
        }
        let reader = running.backend.reader(GroupKind::Region, self.tenant());
        let view = ReadScope::new(&*reader, self.tenant(), Site::FIRST);
        for (order, ..) in &self.mine {
            if ORDERS.get(&view, order).is_none() {
                let wrong =
                    format!("{} does not see order {order} at node {node}, after {position:?}", self.name);
                self.town.wrong.lock().push(wrong);
            }
        }
        self.town.tally.lock().reads += 1;
    }
}

trait MaxOf {
    fn max_of(self, other: Position) -> Option<Position>;
}

impl MaxOf for Option<Position> {
    fn max_of(self, other: Position) -> Option<Position> {
        match self {
            Some(own) if own.index >= other.index => Some(own),
            _ => Some(other),
        }
    }
}

fn brief(answer: &Result<Decided, SubmitError>) -> String {
    match answer {
        Ok(Decided { result: Ok(_), position, replayed }) => format!("ok at {} {replayed}", position.index),
        Ok(Decided { result: Err(refusal), .. }) => format!("refused: {refusal}"),
        Err(error) => error.to_string(),
    }
}

/// Answers for the payment provider at whichever of these nodes leads, and says some things twice, as one
/// does who was not heard.
pub async fn till(town: Arc<Town>, nodes: Vec<u64>, dice: Dice) {
    let mut serial = 0u128;
    loop {
        sleep(Duration::from_millis(70)).await;
        let leader = nodes.iter().find_map(|node| {
            town.node(*node)
                .filter(|running| running.backend.is_leader(GroupKind::Region))
                .map(|running| (*node, running))
        });
        let Some((node, running)) = leader else { continue };
        let open = scope::open_work(&**running.backend.state(GroupKind::Region), 20);
        for (tenant, _, work) in open {
            let reader = running.backend.state(GroupKind::Region);
            let view = ReadScope::new(&**reader, tenant, Site::FIRST);
            let catalogue = running.backend.state(GroupKind::Catalogue);
            let Some(command) = answer(&view, &**catalogue, work) else {
                continue;
            };
            for _ in 0..dice.between(1, 3) {
                serial += 1;
                let provider = Actor::Provider("test".into());
                let intent = Intent::Ready(Box::new(command.clone()));
                // Twice the same words, but not the same call.
                let name = u128::from(node) << 64 | serial;
                let request = stage::request(&*town.vault, tenant, provider, None, name, intent);
                let _ = town.call(node, &request).await;
            }
        }
    }
}

fn answer(view: &ReadScope<'_>, catalogue: &dyn Reader, work: Work) -> Option<gearify_commerce::Command> {
    Some(match work {
        Work::Pay(id) => {
            let payment = PAYMENTS.get(view, &id)?;
            let outcome = payments::Outcome::Captured { reference: id.to_string(), amount: payment.amount };
            payments::Command::Settle { payment: id, attempt: payment.attempt.id, outcome }.into()
        }
        Work::Refund(id) => {
            let outcome =
                payments::RefundOutcome::Succeeded { reference: REFUNDS.get(view, &id)?.id.to_string() };
            payments::Command::SettleRefund { refund: id, outcome }.into()
        }
        Work::Shelf(item) => {
            let catalogue = ReadScope::new(catalogue, view.tenant(), Site::NONE);
            let shelf = inventory::shelf::of_item(&catalogue, item);
            inventory::Command::Report { item, shelf }.into()
        }
    })
}

trait HashOf {
    fn hash_of(&self, tenant: TenantId, key: &str) -> u128;
}

impl HashOf for NodeVault {
    fn hash_of(&self, tenant: TenantId, key: &str) -> u128 {
        use gearify_commerce::Vault;
        u128::from_be_bytes(self.hash(tenant, "cart", key.as_bytes()))
    }
}
