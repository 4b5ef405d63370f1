//! Pages of a shop that another region sells for, seen through a node of this one.

use crate::gate::answer_relayed;
use crate::ports_regions::{Elsewhere, RegionView, Regions, RelayError, Relayed, RelayedAnswer};
use crate::settings::{Rates, Settings};
use crate::testing::{Client, Reply, Shopfront};
use axum::Router;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use gearify_commerce::inventory::{self, Reason};
use gearify_commerce::{Site, TenantId, catalog, tenants};
use http::Method;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The way from here to the home of all shops.
struct Across {
    home: Router,
    is_cut: AtomicBool,
    is_busy: AtomicBool,
    asked: Mutex<Vec<Relayed>>,
}

impl Regions for Across {
    fn here(&self) -> String {
        "south".into()
    }

    fn elsewhere(&self, home: &str, _: TenantId, _: Site) -> Option<Elsewhere> {
        Some(Elsewhere::Region(home.to_owned()))
    }

    fn relay(&self, to: Elsewhere, request: Relayed) -> BoxFuture<'_, Result<RelayedAnswer, RelayError>> {
        assert_eq!(to, Elsewhere::Region("home".into()));
        self.asked.lock().push(request.clone());
        let answer = async move {
            // Others have their turn while it is on its way.
            tokio::task::yield_now().await;
            if self.is_cut.load(Ordering::SeqCst) {
                return Err(RelayError::Unreachable);
            }
            if self.is_busy.load(Ordering::SeqCst) {
                return Ok(RelayedAnswer { status: 503, headers: Vec::new(), body: Vec::new() });
            }
            Ok(answer_relayed(self.home.clone(), request, true).await)
        };
        answer.boxed()
    }

    fn list(&self) -> Vec<RegionView> {
        Vec::new()
    }
}

/// A shop at home, and the node here with the same catalogue.
struct Both {
    home: Shopfront,
    here: Shopfront,
    across: Arc<Across>,
}

impl Both {
    fn open() -> Both {
        Both::with_rates(Rates { enabled: false, ..Rates::default() })
    }

    fn with_rates(rates: Rates) -> Both {
        let home = Shopfront::open();
        let (is_cut, is_busy, asked) = Default::default();
        let across = Arc::new(Across { home: home.app.clone(), is_cut, is_busy, asked });
        let here = Shopfront::beside(across.clone(), Settings { rates, ..Settings::default() });
        Both { home, here, across }
    }

    /// How often home has been asked since the last time.
    fn asked(&self) -> usize {
        std::mem::take(&mut *self.across.asked.lock()).len()
    }

    fn sell_out_at_home(&self) {
        let item = catalog::Variant::own_stock_item(self.home.variants["BALL"]);
        let (sku, warehouse, reason) = ("BALL".to_owned(), self.home.warehouse, Reason::Counted);
        let sold = inventory::Command::Adjust { item, sku, warehouse, delta: -10, reason };
        self.home.backend.run(self.home.tenant, sold);
    }
}

const BALL: &str = "/p/match-ball";
const SOLD_OUT: &str = "https://schema.org/OutOfStock";

fn says(reply: &Reply, words: &str) -> bool {
    String::from_utf8_lossy(&reply.bytes).contains(words)
}

#[tokio::test]
async fn strangers_see_a_page_that_was_fetched_for_one_of_them() {
    let both = Both::open();
    let stranger = both.here.visitor().with("user-agent", "Browser/1").with("accept-language", "fr");
    let first = stranger.get(BALL).await.expect(200);
    let told: Vec<String> =
        both.across.asked.lock()[0].headers.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(told, ["host", "user-agent"], "nothing of the one who asked");
    assert_eq!(both.asked(), 1);
    let at_home = both.home.visitor().get(BALL).await.expect(200);
    assert!(first.bytes == at_home.bytes && first.text("etag") == at_home.text("etag"));
    let again = both.here.visitor().get(BALL).await.expect(200);
    assert_eq!((again.bytes == first.bytes, again.text("age")), (true, "0"));
    assert_ne!(again.text("request-id"), first.text("request-id"));
    let known = both.here.visitor().with("if-none-match", first.text("etag"));
    assert!(known.get(BALL).await.expect(304).bytes.is_empty());
    assert_eq!(both.asked(), 0);

    // Stock is told as it was, and home is asked by one of those who look.
    both.sell_out_at_home();
    both.here.backend.pass(1_999);
    assert!(!says(&stranger.get(BALL).await, SOLD_OUT));
    assert_eq!(both.asked(), 0);
    both.here.backend.pass(1);
    for _ in 0..3 {
        let late = stranger.get(BALL).await;
        assert_eq!((says(&late, SOLD_OUT), late.text("age")), (false, "2"));
    }
    let mut fresh = stranger.get(BALL).await;
    while !says(&fresh, SOLD_OUT) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        fresh = stranger.get(BALL).await;
    }
    assert_eq!((both.asked(), fresh.text("age")), (1, "0"));

    // Whoever comes much later waits for home.
    both.here.backend.pass(30_000);
    assert_eq!(stranger.get(BALL).await.expect(200).text("age"), "0");
    assert_eq!(both.asked(), 1);
}

