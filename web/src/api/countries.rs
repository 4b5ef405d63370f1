//! What an address needs, by country.
//!
//! Countries that are not listed take a name, a street line, a town and, if there is one, a postal code
//! as it is typed. Source of codes: ISO 3166-1 and 3166-2; of formats: the postal services.

use crate::answers::SHARED;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::response::{IntoResponse, Response};
use gearify_commerce::Country;
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Countries", Api, Shop;
        Get "/api/v1/countries/{cc}/address-format" get_address_format: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(AddressFormat), "Which fields an address has and needs in a country";
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddressFormat {
    pub country: String,
    /// In the order people write them.
    pub fields: Vec<AddressField>,
    /// Forms of the postal code: `9` is a digit, `A` a letter, `X` either.
    pub postal_code_forms: Vec<&'static str>,
    /// Where a region has to be chosen: these.
    pub regions: Vec<RegionView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddressField {
    pub name: &'static str,
    pub label: &'static str,
    pub required: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RegionView {
    /// ISO 3166-2.
    pub code: String,
    pub name: &'static str,
}

async fn get_address_format(call: Call, Path(country): Path<String>) -> Result<Response, Problem> {
    call.shop()?;
    let country = Country::parse(&country).map_err(|_| Problem::not_found("country"))?;
    let mut response = Json(address_format(&country)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, SHARED);
    Ok(response)
}

struct Rules {
    country: &'static str,
    postal: &'static [&'static str],
    postal_label: &'static str,
    city_label: &'static str,
    region_label: &'static str,
    /// Not empty: one of them is required.
    regions: &'static [(&'static str, &'static str)],
}

const fn plain(country: &'static str, postal: &'static [&'static str]) -> Rules {
    Rules {
        country,
        postal,
        postal_label: "Postcode",
        city_label: "Town or city",
        region_label: "",
        regions: &[],
    }
}

const COUNTRIES: [Rules; 17] = [
    plain("GB", &["A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"]),
    Rules {
        country: "IN",
        postal: &["999999"],
        postal_label: "PIN code",
        city_label: "City",
        region_label: "State",
        regions: &INDIA,
    },
    Rules {
        country: "AU",
        postal: &["9999"],
        postal_label: "Postcode",
        city_label: "Suburb",
        region_label: "State or territory",
        regions: &AUSTRALIA,
    },
    Rules {
        country: "US",
        postal: &["99999", "99999-9999"],
        postal_label: "ZIP code",
        city_label: "City",
        region_label: "State",
        regions: &UNITED_STATES,
    },
    Rules {
        country: "CA",
        postal: &["A9A 9A9"],
        postal_label: "Postal code",
        city_label: "City",
        region_label: "Province",
        regions: &CANADA,
    },
    plain("NZ", &["9999"]),
    plain("ZA", &["9999"]),
    plain("IE", &["A99 XXXX", "A9A XXXX"]),
    plain("DE", &["99999"]),
    plain("FR", &["99999"]),
    plain("NL", &["9999 AA"]),
    plain("IT", &["99999"]),
    plain("ES", &["99999"]),
    plain("PK", &["99999"]),
    plain("LK", &["99999"]),
    plain("BD", &["9999"]),
    plain("AE", &[]),
];

fn rules(country: &Country) -> Option<&'static Rules> {
    COUNTRIES.iter().find(|rules| rules.country == country.as_str())
}

/// The fields of an address in this country.
pub fn address_format(country: &Country) -> AddressFormat {
    let rules = rules(country);
    let field = |name, label, required| AddressField { name, label, required };
    let mut fields = vec![
        field("name", "Full name", true),
        field("company", "Company", false),
        field("line1", "Address", true),
        field("line2", "Flat, building, landmark", false),
        field("city", rules.map_or("Town or city", |rules| rules.city_label), true),
    ];
    if let Some(rules) = rules.filter(|rules| !rules.regions.is_empty()) {
        fields.push(field("region_code", rules.region_label, true));
    }
    let has_postal = rules.is_none_or(|rules| !rules.postal.is_empty());
    if has_postal {
        let label = rules.map_or("Postal code", |rules| rules.postal_label);
        fields.push(field("postal_code", label, rules.is_some()));
    }
    fields.push(field("country", "Country", true));
    fields.push(field("phone", "Phone", false));
    let regions = rules.map_or(&[][..], |rules| rules.regions);
    AddressFormat {
        country: country.to_string(),
        fields,
        postal_code_forms: rules.map_or_else(Vec::new, |rules| rules.postal.to_vec()),
        regions: regions
            .iter()
            .map(|(code, name)| RegionView { code: format!("{country}-{code}"), name })
            .collect(),
    }
}

/// A postal code as the country writes it.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub fn postal_code(country: &Country, typed: &str) -> Result<String, String> {
    let forms = rules(country).map_or(&[][..], |rules| rules.postal);
    let typed = typed.trim().to_uppercase();
    if forms.is_empty() {
        let good = !typed.is_empty()
            && typed.len() <= 16
            && typed.chars().all(|c| c.is_alphanumeric() || " -".contains(c));
        return if good { Ok(typed) } else { Err("is not a postal code".into()) };
    }
    let letters: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    let fitted = forms.iter().find_map(|form| fit(form, &letters));
    fitted.ok_or_else(|| format!("is not a postal code of {country}, such as {}", forms[0]))
}

