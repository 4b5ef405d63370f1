//! Views of lists under a name: tabs of the list, and the page where they are renamed, shared and deleted.
//!
//! A view is the list's address: filters, order and columns. It is kept for one person, or for everybody who
//! works in the shop.

use super::done::Done;
use super::lists::{list_path, query_of};
use super::typed::Typed;
use super::view::form::Submit;
use super::view::{Action, Field, Filter, Form, Link, Page, Panel, Part, Post, Tab};
use super::visit::{Visit, refused, see};
use super::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::{Call, Caller};
use crate::problem::{Kind, Problem};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::staff::{self, Command, VIEW_QUERY_MAX, ViewList};
use gearify_commerce::{Name, StaffId, ViewId, sealed};

pub fn routes() -> Vec<Route> {
    routes! { "Console: views", Console, Shop;
        Get "/console/views" views_page: AnyStaff, PERSON, Read, None, None, None,
            query(), request(), 200(), "Kept views of lists, one's own and the shared ones";
        Post "/console/views" save_view_form: AnyStaff, PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Keeps a list as it stands under a name";
        Post "/console/views/{view}" change_view_form: AnyStaff, PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Renames a view, shares it, or keeps it for oneself";
        Post "/console/views/{view}/delete" delete_view_form: AnyStaff, PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Deletes a view";
    }
}

/// A view as its list shows it.
struct Kept {
    id: ViewId,
    list: ViewList,
    name: String,
    query: String,
    shared: bool,
    /// Whose it is.
    owner: StaffId,
    may_change: bool,
}

impl Kept {
    fn href(&self) -> String {
        addressed(self.list, &self.query)
    }
}

fn addressed(list: ViewList, query: &str) -> String {
    match query {
        "" => list_path(list).to_owned(),
        query => format!("{}?{query}", list_path(list)),
    }
}

fn person(call: &Call) -> Result<StaffId, Problem> {
    match call.caller() {
        Caller::Staff(staff) => Ok(staff.id),
        _ => Err(Problem::new(Kind::Forbidden)),
    }
}

/// Those of a list that the caller sees; one whose owner's data was erased is gone.
fn kept(call: &Call, list: ViewList) -> Vec<Kept> {
    let Ok(me) = person(call) else { return Vec::new() };
    call.read(GroupKind::World, |view| {
        let open = |saved: staff::SavedView| {
            let words = sealed::open(view, call.vault(), &saved.words).ok()?;
            let may_change = staff::may_change(view, &saved, me);
            Some(Kept {
                id: saved.id,
                list,
                name: words.name,
                query: words.query,
                shared: saved.shared,
                owner: saved.owner,
                may_change,
            })
        };
        staff::views_of(view, me, list).into_iter().filter_map(open).collect()
    })
}

/// Puts kept views behind a list's own tabs, and offers to keep the list as it stands unless it has a tab.
pub fn keep(call: &Call, list: ViewList, here: &str, mut filter: Filter) -> Filter {
    let kept = kept(call, list);
    let tab = |view: &Kept| Tab { label: view.name.clone(), href: view.href(), current: view.href() == here };
    filter.tabs.extend(kept.iter().map(tab));
    filter.keep = (!kept.is_empty()).then(|| Link::new("Change views", "/console/views"));
    let query = query_of(here);
    // A tab of the list's own is not kept again, but with other columns it is a view of its own.
    let is_kept = kept.iter().any(|view| view.href() == here);
    let is_own = filter.tabs.iter().any(|tab| tab.current) && !query.contains("columns=");
    match is_kept || is_own || query.len() > VIEW_QUERY_MAX {
        true => filter,
        false => filter.save(save_form(list, query)),
    }
}

fn save_form(list: ViewList, query: &str) -> Form {
    Form::post("save-view", "/console/views")
        .hidden("list", list.as_str())
        .hidden("query", query)
        .fields(fields("", false))
        .submit(Submit::main("Save the view"))
}

fn fields(name: &str, shared: bool) -> Vec<Field> {
    vec![
        Field::text("name", "Name").value(name).half(),
        Field::tick("shared", "Everybody in the shop sees it", shared).half(),
    ]
}

const LISTS: [(ViewList, &str); 4] = [
    (ViewList::Orders, "Orders"),
    (ViewList::Products, "Products"),
    (ViewList::Stock, "Stock"),
    (ViewList::Customers, "Customers"),
];

