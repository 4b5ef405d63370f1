//! Second step: where the goods go, and how.

use super::super::answer::{private_page, see_other};
use super::super::cart::{back_to_cart, served, window, write};
use super::super::convert::viewed_amount;
use super::super::notes::notice;
use super::super::places::country_in_words;
use super::super::typed::{AddressForm, Typed, address_lines};
use super::super::view::checkout::{DeliveryPage, SavedAddress, ShippingOption};
use super::super::view::parts::DeliveryWindow;
use super::super::view::paths;
use super::super::visit::Visit;
use super::Till;
use crate::api::carts::with_desk;
use crate::extract::Form;
use crate::problem::{Kind, Problem};
use crate::read::carts::shipping_options;
use axum::response::Response;
use gearify_commerce::cart::Address;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{ADDRESSES, ADDRESSES_MAX};
use gearify_commerce::intent::CartIntent;
use gearify_commerce::sealed::open;
use gearify_commerce::{AddressId, Country, RateId};
use http::StatusCode;

/// `GET /checkout/delivery`
pub async fn show_delivery(visit: Visit) -> Result<Response, Problem> {
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if till.contact().is_none() {
        return Ok(see_other(&visit.to(paths::CHECKOUT_CONTACT)));
    }
    let stored = till.shipping(&visit);
    let book = address_book(&visit);
    let saved = chosen_of(&book, stored.as_ref());
    let form = match (&stored, saved) {
        (Some(address), None) => AddressForm::of("shipping", address),
        _ => AddressForm::empty("shipping", &country_of(&till)),
    };
    let shown = Shown { form, saved, ..Shown::default() };
    Ok(page(&visit, &till, &book, shown, StatusCode::OK))
}

fn country_of(till: &Till) -> Country {
    let cart = till.cart();
    cart.destination.as_ref().map_or(&cart.country, |destination| &destination.country).clone()
}

/// The customer's addresses, the default first.
fn address_book(visit: &Visit) -> Vec<(AddressId, Address)> {
    let Some(customer) = visit.call.caller().customer() else { return Vec::new() };
    let mut book = visit.call.read(GroupKind::Region, |view| ADDRESSES.list(view, &customer, ADDRESSES_MAX));
    book.sort_by_key(|saved| !saved.default);
    let opened = |saved: gearify_commerce::customers::SavedAddress| {
        let address =
            visit.call.read(GroupKind::Region, |view| open(view, visit.call.vault(), &saved.address).ok());
        address.map(|address| (saved.id, address))
    };
    book.into_iter().filter_map(opened).collect()
}

/// The saved address that is the cart's, or the first while the cart has none.
fn chosen_of(book: &[(AddressId, Address)], stored: Option<&Address>) -> Option<AddressId> {
    match stored {
        None => book.first().map(|(id, _)| *id),
        Some(stored) => book.iter().find(|(_, address)| address == stored).map(|(id, _)| *id),
    }
}

/// How the page is filled in.
#[derive(Default)]
struct Shown {
    form: AddressForm,
    saved: Option<AddressId>,
    /// As typed; else the cart's, the shop's default, the first.
    option: Option<String>,
    refused_country: Option<String>,
    error: Option<String>,
}

fn page(
    visit: &Visit,
    till: &Till,
    book: &[(AddressId, Address)],
    shown: Shown,
    status: StatusCode,
) -> Response {
    let countries = served(visit);
    let mut fields = shown.form.fields(visit, &countries);
    // With a saved address chosen, the form for another one may stay empty.
    if shown.saved.is_some() {
        fields.iter_mut().for_each(|field| field.required = false);
    }
    let page = DeliveryPage {
        summary: till.summary(visit),
        contact: till.contact_line(),
        saved: book
            .iter()
            .map(|(id, address)| SavedAddress {
                id: id.to_string(),
                lines: address_lines(address, visit),
                selected: shown.saved == Some(*id),
            })
            .collect(),
        fields,
        options: match shown.refused_country {
            Some(_) => Vec::new(),
            None => options(visit, till, shown.option.as_deref()),
        },
        refused_country: shown.refused_country,
        error: shown.error,
    };
    private_page(visit, &page, notice(visit), status)
}

fn options(visit: &Visit, till: &Till, typed: Option<&str>) -> Vec<ShippingOption> {
    let cart = till.cart();
    // Before a place is known the shop's own country would be guessed; nothing is offered on a guess.
    let known = with_desk(&visit.call, &visit.shop, |desk| shipping_options(desk, cart)).unwrap_or_default();
    let wanted = typed
        .map(str::to_owned)
        .or_else(|| cart.shipping_rate.map(|rate| rate.to_string()))
        .filter(|wanted| known.iter().any(|option| option.id == *wanted))
        .or_else(|| visit.settings().default_rate.map(|rate| rate.to_string()))
        .filter(|wanted| known.iter().any(|option| option.id == *wanted))
        .or_else(|| known.first().map(|option| option.id.clone()));
    let option = |option: &crate::read::carts::ShippingOptionView| ShippingOption {
        id: option.id.clone(),
        name: option.name.clone(),
        carrier: if option.carrier == option.name { String::new() } else { option.carrier.clone() },
        price: viewed_amount(&option.price, cart.currency),
        window: window(option).map(|(from, to)| DeliveryWindow { from, to }),
        selected: wanted.as_deref() == Some(option.id.as_str()),
    };
    known.iter().map(option).collect()
}

