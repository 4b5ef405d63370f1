//! Basket, checkout, orders.

use super::super::address::{AddressPart, address_field};
use super::super::cart::{CartComponent, CartLine, CartPage, DestinationForm, ShippingCost, TaxLine, Totals};
use super::super::checkout::{
    CheckoutSummary, ContactPage, CouponForm, DeliveryPage, NotDeliverablePage, PaymentMethod, PaymentPage,
    ReviewError, ReviewPage, SavedAddress, ShippingOption,
};
use super::super::order::{
    OrderHeadline, OrderLookUpPage, OrderPage, Parcel, PaymentRecord, PaymentRetry, Transfer,
};
use super::super::parts::{
    AddressLines, Choice, DeliveryWindow, Field, FieldKind, Link, Notice, StepState, TimelineStep, Tone,
};
use super::{HELD_UNTIL, Mode, NOW, Sample, SamplePage, TODAY, browse};
use crate::illustration::Kind;

pub(super) fn pages(sample: &Sample, pages: &mut Vec<SamplePage>) {
    let mut add = |name, path: &str, page: Box<dyn super::Page>| {
        pages.push(SamplePage { name, path: path.to_owned(), page });
    };
    add("cart", "/cart", Box::new(cart(sample)));
    add("cart-empty", "/cart", Box::new(CartPage { lines: Vec::new(), notices: Vec::new(), ..cart(sample) }));
    add("checkout-contact", "/checkout/contact", Box::new(contact(sample)));
    add("checkout-delivery", "/checkout/delivery", Box::new(delivery(sample)));
    add("checkout-delivery-wrong", "/checkout/delivery", Box::new(delivery_wrong(sample)));
    add("checkout-payment", "/checkout/payment", Box::new(payment(sample)));
    add("checkout-review", "/checkout/review", Box::new(review(sample)));
    add("not-deliverable", "/cart", Box::new(not_deliverable(sample)));
    add("order-thanks", "/orders/1", Box::new(order(sample, OrderHeadline::Thanks)));
    add("order-failed", "/orders/1", Box::new(order_failed(sample)));
    add("order-pending", "/orders/1", Box::new(order(sample, OrderHeadline::PaymentPending)));
    add("order-look-up", "/orders/look-up", Box::new(look_up(sample)));
}

fn lines(sample: &Sample) -> Vec<CartLine> {
    sample.list(vec![
        CartLine {
            id: sample.code("line_1"),
            name: sample.say("Longacre Meridian"),
            href: Some("/p/longacre-meridian".to_owned()),
            picture: Some(sample.picture(Kind::Bat, "crimson", 20)),
            options: sample.say("Short handle · 2 lb 8 oz"),
            sku: sample.say("BAT-LM-1134-sh"),
            quantity: 1,
            quantity_max: 9,
            unit_price: sample.amount(28_900),
            list_price: Some(sample.amount(31_500)),
            total: sample.amount(31_900),
            components: vec![CartComponent {
                name: sample.say("Knocking in"),
                price: Some(sample.amount(3_000)),
                note: Some(sample.say("adds 3 days")),
            }],
            notices: Vec::new(),
            error: None,
        },
        CartLine {
            id: sample.code("line_2"),
            name: sample.say("County match ball"),
            href: Some("/p/county".to_owned()),
            picture: Some(sample.picture(Kind::Ball, "crimson", 5)),
            options: sample.say("156 g"),
            sku: sample.say("BALL-C-156"),
            quantity: 2,
            quantity_max: 2,
            unit_price: sample.amount(1_850),
            list_price: None,
            total: sample.amount(3_700),
            components: Vec::new(),
            notices: vec![sample.say("Only 2 left")],
            error: Some(sample.say("You asked for 4; 2 are left, so we set it to 2.")),
        },
    ])
}

fn totals(sample: &Sample, known: bool) -> Totals {
    Totals {
        subtotal: sample.amount(35_600),
        discount: known.then(|| sample.amount(1_000)),
        shipping: if known { ShippingCost::Known(sample.amount(495)) } else { ShippingCost::Unknown },
        taxes: sample.list(vec![TaxLine { name: sample.say("VAT 20 %"), amount: sample.amount(5_849) }]),
        tax_included: true,
        total: sample.amount(if known { 35_095 } else { 35_600 }),
        estimated: !known,
        gift_cards: known.then(|| sample.amount(2_000)),
        amount_due: known.then(|| sample.amount(33_095)),
    }
}

