//! Carts: choices, where they go, and what they cost.

use super::admin::base;
use super::body::{AddressBody, ContactBody, text};
use super::privacy::preferences;
use super::tags::{tag_of, unless_known};
use crate::auth::{Cookie, cart_token, cookie_value, read_cart_token};
use crate::extract::{Json, Path};
use crate::gate::{Call, Caller, unauthorized};
use crate::problem::{Faults, Kind, Problem};
use crate::read::carts::{self, CartView, Desk, ShippingOptionView};
use crate::routes::{Route, routes};
use crate::shop::Shop;
use axum::extract::FromRequestParts;
use axum::response::Response;
use gearify_commerce::cart::{CARTS, CUSTOMER_CARTS, Cart, CartStatus, LINE_QUANTITY_MAX};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::Wishes;
use gearify_commerce::intent::{CartIntent, Market, VariantRef};
use gearify_commerce::{
    AddOnId, CartId, Country, Currency, LineId, Locale, RateId, ReadScope, RegionCode, Site, Timestamp,
    VariantId, ids,
};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Carts", Api, Shop;
        Post "/api/v1/carts" create_cart: Open, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(CreateCart), 201(CartView), "Starts a cart; nothing is stored before its first line";
        Get "/api/v1/carts/{id}" get_cart: CartHolder, SHOPPER, Read, None, None, None,
            query(), request(), 200(CartView), "The cart, priced as of now";
        Post "/api/v1/carts/{id}/lines" add_line: CartHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(AddLine), 200(CartView), "Puts pieces of a variant into the cart";
        Patch "/api/v1/carts/{id}/lines/{line_id}" change_line: CartHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(ChangeLine), 200(CartView), "Changes how many; zero takes the line out";
        Delete "/api/v1/carts/{id}/lines/{line_id}" remove_line: CartHolder, SHOPPER, Write, None, Accepted, Origin,
            query(), request(), 200(CartView), "Takes a line out";
        Put "/api/v1/carts/{id}/destination" set_destination: CartHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(DestinationBody), 200(CartView), "Says where the goods go, for estimates";
        Put "/api/v1/carts/{id}/contact" set_contact: CartHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(ContactBody), 200(CartView), "Says whom to tell";
        Put "/api/v1/carts/{id}/addresses" set_addresses: CartHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(AddressesBody), 200(CartView), "Says where to deliver and whom to bill";
        Get "/api/v1/carts/{id}/shipping-options" list_shipping_options: CartHolder, SHOPPER, Read, None, None, None,
            query(), request(), 200(ShippingOptions), "Ways of delivery to the cart's destination";
        Put "/api/v1/carts/{id}/shipping-option" choose_shipping_option: CartHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(ChooseOption), 200(CartView), "Chooses a way of delivery";
        Post "/api/v1/carts/{id}/reservation" reserve_cart: CartHolder, SHOPPER, Write, Empty, Accepted, Origin,
            query(), request(), 200(CartView), "Holds the stock for a few minutes; `expires_at` is when the hold ends";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCart {
    pub country: Option<String>,
    pub currency: Option<String>,
    pub locale: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddLine {
    /// This or `sku`.
    pub variant_id: Option<String>,
    pub sku: Option<String>,
    #[serde(default = "one")]
    pub quantity: u32,
    /// Ids of add-ons.
    #[serde(default)]
    pub add_ons: Vec<String>,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    pub quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationBody {
    pub country: String,
    /// ISO 3166-2.
    pub region_code: Option<String>,
    pub postal_code: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressesBody {
    pub shipping: AddressBody,
    /// Absent: the same.
    pub billing: Option<AddressBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseOption {
    pub id: String,
}

#[derive(Serialize, ToSchema)]
pub struct ShippingOptions {
    pub data: Vec<ShippingOptionView>,
}

/// A cart that the caller holds.
pub struct Held {
    pub id: CartId,
    pub market: Market,
    pub token: String,
    /// `None`: it has no line yet.
    pub stored: Option<Cart>,
}

/// What opens the cart: the header, or the browser's cookie.
pub struct CartToken(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for CartToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<CartToken, Problem> {
        let header = parts.headers.get("cart-token").and_then(|value| value.to_str().ok());
        let cookie = || cookie_value(&parts.headers, Cookie::Cart).and_then(|value| value.split_once('~'));
        Ok(CartToken(header.or_else(|| cookie().map(|(_, token)| token)).map(str::to_owned)))
    }
}

impl CartToken {
    pub fn new(token: Option<String>) -> CartToken {
        CartToken(token)
    }

    /// The token, or another one where none came in a header or cookie.
    pub fn or(self, other: Option<String>) -> Option<String> {
        other.or(self.0)
    }
}

/// The cart, if the caller holds its token or is its customer.
///
/// # Errors
/// `unauthorized` without either, `not-found` for a token that does not fit: nobody learns which carts
/// there are.
pub fn hold(call: &Call, id: CartId, CartToken(token): CartToken) -> Result<Held, Problem> {
    let shop = call.shop()?;
    let stored = call.read(GroupKind::Region, |view| CARTS.get(view, &id));
    let by_token = token.as_deref().and_then(|token| read_cart_token(call.vault(), shop.id(), id, token));
    if let Some(market) = by_token {
        // Once a cart is a customer's, the guest's token opens it no more.
        let owner = stored.as_ref().and_then(|cart| cart.customer);
        if owner.is_none() || owner == call.caller().customer() {
            return Ok(Held { id, market, token: token.unwrap_or_default(), stored });
        }
        return Err(Problem::not_found("cart"));
    }
    let own = stored.filter(|cart| cart.customer.is_some() && cart.customer == call.caller().customer());
    if let Some(cart) = own {
        let market = market_of(&cart);
        let token = cart_token(call.vault(), shop.id(), id, &market);
        return Ok(Held { id, market, token, stored: Some(cart) });
    }
    match (token, call.caller()) {
        (None, Caller::Guest) => Err(unauthorized()),
        _ => Err(Problem::not_found("cart")),
    }
}

pub fn market_of(cart: &Cart) -> Market {
    Market { country: cart.country.clone(), currency: cart.currency, locale: cart.locale.clone() }
}

/// The cart as it is now.
pub fn show(call: &Call, held: &Held) -> Result<CartView, Problem> {
    let shop = call.shop()?;
    let stored = call.read(GroupKind::Region, |view| CARTS.get(view, &held.id));
    match stored {
        Some(cart) => with_desk(call, shop, |desk| Ok(carts::view(desk, &cart, held.token.clone()))),
        None => {
            let expires_at = empty_cart_expiry(shop, held.id);
            if expires_at <= call.now() {
                return Err(Problem::new(Kind::CartExpired));
            }
            Ok(carts::empty_view(held.id, held.token.clone(), &held.market, shop.settings(), expires_at))
        }
    }
}

/// An empty cart is not stored: its age is in its id.
fn empty_cart_expiry(shop: &Shop, id: CartId) -> Timestamp {
    let made = (id.bits() >> 80) as i64;
    Timestamp::from_millis(made).plus_millis(shop.settings().lifetimes.anonymous_cart_ms)
}

/// Runs `work` with what pricing a cart needs.
pub fn with_desk<T>(
    call: &Call,
    shop: &Shop,
    work: impl FnOnce(&Desk<'_, ReadScope<'_>, ReadScope<'_>>) -> T,
) -> T {
    let state = call.state();
    let reader = |group| state.backend.reader(group, shop.id());
    let (catalogue, region) = (reader(GroupKind::Catalogue), reader(GroupKind::Region));
    let catalogue = ReadScope::new(catalogue.as_ref(), shop.id(), Site::NONE);
    let region = ReadScope::new(region.as_ref(), shop.id(), shop.site());
    let (settings, vault, now) = (shop.settings(), call.vault(), call.now());
    work(&Desk { catalogue: &catalogue, region: &region, settings, vault, now })
}

async fn create_cart(
    call: Call,
    Json(body): Json<CreateCart>,
) -> Result<(StatusCode, Json<CartView>), Problem> {
    let shop = call.shop()?;
    let wishes = call.caller().customer().map(|customer| preferences(&call, customer).wishes);
    let market = parse_market(shop, &body, wishes.unwrap_or_default())?;
    let id = new_cart_id(&call);
    let token = cart_token(call.vault(), shop.id(), id, &market);
    let expires_at = empty_cart_expiry(shop, id);
    let view = carts::empty_view(id, token, &market, shop.settings(), expires_at);
    Ok((StatusCode::CREATED, Json(view)))
}

/// A fresh id; with an idempotency key the same one again, so that the answer is the same too.
fn new_cart_id(call: &Call) -> CartId {
    let random = match call.key() {
        Some(key) => {
            let scope = format!("{}\n{}\n{key}", call.client(), call.now().as_millis() / (3_600_000));
            u128::from_be_bytes(call.vault().hash(call.tenant(), "cart-id", scope.as_bytes()))
        }
        None => rand::random(),
    };
    let made = match call.key() {
        Some(_) => Timestamp::from_millis(call.now().as_millis() / 3_600_000 * 3_600_000),
        None => call.now(),
    };
    CartId::from_bits(ids::uuid_v7(made, random))
}

/// What the request says, else what the customer prefers, else the shop's own.
fn parse_market(shop: &Shop, body: &CreateCart, wishes: Wishes) -> Result<Market, Problem> {
    let mut faults = Faults::new();
    let country = faults.optional("/country", text(&body.country), Country::parse);
    let locale = faults.optional("/locale", text(&body.locale), Locale::parse);
    let currency = faults.optional("/currency", text(&body.currency), |text| {
        let currency = Currency::parse(text).map_err(|error| error.to_string())?;
        shop.currency(currency).ok_or_else(|| format!("this shop does not sell in {currency}"))
    });
    faults.check()?;
    let settings = shop.settings();
    // The shop may have stopped selling in the currency since it was chosen.
    let wished = wishes.currency.and_then(|currency| shop.currency(currency));
    Ok(Market {
        country: country.or(wishes.country).unwrap_or_else(|| settings.home.country.clone()),
        currency: currency.or(wished).unwrap_or(settings.currency),
        locale: shop.locale(locale.as_ref()),
    })
}

async fn get_cart(call: Call, Path(id): Path<CartId>, token: CartToken) -> Result<Response, Problem> {
    let held = hold(&call, id, token)?;
    let cart = show(&call, &held)?;
    let mut lasting = cart.clone();
    // A delivery price is promised anew by every answer.
    lasting.shipping_option.iter_mut().for_each(|option| option.expires_at.clear());
    let tag = tag_of(cart.revision, &lasting)?;
    Ok(unless_known(&call, &tag, Json(cart)))
}

async fn add_line(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
    Json(body): Json<AddLine>,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    if held.stored.is_none() && empty_cart_expiry(call.shop()?, id) <= call.now() {
        return Err(Problem::new(Kind::CartExpired));
    }
    let intent = parse_line(&call, &held, &body)?;
    write(&call, &held, intent).await
}

fn parse_line(call: &Call, held: &Held, body: &AddLine) -> Result<CartIntent, Problem> {
    let mut faults = Faults::new();
    let variant = match (text(&body.variant_id), text(&body.sku)) {
        (Some(id), None) => faults.take("/variant_id", VariantId::parse(id)).map(VariantRef::Id),
        (None, Some(sku)) => Some(VariantRef::Sku(sku.trim().to_owned())),
        (None, None) => {
            faults.add("/variant_id", "is required, or sku");
            None
        }
        (Some(_), Some(_)) => {
            faults.add("/sku", "can't be given together with variant_id");
            None
        }
    };
    check_quantity(&mut faults, body.quantity, 1);
    let add_ons = body.add_ons.iter().enumerate();
    let add_ons: Vec<AddOnId> =
        add_ons.filter_map(|(n, id)| faults.take(format!("/add_ons/{n}"), AddOnId::parse(id))).collect();
    let variant = faults.finish(variant)?;
    Ok(CartIntent::AddLine {
        cart: held.id,
        market: held.market.clone(),
        customer: call.caller().customer(),
        variant,
        quantity: body.quantity,
        add_ons,
    })
}

fn check_quantity(faults: &mut Faults, quantity: u32, least: u32) {
    if !(least..=LINE_QUANTITY_MAX).contains(&quantity) {
        faults.add("/quantity", format!("must be {least} to {LINE_QUANTITY_MAX}"));
    }
}

async fn change_line(
    call: Call,
    Path((id, line)): Path<(CartId, LineId)>,
    token: CartToken,
    Json(body): Json<ChangeLine>,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    let mut faults = Faults::new();
    check_quantity(&mut faults, body.quantity, 0);
    faults.check()?;
    write(&call, &held, CartIntent::SetQuantity { cart: id, line, quantity: body.quantity }).await
}

async fn remove_line(
    call: Call,
    Path((id, line)): Path<(CartId, LineId)>,
    token: CartToken,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    write(&call, &held, CartIntent::SetQuantity { cart: id, line, quantity: 0 }).await
}

async fn set_destination(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
    Json(body): Json<DestinationBody>,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    let mut faults = Faults::new();
    let country = faults.take("/country", Country::parse(&body.country));
    let region = faults.optional("/region_code", text(&body.region_code), RegionCode::parse);
    let postal_code = country.as_ref().and_then(|country| {
        faults.optional("/postal_code", text(&body.postal_code), |typed| {
            super::countries::postal_code(country, typed)
        })
    });
    if let (Some(country), Some(region)) = (&country, &region)
        && !region.as_str().starts_with(country.as_str())
    {
        faults.add("/region_code", "is not a region of this country");
    }
    let country = faults.finish(country)?;
    let region = region.map(|region| region.to_string());
    write(&call, &held, CartIntent::SetDestination { cart: id, country, region, postal_code }).await
}

async fn set_contact(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
    Json(body): Json<ContactBody>,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    let mut faults = Faults::new();
    let contact = body.parse("", &mut faults);
    let contact = faults.finish(contact)?;
    write(&call, &held, CartIntent::SetContact { cart: id, contact }).await
}

async fn set_addresses(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
    Json(body): Json<AddressesBody>,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    let mut faults = Faults::new();
    let shipping = body.shipping.parse("/shipping", &mut faults);
    let billing = body.billing.as_ref().and_then(|billing| billing.parse("/billing", &mut faults));
    let shipping = Box::new(faults.finish(shipping)?);
    write(&call, &held, CartIntent::SetAddresses { cart: id, shipping, billing: billing.map(Box::new) }).await
}

async fn list_shipping_options(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
) -> Result<Json<ShippingOptions>, Problem> {
    let held = hold(&call, id, token)?;
    let shop = call.shop()?;
    let cart = held.stored.ok_or_else(|| Problem::new(Kind::CartEmpty))?;
    let options = with_desk(&call, shop, |desk| carts::shipping_options(desk, &cart));
    let data = options.ok_or_else(|| {
        Problem::new(Kind::CartIncomplete).field("/destination", "say where the goods go first")
    })?;
    if data.is_empty() {
        return Err(Problem::new(Kind::NotDeliverable));
    }
    Ok(Json(ShippingOptions { data }))
}

async fn choose_shipping_option(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
    Json(body): Json<ChooseOption>,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    let rate = RateId::parse(&body.id).map_err(|error| Problem::invalid("/id", error))?;
    write(&call, &held, CartIntent::ChooseRate { cart: id, rate }).await
}

async fn reserve_cart(
    call: Call,
    Path(id): Path<CartId>,
    token: CartToken,
) -> Result<Json<CartView>, Problem> {
    let held = hold(&call, id, token)?;
    let Json(mut cart) = write(&call, &held, CartIntent::Reserve { cart: id }).await?;
    // Here it is the hold that is asked about.
    if let Some(reservation) = &cart.reservation {
        cart.expires_at = reservation.expires_at.clone();
    }
    Ok(Json(cart))
}

/// Submits, and answers with the whole cart.
pub async fn write(call: &Call, held: &Held, intent: CartIntent) -> Result<Json<CartView>, Problem> {
    let begins = matches!(intent, CartIntent::AddLine { .. });
    base(call, held.stored.as_ref().map_or(0, |cart| cart.revision))?;
    if held.stored.is_none() && !begins {
        return Err(Problem::new(Kind::CartEmpty));
    }
    call.submit_scoped(&format!("cart {}", held.id), gearify_commerce::intent::Intent::Cart(intent)).await?;
    show(call, held).map(Json)
}

/// The open cart of a customer.
pub fn cart_of_customer(view: &ReadScope<'_>, customer: gearify_commerce::CustomerId) -> Option<Cart> {
    let id = CUSTOMER_CARTS.get(view, &customer)?.0;
    CARTS.get(view, &id).filter(|cart| cart.status == CartStatus::Open)
}
