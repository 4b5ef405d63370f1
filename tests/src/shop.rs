//! A shop prepared in a data directory and then served by the real binary.
//!
//! Before it is served, the directory is opened in this process and the shop is made by the same
//! commands as in every story; afterwards it is opened again to be looked over. In between, people
//! reach it over HTTP only.

use crate::http::Host;
use crate::market::Market;
use crate::process::{NodeProcess, Serve};
use crate::stage::Stage;
use crate::{Cluster, audit};
use gearify_commerce::Actor;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_config::Secret;
use gearify_node::projectors::ledger::{self, Balance};
use gearify_node::testpay::{self, Statement, TestPay, TestPaySettings};
use gearify_web::auth::Passwords;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// What the provider signs its events with.
pub const SECRET: &str = "a-secret-of-the-test-provider";
pub const SLUG: &str = "willow";
pub const OWNER: (&str, &str) = ("owner@willow.example", "correct horse battery staple");

/// Directories of a shop, and the payment provider it calls. The provider outlives the node, as a
/// real one would.
pub struct Premises {
    dir: tempfile::TempDir,
    /// How much the node says.
    pub log_level: &'static str,
    pub provider: testpay::Client,
    /// Stopped when dropped, before the runtime it runs on.
    _server: TestPay,
    pub runtime: Runtime,
}

impl Premises {
    pub fn new() -> Premises {
        Premises::at(Ipv4Addr::LOCALHOST.into())
    }

    /// As [`Premises::new`], with the provider on this address.
    pub fn at(provider: IpAddr) -> Premises {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime for the test");
        let settings = TestPaySettings {
            listen: SocketAddr::new(provider, 0),
            book: dir.path().join("testpay.db"),
            webhook_url: None,
            webhook_secret: Secret::parse(SECRET).expect("a secret"),
            seed: 7,
        };
        let server = runtime.block_on(testpay::start(settings, CancellationToken::new()));
        let server = server.expect("the provider starts");
        let provider = testpay::Client::new(&server.url(), Duration::from_secs(10)).expect("a client");
        Premises { dir, log_level: "info", provider, _server: server, runtime }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("node")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("gearify.log")
    }

    /// The shop and its owner.
    pub fn open_shop(&self) -> (Cluster, Market) {
        let mut files = self.open();
        let market = Market::open(&mut files, SLUG);
        self.add_owner(&mut files, &market);
        (files, market)
    }

    /// The shop with these goods, not served yet: SKU, price and pieces of each.
    pub fn shop_selling(&self, goods: &[(&str, i64, i64)]) -> Market {
        let (mut files, mut market) = self.open_shop();
        market.sells(&mut files, goods);
        files.stop();
        market
    }

    /// [`OWNER`] as the owner of a shop.
    pub fn add_owner(&self, files: &mut Cluster, market: &Market) {
        let hash = self.runtime.block_on(Passwords::new().hash(OWNER.1.to_owned()));
        let add = StaffIntent::Add {
            email: OWNER.0.into(),
            name: "Owner Example".into(),
            role: "owner".into(),
            password_hash: Some(hash.expect("a password can be hashed")),
            setup_token_hash: None,
        };
        files
            .submit(market.tenant, Actor::System, None, Intent::Staff(add))
            .expect("the first owner is added");
    }

    /// The node's files, opened in this process. No other may run on them.
    pub fn open(&self) -> Cluster {
        std::fs::create_dir_all(self.data()).expect("a directory for the node");
        Cluster::at(&self.data())
    }

    pub fn serve(&self) -> Serve {
        self.serve_on(&self.data(), &self.log()).set("telemetry.level", self.log_level)
    }

    /// A node that calls this shop's provider, on other files.
    pub fn serve_on(&self, data: &Path, log: &Path) -> Serve {
        Serve::new(data, log).provider(&self._server.url(), SECRET)
    }

    pub fn start(&self) -> NodeProcess {
        self.serve().start()
    }

    pub fn host(&self, node: &NodeProcess) -> Host {
        Host::new(node.public, &format!("{SLUG}.localhost"))
    }

    /// What the provider has in its book.
    pub fn statement(&self) -> Statement {
        self.runtime.block_on(self.provider.statement()).expect("the provider answers")
    }

    /// Looks a stopped node over: stock, orders and payments add up, the ledger balances, and the
    /// provider's book says the same as the ledger. Answers the ledger's own account.
    ///
    /// # Panics
    /// With what is wrong.
    pub fn look_over(&self, market: &Market) -> Balance {
        let files = self.open();
        audit::check(&files, market.tenant);
        let projections = files.projections(1);
        assert!(!projections.is_empty());
        let core = files.node(1);
        let balance = ledger::balance(&core.ledger_db).expect("the ledger can be read");
        assert_eq!(
            (balance.unbalanced_events, balance.wrong_sums, balance.discrepancies),
            (0, 0, 0),
            "the ledger balances: {balance:?}"
        );
        audit::same_as_provider(&core.ledger_db, &self.statement());
        files.stop();
        balance
    }
}

impl Default for Premises {
    fn default() -> Premises {
        Premises::new()
    }
}
