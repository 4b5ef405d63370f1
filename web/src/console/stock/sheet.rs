//! Prices and stock as a sheet: a row for each variant, a cell for each price and level, saved together.
//!
//! Only cells that were changed are written. A cell that somebody else changed meanwhile is refused and shows
//! what it holds now; the others are saved. What a kit has in stock is what its parts have, so it has no cell.

use crate::console::done::Done;
use crate::console::lists::query_of;
use crate::console::products::ask::ProductAsk;
use crate::console::products::{find, prices};
use crate::console::typed::Typed;
use crate::console::view::form::{Section, Submit};
use crate::console::view::{Action, Cell, Column, Field, Form, Page, Part};
use crate::console::visit::{Visit, may, refused, see_many, settings, words};
use crate::console::words::{counted, parse_money, typed_money};
use crate::console::wrong::{Wrong, sentence};
use crate::gate::Call;
use crate::ports_lists::{ListFrom, ProductSort};
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog::{self, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, Command, ON_HAND_MAX, Reason, Warehouse};
use gearify_commerce::staff::Permission::ProductsWrite;
use gearify_commerce::{Currency, VariantId, WarehouseId};

/// Products of a page; each has a few variants.
const PRODUCTS: usize = 20;
const ROWS_MAX: usize = 200;
/// More warehouses than fit side by side are counted item by item.
const WAREHOUSES_MAX: usize = 4;

const PATH: &str = "/console/stock/sheet";

/// What a row holds.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    price: Option<i64>,
    before: Option<i64>,
    /// By warehouse in the sheet's order; `None` where nothing was counted.
    on_hand: Vec<Option<i64>>,
}

struct Line {
    variant: Variant,
    product: String,
    held: Held,
}

impl Line {
    fn id(&self) -> VariantId {
        self.variant.id
    }

    fn price_field(&self) -> String {
        format!("price.{}", self.id())
    }

    fn before_field(&self) -> String {
        format!("before.{}", self.id())
    }

    fn hand_field(&self, warehouse: WarehouseId) -> String {
        format!("hand.{}.{warehouse}", self.id())
    }
}

struct Sheet {
    ask: ProductAsk,
    cursor: String,
    lines: Vec<Line>,
    warehouses: Vec<Warehouse>,
    currency: Currency,
    next: Option<String>,
    previous: Option<String>,
    may_price: bool,
}

impl Sheet {
    /// The variants of a page of products, or those that a form had: the list may have moved on since.
    async fn read(visit: &Visit, rows: Option<&[VariantId]>) -> Result<Sheet, Problem> {
        let call = &visit.call;
        let mut ask = ProductAsk::read(visit);
        if ask.sort == ProductSort::Updated {
            // Saving would move rows about.
            ask.sort = ProductSort::Name;
        }
        let cursor = visit.get("cursor").to_owned();
        let from = if cursor.is_empty() { ListFrom::Start } else { ListFrom::Cursor(cursor.clone()) };
        let (found, next, previous) = match rows {
            Some(_) => (Vec::new(), None, None),
            None => {
                let found = find(call, &ask, PRODUCTS, from).await?;
                (found.data, found.next_cursor, found.prev_cursor)
            }
        };
        let settings = settings(call)?;
        let (currency, locale) = (settings.currency, &settings.locale);
        let mut warehouses = call.read(GroupKind::Region, |view| inventory::warehouses(view));
        warehouses.retain(|warehouse| warehouse.active);
        warehouses.truncate(WAREHOUSES_MAX);
        let mut lines: Vec<Line> = call.read(GroupKind::Catalogue, |view| {
            let named = |id| {
                let product = catalog::product(view, id);
                product.map_or(String::new(), |product| product.details.name.words(locale, locale).to_owned())
            };
            let line = |variant: Variant| {
                let own = prices::everyday(view, variant.id, settings);
                let own = own.into_iter().find(|price| price.currency == currency);
                let held = Held {
                    price: own.map(|price| price.amount),
                    before: own.and_then(|price| price.compare_at),
                    on_hand: Vec::new(),
                };
                Line { product: named(variant.product), variant, held }
            };
            let asked = rows.into_iter().flatten().filter_map(|id| catalog::variant(view, *id));
            let found = found.iter().flat_map(|row| catalog::live_variants_of(view, row.id));
            asked.chain(found).take(ROWS_MAX).map(line).collect()
        });
        call.read(GroupKind::Region, |view| {
            for line in lines.iter_mut().filter(|line| !line.variant.is_kit()) {
                let levels = inventory::levels(view, Variant::own_stock_item(line.variant.id));
                let on_hand = |warehouse: &Warehouse| levels.get(&warehouse.id).map(|level| level.on_hand);
                line.held.on_hand = warehouses.iter().map(on_hand).collect();
            }
        });
        let may_price = may(call, ProductsWrite);
        Ok(Sheet { ask, cursor, lines, warehouses, currency, next, previous, may_price })
    }

    /// The sheet's own address, or that of its neighbour.
    fn href(&self, cursor: &str) -> String {
        let address = self.ask.address(PATH);
        if cursor.is_empty() {
            return address;
        }
        let joint = if address.contains('?') { '&' } else { '?' };
        let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        format!("{address}{joint}cursor={cursor}")
    }

