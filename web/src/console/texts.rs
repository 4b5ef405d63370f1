//! A merchant's words in the shop's languages, as fields of a form.

use super::typed::Typed;
use super::view::{Field, FieldKind};
use gearify_commerce::Text;
use gearify_commerce::tenants::Settings;

/// `name.en-GB`, `name.hi-IN` …, without falling back from one to the other.
pub fn write(typed: &mut Typed, name: &str, text: &Text, settings: &Settings) {
    for locale in settings.locales() {
        let words = text.iter().find(|(known, _)| *known == locale).map_or("", |(_, words)| words);
        typed.set(format!("{name}.{locale}"), words);
    }
}

/// One field a language; only the default one must be filled, and only if `required`.
pub fn fields(kind: &FieldKind, name: &str, label: &str, settings: &Settings, required: bool) -> Vec<Field> {
    let several = !settings.further_locales.is_empty();
    let field = |locale: &gearify_commerce::Locale| {
        let label = if several { format!("{label} ({locale})") } else { label.to_owned() };
        let field = Field::new(kind.clone(), format!("{name}.{locale}"), label);
        if required && *locale == settings.locale { field } else { field.optional() }
    };
    settings.locales().map(field).collect()
}

/// The field a refusal about the whole text is shown at.
pub fn first_field(name: &str, settings: &Settings) -> String {
    format!("{name}.{}", settings.locale)
}
