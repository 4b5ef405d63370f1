//! What `gearify` can be told to do.

mod backup;
mod cluster;
mod doctor;
mod tenant;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use gearify_config::{ConfigError, Settings};
use gearify_node::demo;
use gearify_node::runtime::{NodeRuntime, asked_to_end};
use gearify_node::telemetry::{self, Metrics};
use gearify_node::testpay::{self, TestPaySettings};
use gearify_storage::DirLock;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// Many cricket shops from one program.
#[derive(Parser, Debug)]
#[command(name = "gearify", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs a node until it is told to stop.
    Serve(ConfigArgs),
    /// Runs a node with three made-up shops, on loopback, and prints how to sign in.
    Demo(DemoArgs),
    /// Makes the first operator and prints a one-time link.
    Init(InitArgs),
    /// Makes a cluster of this node, or asks the cluster it belongs to.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Makes this node one of a cluster; `gearify serve` then takes part in it.
    Join(cluster::JoinArgs),
    /// Drains or removes a node of the cluster, from any other.
    #[command(subcommand)]
    Node(cluster::NodeCommand),
    /// Makes room for another region.
    #[command(subcommand)]
    Region(cluster::RegionCommand),
    /// Works on shops.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Makes, lists and verifies backups.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Makes a node from a backup, as it was at any moment; or brings one shop back into a running node.
    Restore(backup::RestoreArgs),
    /// Checks what a stopped node has on disk.
    Doctor(DoctorArgs),
    /// Shows and checks settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Runs the test payment provider, which moves no money.
    Testpay(TestpayArgs),
}

#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE", env = "GEARIFY_CONFIG")]
    config: Option<PathBuf>,
    /// Sets one key, such as `listen.public=127.0.0.1:8088`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Args, Debug)]
struct DemoArgs {
    /// Address of the shops.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of health and metrics; by default a free port on the same interface.
    #[arg(long)]
    operations: Option<SocketAddr>,
    /// Directory of the demo's files; started again on it, the shops are as they were.
    #[arg(long, value_name = "DIR", default_value = "gearify-demo")]
    data: PathBuf,
    /// Products in each shop.
    #[arg(long, value_name = "N", default_value_t = 0)]
    products: u32,
    /// Makes only the first so many of the shops: for measuring one large range.
    #[arg(long, value_name = "N", default_value_t = 3, hide = true, value_parser = clap::value_parser!(u8).range(1..=3))]
    shops: u8,
    /// Writes addresses and logins there as JSON, once the node is ready.
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct InitArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The operator's e-mail address.
    #[arg(long)]
    email: String,
    /// The operator's name.
    #[arg(long, default_value = "Operator")]
    name: String,
}

#[derive(Subcommand, Debug)]
pub enum TenantCommand {
    /// Makes a shop and the link with which its owner sets a password.
    Create(TenantArgs),
    /// Brings a shop to another shard of its region while it sells, and waits until it is there. Asks the running
    /// node.
    Move(TenantMoveArgs),
}

#[derive(Args, Debug)]
pub struct TenantMoveArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The shop's name in addresses.
    slug: String,
    /// Number of the shard, from 0.
    shard: u16,
    /// Seconds after which nobody waits any more; the move goes on.
    #[arg(long, default_value_t = 3600)]
    wait: u64,
}

#[derive(Args, Debug)]
pub struct TenantArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Names the shop in addresses; never changes.
    slug: String,
    /// Its name, as shoppers see it.
    #[arg(long)]
    name: String,
    /// Its host names; the first is the main one.
    #[arg(long = "domain", required = true)]
    domains: Vec<String>,
    /// The region that sells for it; the node's own if not given.
    #[arg(long)]
    region: Option<String>,
    /// ISO 4217.
    #[arg(long, default_value = "GBP")]
    currency: String,
    /// Such as en-GB.
    #[arg(long, default_value = "en-GB")]
    locale: String,
    /// ISO 3166.
    #[arg(long, default_value = "GB")]
    country: String,
    /// In the IANA database.
    #[arg(long, default_value = "Europe/London")]
    time_zone: String,
    /// The owner's e-mail address.
    #[arg(long)]
    owner_email: String,
    #[arg(long, default_value = "Owner")]
    owner_name: String,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Reads everything: every checksum, and whether stock, orders, payments and ledger add up.
    #[arg(long)]
    audit: bool,
    /// Throws projections away and computes them again, then compares.
    #[arg(long)]
    rebuild: bool,
    /// Prints the findings as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum ConfigCommand {
    /// Says what is wrong with the settings, or nothing.
    Check(ConfigArgs),
    /// Prints the effective settings and where each comes from; secrets are masked.
    Print(ConfigArgs),
    /// Prints a settings file that explains every key.
    Example,
}

