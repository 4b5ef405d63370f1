//! Decides and evolves carts.

use super::command::{Command, Event, NewLine};
use super::error::Refusal;
use super::model::*;
use crate::command::Reply;
use crate::customers::{Consent, PURPOSES};
use crate::ids::{CartId, CustomerId, LineId, OrderId};
use crate::intent::Market;
use crate::processes::schedule::Due;
use crate::scope::{Present, Scope};
use crate::sealed::{self, PersonRef};
use crate::version;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::AddLine { cart, market, customer, line, lifetime_ms } => {
            add_line(scope, *cart, market, *customer, line, *lifetime_ms)
        }
        Command::SetQuantity { cart, line, quantity, lifetime_ms } => {
            set_quantity(scope, *cart, *line, *quantity, *lifetime_ms)
        }
        Command::SetDestination { cart, destination } => {
            let mut cart = open_cart(scope, *cart)?;
            let moved = cart.destination.as_ref() != Some(destination);
            cart.destination = Some(destination.clone());
            cart.country = destination.country.clone();
            // Rates belong to a zone: another destination needs another choice.
            if moved {
                cart.shipping_rate = None;
            }
            Ok(write(scope, cart, false))
        }
        Command::SetContact { cart, person, contact } => {
            let Idle { after_ms, .. } = Idle::default();
            take_contact(scope, *cart, person, contact, after_ms)
        }
        Command::TakeContact { cart, person, contact, idle_ms } => {
            let reply = take_contact(scope, *cart, person, contact, *idle_ms)?;
            let idle = IDLES.get(scope, cart).unwrap_or_default();
            IDLES.put(scope, cart, &Idle { after_ms: *idle_ms, ..idle });
            Ok(reply)
        }
        Command::SetAddresses { cart, person, addresses, destination } => {
            let mut cart = open_cart(scope, *cart)?;
            person.remember(scope);
            if cart.destination.as_ref() != Some(destination) {
                cart.shipping_rate = None;
            }
            forget_hold_address(scope, &cart);
            cart.addresses = Some(addresses.clone());
            cart.country = destination.country.clone();
            cart.destination = Some(destination.clone());
            remember_hold_address(scope, &cart);
            Ok(write(scope, cart, false))
        }
        Command::ChooseRate { cart, rate } => {
            let mut cart = open_cart(scope, *cart)?;
            cart.shipping_rate = Some(*rate);
            Ok(write(scope, cart, false))
        }
        Command::Merge { from, into, customer, lifetime_ms } => {
            merge(scope, *from, *into, *customer, *lifetime_ms)
        }
        Command::Expire { cart } => expire(scope, *cart),
        Command::HoldEnded { cart } => {
            let mut cart = CARTS.get(scope, cart).ok_or(Refusal::UnknownCart { cart: *cart })?;
            forget_hold_address(scope, &cart);
            cart.hold = None;
            Ok(write(scope, cart, false))
        }
        Command::Idle { cart } => idle(scope, *cart),
        Command::SetConsent { cart, purpose, granted, source, wording_version } => {
            let consent = Consent {
                purpose: purpose.clone(),
                granted: *granted,
                source: source.clone(),
                wording_version: wording_version.clone(),
                at: scope.at(),
            };
            set_consent(scope, *cart, consent)
        }
        Command::Erase { cart } => erase(scope, *cart),
    }
}

/// A cart that can still be changed.
pub fn open_cart(scope: &Scope<'_, '_>, id: CartId) -> Result<Cart, Refusal> {
    let cart = CARTS.get(scope, &id).ok_or(Refusal::UnknownCart { cart: id })?;
    require_open(&cart, scope.at())?;
    Ok(cart)
}

/// Refuses a cart that is over, for whatever reason.
pub fn require_open(cart: &Cart, now: crate::Timestamp) -> Result<(), Refusal> {
    match cart.status {
        CartStatus::Ordered(order) => Err(Refusal::AlreadyOrdered { order }),
        CartStatus::Merged(_) => Err(Refusal::UnknownCart { cart: cart.id }),
        CartStatus::Open if cart.expires_at <= now => Err(Refusal::CartExpired),
        CartStatus::Open => Ok(()),
    }
}

