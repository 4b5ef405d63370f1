//! Prices of many products at once: by how much, rounded how, and what that comes to before it is made.

use super::many::{Chosen, list_of, too_many};
use super::name_of;
use super::prices::{default_list, is_everyday};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Submit};
use crate::console::view::{
    Cell, Column, Field, FieldKind, Form, Notice, Page, Panel, Part, Row, Sum, Table, Tone,
};
use crate::console::visit::{frame, go, refused, see_many, settings, words};
use crate::console::words::{Words, counted, parse_decimal};
use crate::console::wrong::{Check, Wrong};
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::pricing::{self, Command, Price};
use gearify_commerce::{Currency, ProductId};

/// Rows of the preview; the sums are of all.
const SHOWN: usize = 50;
/// Rows of one command.
const BATCH: usize = 200;
/// A price can't fall to nothing, nor grow more than tenfold by a slip.
const BASIS_POINTS: std::ops::RangeInclusive<i64> = -9_000..=90_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    /// To the smallest coin.
    None,
    Half,
    Whole,
    /// A coin below a whole amount: `249.99`.
    Below,
    Ten,
}

impl Rounding {
    const ALL: [(Rounding, &'static str, &'static str); 5] = [
        (Rounding::None, "none", "As it comes out"),
        (Rounding::Half, "half", "To halves"),
        (Rounding::Whole, "whole", "To whole amounts"),
        (Rounding::Below, "below", "To one below whole, as 249.99"),
        (Rounding::Ten, "ten", "To tens"),
    ];

    fn parse(text: &str) -> Rounding {
        Rounding::ALL.into_iter().find(|(_, word, _)| *word == text).map_or(Rounding::None, |found| found.0)
    }

    fn round(self, amount: i64, currency: Currency) -> i64 {
        let whole = 10i64.pow(currency.exponent());
        let to = |unit: i64| (amount + unit / 2) / unit * unit;
        match self {
            Rounding::None => amount,
            Rounding::Half => to((whole / 2).max(1)),
            Rounding::Whole => to(whole),
            Rounding::Below if whole == 1 => amount,
            Rounding::Below => to(whole) - 1,
            Rounding::Ten => to(10 * whole),
        }
    }
}

/// What is to become of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    currency: Currency,
    basis_points: i64,
    rounding: Rounding,
    /// The price of before is shown struck through where the new one is lower.
    strikes: bool,
}

impl Rule {
    /// What costs something goes on costing something.
    fn amount(&self, now: i64) -> i64 {
        let scaled = (i128::from(now) * i128::from(10_000 + self.basis_points) + 5_000) / 10_000;
        let scaled = i64::try_from(scaled).unwrap_or(now);
        self.rounding.round(scaled, self.currency).max(now.signum())
    }

    fn of(&self, now: &Price) -> Price {
        let amount = self.amount(now.amount);
        let before = if self.strikes { now.compare_at.or(Some(now.amount)) } else { now.compare_at };
        Price { amount, compare_at: before.filter(|before| *before > amount), ..now.clone() }
    }
}

/// One price, now and then.
struct Turn {
    product: ProductId,
    name: String,
    sku: String,
    now: Price,
    then: Price,
}

fn turns(call: &Call, products: &[ProductId], rule: &Rule) -> Result<Vec<Turn>, Problem> {
    let locale = settings(call)?.locale.clone();
    Ok(call.read(GroupKind::Catalogue, |view| {
        let Some(list) = default_list(view, rule.currency) else { return Vec::new() };
        let mut turns = Vec::new();
        for product in products.iter().filter_map(|id| catalog::product(view, *id)) {
            for variant in catalog::live_variants_of(view, product.id) {
                let mut rows = pricing::prices_of(view, variant.id).into_iter();
                let Some(now) = rows.find(|row| row.list == list && is_everyday(row)) else { continue };
                let then = rule.of(&now);
                if then != now {
                    let sku = variant.details.sku.to_string();
                    turns.push(Turn {
                        product: product.id,
                        name: name_of(&product, &locale),
                        sku,
                        now,
                        then,
                    });
                }
            }
        }
        turns
    }))
}