/// `POST /checkout/delivery`
pub async fn take_delivery(visit: Visit, form: Form) -> Result<Response, Problem> {
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if till.contact().is_none() {
        return Ok(see_other(&visit.to(paths::CHECKOUT_CONTACT)));
    }
    let typed = Typed::of(form);
    let book = address_book(&visit);
    let saved = AddressId::parse(typed.text("shipping_address"))
        .ok()
        .and_then(|id| book.iter().find(|(known, _)| *known == id))
        .cloned();
    let step = Step { visit: &visit, till, book, typed };
    match saved {
        Some((id, address)) => step.go_on(AddressForm::of("shipping", &address), Some(id), address).await,
        None => step.take_typed().await,
    }
}

struct Step<'v> {
    visit: &'v Visit,
    till: Till,
    book: Vec<(AddressId, Address)>,
    typed: Typed,
}

impl Step<'_> {
    /// The options are asked for, or another country's fields: the page comes again.
    fn is_update(&self) -> bool {
        self.typed.has("update")
    }

    fn again(&self, shown: Shown, status: StatusCode) -> Response {
        let option = self.typed.some("shipping_option").map(str::to_owned);
        page(self.visit, &self.till, &self.book, Shown { option, ..shown }, status)
    }

    async fn take_typed(mut self) -> Result<Response, Problem> {
        let mut form = AddressForm::typed("shipping", &self.typed);
        if let Some(refused) = self.refused(form.country().as_ref()) {
            let shown = Shown { form, refused_country: Some(refused), ..Shown::default() };
            return Ok(self.again(shown, StatusCode::UNPROCESSABLE_ENTITY));
        }
        let unchecked = form.clone();
        match form.check(self.visit.text()) {
            Some(address) => self.go_on(form, None, address).await,
            // Another country was chosen: nothing is wrong yet, its fields just have to be shown.
            None if self.is_update() && self.typed.text("update") != "options" => {
                self.estimate(&unchecked).await?;
                Ok(self.again(Shown { form: unchecked, ..Shown::default() }, StatusCode::OK))
            }
            None => Ok(self.again(Shown { form, ..Shown::default() }, StatusCode::UNPROCESSABLE_ENTITY)),
        }
    }

    /// The name of a country that is not delivered to.
    fn refused(&self, country: Option<&Country>) -> Option<String> {
        let country = country.filter(|country| !served(self.visit).contains(country))?;
        Some(country_in_words(country, self.visit.page_locale()))
    }

    /// Costs and ways for what is known of an address that is not complete.
    async fn estimate(&mut self, form: &AddressForm) -> Result<(), Problem> {
        let Some(country) = form.country() else { return Ok(()) };
        let known = self.till.cart().destination.as_ref().map(|destination| &destination.country);
        if known == Some(&country) {
            return Ok(());
        }
        let (region, postal_code) = (None, form.value("postal_code").map(str::to_owned));
        let intent = CartIntent::SetDestination { cart: self.till.held.id, country, region, postal_code };
        write(self.visit, &self.till.held, intent).await?;
        self.reread();
        Ok(())
    }

    /// The cart as the write left it.
    fn reread(&mut self) {
        if let Ok(till) = Till::open(self.visit) {
            self.till = till;
        }
    }

    async fn go_on(
        mut self,
        form: AddressForm,
        saved: Option<AddressId>,
        address: Address,
    ) -> Result<Response, Problem> {
        if let Some(refused) = self.refused(Some(&address.country)) {
            let shown = Shown { form, saved, refused_country: Some(refused), ..Shown::default() };
            return Ok(self.again(shown, StatusCode::UNPROCESSABLE_ENTITY));
        }
        // From here on it is shown as it is kept: a code in its country's form.
        let form = AddressForm::of("shipping", &address);
        if let Err(problem) = self.store(address).await {
            return back_to_cart(self.visit, problem);
        }
        if self.is_update() {
            return Ok(self.again(Shown { form, saved, ..Shown::default() }, StatusCode::OK));
        }
        let Ok(rate) = RateId::parse(self.typed.text("shipping_option")) else {
            let error = Some(self.visit.text().error_choose_delivery().to_owned());
            return Ok(self
                .again(Shown { form, saved, error, ..Shown::default() }, StatusCode::UNPROCESSABLE_ENTITY));
        };
        let chosen =
            self.till.cart().shipping_rate == Some(rate) && self.till.counted.view.shipping_option.is_some();
        if !chosen {
            let intent = CartIntent::ChooseRate { cart: self.till.held.id, rate };
            match write(self.visit, &self.till.held, intent).await {
                Ok(()) => {}
                Err(problem)
                    if matches!(problem.kind(), Kind::ShippingOptionExpired | Kind::NotDeliverable) =>
                {
                    let error = Some(self.visit.text().note_delivery_gone().to_owned());
                    let shown = Shown { form, saved, error, ..Shown::default() };
                    return Ok(self.again(shown, StatusCode::UNPROCESSABLE_ENTITY));
                }
                Err(problem) => return back_to_cart(self.visit, problem),
            }
        }
        Ok(see_other(&self.visit.to(paths::CHECKOUT_PAYMENT)))
    }

    async fn store(&mut self, address: Address) -> Result<(), Problem> {
        let known = self.till.shipping(self.visit);
        let same_place = self.till.cart().destination.as_ref() == Some(&address.destination());
        if known.as_ref() == Some(&address) && same_place {
            return Ok(());
        }
        let billing = self.till.billing(self.visit).map(Box::new);
        let intent =
            CartIntent::SetAddresses { cart: self.till.held.id, shipping: Box::new(address), billing };
        write(self.visit, &self.till.held, intent).await?;
        self.reread();
        Ok(())
    }
}
