//! Bodies that several operations share, and their checks.

use super::countries::{needs_postal_code, postal_code, region_fits};
use crate::problem::Faults;
use gearify_commerce::cart::{Address, Contact};
use gearify_commerce::{Country, Name, RegionCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// A postal address. Which fields are needed depends on the country.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressBody {
    pub name: String,
    pub company: Option<String>,
    pub phone: Option<String>,
    pub line1: String,
    pub line2: Option<String>,
    pub locality: Option<String>,
    pub city: Option<String>,
    /// ISO 3166-2.
    pub region_code: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub tax_id: Option<String>,
}

/// Whom to tell about an order.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactBody {
    pub email: String,
    pub phone: Option<String>,
    pub name: Option<String>,
}

impl ContactBody {
    pub fn parse(&self, at: &str, faults: &mut Faults) -> Option<Contact> {
        let email = faults.take(format!("{at}/email"), email(&self.email));
        let phone = faults.optional(format!("{at}/phone"), text(&self.phone), phone);
        let name = faults.optional(format!("{at}/name"), text(&self.name), line);
        Some(Contact { email: email?, phone, name })
    }
}

impl AddressBody {
    pub fn parse(&self, at: &str, faults: &mut Faults) -> Option<Address> {
        let place = |field: &str| format!("{at}/{field}");
        let name = faults.take(place("name"), line(&self.name));
        let line1 = faults.take(place("line1"), line(&self.line1));
        let company = faults.optional(place("company"), text(&self.company), line);
        let phone = faults.optional(place("phone"), text(&self.phone), phone);
        let line2 = faults.optional(place("line2"), text(&self.line2), line);
        let locality = faults.optional(place("locality"), text(&self.locality), line);
        let city = faults.optional(place("city"), text(&self.city), line);
        let region = faults.optional(place("region"), text(&self.region), line);
        let tax_id = faults.optional(place("tax_id"), text(&self.tax_id), line);
        let country = faults.take(place("country"), Country::parse(&self.country))?;
        if city.is_none() && text(&self.city).is_none() {
            faults.add(place("city"), "is required");
        }
        let region_code = faults.optional(place("region_code"), text(&self.region_code), RegionCode::parse);
        if (region_code.is_some() || text(&self.region_code).is_none())
            && let Err(fault) = region_fits(&country, region_code.as_ref().map(|code| code.as_str()))
        {
            faults.add(place("region_code"), fault);
        }
        let postal = faults
            .optional(place("postal_code"), text(&self.postal_code), |typed| postal_code(&country, typed));
        if text(&self.postal_code).is_none() && needs_postal_code(&country) {
            faults.add(place("postal_code"), "is required in this country");
        }
        Some(Address {
            name: name?,
            company,
            phone,
            line1: line1?,
            line2,
            locality,
            city,
            region_code,
            region,
            postal_code: postal,
            country,
            tax_id,
        })
    }
}

/// Absent and blank are the same.
pub fn text(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|text| !text.trim().is_empty())
}

/// One line that a person typed.
pub fn line(text: &str) -> Result<String, gearify_commerce::text::TextError> {
    Name::parse(text).map(|name| name.as_str().to_owned())
}

/// An address to which mail can be tried; whether it arrives shows only by sending. Source: RFC 5321, § 4.5.3.
pub fn email(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "is not an e-mail address";
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@').ok_or(WRONG)?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"".contains(c);
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let good = (1..=64).contains(&local.len())
        && text.len() <= 254
        && !local.contains('@')
        && text.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && domain.contains('.')
        && domain.split('.').all(label);
    if good { Ok(text.to_owned()) } else { Err(WRONG) }
}

/// A telephone number: digits with the usual signs between them.
pub fn phone(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let good = (5..=15).contains(&digits)
        && text.len() <= 30
        && text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    if good { Ok(text.to_owned()) } else { Err("is not a telephone number") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_mail_are_told_from_slips() {
        for good in ["ada@shop.example", "a.b+c@sub.shop.example", "ü@bücher.example"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ada",
            "ada@",
            "@shop.example",
            "a b@shop.example",
            "a@b",
            "a@@b.example",
            "a@b..example",
            "a@b.example\r\nBcc: x",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_says_everything_that_is_wrong_at_once() {
        let body: AddressBody = serde_json::from_value(serde_json::json!({
            "name": "", "line1": "1 Oval Road", "country": "IN", "postal_code": "12", "phone": "x"
        }))
        .unwrap();
        let mut faults = Faults::new();
        assert!(body.parse("/shipping", &mut faults).is_none());
        let problem = faults.check().unwrap_err();
        let pointers: Vec<&str> = problem.errors().iter().map(|error| error.pointer.as_str()).collect();
        let expected = [
            "/shipping/name",
            "/shipping/phone",
            "/shipping/city",
            "/shipping/region_code",
            "/shipping/postal_code",
        ];
        assert_eq!(pointers, expected);
    }
}
