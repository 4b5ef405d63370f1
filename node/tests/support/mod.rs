//! A shopper of the demo shop, for tests over real nodes.

#![allow(dead_code, reason = "each test file uses a part of it")]

use gearify_commerce::actor::Actor;
use gearify_commerce::cart::{Address, Contact};
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::{
    CartIntent, CheckoutIntent, Intent, Market, PaymentChoice, Request, VariantRef,
};
use gearify_commerce::locale::{Country, Locale};
use gearify_commerce::orders::{ORDERS, Order, Source};
use gearify_commerce::{
    CartId, Currency, GroupKind, OrderId, RateId, ReadScope, Reply, Site, TenantId, shipping,
};
use gearify_node::demo::{self, Demo};
use gearify_node::testing::TestCluster;
use gearify_web::ports::Backend;
use std::time::Duration;

pub const LONG: Duration = Duration::from_secs(60);

/// A shopper at one node of a cluster.
pub struct Shopper<'c> {
    pub cluster: &'c TestCluster,
    pub node: usize,
    pub tenant: TenantId,
    pub cart: CartId,
}

impl<'c> Shopper<'c> {
    pub fn at(cluster: &'c TestCluster, node: usize, tenant: TenantId) -> Shopper<'c> {
        Shopper { cluster, node, tenant, cart: CartId::from_bits(rand::random()) }
    }

    pub async fn asks(&self, intent: Intent) -> Result<Reply, String> {
        let backend = self.cluster.node(self.node).core.backend();
        let decided = backend.submit(self.request(intent)).await.map_err(|error| error.to_string())?;
        decided.result.map_err(|refusal| refusal.to_string())
    }

    pub fn request(&self, intent: Intent) -> Request {
        Request {
            id: CommandId(rand::random()),
            keep: Keep::Long,
            hash: [1; 16],
            tenant: self.tenant,
            site: Site::FIRST,
            actor: Actor::Guest,
            intent,
        }
    }

    pub async fn adds(&self, sku: &str, quantity: u32) -> Result<Reply, String> {
        self.asks(self.adding(sku, quantity)).await
    }

    pub fn adding(&self, sku: &str, quantity: u32) -> Intent {
        Intent::Cart(CartIntent::AddLine {
            cart: self.cart,
            market: market(),
            customer: None,
            variant: VariantRef::Sku(sku.into()),
            quantity,
            add_ons: Vec::new(),
        })
    }

    /// Everything between the cart and the order, and then until the payment is decided.
    pub async fn buys(&self, token: &str) -> Result<OrderId, String> {
        let order = self.places(token).await?;
        let backend = self.cluster.node(self.node).core.backend();
        backend.settle(self.tenant, Site::FIRST, order, LONG).await;
        Ok(order)
    }

    /// Everything between the cart and the order.
    pub async fn places(&self, token: &str) -> Result<OrderId, String> {
        let cart = self.cart;
        let contact =
            Contact { email: "asha@shopper.example".into(), phone: None, name: Some("Asha Bowler".into()) };
        self.asks(Intent::Cart(CartIntent::SetContact { cart, contact })).await?;
        let shipping = Box::new(address());
        self.asks(Intent::Cart(CartIntent::SetAddresses { cart, shipping, billing: None })).await?;
        self.asks(Intent::Cart(CartIntent::ChooseRate { cart, rate: self.rate() })).await?;
        let place = CheckoutIntent::Place {
            cart,
            expected_total: None,
            payment: PaymentChoice { provider: "test".into(), token: Some(token.into()) },
            note: None,
            terms_version: None,
            source: Source::Api,
        };
        let reply = self.asks(Intent::Checkout(place)).await?;
        Ok(OrderId::from_bits(reply.id.ok_or("no order")?))
    }

    fn rate(&self) -> RateId {
        let state = self.cluster.node(self.node).core.states.of(GroupKind::Catalogue);
        let view = ReadScope::new(&**state, self.tenant, Site::NONE);
        let zone = shipping::zones(&view).first().expect("a zone").id;
        shipping::rates_of(&view, zone).first().expect("a rate").id
    }

    pub fn order(&self, id: OrderId) -> Order {
        let state = self.cluster.node(self.node).core.states.of(GroupKind::Region);
        ORDERS.get(&ReadScope::new(&**state, self.tenant, Site::FIRST), &id).expect("the order is there")
    }
}

fn market() -> Market {
    Market {
        country: Country::parse("GB").unwrap(),
        currency: Currency::GBP,
        locale: Locale::parse("en-GB").unwrap(),
    }
}

fn address() -> Address {
    Address {
        name: "Asha Bowler".into(),
        company: None,
        phone: None,
        line1: "22 Crease Lane".into(),
        line2: None,
        locality: None,
        city: Some("Demo Town".into()),
        region_code: None,
        region: None,
        postal_code: Some("SW1A 1AA".into()),
        country: Country::parse("GB").unwrap(),
        tax_id: None,
    }
}

pub async fn willow(cluster: &TestCluster, dir: &std::path::Path) -> TenantId {
    let mut demo = Demo::load_or_create(dir).expect("logins");
    demo::make_shop(&cluster.node(0).core, &mut demo, "willow", 0).await.expect("the shop is made")
}
