//! Settings: currencies, languages, payments, taxes, lifetimes, order numbers, and the shop's name.

use super::spans::{parse_span, span_text};
use crate::api::known_zone;
use crate::console::choices::{
    country_field, currencies_field, currency_field, language_field, languages_field, zone_field,
};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section, Submit};
use crate::console::view::{Field, FieldKind, Form, Page, Panel};
use crate::console::visit::{Visit, may, refused, see};
use crate::console::wrong::{Check, Wrong};
use crate::gate::Call;
use crate::problem::Problem;
use crate::storefront::at_checkout;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::shipping;
use gearify_commerce::staff::Permission::SettingsWrite;
use gearify_commerce::tax::{Elsewhere, Place, Rounding};
use gearify_commerce::tenants::{
    self, Command, Lifetimes, NumberPrefix, OrderNumbers, Origin, PaymentMethod, Profile, Settings,
    TaxSettings,
};
use gearify_commerce::{Country, Currency, Locale, Name, RateId, RegionCode};
use std::fmt::Display;

pub async fn settings_page(visit: Visit) -> Result<Response, Problem> {
    let tenant = &visit.call.shop()?.tenant;
    let typed = write(&tenant.settings.value);
    Ok(visit.show(&page(&visit.call, &typed, &Wrong::default())?))
}

fn write(settings: &Settings) -> Typed {
    let mut typed = Typed::default();
    typed.set("currency", settings.currency);
    settings.further_currencies.iter().for_each(|currency| typed.add("further_currencies", currency));
    typed.set("locale", &settings.locale);
    settings.further_locales.iter().for_each(|locale| typed.add("further_locales", locale));
    typed.set("time_zone", &settings.time_zone);
    typed.set("home_country", &settings.home.country);
    typed.set("home_region", settings.home.region.as_ref().map_or("", RegionCode::as_str));
    typed.set("default_rate", settings.default_rate.map_or(String::new(), |rate| rate.to_string()));
    settings.payment_methods.iter().for_each(|method| typed.add("payment_methods", method));
    typed.set("prices_include_tax", if settings.tax.prices_include_tax { "yes" } else { "no" });
    typed.set("rounding", rounding_word(settings.tax.rounding));
    typed.set("elsewhere", elsewhere_word(settings.tax.elsewhere));
    for (name, millis) in named(&settings.lifetimes) {
        typed.set(name, span_text(millis));
    }
    typed.set("prefix", &settings.numbers.prefix);
    typed.set("start", settings.numbers.start);
    typed
}

fn rounding_word(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::PerLine => "line",
        Rounding::PerOrder => "order",
    }
}

fn elsewhere_word(elsewhere: Elsewhere) -> &'static str {
    match elsewhere {
        Elsewhere::KeepGross => "gross",
        Elsewhere::KeepNet => "net",
    }
}