#[tokio::test]
async fn a_change_that_has_come_here_is_seen_here() {
    let both = Both::open();
    let stranger = both.here.visitor();
    stranger.get("/").await.expect(200);
    stranger.get(BALL).await.expect(200);
    assert_eq!(both.asked(), 2);
    for shop in [&both.home, &both.here] {
        let command = catalog::Command::ArchiveProduct { product: shop.product, expected: None };
        shop.backend.run(shop.tenant, command);
    }
    let first_page = stranger.get("/").await.expect(200);
    assert!(both.asked() == 1 && !says(&first_page, "Seam Edition Bat"));
    stranger.get("/").await.expect(200);
    assert_eq!(both.asked(), 0);
    for shop in [&both.home, &both.here] {
        shop.backend.run(shop.tenant, tenants::Command::Suspend);
    }
    stranger.get("/").await.expect(503);
}

#[tokio::test]
async fn what_is_not_everybodys_is_asked_for_at_home_each_time() {
    let both = Both::open();
    let plain = both.here.visitor();
    let with = |name: &'static str, value: &str| both.here.visitor().with(name, value);
    let asks: [(&str, Client, &str); 10] = [
        ("a cart", with("cookie", "gearify_cart=x"), BALL),
        ("a login", with("authorization", "Bearer x"), BALL),
        ("a strict reader", with("gearify-consistency", "linearizable"), BALL),
        ("a part", with("range", "bytes=0-1"), BALL),
        ("a cart's page", plain.clone(), "/cart"),
        ("nothing", plain.clone(), "/p/no-such-thing"),
        ("the way to another address", plain.clone(), "/catalog"),
        ("a search in vain", plain.clone(), "/search?q=umbrella"),
        ("the interface", plain.clone(), "/api/v1/products/match-ball"),
        ("two hosts", plain.also("host", "boundary.localhost"), BALL),
    ];
    for (who, client, path) in &asks {
        let before = plain.get(BALL).await.expect(200);
        assert_eq!(before.text("age"), "0", "kept, and not shown to {who}");
        both.asked();
        let answers = [client.get(path).await, client.get(path).await];
        let wanted = if *who == "two hosts" { 0 } else { 2 };
        assert_eq!((both.asked(), answers[1].text("age")), (wanted, ""), "{who}");
    }
    plain.send(Method::HEAD, BALL, None, Default::default()).await.expect(200);
    assert_eq!(both.asked(), 1);

    // A page of its own for each device, address and port.
    let pages = [
        with("sec-ch-ua-mobile", "?1").get(BALL).await,
        plain.get("/hi/p/match-ball").await,
        plain.get("/p/match-ball?x=1").await,
        both.here.visitor_of("willow.localhost:8443").get(BALL).await,
    ];
    assert!(says(&pages[0], "shell-mobile") && says(&pages[1], "lang=\"hi-IN\""));
    assert!(says(&pages[3], "willow.localhost:8443/p/match-ball"));
    assert_eq!(both.asked(), 4);
}

#[tokio::test]
async fn a_home_that_does_not_answer_is_asked_again_and_its_pages_are_shown_for_a_while() {
    let both = Both::open();
    let stranger = both.here.visitor();
    stranger.get(BALL).await.expect(200);
    both.across.is_busy.store(true, Ordering::SeqCst);
    both.asked();
    both.here.backend.pass(2_000);
    for tries in 1..=4 {
        assert_eq!(stranger.get(BALL).await.expect(200).text("age"), "2");
        while both.across.asked.lock().len() < tries {
            tokio::task::yield_now().await;
        }
        // What comes of it is known by then.
        tokio::time::sleep(Duration::from_millis(20)).await;
        both.across.is_cut.store(tries >= 2, Ordering::SeqCst);
    }
    both.here.backend.pass(28_000);
    both.asked();
    for _ in 0..2 {
        let page = stranger.get(BALL).await.expect(200);
        assert_eq!((page.text("age"), both.asked()), ("", 1), "made here, and not kept");
    }
    both.across.is_cut.store(false, Ordering::SeqCst);
    both.across.is_busy.store(false, Ordering::SeqCst);
    assert_eq!(stranger.get(BALL).await.expect(200).text("age"), "0");
}

#[tokio::test]
async fn a_crowd_is_one_request_to_its_home() {
    let both = Both::open();
    let stranger = both.here.visitor();
    let crowd = |path: &'static str| join_all((0..20).map(|_| stranger.get(path)).collect::<Vec<_>>());
    let pages = crowd(BALL).await;
    assert!(pages.iter().all(|page| page.status == 200 && page.bytes == pages[0].bytes));
    assert_eq!(both.asked(), 1);
    assert!(crowd("/p/no-such-thing").await.iter().all(|page| page.status == 404));
    assert_eq!(both.asked(), 20);
}

#[tokio::test]
async fn looking_at_what_is_kept_counts_as_looking() {
    let both = Both::with_rates(Rates { reads_per_second: 1, burst_seconds: 2, ..Rates::default() });
    let stranger = both.here.visitor();
    for _ in 0..2 {
        stranger.get(BALL).await.expect(200);
    }
    stranger.get(BALL).await.expect(429);
    assert_eq!(both.asked(), 1);
}
