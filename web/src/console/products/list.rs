//! The list of products, and the same as a file.

use super::ask::{COLUMNS, ProductAsk, ROWS, SORTS, STATUSES};
use super::name_of;
use super::prices::everyday;
use crate::api::csv_file::{cell, csv_answer, line};
use crate::console::lists::{self, list_problem, pager};
use crate::console::range::in_tree_order;
use crate::console::view::form::Choice;
use crate::console::view::{
    Action, Bulk, Cell, Chip, Column, Direction, Field, FieldKind, Filter, Link, Page, Row, Search, Tab,
    Table,
};
use crate::console::views;
use crate::console::visit::{Visit, may, settings, words};
use crate::console::words::{Words, product_badge, typed_money};
use crate::gate::Call;
use crate::ports_lists::{ListFrom, ListPage, NUMBERED_ROWS_MAX, ProductRow, ProductSort};
use crate::problem::Problem;
use crate::read::moment;
use crate::read::stock::Needs;
use axum::body::Body;
use axum::response::Response;
use gearify_commerce::catalog::{self, Category, Product, ProductStatus, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::{ProductsWrite, StockWrite};
use gearify_commerce::staff::ViewList;
use gearify_commerce::tenants::Settings;
use gearify_commerce::{Locale, ReadScope};

/// What the shop files products under, to choose from.
struct Shelves {
    /// Code and name.
    kinds: Vec<(String, String)>,
    categories: Vec<Category>,
}

impl Shelves {
    fn read(call: &Call, locale: &Locale) -> Shelves {
        call.read(GroupKind::Catalogue, |view| {
            let kinds = catalog::product_types(view).into_iter();
            let kinds = kinds.map(|kind| {
                (kind.details.code.to_string(), kind.details.name.words(locale, locale).to_owned())
            });
            let mut categories = Vec::new();
            in_tree_order(catalog::category_tree(view), &mut categories);
            Shelves { kinds: kinds.collect(), categories }
        })
    }
}

pub async fn list_products_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = ProductAsk::read(&visit);
    let from = match visit.get("cursor") {
        "" => ListFrom::Start,
        cursor => ListFrom::Cursor(cursor.to_owned()),
    };
    let found = find(call, &ask, ROWS, from).await?;
    let may_write = may(call, ProductsWrite);
    let locale = settings(call)?.locale.clone();
    let shelves = Shelves::read(call, &locale);
    let mut table = table(call, &found.data)?;
    table.columns[NAME] = sorting(Column::new("Product"), &ask, ProductSort::Name, Direction::Up);
    table.columns[CHANGED] =
        sorting(Column::new("Changed").minor(), &ask, ProductSort::Updated, Direction::Down);
    table.columns[MADE] = sorting(Column::new("Made"), &ask, ProductSort::Newest, Direction::Down);
    let mut table = ask.columns.of(table, &COLUMNS);
    table.pager = Some(pager(&found, &ask.href(), "product", "products"));
    let filter = filter(&ask, &shelves, &locale);
    table.filter = Some(views::keep(call, ViewList::Products, &ask.href(), filter));
    table.bulk = may_write.then(|| bulk(&ask, &found));
    let mut page = Page::new("Products");
    table.empty = match ask.is_filtered() {
        false => "No products yet.".to_owned(),
        true => "No product fits. Look at the spelling, or take a filter off.".to_owned(),
    };
    if !table.rows.is_empty() {
        page = page.action(Action::go("Export these", ask.address("/console/products/export")));
    }
    if may(call, StockWrite) && !table.rows.is_empty() {
        page = page.action(Action::go("As a sheet", ask.address("/console/stock/sheet")));
    }
    if may_write {
        page = page
            .action(Action::go("Import", "/console/import"))
            .primary(Action::go("New product", "/console/products/new"));
        table.empty_action = Some(Action::go("New product", "/console/products/new"));
    }
    Ok(visit.show(&page.part(table)))
}