fn named(lifetimes: &Lifetimes) -> [(&'static str, i64); 7] {
    [
        ("anonymous_cart_ms", lifetimes.anonymous_cart_ms),
        ("customer_cart_ms", lifetimes.customer_cart_ms),
        ("session_ms", lifetimes.session_ms),
        ("checkout_hold_ms", lifetimes.checkout_hold_ms),
        ("unpaid_order_ms", lifetimes.unpaid_order_ms),
        ("unpaid_manual_order_ms", lifetimes.unpaid_manual_order_ms),
        ("cart_idle_ms", lifetimes.cart_idle_ms),
    ]
}

const LIFETIMES: [(&str, &str); 7] = [
    ("anonymous_cart_ms", "A guest's cart"),
    ("customer_cart_ms", "A customer's cart"),
    ("session_ms", "A login"),
    ("checkout_hold_ms", "Stock held at checkout"),
    ("unpaid_order_ms", "An order waiting for payment"),
    ("unpaid_manual_order_ms", "An order waiting for a transfer"),
    ("cart_idle_ms", "Idle until a cart counts as abandoned"),
];

fn sections(call: &Call, typed: &Typed) -> Vec<Section> {
    let yes_no = |yes: &str, no: &str| vec![Choice::new("yes", yes), Choice::new("no", no)];
    let money = vec![
        currency_field("currency", "Currency", typed),
        currencies_field("further_currencies", "Further currencies", typed),
        Field::new(
            FieldKind::Radio(yes_no("With tax", "Without tax")),
            "prices_include_tax",
            "New price lists",
        ),
        Field::new(
            FieldKind::Radio(vec![
                Choice::new("line", "In every line"),
                Choice::new("order", "Once in the order"),
            ]),
            "rounding",
            "Tax is rounded",
        ),
        Field::new(
            FieldKind::Radio(vec![
                Choice::new("gross", "The shopper pays the same everywhere"),
                Choice::new("net", "You keep the same everywhere"),
            ]),
            "elsewhere",
            "Where other taxes are due",
        ),
    ];
    let place = vec![
        language_field("locale", "Language", typed),
        zone_field("time_zone", "Time zone", typed),
        country_field("home_country", "Country you sell from", typed),
        Field::text("home_region", "Part of it")
            .optional()
            .short()
            .hint("Such as IN-MH, where taxes depend on it."),
        languages_field("further_locales", "Further languages", typed),
    ];
    let production = call.state().settings.production;
    // What nobody could pay with is not offered; one that is ticked already can be taken off.
    let offered = |method: &PaymentMethod| match method {
        PaymentMethod::Test => !production,
        method => at_checkout(*method) || typed.all("payment_methods").iter().any(|on| on == method.as_str()),
    };
    let methods = PaymentMethod::ALL.into_iter().filter(offered);
    let methods = methods.map(|method| Choice::new(method.as_str(), method_words(method)));
    let pay = vec![
        Field::new(FieldKind::Ticks(methods.collect()), "payment_methods", "Ways to pay"),
        Field::select("default_rate", "Delivery chosen beforehand", rate_choices(call)).optional(),
    ];
    let spans = LIFETIMES.map(|(name, label)| Field::text(name, label).short()).to_vec();
    let numbers = vec![
        Field::text("prefix", "Before the number").optional().short().hint("A-Z, 0-9 and -, such as WLW-."),
        Field::number("start", "First number"),
    ];
    vec![
        Section::new("Money", money),
        Section::new("Place and language", place),
        Section::new("Checkout", pay),
        Section::new("How long things last", spans).hint("A number with d, h, min or s: 30 min."),
        Section::new("Order numbers", numbers),
    ]
}

fn method_words(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Test => "Test payments (not in production)",
        PaymentMethod::Manual => "Bank transfer or cash, marked by staff",
        PaymentMethod::Stripe => "Cards, by Stripe",
        PaymentMethod::Paypal => "PayPal",
    }
}

fn rate_choices(call: &Call) -> Vec<Choice> {
    let mut choices = vec![Choice::new("", "None")];
    let Ok(settings) = crate::console::visit::settings(call) else { return choices };
    call.read(GroupKind::Catalogue, |view| {
        for zone in shipping::zones(view) {
            for rate in shipping::rates_of(view, zone.id).into_iter().filter(|rate| !rate.archived) {
                let name = rate.details.name.words(&settings.locale, &settings.locale).to_owned();
                choices.push(Choice::new(rate.id, format!("{name}, {}", zone.details.name)));
            }
        }
    });
    choices
}

fn page(call: &Call, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let tenant = &call.shop()?.tenant;
    let may_write = may(call, SettingsWrite);
    let mut form = Form::post("settings", "/console/settings")
        .guarded()
        .hidden("expected", wrong.stands_at.unwrap_or(tenant.settings.revision));
    form.sections = sections(call, typed);
    let mut page = Page::new("Settings");
    if may_write {
        form = form.submit(Submit::main("Save"));
        page = page.primary(crate::console::view::Action::send("Save", "settings"));
    }
    page = page.part(Panel::new("Settings").part(form.filled(typed, wrong)));
    let nothing = Typed::default();
    Ok(page.aside(name_panel(call, &nothing, &Wrong::default(), may_write)?).aside(origins_panel(
        call,
        &nothing,
        &Wrong::default(),
        may_write,
    )))
}

