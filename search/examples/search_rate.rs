//! How fast searching is: `cargo run --release -p gearify-search --example search_rate`.
//!
//! Makes a shop of 10,000 and one of 100,000 products (two locales, seven attributes, 400 brands),
//! and asks one kind of question after another, each time with other words, filters and orders,
//! full facets, nothing cached. Closed loop: as many threads as processors, each asking as soon as
//! it is answered. Open loop: 200 questions a second at fixed times, as a shop would see them,
//! latency counted from the time a question was due. The processor time of a query is counted too:
//! it is what stays comparable when the machine has other work. Runs about two minutes and stops by itself.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gearify_search::{
    AttributeValue, Change, ColumnRow, Document, Price, Query, Rating, SearchIndexes, SearchOptions, Sort,
    Texts,
};

const SHOP: &str = "throughput";
const CLOSED_SECONDS: u64 = 3;
const OPEN_SECONDS: u64 = 10;
const OPEN_PER_SECOND: u64 = 200;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

#[expect(clippy::print_stdout, reason = "printing figures is what it is for")]
fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, dir, products] = &arguments[..] {
        return build(dir, products.parse()?);
    }
    let threads = std::thread::available_parallelism()?.get();
    println!("{threads} threads; latencies in ms");
    for products in [10_000, 100_000] {
        let dir = tempfile_dir()?;
        let started = Instant::now();
        // In a process of its own, so that what building needs is not counted below.
        let status = Command::new(std::env::current_exe()?).arg(&dir).arg(products.to_string()).status()?;
        if !status.success() {
            return Err("the index was not built".into());
        }
        println!(
            "\n{products} products: built in {:.1} s, {} MiB on disk",
            seconds(started),
            disk_mib(&dir)?
        );
        let started = Instant::now();
        let indexes = SearchIndexes::open(&dir, SearchOptions::default())?;
        indexes.position(SHOP)?;
        indexes.columns(SHOP)?.load((0..products).map(columns))?;
        println!("opened and loaded in {:.2} s, {} MiB resident", seconds(started), resident_mib()?);
        let started = Instant::now();
        indexes.apply(SHOP, vec![Change::put(document(77))], 2)?;
        println!("one product changed and visible in {:.0} ms", seconds(started) * 1e3);

        println!(
            "{:<26} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "closed loop", "queries/s", "cpu", "p50", "p99", "max", "hits"
        );
        for kind in KINDS {
            report(kind.0, closed_loop(&indexes, threads, kind.1)?);
        }
        println!("{:<26}", format!("open loop, {OPEN_PER_SECOND}/s"));
        for kind in [KINDS[0], KINDS[4]] {
            report(kind.0, open_loop(&indexes, threads, kind.1)?);
        }
        drop(indexes);
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(())
}

fn build(dir: &str, products: u32) -> Fallible<()> {
    let indexes = SearchIndexes::open(dir, SearchOptions::default())?;
    Ok(indexes.rebuild(SHOP, (0..products).map(document), 1)?)
}

#[derive(Default)]
struct Figures {
    per_second: f64,
    processor: Duration,
    latencies: Vec<Duration>,
    hits: u64,
}

