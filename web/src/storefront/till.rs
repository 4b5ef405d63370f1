//! A cart as its pages show it: lines, what they cost, what stands in the way.

use super::convert::{LINE_WIDTH, amount, lead_picture, viewed_amount};
use super::view::cart::{CartComponent, CartLine, ShippingCost, TaxLine, Totals};
use super::visit::Visit;
use crate::api::carts::{Held, with_desk};
use crate::l10n::Amount;
use crate::read::carts::{self, CartLineView, CartView, Notice};
use crate::read::orders::{ComponentView, TaxLineView, TotalsView};
use gearify_commerce::cart::{Cart, LINE_QUANTITY_MAX};
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::scope::View;
use gearify_commerce::{Currency, Locale, ProductId, VariantId};

/// A stored cart, priced as of now.
pub struct Counted {
    pub cart: Cart,
    pub view: CartView,
    pub lines: Vec<CartLine>,
    pub totals: Totals,
}

impl Counted {
    pub fn of(visit: &Visit, held: &Held, cart: Cart) -> Counted {
        let view = with_desk(&visit.call, &visit.shop, |desk| carts::view(desk, &cart, held.token.clone()));
        let lines = visit.call.read(GroupKind::Catalogue, |catalogue| {
            view.lines.iter().map(|line| line_of(catalogue, visit, line, cart.currency)).collect()
        });
        let chosen = view.shipping_option.is_some();
        let totals = totals_of(&view.totals, cart.currency, chosen);
        Counted { cart, view, lines, totals }
    }

    /// Whether some line can't be had as it is wanted.
    pub fn is_short(&self) -> bool {
        self.view.lines.iter().any(|line| !line.notices.is_empty())
    }

    pub fn notice(&self, code: &str) -> Option<&Notice> {
        self.view.notices.iter().find(|notice| notice.code == code)
    }

    pub fn total(&self) -> Amount {
        viewed_amount(&self.view.totals.total, self.cart.currency)
    }
}

fn line_of(
    catalogue: &(impl View + ?Sized),
    visit: &Visit,
    line: &CartLineView,
    currency: Currency,
) -> CartLine {
    let goods = goods(catalogue, visit, &line.product_id, &line.variant_id);
    let price = |money: &Option<crate::read::MoneyView>| {
        money.as_ref().map_or_else(|| amount(0, currency), |money| viewed_amount(money, currency))
    };
    let unit_price = price(&line.unit_price);
    let list_price = line.list_price.as_ref().map(|money| viewed_amount(money, currency));
    CartLine {
        id: line.id.clone(),
        name: line.name.clone(),
        href: goods.href,
        picture: goods.picture,
        options: line.options.iter().map(|option| option.value.as_str()).collect::<Vec<_>>().join(" · "),
        sku: line.sku.clone(),
        quantity: line.quantity,
        quantity_max: LINE_QUANTITY_MAX,
        unit_price,
        list_price: list_price.filter(|list| list.minor > unit_price.minor),
        total: price(&line.total),
        components: line
            .components
            .iter()
            .map(|component| component_of(visit, component, currency))
            .collect(),
        notices: line.notices.iter().map(|notice| notice_words(visit, notice)).collect(),
        error: None,
    }
}

/// Where a line's product is to be seen, if it still is.
pub struct Goods {
    pub href: Option<String>,
    pub picture: Option<super::view::parts::Picture>,
}

pub fn goods(catalogue: &(impl View + ?Sized), visit: &Visit, product: &str, variant: &str) -> Goods {
    let product = ProductId::parse(product).ok().and_then(|id| catalog::product(catalogue, id));
    let Some(product) = product else { return Goods { href: None, picture: None } };
    let variant = VariantId::parse(variant).ok().and_then(|id| catalog::variant(catalogue, id));
    let default: &Locale = &visit.settings().locale;
    let picture = lead_picture(catalogue, &product, variant.as_ref(), &visit.locale, default, LINE_WIDTH);
    let visible = crate::read::products::visible(&product);
    let href = visible.then(|| visit.to(&format!("/p/{}", product.details.slug)));
    Goods { href, picture }
}

pub fn component_of(visit: &Visit, component: &ComponentView, currency: Currency) -> CartComponent {
    let t = visit.text();
    let work = component.kind == "add_on";
    let mut notes = Vec::new();
    if component.lead_days > 0 {
        notes.push(t.adds_days(u64::from(component.lead_days)));
    }
    if work && !component.returnable {
        notes.push(t.not_returnable().to_owned());
    }
    CartComponent {
        name: match component.per_unit {
            0 | 1 => component.name.clone(),
            pieces => format!("{pieces} × {}", component.name),
        },
        // The parts of a kit are in its price; work on it comes on top and says how much.
        price: work.then(|| viewed_amount(&component.price, currency)),
        note: (!notes.is_empty()).then(|| notes.join(" ")),
    }
}

fn notice_words(visit: &Visit, notice: &Notice) -> String {
    let t = visit.text();
    match (notice.code, notice.available) {
        ("out_of_stock", Some(available)) if available > 0 => t.only_left(u64::from(available)),
        _ => t.line_gone().to_owned(),
    }
}

pub fn totals_of(totals: &TotalsView, currency: Currency, shipping_known: bool) -> Totals {
    let known = |money| viewed_amount(money, currency);
    let discount = known(&totals.discount);
    let shipping = known(&totals.shipping);
    let total = known(&totals.total);
    let due = known(&totals.amount_due);
    Totals {
        subtotal: known(&totals.subtotal),
        discount: (!discount.is_zero()).then_some(discount),
        shipping: match shipping_known {
            false => ShippingCost::Unknown,
            true if shipping.is_zero() => ShippingCost::Free,
            true => ShippingCost::Known(shipping),
        },
        taxes: totals.tax_lines.iter().map(|line| tax_line(line, currency)).collect(),
        tax_included: totals.tax_included,
        total,
        estimated: totals.estimated,
        gift_cards: None,
        amount_due: (due != total && !due.is_zero()).then_some(due),
    }
}

fn tax_line(line: &TaxLineView, currency: Currency) -> TaxLine {
    TaxLine { name: line.name.clone(), amount: viewed_amount(&line.amount, currency) }
}
