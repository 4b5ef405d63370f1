//! Signing in, the account, failures.

use super::super::account::{
    AddressCard, AddressEditPage, AddressesPage, FormPage, OrderRow, OrdersPage, ProfilePage, RegisterPage,
    SignInPage,
};
use super::super::address::{AddressPart, address_field};
use super::super::content::ProblemPage;
use super::super::order::{OrderHeadline, OrderPage};
use super::super::parts::{Field, FieldKind, Link, Tone};
use super::{Mode, Sample, SamplePage, TODAY, buy};

pub(super) fn pages(sample: &Sample, pages: &mut Vec<SamplePage>) {
    let mut add = |name, path: &str, page: Box<dyn super::Page>| {
        pages.push(SamplePage { name, path: path.to_owned(), page });
    };
    add("sign-in", "/account/sign-in", Box::new(sign_in(sample)));
    add("register", "/account/register", Box::new(register(sample)));
    add("password-reset", "/account/password-reset", Box::new(reset(sample)));
    add("account-profile", "/account", Box::new(profile(sample)));
    add("account-orders", "/account/orders", Box::new(orders(sample)));
    add(
        "account-order",
        "/account/orders/1",
        Box::new(OrderPage { in_account: true, ..buy::order(sample, OrderHeadline::InProgress) }),
    );
    add("account-addresses", "/account/addresses", Box::new(addresses(sample)));
    add("account-address", "/account/addresses/new", Box::new(address(sample)));
    add("problem-403", "/cart", Box::new(problem(sample, 403, None)));
    add("problem-429", "/search", Box::new(problem(sample, 429, Some(30))));
    add("problem-500", "/", Box::new(problem(sample, 500, None)));
    add("problem-503", "/cart", Box::new(problem(sample, 503, Some(5))));
}

fn sign_in(sample: &Sample) -> SignInPage {
    SignInPage {
        email: sample.say("meera@customer.example"),
        error: Some(
            sample.say("E-mail and password do not fit together. Check both, or set a new password."),
        ),
        next: sample.code("/checkout/contact"),
        guest_href: Some("/checkout/contact".to_owned()),
    }
}

fn register(sample: &Sample) -> RegisterPage {
    let t = sample.locale.text();
    RegisterPage {
        fields: vec![
            Field::new(FieldKind::Text, "name", t.field_name())
                .autocomplete("name")
                .value(sample.say("Meera Quill")),
            Field::new(FieldKind::Email, "email", t.email()).autocomplete("email"),
            Field::new(FieldKind::Password, "password", t.password())
                .autocomplete("new-password")
                .hint(sample.say("Ten characters or more"))
                .error(Some(sample.say("Six characters are too few; four more make it ten."))),
        ],
        consent: Some(
            Field::new(FieldKind::Tick, "consent.marketing", sample.say("Write to me about new bats"))
                .optional(),
        ),
        error: None,
        next: String::new(),
        terms: sample.list(vec![Link::new(sample.say("Terms"), "/pages/terms")]),
    }
}

fn reset(sample: &Sample) -> FormPage {
    FormPage {
        title: sample.say("A new password"),
        introduction: sample.say("We send a link that works once, for an hour."),
        action: "/account/password-reset".to_owned(),
        hidden: vec![("token".to_owned(), sample.code("sample"))],
        fields: vec![
            Field::new(FieldKind::Email, "email", sample.locale.text().email()).autocomplete("email"),
        ],
        button: sample.say("Send the link"),
        error: None,
        links: sample.list(vec![Link::new(sample.say("Back"), "/account/sign-in")]),
    }
}

fn profile(sample: &Sample) -> ProfilePage {
    let t = sample.locale.text();
    ProfilePage {
        error: None,
        email: sample.say("meera@customer.example"),
        unverified: true,
        fields: vec![
            Field::new(FieldKind::Text, "name", t.field_name())
                .autocomplete("name")
                .value(sample.say("Meera Quill")),
            Field::new(FieldKind::Number { min: 100, max: 230 }, "height", sample.say("Height in cm"))
                .optional(),
            Field::new(FieldKind::Tick, "consent.marketing", sample.say("Write to me about new bats"))
                .optional()
                .value("yes"),
        ],
    }
}

fn orders(sample: &Sample) -> OrdersPage {
    let row = |number: &str, status: &str, tone, pence| OrderRow {
        number: sample.say(number),
        href: "/account/orders/1".to_owned(),
        placed_on: TODAY,
        status: sample.say(status),
        tone,
        item_count: 3,
        total: sample.amount(pence),
        contents: sample.say("Longacre Meridian and 2 more"),
    };
    OrdersPage {
        unverified: sample.mode == Mode::Empty,
        orders: sample.list(vec![
            row("W-1042", "being made ready", Tone::Information, 33_095),
            row("W-0987", "delivered", Tone::Done, 8_400),
            row("W-0912", "payment failed", Tone::Problem, 5_650),
        ]),
        previous_href: None,
        next_href: (sample.mode != Mode::Empty).then(|| "?page=2".to_owned()),
    }
}

fn addresses(sample: &Sample) -> AddressesPage {
    let card = |id: &str, is_default| AddressCard {
        id: sample.code(id),
        lines: ["Meera Quill", "12 Tea Interval Lane", "Example Town M1 2AB"]
            .map(|line| sample.say(line))
            .to_vec(),
        is_default,
    };
    AddressesPage { addresses: sample.list(vec![card("address_1", true), card("address_2", false)]) }
}

fn address(sample: &Sample) -> AddressEditPage {
    let parts = [
        AddressPart::Name,
        AddressPart::Company,
        AddressPart::Line1,
        AddressPart::Line2,
        AddressPart::Locality,
        AddressPart::City,
        AddressPart::Region,
        AddressPart::PostalCode,
        AddressPart::Phone,
    ];
    AddressEditPage {
        id: (sample.mode == Mode::Hostile).then(|| sample.code("address_1")),
        fields: parts
            .map(|part| address_field(part, "address", sample.locale.country(), sample.locale))
            .to_vec(),
        error: None,
    }
}

fn problem(sample: &Sample, status: u16, retry_after_seconds: Option<u64>) -> ProblemPage {
    ProblemPage {
        status,
        detail: (sample.mode == Mode::Hostile).then(|| sample.say("More about it")),
        request_id: sample.say("req_0199sample"),
        retry_after_seconds,
        action: (status == 403).then(|| Link::new(sample.locale.text().sign_in(), "/account/sign-in")),
    }
}
