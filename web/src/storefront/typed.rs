//! What somebody typed into a form, kept as it was, and the address forms made from it.

use super::places::country_name;
use super::view::address::{AddressPart, address_field};
use super::view::parts::{Choice, Field, FieldKind};
use super::visit::Visit;
use crate::api::body::AddressBody;
use crate::api::countries::{AddressFormat, address_format};
use crate::extract::Form;
use crate::l10n::{Locale, Text};
use crate::problem::Faults;
use gearify_commerce::Country;
use gearify_commerce::cart::Address;
use std::collections::BTreeMap;

/// The fields of a form by name.
#[derive(Clone, Debug, Default)]
pub struct Typed(BTreeMap<String, Vec<String>>);

impl Typed {
    pub fn of(Form(mut pairs): Form) -> Typed {
        Typed(pairs.prefixed(""))
    }

    /// The first value, as typed.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Ticked boxes send `yes`.
    pub fn ticked(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    /// Every field whose name starts so, without the start.
    pub fn below<'t>(&'t self, start: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        let below = move |(name, values): (&'t String, &'t Vec<String>)| {
            Some((name.strip_prefix(start)?, values.first().map_or("", String::as_str)))
        };
        self.0.iter().filter_map(below)
    }
}

/// An address as it stands in a form: complete or not, right or wrong.
#[derive(Clone, Debug, Default)]
pub struct AddressForm {
    /// `shipping`, `billing`, `address`: what field names begin with.
    prefix: &'static str,
    country: String,
    values: BTreeMap<&'static str, String>,
    /// By the part's name.
    errors: BTreeMap<&'static str, String>,
}

/// What is asked, in the order of a country's forms; a part that is not in this list is not asked.
const PARTS: [AddressPart; 6] = [
    AddressPart::Name,
    AddressPart::Line1,
    AddressPart::Line2,
    AddressPart::City,
    AddressPart::Region,
    AddressPart::PostalCode,
];

impl AddressForm {
    pub fn empty(prefix: &'static str, country: &Country) -> AddressForm {
        AddressForm { prefix, country: country.to_string(), ..AddressForm::default() }
    }

    pub fn typed(prefix: &'static str, typed: &Typed) -> AddressForm {
        let value = |part: AddressPart| {
            let text = typed.text(&format!("{prefix}.{}", part.name())).to_owned();
            (part.name(), text)
        };
        AddressForm {
            prefix,
            country: typed.text(&format!("{prefix}.country")).trim().to_owned(),
            values: PARTS.map(value).into(),
            errors: BTreeMap::new(),
        }
    }

    pub fn of(prefix: &'static str, address: &Address) -> AddressForm {
        let region = address.region_code.as_ref().map(ToString::to_string).or_else(|| address.region.clone());
        let given = [
            ("name", Some(address.name.clone())),
            ("line1", Some(address.line1.clone())),
            ("line2", address.line2.clone()),
            ("city", address.city.clone()),
            ("region", region),
            ("postal_code", address.postal_code.clone()),
        ];
        let values = given.into_iter().map(|(name, value)| (name, value.unwrap_or_default()));
        let country = address.country.to_string();
        AddressForm { prefix, country, values: values.collect(), errors: BTreeMap::new() }
    }

