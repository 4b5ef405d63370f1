//! Many products at once: those that were ticked, or all that a list shows.
//!
//! Ticked ones change at once, since each can be changed back from the same list. What is done with all that
//! match, most of which nobody has seen, shows its effect first.

use super::ask::ProductAsk;
use super::list::find;
use super::name_of;
use super::reprice::reprice_page;
use crate::console::done::Done;
use crate::console::many::submit_each;
use crate::console::typed::Typed;
use crate::console::view::form::Submit;
use crate::console::view::{Form, Notice, Page, Part, Tone};
use crate::console::visit::{Visit, go, refused, see_many, settings};
use crate::console::words::counted;
use crate::gate::Call;
use crate::ports_lists::ListFrom;
use crate::problem::Problem;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::ProductId;
use gearify_commerce::catalog::{self, Command};
use gearify_commerce::command::GroupKind;

/// Ticked on one page of a list.
const TICKED_MAX: usize = 100;
/// Changed by one form: what fits well into the time of a request.
pub const ALL_MAX: usize = 5_000;
/// Products read at a time.
const PAGE: usize = 100;
/// Names that stand for the others.
const NAMED: usize = 10;

/// What something is to be done with.
pub enum Chosen {
    Ticked(Vec<ProductId>),
    All(Box<ProductAsk>),
}

impl Chosen {
    pub fn read(call: &Call, typed: &Typed) -> Chosen {
        if typed.is_ticked("all") {
            return Chosen::All(Box::new(ask(call, typed)));
        }
        let ids = typed.all("ids").iter().take(TICKED_MAX);
        Chosen::Ticked(ids.filter_map(|text| ProductId::parse(text).ok()).collect())
    }

    /// Carries the choice through a form.
    pub fn carried(&self, mut form: Form, typed: &Typed) -> Form {
        form = form.hidden("query", typed.get("query"));
        match self {
            Chosen::All(_) => form.hidden("all", "yes"),
            Chosen::Ticked(ids) => ids.iter().fold(form, |form, id| form.hidden("ids", id)),
        }
    }

    /// The products, or how many there are where there are more than one form changes.
    ///
    /// # Errors
    /// Lists that can't be read.
    pub async fn products(&self, call: &Call) -> Result<Result<Vec<ProductId>, u64>, Problem> {
        let ask = match self {
            Chosen::Ticked(ids) => return Ok(Ok(ids.clone())),
            Chosen::All(ask) => ask,
        };
        let (mut ids, mut from) = (Vec::new(), ListFrom::Start);
        loop {
            let found = find(call, ask, PAGE, from).await?;
            if found.total > ALL_MAX as u64 {
                return Ok(Err(found.total));
            }
            ids.extend(found.data.iter().map(|product| product.id));
            match found.next_cursor {
                Some(next) if ids.len() < ALL_MAX => from = ListFrom::Cursor(next),
                _ => return Ok(Ok(ids)),
            }
        }
    }
}

fn ask(call: &Call, typed: &Typed) -> ProductAsk {
    ProductAsk::read(&Visit::of(call.clone(), typed.get("query")))
}

/// The list that the form stood under.
pub fn list_of(call: &Call, typed: &Typed) -> String {
    ask(call, typed).href()
}

#[derive(Clone, Copy)]
enum Change {
    Publish,
    Unpublish,
    Archive,
}

impl Change {
    fn parse(text: &str) -> Option<Change> {
        match text {
            "publish" => Some(Change::Publish),
            "unpublish" => Some(Change::Unpublish),
            "archive" => Some(Change::Archive),
            _ => None,
        }
    }

    fn command(self, product: ProductId) -> Command {
        match self {
            Change::Publish => Command::PublishProduct { product, expected: None },
            Change::Unpublish => Command::UnpublishProduct { product, expected: None },
            Change::Archive => Command::ArchiveProduct { product, expected: None },
        }
    }

    fn done(self) -> Done {
        match self {
            Change::Publish => Done::Published,
            Change::Unpublish => Done::Unpublished,
            Change::Archive => Done::Archived,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Change::Publish => "Publish",
            Change::Unpublish => "Take off",
            Change::Archive => "Archive",
        }
    }