fn take_contact(
    scope: &mut Scope<'_, '_>,
    id: CartId,
    person: &PersonRef,
    contact: &ContactRef,
    idle_ms: i64,
) -> Result<Reply, Refusal> {
    let mut cart = open_cart(scope, id)?;
    person.remember(scope);
    cart.contact = Some(contact.clone());
    scope.schedule(scope.at().plus_millis(idle_ms), &Due::CartIdle(id));
    Ok(write(scope, cart, false))
}

/// A cart may have been left alone before its guest agreed: its time begins again.
fn set_consent(scope: &mut Scope<'_, '_>, id: CartId, consent: Consent) -> Result<Reply, Refusal> {
    let cart = open_cart(scope, id)?;
    let Idle { after_ms, .. } = IDLES.get(scope, &id).unwrap_or_default();
    scope.schedule(scope.at().plus_millis(after_ms), &Due::CartIdle(id));
    GUEST_CONSENTS.put(scope, &(id, consent.purpose.clone()), &consent);
    let Consent { purpose, granted, source, wording_version, .. } = consent;
    scope.emit(Event::ConsentGiven { cart: id, purpose, granted, source, wording_version });
    Ok(write(scope, cart, false))
}

fn add_line(
    scope: &mut Scope<'_, '_>,
    id: CartId,
    market: &Market,
    customer: Option<CustomerId>,
    line: &NewLine,
    lifetime_ms: i64,
) -> Result<Reply, Refusal> {
    let mut cart = match CARTS.get(scope, &id) {
        Some(cart) => {
            require_open(&cart, scope.at())?;
            cart
        }
        None => new_cart(scope, id, market, customer),
    };
    let line_id = put_line(scope, &mut cart, line)?;
    prolong(scope, &mut cart, lifetime_ms);
    let (variant, quantity) = (line.variant, line.quantity);
    scope.emit(Event::ItemAddedToCart { cart: id, line: line_id, variant, quantity });
    Ok(write(scope, cart, true))
}

fn new_cart(scope: &mut Scope<'_, '_>, id: CartId, market: &Market, customer: Option<CustomerId>) -> Cart {
    if let Some(customer) = customer {
        CUSTOMER_CARTS.put(scope, &customer, &CartOf(id));
    }
    Cart {
        id,
        revision: 0,
        status: CartStatus::Open,
        customer,
        country: market.country.clone(),
        currency: market.currency,
        locale: market.locale.clone(),
        lines: Vec::new(),
        destination: None,
        contact: None,
        addresses: None,
        shipping_rate: None,
        hold: None,
        created_at: scope.at(),
        updated_at: scope.at(),
        expires_at: scope.at(),
    }
}

/// Where a line goes: to the one that is the same choice, or, `None`, behind all others.
///
/// # Errors
/// More pieces than a line may have, or more lines than a cart.
pub fn place_for(lines: &[CartLine], new: &NewLine) -> Result<Option<usize>, Refusal> {
    let same = lines.iter().position(|line| line.variant == new.variant && line.add_ons == new.add_ons);
    let there = same.map_or(0, |position| lines[position].quantity);
    if new.quantity == 0 || there.saturating_add(new.quantity) > LINE_QUANTITY_MAX {
        return Err(Refusal::Quantity { max: LINE_QUANTITY_MAX });
    }
    if same.is_none() && lines.len() >= LINES_MAX {
        return Err(Refusal::TooManyLines { max: LINES_MAX as u32 });
    }
    Ok(same)
}

/// Adds to the line that is the same choice, or makes one.
fn put_line(scope: &mut Scope<'_, '_>, cart: &mut Cart, new: &NewLine) -> Result<LineId, Refusal> {
    if let Some(position) = place_for(&cart.lines, new)? {
        let line = &mut cart.lines[position];
        line.quantity += new.quantity;
        line.stock = new.stock.clone();
        return Ok(line.id);
    }
    let id = LineId::from_bits(scope.mint());
    cart.lines.push(CartLine {
        id,
        product: new.product,
        variant: new.variant,
        sku: new.sku.clone(),
        quantity: new.quantity,
        add_ons: new.add_ons.clone(),
        stock: new.stock.clone(),
    });
    Ok(id)
}