/// Tells whether what is confirmed is what was shown.
fn digest(turns: &[Turn]) -> String {
    let mut hasher = blake3::Hasher::new();
    for turn in turns {
        hasher.update(&turn.now.variant.bits().to_be_bytes());
        for amount in [turn.now.amount, turn.then.amount, turn.then.compare_at.unwrap_or(0)] {
            hasher.update(&amount.to_be_bytes());
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

pub async fn reprice_page(call: &Call, typed: &Typed, chosen: &Chosen) -> Result<Response, Problem> {
    let list = list_of(call, typed);
    let products = match chosen.products(call).await? {
        Ok(products) if products.is_empty() => return Ok(go(&list)),
        Ok(products) => products,
        Err(total) => return Ok(too_many(call, &list, total)),
    };
    let many = counted(products.len() as u64, "product", "products");
    let page = Page::new(format!("Change prices of {many}")).under("Products", &list);
    let form = chosen.carried(form(call)?, typed).cancel("Leave them as they are", &list);
    if typed.get("step").is_empty() {
        return Ok(shown(call, &page.part(form)));
    }
    let rule = match rule(call, typed)? {
        Ok(rule) => rule,
        Err(wrong) => return Ok(refused(call, &page.part(form.filled(typed, &wrong)))),
    };
    let turns = turns(call, &products, &rule)?;
    let form = form.filled(typed, &Wrong::default());
    if turns.is_empty() {
        let notice = Notice::new(Tone::Plain, "No price would change.");
        return Ok(shown(call, &page.part(notice).part(form)));
    }
    if typed.get("step") == "confirm" && typed.get("seen") == digest(&turns) {
        return save(call, &turns, &list).await;
    }
    let confirm = Form::post("confirm", "/console/products/many")
        .hidden("action", "prices")
        .hidden("step", "confirm")
        .hidden("seen", digest(&turns))
        .submit(Submit::danger(format!("Change {}", counted(turns.len() as u64, "price", "prices"))))
        .cancel("Leave them as they are", &list);
    let confirm = FIELDS.iter().fold(confirm, |form, name| form.hidden(*name, typed.get(name)));
    let page = page
        .part(effect(&words(call)?, &rule, &turns).part(chosen.carried(confirm, typed)))
        .part(Panel::new("Another change").folded().part(form));
    Ok(shown(call, &page))
}

fn shown(call: &Call, page: &Page) -> Response {
    Html(page.render(&frame(call))).into_response()
}

const FIELDS: [&str; 4] = ["currency", "percent", "rounding", "strikes"];

fn form(call: &Call) -> Result<Form, Problem> {
    let settings = settings(call)?;
    let currency =
        |currency: Currency| Choice::new(currency, currency.as_str()).chosen(currency == settings.currency);
    let rounding = Rounding::ALL
        .map(|(rounding, word, label)| Choice::new(word, label).chosen(rounding == Rounding::None));
    let mut fields = vec![
        Field::number("percent", "Change by")
            .unit("%")
            .hint("5 raises by a twentieth, -10 lowers by a tenth."),
        Field::select("rounding", "Rounded", rounding.to_vec()).short(),
    ];
    let currencies: Vec<Choice> = settings.currencies().map(currency).collect();
    fields.push(match currencies.len() {
        1 => Field::new(FieldKind::Fixed, "currency", "In").value(settings.currency).short(),
        _ => Field::select("currency", "In", currencies).short(),
    });
    fields.push(Field::tick(
        "strikes",
        "Show the price of now struck through where the new one is lower",
        false,
    ));
    Ok(Form::post("prices", "/console/products/many")
        .hidden("action", "prices")
        .hidden("step", "preview")
        .fields(fields)
        .submit(Submit::main("See what it comes to")))
}

fn rule(call: &Call, typed: &Typed) -> Result<Result<Rule, Wrong>, Problem> {
    let settings = settings(call)?;
    let mut check = Check::new(typed);
    let basis_points = check.value("percent", |text| {
        let points = parse_decimal(text, 2)?;
        match BASIS_POINTS.contains(&points) && points != 0 {
            true => Ok(points),
            false => Err("Write a percentage from -90 to 900, and not 0".to_owned()),
        }
    });
    let named = settings.currencies().find(|currency| currency.as_str() == typed.get("currency"));
    let currency = named.unwrap_or(settings.currency);
    let (rounding, strikes) = (Rounding::parse(typed.get("rounding")), typed.is_ticked("strikes"));
    Ok(check.done(basis_points.map(|basis_points| Rule { currency, basis_points, rounding, strikes })))
}

fn effect(words: &Words, rule: &Rule, turns: &[Turn]) -> Panel {
    let money = |minor: i64| words.money(minor, rule.currency);
    let signed = |minor: i64| if minor > 0 { format!("+{}", money(minor)) } else { money(minor) };
    let by = |turn: &Turn| turn.then.amount - turn.now.amount;
    let columns = vec![
        Column::new("Product"),
        Column::new("SKU"),
        Column::number("Now"),
        Column::number("Then"),
        Column::number("By"),
        Column::number("Struck through").minor(),
    ];
    let rows = turns.iter().take(SHOWN).map(|turn| {
        Row::new(vec![
            Cell::link(turn.name.clone(), super::path_of(turn.product)),
            Cell::Text(turn.sku.clone()),
            Cell::Text(money(turn.now.amount)),
            Cell::Text(money(turn.then.amount)),
            Cell::Text(signed(by(turn))),
            Cell::Text(turn.then.compare_at.map_or(String::new(), money)),
        ])
    });
    let lowest = turns.iter().map(by).min().unwrap_or(0);
    let highest = turns.iter().map(by).max().unwrap_or(0);
    let sums = vec![
        Sum::new("Prices that change", turns.len().to_string()).strong(),
        Sum::new("From", signed(lowest)),
        Sum::new("To", signed(highest)),
    ];
    let note = match turns.len() > SHOWN {
        true => format!("The first {SHOWN} of {}. Orders that are placed keep their prices.", turns.len()),
        false => "Orders that are placed keep their prices.".to_owned(),
    };
    Panel::new("What it comes to")
        .note(note)
        .part(Part::Sums(sums))
        .part(Table::new("Prices, now and then", columns).rows(rows))
}

async fn save(call: &Call, turns: &[Turn], list: &str) -> Result<Response, Problem> {
    for batch in turns.chunks(BATCH) {
        let prices = batch.iter().map(|turn| turn.then.clone()).collect();
        call.submit(Command::SetPrices { prices }).await?;
    }
    Ok(see_many(list, Done::Priced, turns.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_changes_by_its_rule_and_never_to_nothing() {
        let rule =
            |basis_points, rounding| Rule { currency: Currency::GBP, basis_points, rounding, strikes: false };
        let cases = [
            (24_900, -1_000, Rounding::None, 22_410),
            (24_999, 333, Rounding::None, 25_831),
            (24_900, -1_000, Rounding::Half, 22_400),
            (24_900, 500, Rounding::Whole, 26_100),
            (24_900, 500, Rounding::Below, 26_099),
            (24_900, 500, Rounding::Ten, 26_000),
            (30, -5_000, Rounding::Whole, 1),
            (0, 500, Rounding::Below, 0),
        ];
        for (now, basis_points, rounding, then) in cases {
            assert_eq!(
                rule(basis_points, rounding).amount(now),
                then,
                "{now} by {basis_points}, {rounding:?}"
            );
        }
        let yen = Rule { currency: Currency::JPY, ..rule(1_000, Rounding::Below) };
        assert_eq!(yen.amount(1_235), 1_359, "there is no coin below the yen");
    }
}