    fn form(&self, call: &Call) -> Result<Form, Problem> {
        let sign = words(call)?.sign(self.currency);
        let mut columns = vec![
            Column::new("Product"),
            Column::number(format!("Price, {sign}")),
            Column::number(format!("Before, {sign}")),
        ];
        let on_hand = |warehouse: &Warehouse| Column::number(format!("On hand, {}", warehouse.name));
        columns.extend(self.warehouses.iter().map(on_hand));
        let rows = self.lines.iter().map(|line| self.cells(line)).collect();
        let here = self.href(&self.cursor);
        let mut form = Form::post("sheet", PATH).hidden("query", query_of(&here)).guarded();
        for line in &self.lines {
            form = form.hidden("row", line.id());
            form = form.hidden(format!("was.{}", line.id()), told(&line.held, self.currency));
        }
        Ok(form
            .intro("Paste from a spreadsheet into any cell: it fills the cells to the right and below.")
            .section(Section::default().sheet(columns, rows))
            .submit(Submit::main("Save")))
    }

    fn cells(&self, line: &Line) -> Vec<Cell> {
        let sku = &line.variant.details.sku;
        let money =
            |amount: Option<i64>| amount.map_or(String::new(), |amount| typed_money(amount, self.currency));
        let price = |name: String, label: &str, amount| match self.may_price {
            true => input(Field::number(name, format!("{label} of {sku}")).value(money(amount)).optional()),
            false => Cell::Text(money(amount)),
        };
        let mut cells = vec![
            Cell::Lines(sku.to_string(), line.product.clone()),
            price(line.price_field(), "Price", line.held.price),
            price(line.before_field(), "Price before", line.held.before),
        ];
        for (warehouse, on_hand) in self.warehouses.iter().zip(&line.held.on_hand) {
            let label = format!("On hand of {sku} in {}", warehouse.name);
            let value = on_hand.map_or(String::new(), |pieces| pieces.to_string());
            cells.push(input(Field::number(line.hand_field(warehouse.id), label).value(value).optional()));
        }
        if line.variant.is_kit() {
            cells.extend(self.warehouses.iter().map(|_| Cell::Text("A kit".to_owned())));
        }
        cells
    }

    fn page(&self, form: Form) -> Page {
        let mut page = Page::new("Prices and stock")
            .under("Stock", "/console/stock")
            .about("Of the products that the list of products shows with these filters.")
            .action(Action::go("Choose products", self.ask.href()));
        if let Some(cursor) = &self.previous {
            page = page.action(Action::go("Previous", self.href(cursor)));
        }
        if let Some(cursor) = &self.next {
            page = page.action(Action::go("Next", self.href(cursor)));
        }
        match self.lines.is_empty() {
            true => page.part(Part::Empty {
                title: "No product fits.".to_owned(),
                text: "Choose others in the list of products.".to_owned(),
                action: None,
            }),
            false => page.primary(Action::send("Save", "sheet")).part(form),
        }
    }
}

fn input(field: Field) -> Cell {
    Cell::Input(Box::new(field.quiet()))
}

/// What a row held when it was shown: `249.00;;20;-`.
fn told(held: &Held, currency: Currency) -> String {
    let money = |amount: Option<i64>| amount.map_or(String::new(), |amount| typed_money(amount, currency));
    let pieces = |on_hand: &Option<i64>| on_hand.map_or(String::new(), |pieces| pieces.to_string());
    let mut cells = vec![money(held.price), money(held.before)];
    cells.extend(held.on_hand.iter().map(pieces));
    cells.join(";")
}

/// Those who may count but not price see prices and change levels.
pub async fn sheet_page(visit: Visit) -> Result<Response, Problem> {
    let sheet = Sheet::read(&visit, None).await?;
    Ok(visit.show(&sheet.page(sheet.form(&visit.call)?)))
}

pub async fn save_sheet_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let visit = Visit::of(call, typed.get("query"));
    let call = &visit.call;
    let rows: Vec<VariantId> =
        typed.all("row").iter().filter_map(|text| VariantId::parse(text).ok()).take(ROWS_MAX).collect();
    let sheet = Sheet::read(&visit, Some(&rows)).await?;
    let mut saving = Saving { call, sheet: &sheet, typed: &typed, saved: 0, wrong: Wrong::default() };
    for line in &sheet.lines {
        saving.line(line).await?;
    }
    let Saving { saved, mut wrong, .. } = saving;
    if wrong.is_empty() {
        return Ok(see_many(&sheet.href(&sheet.cursor), Done::SheetSaved, saved));
    }
    wrong.form =
        (saved > 0).then(|| format!("{} saved.", counted(saved, "other cell was", "other cells were")));
    // As it stands now, with what was typed.
    let sheet = Sheet::read(&visit, Some(&rows)).await?;
    let form = sheet.form(call)?.filled(&typed, &wrong);
    Ok(refused(call, &sheet.page(if saved > 0 { form.headline("Not all was saved.") } else { form })))
}