/// One page of the products that are asked for.
///
/// # Errors
/// `unknown-parameter` for a cursor of another list.
pub async fn find(
    call: &Call,
    ask: &ProductAsk,
    limit: usize,
    from: ListFrom,
) -> Result<ListPage<ProductRow>, Problem> {
    let query = call.read(GroupKind::Catalogue, |view| ask.page(view, limit, from));
    call.state().lists.clone().products(call.tenant(), query).await.map_err(list_problem)
}

fn bulk(ask: &ProductAsk, found: &ListPage<ProductRow>) -> Bulk {
    let buttons = [
        ("publish", "Publish"),
        ("unpublish", "Take off"),
        ("archive", "Archive"),
        ("prices", "Change prices"),
    ];
    lists::bulk(found, "products", ask.query_text(), &buttons)
}

/// Places of the columns that sort, and of the one that the selling place fills, after what the catalogue has.
const NAME: usize = 1;
const AVAILABLE: usize = 6;
const CHANGED: usize = 7;
const MADE: usize = 10;

fn sorting(column: Column, ask: &ProductAsk, sort: ProductSort, direction: Direction) -> Column {
    let sorted = ProductAsk { sort, ..ask.clone() };
    column.sorts(sorted.href(), (ask.sort == sort).then_some(direction))
}

/// A product as rows and files tell of it.
struct Told {
    row: ProductRow,
    record: Option<Product>,
    name: String,
    kind: String,
    categories: String,
    /// Lowest and highest everyday price in the shop's own currency.
    price: Option<(i64, i64)>,
    picture: Option<crate::console::view::Picture>,
    available: i64,
}

fn tell(call: &Call, settings: &Settings, products: &[ProductRow]) -> Vec<Told> {
    let locale = &settings.locale;
    let told: Vec<(Told, Vec<Needs>)> = call.read(GroupKind::Catalogue, |view| {
        let one = |product: &ProductRow| {
            let record = catalog::product(view, product.id);
            let lead = record.as_ref().and_then(|record| catalog::lead_media(view, record, None));
            let kind =
                record.as_ref().and_then(|record| catalog::product_type(view, &record.details.product_type));
            let kind = kind.map_or(String::new(), |kind| kind.details.name.words(locale, locale).to_owned());
            let categories = record.iter().flat_map(|record| &record.details.categories);
            let categories = categories.filter_map(|id| catalog::category(view, *id));
            let categories: Vec<String> =
                categories.map(|category| category.details.name.words(locale, locale).to_owned()).collect();
            let variants = catalog::live_variants_of(view, product.id);
            let told = Told {
                name: record.as_ref().map_or(product.name.clone(), |record| name_of(record, locale)),
                row: product.clone(),
                kind,
                categories: categories.join(", "),
                price: price_range(view, settings, &variants),
                picture: lead.map(|media| super::pictures::thumb(&media, locale)),
                record,
                available: 0,
            };
            (told, variants.iter().map(Needs::of).collect())
        };
        products.iter().map(one).collect()
    });
    call.read(GroupKind::Region, |region| {
        let stocked = |(told, needs): (Told, Vec<Needs>)| {
            let available = needs.iter().map(|needs| needs.pieces(region)).sum();
            Told { available, ..told }
        };
        told.into_iter().map(stocked).collect()
    })
}

fn table(call: &Call, products: &[ProductRow]) -> Result<Table, Problem> {
    let words = words(call)?;
    let settings = settings(call)?;
    let numbers = ["variants", "price", "available"];
    let minor = ["type", "variants", "changed"];
    let columns = COLUMNS.map(|column| {
        let made = if numbers.contains(&column.word) {
            Column::number(column.label)
        } else {
            Column::new(column.label)
        };
        if minor.contains(&column.word) { made.minor() } else { made }
    });
    let rows = tell(call, settings, products).into_iter().map(|told| {
        let Told { row, record, name, .. } = told;
        let href = format!("/console/products/{}", row.id);
        let brand = record.as_ref().and_then(|record| record.details.brand.as_ref());
        let mut cells = vec![
            Cell::Picture(told.picture),
            Cell::LinkLines(Link::new(named(name), href.clone()), row.slug.clone()),
            Cell::badge(product_badge(row.status)),
            Cell::Text(told.kind),
            Cell::Text(row.variants.to_string()),
            Cell::Text(price_words(told.price, settings, &words)),
            Cell::Text(String::new()),
            words.time(row.updated_at),
            Cell::Text(brand.map_or(String::new(), ToString::to_string)),
            Cell::Text(told.categories),
            record.map_or(Cell::Text(String::new()), |record| words.time(record.created_at)),
        ];
        cells[AVAILABLE] = Cell::Text(words.count(told.available));
        Row::new(cells).id(row.id).href(href).dim(row.status == ProductStatus::Archived)
    });
    Ok(Table::new("Products", columns.to_vec()).rows(rows))
}