fn origins_panel(call: &Call, typed: &Typed, wrong: &Wrong, may_write: bool) -> Panel {
    let listed = call.read(GroupKind::World, |view| tenants::origins(view));
    let lines: Vec<String> = listed.origins.iter().map(ToString::to_string).collect();
    let mut form = Form::post("origins", "/console/settings/origins")
        .hidden("expected", wrong.stands_at.unwrap_or(listed.revision))
        .fields(vec![
            Field::new(FieldKind::Area { rows: 4 }, "origins", "Whose scripts may use this shop's interface")
                .optional()
                .value(lines.join("\n"))
                .hint("One a line, such as https://www.example.com. No other website may."),
        ]);
    if may_write {
        form = form.submit(Submit::plain("Save the list"));
    }
    Panel::new("Other websites").part(form.filled(typed, wrong))
}

fn name_panel(call: &Call, typed: &Typed, wrong: &Wrong, may_write: bool) -> Result<Panel, Problem> {
    let profile = &call.shop()?.tenant.profile;
    let mut form = Form::post("name", "/console/settings/name")
        .hidden("expected", wrong.stands_at.unwrap_or(profile.revision))
        .fields(vec![Field::text("name", "Shown in the shop and on invoices").value(&profile.value.name)]);
    if may_write {
        form = form.submit(Submit::plain("Rename"));
    }
    Ok(Panel::new("Name of the shop").part(form.filled(typed, wrong)))
}

/// All that is ticked under a name.
fn several<T, E: Display>(
    check: &mut Check<'_>,
    typed: &Typed,
    name: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Option<Vec<T>> {
    let read: Result<Vec<T>, E> = typed.all(name).iter().map(|text| parse(text.trim())).collect();
    read.map_err(|error| check.fault(name, error)).ok()
}

fn read(typed: &Typed, production: bool) -> Result<Settings, Wrong> {
    let mut check = Check::new(typed);
    let currency = check.value("currency", Currency::parse);
    let further_currencies = several(&mut check, typed, "further_currencies", Currency::parse);
    let locale = check.value("locale", Locale::parse);
    let further_locales = several(&mut check, typed, "further_locales", Locale::parse);
    let time_zone = check.value("time_zone", known_zone);
    let country = check.value("home_country", Country::parse);
    let region = check.optional("home_region", RegionCode::parse);
    let default_rate = check.optional("default_rate", RateId::parse);
    let methods: Vec<PaymentMethod> =
        typed.all("payment_methods").iter().filter_map(|text| PaymentMethod::parse(text)).collect();
    if production && methods.contains(&PaymentMethod::Test) {
        check.fault("payment_methods", "Test payments are not for production");
    }
    let rounding = check.choice("rounding", |text| match text {
        "line" => Some(Rounding::PerLine),
        "order" => Some(Rounding::PerOrder),
        _ => None,
    });
    let elsewhere = check.choice("elsewhere", |text| match text {
        "gross" => Some(Elsewhere::KeepGross),
        "net" => Some(Elsewhere::KeepNet),
        _ => None,
    });
    let lifetimes = read_lifetimes(&mut check);
    let prefix =
        NumberPrefix::parse(typed.trimmed("prefix")).map_err(|error| check.fault("prefix", error)).ok();
    let start: Option<i64> = check.integer("start", 1, 1 << 40);
    let settings = (|| {
        Some(Settings {
            currency: currency?,
            further_currencies: further_currencies?,
            time_zone: time_zone?,
            locale: locale?,
            further_locales: further_locales?,
            home: Place { country: country?, region: region? },
            default_rate: default_rate?,
            payment_methods: methods,
            tax: TaxSettings {
                prices_include_tax: typed.get("prices_include_tax") == "yes",
                rounding: rounding?,
                elsewhere: elsewhere?,
            },
            lifetimes: lifetimes?,
            numbers: OrderNumbers { prefix: prefix?, start: u64::try_from(start?).ok()? },
        })
    })();
    check.done(settings)
}

fn read_lifetimes(check: &mut Check<'_>) -> Option<Lifetimes> {
    let read = LIFETIMES.map(|(name, _)| check.value(name, parse_span));
    let [anonymous, customer, session, hold, unpaid, manual, idle] = read;
    Some(Lifetimes {
        anonymous_cart_ms: anonymous?,
        customer_cart_ms: customer?,
        session_ms: session?,
        checkout_hold_ms: hold?,
        unpaid_order_ms: unpaid?,
        unpaid_manual_order_ms: manual?,
        cart_idle_ms: idle?,
    })
}

fn field_of(pointer: &str) -> Option<String> {
    match pointer {
        "home/region" => Some("home_region".to_owned()),
        "numbers/start" => Some("start".to_owned()),
        "further_currencies" | "further_locales" | "payment_methods" => Some(pointer.to_owned()),
        _ => pointer.strip_prefix("lifetimes/").map(str::to_owned),
    }
}

pub async fn update_settings_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let expected = typed.get("expected").parse().ok();
    let wrong = match read(&typed, call.state().settings.production) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(settings) => match call.submit(Command::UpdateSettings { expected, settings }).await {
            Ok(_) => return Ok(see("/console/settings", Done::Saved)),
            Err(problem) => Wrong::of(problem, field_of)?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, &typed, &wrong)?))
}

