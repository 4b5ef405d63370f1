//! Drives a demo node and tells what it does a second, beside what the machine can do at all.
//!
//! `cargo build --release -p gearify-node -p gearify-benches && target/release/load all`
//!
//! Every part is bounded and ends by itself; the last thing printed is the table of figures as Markdown.

mod region;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use gearify_benches::floor;
use gearify_benches::node::{Demo, Range, binary};
use gearify_benches::report::{Figure, Table, median};
use gearify_benches::scenarios::{self, Extent, Server};
use gearify_benches::shop::Goods;
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
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Measurements of which the median is told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Products of each demo shop.
    #[arg(long, default_value_t = 200)]
    products: usize,
    /// Products of the one shop where a large range is measured: start and closed-loop search.
    #[arg(long, default_value_t = 10_000)]
    many_products: usize,
    /// Products of the one shop for search at a fixed rate; 0 leaves it out.
    #[arg(long, default_value_t = 100_000)]
    most_products: usize,
    /// Carts prepared for each round of placing orders.
    #[arg(long, default_value_t = 6_000)]
    orders: usize,
    /// Leaders killed in the region of three nodes.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Bytes of the constant answer, for `hello`.
    #[arg(long, default_value_t = 2_000, hide = true)]
    bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Memory at rest and size of the binary.
    Rest,
    /// Product as JSON and as a page.
    Browse,
    Cart,
    /// The whole way, six requests an order.
    Checkout,
    /// Orders from prepared carts of three lines.
    Orders,
    /// 500 buyers for 10 pieces.
    Flash,
    /// Second start with many products, and search in them as fast as it goes.
    Search,
    /// Search in most products at a fixed rate.
    Steady,
    /// Three nodes: orders beside etcd (`etcd-server` has to be there), leaders killed. Not part of `all`.
    Region,
    /// The kills of that alone.
    Kills,
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
    let mut run = Run { arguments, table: Table::default() };
    run.all().await?;
    println!("\n{}", run.table.markdown());
    Ok(())
}

/// What an order's goods and delivery are taken from.
struct Market {
    demo: Demo,
    goods: Vec<Goods>,
    option: String,
}

struct Run {
    arguments: Arguments,
    table: Table,
}

/// A server's ways to be asked, of which each round takes one.
struct Beside<'b> {
    what: &'b str,
    goal: f64,
}

#[expect(clippy::print_stdout, reason = "the driver's report is its purpose")]
impl Run {
    fn wants(&self, one_of: &[Scenario]) -> bool {
        self.arguments.scenario == Scenario::All || one_of.contains(&self.arguments.scenario)
    }

    async fn all(&mut self) -> Result<()> {
        match self.arguments.scenario {
            Scenario::Region => return self.three_nodes().await,
            Scenario::Kills => return self.leaders().await,
            _ => {}
        }
        use Scenario::{Browse, Cart, Checkout, Flash, Orders, Rest, Search, Steady};
        if self.wants(&[Rest, Browse, Cart, Checkout, Orders, Flash]) {
            self.small_shop().await?;
        }
        if self.wants(&[Search]) {
            self.many_products().await?;
        }
        if self.wants(&[Steady]) && self.arguments.most_products > 0 {
            self.most_products().await?;
        }
        Ok(())
    }

    async fn small_shop(&mut self) -> Result<()> {
        use Scenario::{Browse, Cart, Checkout, Flash, Orders, Rest};
        let mut demo = Demo::start(Range { shops: 3, products: self.arguments.products }).await?;
        if self.wants(&[Rest]) {
            demo = self.rest(demo).await?;
        }
        let (goods, option) = scenarios::market(&demo, 100).await?;
        let market = Market { demo, goods, option };
        if self.wants(&[Browse]) {
            self.browse(&market).await?;
        }
        if self.wants(&[Orders]) {
            self.orders(&market).await?;
        }
        if self.wants(&[Cart]) {
            self.cart(&market).await?;
        }
        if self.wants(&[Checkout]) {
            self.checkout(&market).await?;
        }
        if self.wants(&[Flash]) {
            self.flash(&market).await?;
        }
        println!("node {} MiB at the end", market.demo.memory_mib());
        Ok(())
    }

    fn extent(&self) -> Extent {
        Extent { connections: self.arguments.connections, time: Duration::from_secs(self.arguments.seconds) }
    }