fn price_range(view: &ReadScope<'_>, settings: &Settings, variants: &[Variant]) -> Option<(i64, i64)> {
    let everyday = variants.iter().filter_map(|variant| {
        let prices = everyday(view, variant.id, settings);
        prices.into_iter().find(|price| price.currency == settings.currency).map(|price| price.amount)
    });
    let prices: Vec<i64> = everyday.collect();
    Some((*prices.iter().min()?, *prices.iter().max()?))
}

fn price_words(price: Option<(i64, i64)>, settings: &Settings, words: &Words) -> String {
    let money = |minor: i64| words.money(minor, settings.currency);
    match price {
        Some((low, high)) if low == high => money(low),
        Some((low, high)) => format!("{} – {}", money(low), money(high)),
        None => "No price".to_owned(),
    }
}

fn named(name: String) -> String {
    if name.is_empty() { "Without a name".to_owned() } else { name }
}

fn filter(ask: &ProductAsk, shelves: &Shelves, locale: &Locale) -> Filter {
    let tab = |label: &str, status: Vec<ProductStatus>| {
        let view = ProductAsk { status, columns: ask.columns.clone(), ..ProductAsk::default() };
        Tab { label: label.to_owned(), href: view.href(), current: view == *ask }
    };
    let mut tabs = vec![tab("All", Vec::new())];
    tabs.extend(STATUSES.map(|status| tab(&product_badge(status).label, vec![status])));
    let clear = ProductAsk { columns: ask.columns.clone(), ..ProductAsk::default() };
    Filter {
        action: "/console/products".to_owned(),
        tabs,
        search: Some(Search {
            label: "Name or SKU".to_owned(),
            value: ask.text.clone(),
            hint: String::new(),
        }),
        chips: chips(ask, shelves, locale),
        clear: clear.href(),
        fields: fields(ask, shelves, locale),
        ..Filter::default()
    }
}

fn category_name(category: &Category, locale: &Locale) -> String {
    category.details.name.words(locale, locale).to_owned()
}

/// Each filter in force by itself, with the list as it is without it.
fn chips(ask: &ProductAsk, shelves: &Shelves, locale: &Locale) -> Vec<Chip> {
    let chip = |label: String, without: ProductAsk| Chip { label, href: without.href() };
    let mut chips = Vec::new();
    for (place, status) in ask.status.iter().enumerate() {
        let mut without = ask.clone();
        without.status.remove(place);
        chips.push(chip(product_badge(*status).label, without));
    }
    if let Some(kind) = &ask.kind {
        let known = shelves.kinds.iter().find(|(code, _)| code == kind.as_str());
        let name = known.map_or_else(|| kind.to_string(), |(_, name)| name.clone());
        chips.push(chip(format!("Type: {name}"), ProductAsk { kind: None, ..ask.clone() }));
    }
    if let Some(id) = ask.category {
        let known = shelves.categories.iter().find(|category| category.id == id);
        let name = known.map_or_else(|| id.to_string(), |category| category_name(category, locale));
        chips.push(chip(format!("Category: {name}"), ProductAsk { category: None, ..ask.clone() }));
    }
    if !ask.brand.is_empty() {
        let without = ProductAsk { brand: String::new(), ..ask.clone() };
        chips.push(chip(format!("Brand: {}", ask.brand), without));
    }
    if !ask.text.is_empty() {
        chips.push(chip(format!("“{}”", ask.text), ProductAsk { text: String::new(), ..ask.clone() }));
    }
    chips
}