/// Where a line stands whose pieces shall become so many.
///
/// # Errors
/// More pieces than a line may have, or no such line.
pub fn line_to_change(lines: &[CartLine], line: LineId, quantity: u32) -> Result<usize, Refusal> {
    if quantity > LINE_QUANTITY_MAX {
        return Err(Refusal::Quantity { max: LINE_QUANTITY_MAX });
    }
    lines.iter().position(|known| known.id == line).ok_or(Refusal::UnknownLine { line })
}

fn set_quantity(
    scope: &mut Scope<'_, '_>,
    id: CartId,
    line: LineId,
    quantity: u32,
    lifetime_ms: i64,
) -> Result<Reply, Refusal> {
    let mut cart = open_cart(scope, id)?;
    let position = line_to_change(&cart.lines, line, quantity)?;
    match quantity {
        0 => drop(cart.lines.remove(position)),
        _ => cart.lines[position].quantity = quantity,
    }
    prolong(scope, &mut cart, lifetime_ms);
    Ok(write(scope, cart, true))
}

fn merge(
    scope: &mut Scope<'_, '_>,
    from: CartId,
    into: CartId,
    customer: CustomerId,
    lifetime_ms: i64,
) -> Result<Reply, Refusal> {
    let mut source = open_cart(scope, from)?;
    if source.customer.is_some_and(|owner| owner != customer) || from == into {
        return Err(Refusal::UnknownCart { cart: from });
    }
    let market =
        Market { country: source.country.clone(), currency: source.currency, locale: source.locale.clone() };
    let existing = CUSTOMER_CARTS.get(scope, &customer).and_then(|CartOf(id)| CARTS.get(scope, &id));
    let now = scope.at();
    let mut target = match existing.filter(|cart| require_open(cart, now).is_ok()) {
        Some(cart) => cart,
        None => new_cart(scope, into, &market, Some(customer)),
    };
    for line in &source.lines {
        let new = NewLine {
            product: line.product,
            variant: line.variant,
            sku: line.sku.clone(),
            quantity: line.quantity,
            add_ons: line.add_ons.clone(),
            stock: line.stock.clone(),
        };
        // A full cart keeps what it has; what does not fit stays behind rather than failing the sign-in.
        let _ = put_line(scope, &mut target, &new);
    }
    prolong(scope, &mut target, lifetime_ms);
    source.status = CartStatus::Merged(target.id);
    forget_hold_address(scope, &source);
    let target_id = target.id;
    CARTS.put(scope, &from, &source);
    scope.emit(Event::CartChanged {
        cart: from,
        revision: source.revision,
        drop_hold: source.hold.is_some(),
    });
    scope.emit(Event::CartsMerged { from, into: target_id });
    Ok(write(scope, target, true))
}

fn expire(scope: &mut Scope<'_, '_>, id: CartId) -> Result<Reply, Refusal> {
    let cart = CARTS.get(scope, &id).ok_or(Refusal::UnknownCart { cart: id })?;
    if cart.status == CartStatus::Open && cart.expires_at > scope.at() {
        // Used again since: planned anew for its new end.
        scope.schedule(cart.expires_at, &Due::Cart(id));
        return Ok(Reply::about(id.bits(), cart.revision));
    }
    Ok(remove(scope, &cart))
}

fn erase(scope: &mut Scope<'_, '_>, id: CartId) -> Result<Reply, Refusal> {
    let cart = open_cart(scope, id)?;
    let persons = [
        cart.contact.as_ref().map(|contact| contact.sealed.person()),
        cart.addresses.as_ref().map(|addresses| addresses.shipping.person()),
    ];
    for person in persons.into_iter().flatten() {
        sealed::erase(scope, person);
    }
    Ok(remove(scope, &cart))
}