    async fn rest(&mut self, demo: Demo) -> Result<Demo> {
        let made = demo.memory_at_rest().await;
        let demo = demo.restart().await?;
        let started = demo.memory_at_rest().await;
        let binary = std::fs::metadata(binary()?)?.len() / (1 << 20);
        println!(
            "{made} MiB at rest after making the shops, {started} MiB after a start, binary {binary} MiB"
        );
        let products = self.arguments.products;
        let what = format!("memory at rest, demo data ({products} products a shop)");
        let measured = format!("{started} MiB after a start, {made} MiB after making the data");
        self.table.row(&what, measured, "–".into(), "< 150 MiB", Some(started.max(made) < 150));
        let measured = format!("{binary} MiB");
        self.table.row("binary, stripped", measured, "–".into(), "< 60 MiB", Some(binary < 60));
        Ok(demo)
    }

    async fn browse(&mut self, market: &Market) -> Result<()> {
        let json = Beside { what: "product JSON by slug", goal: 0.7 };
        let page = Beside { what: "storefront product page", goal: 0.4 };
        for (beside, start) in [(json, "/api/v1/products/"), (page, "/p/")] {
            let paths: Vec<String> =
                market.goods.iter().map(|goods| format!("{start}{}", goods.slug)).collect();
            let bytes = market.demo.connect().await?.get(&paths[0]).await?.body.len();
            let hello = Hello::start(bytes).await?;
            let (mut ours, mut floors) = (Vec::new(), Vec::new());
            for _ in 0..self.arguments.rounds {
                let constant = vec!["/".to_owned()];
                floors.push(
                    scenarios::get("hello of the same size", hello.server, constant, self.extent()).await?,
                );
                ours.push(
                    scenarios::get(beside.what, market.demo.server(), paths.clone(), self.extent()).await?,
                );
            }
            self.beside(&beside, median(ours), median(floors));
        }
        Ok(())
    }

    /// A figure whose goal is a part of a floor.
    fn beside(&mut self, beside: &Beside<'_>, figure: Figure, floor: Figure) {
        println!("{}", floor.line(None));
        println!("{}", figure.line(Some(&floor)));
        let ratio = figure.ratio_to(&floor);
        let measured = format!("{} ({ratio:.2})", in_words(&figure));
        let floor = format!("{}: {:.0}/s", floor.name, floor.per_second());
        let held = unspoiled(&figure).then_some(ratio >= beside.goal);
        self.table.row(beside.what, measured, floor, &format!("≥ {}", beside.goal), held);
    }

    /// A figure without a floor.
    fn alone(&mut self, figure: &Figure, goal: &str, is_held: Option<bool>) {
        println!("{}", figure.line(None));
        let held = is_held.filter(|_| unspoiled(figure));
        self.table.row(&figure.name, in_words(figure), "–".into(), goal, held);
    }

    async fn cart(&mut self, market: &Market) -> Result<()> {
        let mut ours = Vec::new();
        for _ in 0..self.arguments.rounds {
            ours.push(scenarios::add_to_cart(&market.demo, market.goods.clone(), self.extent()).await?);
        }
        self.alone(&median(ours), "–", None);
        Ok(())
    }

    async fn checkout(&mut self, market: &Market) -> Result<()> {
        let extent = Extent { connections: self.arguments.connections.min(32), ..self.extent() };
        for provider in ["manual", "test"] {
            let mut ours = Vec::new();
            for _ in 0..self.arguments.rounds {
                let (goods, option) = (market.goods.clone(), market.option.clone());
                ours.push(
                    scenarios::checkout(
                        vec![market.demo.address],
                        market.demo.process(),
                        goods,
                        option,
                        provider,
                        extent,
                    )
                    .await?,
                );
            }
            let figure = median(ours);
            let held = figure.per_second() >= 1_000.0 && figure.tally.quantile_ms(0.99) < 100.0;
            match provider {
                "manual" => self.alone(&figure, "≥ 1,000/s, p99 < 100 ms", Some(held)),
                _ => self.alone(&figure, "–", None),
            }
        }
        Ok(())
    }