    pub fn country(&self) -> Option<Country> {
        Country::parse(&self.country).ok()
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The address, or notes beside the fields that are wrong.
    pub fn check(&mut self, t: Text) -> Option<Address> {
        let mut faults = Faults::new();
        let address = self.body().parse("", &mut faults);
        let wrong = faults.check().err();
        for error in wrong.iter().flat_map(|problem| problem.errors()) {
            let name = match error.pointer.trim_start_matches('/') {
                "region_code" => "region",
                name => name,
            };
            let Some(part) = PARTS.into_iter().find(|part| part.name() == name) else {
                self.errors.insert("country", t.error_country().to_owned());
                continue;
            };
            let error = self.error(part, t);
            self.errors.insert(part.name(), error);
        }
        address.filter(|_| self.errors.is_empty())
    }

    fn error(&self, part: AddressPart, t: Text) -> String {
        if self.value(part.name()).is_none() {
            return t.error_required().to_owned();
        }
        match (part, self.format()) {
            (AddressPart::Region, _) => t.error_region().to_owned(),
            (AddressPart::PostalCode, Some(format)) => match format.postal_code_forms.first() {
                Some(form) => t.error_postal_code(sample_code(form)),
                None => t.error_text().to_owned(),
            },
            _ => t.error_text().to_owned(),
        }
    }

    fn format(&self) -> Option<AddressFormat> {
        self.country().map(|country| address_format(&country))
    }

    fn body(&self) -> AddressBody {
        let coded = self.format().is_some_and(|format| !format.regions.is_empty());
        let value = |name: &str| self.value(name).map(str::to_owned);
        AddressBody {
            name: value("name").unwrap_or_default(),
            company: None,
            phone: None,
            line1: value("line1").unwrap_or_default(),
            line2: value("line2"),
            locality: None,
            city: value("city"),
            region_code: value("region").filter(|_| coded),
            region: value("region").filter(|_| !coded),
            postal_code: value("postal_code"),
            country: self.country.clone(),
            tax_id: None,
        }
    }

    /// The fields, the country first, then what this country has.
    pub fn fields(&self, visit: &Visit, countries: &[Country]) -> Vec<Field> {
        let t = visit.text();
        let country = self.country();
        let mut select = country_field(visit, self.prefix, countries, country.as_ref());
        select.error = self.errors.get("country").cloned();
        let mut fields = vec![select];
        let format = self.format();
        let code = country.as_ref().map_or("", Country::as_str);
        for part in PARTS {
            let asked = match (part, &format) {
                (AddressPart::Region, Some(format)) => !format.regions.is_empty(),
                (AddressPart::PostalCode, Some(format)) => has(format, "postal_code"),
                (AddressPart::Region, None) => false,
                _ => true,
            };
            if asked {
                fields.push(self.field(visit, part, code, format.as_ref(), t));
            }
        }
        fields
    }

    fn field(
        &self,
        visit: &Visit,
        part: AddressPart,
        country: &str,
        format: Option<&AddressFormat>,
        t: Text,
    ) -> Field {
        let mut field = address_field(part, self.prefix, country, visit.page_locale());
        field.value = self.values.get(part.name()).cloned().unwrap_or_default();
        field.error = self.errors.get(part.name()).cloned();
        if let (AddressPart::Region, Some(format)) = (part, format) {
            let chosen = self.value("region").unwrap_or_default();
            let choice = |region: &crate::api::countries::RegionView| Choice {
                value: region.code.clone(),
                label: region.name.to_owned(),
                selected: region.code == chosen,
            };
            field.kind = FieldKind::Select(format.regions.iter().map(choice).collect());
        }
        if part == AddressPart::PostalCode && format.is_some_and(|format| !is_required(format, "postal_code"))
        {
            field = field.optional();
        }
        if part == AddressPart::Line2 {
            field.label = t.field_line2().to_owned();
        }
        field
    }
}

fn has(format: &AddressFormat, name: &str) -> bool {
    format.fields.iter().any(|field| field.name == name)
}

fn is_required(format: &AddressFormat, name: &str) -> bool {
    format.fields.iter().any(|field| field.name == name && field.required)
}

/// A code in the form of a country's codes: `A9 9AA` is shown as `B2 4BD`.
fn sample_code(form: &str) -> String {
    let (mut letters, mut digits) = ("BDFGHJ".chars().cycle(), "246810".chars().cycle());
    form.chars()
        .map(|place| match place {
            'A' | 'X' => letters.next().unwrap_or('B'),
            '9' => digits.next().unwrap_or('2'),
            other => other,
        })
        .collect()
}

fn country_field(visit: &Visit, prefix: &str, countries: &[Country], chosen: Option<&Country>) -> Field {
    let t = visit.text();
    let kind = FieldKind::Select(country_choices(visit, countries, chosen));
    let section = match prefix {
        "shipping" | "billing" => format!("{prefix} country"),
        _ => "country".to_owned(),
    };
    Field::new(kind, format!("{prefix}.country"), t.country()).autocomplete(section)
}

/// Countries by name; one that is chosen and not among them is not offered.
pub fn country_choices(visit: &Visit, countries: &[Country], chosen: Option<&Country>) -> Vec<Choice> {
    let locale = visit.page_locale();
    let choice = |country: &Country| Choice {
        value: country.to_string(),
        label: country_name(country, locale).to_owned(),
        selected: chosen == Some(country),
    };
    let mut choices: Vec<Choice> = countries.iter().map(choice).collect();
    choices.sort_by(|a, b| a.label.cmp(&b.label));
    choices
}

/// An address as it is printed on a parcel.
pub fn address_lines(address: &Address, visit: &Visit) -> Vec<String> {
    address_lines_in(address, visit.page_locale())
}

pub fn address_lines_in(address: &Address, locale: Locale) -> Vec<String> {
    let region = address.region.clone().or_else(|| {
        let code = address.region_code.as_ref()?;
        let format = address_format(&address.country);
        format.regions.iter().find(|region| region.code == code.as_str()).map(|region| region.name.to_owned())
    });
    let place = [address.city.clone(), region, address.postal_code.clone()];
    let place: Vec<String> = place.into_iter().flatten().collect();
    let lines = [
        Some(address.name.clone()),
        address.company.clone(),
        Some(address.line1.clone()),
        address.line2.clone(),
        address.locality.clone(),
        Some(place.join(" ")),
        Some(country_name(&address.country, locale).to_owned()),
    ];
    lines.into_iter().flatten().filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l10n::Locale;

    fn typed(pairs: &[(&str, &str)]) -> Typed {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            fields.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        Typed(fields)
    }

    #[test]
    fn a_good_address_is_taken_and_comes_back_the_same() {
        let given = typed(&[
            ("shipping.country", "GB"),
            ("shipping.name", " Meera Quill "),
            ("shipping.line1", "1 Oval Road"),
            ("shipping.city", "London"),
            ("shipping.postal_code", "se11 5ss"),
        ]);
        let mut form = AddressForm::typed("shipping", &given);
        let address = form.check(Locale::EN_GB.text()).unwrap();
        assert_eq!(
            (address.name.as_str(), address.postal_code.as_deref()),
            ("Meera Quill", Some("SE11 5SS"))
        );
        assert_eq!(AddressForm::of("shipping", &address).check(Locale::EN_GB.text()), Some(address));
    }

    #[test]
    fn every_wrong_field_says_what_is_wrong_with_it() {
        let given =
            typed(&[("shipping.country", "IN"), ("shipping.postal_code", "12"), ("shipping.city", "Pune")]);
        let mut form = AddressForm::typed("shipping", &given);
        assert_eq!(form.check(Locale::EN_GB.text()), None);
        let wrong: Vec<&str> = form.errors.keys().copied().collect();
        assert_eq!(wrong, ["line1", "name", "postal_code", "region"]);
        assert!(form.errors["postal_code"].contains("246810"), "{}", form.errors["postal_code"]);
        let mut nowhere = AddressForm::typed("shipping", &typed(&[("shipping.country", "Atlantis")]));
        assert_eq!(nowhere.check(Locale::EN_GB.text()), None);
        assert!(nowhere.errors.contains_key("country"));
    }

    #[test]
    fn boxes_and_groups_are_read_by_name() {
        let form = typed(&[("option.size", "sh"), ("add_on", "a"), ("add_on", "b"), ("same", "yes")]);
        assert_eq!(form.below("option.").collect::<Vec<_>>(), [("size", "sh")]);
        assert_eq!(form.all("add_on"), ["a", "b"]);
        assert!(form.ticked("same") && !form.ticked("other") && form.some("nothing").is_none());
    }
}
