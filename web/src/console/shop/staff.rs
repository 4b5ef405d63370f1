//! People who work in the shop: who they are, what they may do, and the link that lets them in.

use crate::console::done::Done;
use crate::console::sign_in::{setup_path, setup_token_hash};
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Submit};
use crate::console::view::{
    Action, Badge, Cell, Column, Field, FieldKind, Form, Notice, Page, Panel, Part, Post, Row, Table, Tone,
};
use crate::console::visit::{Visit, frame, may, refused, role_words, see, words};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::{Call, Caller};
use crate::problem::{Kind, Problem};
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{Command as Customers, Who};
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::staff::Permission::StaffWrite;
use gearify_commerce::staff::{self, Card, Command, Role, STAFF, StaffMember};
use gearify_commerce::{StaffId, ids, sealed};

/// Roles of a shop; operators belong to the platform.
const ROLES: [Role; 4] = [Role::Owner, Role::Manager, Role::Fulfilment, Role::Support];

fn role_about(role: Role) -> &'static str {
    match role {
        Role::Owner => "Everything",
        Role::Manager => "Everything but staff",
        Role::Fulfilment => "Ships orders, counts stock",
        Role::Support => "Orders, refunds, customers",
        Role::Operator => "The platform",
    }
}

pub async fn staff_page(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.show(&page(&visit.call, None)?))
}

fn page(call: &Call, refusal: Option<Notice>) -> Result<Page, Problem> {
    let words = words(call)?;
    let may_write = may(call, StaffWrite);
    let members: Vec<(StaffMember, Option<Card>)> = call.read(GroupKind::World, |view| {
        let open = |member: StaffMember| {
            let card = sealed::open(view, call.vault(), &member.card).ok();
            (member, card)
        };
        staff::list(view).into_iter().map(open).collect()
    });
    let columns = vec![
        Column::new("Name"),
        Column::new("Role"),
        Column::new("State"),
        Column::new("Since").minor(),
        Column::new(""),
    ];
    let rows = members.iter().map(|(member, card)| {
        let (name, email) =
            card.as_ref().map_or(("Erased", ""), |card| (card.name.as_str(), card.email.as_str()));
        Row::new(vec![
            Cell::Lines(name.to_owned(), email.to_owned()),
            Cell::Lines(role_words(member.role).to_owned(), role_about(member.role).to_owned()),
            Cell::badge(state(member)),
            words.time(member.created_at),
            if may_write { Cell::Actions(actions(call, member, name)) } else { Cell::from("") },
        ])
        .dim(!member.active)
    });
    let mut page = Page::new("Staff");
    if let Some(notice) = refusal {
        page = page.part(notice);
    }
    page = page.part(Table::new("Staff", columns).rows(rows));
    if may_write {
        page = page.primary(Action::go("Add a colleague", "/console/staff/new"));
    }
    Ok(page)
}

fn state(member: &StaffMember) -> Badge {
    match (member.active, &member.password_hash) {
        (false, _) => Badge::new("Locked out", Tone::Bad),
        (true, None) => Badge::new("Invited", Tone::Live),
        (true, Some(_)) => Badge::new("Active", Tone::Good),
    }
}

fn actions(call: &Call, member: &StaffMember, name: &str) -> Vec<Action> {
    let itself = matches!(call.caller(), Caller::Staff(staff) if staff.id == member.id);
    if itself {
        return Vec::new();
    }
    let path = format!("/console/staff/{}", member.id);
    let mut actions: Vec<Action> = Vec::new();
    if member.active {
        for role in ROLES.into_iter().filter(|role| *role != member.role) {
            let label = format!("Make {}", role_words(role).to_lowercase());
            let spoken = format!("Make {name} {}", role_words(role).to_lowercase());
            actions.push(Post::new(label, path.clone()).with("role", role).spoken(spoken).into());
        }
        actions.push(
            Post::new("Lock out", path)
                .with("to", "inactive")
                .danger()
                .spoken(format!("Lock {name} out"))
                .into(),
        );
    } else {
        actions.push(
            Post::new("Let in again", path)
                .with("to", "active")
                .spoken(format!("Let {name} in again"))
                .into(),
        );
    }
    actions
}

pub async fn new_staff_page(visit: Visit) -> Response {
    let mut typed = Typed::default();
    typed.set("role", Role::Fulfilment);
    visit.show(&new_page(&typed, &Wrong::default()))
}

fn new_page(typed: &Typed, wrong: &Wrong) -> Page {
    let role = |role: Role| Choice::new(role, role_words(role)).hint(role_about(role));
    let form = Form::post("colleague", "/console/staff")
        .guarded()
        .fields(vec![
            Field::text("name", "Name").half().autocomplete("off"),
            Field::new(FieldKind::Email, "email", "E-mail").half().autocomplete("off"),
            Field::new(FieldKind::Radio(ROLES.map(role).to_vec()), "role", "Role"),
        ])
        .submit(Submit::main("Add and show the link"))
        .cancel("Back to staff", "/console/staff")
        .filled(typed, wrong);
    Page::new("Add a colleague")
        .under("Staff", "/console/staff")
        .about("They choose their own password behind a link that works once, for two days.")
        .part(Panel::new("Colleague").part(form))
}