#[expect(clippy::print_stdout, reason = "printing figures is what it is for")]
fn report(kind: &str, mut figures: Figures) {
    figures.latencies.sort_unstable();
    let count = figures.latencies.len();
    let at = |share: f64| figures.latencies[((count - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let hits = figures.hits as f64 / count as f64;
    println!(
        "{kind:<26} {:>10.0} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {hits:>8.0}",
        figures.per_second,
        figures.processor.as_secs_f64() * 1e3 / count as f64,
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

type Kind = fn(&mut Dice) -> Query;

static KINDS: [(&str, Kind); 8] = [
    ("mixed (all below)", mixed),
    ("browse a category", browse),
    ("browse everything", everything),
    ("words", words),
    ("words with mistakes", mistakes),
    ("as you type", unfinished),
    ("words and filters", filtered),
    ("words, sorted by price", by_price),
];

fn closed_loop(indexes: &SearchIndexes, threads: usize, kind: Kind) -> Fallible<Figures> {
    let until = Instant::now() + Duration::from_secs(CLOSED_SECONDS);
    let ask = |thread: usize| {
        let mut dice = Dice(thread as u64 * 7_919 + 17);
        let mut figures = Figures::default();
        while Instant::now() < until {
            let query = kind(&mut dice);
            let started = Instant::now();
            let answer = indexes.search(SHOP, &query).expect("the questions are good");
            figures.latencies.push(started.elapsed());
            figures.hits += answer.total.value as u64;
        }
        figures
    };
    Ok(together(threads, ask, CLOSED_SECONDS))
}

fn open_loop(indexes: &SearchIndexes, threads: usize, kind: Kind) -> Fallible<Figures> {
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let ask = |thread: usize| {
        let mut dice = Dice(thread as u64 * 104_729 + 29);
        let mut figures = Figures::default();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= OPEN_SECONDS * OPEN_PER_SECOND {
                return figures;
            }
            let due = began + Duration::from_micros(turn * 1_000_000 / OPEN_PER_SECOND);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let answer = indexes.search(SHOP, &kind(&mut dice)).expect("the questions are good");
            figures.latencies.push(due.elapsed());
            figures.hits += answer.total.value as u64;
        }
    };
    Ok(together(threads, ask, OPEN_SECONDS))
}

fn together(threads: usize, ask: impl Fn(usize) -> Figures + Sync, seconds: u64) -> Figures {
    let before = processor_time();
    let parts: Vec<Figures> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let ask = &ask;
                scope.spawn(move || ask(thread))
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("asks to the end")).collect()
    });
    let mut all = Figures { processor: processor_time() - before, ..Figures::default() };
    for part in parts {
        all.latencies.extend(part.latencies);
        all.hits += part.hits;
    }
    all.per_second = all.latencies.len() as f64 / seconds as f64;
    all
}

fn mixed(dice: &mut Dice) -> Query {
    KINDS[1 + dice.below(KINDS.len() as u64 - 1) as usize].1(dice)
}

fn everything(dice: &mut Dice) -> Query {
    Query { sort: dice.sort(), ..question() }
}

fn browse(dice: &mut Dice) -> Query {
    let (category, _) = dice.kind_of_product();
    Query { category: Some(category.to_owned()), sort: dice.sort(), ..question() }
}

fn words(dice: &mut Dice) -> Query {
    let (_, thing) = dice.kind_of_product();
    let text = match dice.below(4) {
        0 => format!("{thing} "),
        1 => format!("{} {thing}", dice.one_of(&QUALITIES)),
        2 => format!("{} {thing}", brand(dice.below(BRANDS))),
        _ => format!("{} {} {thing}", dice.one_of(&QUALITIES), dice.one_of(&USES)),
    };
    Query { text: Some(text), ..question() }
}

fn mistakes(dice: &mut Dice) -> Query {
    let (_, thing) = dice.kind_of_product();
    let word = if dice.below(2) == 0 { dice.one_of(&QUALITIES) } else { dice.one_of(&USES) };
    let mut letters: Vec<char> = word.chars().collect();
    let place = 1 + dice.below(letters.len() as u64 - 1) as usize;
    letters[place] = 'q';
    Query { text: Some(format!("{} {thing}", letters.iter().collect::<String>())), ..question() }
}

fn unfinished(dice: &mut Dice) -> Query {
    let word = if dice.below(2) == 0 { dice.one_of(&QUALITIES) } else { dice.one_of(&USES) };
    let length = 2 + dice.below(word.len() as u64 - 2) as usize;
    Query { text: Some(word[..length].to_owned()), ..question() }
}

fn filtered(dice: &mut Dice) -> Query {
    let mut filters = BTreeMap::new();
    let brands = (0..1 + dice.below(3)).map(|_| brand(dice.below(BRANDS / 10))).collect();
    filters.insert("brand".to_owned(), brands);
    filters.insert("attr.grade".to_owned(), vec![(1 + dice.below(5)).to_string()]);
    let price = dice.below(20_000) as i64;
    let stock = (dice.below(2) == 0).then_some(true);
    Query { filters, price_min: Some(price), price_max: Some(price + 30_000), in_stock: stock, ..words(dice) }
}

fn by_price(dice: &mut Dice) -> Query {
    Query { sort: if dice.below(2) == 0 { Sort::PriceAsc } else { Sort::PriceDesc }, ..words(dice) }
}

fn question() -> Query {
    Query {
        locale: "en-GB".to_owned(),
        fallback_locales: vec!["en".to_owned()],
        currency: Some("GBP".to_owned()),
        ..Query::default()
    }
}

const BRANDS: u64 = 400;
const QUALITIES: [&str; 24] = [
    "classic", "lite", "players", "club", "junior", "senior", "premium", "elite", "vintage", "heritage",
    "titan", "thunder", "rapid", "shadow", "storm", "legend", "pioneer", "summit", "meridian", "falcon",
    "cobalt", "crimson", "ivory", "emerald",
];
const USES: [&str; 8] =
    ["training", "matchday", "indoor", "keeping", "batting", "touring", "league", "practice"];
const KINDS_OF_PRODUCT: [(&str, &str); 12] = [
    ("bats/english-willow", "bat"),
    ("bats/kashmir-willow", "bat"),
    ("pads/batting", "pads"),
    ("pads/wicketkeeping", "pads"),
    ("gloves/batting", "gloves"),
    ("gloves/wicketkeeping", "gloves"),
    ("helmets/adult", "helmet"),
    ("balls/leather", "ball"),
    ("balls/practice", "ball"),
    ("bags/wheelie", "bag"),
    ("clothing/whites", "shirt"),
    ("kits/junior", "kit"),
];
const HINDI: [&str; 6] = ["बल्ला", "पैड", "दस्ताने", "हेलमेट", "गेंद", "थैला"];
const TEXT: [&str; 16] = [
    "made",
    "balanced",
    "pickup",
    "sweet",
    "spot",
    "edges",
    "handle",
    "grip",
    "stitched",
    "leather",
    "foam",
    "protection",
    "ventilated",
    "lightweight",
    "durable",
    "comfort",
];

fn brand(number: u64) -> String {
    let starts = ["Cre", "Long", "Gul", "Mid", "Pop", "Bou", "Sta", "Wil", "Cov", "Sli"];
    let ends = ["ase", "stop", "ly", "wicket", "ping", "dary", "mer", "low", "er", "per"];
    let (start, end) = (number % 10, number / 10 % 10);
    format!(
        "{}{}{}",
        starts[start as usize],
        ends[end as usize],
        ["", "on", "ex", "um"][(number / 100) as usize]
    )
}

fn document(number: u32) -> Document {
    let mut dice = Dice(u64::from(number) * 31 + 5);
    let (category, thing) = dice.kind_of_product();
    // A few brands are most of the range, as in a shop.
    let brand = brand(dice.below(BRANDS).min(dice.below(BRANDS)).min(dice.below(BRANDS)));
    let (quality, usage) = (dice.one_of(&QUALITIES), dice.one_of(&USES));
    let description: Vec<&str> = (0..40).map(|_| dice.one_of(&TEXT)).collect();
    let mut attributes: BTreeMap<String, Vec<AttributeValue>> = BTreeMap::new();
    let mut terms = |name: &str, value: String| {
        attributes.insert(name.to_owned(), vec![AttributeValue::Term(value)]);
    };
    terms("grade", (1 + dice.below(5)).to_string());
    terms("weight_class", ["light", "medium", "heavy"][dice.below(3) as usize].to_owned());
    terms("colour", format!("colour-{}", dice.below(20)));
    terms("size", format!("size-{}", dice.below(12)));
    terms("hand", ["left", "right"][dice.below(2) as usize].to_owned());
    terms("material", format!("material-{}", dice.below(30)));
    let weights = (0..3).map(|_| 1_000 + dice.below(400) as i64);
    let weights = weights.map(|value| AttributeValue::Number { value, unit: "g".to_owned() }).collect();
    attributes.insert("weight".to_owned(), weights);
    let english = format!("{brand} {quality} {usage} {thing} {}", number / 7);
    let hindi = format!("{brand} {} {}", HINDI[dice.below(6) as usize], number / 7);
    let text = |pairs: [(&str, String); 2]| -> Texts {
        pairs.into_iter().map(|(locale, text)| (locale.to_owned(), text)).collect()
    };
    Document {
        number,
        id: format!("product_{number:026}"),
        stored: vec![b'x'; 500],
        name: text([("en-GB", english), ("hi-IN", hindi)]),
        description: [("en-GB".to_owned(), description.join(" "))].into(),
        keywords: Texts::new(),
        skus: (0..3).map(|variant| format!("SKU-{number}-{variant}")).collect(),
        brand: Some(brand),
        categories: vec![category.to_owned()],
        attributes,
        newest: 1_700_000_000_000 + dice.below(1 << 36) as i64,
        popularity: dice.below(5_000),
    }
}

fn columns(number: u32) -> ColumnRow {
    let mut dice = Dice(u64::from(number) * 17 + 3);
    let available = dice.below(10) > 0;
    ColumnRow {
        number,
        prices: [("GBP".to_owned(), Price::flat(500 + dice.below(50_000) as i64))].into(),
        available,
        availability: u8::from(!available),
        rating: (dice.below(2) == 0).then(|| Rating {
            average_hundredths: 200 + dice.below(300) as u16,
            count: dice.below(90) as u32,
        }),
        popularity: None,
    }
}

/// Repeatable, so that two runs ask the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u64) as usize]
    }

    fn kind_of_product(&mut self) -> (&'static str, &'static str) {
        KINDS_OF_PRODUCT[self.below(KINDS_OF_PRODUCT.len() as u64) as usize]
    }

    fn sort(&mut self) -> Sort {
        [Sort::Relevance, Sort::PriceAsc, Sort::Newest, Sort::Rating, Sort::Name][self.below(5) as usize]
    }
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

fn tempfile_dir() -> Fallible<std::path::PathBuf> {
    let dir = std::env::temp_dir().join(format!("gearify-throughput-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

fn disk_mib(dir: &std::path::Path) -> Fallible<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => disk_mib(&entry.path())? << 20,
            false => entry.metadata()?.len(),
        };
    }
    Ok(bytes >> 20)
}

/// Of this process, by the kernel's own account; 0 where there is none to read.
fn resident_mib() -> Fallible<i64> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
    Ok(kib.unwrap_or(0) >> 10)
}

/// Of this process so far, in the kernel's hundredths of a second; 0 where there is none to read.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time are the 14th and 15th field, the 12th and 13th after the name.
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
