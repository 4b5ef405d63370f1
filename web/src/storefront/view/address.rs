//! Fields of an address, named as the country names them.
//!
//! Which of them a country has, in which order and which are required, is the caller's rule; this
//! gives each its words, its width and what a browser may fill in.

use super::parts::{Field, FieldKind, FieldWidth};
use crate::l10n::{Locale, Text};

/// One part of an address; the name in forms is `<prefix>.<name()>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressPart {
    Name,
    Company,
    Phone,
    Line1,
    Line2,
    Locality,
    City,
    Region,
    PostalCode,
}

impl AddressPart {
    pub fn name(self) -> &'static str {
        match self {
            AddressPart::Name => "name",
            AddressPart::Company => "company",
            AddressPart::Phone => "phone",
            AddressPart::Line1 => "line1",
            AddressPart::Line2 => "line2",
            AddressPart::Locality => "locality",
            AddressPart::City => "city",
            AddressPart::Region => "region",
            AddressPart::PostalCode => "postal_code",
        }
    }

    /// The browser's name for it.
    fn autocomplete(self) -> &'static str {
        match self {
            AddressPart::Name => "name",
            AddressPart::Company => "organization",
            AddressPart::Phone => "tel",
            AddressPart::Line1 => "address-line1",
            AddressPart::Line2 => "address-line2",
            AddressPart::Locality => "address-level3",
            AddressPart::City => "address-level2",
            AddressPart::Region => "address-level1",
            AddressPart::PostalCode => "postal-code",
        }
    }

    fn label(self, country: &str, t: Text) -> &'static str {
        match (self, country) {
            (AddressPart::Name, _) => t.field_name(),
            (AddressPart::Company, _) => t.field_company(),
            (AddressPart::Phone, _) => t.field_phone(),
            (AddressPart::Line1, _) => t.field_line1(),
            (AddressPart::Line2, _) => t.field_line2(),
            (AddressPart::Locality, _) => t.field_locality(),
            (AddressPart::City, "AU" | "NZ") => t.field_suburb(),
            (AddressPart::City, "GB" | "IE") => t.field_town(),
            (AddressPart::City, _) => t.field_city(),
            (AddressPart::Region, "GB" | "IE") => t.field_county(),
            (AddressPart::Region, "AU" | "IN" | "US") => t.field_state(),
            (AddressPart::Region, _) => t.field_region(),
            (AddressPart::PostalCode, "GB" | "AU" | "NZ") => t.field_postcode(),
            (AddressPart::PostalCode, "IN") => t.field_pin_code(),
            (AddressPart::PostalCode, "US") => t.field_zip_code(),
            (AddressPart::PostalCode, _) => t.field_postal_code(),
        }
    }

    fn kind(self, country: &str) -> FieldKind {
        match (self, country) {
            (AddressPart::Phone, _) => FieldKind::Phone,
            (AddressPart::PostalCode, "AU" | "IN" | "NZ") => FieldKind::Digits,
            _ => FieldKind::Text,
        }
    }

    fn width(self) -> FieldWidth {
        match self {
            AddressPart::City | AddressPart::Region | AddressPart::Locality => FieldWidth::Half,
            AddressPart::PostalCode => FieldWidth::Short,
            _ => FieldWidth::Full,
        }
    }

    fn is_usually_optional(self) -> bool {
        matches!(self, AddressPart::Company | AddressPart::Line2 | AddressPart::Locality | AddressPart::Phone)
    }
}

/// A field for one part. `prefix` is `shipping`, `billing` or `address`; a known `shipping` or
/// `billing` section is told to the browser.
pub fn address_field(part: AddressPart, prefix: &str, country: &str, locale: Locale) -> Field {
    let section = match prefix {
        "shipping" | "billing" => format!("{prefix} "),
        _ => String::new(),
    };
    let field = Field::new(
        part.kind(country),
        format!("{prefix}.{}", part.name()),
        part.label(country, locale.text()),
    )
    .autocomplete(format!("{section}{}", part.autocomplete()))
    .width(part.width())
    .max_length(if part == AddressPart::PostalCode { 16 } else { 100 });
    if part.is_usually_optional() { field.optional() } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_names_its_own_parts() {
        let label = |part, country| address_field(part, "shipping", country, Locale::EN_GB).label;
        assert_eq!(label(AddressPart::PostalCode, "GB"), "Postcode");
        assert_eq!(label(AddressPart::PostalCode, "IN"), "PIN code");
        assert_eq!(label(AddressPart::City, "AU"), "Suburb");
        assert_eq!(label(AddressPart::Region, "IN"), "State");
    }

    #[test]
    fn the_browser_is_told_which_address_it_fills() {
        let field = |prefix| address_field(AddressPart::PostalCode, prefix, "GB", Locale::EN_GB);
        assert_eq!(field("shipping").autocomplete, "shipping postal-code");
        assert_eq!(field("address").autocomplete, "postal-code");
        assert_eq!(field("billing").name, "billing.postal_code");
    }
}
