//! Pages every shop needs, in Markdown, and the legal entity behind it.

use crate::console::choices::country_field;
use crate::console::done::Done;
use crate::console::texts;
use crate::console::typed::Typed;
use crate::console::view::form::Submit;
use crate::console::view::{
    Action, Badge, Cell, Column, Field, FieldKind, Form, Link, Page, Panel, Part, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see, settings, words};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use crate::storefront::view::RichText;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::SettingsWrite;
use gearify_commerce::tenants::{self, Command, LegalEntity, PageKind};
use gearify_commerce::{Country, Name, Text};

fn kind_words(kind: PageKind) -> &'static str {
    match kind {
        PageKind::Delivery => "Delivery",
        PageKind::Returns => "Returns",
        PageKind::Privacy => "Privacy",
        PageKind::Terms => "Terms",
        PageKind::Contact => "Contact",
    }
}

fn standing(call: &Call, kind: PageKind) -> Option<tenants::Page> {
    call.read(GroupKind::World, |view| tenants::page(view, kind))
}

pub async fn pages_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let words = words(call)?;
    let rows = PageKind::ALL.map(|kind| {
        let href = format!("/console/pages/{}", kind.as_str());
        let page = standing(call, kind);
        let written = page.as_ref().is_some_and(|page| !page.body.is_empty());
        let badge = if written { Badge::new("Written", Tone::Good) } else { Badge::new("Empty", Tone::Warn) };
        let changed = page.map_or(Cell::from(""), |page| words.time(page.updated_at));
        Row::new(vec![
            Cell::Link(Link::new(kind_words(kind), href.clone())),
            Cell::Text(format!("/pages/{}", kind.as_str())),
            Cell::badge(badge),
            changed,
        ])
        .href(href)
    });
    let columns =
        vec![Column::new("Page"), Column::new("Address"), Column::new("State"), Column::new("Changed")];
    let table = Table::new("Pages", columns).rows(rows);
    let legal = &call.shop()?.tenant.legal;
    let typed = legal.value.as_ref().map_or_else(Typed::default, write_legal);
    let page = Page::new("Pages and legal").part(Panel::new("Pages").flush().part(table)).part(legal_panel(
        call,
        legal.revision,
        &typed,
        &Wrong::default(),
    ));
    Ok(visit.show(&page))
}

fn legal_panel(call: &Call, revision: u64, typed: &Typed, wrong: &Wrong) -> Panel {
    let mut form = Form::post("legal", "/console/pages/legal")
        .guarded()
        .hidden("expected", wrong.stands_at.unwrap_or(revision))
        .intro("Who sells: in the footer, on invoices, in the terms. Public.")
        .fields(vec![
            Field::text("name", "Name").half(),
            country_field("country", "Country", typed),
            Field::area("address", "Address", 4).hint("As on an envelope, one line each."),
            Field::text("registration", "Registration number").optional().half(),
            Field::text("tax_id", "Tax number").optional().half(),
            Field::text("email", "E-mail").optional().half(),
            Field::text("phone", "Phone").optional().half(),
        ]);
    if may(call, SettingsWrite) {
        form = form.submit(Submit::main("Save"));
    }
    Panel::new("Legal entity").part(form.filled(typed, wrong))
}

fn write_legal(legal: &LegalEntity) -> Typed {
    let mut typed = Typed::default();
    let lines: Vec<&str> = legal.address.iter().map(Name::as_str).collect();
    typed.set("name", &legal.name);
    typed.set("country", &legal.country);
    typed.set("address", lines.join("\n"));
    let optional = [
        ("registration", &legal.registration),
        ("tax_id", &legal.tax_id),
        ("email", &legal.email),
        ("phone", &legal.phone),
    ];
    for (name, value) in optional {
        typed.set(name, value.as_ref().map_or("", Name::as_str));
    }
    typed
}

fn read_legal(typed: &Typed) -> Result<LegalEntity, Wrong> {
    let mut check = Check::new(typed);
    let name = check.value("name", Name::parse);
    let country = check.value("country", Country::parse);
    let address = check.value("address", |text| {
        text.lines().filter(|line| !line.trim().is_empty()).map(Name::parse).collect::<Result<Vec<Name>, _>>()
    });
    let registration = check.optional("registration", Name::parse);
    let tax_id = check.optional("tax_id", Name::parse);
    let email = check.optional("email", Name::parse);
    let phone = check.optional("phone", Name::parse);
    let legal = (|| {
        Some(LegalEntity {
            name: name?,
            address: address?,
            country: country?,
            registration: registration?,
            tax_id: tax_id?,
            email: email?,
            phone: phone?,
        })
    })();
    check.done(legal)
}