    async fn orders(&mut self, market: &Market) -> Result<()> {
        let (mut ours, mut turns, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let Market { demo, goods, option } = market;
        for _ in 0..self.arguments.rounds {
            let carts = scenarios::prepare_carts(demo.address, goods, option, self.arguments.orders).await?;
            let orders = carts.len().max(1);
            let (_, before) = demo.logged(0)?;
            ours.push(
                scenarios::place(
                    vec![demo.address],
                    demo.process(),
                    carts,
                    "manual",
                    self.arguments.connections,
                )
                .await?,
            );
            let bytes = demo.logged(before)?.0 as usize / orders;
            println!("an order is {bytes} bytes of log");
            let dir = tempfile::tempdir()?;
            turns.push(scenarios::commits(dir.path(), bytes, self.extent()).await?);
            groups.push(scenarios::group_commits(dir.path(), bytes, self.extent()).await?);
        }
        let (figure, group) = (median(ours), median(groups));
        println!("{}", group.line(None));
        println!("{:.3} of a group commit", figure.ratio_to(&group));
        println!(
            "the floor: {} writers take turns, each commits an order's bytes in a transaction of its own",
            self.arguments.connections
        );
        self.beside(
            &Beside { what: "order placed, prepared carts of 3 lines", goal: 0.25 },
            figure,
            median(turns),
        );
        Ok(())
    }

    async fn flash(&mut self, market: &Market) -> Result<()> {
        let sale = scenarios::flash_sale(&market.demo, &market.option, 500).await?;
        let told = format!("{} orders, {} told out of stock", sale.ordered, sale.out_of_stock);
        println!("flash sale: {told}, {} other, in {:.2} s", sale.other.len(), sale.elapsed.as_secs_f64());
        for other in sale.other.iter().take(5) {
            println!("    {other}");
        }
        if (sale.ordered, sale.out_of_stock) != (10, 490) {
            bail!("ten pieces make ten orders and 490 clear answers");
        }
        let what = "flash sale, 500 buyers for 10 pieces";
        let measured = format!("{told}, {:.2} s", sale.elapsed.as_secs_f64());
        self.table.row(what, measured, "–".into(), "exactly 10 and 490", Some(true));
        Ok(())
    }

    async fn many_products(&mut self) -> Result<()> {
        let products = self.arguments.many_products;
        let mut demo = Demo::start(Range { shops: 1, products }).await?;
        let mut starts = Vec::new();
        for _ in 0..self.arguments.rounds {
            demo = demo.restart().await?;
            starts.push(demo.first_page);
        }
        starts.sort();
        let start = starts[starts.len() / 2];
        println!("start to first page with {products} products: {:.2} s", start.as_secs_f64());
        let what = format!("start to first page, {products} products, second start");
        let measured = format!("{:.2} s", start.as_secs_f64());
        self.table.row(&what, measured, "–".into(), "< 1 s", Some(start < Duration::from_secs(1)));
        demo.rest().await;
        let name = format!("search with facets, {products} products");
        let mut ours = Vec::new();
        for _ in 0..self.arguments.rounds {
            let paths = scenarios::queries(10_000);
            ours.push(scenarios::get(&name, demo.server(), paths, self.extent()).await?);
        }
        let figure = median(ours);
        let held = figure.per_second() >= 5_000.0;
        self.alone(&figure, "≥ 5,000/s", Some(held));
        Ok(())
    }

    async fn most_products(&mut self) -> Result<()> {
        const PER_SECOND: u32 = 200;
        let products = self.arguments.most_products;
        let demo = Demo::start(Range { shops: 1, products }).await?.restart().await?;
        let memory = demo.memory_at_rest().await;
        println!("{memory} MiB at rest with {products} products");
        let what = format!("memory at rest, {products} products");
        self.table.row(&what, format!("{memory} MiB"), "–".into(), "< 600 MiB", Some(memory < 600));
        let name = format!("search with facets, {products} products, {PER_SECOND}/s open loop");
        let mut ours = Vec::new();
        for _ in 0..self.arguments.rounds {
            let paths = scenarios::queries(9_973);
            ours.push(scenarios::get_at_rate(&name, demo.server(), paths, PER_SECOND, self.extent()).await?);
        }
        ours.sort_by(|a, b| a.tally.quantile_ms(0.99).total_cmp(&b.tally.quantile_ms(0.99)));
        let figure = ours.swap_remove(ours.len() / 2);
        let held = figure.tally.quantile_ms(0.99) < 25.0;
        self.alone(&figure, "p99 < 25 ms", Some(held));
        Ok(())
    }
}

/// Requests that failed are no figure.
fn unspoiled(figure: &Figure) -> bool {
    figure.tally.error_count() == 0
}

fn in_words(figure: &Figure) -> String {
    if !unspoiled(figure) {
        return format!("spoiled: {} requests failed", figure.tally.error_count());
    }
    let [p50, p99] = [0.5, 0.99].map(|q| figure.tally.quantile_ms(q));
    let node = figure.server_ms().map_or(String::new(), |ms| format!(", {ms:.3} ms of node CPU a request"));
    format!("{:.0}/s, p50 {p50:.1}, p99 {p99:.1} ms{node}", figure.per_second())
}

/// The constant server in a process of its own, so that it has a client to share the cores with, too.
struct Hello {
    server: Server,
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
        let server = Server { address: line.trim().parse()?, process: child.id() };
        Ok(Hello { server, _child: child })
    }
}
