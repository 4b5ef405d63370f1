//! Categories.

use crate::console::done::Done;
use crate::console::texts;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Submit};
use crate::console::view::{
    Action, Badge, Cell, Column, Field, FieldKind, Form, Link, Page, Panel, Post, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see, settings};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog::{self, Category, CategoryDetails, CategoryNode, Command};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::ProductsWrite;
use gearify_commerce::tenants::Settings;
use gearify_commerce::{CategoryId, Slug};

/// In the order of the shop's menu, children after their parent; then the archived ones.
fn all(call: &Call) -> Vec<Category> {
    call.read(GroupKind::Catalogue, |view| {
        let mut all = Vec::new();
        in_tree_order(catalog::category_tree(view), &mut all);
        let mut others = catalog::categories(view);
        others.retain(|other| all.iter().all(|known| known.id != other.id));
        others.sort_by(|a, b| a.path.cmp(&b.path));
        all.extend(others);
        all
    })
}

pub fn in_tree_order(level: Vec<CategoryNode>, found: &mut Vec<Category>) {
    for node in level {
        found.push(node.category);
        in_tree_order(node.children, found);
    }
}

fn known(call: &Call, id: CategoryId) -> Result<Category, Problem> {
    call.read(GroupKind::Catalogue, |view| catalog::category(view, id))
        .ok_or_else(|| Problem::not_found("category"))
}

pub async fn list_categories_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let locale = settings(call)?.locale.clone();
    let columns = vec![
        Column::new("Category"),
        Column::new("Address"),
        Column::number("Place").minor(),
        Column::new("State"),
    ];
    let rows = all(call).into_iter().map(|category| {
        let depth = category.path.matches('/').count();
        let name = format!("{}{}", "– ".repeat(depth), category.details.name.words(&locale, &locale));
        let href = format!("/console/categories/{}", category.id);
        let state = match category.archived {
            true => Badge::new("Archived", Tone::Warn),
            false => Badge::new("Shown", Tone::Good),
        };
        Row::new(vec![
            Cell::Link(Link::new(name, href.clone())),
            Cell::Text(format!("/c/{}", category.path)),
            Cell::Text(category.details.position.to_string()),
            Cell::badge(state),
        ])
        .href(href)
        .dim(category.archived)
    });
    let table = Table::new("Categories", columns).rows(rows).empty("No category yet.");
    let mut page = Page::new("Categories").part(table);
    if may(call, ProductsWrite) {
        page = page.primary(Action::go("New category", "/console/categories/new"));
    }
    Ok(visit.show(&page))
}

fn write(category: &Category, settings: &Settings) -> Typed {
    let details = &category.details;
    let mut typed = Typed::default();
    texts::write(&mut typed, "name", &details.name, settings);
    texts::write(&mut typed, "description", &details.description, settings);
    typed.set("slug", &details.slug);
    typed.set("parent", details.parent.map_or(String::new(), |parent| parent.to_string()));
    typed.set("position", details.position);
    typed
}

fn read(
    typed: &Typed,
    settings: &Settings,
    before: Option<&CategoryDetails>,
) -> Result<CategoryDetails, Wrong> {
    let mut check = Check::new(typed);
    let name = check.words("name", settings.locales(), before.map(|before| &before.name));
    let description =
        check.words("description", settings.locales(), before.map(|before| &before.description));
    if name.is_empty() {
        check.fault(texts::first_field("name", settings), "Give it a name");
    }
    let slug = match typed.trimmed("slug") {
        "" => Slug::from_name(name.words(&settings.locale, &settings.locale)),
        _ => check.value("slug", Slug::parse),
    };
    if slug.is_none() {
        check.fault("slug", "Write an address of a-z, 0-9 and hyphens");
    }
    let parent = check.optional("parent", CategoryId::parse);
    let position = check.optional_integer("position", 0, 100_000);
    let image = before.and_then(|before| before.image);
    let details = (|| {
        Some(CategoryDetails {
            parent: parent?,
            slug: slug?,
            name,
            description,
            image,
            position: position?.unwrap_or(0),
        })
    })();
    check.done(details)
}

