//! Stories of this context.

use super::*;
use crate::check::Problem;
use crate::harness::Harness;
use crate::ids::TenantId;
use crate::locale::{Country, Locale, RegionCode};
use crate::money::Currency;
use crate::text::{Name, Slug, Text};
use crate::{Code, command};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn settings() -> Settings {
    let zone = TimeZone::parse("Europe/London").unwrap();
    Settings::new(Currency::GBP, Locale::parse("en-GB").unwrap(), Country::parse("GB").unwrap(), zone)
}

fn branding() -> Branding {
    let colour = Colour::parse("#0b3d2e").unwrap();
    Branding {
        logo: None,
        header_colour: colour.clone(),
        primary_colour: colour.clone(),
        secondary_colour: colour,
        font: FontFamily::Classic,
    }
}

fn create(slug: &str, domains: &[&str]) -> Command {
    Command::CreateTenant {
        slug: Slug::parse(slug).unwrap(),
        profile: Profile { name: name(slug), plan: Code::parse("standard").unwrap() },
        domains: domains.iter().map(|text| host(text)).collect(),
        branding: branding(),
        settings: settings(),
        region: name("london"),
    }
}

fn refused(shop: &mut Harness, command: Command) -> Refusal {
    match shop.refused(command) {
        command::Refusal::Tenants(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[test]
fn a_tenant_is_found_by_host_and_slug() {
    let mut shop = Harness::new();
    shop.run(create("willow", &["willow.example", "www.willow.example"]));
    let willow = shop.tenant;
    let found = |shop: &Harness, host: &str| by_host(&shop.view(), host);
    assert_eq!(found(&shop, "WILLOW.example"), Some(willow));
    assert_eq!(found(&shop, "other.example"), None);
    assert_eq!(by_slug(&shop.view(), &Slug::parse("willow").unwrap()), Some(willow));
    shop.run(Command::RemoveDomain { host: host("willow.example") });
    assert_eq!(found(&shop, "willow.example"), None);
    assert_eq!(get(&shop.view()).unwrap().domains, [host("www.willow.example")]);
    assert_eq!(shop.story(), ["tenant.created", "tenant.domain_removed"]);
}

#[test]
fn hosts_and_slugs_belong_to_one_tenant() {
    let mut shop = Harness::new();
    shop.run(create("willow", &["willow.example"]));
    let second = TenantId::from_bits(0x72);
    shop.switch(second);
    let taken = Refusal::HostTaken { host: host("willow.example") };
    assert_eq!(refused(&mut shop, create("maidan", &["willow.example"])), taken);
    assert!(get(&shop.view()).is_none(), "a refusal leaves nothing behind");
    let slug = Slug::parse("willow").unwrap();
    assert_eq!(refused(&mut shop, create("willow", &[])), Refusal::SlugTaken { slug });
    shop.run(create("maidan", &["maidan.example"]));
    assert_eq!(refused(&mut shop, Command::AddDomain { host: host("willow.example") }), taken);
    let slugs =
        |after| list(&shop.view(), after, 10).into_iter().map(|t| t.slug.to_string()).collect::<Vec<_>>();
    assert_eq!(slugs(None), ["willow", "maidan"]);
    assert_eq!(slugs(Some(TenantId::from_bits(0x71))), ["maidan"]);
}

#[test]
fn the_platform_is_no_tenant() {
    let mut shop = Harness::new();
    shop.switch(TenantId::PLATFORM);
    assert_eq!(refused(&mut shop, create("willow", &[])), Refusal::Platform);
    shop.switch(TenantId::from_bits(9));
    assert_eq!(refused(&mut shop, Command::Suspend), Refusal::UnknownTenant);
}

#[test]
fn a_group_changed_from_an_old_revision_is_stale() {
    let mut shop = Harness::new();
    shop.run(create("willow", &[]));
    let update = |expected| Command::UpdateBranding { expected, branding: branding() };
    assert_eq!(shop.run(update(Some(1))).revision, 2);
    assert_eq!(refused(&mut shop, update(Some(1))), Refusal::Stale { revision: 2 });
    assert_eq!(shop.run(update(None)).revision, 3);
    let tenant = get(&shop.view()).unwrap();
    assert_eq!((tenant.branding.revision, tenant.settings.revision), (3, 1), "groups count apart");
}

#[test]
fn pages_count_their_versions() {
    let mut shop = Harness::new();
    shop.run(create("willow", &[]));
    let body = Text::new(Locale::parse("en").unwrap(), "# Terms\n\nPlay fair.");
    let write = |expected, body| Command::UpdatePage { expected, kind: PageKind::Terms, body };
    assert_eq!(shop.run(write(Some(0), body.clone())).revision, 1);
    assert_eq!(refused(&mut shop, write(Some(0), body.clone())), Refusal::Stale { revision: 1 });
    assert_eq!(page(&shop.view(), PageKind::Terms).unwrap().body, body);
    let long = Text::new(Locale::parse("en").unwrap(), "x".repeat(PAGE_CHARS_MAX + 1));
    let Refusal::Invalid(invalid) = refused(&mut shop, write(None, long)) else { panic!("too long") };
    assert_eq!(invalid.field, "body");
    let many: Text = ["en", "hi", "ta", "te"]
        .map(|tag| (Locale::parse(tag).unwrap(), "ब".repeat(PAGE_CHARS_MAX)))
        .into_iter()
        .collect();
    let Refusal::Invalid(invalid) = refused(&mut shop, write(None, many)) else { panic!("too large") };
    assert!(matches!(invalid.problem, Problem::TooLarge { .. }));
}

#[test]
fn settings_are_checked_as_a_whole() {
    let mut shop = Harness::new();
    shop.run(create("willow", &[]));
    let mut check = |change: fn(&mut Settings), field: &str| {
        let mut settings = settings();
        change(&mut settings);
        match refused(&mut shop, Command::UpdateSettings { expected: None, settings }) {
            Refusal::Invalid(invalid) => assert_eq!(invalid.field, field),
            other => panic!("{field}: {other}"),
        }
    };
    check(|s| s.further_currencies = vec![Currency::GBP], "further_currencies");
    check(|s| s.payment_methods.clear(), "payment_methods");
    check(|s| s.home.region = Some(RegionCode::parse("IN-MH").unwrap()), "home/region");
    check(|s| s.lifetimes.checkout_hold_ms = 0, "lifetimes/checkout_hold_ms");
    check(|s| s.numbers.start = 0, "numbers/start");
    check(|s| s.numbers.start = u64::MAX, "numbers/start");
}

#[test]
fn nobody_elses_website_may_ask_until_it_is_named() {
    let mut shop = Harness::new();
    shop.run(create("willow", &[]));
    assert_eq!(origins(&shop.view()), Origins::default());
    let origin = |text| Origin::parse(text).unwrap();
    fn update(expected: Option<u64>, named: &[&str]) -> Command {
        let origins = named.iter().map(|text| Origin::parse(text).unwrap()).collect();
        Command::UpdateOrigins { expected, origins }
    }
    assert_eq!(shop.run(update(Some(0), &["https://www.example.com"])).revision, 1);
    assert_eq!(origins(&shop.view()).origins, [origin("https://www.example.com")]);
    assert_eq!(refused(&mut shop, update(Some(0), &[])), Refusal::Stale { revision: 1 });
    let twice = update(None, &["https://a.example", "https://a.example:443"]);
    let Refusal::Invalid(invalid) = refused(&mut shop, twice) else { panic!("named twice") };
    assert_eq!(invalid.field, "origins");
    let many: Vec<String> = (0..=ORIGINS_MAX).map(|n| format!("https://s{n}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(refused(&mut shop, update(None, &many)), Refusal::Invalid(_)));
    shop.run(update(Some(1), &[]));
    assert_eq!(origins(&shop.view()), Origins { revision: 2, origins: vec![] });
}

#[test]
fn suspending_twice_happens_once() {
    let mut shop = Harness::new();
    shop.run(create("willow", &[]));
    let cause = SuspensionCause::Unpaid;
    let why = Command::SuspendFor { cause };
    for command in [Command::Suspend, Command::Suspend, why.clone(), Command::Resume, Command::Resume, why] {
        shop.run(command);
    }
    let story = ["tenant.created", "tenant.suspended", "tenant.resumed", "tenant.suspended"];
    assert_eq!(shop.story(), story);
    let last = shop.events.last().map(|told| told.event.clone());
    assert_eq!(last, Some(Event::SuspendedFor { cause }.into()));
    assert_eq!(get(&shop.view()).unwrap().status, Status::Suspended);
}

#[test]
fn a_cause_is_read_as_it_is_written() {
    for cause in SuspensionCause::ALL {
        assert_eq!(SuspensionCause::parse(cause.as_str()), Some(cause));
    }
    assert_eq!(SuspensionCause::parse("Unpaid"), None);
}
