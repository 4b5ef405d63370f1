//! Drives a demo node and tells what it does a second, beside what the machine can do at all.
//!
//! `cargo build --release && cargo run --release -p gearify-benches --bin load -- all`

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use gearify_benches::floor;
use gearify_benches::report::{Figure, median};
use gearify_benches::scenarios::{self, Extent};
use gearify_benches::shop::{Demo, Goods, HOST};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

#[derive(Parser)]
#[command(about = "Measures a Gearify demo node beside a floor in the same run")]
struct Arguments {
    scenario: Scenario,
    /// Connections of the client.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measurements of which the median is told.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Products of each demo shop.
    #[arg(long, default_value_t = 200)]
    products: usize,
    /// Bytes of the constant answer, for `hello`.
    #[arg(long, default_value_t = 2_000, hide = true)]
    bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Product as JSON and as a page.
    Browse,
    Search,
    Cart,
    /// The whole way, six requests an order.
    Checkout,
    /// Orders from prepared carts of three lines.
    Orders,
    /// 500 buyers for 10 pieces.
    Flash,
    All,
    /// Serves a constant: the floor's own process.
    #[value(hide = true)]
    Hello,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the driver's report is its purpose")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.scenario == Scenario::Hello {
        return floor::hello(arguments.bytes, |address| println!("{address}")).await;
    }
    let demo = Demo::start(arguments.products).await?;
    println!("node with {} products a shop, {} MiB at rest", arguments.products, demo.memory_mib());
    let (goods, option) = scenarios::market(&demo, 100).await?;
    let run = Run { demo, goods, option, arguments };
    for scenario in run.chosen() {
        match scenario {
            Scenario::Browse => run.browse().await?,
            Scenario::Search => run.search().await?,
            Scenario::Cart => run.cart().await?,
            Scenario::Checkout => run.checkout().await?,
            Scenario::Orders => run.orders().await?,
            Scenario::Flash => run.flash().await?,
            Scenario::All | Scenario::Hello => {}
        }
    }
    println!("node {} MiB at the end", run.demo.memory_mib());
    Ok(())
}

struct Run {
    demo: Demo,
    goods: Vec<Goods>,
    option: String,
    arguments: Arguments,
}

#[expect(clippy::print_stdout, reason = "the driver's report is its purpose")]
impl Run {
    fn chosen(&self) -> Vec<Scenario> {
        match self.arguments.scenario {
            Scenario::All => vec![
                Scenario::Browse,
                Scenario::Search,
                Scenario::Cart,
                Scenario::Checkout,
                Scenario::Orders,
                Scenario::Flash,
            ],
            one => vec![one],
        }
    }

    fn extent(&self) -> Extent {
        Extent { connections: self.arguments.connections, time: Duration::from_secs(self.arguments.seconds) }
    }

    async fn browse(&self) -> Result<()> {
        for (name, start) in [("product JSON", "/api/v1/products/"), ("product page", "/p/")] {
            let paths: Vec<String> =
                self.goods.iter().map(|goods| format!("{start}{}", goods.slug)).collect();
            let bytes = self.demo.connect().await?.get(&paths[0]).await?.body.len();
            let hello = Hello::start(bytes).await?;
            let (mut ours, mut floors) = (Vec::new(), Vec::new());
            for _ in 0..self.arguments.rounds {
                floors.push(
                    scenarios::get(
                        "hello of the same size",
                        hello.address,
                        HOST,
                        vec!["/".into()],
                        self.extent(),
                    )
                    .await?,
                );
                ours.push(scenarios::get(name, self.demo.address, HOST, paths.clone(), self.extent()).await?);
            }
            tell(median(ours), Some(median(floors)));
        }
        Ok(())
    }

    async fn search(&self) -> Result<()> {
        let mut ours = Vec::new();
        for _ in 0..self.arguments.rounds {
            ours.push(
                scenarios::get(
                    "search with facets",
                    self.demo.address,
                    HOST,
                    scenarios::queries(10_000),
                    self.extent(),
                )
                .await?,
            );
        }
        tell(median(ours), None);
        Ok(())
    }

    async fn cart(&self) -> Result<()> {
        tell(scenarios::add_to_cart(&self.demo, self.goods.clone(), self.extent()).await?, None);
        Ok(())
    }

    async fn checkout(&self) -> Result<()> {
        let extent = Extent { connections: self.arguments.connections.min(32), ..self.extent() };
        for provider in ["manual", "test"] {
            let figure = scenarios::checkout(
                &self.demo,
                self.goods.clone(),
                self.option.clone(),
                provider.into(),
                extent,
            );
            tell(figure.await?, None);
        }
        Ok(())
    }

    async fn orders(&self) -> Result<()> {
        const ORDERS: usize = 6_000;
        /// About what one placed order takes in the raft log.
        const ORDER_BYTES: usize = 2_500;
        let (mut ours, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..self.arguments.rounds {
            let carts = scenarios::prepare_carts(&self.demo, &self.goods, &self.option, ORDERS).await?;
            let dir = tempfile::tempdir()?;
            floors.push(scenarios::commits(dir.path(), ORDER_BYTES, self.extent()).await?);
            ours.push(scenarios::place(&self.demo, carts, "manual", self.arguments.connections).await?);
        }
        tell(median(ours), Some(median(floors)));
        Ok(())
    }

    async fn flash(&self) -> Result<()> {
        let sale = scenarios::flash_sale(&self.demo, &self.option, 500).await?;
        println!(
            "flash sale: {} orders, {} told out of stock, {} other, in {:.2} s",
            sale.ordered,
            sale.out_of_stock,
            sale.other.len(),
            sale.elapsed.as_secs_f64()
        );
        for other in sale.other.iter().take(5) {
            println!("    {other}");
        }
        if (sale.ordered, sale.out_of_stock) != (10, 490) {
            bail!("ten pieces make ten orders and 490 clear answers");
        }
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "the driver's report is its purpose")]
fn tell(figure: Figure, floor: Option<Figure>) {
    if let Some(floor) = &floor {
        println!("{}", floor.line(None));
    }
    println!("{}", figure.line(floor.as_ref()));
}

/// The constant server in a process of its own, so that it has a client to share the cores with, too.
struct Hello {
    address: SocketAddr,
    _child: Child,
}

impl Hello {
    async fn start(bytes: usize) -> Result<Hello> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["hello", "--bytes", &bytes.to_string()])
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let Some(output) = child.stdout.take() else { bail!("the floor has no output") };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        Ok(Hello { address: line.trim().parse()?, _child: child })
    }
}