fn fields(ask: &ProductAsk, shelves: &Shelves, locale: &Locale) -> Vec<Field> {
    let status = STATUSES.map(|status| {
        Choice::new(status.as_str(), product_badge(status).label).chosen(ask.status.contains(&status))
    });
    let kind = |(code, name): &(String, String)| {
        Choice::new(code, name).chosen(ask.kind.as_ref().is_some_and(|kind| kind.as_str() == code))
    };
    let category = |category: &Category| {
        let depth = category.path.matches('/').count();
        let name = format!("{}{}", "– ".repeat(depth), category_name(category, locale));
        Choice::new(category.id, name).chosen(ask.category == Some(category.id))
    };
    let any = || std::iter::once(Choice::new("", "Any"));
    let sorts = SORTS.map(|(sort, word, label)| Choice::new(word, label).chosen(sort == ask.sort));
    vec![
        Field::new(FieldKind::Ticks(status.to_vec()), "status", "Status").optional(),
        Field::select("type", "Type", any().chain(shelves.kinds.iter().map(kind)).collect()),
        Field::select("category", "Category", any().chain(shelves.categories.iter().map(category)).collect()),
        Field::text("brand", "Brand").optional().value(&ask.brand),
        Field::select("sort", "Order", sorts.to_vec()),
        ask.columns.field(&COLUMNS),
    ]
}

/// Products read at a time.
const PAGE: usize = 100;

/// What the list shows, as a file: the same rows in the same order, the same columns. At most
/// [`NUMBERED_ROWS_MAX`] of them; whoever wants more narrows the list.
pub async fn export_products(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = ProductAsk::read(&visit);
    let settings = settings(call)?;
    let places = ask.columns.places(&COLUMNS);
    let shown = |place: usize| COLUMNS[place].word;
    let heads = places.iter().flat_map(|place| heads(shown(*place)).iter().copied());
    let (mut file, mut rows, mut from) = (line(heads), 0, ListFrom::Start);
    loop {
        let found = find(call, &ask, PAGE, from).await?;
        rows += found.data.len();
        for told in tell(call, settings, &found.data) {
            let cells: Vec<String> =
                places.iter().flat_map(|place| cells(shown(*place), &told, settings)).collect();
            file.extend(line(cells.iter().map(String::as_str)));
        }
        match found.next_cursor {
            Some(next) if rows < NUMBERED_ROWS_MAX => from = ListFrom::Cursor(next),
            _ => return Ok(csv_answer("products", Body::from(file))),
        }
    }
}

/// What a column of the list is in a file; a picture is none.
fn heads(word: &str) -> &'static [&'static str] {
    match word {
        "product" => &["name", "slug"],
        "status" => &["status"],
        "type" => &["product_type"],
        "variants" => &["variants"],
        "price" => &["price_from", "price_to", "currency"],
        "available" => &["available"],
        "changed" => &["updated_at"],
        "brand" => &["brand"],
        "categories" => &["categories"],
        "made" => &["created_at"],
        _ => &[],
    }
}

fn cells(word: &str, told: &Told, settings: &Settings) -> Vec<String> {
    let currency = settings.currency;
    match word {
        "product" => vec![cell(&told.name), told.row.slug.clone()],
        "status" => vec![told.row.status.as_str().to_owned()],
        "type" => vec![cell(&told.kind)],
        "variants" => vec![told.row.variants.to_string()],
        "price" => match told.price {
            Some((low, high)) => {
                vec![typed_money(low, currency), typed_money(high, currency), currency.to_string()]
            }
            None => vec![String::new(), String::new(), currency.to_string()],
        },
        "available" => vec![told.available.to_string()],
        "changed" => vec![moment(told.row.updated_at)],
        "brand" => {
            let brand = told.record.as_ref().and_then(|record| record.details.brand.as_ref());
            vec![cell(brand.map_or("", |brand| brand.as_str()))]
        }
        "categories" => vec![cell(&told.categories)],
        "made" => vec![told.record.as_ref().map_or(String::new(), |record| moment(record.created_at))],
        _ => Vec::new(),
    }
}
