//! Stories over HTTP, against the real binary.
//!
//! The scene is set in the node's directory before the binary starts; every act is a request. When the
//! story wants to know more than a shopper can see, the node is stopped and its files are opened, and
//! started again for the next act. Every personal text is marked, to be searched for afterwards.

use crate::acts::{Act, Shopper};
use crate::http::{Answer, Cart, Host, Person};
use crate::market::Market;
use crate::process::NodeProcess;
use crate::shop::{OWNER, Premises};
use crate::stage::look;
use crate::telling::{Telling, minor};
use crate::{Cluster, audit};
use gearify_commerce::catalog::Policy;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{ORDERS, Order, PAPERS, Papers};
use gearify_commerce::{OrderId, Shard, WarehouseId};
use gearify_node::testpay::Outcome;
use reqwest::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the shop may take to hear from the provider.
const WORD_WAIT: Duration = Duration::from_secs(30);

/// Texts of persons that must not be found in any file. The note is marked too.
pub const MARKS: [&str; 5] = ["Quillfeather", "zqxmail-", "7700900", "Vellichor", "Susurration"];

fn marked(who: &Shopper, number: usize) -> Person {
    Person {
        name: format!("{} Quillfeather", who.0),
        email: format!("zqxmail-{}@people.example", who.0),
        phone: format!("+44 7700900{number:03}"),
        street: format!("{number} Vellichor Rise"),
    }
}

/// What a shopper holds of an order.
struct Placed {
    id: String,
    token: String,
}

#[expect(clippy::large_enum_variant, reason = "a test has one of them")]
enum House {
    Files(Cluster),
    Served(NodeProcess),
    /// Between the two.
    Nothing,
}

impl House {
    /// Reads the files of a node that does not run.
    fn files<T>(&mut self, premises: &Premises, read: impl FnOnce(&mut Cluster) -> T) -> T {
        *self = match std::mem::replace(self, House::Nothing) {
            House::Served(node) => {
                node.stop();
                House::Files(premises.open())
            }
            other => other,
        };
        let House::Files(files) = self else { panic!("the last visit to the house failed") };
        read(files)
    }

    /// The way to a node that runs.
    fn host(&mut self, premises: &Premises) -> Host {
        *self = match std::mem::replace(self, House::Nothing) {
            House::Files(files) => {
                files.stop();
                House::Served(premises.start())
            }
            other => other,
        };
        let House::Served(node) = self else { panic!("the last visit to the house failed") };
        premises.host(node)
    }
}

pub struct OverHttp {
    market: Market,
    house: RefCell<House>,
    owner: Option<String>,
    carts: BTreeMap<Shopper, Cart>,
    placed: BTreeMap<Shopper, Placed>,
    shoppers: usize,
    lines: Vec<String>,
    steps: u64,
    /// Last: the house stands on it.
    pub premises: Premises,
}

impl Default for OverHttp {
    fn default() -> OverHttp {
        OverHttp::new()
    }
}

impl OverHttp {
    pub fn new() -> OverHttp {
        OverHttp::at(Premises::new())
    }

    /// With a node that says all it does.
    pub fn noisy() -> OverHttp {
        let mut premises = Premises::new();
        premises.log_level = "debug";
        OverHttp::at(premises)
    }

    fn at(premises: Premises) -> OverHttp {
        let (files, market) = premises.open_shop();
        // The node would do it by itself, in a moment.
        files.raise(Shard::FIRST);
        OverHttp {
            market,
            house: RefCell::new(House::Files(files)),
            owner: None,
            carts: BTreeMap::new(),
            placed: BTreeMap::new(),
            shoppers: 0,
            lines: Vec::new(),
            steps: 0,
            premises,
        }
    }

    pub fn order_id(&self, who: &Shopper) -> &str {
        &self.placed[who].id
    }

    /// The shop's host, and the owner's access token.
    pub fn signed_in(&mut self) -> (Host, String) {
        let host = self.host();
        if self.owner.is_none() {
            self.owner = Some(self.block_on(host.sign_in_staff(OWNER.0, OWNER.1)));
        }
        (host, self.owner.clone().unwrap_or_default())
    }

    /// Stops the node and looks everything over.
    pub fn close(self) -> Premises {
        self.files(|_| ());
        let OverHttp { market, house, premises, .. } = self;
        drop(house);
        premises.look_over(&market);
        premises
    }

    fn files<T>(&self, read: impl FnOnce(&mut Cluster) -> T) -> T {
        self.house.borrow_mut().files(&self.premises, read)
    }

    fn host(&self) -> Host {
        self.house.borrow_mut().host(&self.premises)
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.premises.runtime.block_on(work)
    }

