//! Three made-up shops on one node, to look at and to test against.
//!
//! They come about through the same commands as everything else, each step under a command id of its
//! own, so that a demo that was interrupted while it was made is finished by the next start. Passwords
//! are random and kept in a file that only its owner can read.

mod catalogue;
mod grow;
mod items;
mod logins;
mod plan;
mod range;
mod shop;
mod stock;

pub use logins::{Demo, DemoError, Login, ShopLogin, Summary};

use crate::core::Core;
use crate::runtime::NodeRuntime;
use crate::testpay::{self, TestPay, TestPayError, TestPaySettings};
use crate::writer::Writer;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::{Site, TenantId};
use gearify_web::auth::Passwords;
use range::SHOPS;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Projectors may take so long for a grown range.
const PROJECTION_WAIT: Duration = Duration::from_secs(600);

pub struct DemoOptions {
    pub listen: SocketAddr,
    /// `None`: a free port on the same interface.
    pub operations: Option<SocketAddr>,
    pub data: PathBuf,
    /// Products of each shop; fewer than the hand-made range has means that range.
    pub products: u32,
    /// How many of the shops are made, from the first.
    pub shops: usize,
}

/// Makes the demo's directory and its logins, or finds them.
pub fn prepare(options: &DemoOptions) -> Result<Demo, DemoError> {
    Demo::load_or_create(&options.data)
}

/// Starts the test payment provider beside the node.
pub async fn start_provider(demo: &Demo) -> Result<TestPay, TestPayError> {
    let settings = TestPaySettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        book: demo.dir().join("testpay.db"),
        webhook_url: None,
        webhook_secret: demo.webhook_secret(),
        seed: 1,
    };
    testpay::start(settings, CancellationToken::new()).await
}

/// Settings of the demo's node, as options of the command line.
pub fn settings(options: &DemoOptions, demo: &Demo, provider: Option<&TestPay>) -> Vec<(String, String)> {
    let operations = options.operations.unwrap_or_else(|| SocketAddr::new(options.listen.ip(), 0));
    let mut all = vec![
        ("listen.public", options.listen.to_string()),
        ("listen.operations", operations.to_string()),
        ("node.data_dir", options.data.display().to_string()),
        ("limits.concurrent_requests_max", "4096".into()),
        // A sale of everything at once must not look like an attack.
        ("web.rates.reads_per_second", "100000".into()),
        ("web.rates.writes_per_second", "100000".into()),
        ("web.rates.sign_ins_per_minute", "10000".into()),
    ];
    if let Some(provider) = provider {
        all.push(("payments.test.enabled", "true".into()));
        all.push(("payments.test.url", provider.url().to_string()));
        all.push(("payments.test.webhook_secret", demo.webhook_secret().expose().to_owned()));
    }
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Makes what is missing of the shops and answers how to sign in.
pub async fn seed(node: &NodeRuntime, options: &DemoOptions, demo: &mut Demo) -> Result<Summary, DemoError> {
    let core = node.core();
    make_operator(core, demo).await?;
    for shop in SHOPS.iter().take(options.shops) {
        make_shop(core, demo, shop.slug, options.products).await?;
    }
    core.projected(PROJECTION_WAIT).await;
    core.live().caught_up().await;
    let mut summary = demo.summary(node.public);
    summary.shops.truncate(options.shops);
    Ok(summary)
}

/// Makes the operator, unless that is done.
pub async fn make_operator(core: &Core, demo: &mut Demo) -> Result<(), DemoError> {
    if demo.is_done("operator") {
        return Ok(());
    }
    let operator = demo.operator();
    let hash = logins::hashed(&Passwords::new(), &operator.password).await?;
    let add = StaffIntent::Add {
        email: operator.email.clone(),
        name: "Demo Operator".into(),
        role: "operator".into(),
        password_hash: Some(hash),
        setup_token_hash: None,
    };
    Writer::new(core.backend(), TenantId::PLATFORM, Site::NONE).once("operator", Intent::Staff(add)).await?;
    demo.done("operator")
}

/// Makes one of the three shops, unless that is done, and answers its tenant.
pub async fn make_shop(
    core: &Core,
    demo: &mut Demo,
    slug: &str,
    products: u32,
) -> Result<TenantId, DemoError> {
    let shop = SHOPS.iter().find(|shop| shop.slug == slug);
    let shop = shop.ok_or_else(|| DemoError::Data(format!("no demo shop is called {slug}")))?;
    let (tenant, ..) = demo.shop(shop)?;
    let name = format!("{slug}/{products}");
    if !demo.is_done(&name) {
        shop::make(core.backend(), &core.blobs, &Passwords::new(), demo, shop, products).await?;
        demo.done(&name)?;
    }
    Ok(tenant)
}

/// Writes the summary as JSON, whole or not at all, for its owner's eyes only.
pub fn write_summary(file: &Path, summary: &Summary) -> Result<(), DemoError> {
    logins::write_private(file, &serde_json::to_vec_pretty(summary).map_err(DemoError::Json)?)
}

/// The summary for a person at a terminal.
pub fn words(summary: &Summary) -> String {
    let mut text = String::from("\nGearify runs three demo shops. Their people and brands are made up.\n\n");
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "  {label:<10} {value}");
    };
    for shop in &summary.shops {
        line(&shop.slug, &format!("{}  ({})", shop.url, shop.currency));
        line("  console", &format!("{}console  {}  {}", shop.url, shop.owner.email, shop.owner.password));
        line("  shopper", &format!("{}  {}", shop.customer.email, shop.customer.password));
    }
    let Login { email, password } = &summary.operator.login;
    line("operator", &format!("{}console  {email}  {password}", summary.operator.url));
    text.push_str(
        "\nPay with the tokens tok_ok, tok_declined, tok_later or tok_timeout. Ctrl-C stops the node.\n",
    );
    text
}
