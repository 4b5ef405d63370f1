//! The cart's page, and everything that changes a cart.

use super::answer::{personal, private_page, see_other};
use super::bag;
use super::convert::viewed_amount;
use super::listing::departments;
use super::notes::{Note, notice};
use super::places::{countries, country_in_words};
use super::product::{self, Chosen};
use super::till::Counted;
use super::typed::{Typed, country_choices};
use super::view::cart::{CartPage, DestinationForm, ShippingCost, Totals};
use super::view::parts::{Choice, Notice, Tone};
use super::view::{Head, paths};
use super::visit::Visit;
use crate::answers::find;
use crate::api::carts::{Held, with_desk};
use crate::api::countries::postal_code;
use crate::extract::{Form, json_response};
use crate::l10n::Amount;
use crate::problem::{Kind, Problem};
use crate::read::carts::shipping_options;
use crate::read::products::visible;
use axum::response::Response;
use gearify_commerce::cart::{CARTS, Cart, LINE_QUANTITY_MAX};
use gearify_commerce::catalog::{Found, Product};
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{CartIntent, Intent, VariantRef};
use gearify_commerce::{AddOnId, Country, LineId, shipping};
use http::{StatusCode, header};

/// `GET /cart`
pub async fn show_cart(visit: Visit) -> Result<Response, Problem> {
    let status = StatusCode::OK;
    Ok(page(&visit, &Wrong::default(), status))
}

/// What was wrong with what was asked of the cart.
#[derive(Default)]
struct Wrong {
    line: Option<(String, String)>,
    destination: Option<String>,
    country: Option<Country>,
    postal_code: Option<String>,
}

fn page(visit: &Visit, wrong: &Wrong, status: StatusCode) -> Response {
    let stored = bag::held(visit).and_then(|held| Some((held.stored.clone()?, held)));
    let page = match stored.filter(|(cart, _)| !cart.lines.is_empty()) {
        Some((cart, held)) => filled(visit, &held, cart, wrong),
        None => empty(visit),
    };
    private_page(visit, &page, notice(visit), status)
}

fn empty(visit: &Visit) -> CartPage {
    let nothing = super::convert::amount(0, visit.settings().currency);
    CartPage {
        lines: Vec::new(),
        totals: nothing_to_pay(nothing),
        notices: Vec::new(),
        destination: None,
        can_check_out: false,
        suggestions: departments(visit),
    }
}

fn nothing_to_pay(nothing: Amount) -> Totals {
    Totals {
        subtotal: nothing,
        discount: None,
        shipping: ShippingCost::Unknown,
        taxes: Vec::new(),
        tax_included: true,
        total: nothing,
        estimated: true,
        gift_cards: None,
        amount_due: None,
    }
}

fn filled(visit: &Visit, held: &Held, cart: Cart, wrong: &Wrong) -> CartPage {
    let counted = Counted::of(visit, held, cart);
    let can_check_out = !counted.is_short() && counted.notice("not_deliverable").is_none();
    let mut lines = counted.lines.clone();
    if let Some((id, error)) = &wrong.line {
        for line in lines.iter_mut().filter(|line| line.id == *id) {
            line.error = Some(error.clone());
        }
    }
    CartPage {
        notices: notices(visit, &counted),
        destination: Some(destination(visit, &counted, wrong)),
        totals: counted.totals.clone(),
        lines,
        can_check_out,
        suggestions: Vec::new(),
    }
}

fn notices(visit: &Visit, counted: &Counted) -> Vec<Notice> {
    let t = visit.text();
    let mut notices = Vec::new();
    if counted.is_short() {
        notices.push(Notice { tone: Tone::Problem, text: t.note_out_of_stock().to_owned(), link: None });
    }
    if counted.notice("not_deliverable").is_some() {
        let place = place_of(visit, &counted.cart);
        notices.push(Notice { tone: Tone::Problem, text: t.not_deliverable(place), link: None });
    }
    notices
}

