//! Facts of products in words: what a merchant defined as attributes and options.

use super::view::parts::Spec;
use super::visit::Visit;
use crate::l10n::{Locale as PageLocale, pounds_and_ounces};
use gearify_commerce::catalog::{
    self, Attribute, AttributeKind, AttributeValue, Product, Unit, Variant, WEIGHT,
};
use gearify_commerce::scope::View;
use gearify_commerce::{Code, Locale};
use std::collections::{BTreeMap, BTreeSet};

/// In which language facts are told.
struct Tongue<'v> {
    locale: &'v Locale,
    default: &'v Locale,
    page: PageLocale,
}

impl<'v> Tongue<'v> {
    fn of(visit: &'v Visit) -> Tongue<'v> {
        Tongue { locale: &visit.locale, default: &visit.settings().locale, page: visit.page_locale() }
    }
}

/// Each attribute of a product and its variants, as one phrase.
pub fn of_product(
    view: &(impl View + ?Sized),
    visit: &Visit,
    product: &Product,
    variants: &[Variant],
) -> BTreeMap<Code, String> {
    let tongue = Tongue::of(visit);
    let all = values(product, variants).into_iter();
    let told = all.filter_map(|(code, values)| {
        let attribute = catalog::attribute(view, code)?;
        Some((code.clone(), phrase(&attribute, &values, &tongue)?))
    });
    told.collect()
}

/// The table of facts on a product's page, in the merchant's order.
pub fn table(
    view: &(impl View + ?Sized),
    visit: &Visit,
    product: &Product,
    variants: &[Variant],
) -> Vec<Spec> {
    let tongue = Tongue::of(visit);
    let mut rows: Vec<(u32, Code, Spec)> = values(product, variants)
        .into_iter()
        .filter_map(|(code, values)| {
            let attribute = catalog::attribute(view, code)?;
            let mut words = phrase(&attribute, &values, &tongue)?;
            if is_weight(&attribute) && !speaks_grams(tongue.page) {
                words = format!(
                    "{words} ({})",
                    span(&values, &|grams| format!("{} g", tongue.page.integer(grams)))?
                );
            }
            let label = attribute.details.name.words(tongue.locale, tongue.default);
            Some((attribute.details.position, code.clone(), Spec::new(label, words)))
        })
        .collect();
    rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    rows.into_iter().map(|(_, _, spec)| spec).collect()
}

/// The values of a product's options that can be had, each as one phrase.
pub fn option_spans(
    view: &(impl View + ?Sized),
    visit: &Visit,
    product: &Product,
    variants: &[Variant],
) -> BTreeMap<Code, String> {
    let tongue = Tongue::of(visit);
    let span = |option: &Code| {
        let used: BTreeSet<&Code> =
            variants.iter().filter_map(|variant| variant.details.options.get(option)).collect();
        let values = catalog::option_values(view, option).into_iter();
        let labels: Vec<String> = values
            .filter(|value| used.contains(&value.details.code))
            .map(|value| value.details.label.words(tongue.locale, tongue.default).to_owned())
            .collect();
        (!labels.is_empty()).then(|| (option.clone(), shortened(labels)))
    };
    product.details.options.iter().filter_map(span).collect()
}

fn values<'p>(product: &'p Product, variants: &'p [Variant]) -> BTreeMap<&'p Code, Vec<&'p AttributeValue>> {
    let of_variants = variants.iter().flat_map(|variant| &variant.details.attributes);
    let mut all: BTreeMap<&Code, Vec<&AttributeValue>> = BTreeMap::new();
    for (code, value) in product.details.attributes.iter().chain(of_variants) {
        let known = all.entry(code).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }
    all
}

fn phrase(attribute: &Attribute, values: &[&AttributeValue], tongue: &Tongue<'_>) -> Option<String> {
    match &attribute.details.kind {
        AttributeKind::Choice { values: choices } => {
            let chosen = choices
                .iter()
                .filter(|choice| values.contains(&&AttributeValue::Choice(choice.code.clone())));
            let labels: Vec<String> =
                chosen.map(|choice| choice.label.words(tongue.locale, tongue.default).to_owned()).collect();
            (!labels.is_empty()).then(|| shortened(labels))
        }
        AttributeKind::Number { unit, decimals } => {
            if is_weight(attribute) && !speaks_grams(tongue.page) {
                return span(values, &|grams| {
                    pounds_and_ounces(u32::try_from(grams.max(0)).unwrap_or(u32::MAX))
                });
            }
            span(values, &|number| number_words(number, *unit, *decimals, tongue.page))
        }
        AttributeKind::Boolean => {
            let t = tongue.page.text();
            let yes = values.contains(&&AttributeValue::Boolean(true));
            Some(if yes { t.yes() } else { t.no() }.to_owned())
        }
        AttributeKind::Text => {
            let texts = values.iter().filter_map(|value| match value {
                AttributeValue::Text(text) => Some(text.words(tongue.locale, tongue.default).to_owned()),
                _ => None,
            });
            let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
    }
}

fn is_weight(attribute: &Attribute) -> bool {
    attribute.details.code.as_str() == WEIGHT
}

/// Where bats are spoken of in grams; elsewhere it is pounds and ounces.
pub fn speaks_grams(locale: PageLocale) -> bool {
    matches!(locale.country(), "IN" | "PK" | "BD" | "LK" | "NP")
}

/// From the lowest to the highest, once where they are the same.
fn span(values: &[&AttributeValue], word: &impl Fn(i64) -> String) -> Option<String> {
    let numbers = values.iter().filter_map(|value| match value {
        AttributeValue::Number(number) => Some(*number),
        _ => None,
    });
    let (low, high) = numbers.fold(None, |ends: Option<(i64, i64)>, number| {
        let (low, high) = ends.unwrap_or((number, number));
        Some((low.min(number), high.max(number)))
    })?;
    let (low, high) = (word(low), word(high));
    Some(if low == high { low } else { format!("{low} – {high}") })
}

fn number_words(number: i64, unit: Option<Unit>, decimals: u8, locale: PageLocale) -> String {
    let one = 10i64.pow(u32::from(decimals.min(18)));
    let mut words = locale.integer(number / one);
    if decimals > 0 {
        let fraction = format!("{:0width$}", (number % one).abs(), width = usize::from(decimals));
        words = format!("{words}.{fraction}");
    }
    match unit {
        Some(unit) => format!("{words}\u{a0}{}", unit.as_str()),
        None => words,
    }
}

/// Up to three labels; more are told by the first and the last.
fn shortened(labels: Vec<String>) -> String {
    match labels.as_slice() {
        [first, .., last] if labels.len() > 3 => format!("{first} – {last}"),
        _ => labels.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_the_lowest_to_the_highest() {
        let values = [1_190, 1_134, 1_162].map(AttributeValue::Number);
        let values: Vec<&AttributeValue> = values.iter().collect();
        let grams = |number: i64| number_words(number, Some(Unit::Gram), 0, PageLocale::EN_GB);
        assert_eq!(span(&values, &grams).unwrap(), "1,134\u{a0}g – 1,190\u{a0}g");
        assert_eq!(span(&values[..1], &grams).unwrap(), "1,190\u{a0}g");
        assert_eq!(span(&[], &grams), None);
        assert_eq!(number_words(25, Some(Unit::Inch), 1, PageLocale::EN_GB), "2.5\u{a0}in");
    }

    #[test]
    fn many_labels_become_first_and_last() {
        let labels =
            |count: usize| ["XS", "S", "M", "L"][..count].iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(shortened(labels(3)), "XS, S, M");
        assert_eq!(shortened(labels(4)), "XS – L");
    }
}
