//! The operator's console: shops on the platform, and how the node is.

use super::choices::{country_field, currency_field, language_field, zone_field};
use super::done::Done;
use super::shop::staff::{NewMember, link, parse_email, setup_token};
use super::sign_in::setup_token_hash;
use super::typed::Typed;
use super::view::form::{Section, Submit};
use super::view::{
    Action, Badge, Cell, Choice, Column, Fact, Field, FieldKind, Form, Link, Notice, Page, Pager, Panel,
    Part, Post, Row, Table, Tone,
};
use super::visit::{Visit, frame, may, refused, see};
use super::words::Words;
use super::wrong::{Check, Wrong};
use crate::api::{home_region, known_zone, suspension};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::{Kind, Problem};
use crate::routes::{Route, routes};
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::event::last_sequence;
use gearify_commerce::ids::uuid_v7;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::staff::Permission::PlatformWrite;
use gearify_commerce::staff::Role;
use gearify_commerce::tenants::{
    self, Branding, Colour, Command, FontFamily, Host, Profile, Settings, Status, SuspensionCause, Tenant,
};
use gearify_commerce::time::HOUR_MS;
use gearify_commerce::{
    Code, Country, Currency, Event, Locale, Name, Site, Slug, StaffId, TenantId, Timestamp,
};