    fn cart(&mut self, who: &Shopper) -> Cart {
        let host = self.host();
        let cart = match self.carts.remove(who) {
            Some(cart) => Cart { host, ..cart },
            None => self.block_on(Cart::begin(&host)).expect("a cart is begun"),
        };
        self.carts.insert(who.clone(), cart.clone());
        cart
    }

    fn address(&mut self, who: &Shopper) -> Answer {
        let cart = self.cart(who);
        self.shoppers += 1;
        let person = marked(who, self.shoppers);
        self.block_on(cart.addressed_to(&person)).expect("an address is taken")
    }

    fn places(&mut self, who: &Shopper, payment: Value) -> Answer {
        let cart = self.cart(who);
        if !self.placed.contains_key(who) {
            self.address(who).expect(200);
        }
        let key = format!("{}-places", who.0);
        let note = format!("{}: leave it with the Susurration family", who.0);
        let request = cart.order(&key, payment, Some(&note));
        let answer = self.block_on(cart.host.send(request)).expect("the node answers");
        let order = order_of(&answer);
        if let (Some(id), Some(token)) = (order["id"].as_str(), order["order_token"].as_str()) {
            self.placed.insert(who.clone(), Placed { id: id.to_owned(), token: token.to_owned() });
        }
        answer
    }

    fn ask(&self, who: &Shopper, method: Method, path: &str, body: Option<Value>) -> Answer {
        let (host, placed) = (self.host(), &self.placed[who]);
        let mut request = host.request(method, &format!("/api/v1/orders/{}{path}", placed.id));
        request = request.header("order-token", &placed.token);
        if let Some(body) = body {
            let key = format!("\"{}-{}\"", who.0, self.steps);
            request = request.json(&body).header("idempotency-key", key);
        }
        self.block_on(host.send(request)).expect("the node answers")
    }

    fn order_view(&self, who: &Shopper) -> Value {
        self.ask(who, Method::GET, "", None).expect(200).json
    }