fn countries(sample: &Sample) -> Vec<Choice> {
    [("GB", "United Kingdom"), ("IE", "Ireland"), ("AU", "Australia"), ("IN", "India")]
        .map(|(value, label)| Choice {
            value: value.to_owned(),
            label: sample.say(label),
            selected: value == "GB",
        })
        .to_vec()
}

fn cart(sample: &Sample) -> CartPage {
    CartPage {
        lines: lines(sample),
        totals: totals(sample, false),
        notices: sample.list(vec![Notice {
            tone: Tone::Information,
            text: sample.say("The Meridian has come down by £26 since you put it here."),
            link: None,
        }]),
        destination: Some(DestinationForm {
            countries: countries(sample),
            postal_code: sample.say("M1 2AB"),
            error: (sample.mode == Mode::Hostile).then(|| sample.say("That is not a postcode")),
            estimates: sample.list(vec![
                (sample.say("Standard, Thu 27 – Sat 29 Nov"), sample.amount(495)),
                (sample.say("Express, Wed 26 Nov"), sample.amount(950)),
            ]),
        }),
        can_check_out: sample.mode != Mode::Long,
        suggestions: browse::suggestions(sample),
    }
}

fn summary(sample: &Sample, known: bool) -> CheckoutSummary {
    CheckoutSummary {
        lines: lines(sample)
            .into_iter()
            .map(|line| CartLine { error: None, notices: Vec::new(), ..line })
            .collect(),
        totals: totals(sample, known),
        held_until: known.then_some(HELD_UNTIL),
        coupon: (sample.mode != Mode::Empty).then(|| CouponForm {
            action: "/cart/coupons".to_owned(),
            field: Field::new(FieldKind::Text, "code", sample.say("Code"))
                .error((sample.mode == Mode::Hostile).then(|| sample.say("No such code"))),
        }),
    }
}

fn contact(sample: &Sample) -> ContactPage {
    let t = sample.locale.text();
    ContactPage {
        summary: summary(sample, false),
        fields: vec![
            Field::new(FieldKind::Email, "email", t.email())
                .value(sample.say("meera@customer.example"))
                .autocomplete("email")
                .hint(sample.say("For the confirmation and news of the parcel"))
                .max_length(254),
            Field::new(FieldKind::Phone, "phone", t.field_phone()).optional().autocomplete("tel"),
        ],
        consent: Some(
            Field::new(
                FieldKind::Tick,
                "consent.marketing",
                sample.say("Write to me about new bats, at most once a month"),
            )
            .optional(),
        ),
        signed_in: false,
        error: None,
    }
}

fn address_fields(sample: &Sample, prefix: &str) -> Vec<Field> {
    let country = sample.locale.country().to_owned();
    let locale = sample.locale;
    let mut fields = vec![
        Field::new(
            FieldKind::Select(countries(sample)),
            format!("{prefix}.country"),
            locale.text().country(),
        )
        .autocomplete(format!("{prefix} country")),
    ];
    fields.extend(
        [
            (AddressPart::Name, "Meera Quill"),
            (AddressPart::Line1, "12 Tea Interval Lane"),
            (AddressPart::Line2, ""),
            (AddressPart::City, "Example Town"),
            (AddressPart::PostalCode, "M1 2AB"),
            (AddressPart::Phone, ""),
        ]
        .map(|(part, value)| address_field(part, prefix, &country, locale).value(sample.say(value))),
    );
    fields
}

