//! The context of catalogue reads: country, currency and language.

use crate::extract::{Asked, Pairs, Parameter};
use crate::gate::Call;
use crate::problem::{Kind, Problem};
use crate::read::products::Market;
use crate::shop::Shop;
use gearify_commerce::{Country, Currency, Locale};

/// What the caller says about it; the rest is the shop's default.
#[derive(Clone, Debug, Default)]
pub struct MarketQuery {
    pub country: Option<Country>,
    pub currency: Option<Currency>,
    pub locale: Option<Locale>,
}

pub const COUNTRY: Parameter = Parameter::new("country", "string", "Where prices are for; ISO 3166-1.");
pub const CURRENCY: Parameter = Parameter::new("currency", "string", "One the shop sells in; ISO 4217.");
pub const LOCALE: Parameter =
    Parameter::new("locale", "string", "The wanted language; the closest is given.");

impl Asked for MarketQuery {
    const PARAMETERS: &'static [Parameter] = &[COUNTRY, CURRENCY, LOCALE];

    fn read(pairs: &mut Pairs) -> MarketQuery {
        MarketQuery {
            country: pairs.with("country", Country::parse),
            currency: pairs.with("currency", Currency::parse),
            locale: pairs.with("locale", Locale::parse),
        }
    }
}

impl MarketQuery {
    /// # Errors
    /// `unknown-parameter` for a currency the shop does not sell in.
    pub fn resolve(&self, call: &Call, shop: &Shop) -> Result<Market, Problem> {
        let settings = shop.settings();
        let currency = match self.currency {
            None => settings.currency,
            Some(wanted) => shop.currency(wanted).ok_or_else(|| {
                let detail = format!("this shop does not sell in {wanted}");
                Problem::new(Kind::UnknownParameter).field("?currency", detail)
            })?,
        };
        Ok(Market {
            locale: shop.locale(self.locale.as_ref()),
            default_locale: settings.locale.clone(),
            currency,
            country: self.country.clone().unwrap_or_else(|| settings.home.country.clone()),
            at: call.now(),
        })
    }
}
