//! The list of products.

use super::name_of;
use super::prices::everyday;
use crate::console::done::Done;
use crate::console::lists::{list_problem, pager};
use crate::console::typed::Typed;
use crate::console::view::form::Choice;
use crate::console::view::{
    Action, Bulk, Cell, Chip, Column, Direction, Field, Filter, Link, Notice, Page, Row, Search, Tab, Table,
    Tone,
};
use crate::console::visit::{Visit, may, refused, see_many, settings, words};
use crate::console::words::{Words, product_badge};
use crate::gate::Call;
use crate::ports_lists::{ListFrom, PageRequest, ProductQuery, ProductRow, ProductSort};
use crate::problem::Problem;
use crate::read::stock::Needs;
use axum::response::Response;
use gearify_commerce::catalog::{self, Command, ProductStatus, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::ProductsWrite;
use gearify_commerce::tenants::Settings;
use gearify_commerce::{Locale, ProductId, ReadScope};

const ROWS: usize = 50;
const STATUSES: [ProductStatus; 3] = [ProductStatus::Active, ProductStatus::Draft, ProductStatus::Archived];
const SORTS: [(ProductSort, &str, &str); 3] = [
    (ProductSort::Updated, "updated", "Changed last"),
    (ProductSort::Name, "name", "By name"),
    (ProductSort::Newest, "newest", "Newest first"),
];

struct Ask {
    text: String,
    status: Vec<ProductStatus>,
    sort: ProductSort,
}

impl Ask {
    fn read(visit: &Visit) -> Ask {
        let known = |text: &String| STATUSES.into_iter().find(|status| status.as_str() == text);
        let sort = SORTS
            .iter()
            .find(|(_, word, _)| *word == visit.get("sort"))
            .map_or(ProductSort::default(), |s| s.0);
        Ask {
            text: visit.get("q").to_owned(),
            status: visit.all("status").iter().filter_map(known).collect(),
            sort,
        }
    }

    fn href(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            pairs.append_pair("q", &self.text);
        }
        pairs.extend_pairs(self.status.iter().map(|status| ("status", status.as_str())));
        if self.sort != ProductSort::default() {
            let word = SORTS.iter().find(|(sort, ..)| *sort == self.sort).map_or("", |found| found.1);
            pairs.append_pair("sort", word);
        }
        match pairs.finish() {
            query if query.is_empty() => "/console/products".to_owned(),
            query => format!("/console/products?{query}"),
        }
    }

    fn query(&self, cursor: &str) -> ProductQuery {
        let from = if cursor.is_empty() { ListFrom::Start } else { ListFrom::Cursor(cursor.to_owned()) };
        ProductQuery {
            text: Some(self.text.clone()).filter(|text| !text.is_empty()),
            status: self.status.clone(),
            sort: self.sort,
            page: PageRequest { limit: ROWS, from },
        }
    }
}

pub async fn list_products_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = Ask::read(&visit);
    let lists = call.state().lists.clone();
    let found = lists.products(call.tenant(), ask.query(visit.get("cursor"))).await.map_err(list_problem)?;
    let may_write = may(call, ProductsWrite);
    let mut table = table(call, &found.data)?;
    table.columns[NAME] = sorting(Column::new("Product"), &ask, ProductSort::Name, Direction::Up);
    table.columns[CHANGED] =
        sorting(Column::new("Changed").minor(), &ask, ProductSort::Updated, Direction::Down);
    table.pager = Some(pager(&found, &ask.href(), "product", "products"));
    table.filter = Some(filter(&ask));
    table.bulk = may_write.then(|| Bulk {
        action: "/console/products/many".to_owned(),
        buttons: vec![
            ("publish".to_owned(), "Publish".to_owned()),
            ("unpublish".to_owned(), "Take off".to_owned()),
            ("archive".to_owned(), "Archive".to_owned()),
        ],
        noun: "products".to_owned(),
    });
    let mut page = Page::new("Products");
    table.empty = match ask.text.is_empty() && ask.status.is_empty() {
        true => "No products yet.".to_owned(),
        false => "No product fits. Look at the spelling, or take a filter off.".to_owned(),
    };
    if may_write {
        page = page
            .action(Action::go("Import", "/console/import"))
            .primary(Action::go("New product", "/console/products/new"));
        table.empty_action = Some(Action::go("New product", "/console/products/new"));
    }
    Ok(visit.show(&page.part(table)))
}

/// Places of the columns that sort.
const NAME: usize = 1;
const CHANGED: usize = 7;

fn sorting(column: Column, ask: &Ask, sort: ProductSort, direction: Direction) -> Column {
    let sorted = Ask { text: ask.text.clone(), status: ask.status.clone(), sort };
    column.sorts(sorted.href(), (ask.sort == sort).then_some(direction))
}