/// The country the cart goes to, as far as is known.
pub fn place_of(visit: &Visit, cart: &Cart) -> String {
    let country = cart.destination.as_ref().map_or(&cart.country, |destination| &destination.country);
    country_in_words(country, visit.page_locale())
}

/// Countries that are delivered to.
pub fn served(visit: &Visit) -> Vec<Country> {
    visit.call.read(GroupKind::Catalogue, |view| shipping::countries_served(view)).into_iter().collect()
}

/// Where somebody may ask an estimate for: first where the shop delivers, then everywhere else, because
/// that it does not deliver somewhere is an answer too, and better given before the checkout.
fn asked_countries(visit: &Visit, chosen: &Country) -> Vec<Choice> {
    let served = served(visit);
    let known = countries(visit.page_locale()).into_iter();
    let others: Vec<Country> = known
        .filter_map(|(code, _)| Country::parse(code).ok())
        .filter(|country| !served.contains(country))
        .collect();
    let mut choices = country_choices(visit, &served, Some(chosen));
    choices.extend(country_choices(visit, &others, Some(chosen)));
    choices
}

fn destination(visit: &Visit, counted: &Counted, wrong: &Wrong) -> DestinationForm {
    let cart = &counted.cart;
    let known = cart.destination.as_ref();
    let country = known.map_or(&cart.country, |destination| &destination.country);
    let prefix = known.and_then(|destination| destination.postal_prefix.clone()).unwrap_or_default();
    let options =
        with_desk(&visit.call, &visit.shop, |desk| shipping_options(desk, cart)).unwrap_or_default();
    let estimate = |option: &crate::read::carts::ShippingOptionView| {
        let label = match window(option) {
            Some((from, to)) => format!("{}, {}", option.name, visit.page_locale().date_range(from, to)),
            None => option.name.clone(),
        };
        (label, viewed_amount(&option.price, cart.currency))
    };
    DestinationForm {
        countries: asked_countries(visit, wrong.country.as_ref().unwrap_or(country)),
        postal_code: wrong.postal_code.clone().unwrap_or(prefix),
        error: wrong.destination.clone(),
        estimates: options.iter().map(estimate).collect(),
    }
}

/// When an option's parcel arrives, in the shop's days.
pub fn window(
    option: &crate::read::carts::ShippingOptionView,
) -> Option<(crate::l10n::Day, crate::l10n::Day)> {
    let window = &option.estimated_delivery;
    Some((window.from.parse().ok()?, window.to.parse().ok()?))
}

/// Sends a cart's intent. The scope of its command is the cart, so that a form sent twice acts once.
pub async fn write(visit: &Visit, held: &Held, intent: CartIntent) -> Result<(), Problem> {
    visit.call.submit_scoped(&format!("cart {}", held.id), Intent::Cart(intent)).await.map(drop)
}

/// That nothing is sent there, and where things are sent instead as far as that is soon said.
fn refusal(visit: &Visit, country: &Country) -> String {
    const FEW: usize = 5;
    let (t, locale) = (visit.text(), visit.page_locale());
    let refusal = t.not_deliverable(country_in_words(country, locale));
    match served(visit).as_slice() {
        [] => refusal,
        few if few.len() <= FEW => {
            let names: Vec<String> = few.iter().map(|country| country_in_words(country, locale)).collect();
            format!("{refusal}. {} {}.", t.we_deliver_to(), names.join(", "))
        }
        _ => refusal,
    }
}