pub fn routes() -> Vec<Route> {
    routes! { "Console: platform", Console, Platform;
        Get "/console/tenants" list_tenants_page: Operator(PlatformRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Shops on this platform";
        Get "/console/tenants/new" new_tenant_page: Operator(PlatformWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another shop";
        Post "/console/tenants" create_tenant_form: Operator(PlatformWrite), PERSON, Write, Form, None, Token,
            query(), request(), 200(), "Opens a shop and shows its owner's link, once";
        Get "/console/tenants/{id}" tenant_page: Operator(PlatformRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One shop";
        Get "/console/tenants/{id}/suspend" suspend_tenant_page: Operator(PlatformWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "What suspending means";
        Post "/console/tenants/{id}/status" change_tenant_status_form: Operator(PlatformWrite), PERSON, Write, Form, None,
            Token, query(), request(), 303(), "Suspends a shop, or opens it again";
        Post "/console/tenants/{id}/domains" change_domains_form: Operator(PlatformWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Adds or removes a host name";
        Get "/console/health" health_page: Operator(PlatformRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "How the parts of this node are";
    }
}

const ROWS: usize = 50;

pub async fn list_tenants_page(visit: Visit) -> Response {
    let call = &visit.call;
    let after = TenantId::parse(visit.get("after")).ok();
    let words = Words::plain();
    let found = call.read(GroupKind::World, |view| tenants::list(view, after, ROWS + 1));
    let columns = vec![
        Column::new("Shop"),
        Column::new("Hosts"),
        Column::new("Plan").minor(),
        Column::new("Opened"),
        Column::new("State"),
    ];
    let rows = found.iter().take(ROWS).map(|tenant| {
        let href = format!("/console/tenants/{}", tenant.id);
        Row::new(vec![
            Cell::LinkLines(
                Link::new(tenant.profile.value.name.as_str(), href.clone()),
                tenant.slug.to_string(),
            ),
            Cell::List(tenant.domains.iter().map(ToString::to_string).collect()),
            Cell::Text(tenant.profile.value.plan.to_string()),
            words.time(tenant.created_at),
            Cell::badge(state(tenant.status)),
        ])
        .href(href)
        .dim(tenant.status == Status::Suspended)
    });
    let mut table = Table::new("Shops", columns).rows(rows).empty("No shop yet.");
    let next = (found.len() > ROWS).then(|| format!("/console/tenants?after={}", found[ROWS - 1].id));
    let previous = after.map(|_| "/console/tenants".to_owned());
    table.pager = Some(Pager { previous, next, words: String::new() });
    let mut page = Page::new("Shops").part(table);
    if may(call, PlatformWrite) {
        page = page.primary(Action::go("New shop", "/console/tenants/new"));
    }
    visit.show(&page)
}

fn state(status: Status) -> Badge {
    match status {
        Status::Active => Badge::new("Open", Tone::Good),
        Status::Suspended => Badge::new("Suspended", Tone::Bad),
    }
}

pub async fn new_tenant_page(visit: Visit) -> Response {
    let mut typed = Typed::default();
    for (name, value) in [
        ("currency", "GBP"),
        ("locale", "en-GB"),
        ("country", "GB"),
        ("time_zone", "Europe/London"),
        ("plan", "standard"),
    ] {
        typed.set(name, value);
    }
    visit.show(&new_page(&typed, &Wrong::default()))
}

fn new_page(typed: &Typed, wrong: &Wrong) -> Page {
    let shop = vec![
        Field::text("shop_name", "Name").half(),
        Field::text("slug", "Short name").short().hint("a-z, 0-9, hyphens; never changes."),
        Field::text("hosts", "Host names").hint("One or more, with commas: shop.example.com"),
        Field::text("plan", "Plan").short(),
    ];
    let place = vec![
        currency_field("currency", "Currency", typed),
        language_field("locale", "Language", typed),
        country_field("country", "Country", typed),
        zone_field("time_zone", "Time zone", typed),
    ];
    let owner = vec![
        Field::text("owner_name", "Name").half().autocomplete("off"),
        Field::new(FieldKind::Email, "owner_email", "E-mail").half().autocomplete("off"),
    ];
    let form = Form::post("shop", "/console/tenants")
        .guarded()
        .section(Section::new("Shop", shop))
        .section(Section::new("Place", place))
        .section(Section::new("Owner", owner).hint("Gets a link to choose a password."))
        .submit(Submit::main("Open the shop"))
        .cancel("Back to shops", "/console/tenants")
        .filled(typed, wrong);
    Page::new("New shop").under("Shops", "/console/tenants").part(Panel::new("Shop").part(form))
}

struct NewShop {
    slug: Slug,
    profile: Profile,
    hosts: Vec<Host>,
    settings: Settings,
    owner: NewMember,
}

fn read(typed: &Typed) -> Result<NewShop, Wrong> {
    let mut check = Check::new(typed);
    let name = check.value("shop_name", Name::parse);
    let slug = check.value("slug", Slug::parse);
    let hosts = check.value("hosts", |text| {
        let parts = text.split([',', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(Host::parse).collect::<Result<Vec<Host>, _>>()
    });
    let plan = check.value("plan", Code::parse);
    let currency = check.value("currency", Currency::parse);
    let locale = check.value("locale", Locale::parse);
    let country = check.value("country", Country::parse);
    let time_zone = check.value("time_zone", known_zone);
    let owner_name = check.value("owner_name", |text| Name::parse(text).map(String::from));
    let owner_email = check.value("owner_email", parse_email);
    let shop = (|| {
        Some(NewShop {
            slug: slug?,
            profile: Profile { name: name?, plan: plan? },
            hosts: hosts?,
            settings: Settings::new(currency?, locale?, country?, time_zone?),
            owner: NewMember { email: owner_email?, name: owner_name?, role: Role::Owner },
        })
    })();
    check.done(shop)
}

/// Quiet colours until the merchant chooses their own.
fn first_branding() -> Branding {
    let colour = |text| Colour::parse(text).expect("six hexadecimal digits are a colour");
    Branding {
        logo: None,
        header_colour: colour("#ffffff"),
        primary_colour: colour("#1f4d3a"),
        secondary_colour: colour("#8a7442"),
        font: FontFamily::Classic,
    }
}

pub async fn create_tenant_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let shop = match read(&typed) {
        Ok(shop) => shop,
        Err(wrong) => return Ok(refused(&call, &new_page(&typed, &wrong))),
    };
    // The same form sent twice within the hour names the same shop.
    let hour = Timestamp::from_millis(call.now().as_millis() / HOUR_MS * HOUR_MS);
    let seed = call.vault().hash(call.tenant(), "tenant-seed", typed.get("form_key").as_bytes());
    let tenant = TenantId::from_bits(uuid_v7(hour, u128::from_be_bytes(seed)));
    let host = shop.hosts.first().map_or(String::new(), ToString::to_string);
    let create = Command::CreateTenant {
        slug: shop.slug,
        profile: shop.profile,
        domains: shop.hosts,
        branding: first_branding(),
        settings: shop.settings,
        region: home_region(call.state(), None).map_err(Problem::internal)?,
    };
    if let Err(problem) = call.submit_to(tenant, create).await {
        let wrong = Wrong::of(problem, field_of)?;
        return Ok(refused(&call, &new_page(&typed, &wrong)));
    }
    let token = setup_token(&call, &typed);
    let owner = StaffIntent::Add {
        email: shop.owner.email,
        name: shop.owner.name,
        role: shop.owner.role.as_str().to_owned(),
        password_hash: None,
        setup_token_hash: Some(setup_token_hash(call.vault(), tenant, &token)),
    };
    let reply = call.submit_to(tenant, Intent::Staff(owner)).await?;
    let staff =
        StaffId::from_bits(reply.id.ok_or_else(|| Problem::internal("an owner was added without an id"))?);
    let page = Page::new("The shop is open")
        .under("Shops", "/console/tenants")
        .part(
            Panel::new("The owner's link")
                .part(Part::Copy {
                    label: "It works once, for two days.".to_owned(),
                    text: link(&call, &host, staff, &token),
                })
                .part(Part::Text("Send it by a way only they read. Nobody can see it again.".to_owned())),
        )
        .primary(Action::go("To the shop", format!("/console/tenants/{tenant}")));
    Ok(Html(page.render(&frame(&call))).into_response())
}

fn field_of(pointer: &str) -> Option<String> {
    let first = pointer.split('/').next().unwrap_or_default();
    match first {
        "slug" => Some("slug".to_owned()),
        "domains" | "host" => Some("hosts".to_owned()),
        "name" => Some("shop_name".to_owned()),
        _ => None,
    }
}

fn tenant(call: &Call, id: TenantId) -> Result<Tenant, Problem> {
    let found = call.read_tenant(id, GroupKind::World, |view| tenants::get(view));
    found.ok_or_else(|| Problem::not_found("shop"))
}

pub async fn tenant_page(visit: Visit, Path(id): Path<TenantId>) -> Result<Response, Problem> {
    let tenant = tenant(&visit.call, id)?;
    let closed = closed(&visit.call, &tenant).await;
    Ok(visit.show(&page(&visit.call, &tenant, closed, &Typed::default(), &Wrong::default())))
}

/// Events looked back through for when and why a shop was closed.
const LOOKED_BACK: usize = 500;

/// When and why the shop was closed, if it is and its history tells.
async fn closed(call: &Call, tenant: &Tenant) -> Option<Fact> {
    if tenant.status == Status::Active {
        return None;
    }
    let last = call.read_tenant(tenant.id, GroupKind::World, |view| last_sequence(view));
    let after = last.saturating_sub(LOOKED_BACK as u64);
    let backend = &call.state().backend;
    let events = backend.history(GroupKind::World, tenant.id, Site::NONE, after, LOOKED_BACK).await.ok()?;
    let told = events.iter().rev().find(|told| told.event.name() == "tenant.suspended")?;
    let why = match &told.event {
        Event::Tenants(tenants::Event::SuspendedFor { cause }) => cause_words(*cause).0,
        _ => "No cause was given",
    };
    Some(Fact::new("Suspended", Cell::Lines(why.to_owned(), Words::plain().when(told.at))))
}

fn page(call: &Call, tenant: &Tenant, closed: Option<Fact>, typed: &Typed, wrong: &Wrong) -> Page {
    let words = Words::plain();
    let path = format!("/console/tenants/{}", tenant.id);
    let settings = &tenant.settings.value;
    let mut facts: Vec<Fact> = closed.into_iter().collect();
    facts.extend([
        Fact::new("Short name", tenant.slug.as_str()),
        Fact::new("Plan", tenant.profile.value.plan.as_str()),
        Fact::new("Opened", words.time(tenant.created_at)),
        Fact::new(
            "Sells in",
            settings.currencies().map(|currency| currency.to_string()).collect::<Vec<_>>().join(", "),
        ),
        Fact::new("Speaks", settings.locales().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        Fact::new("From", settings.home.to_string()),
        Fact::new("Id", tenant.id.to_string()),
    ]);
    let may_write = may(call, PlatformWrite);
    let only = tenant.domains.len() == 1;
    let rows = tenant.domains.iter().enumerate().map(|(place, host)| {
        let canonical = if place == 0 { "The canonical one" } else { "" };
        let remove = match may_write && !only {
            true => Cell::Post(
                Post::new("Remove", format!("{path}/domains"))
                    .with("remove", host)
                    .spoken(format!("Remove {host}")),
            ),
            false => Cell::from(""),
        };
        Row::new(vec![Cell::Lines(host.to_string(), canonical.to_owned()), remove])
    });
    let mut hosts =
        Panel::new("Hosts").part(Table::new("Hosts", vec![Column::new("Host"), Column::new("")]).rows(rows));
    if may_write {
        let form = Form::post("host", format!("{path}/domains"))
            .inline()
            .fields(vec![Field::text("add", "Another host")])
            .submit(Submit::plain("Add"))
            .filled(typed, wrong);
        hosts = hosts.part(form);
    }
    let mut page = Page::new(tenant.profile.value.name.as_str())
        .under("Shops", "/console/tenants")
        .badge(state(tenant.status))
        .part(Panel::new("Shop").part(Part::Facts(facts)))
        .aside(hosts);
    if may_write {
        page = page.action(match tenant.status {
            Status::Active => Action::go("Suspend", format!("{path}/suspend")),
            Status::Suspended => {
                Post::new("Open it again", format!("{path}/status")).with("to", "active").into()
            }
        });
    }
    page
}

pub async fn suspend_tenant_page(visit: Visit, Path(id): Path<TenantId>) -> Result<Response, Problem> {
    let tenant = tenant(&visit.call, id)?;
    Ok(visit.show(&suspend_page(&tenant, &Typed::default(), &Wrong::default())))
}

/// A cause in a few words, and what it means.
pub fn cause_words(cause: SuspensionCause) -> (&'static str, &'static str) {
    match cause {
        SuspensionCause::Unpaid => ("Not paid", "An invoice of the platform is overdue."),
        SuspensionCause::Terms => ("Against the terms", "It sells or says what the platform does not allow."),
        SuspensionCause::Fraud => ("Suspected fraud", "Orders or payments are not what they seem."),
        SuspensionCause::Security => ("Security", "A login or a key is in the wrong hands."),
        SuspensionCause::Asked => ("Asked for", "The shop wants to be closed."),
        SuspensionCause::Maintenance => ("Maintenance", "It is being moved or put back."),
    }
}

fn suspend_page(tenant: &Tenant, typed: &Typed, wrong: &Wrong) -> Page {
    let id = tenant.id;
    let path = format!("/console/tenants/{id}");
    let effect = format!(
        "{} shows nothing and sells nothing from the next request on.\nIts staff can sign in and look, but change nothing.\n\
         Orders, stock and customers stay as they are. Opening it again undoes this.",
        tenant.profile.value.name
    );
    let choice = |cause: SuspensionCause| {
        let (label, about) = cause_words(cause);
        Choice::new(cause.as_str(), label).hint(about)
    };
    let causes = FieldKind::Radio(SuspensionCause::ALL.map(choice).to_vec());
    let form = Form::post("suspend", format!("{path}/status"))
        .hidden("to", "suspended")
        .fields(vec![Field::new(causes, "cause", "Why").hint("Stands in the history of the shop.")])
        .submit(Submit::danger("Suspend the shop"))
        .cancel("Keep it open", path.clone())
        .filled(typed, wrong);
    Page::new("Suspend the shop")
        .under("Shops", "/console/tenants")
        .under(tenant.profile.value.name.as_str(), path)
        .part(Panel::new("What happens").part(Part::Text(effect)).part(form))
}

pub async fn change_tenant_status_form(
    call: Call,
    Path(id): Path<TenantId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let tenant = tenant(&call, id)?;
    let (command, done) = match typed.get("to") {
        "suspended" => {
            let mut check = Check::new(&typed);
            let cause = check.choice("cause", SuspensionCause::parse);
            match check.done(cause) {
                Ok(cause) => (suspension(&call, Some(cause)), Done::Suspended),
                Err(wrong) => return Ok(refused(&call, &suspend_page(&tenant, &typed, &wrong))),
            }
        }
        "active" => (Command::Resume, Done::Resumed),
        _ => return Err(Problem::not_found("state")),
    };
    call.submit_to(id, command).await?;
    Ok(see(&format!("/console/tenants/{id}"), done))
}

pub async fn change_domains_form(
    call: Call,
    Path(id): Path<TenantId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let tenant = tenant(&call, id)?;
    let mut check = Check::new(&typed);
    let command = if typed.has("remove") {
        check.value("remove", Host::parse).map(|host| Command::RemoveDomain { host })
    } else {
        check.value("add", Host::parse).map(|host| Command::AddDomain { host })
    };
    let wrong = match check.done(command) {
        Ok(command) => match call.submit_to(id, command).await {
            Ok(_) => return Ok(see(&format!("/console/tenants/{id}"), Done::Saved)),
            Err(problem) => {
                let taken = problem.kind() == Kind::AlreadyExists;
                let wrong = Wrong::of(problem, |_| Some("add".to_owned()))?;
                if taken { Wrong::field("add", wrong.form.unwrap_or_default()) } else { wrong }
            }
        },
        Err(wrong) => wrong,
    };
    let closed = closed(&call, &tenant).await;
    Ok(refused(&call, &page(&call, &tenant, closed, &typed, &wrong)))
}

pub async fn health_page(visit: Visit) -> Response {
    let state = visit.call.state();
    let parts = state.health.parts();
    let ready = parts.iter().all(|part| part.ready);
    let rows = parts.iter().map(|part| {
        let badge = if part.ready {
            Badge::new("Serves", Tone::Good)
        } else {
            Badge::new("Does not serve", Tone::Bad)
        };
        Row::new(vec![Cell::Text(part.part.clone()), Cell::badge(badge), Cell::Text(part.detail.clone())])
    });
    let columns = vec![Column::new("Part"), Column::new("State"), Column::new("More")];
    let groups =
        [(GroupKind::World, "World"), (GroupKind::Catalogue, "Catalogue"), (GroupKind::Region, "Region")];
    let index = |group| state.backend.position(group, TenantId::PLATFORM).index;
    let positions = groups.map(|(group, name)| Fact::new(name, index(group).to_string()));
    let notice = match ready {
        true => Notice::new(Tone::Good, "This node serves."),
        false => Notice::new(Tone::Bad, "This node does not serve.").text("The parts below say why."),
    };
    let page = Page::new("Health")
        .part(notice)
        .part(Table::new("Parts", columns).rows(rows))
        .aside(Panel::new("Entries applied").part(Part::Facts(positions.to_vec())));
    visit.show(&page)
}