fn form(call: &Call, action: &str, own: Option<&Category>, settings: &Settings) -> Form {
    let locale = &settings.locale;
    // A category can't stand below itself.
    let inside = |category: &Category| {
        own.is_some_and(|own| {
            category.path == own.path || category.path.starts_with(&format!("{}/", own.path))
        })
    };
    let parents = all(call).into_iter().filter(|category| !category.archived && !inside(category));
    let parents = parents.map(|category| {
        let depth = category.path.matches('/').count();
        Choice::new(
            category.id,
            format!("{}{}", "– ".repeat(depth), category.details.name.words(locale, locale)),
        )
    });
    let parents = std::iter::once(Choice::new("", "None: a department")).chain(parents).collect();
    let mut fields = texts::fields(&FieldKind::Text, "name", "Name", settings, true);
    fields.extend(texts::fields(&FieldKind::Area { rows: 3 }, "description", "Description", settings, false));
    fields.push(Field::select("parent", "Below", parents).optional().half());
    fields.push(Field::text("slug", "Address").optional().half().hint("Empty: made from the name."));
    fields.push(Field::number("position", "Place among its neighbours").optional());
    Form::post("category", action).guarded().fields(fields)
}

fn page(call: &Call, category: Option<&Category>, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let settings = settings(call)?;
    let may_write = may(call, ProductsWrite);
    let (title, action) = match category {
        Some(category) => (
            category.details.name.words(&settings.locale, &settings.locale).to_owned(),
            format!("/console/categories/{}", category.id),
        ),
        None => ("New category".to_owned(), "/console/categories".to_owned()),
    };
    let mut form = form(call, &action, category, settings);
    if let Some(category) = category {
        form = form.hidden("expected", wrong.stands_at.unwrap_or(category.revision));
    }
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to categories", "/console/categories");
    }
    let mut page = Page::new(title)
        .under("Categories", "/console/categories")
        .part(Panel::new("Category").part(form.filled(typed, wrong)));
    if let Some(category) = category.filter(|_| may_write) {
        let (label, to) = if category.archived { ("Back into use", "live") } else { ("Archive", "archived") };
        let post =
            Post::new(label, format!("{action}/status")).with("to", to).with("expected", category.revision);
        page = page.action(Action::Post(if category.archived { post } else { post.danger() }));
    }
    if category.is_some_and(|category| category.archived) {
        page = page.badge(Badge::new("Archived", Tone::Warn));
    }
    Ok(page)
}

fn field_of(pointer: &str, settings: &Settings) -> Option<String> {
    match pointer {
        "name" | "description" => Some(texts::first_field(pointer, settings)),
        "parent_id" | "categories" => Some("parent".to_owned()),
        "slug" | "position" => Some(pointer.to_owned()),
        _ => None,
    }
}

pub async fn new_category_page(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.show(&page(&visit.call, None, &Typed::default(), &Wrong::default())?))
}

pub async fn create_category_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let settings = settings(&call)?;
    let wrong = match read(&typed, settings, None) {
        Ok(details) => match call.submit(Command::CreateCategory { details }).await {
            Ok(_) => return Ok(see("/console/categories", Done::Created)),
            Err(problem) => Wrong::of(problem, |pointer| field_of(pointer, settings))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, None, &typed, &wrong)?))
}

pub async fn category_page(visit: Visit, Path(id): Path<CategoryId>) -> Result<Response, Problem> {
    let category = known(&visit.call, id)?;
    let typed = write(&category, settings(&visit.call)?);
    Ok(visit.show(&page(&visit.call, Some(&category), &typed, &Wrong::default())?))
}

pub async fn update_category_form(
    call: Call,
    Path(id): Path<CategoryId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let category = known(&call, id)?;
    let settings = settings(&call)?;
    let expected = typed.get("expected").parse().ok();
    let wrong = match read(&typed, settings, Some(&category.details)) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(details) => match call.submit(Command::UpdateCategory { category: id, expected, details }).await {
            Ok(_) => return Ok(see("/console/categories", Done::Saved)),
            Err(problem) => Wrong::of(problem, |pointer| field_of(pointer, settings))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, Some(&category), &typed, &wrong)?))
}

pub async fn change_category_status_form(
    call: Call,
    Path(id): Path<CategoryId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let category = known(&call, id)?;
    let archived = typed.get("to") == "archived";
    let expected = typed.get("expected").parse().ok();
    match call.submit(Command::ArchiveCategory { category: id, expected, archived }).await {
        Ok(_) => Ok(see("/console/categories", if archived { Done::Archived } else { Done::Restored })),
        Err(problem) => {
            let wrong = Wrong::of(problem, |_| None)?;
            let typed = write(&category, settings(&call)?);
            Ok(refused(&call, &page(&call, Some(&category), &typed, &wrong)?))
        }
    }
}