struct Saving<'s> {
    call: &'s Call,
    sheet: &'s Sheet,
    typed: &'s Typed,
    saved: u64,
    wrong: Wrong,
}

impl Saving<'_> {
    fn fault(&mut self, field: String, words: &str) {
        self.wrong.fields.entry(field).or_insert_with(|| sentence(words));
    }

    /// What was typed into a cell, if it is not what was shown; `None` leaves it as it is.
    fn changed(&mut self, field: &str, shown: &str, now: &str) -> Option<String> {
        let typed = self.typed.trimmed(field).to_owned();
        if !self.typed.has(field) || typed == shown || typed == now {
            return None;
        }
        if shown != now {
            let now = if now.is_empty() { "empty" } else { now };
            self.fault(
                field.to_owned(),
                &format!(
                    "Somebody changed it meanwhile: it is {now} now. Save again to put yours in its place"
                ),
            );
            return None;
        }
        Some(typed)
    }

    async fn line(&mut self, line: &Line) -> Result<(), Problem> {
        let shown = self.typed.get(&format!("was.{}", line.id())).to_owned();
        let now = told(&line.held, self.sheet.currency);
        let (shown, now): (Vec<&str>, Vec<&str>) = (shown.split(';').collect(), now.split(';').collect());
        if shown.len() != now.len() {
            // A row that was not shown, or a warehouse that came or went: nothing was typed into it.
            return Ok(());
        }
        if self.sheet.may_price {
            self.prices(line, &shown[..2], &now[..2]).await?;
        }
        for (place, warehouse) in self.sheet.warehouses.iter().enumerate().take(line.held.on_hand.len()) {
            self.pieces(line, warehouse.id, shown[place + 2], now[place + 2]).await?;
        }
        Ok(())
    }

    async fn prices(&mut self, line: &Line, shown: &[&str], now: &[&str]) -> Result<(), Problem> {
        let (price_field, before_field) = (line.price_field(), line.before_field());
        let price = self.changed(&price_field, shown[0], now[0]);
        let before = self.changed(&before_field, shown[1], now[1]);
        if price.is_none() && before.is_none() {
            return Ok(());
        }
        let cells = u64::from(price.is_some()) + u64::from(before.is_some());
        let Some(amount) = self.amount(&price_field, price, line.held.price) else { return Ok(()) };
        let Some(compare_at) = self.amount(&before_field, before, line.held.before) else { return Ok(()) };
        let Some(amount) = amount else {
            self.fault(price_field, "A price is taken away on the variant's own page");
            return Ok(());
        };
        if compare_at.is_some_and(|before| before <= amount) {
            self.fault(before_field, "The price before is higher than the price");
            return Ok(());
        }
        let (call, settings, currency) = (self.call, settings(self.call)?, self.sheet.currency);
        let mut wanted = call.read(GroupKind::Catalogue, |view| prices::everyday(view, line.id(), settings));
        wanted.retain(|price| price.currency != currency);
        wanted.insert(0, prices::Everyday { currency, amount, compare_at });
        let saved = prices::save(call, line.id(), settings, &wanted, None).await;
        self.count(price_field, saved, cells)
    }

    /// The amount that a cell stands for; `None` where it can't be read.
    fn amount(&mut self, field: &str, typed: Option<String>, held: Option<i64>) -> Option<Option<i64>> {
        let Some(typed) = typed else { return Some(held) };
        if typed.is_empty() {
            return Some(None);
        }
        match parse_money(&typed, self.sheet.currency) {
            Ok(amount) if amount >= 0 => Some(Some(amount)),
            Ok(_) => {
                self.fault(field.to_owned(), "A price is zero or more");
                None
            }
            Err(words) => {
                self.fault(field.to_owned(), &words);
                None
            }
        }
    }

    async fn pieces(
        &mut self,
        line: &Line,
        warehouse: WarehouseId,
        shown: &str,
        now: &str,
    ) -> Result<(), Problem> {
        let field = line.hand_field(warehouse);
        let Some(typed) = self.changed(&field, shown, now) else { return Ok(()) };
        let counted: Option<i64> = typed.replace(',', "").parse().ok();
        let Some(counted) = counted.filter(|pieces| (0..=ON_HAND_MAX).contains(pieces)) else {
            self.fault(field, &format!("Write a whole number from 0 to {ON_HAND_MAX}"));
            return Ok(());
        };
        let command = Command::Adjust {
            item: Variant::own_stock_item(line.id()),
            sku: line.variant.details.sku.to_string(),
            warehouse,
            delta: counted - now.parse::<i64>().unwrap_or(0),
            reason: Reason::Counted,
        };
        let saved = self.call.submit(command).await.map(|_| ());
        self.count(field, saved, 1)
    }

    fn count(&mut self, field: String, saved: Result<(), Problem>, cells: u64) -> Result<(), Problem> {
        match saved {
            Ok(()) => self.saved += cells,
            Err(problem) => {
                let wrong = Wrong::of(problem, |_| Some(field.clone()))?;
                let words = wrong.fields.into_values().next().or(wrong.form).unwrap_or_default();
                self.fault(field, &words);
            }
        }
        Ok(())
    }
}