    /// The order once the provider has said all it will say.
    fn settled(&self, who: &Shopper, is_settled: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + WORD_WAIT;
        loop {
            let order = self.order_view(who);
            if is_settled(&order) {
                return order;
            }
            assert!(Instant::now() < until, "the provider's word does not arrive: {order}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn provider_says(&self, who: &Shopper, captured: bool) -> Value {
        let order = self.order_view(who);
        let payment = order["payments"].as_array().and_then(|payments| payments.last()).expect("a payment");
        let reference = payment["id"].as_str().expect("a payment has an id");
        let outcome = if captured { Outcome::Succeeded } else { Outcome::Declined };
        self.block_on(async {
            let found = self.premises.provider.payments_by_reference(reference).await;
            let found =
                found.expect("the provider answers").pop().expect("the provider has seen the payment");
            self.premises.provider.settle(&found.id, outcome).await.expect("a pending payment is settled");
        });
        self.settled(who, |order| order["payment_status"] != "pending")
    }

    fn owner(&mut self, who: &Shopper, path: &str, body: Value) -> Answer {
        let (host, token) = self.signed_in();
        let path = path.replace("{order}", &format!("orders/{}", self.placed[who].id));
        let request = host.request(Method::POST, &format!("/api/v1/admin/{path}")).bearer_auth(token);
        let request = request.header("idempotency-key", format!("\"owner-{}\"", self.steps)).json(&body);
        self.block_on(host.send(request)).expect("the node answers")
    }

    fn perform(&mut self, act: &Act) -> String {
        match act {
            Act::Adds { who, sku, quantity, add_ons } => {
                let cart = self.cart(who);
                let add_ons: Vec<String> =
                    add_ons.iter().map(|label| self.market.add_ons[label].to_string()).collect();
                let answer = self.block_on(cart.add(sku, *quantity, &add_ons)).expect("the node answers");
                tell(who, &format!("adds {quantity} {sku}"), &answer, |_| "in the cart".into())
            }
            Act::GivesAddress { who } => {
                let answer = self.address(who);
                tell(who, "gives an address", &answer, |_| "noted".into())
            }
            Act::Reserves { who } => {
                let cart = self.cart(who);
                let answer = self.block_on(cart.reserve()).expect("the node answers");
                tell(who, "reserves", &answer, |_| "held".into())
            }
            Act::Pays { who, token } => {
                let answer = self.places(who, json!({ "provider": "test", "token": token }));
                tell(who, &format!("pays with {token}"), &answer, describe)
            }
            Act::PaysLater { who } => {
                let answer = self.places(who, json!({ "provider": "manual" }));
                tell(who, "pays later", &answer, describe)
            }
            Act::TriesAgain { who, token } => {
                let body = json!({ "payment": { "provider": "test", "token": token } });
                let answer = self.ask(who, Method::POST, "/payments", Some(body));
                tell(who, &format!("tries again with {token}"), &answer, describe)
            }
            Act::TransfersInstead { who } => {
                let body = json!({ "payment": { "provider": "manual" } });
                let answer = self.ask(who, Method::POST, "/payments", Some(body));
                tell(who, "chooses a transfer instead", &answer, describe)
            }
            Act::Looks { who, sku } => {
                let host = self.host();
                let path = format!("/api/v1/products/{}", sku.to_lowercase());
                let told = self.block_on(host.get(&path)).expect(200).text("availability");
                format!("{} looks at {sku}: {told}", who.0)
            }
            Act::ProviderSpeaks { .. } => panic!("the test provider keeps to its word"),
            Act::ProviderSays { who, captured } => {
                let order = self.provider_says(who, *captured);
                let what = if *captured { "is captured late" } else { "is declined late" };
                format!("{} {what}: {}", who.0, describe(&order))
            }
            Act::Minutes(_) => panic!("time does not pass on demand over HTTP"),
            owners => self.owner_acts(owners),
        }
    }

    fn owner_acts(&mut self, act: &Act) -> String {
        let line = |shop: &OverHttp, who, n: usize| shop.order_view(who)["lines"][n]["id"].clone();
        let (who, what, path, body) = match act {
            Act::OwnerCancels { who } => {
                (who, "is cancelled", "{order}/cancel".to_owned(), json!({ "reason": "out of season" }))
            }
            Act::OwnerShips { who, pieces } => {
                let lines = match pieces {
                    Some(pieces) => json!([{ "line_id": line(self, who, 0), "quantity": pieces }]),
                    None => json!([]),
                };
                let body = json!({ "lines": lines, "carrier": "Parcel Post", "tracking": "PP1" });
                (who, "is shipped", "{order}/shipments".to_owned(), body)
            }
            Act::OwnerMoves { who, line: n, to } => {
                let (line, to) = (line(self, who, *n), self.market.warehouses[*to].to_string());
                let body = json!({ "line_id": line, "warehouse_id": to });
                (who, "is sent from elsewhere", "{order}/allocations".to_owned(), body)
            }
            Act::OwnerMarksDelivered { who } => {
                let order = self.order_view(who);
                let sent = order["shipments"].as_array().and_then(|shipments| shipments.last()).cloned();
                let id = sent.and_then(|shipment| shipment["id"].as_str().map(str::to_owned));
                let id = id.expect("something was shipped");
                (who, "is delivered", format!("{{order}}/shipments/{id}/delivered"), json!({}))
            }
            Act::OwnerMarksReceived { who } => {
                let order = self.order_view(who);
                let id = order["payments"][0]["id"].as_str().expect("a payment was started").to_owned();
                (who, "is paid by transfer", format!("payments/{id}/received"), json!({}))
            }
            Act::OwnerRefunds { who, line: n, pieces, restock } => {
                let line = line(self, who, *n);
                let lines = json!([{ "line_id": line, "quantity": pieces, "restock": restock }]);
                let body = json!({ "lines": lines, "reason": "sent back" });
                (who, "is refunded", "{order}/refunds".to_owned(), body)
            }
            Act::OwnerRefundsShipping { who } => {
                let body = json!({ "refund_shipping": true, "reason": "late" });
                (who, "gets the delivery back", "{order}/refunds".to_owned(), body)
            }
            Act::OwnerGivesGoodwill { who, minor } => {
                let body = json!({ "goodwill": minor, "reason": "sorry" });
                (who, "gets something back", "{order}/refunds".to_owned(), body)
            }
            other => unreachable!("{other:?} is not the owner's"),
        };
        let answer = self.owner(who, &path, body);
        if !answer.status.is_success() {
            return tell(who, what, &answer, describe);
        }
        let order = self.settled(who, |order| {
            let mut refunds = order["refunds"].as_array().into_iter().flatten();
            refunds.all(|refund| refund["status"] != "pending")
        });
        format!("{} {what}: {}", who.0, describe(&order))
    }
}

impl Telling for OverHttp {
    fn product(&mut self, sku: &str, pounds: &str) -> &mut OverHttp {
        let OverHttp { house, premises, market, .. } = self;
        house.get_mut().files(premises, |files| market.product(files, sku, minor(pounds)));
        self
    }

    fn policy(&mut self, sku: &str, policy: Policy) -> &mut OverHttp {
        self.files(|files| self.market.policy(files, sku, policy));
        self
    }

    fn warehouse(&mut self, code: &str) -> &mut OverHttp {
        let OverHttp { house, premises, market, .. } = self;
        house.get_mut().files(premises, |files| market.warehouse(files, code));
        self
    }

    fn stock_in(&mut self, sku: &str, warehouse: usize, pieces: i64) -> &mut OverHttp {
        self.files(|files| self.market.stock(files, sku, warehouse, pieces));
        self
    }

    fn add_on(&mut self, label: &str, pounds: &str) -> &mut OverHttp {
        let OverHttp { house, premises, market, .. } = self;
        house.get_mut().files(premises, |files| market.add_on(files, label, minor(pounds)));
        self
    }

    fn shopper(&mut self, name: &str) -> Shopper {
        Shopper(name.to_owned())
    }

    fn run(&mut self, acts: impl IntoIterator<Item = Act>) -> &mut OverHttp {
        for act in acts {
            self.steps += 1;
            let line = self.perform(&act);
            self.lines.push(line);
        }
        self
    }

    fn story(&self) -> String {
        self.lines.join("\n")
    }

    fn order(&self, who: &Shopper) -> Order {
        let id = OrderId::parse(&self.placed[who].id).expect("an order's id can be read");
        self.files(|files| {
            audit::check(files, self.market.tenant);
            look(files, GroupKind::Region, self.market.tenant, |view| ORDERS.get(view, &id))
        })
        .expect("the order exists")
    }

    fn papers(&self, who: &Shopper) -> Papers {
        let id = OrderId::parse(&self.placed[who].id).expect("an order's id can be read");
        self.files(|files| look(files, GroupKind::Region, self.market.tenant, |view| PAPERS.get(view, &id)))
            .expect("an order knows who sells it")
    }

    fn available(&self, sku: &str) -> i64 {
        self.files(|files| self.market.available(files, sku))
    }

    fn warehouses(&self) -> Vec<WarehouseId> {
        self.market.warehouses.clone()
    }
}

/// The order in an answer: as it is, or beside the problem of a declined payment.
fn order_of(answer: &Answer) -> &Value {
    if answer.problem() == "payment-declined" { &answer.json["order"] } else { &answer.json }
}

fn tell(who: &Shopper, what: &str, answer: &Answer, ok: impl Fn(&Value) -> String) -> String {
    let outcome = match answer.problem() {
        "" | "payment-declined" => ok(order_of(answer)),
        kind => format!("refused: {}", refusal(kind, &answer.json)),
    };
    format!("{} {what}: {outcome}", who.0)
}

/// A problem in the words of the refusal that it stands for.
fn refusal(kind: &str, problem: &Value) -> String {
    match kind {
        "out-of-stock" => {
            let short = |line: &Value| {
                let (available, requested) = (&line["available"], &line["requested"]);
                format!("{available} of {requested} {}", line["sku"].as_str().unwrap_or_default())
            };
            let lines = problem["lines"].as_array().into_iter().flatten();
            format!("out of stock ({})", lines.map(short).collect::<Vec<_>>().join(", "))
        }
        "key-reused" => "this idempotency key was used with another request".into(),
        _ => {
            // The problem's detail is the refusal as a sentence; field problems are in a list.
            let fields = problem["errors"].as_array().into_iter().flatten();
            let field = fields.filter_map(|error| error["detail"].as_str()).next();
            let detail = field.or(problem["detail"].as_str()).unwrap_or(kind).trim_end_matches('.');
            // Ids differ from run to run: stories leave them out.
            if detail.starts_with("Nothing of line ") || detail.starts_with("nothing of line ") {
                return "nothing is set aside elsewhere".to_owned();
            }
            if let Some((many, "are not in stock yet")) = detail
                .split_once(" pieces of line ")
                .and_then(|(many, rest)| Some((many, rest.split_once(' ')?.1)))
            {
                return format!("{many} pieces are not in stock yet");
            }
            if let Some((many, _)) = detail.split_once(" pieces of line ") {
                return format!(
                    "{} pieces are left",
                    many.trim_start_matches(['O', 'o']).trim_start_matches("nly ")
                );
            }
            let mut letters = detail.chars();
            let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
            format!("{first}{}", letters.as_str())
        }
    }
}

/// The order in the words of the stories.
fn describe(order: &Value) -> String {
    let word = |name: &str| order[name].as_str().unwrap_or("?").to_owned();
    let money = |minor: i64| format!("{}.{:02} {}", minor / 100, minor % 100, word("currency"));
    let total = order["totals"]["total"]["amount"].as_i64().unwrap_or(-1);
    let refunds = order["refunds"].as_array().into_iter().flatten();
    let done = refunds.filter(|refund| refund["status"] == "succeeded");
    let refunded: i64 = done.filter_map(|refund| refund["amount"]["amount"].as_i64()).sum();
    let back = if refunded == 0 { String::new() } else { format!(", {} given back", money(refunded)) };
    format!(
        "{}, {}, {}, {}{back}",
        money(total),
        word("status"),
        word("payment_status"),
        word("fulfillment_status")
    )
}