pub async fn update_legal_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let revision = call.shop()?.tenant.legal.revision;
    let expected = typed.get("expected").parse().ok();
    let wrong = match read_legal(&typed) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(legal) => match call.submit(Command::UpdateLegalEntity { expected, legal: Some(legal) }).await {
            Ok(_) => return Ok(see("/console/pages", Done::Saved)),
            Err(problem) => Wrong::of(problem, |pointer| Some(pointer.to_owned()))?,
        },
        Err(wrong) => wrong,
    };
    let page = Page::new("Legal entity").under("Pages and legal", "/console/pages");
    Ok(refused(&call, &page.part(legal_panel(&call, revision, &typed, &wrong))))
}

fn kind_of(text: &str) -> Result<PageKind, Problem> {
    PageKind::parse(text).ok_or_else(|| Problem::not_found("page"))
}

pub async fn edit_page_page(visit: Visit, Path(kind): Path<String>) -> Result<Response, Problem> {
    let kind = kind_of(&kind)?;
    let found = standing(&visit.call, kind);
    let (revision, body) = found.map_or((0, Text::default()), |page| (page.revision, page.body));
    let mut typed = Typed::default();
    texts::write(&mut typed, "body", &body, settings(&visit.call)?);
    Ok(visit.show(&page(&visit.call, kind, revision, &typed, &Wrong::default())?))
}

fn page(call: &Call, kind: PageKind, revision: u64, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let settings = settings(call)?;
    let may_write = may(call, SettingsWrite);
    let mut form = Form::post("page", format!("/console/pages/{}", kind.as_str()))
        .guarded()
        .hidden("expected", wrong.stands_at.unwrap_or(revision))
        .fields(texts::fields(&FieldKind::Area { rows: 18 }, "body", "Text in Markdown", settings, false));
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to pages", "/console/pages");
    }
    let shown = typed.get(&texts::first_field("body", settings)).to_owned();
    let mut page = Page::new(kind_words(kind))
        .under("Pages and legal", "/console/pages")
        .action(Action::go("See it in the shop", format!("/pages/{}", kind.as_str())))
        .part(Panel::new("Text").part(form.filled(typed, wrong)));
    if may_write {
        page = page.primary(Action::send("Save", "page"));
    }
    if !shown.trim().is_empty() {
        let text = RichText::under_heading(&shown);
        page = page.part(Panel::new("As it reads").part(Part::Rich(text)));
    }
    Ok(page)
}

pub async fn update_page_form(
    call: Call,
    Path(kind): Path<String>,
    typed: Typed,
) -> Result<Response, Problem> {
    let kind = kind_of(&kind)?;
    let found = standing(&call, kind);
    let revision = found.as_ref().map_or(0, |page| page.revision);
    let settings = settings(&call)?;
    let body = Check::new(&typed).words("body", settings.locales(), found.as_ref().map(|page| &page.body));
    let wrong = match typed.get("expected").parse() {
        Err(_) => Wrong::saying("Open the page again: it does not say which version it is of."),
        Ok(expected) => match call.submit(Command::UpdatePage { expected: Some(expected), kind, body }).await
        {
            Ok(_) => return Ok(see(&format!("/console/pages/{}", kind.as_str()), Done::Saved)),
            Err(problem) => Wrong::of(problem, |_| Some(texts::first_field("body", settings)))?,
        },
    };
    Ok(refused(&call, &page(&call, kind, revision, &typed, &wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_entity_survives_its_form() {
        let name = |text| Name::parse(text).unwrap();
        let legal = LegalEntity {
            name: name("Willow & Sons Ltd"),
            address: vec![name("1 Pavilion Road"), name("Lower Mitcham")],
            country: Country::parse("GB").unwrap(),
            registration: Some(name("12345")),
            tax_id: None,
            email: Some(name("shop@willow.example")),
            phone: None,
        };
        assert_eq!(read_legal(&write_legal(&legal)), Ok(legal));
    }
}