fn remove(scope: &mut Scope<'_, '_>, cart: &Cart) -> Reply {
    let id = cart.id;
    forget_hold_address(scope, cart);
    if let Some(customer) = cart.customer
        && CUSTOMER_CARTS.get(scope, &customer) == Some(CartOf(id))
    {
        CUSTOMER_CARTS.delete(scope, &customer);
    }
    CARTS.delete(scope, &id);
    if IDLES.contains(scope, &id) {
        IDLES.delete(scope, &id);
    }
    for purpose in PURPOSES.map(str::to_owned) {
        if GUEST_CONSENTS.contains(scope, &(id, purpose.clone())) {
            GUEST_CONSENTS.delete(scope, &(id, purpose));
        }
    }
    if cart.status == CartStatus::Open {
        scope.emit(Event::CartExpired { cart: id });
        scope.emit(Event::CartChanged { cart: id, revision: cart.revision, drop_hold: cart.hold.is_some() });
    }
    Reply::default()
}

fn idle(scope: &mut Scope<'_, '_>, id: CartId) -> Result<Reply, Refusal> {
    let cart = open_cart(scope, id)?;
    let idle = IDLES.get(scope, &id).unwrap_or_default();
    let idle_since = cart.updated_at;
    if scope.at().millis_since(idle_since) < idle.after_ms {
        scope.schedule(idle_since.plus_millis(idle.after_ms), &Due::CartIdle(id));
    } else if !cart.lines.is_empty() && may_tell(scope, &cart, idle) {
        scope.emit(Event::CartAbandoned { cart: id, since: idle_since });
        if scope.follows(version::IDLE) {
            IDLES.put(scope, &id, &Idle { is_told: true, ..idle });
        }
    }
    Ok(Reply::about(id.bits(), cart.revision))
}

/// Told once, and only of somebody who agreed to be written to.
fn may_tell(scope: &Scope<'_, '_>, cart: &Cart, idle: Idle) -> bool {
    !scope.follows(version::IDLE) || !idle.is_told && cart.contact.is_some() && wishes_mail(scope, cart)
}

/// The cart became an order.
pub fn mark_ordered(scope: &mut Scope<'_, '_>, mut cart: Cart, order: OrderId) {
    let id = cart.id;
    forget_hold_address(scope, &cart);
    cart.status = CartStatus::Ordered(order);
    cart.hold = None;
    if let Some(customer) = cart.customer {
        CUSTOMER_CARTS.delete(scope, &customer);
    }
    write(scope, cart, false);
    scope.emit(Event::CartCheckedOut { cart: id, order });
}

/// The cart's stock is held until `hold.expires_at`.
pub fn set_hold(scope: &mut Scope<'_, '_>, mut cart: Cart, hold: Hold) -> Reply {
    scope.schedule(hold.expires_at, &Due::Hold(cart.id));
    cart.hold = Some(hold);
    remember_hold_address(scope, &cart);
    write(scope, cart, false)
}

fn remember_hold_address(scope: &mut Scope<'_, '_>, cart: &Cart) {
    if let (Some(_), Some(addresses)) = (&cart.hold, &cart.addresses) {
        HOLDS_BY_ADDRESS.put(scope, &(addresses.shipping_hash, cart.id), &Present);
    }
}

fn forget_hold_address(scope: &mut Scope<'_, '_>, cart: &Cart) {
    if let (Some(_), Some(addresses)) = (&cart.hold, &cart.addresses) {
        HOLDS_BY_ADDRESS.delete(scope, &(addresses.shipping_hash, cart.id));
    }
}

/// Moves the cart's end. The plan made for the old end finds the new one and plans itself anew.
fn prolong(scope: &mut Scope<'_, '_>, cart: &mut Cart, lifetime_ms: i64) {
    let first = cart.revision == 0;
    cart.expires_at = scope.at().plus_millis(lifetime_ms);
    if first {
        scope.schedule(cart.expires_at, &Due::Cart(cart.id));
    }
}

fn write(scope: &mut Scope<'_, '_>, mut cart: Cart, lines_changed: bool) -> Reply {
    cart.revision += 1;
    cart.updated_at = scope.at();
    let drop_hold = lines_changed && cart.hold.is_some();
    if drop_hold {
        forget_hold_address(scope, &cart);
        cart.hold = None;
    }
    let (id, revision) = (cart.id, cart.revision);
    CARTS.put(scope, &id, &cart);
    scope.emit(Event::CartChanged { cart: id, revision, drop_hold });
    Reply::about(id.bits(), revision)
}