/// `POST /cart/lines`
pub async fn add_line(visit: Visit, form: Form) -> Result<Response, Problem> {
    let typed = Typed::of(form);
    let product = wanted_product(&visit, &typed)?;
    let chosen = chosen(&typed);
    let quantity = read_quantity(typed.text("quantity"), 1);
    let (variant, quantity) = match (product::pick(&visit, &product, &chosen), quantity) {
        (Ok(variant), Some(quantity)) => (variant, quantity),
        (Err(words), _) => return refuse(&visit, &product, &chosen, &words).await,
        (_, None) => {
            let words = visit.text().error_quantity(LINE_QUANTITY_MAX);
            return refuse(&visit, &product, &chosen, &words).await;
        }
    };
    let held = bag::held(&visit).unwrap_or_else(|| bag::begin(&visit));
    let intent = CartIntent::AddLine {
        cart: held.id,
        market: held.market.clone(),
        customer: visit.call.caller().customer(),
        variant: VariantRef::Id(variant.id),
        quantity,
        add_ons: chosen.add_ons.iter().copied().collect(),
    };
    if let Err(problem) = write(&visit, &held, intent).await {
        let words = match problem.kind() {
            Kind::LimitReached => visit.text().error_cart_full(),
            Kind::Validation | Kind::NotForSale => visit.text().line_gone(),
            _ => return if visit.wants_json() { Ok(problem_json(&visit, &problem)) } else { Err(problem) },
        };
        return refuse(&visit, &product, &chosen, words).await;
    }
    let mut response = match visit.wants_json() {
        true => added_json(&visit, &held),
        false => see_other(&with_added(&return_path(&visit, &typed, &product))),
    };
    response.headers_mut().append(header::SET_COOKIE, bag::cookie(&visit, &held));
    Ok(response)
}

fn wanted_product(visit: &Visit, typed: &Typed) -> Result<Product, Problem> {
    let found = visit.call.read(GroupKind::Catalogue, |view| find(view, typed.text("product_id")));
    match found {
        Some(Found::Here(product)) if visible(&product) => Ok(product),
        _ => Err(Problem::not_found("product")),
    }
}

fn chosen(typed: &Typed) -> Chosen {
    let options = typed.below("option.").filter(|(_, value)| !value.is_empty());
    Chosen {
        options: options.map(|(option, value)| (option.to_owned(), value.to_owned())).collect(),
        add_ons: typed.all("add_on").iter().filter_map(|id| AddOnId::parse(id).ok()).collect(),
        quantity: read_quantity(typed.text("quantity"), 1),
    }
}

fn read_quantity(text: &str, least: u32) -> Option<u32> {
    text.trim().parse().ok().filter(|quantity| (least..=LINE_QUANTITY_MAX).contains(quantity))
}

/// The product's page again, as it was filled in, with what is wrong.
async fn refuse(visit: &Visit, product: &Product, chosen: &Chosen, words: &str) -> Result<Response, Problem> {
    if visit.wants_json() {
        let problem = Problem::new(Kind::Validation).detail(words.to_owned());
        return Ok(problem_json(visit, &problem));
    }
    let mut built = product::build(visit, product, chosen).await;
    built.page.error = Some(words.to_owned());
    let head = Head { no_index: true, ..built.head };
    // The form leads back to the product, not to where it was sent.
    let path = visit.to(&format!("/p/{}", product.details.slug));
    let visit = visit.at(path);
    Ok(personal(&visit, &built.page, head, String::new(), None, StatusCode::UNPROCESSABLE_ENTITY))
}

fn problem_json(visit: &Visit, problem: &Problem) -> Response {
    problem.answer(&visit.path, visit.call.request_id().text())
}

fn added_json(visit: &Visit, held: &Held) -> Response {
    let cart = visit.call.read(GroupKind::Region, |view| CARTS.get(view, &held.id));
    let count: u32 = cart.iter().flat_map(|cart| &cart.lines).map(|line| line.quantity).sum();
    let body = serde_json::json!({ "count": count, "message": visit.text().added_to_cart() });
    json_response(body.to_string().into())
}

/// Where the form was; only a path of this shop, so that nobody is led elsewhere.
fn return_path(visit: &Visit, typed: &Typed, product: &Product) -> String {
    match own_path(typed.text("return_to")) {
        Some(path) => path.to_owned(),
        None => visit.to(&format!("/p/{}", product.details.slug)),
    }
}

/// A path of this shop and nothing else: no host, no scheme, no tricks with slashes.
pub fn own_path(text: &str) -> Option<&str> {
    let plain = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b'\\';
    let good =
        text.starts_with('/') && !text.starts_with("//") && text.len() <= 500 && text.bytes().all(plain);
    good.then_some(text)
}