#[derive(Args, Debug)]
struct TestpayArgs {
    #[arg(long, default_value = "127.0.0.1:8099")]
    listen: SocketAddr,
    /// The provider's book, a SQLite file.
    #[arg(long, default_value = "testpay.db")]
    book: PathBuf,
    /// Where events go when a payment names no address of its own.
    #[arg(long)]
    webhook_url: Option<url::Url>,
    /// Signs events; at least 16 bytes.
    #[arg(long, env = "GEARIFY_TESTPAY_SECRET", hide_env_values = true)]
    webhook_secret: String,
    /// Seed of the faults' luck.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Serve(config) => serve(&settings(&config)?),
        Command::Demo(arguments) => run_demo(arguments),
        Command::Init(arguments) => tenant::init(&arguments),
        Command::Cluster(command) => cluster::run(command),
        Command::Join(arguments) => cluster::join(&arguments),
        Command::Node(command) => cluster::node(command),
        Command::Region(command) => cluster::region(command),
        Command::Tenant(TenantCommand::Create(arguments)) => tenant::create(&arguments),
        Command::Backup(command) => backup::run(command),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Tenant(TenantCommand::Move(arguments)) => cluster::move_shop(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Config(ConfigCommand::Check(config)) => {
            settings(&config)?;
            say("the settings are fine")
        }
        Command::Config(ConfigCommand::Print(config)) => say(settings(&config)?.print().trim_end()),
        Command::Config(ConfigCommand::Example) => say(Settings::example().trim_end()),
        Command::Testpay(arguments) => run_testpay(arguments),
    }
}

fn say(text: &str) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// Settings of file, environment and command line. Their faults are many lines, which is one answer.
pub fn settings(arguments: &ConfigArgs) -> anyhow::Result<Settings> {
    let mut options = Vec::new();
    for option in &arguments.set {
        let (key, value) =
            option.split_once('=').with_context(|| format!("--set {option} is not KEY=VALUE"))?;
        options.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    resolve(arguments.config.as_deref(), &options)
}

fn resolve(file: Option<&std::path::Path>, options: &[(String, String)]) -> anyhow::Result<Settings> {
    match Settings::resolve(file, std::env::vars_os(), options) {
        Ok(settings) => Ok(settings),
        Err(error @ ConfigError::Invalid(_)) => {
            eprintln!("{error}");
            anyhow::bail!("the settings can't be used")
        }
        Err(error) => Err(error.into()),
    }
}

/// The one runtime of the process.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?.block_on(work)
}

fn serve(settings: &Settings) -> anyhow::Result<ExitCode> {
    telemetry::start_logs(&settings.telemetry)?;
    let metrics = Metrics::start()?;
    block_on(async {
        let ending = asked_to_end();
        let node = NodeRuntime::start(settings, Some(metrics)).await?;
        ending.await?;
        tracing::info!("asked to stop; finishing what is in work");
        node.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn run_demo(arguments: DemoArgs) -> anyhow::Result<ExitCode> {
    let options = demo::DemoOptions {
        listen: arguments.listen,
        operations: arguments.operations,
        data: arguments.data,
        products: arguments.products,
        shops: arguments.shops.into(),
    };
    // Before anything is opened: a second process should hear of the first, not of its files.
    drop(DirLock::acquire(&options.data)?);
    let mut demo = demo::prepare(&options)?;
    let first = resolve(None, &demo::settings(&options, &demo, None))?;
    telemetry::start_logs(&first.telemetry)?;
    let metrics = Metrics::start()?;
    block_on(async {
        let ending = asked_to_end();
        tokio::pin!(ending);
        let provider = demo::start_provider(&demo).await?;
        let settings = resolve(None, &demo::settings(&options, &demo, Some(&provider)))?;
        let node = NodeRuntime::start(&settings, Some(metrics)).await?;
        let seeded = tokio::select! {
            seeded = demo::seed(&node, &options, &mut demo) => Some(seeded?),
            ended = &mut ending => {
                ended?;
                None
            }
        };
        if let Some(summary) = seeded {
            if let Some(file) = &arguments.summary {
                demo::write_summary(file, &summary)?;
            }
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", demo::words(&summary))?;
            out.flush()?;
            drop(out);
            ending.await?;
        }
        tracing::info!("asked to stop; finishing what is in work");
        node.stop().await;
        provider.shut_down().await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn run_testpay(arguments: TestpayArgs) -> anyhow::Result<ExitCode> {
    let quiet = Settings::default();
    telemetry::start_logs(&quiet.telemetry)?;
    let webhook_secret = gearify_config::Secret::parse(&arguments.webhook_secret)
        .map_err(|reason| anyhow::anyhow!("--webhook-secret {reason}"))?;
    let settings = TestPaySettings {
        listen: arguments.listen,
        book: arguments.book,
        webhook_url: arguments.webhook_url,
        webhook_secret,
        seed: arguments.seed,
    };
    block_on(async {
        let stop = CancellationToken::new();
        let ending = asked_to_end();
        let provider = testpay::start(settings, stop.clone()).await?;
        writeln!(std::io::stdout(), "the test provider answers on {}", provider.url())?;
        ending.await?;
        provider.shut_down().await?;
        Ok(ExitCode::SUCCESS)
    })
}