pub async fn update_name_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let plan = call.shop()?.tenant.profile.value.plan.clone();
    let expected = typed.get("expected").parse().ok();
    let mut check = Check::new(&typed);
    let name = check.value("name", Name::parse);
    let wrong = match check.done(name) {
        Ok(name) => {
            let profile = Profile { name, plan };
            match call.submit(Command::UpdateProfile { expected, profile }).await {
                Ok(_) => return Ok(see("/console/settings", Done::Saved)),
                Err(problem) => Wrong::of(problem, |pointer| Some(pointer.to_owned()))?,
            }
        }
        Err(wrong) => wrong,
    };
    let page = Page::new("Name of the shop").under("Settings", "/console/settings");
    Ok(refused(&call, &page.part(name_panel(&call, &typed, &wrong, true)?)))
}

pub async fn update_origins_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let expected = typed.get("expected").parse().ok();
    let mut check = Check::new(&typed);
    let named = check.optional("origins", |text| {
        let parse = |line| Origin::parse(line).map_err(|error| format!("“{line}”: {error}"));
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(parse).collect::<Result<Vec<_>, _>>()
    });
    let wrong = match check.done(named) {
        Ok(named) => {
            let origins = named.unwrap_or_default();
            match call.submit(Command::UpdateOrigins { expected, origins }).await {
                Ok(_) => return Ok(see("/console/settings", Done::Saved)),
                Err(problem) => Wrong::of(problem, |pointer| Some(pointer.to_owned()))?,
            }
        }
        Err(wrong) => wrong,
    };
    let page = Page::new("Other websites").under("Settings", "/console/settings");
    Ok(refused(&call, &page.part(origins_panel(&call, &typed, &wrong, true))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_their_form() {
        let zone = tenants::TimeZone::parse("Asia/Kolkata").unwrap();
        let mut settings = Settings::new(
            Currency::INR,
            Locale::parse("hi-IN").unwrap(),
            Country::parse("IN").unwrap(),
            zone,
        );
        settings.further_currencies = vec![Currency::USD, Currency::JPY];
        settings.further_locales = vec![Locale::parse("en-IN").unwrap()];
        settings.home.region = Some(RegionCode::parse("IN-MH").unwrap());
        settings.default_rate = Some(RateId::from_bits(7));
        settings.payment_methods = vec![PaymentMethod::Manual, PaymentMethod::Paypal];
        settings.tax = TaxSettings {
            prices_include_tax: false,
            rounding: Rounding::PerOrder,
            elsewhere: Elsewhere::KeepNet,
        };
        settings.lifetimes.checkout_hold_ms = 90_500;
        settings.numbers = OrderNumbers { prefix: NumberPrefix::parse("MDN-").unwrap(), start: 5_000 };
        assert_eq!(read(&write(&settings), true), Ok(settings));
    }

    #[test]
    fn everything_wrong_is_named() {
        let mut typed = Typed::default();
        typed.set("currency", "pounds");
        typed.set("time_zone", "Mars/Base");
        typed.add("payment_methods", "test");
        typed.set("session_ms", "a day");
        let wrong = read(&typed, true).unwrap_err();
        for field in ["currency", "time_zone", "payment_methods", "session_ms", "locale", "start"] {
            assert!(wrong.fields.contains_key(field), "{field}");
        }
    }
}