fn delivery(sample: &Sample) -> DeliveryPage {
    DeliveryPage {
        summary: summary(sample, false),
        contact: sample.say("meera@customer.example"),
        saved: sample.list(vec![SavedAddress {
            id: sample.code("address_1"),
            lines: address(sample),
            selected: false,
        }]),
        fields: address_fields(sample, "shipping"),
        options: sample.list(vec![
            ShippingOption {
                id: sample.code("standard"),
                name: sample.say("Standard"),
                carrier: sample.say("Penny Post"),
                price: sample.amount(495),
                window: Some(DeliveryWindow {
                    from: TODAY + jiff::Span::new().days(5),
                    to: TODAY + jiff::Span::new().days(7),
                }),
                selected: true,
            },
            ShippingOption {
                id: sample.code("express"),
                name: sample.say("Express"),
                carrier: String::new(),
                price: sample.amount(950),
                window: Some(DeliveryWindow {
                    from: TODAY + jiff::Span::new().days(4),
                    to: TODAY + jiff::Span::new().days(4),
                }),
                selected: false,
            },
            ShippingOption {
                id: sample.code("collect"),
                name: sample.say("Collect from the shop"),
                carrier: String::new(),
                price: crate::l10n::Amount::new(0, sample.currency),
                window: None,
                selected: false,
            },
        ]),
        refused_country: None,
        error: None,
    }
}

fn delivery_wrong(sample: &Sample) -> DeliveryPage {
    let mut page = DeliveryPage { options: Vec::new(), saved: Vec::new(), ..delivery(sample) };
    for field in &mut page.fields {
        if field.name == "shipping.postal_code" {
            field.value = sample.say("M1");
            field.error = Some(sample.say("A postcode has two parts, like M1 2AB. Add the second part."));
        }
        if field.name == "shipping.line1" {
            field.value = String::new();
            field.error = Some(sample.say("Write the house number and street."));
        }
    }
    page.refused_country = Some(sample.say("Antarctica"));
    page.error = Some(sample.say("The delivery options changed while you were away."));
    page
}

fn methods(sample: &Sample) -> Vec<PaymentMethod> {
    sample.list(vec![
        PaymentMethod {
            id: sample.code("card"),
            name: sample.say("Card"),
            description: sample.say("You will be asked for the card on the next page."),
            selected: true,
            fields: vec![Field::new(
                FieldKind::Select(vec![Choice {
                    value: "tok_ok".to_owned(),
                    label: sample.say("A card that is accepted"),
                    selected: true,
                }]),
                "token",
                sample.say("Test card"),
            )],
        },
        PaymentMethod {
            id: sample.code("manual"),
            name: sample.say("Bank transfer"),
            description: sample
                .say("We keep the goods for seven days and send them when the money has arrived."),
            selected: false,
            fields: Vec::new(),
        },
    ])
}

fn address(sample: &Sample) -> AddressLines {
    ["Meera Quill", "12 Tea Interval Lane", "Example Town", "M1 2AB", "United Kingdom"]
        .map(|line| sample.say(line))
        .to_vec()
}

fn payment(sample: &Sample) -> PaymentPage {
    PaymentPage {
        summary: summary(sample, true),
        contact: sample.say("meera@customer.example"),
        delivery_address: sample.list(address(sample)),
        shipping: sample.say("Standard, Thu 27 – Sat 29 Nov"),
        methods: methods(sample),
        billing_same: sample.mode == Mode::Plain,
        billing: address_fields(sample, "billing"),
        error: (sample.mode != Mode::Plain).then(|| sample.say("Choose how to pay.")),
    }
}

fn review(sample: &Sample) -> ReviewPage {
    ReviewPage {
        summary: summary(sample, true),
        contact: sample.say("meera@customer.example"),
        delivery_address: sample.list(address(sample)),
        billing_address: (sample.mode == Mode::Hostile).then(|| address(sample)),
        shipping: sample.say("Standard, Thu 27 – Sat 29 Nov"),
        payment: sample.say("Card"),
        idempotency_key: sample.code("0199-sample-key"),
        expected_total: sample.amount(33_095),
        terms: sample.list(vec![
            Link::new(sample.say("Terms"), "/pages/terms"),
            Link::new(sample.say("Right to cancel"), "/pages/returns"),
        ]),
        terms_version: sample.say("2025-11"),
        note: Some(
            Field::new(FieldKind::Area { rows: 2 }, "note", sample.say("A word to the workbench")).optional(),
        ),
        error: (sample.mode != Mode::Plain).then(|| ReviewError {
            text: sample.say("Delivery now costs £5.95. Look at the new total and confirm again."),
            action: Some(Link::new(sample.say("Back to delivery"), "/checkout/delivery")),
        }),
    }
}