pub async fn views_page(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.show(&page(&visit.call, None, &Typed::default(), &Wrong::default())))
}

/// `sent` is the view whose form came back, which keeps what was typed.
fn page(call: &Call, sent: Option<ViewId>, typed: &Typed, wrong: &Wrong) -> Page {
    let mut page = Page::new("Views").about("Lists as you and your colleagues keep them.");
    for (list, title) in LISTS {
        for view in kept(call, list) {
            let form = match sent == Some(view.id) {
                true => form(&view).filled(typed, wrong),
                false => form(&view),
            };
            page = page.part(panel(call, &view, title, form));
        }
    }
    if page.main.is_empty() {
        page = page.part(Part::Empty {
            title: "No view is kept yet.".to_owned(),
            text: "Filter a list, choose its columns, and save it as a view: it becomes a tab.".to_owned(),
            action: Some(Action::go("To the orders", list_path(ViewList::Orders))),
        });
    }
    page
}

fn form(view: &Kept) -> Form {
    Form::post(format!("view-{}", view.id), format!("/console/views/{}", view.id))
        .fields(fields(&view.name, view.shared))
        .submit(Submit::main("Save"))
}

fn panel(call: &Call, view: &Kept, title: &str, form: Form) -> Panel {
    let whose = match (view.shared, person(call).ok() == Some(view.owner)) {
        (true, true) => "yours, shared".to_owned(),
        (true, false) => format!("by {}, shared", super::visit::staff_name(call, view.owner)),
        (false, _) => "yours alone".to_owned(),
    };
    let panel =
        Panel::new(&view.name).note(format!("{title}, {whose}")).action(Action::go("Open", view.href()));
    if !view.may_change {
        return panel.part(Part::Text(String::from(
            "Only who made it, and who may change the settings, changes it.",
        )));
    }
    let delete = Post::new("Delete", format!("/console/views/{}/delete", view.id)).danger();
    panel.action(delete.spoken(format!("Delete the view {}", view.name)).into()).part(form)
}

pub async fn save_view_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let list = ViewList::parse(typed.get("list")).ok_or_else(|| Problem::not_found("list"))?;
    // Written anew, so that what is kept is an address and nothing else.
    let pairs = form_urlencoded::parse(typed.get("query").as_bytes()).filter(|(name, _)| name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let wrong = match submit(&call, &typed, None, list, query.clone()).await? {
        Ok(()) => return Ok(see(&addressed(list, &query), Done::Kept)),
        Err(wrong) => wrong,
    };
    let form =
        save_form(list, &query).filled(&typed, &wrong).cancel("Back to the list", addressed(list, &query));
    let page = Page::new("Save view").under("Views", "/console/views").part(form);
    Ok(refused(&call, &page))
}

pub async fn change_view_form(call: Call, Path(id): Path<ViewId>, typed: Typed) -> Result<Response, Problem> {
    let known = LISTS.into_iter().flat_map(|(list, _)| kept(&call, list)).find(|view| view.id == id);
    let known = known.ok_or_else(|| Problem::not_found("view"))?;
    match submit(&call, &typed, Some(id), known.list, known.query).await? {
        Ok(()) => Ok(see("/console/views", Done::Saved)),
        Err(wrong) => Ok(refused(&call, &page(&call, Some(id), &typed, &wrong))),
    }
}

pub async fn delete_view_form(
    call: Call,
    Path(view): Path<ViewId>,
    _typed: Typed,
) -> Result<Response, Problem> {
    call.submit(Command::DeleteView { view, by: person(&call)? }).await?;
    Ok(see("/console/views", Done::Removed))
}

async fn submit(
    call: &Call,
    typed: &Typed,
    view: Option<ViewId>,
    list: ViewList,
    query: String,
) -> Result<Result<(), Wrong>, Problem> {
    let mut check = Check::new(typed);
    let name = check.value("name", Name::parse);
    let name = match check.done(name) {
        Ok(name) => name,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let (by, shared) = (person(call)?, typed.is_ticked("shared"));
    let intent = StaffIntent::SaveView { view, by, list, shared, name, query };
    match call.submit(Intent::Staff(intent)).await {
        Ok(_) => Ok(Ok(())),
        Err(problem) => Ok(Err(Wrong::of(problem, |_| Some("name".to_owned()))?)),
    }
}