/// The letters in the form's spacing, if they fit it.
fn fit(form: &str, letters: &str) -> Option<String> {
    let mut letters = letters.chars();
    let mut fitted = String::new();
    for place in form.chars() {
        if place == ' ' {
            fitted.push(' ');
            continue;
        }
        let letter = letters.next()?;
        let good = match place {
            '9' => letter.is_ascii_digit(),
            'A' => letter.is_ascii_uppercase(),
            'X' => letter.is_ascii_alphanumeric(),
            exact => letter == exact,
        };
        if !good {
            return None;
        }
        fitted.push(letter);
    }
    letters.next().is_none().then_some(fitted)
}

/// Whether an address in this country has to name one of the country's regions, and whether this is one.
pub fn region_fits(country: &Country, code: Option<&str>) -> Result<(), &'static str> {
    let regions = rules(country).map_or(&[][..], |rules| rules.regions);
    match code {
        None if regions.is_empty() => Ok(()),
        None => Err("is required in this country"),
        Some(code) => {
            let part =
                code.split_once('-').filter(|(prefix, _)| *prefix == country.as_str()).map(|(_, part)| part);
            let known = part
                .is_some_and(|part| regions.is_empty() || regions.iter().any(|(known, _)| *known == part));
            if known { Ok(()) } else { Err("is not a region of this country") }
        }
    }
}

/// Whether the country writes a postal code that has to be given.
pub fn needs_postal_code(country: &Country) -> bool {
    rules(country).is_some_and(|rules| !rules.postal.is_empty())
}

const INDIA: [(&str, &str); 36] = [
    ("AN", "Andaman and Nicobar Islands"),
    ("AP", "Andhra Pradesh"),
    ("AR", "Arunachal Pradesh"),
    ("AS", "Assam"),
    ("BR", "Bihar"),
    ("CH", "Chandigarh"),
    ("CG", "Chhattisgarh"),
    ("DH", "Dadra and Nagar Haveli and Daman and Diu"),
    ("DL", "Delhi"),
    ("GA", "Goa"),
    ("GJ", "Gujarat"),
    ("HR", "Haryana"),
    ("HP", "Himachal Pradesh"),
    ("JK", "Jammu and Kashmir"),
    ("JH", "Jharkhand"),
    ("KA", "Karnataka"),
    ("KL", "Kerala"),
    ("LA", "Ladakh"),
    ("LD", "Lakshadweep"),
    ("MP", "Madhya Pradesh"),
    ("MH", "Maharashtra"),
    ("MN", "Manipur"),
    ("ML", "Meghalaya"),
    ("MZ", "Mizoram"),
    ("NL", "Nagaland"),
    ("OD", "Odisha"),
    ("PY", "Puducherry"),
    ("PB", "Punjab"),
    ("RJ", "Rajasthan"),
    ("SK", "Sikkim"),
    ("TN", "Tamil Nadu"),
    ("TS", "Telangana"),
    ("TR", "Tripura"),
    ("UP", "Uttar Pradesh"),
    ("UK", "Uttarakhand"),
    ("WB", "West Bengal"),
];

const AUSTRALIA: [(&str, &str); 8] = [
    ("ACT", "Australian Capital Territory"),
    ("NSW", "New South Wales"),
    ("NT", "Northern Territory"),
    ("QLD", "Queensland"),
    ("SA", "South Australia"),
    ("TAS", "Tasmania"),
    ("VIC", "Victoria"),
    ("WA", "Western Australia"),
];

const CANADA: [(&str, &str); 13] = [
    ("AB", "Alberta"),
    ("BC", "British Columbia"),
    ("MB", "Manitoba"),
    ("NB", "New Brunswick"),
    ("NL", "Newfoundland and Labrador"),
    ("NS", "Nova Scotia"),
    ("NT", "Northwest Territories"),
    ("NU", "Nunavut"),
    ("ON", "Ontario"),
    ("PE", "Prince Edward Island"),
    ("QC", "Quebec"),
    ("SK", "Saskatchewan"),
    ("YT", "Yukon"),
];

const UNITED_STATES: [(&str, &str); 51] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postal_codes_take_their_countrys_form() {
        let check = |country: &str, typed: &str, written: Option<&str>| {
            let country = Country::parse(country).unwrap();
            assert_eq!(postal_code(&country, typed).ok().as_deref(), written, "{typed}");
        };
        check("GB", "sw1a1aa", Some("SW1A 1AA"));
        check("GB", " M1 1ae ", Some("M1 1AE"));
        check("GB", "12345", None);
        check("IN", "400 001", Some("400001"));
        check("AU", "300", None);
        check("NL", "1012ab", Some("1012 AB"));
        check("BR", "01310-100", Some("01310-100"));
        check("BR", "<script>", None);
    }

    #[test]
    fn a_region_belongs_to_its_country() {
        let check =
            |country: &str, code: Option<&str>| region_fits(&Country::parse(country).unwrap(), code).is_ok();
        assert!(check("IN", Some("IN-MH")) && !check("IN", Some("IN-ZZ")) && !check("IN", None));
        assert!(!check("GB", Some("IN-MH")) && check("GB", None) && check("GB", Some("GB-ENG")));
    }
}