fn not_deliverable(sample: &Sample) -> NotDeliverablePage {
    NotDeliverablePage {
        destination: sample.say("Antarctica"),
        countries: sample
            .list(["United Kingdom", "Ireland", "Australia", "India"].map(|name| sample.say(name)).to_vec()),
        actions: sample.list(vec![
            Link::new(sample.say("Choose another address"), "/checkout/delivery"),
            Link::new(sample.say("Back to the basket"), "/cart"),
        ]),
    }
}

pub(super) fn order(sample: &Sample, headline: OrderHeadline) -> OrderPage {
    let step = |label: &str, at, state, note: Option<&str>| TimelineStep {
        label: sample.say(label),
        at,
        state,
        note: note.map(|note| sample.say(note)),
    };
    OrderPage {
        id: sample.code("order_1"),
        number: sample.say("W-1042"),
        placed_at: NOW,
        headline,
        timeline: sample.list(vec![
            step("Placed", Some(NOW), StepState::Done, None),
            step("Paid", Some(NOW), StepState::Done, None),
            step(
                "On the bench",
                None,
                StepState::Current,
                Some("Your bat is being knocked in until Tuesday."),
            ),
            step("Handed to the carrier", None, StepState::Ahead, None),
            step("Delivered", None, StepState::Ahead, None),
        ]),
        payments: sample.list(vec![PaymentRecord {
            method: sample.say("Card"),
            status: sample.say("paid"),
            amount: sample.amount(33_095),
            at: Some(NOW),
            failed: false,
        }]),
        retry: None,
        transfer: (headline == OrderHeadline::AwaitingManualPayment).then(|| Transfer {
            payee: sample.say("Willow & Seam Ltd"),
            amount: sample.amount(33_095),
            reference: sample.say("W-1042"),
            account: (sample.mode != Mode::Empty).then(|| Link::new(sample.say("Contact"), "/pages/contact")),
        }),
        parcels: sample.list(vec![Parcel {
            title: sample.say("Parcel 1 of 2"),
            status: sample.say("handed to the carrier"),
            carrier: sample.say("Penny Post"),
            tracking_number: sample.say("PP-000-111"),
            tracking_href: Some("https://carrier.example/track".to_owned()),
            contents: vec![sample.say("2 × County match ball")],
        }]),
        lines: lines(sample)
            .into_iter()
            .map(|line| CartLine { error: None, notices: Vec::new(), ..line })
            .collect(),
        totals: totals(sample, true),
        contact: sample.say("meera@customer.example"),
        delivery_address: sample.list(address(sample)),
        billing_address: None,
        shipping: sample.say("Standard, Thu 27 – Sat 29 Nov"),
        can_cancel: true,
        documents: sample.list(vec![Link::new(sample.say("Invoice"), "/orders/1/invoice")]),
        register_href: Some("/account/register".to_owned()),
        in_account: false,
    }
}

fn order_failed(sample: &Sample) -> OrderPage {
    OrderPage {
        payments: sample.list(vec![PaymentRecord {
            method: sample.say("Card"),
            status: sample.say("declined by the bank"),
            amount: sample.amount(33_095),
            at: Some(NOW),
            failed: true,
        }]),
        retry: Some(PaymentRetry {
            reason: sample
                .say("The bank declined the card. Use another card, or ask the bank and try again."),
            amount: sample.amount(33_095),
            methods: methods(sample),
            idempotency_key: sample.code("0199-sample-key-2"),
        }),
        timeline: sample.list(vec![
            TimelineStep { label: sample.say("Placed"), at: Some(NOW), state: StepState::Done, note: None },
            TimelineStep {
                label: sample.say("Payment declined"),
                at: Some(NOW),
                state: StepState::Stopped,
                note: None,
            },
        ]),
        parcels: Vec::new(),
        register_href: None,
        ..order(sample, OrderHeadline::PaymentFailed { held_until: Some(HELD_UNTIL) })
    }
}

fn look_up(sample: &Sample) -> OrderLookUpPage {
    let t = sample.locale.text();
    OrderLookUpPage {
        fields: vec![
            Field::new(FieldKind::Text, "number", sample.say("Order number"))
                .hint(sample.say("Like W-1042"))
                .value(sample.say("W-1042")),
            Field::new(FieldKind::Email, "email", t.email())
                .autocomplete("email")
                .value(sample.say("meera@customer.example")),
        ],
        error: Some(sample.say("No order with this number and address. Look at the confirmation for both.")),
    }
}