    fn effect(self) -> &'static str {
        match self {
            Change::Publish => "Shoppers see them at once, and can buy what is in stock.",
            Change::Unpublish => "Shoppers see them no more; they are drafts, and can be published again.",
            Change::Archive => {
                "Shoppers see them no more, and they leave your lists. Orders go on referring to them, and they can be taken back."
            }
        }
    }
}

pub async fn change_many_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let chosen = Chosen::read(&call, &typed);
    if typed.get("action") == "prices" {
        return reprice_page(&call, &typed, &chosen).await;
    }
    let change = Change::parse(typed.get("action")).ok_or_else(|| Problem::not_found("action"))?;
    let list = list_of(&call, &typed);
    let products = match chosen.products(&call).await? {
        Ok(products) if products.is_empty() => return Ok(go(&list)),
        Ok(products) => products,
        Err(total) => return Ok(too_many(&call, &list, total)),
    };
    let is_confirmed = typed.get("step") == "confirm" && typed.get("count") == products.len().to_string();
    if matches!(chosen, Chosen::All(_)) && !is_confirmed {
        return effect(&call, &typed, &chosen, change, &products);
    }
    apply(&call, change, &products, &list).await
}

pub fn too_many(call: &Call, list: &str, total: u64) -> Response {
    let words = format!(
        "At least {total} products match; {ALL_MAX} are changed at a time. Narrow the list by a filter."
    );
    let notice = Notice::new(Tone::Warn, "Nothing was changed.").text(words);
    let notice = notice.link(crate::console::view::Link::new("Back to the list", list));
    refused(call, &Page::new("Too many at once").under("Products", list).part(notice))
}

/// What the change comes to, before it is made.
fn effect(
    call: &Call,
    typed: &Typed,
    chosen: &Chosen,
    change: Change,
    products: &[ProductId],
) -> Result<Response, Problem> {
    let list = list_of(call, typed);
    let many = counted(products.len() as u64, "product", "products");
    let form = Form::post("confirm", "/console/products/many")
        .hidden("action", typed.get("action"))
        .hidden("step", "confirm")
        .hidden("count", products.len())
        .submit(match change {
            Change::Publish => Submit::main(format!("Publish {many}")),
            _ => Submit::danger(format!("{} {many}", change.words())),
        })
        .cancel("Leave them as they are", &list);
    let page = Page::new(format!("{} {many}", change.words()))
        .under("Products", list)
        .about(change.effect())
        .part(Part::Text(named(call, products)?))
        .part(chosen.carried(form, typed));
    Ok(Html(page.render(&crate::console::visit::frame(call))).into_response())
}

/// `Match Ball, Club Bat … and 302 others.`
fn named(call: &Call, products: &[ProductId]) -> Result<String, Problem> {
    let locale = settings(call)?.locale.clone();
    let names: Vec<String> = call.read(GroupKind::Catalogue, |view| {
        let name = |id: &ProductId| Some(name_of(&catalog::product(view, *id)?, &locale));
        products.iter().take(NAMED).filter_map(name).collect()
    });
    let names = names.join(", ");
    Ok(match products.len().saturating_sub(NAMED) {
        0 => format!("{names}."),
        1 => format!("{names}, and one other."),
        others => format!("{names}, and {others} others."),
    })
}

/// One after another as they come; what is refused is named and the others go on.
async fn apply(call: &Call, change: Change, products: &[ProductId], list: &str) -> Result<Response, Problem> {
    let locale = settings(call)?.locale.clone();
    let wanted = products.iter().map(|product| (*product, change.command(*product).into())).collect();
    let name = |product: &ProductId| {
        let known = call.read(GroupKind::Catalogue, |view| catalog::product(view, *product));
        known.map_or_else(|| product.to_string(), |known| name_of(&known, &locale))
    };
    let outcome = submit_each(call, wanted, name).await?;
    let changed = outcome.done;
    let told = outcome.told(call, "Products", list);
    Ok(told.unwrap_or_else(|| see_many(list, change.done(), changed)))
}
