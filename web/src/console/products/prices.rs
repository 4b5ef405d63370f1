//! Prices of a variant as a merchant edits them: one row per currency, in that currency's default list.
//!
//! Rows of other kinds (quantities, limited times, other lists) are kept as they are.

use crate::console::typed::Typed;
use crate::console::view::Field;
use crate::console::words::{Words, typed_money};
use crate::console::wrong::Check;
use crate::gate::Call;
use crate::problem::Problem;
use gearify_commerce::command::GroupKind;
use gearify_commerce::pricing::{self, Command, Price, PriceListDetails};
use gearify_commerce::tenants::Settings;
use gearify_commerce::{Code, Currency, Name, VariantId, View};

/// The everyday price in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Everyday {
    pub currency: Currency,
    pub amount: i64,
    pub compare_at: Option<i64>,
}

/// The list that everyday prices of a currency stand in.
pub fn default_list(view: &impl View, currency: Currency) -> Option<Code> {
    let lists = pricing::lists(view).into_iter().map(|list| list.details);
    lists.into_iter().find(|list| list.is_default() && list.currency == currency).map(|list| list.code)
}

pub fn is_everyday(price: &Price) -> bool {
    price.min_quantity == 1 && price.starts.is_none() && price.ends.is_none()
}

/// Everyday prices of a variant in the shop's currencies, the default one first.
pub fn everyday(view: &impl View, variant: VariantId, settings: &Settings) -> Vec<Everyday> {
    let rows = pricing::prices_of(view, variant);
    let of = |currency: Currency| {
        let list = default_list(view, currency)?;
        let row = rows.iter().find(|row| row.list == list && is_everyday(row))?;
        Some(Everyday { currency, amount: row.amount, compare_at: row.compare_at })
    };
    settings.currencies().filter_map(of).collect()
}

pub fn fields(settings: &Settings, words: &Words) -> Vec<Field> {
    let mut fields = Vec::new();
    for currency in settings.currencies() {
        let sign = words.sign(currency);
        let price =
            Field::number(format!("price.{currency}"), format!("Price in {currency}")).unit(sign.clone());
        fields.push(if currency == settings.currency { price } else { price.optional() });
        fields.push(
            Field::number(format!("compare.{currency}"), "Before")
                .optional()
                .unit(sign)
                .hint("Shown struck through."),
        );
    }
    fields
}

pub fn write(typed: &mut Typed, prices: &[Everyday]) {
    for price in prices {
        let currency = price.currency;
        typed.set(format!("price.{currency}"), typed_money(price.amount, currency));
        if let Some(before) = price.compare_at {
            typed.set(format!("compare.{currency}"), typed_money(before, currency));
        }
    }
}

/// Reads the rows; an empty price takes the row away.
pub fn read(check: &mut Check<'_>, settings: &Settings) -> Option<Vec<Everyday>> {
    let mut prices = Vec::new();
    let mut good = true;
    for currency in settings.currencies() {
        let amount = check.optional_money(&format!("price.{currency}"), currency);
        let compare_at = check.optional_money(&format!("compare.{currency}"), currency);
        let (Some(amount), Some(compare_at)) = (amount, compare_at) else {
            good = false;
            continue;
        };
        match (amount, compare_at) {
            (Some(amount), _) if amount < 0 => {
                check.fault(format!("price.{currency}"), "A price is zero or more")
            }
            (Some(amount), Some(before)) if before <= amount => {
                check.fault(format!("compare.{currency}"), "The price before is higher than the price");
            }
            (Some(amount), compare_at) => prices.push(Everyday { currency, amount, compare_at }),
            (None, Some(_)) => {
                check.fault(format!("price.{currency}"), "There is a price before, but no price")
            }
            (None, None) => {}
        }
    }
    good.then_some(prices)
}

/// What has to be sent so that a variant has these everyday prices: missing lists first, then the rows.
/// Nothing, if it has them already.
pub fn changes(
    view: &impl View,
    variant: VariantId,
    settings: &Settings,
    wanted: &[Everyday],
    expected: Option<u64>,
) -> Vec<Command> {
    if everyday(view, variant, settings) == wanted {
        return Vec::new();
    }
    let mut commands = Vec::new();
    let mut lists = Vec::new();
    for currency in settings.currencies() {
        let list = default_list(view, currency);
        if list.is_none() && wanted.iter().any(|price| price.currency == currency) {
            let details = new_list(currency, settings.tax.prices_include_tax);
            lists.push((currency, details.code.clone()));
            commands.push(Command::PutPriceList { expected: None, details });
        } else if let Some(code) = list {
            lists.push((currency, code));
        }
    }
    let ours = |row: &Price| is_everyday(row) && lists.iter().any(|(_, code)| *code == row.list);
    let mut rows: Vec<Price> =
        pricing::prices_of(view, variant).into_iter().filter(|row| !ours(row)).collect();
    for price in wanted {
        let Some((_, list)) = lists.iter().find(|(currency, _)| *currency == price.currency) else {
            continue;
        };
        rows.push(Price {
            variant,
            list: list.clone(),
            min_quantity: 1,
            amount: price.amount,
            compare_at: price.compare_at,
            starts: None,
            ends: None,
        });
    }
    commands.push(Command::ReplacePrices { variant, expected, prices: rows });
    commands
}

fn new_list(currency: Currency, tax_included: bool) -> PriceListDetails {
    let code =
        Code::parse(&currency.as_str().to_ascii_lowercase()).expect("a currency in small letters is a code");
    let name = Name::parse(currency.as_str()).expect("a currency is a name");
    PriceListDetails { code, name, currency, countries: Vec::new(), customer_group: None, tax_included }
}

/// Sends what [`changes`] found.
///
/// # Errors
/// The refusal of the first that was refused.
pub async fn save(
    call: &Call,
    variant: VariantId,
    settings: &Settings,
    wanted: &[Everyday],
    expected: Option<u64>,
) -> Result<(), Problem> {
    let commands = call.read(GroupKind::Catalogue, |view| changes(view, variant, settings, wanted, expected));
    for command in commands {
        call.submit(command).await?;
    }
    Ok(())
}