/// A new member as they were typed.
pub struct NewMember {
    pub email: String,
    pub name: String,
    pub role: Role,
}

pub fn read_member(check: &mut Check<'_>, roles: &[Role]) -> Option<NewMember> {
    let name = check.value("name", |text| gearify_commerce::Name::parse(text).map(String::from));
    let email = check.value("email", parse_email);
    let role = check.choice("role", |text| Role::parse(text).filter(|role| roles.contains(role)));
    Some(NewMember { email: email?, name: name?, role: role? })
}

pub fn parse_email(text: &str) -> Result<String, &'static str> {
    let good = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !host.contains('@')
    });
    let plain =
        text.len() <= 254 && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    if good && plain { Ok(text.to_owned()) } else { Err("Write an address such as ada@shop.example") }
}

/// The secret of a set-up link. It follows from the form's key, so that the same form sent twice shows
/// the same link; nothing but its hash is stored.
pub fn setup_token(call: &Call, typed: &Typed) -> String {
    let seed = format!("{} {}", call.caller().name(), typed.get("form_key"));
    ids::encode_base32(u128::from_be_bytes(call.vault().hash(call.tenant(), "setup-seed", seed.as_bytes())))
}

pub async fn add_staff_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let mut check = Check::new(&typed);
    let member = read_member(&mut check, &ROLES);
    let member = match check.done(member) {
        Ok(member) => member,
        Err(wrong) => return Ok(refused(&call, &new_page(&typed, &wrong))),
    };
    let token = setup_token(&call, &typed);
    let intent = StaffIntent::Add {
        email: member.email,
        name: member.name,
        role: member.role.as_str().to_owned(),
        password_hash: None,
        setup_token_hash: Some(setup_token_hash(call.vault(), call.tenant(), &token)),
    };
    match call.submit(Intent::Staff(intent)).await {
        Ok(reply) => {
            let id = reply.id.ok_or_else(|| Problem::internal("a colleague was added without an id"))?;
            let page = link_page(&link(&call, &call.shop()?.host, StaffId::from_bits(id), &token));
            Ok(Html(page.render(&frame(&call))).into_response())
        }
        Err(problem) => {
            let taken = problem.kind() == Kind::AlreadyExists;
            let mut wrong = Wrong::of(problem, |pointer| Some(pointer.to_owned()))?;
            if taken {
                wrong = Wrong::field("email", wrong.form.unwrap_or_default());
            }
            Ok(refused(&call, &new_page(&typed, &wrong)))
        }
    }
}

/// The whole address of a set-up link.
pub fn link(call: &Call, host: &str, staff: StaffId, token: &str) -> String {
    let scheme = if call.state().settings.tls { "https" } else { "http" };
    format!("{scheme}://{host}{}", setup_path(staff, token))
}

fn link_page(link: &str) -> Page {
    Page::new("Send them this link")
        .under("Staff", "/console/staff")
        .part(
            Panel::new("Shown once")
                .part(Part::Copy { label: "It works once, for two days.".to_owned(), text: link.to_owned() })
                .part(Part::Text("Send it by a way only they read. Nobody can see it again.".to_owned())),
        )
        .primary(Action::go("Done", "/console/staff"))
}

pub async fn change_staff_form(
    call: Call,
    Path(staff): Path<StaffId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("staff member");
    call.read(GroupKind::World, |view| STAFF.get(view, &staff)).ok_or_else(unknown)?;
    if matches!(call.caller(), Caller::Staff(own) if own.id == staff) {
        let notice = Notice::new(Tone::Bad, "You can't change yourself.");
        return Ok(refused(&call, &page(&call, Some(notice.text("Ask another owner.")))?));
    }
    let role = Role::parse(typed.get("role")).filter(|role| ROLES.contains(role));
    let (command, done) = match (typed.get("to"), role) {
        ("inactive", _) => (Command::Deactivate { staff }, Done::Deactivated),
        ("active", _) => (Command::Reactivate { staff }, Done::Reactivated),
        (_, Some(role)) => (Command::ChangeRole { staff, role }, Done::Saved),
        _ => return Err(Problem::not_found("change")),
    };
    match call.submit(command).await {
        Ok(_) => {
            if done == Done::Deactivated {
                // Locked out at once by their record; their sessions go too.
                call.submit(Customers::EndSessionsOf { who: Who::Staff(staff) }).await?;
            }
            Ok(see("/console/staff", done))
        }
        Err(problem) => {
            let wrong = Wrong::of(problem, |_| None)?;
            let notice = Notice::new(Tone::Bad, "Nothing was changed.").text(wrong.form.unwrap_or_default());
            Ok(refused(&call, &page(&call, Some(notice))?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_form_of_one() {
        for good in ["ada@shop.example", "a.b+c@sub.shop.example"] {
            assert!(parse_email(good).is_ok(), "{good}");
        }
        for bad in
            ["", "ada", "@shop.example", "ada@shop", "ada@.example", "a b@shop.example", "a@b@shop.example"]
        {
            assert!(parse_email(bad).is_err(), "{bad}");
        }
    }
}