fn table(call: &Call, products: &[ProductRow]) -> Result<Table, Problem> {
    let words = words(call)?;
    let settings = settings(call)?;
    let locale = settings.locale.clone();
    let columns = vec![
        Column::new("Picture"),
        Column::new("Product"),
        Column::new("Status"),
        Column::new("Type").minor(),
        Column::number("Variants").minor(),
        Column::number("Price"),
        Column::number("Available"),
        Column::new("Changed").minor(),
    ];
    let rows = call.read(GroupKind::Catalogue, |view| {
        let row = |product: &ProductRow| {
            let record = catalog::product(view, product.id);
            let lead = record.as_ref().and_then(|record| catalog::lead_media(view, record, None));
            let kind =
                record.as_ref().and_then(|record| catalog::product_type(view, &record.details.product_type));
            let kind =
                kind.map_or(String::new(), |kind| kind.details.name.words(&locale, &locale).to_owned());
            let name = record.as_ref().map_or(product.name.clone(), |record| name_of(record, &locale));
            let href = format!("/console/products/{}", product.id);
            let variants = catalog::live_variants_of(view, product.id);
            let needs: Vec<Needs> = variants.iter().map(Needs::of).collect();
            let row = Row::new(vec![
                Cell::Picture(lead.map(|media| super::pictures::thumb(&media, &locale))),
                Cell::LinkLines(Link::new(named(name), href.clone()), product.slug.clone()),
                Cell::badge(product_badge(product.status)),
                Cell::Text(kind),
                Cell::Text(product.variants.to_string()),
                Cell::Text(price_words(view, settings, &words, &variants)),
                Cell::Text(String::new()),
                words.time(product.updated_at),
            ])
            .id(product.id)
            .href(href)
            .dim(product.status == ProductStatus::Archived);
            (row, needs)
        };
        products.iter().map(row).collect::<Vec<_>>()
    });
    let rows = call.read(GroupKind::Region, |region| {
        let stocked = |(mut row, needs): (Row, Vec<Needs>)| {
            let pieces = needs.iter().map(|needs| needs.pieces(region)).sum();
            row.cells[AVAILABLE] = Cell::Text(words.count(pieces));
            row
        };
        rows.into_iter().map(stocked).collect::<Vec<_>>()
    });
    Ok(Table::new("Products", columns).rows(rows))
}

/// The column that the selling place fills, after what the catalogue has.
const AVAILABLE: usize = 6;

/// From the lowest to the highest everyday price in the shop's own currency.
fn price_words(view: &ReadScope<'_>, settings: &Settings, words: &Words, variants: &[Variant]) -> String {
    let everyday = variants.iter().filter_map(|variant| {
        let prices = everyday(view, variant.id, settings);
        prices.into_iter().find(|price| price.currency == settings.currency).map(|price| price.amount)
    });
    let prices: Vec<i64> = everyday.collect();
    let money = |minor: &i64| words.money(*minor, settings.currency);
    match (prices.iter().min(), prices.iter().max()) {
        (Some(low), Some(high)) if low == high => money(low),
        (Some(low), Some(high)) => format!("{} – {}", money(low), money(high)),
        _ => "No price".to_owned(),
    }
}

fn named(name: String) -> String {
    if name.is_empty() { "Without a name".to_owned() } else { name }
}

fn filter(ask: &Ask) -> Filter {
    let tab = |label: &str, status: Vec<ProductStatus>| {
        let current = ask.status == status && ask.text.is_empty();
        let view = Ask { text: String::new(), status, sort: ProductSort::default() };
        Tab { label: label.to_owned(), href: view.href(), current }
    };
    let mut tabs = vec![tab("All", Vec::new())];
    tabs.extend(STATUSES.map(|status| tab(&product_badge(status).label, vec![status])));
    let mut chips = Vec::new();
    if !ask.text.is_empty() {
        let without = Ask { text: String::new(), status: ask.status.clone(), sort: ask.sort };
        chips.push(Chip { label: format!("“{}”", ask.text), href: without.href() });
    }
    let sorts = SORTS.map(|(sort, word, label)| Choice::new(word, label).chosen(sort == ask.sort));
    Filter {
        action: "/console/products".to_owned(),
        tabs,
        search: Some(Search {
            label: "Name or SKU".to_owned(),
            value: ask.text.clone(),
            hint: String::new(),
        }),
        chips,
        clear: "/console/products".to_owned(),
        fields: vec![Field::select("sort", "Order", sorts.to_vec())],
        hidden: ask.status.iter().map(|status| ("status".to_owned(), status.as_str().to_owned())).collect(),
    }
}

/// The ticked products, one after another; what is refused is named and the others go on.
pub async fn change_many_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let locale: Locale = settings(&call)?.locale.clone();
    let (mut changed, mut refusals) = (0, Vec::new());
    for text in typed.all("ids").iter().take(ROWS) {
        let Ok(product) = ProductId::parse(text) else { continue };
        let command = match typed.get("action") {
            "publish" => Command::PublishProduct { product, expected: None },
            "unpublish" => Command::UnpublishProduct { product, expected: None },
            "archive" => Command::ArchiveProduct { product, expected: None },
            _ => return Err(Problem::not_found("action")),
        };
        match call.submit(command).await {
            Ok(_) => changed += 1,
            Err(problem) if problem.status().is_server_error() => return Err(problem),
            Err(problem) => {
                let known = call.read(GroupKind::Catalogue, |view| catalog::product(view, product));
                let name = known.map_or_else(|| text.clone(), |product| name_of(&product, &locale));
                let said = problem.detail_text().map(str::to_owned);
                let said = said.or_else(|| problem.errors().first().map(|error| error.detail.clone()));
                refusals
                    .push(format!("{name}: {}", said.unwrap_or_else(|| problem.kind().meaning().to_owned())));
            }
        }
    }
    if !refusals.is_empty() {
        let notice = Notice::new(Tone::Warn, format!("{} changed, {} not.", changed, refusals.len()));
        let page = Page::new("Not all were changed")
            .under("Products", "/console/products")
            .part(notice.text(refusals.join(" ")));
        return Ok(refused(&call, &page));
    }
    let done = match typed.get("action") {
        "publish" => Done::Published,
        "unpublish" => Done::Unpublished,
        _ => Done::Archived,
    };
    Ok(match changed {
        0 => crate::console::visit::go("/console/products"),
        changed => see_many("/console/products", done, changed),
    })
}