fn with_added(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    format!("{path}?added=1")
}

/// The cart and the line that the path names.
fn line_of(visit: &Visit) -> Result<(Held, LineId), Problem> {
    let held = bag::filled(visit)?;
    let line = LineId::parse(visit.segment()).map_err(|_| Problem::not_found("line"))?;
    Ok((held, line))
}

/// `POST /cart/lines/{line}`: zero takes the line out.
pub async fn change_line(visit: Visit, form: Form) -> Result<Response, Problem> {
    let (held, line) = line_of(&visit)?;
    let typed = Typed::of(form);
    let Some(quantity) = read_quantity(typed.text("quantity"), 0) else {
        let error = visit.text().error_quantity(LINE_QUANTITY_MAX);
        let wrong = Wrong { line: Some((line.to_string(), error)), ..Wrong::default() };
        return Ok(page(&visit.at(visit.to(paths::CART)), &wrong, StatusCode::UNPROCESSABLE_ENTITY));
    };
    write(&visit, &held, CartIntent::SetQuantity { cart: held.id, line, quantity }).await?;
    Ok(see_other(&visit.to(paths::CART)))
}

/// `POST /cart/lines/{line}/remove`
pub async fn remove_line(visit: Visit, _: Form) -> Result<Response, Problem> {
    let (held, line) = line_of(&visit)?;
    match write(&visit, &held, CartIntent::SetQuantity { cart: held.id, line, quantity: 0 }).await {
        Ok(()) => {}
        // Taken out already: that is what was wanted.
        Err(problem) if problem.kind() == Kind::NotFound => {}
        Err(problem) => return Err(problem),
    }
    Ok(see_other(&visit.to(paths::CART)))
}

/// `POST /cart/destination`
pub async fn set_destination(visit: Visit, form: Form) -> Result<Response, Problem> {
    let held = bag::filled(&visit)?;
    let typed = Typed::of(form);
    let t = visit.text();
    let country = Country::parse(typed.text("country").trim());
    let wrong = |error: String| {
        let postal_code = Some(typed.text("postal_code").to_owned());
        let country = country.clone().ok();
        let wrong = Wrong { destination: Some(error), country, postal_code, ..Wrong::default() };
        page(&visit.at(visit.to(paths::CART)), &wrong, StatusCode::UNPROCESSABLE_ENTITY)
    };
    let Ok(country) = country.clone() else {
        return Ok(wrong(t.error_country().to_owned()));
    };
    if !served(&visit).contains(&country) {
        return Ok(wrong(refusal(&visit, &country)));
    }
    // A district is enough for an estimate, so that what is no whole code is taken as one.
    let district =
        |code: &str| postal_code(&country, code).unwrap_or_else(|_| code.chars().take(16).collect());
    let code = typed.some("postal_code").map(district);
    let intent = CartIntent::SetDestination { cart: held.id, country, region: None, postal_code: code };
    write(&visit, &held, intent).await?;
    Ok(see_other(&visit.to(paths::CART)))
}

/// What to do about a cart's intent that was refused, where a page of its own knows better than a
/// problem: back to the cart, which says what is wrong with it.
pub fn back_to_cart(visit: &Visit, problem: Problem) -> Result<Response, Problem> {
    let note = match problem.kind() {
        Kind::OutOfStock => Note::OutOfStock,
        Kind::NotForSale | Kind::Validation => Note::NotForSale,
        Kind::CartExpired => Note::CartExpired,
        Kind::CartChanged | Kind::CartEmpty => Note::CartChanged,
        _ => return Err(problem),
    };
    Ok(see_other(&note.on(&visit.to(paths::CART))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_shop_are_gone_back_to() {
        for good in ["/", "/p/bat", "/hi/p/bat?x=1"] {
            assert_eq!(own_path(good), Some(good));
        }
        for bad in [
            "",
            "p/bat",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(own_path(bad), None, "{bad}");
        }
        assert_eq!(with_added("/p/bat?option.size=sh#x"), "/p/bat?added=1");
    }
}
