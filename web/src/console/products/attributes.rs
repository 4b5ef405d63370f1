//! Typed attributes as fields of a form and as text: weight in grams, grade, material.

use crate::console::typed::Typed;
use crate::console::view::Field;
use crate::console::view::form::Choice;
use crate::console::words::{parse_decimal, typed_decimal};
use crate::console::wrong::Check;
use gearify_commerce::catalog::{self, Attribute, AttributeKind, AttributeValue, Level};
use gearify_commerce::{Code, Locale, Text, View};
use std::collections::BTreeMap;

/// The attributes that products of a type have at this level, in the merchant's order.
pub fn of_type(view: &impl View, product_type: &Code, level: Level) -> Vec<Attribute> {
    let declared =
        catalog::product_type(view, product_type).map_or(Vec::new(), |found| found.details.attributes);
    let mut found: Vec<Attribute> =
        declared.iter().filter_map(|code| catalog::attribute(view, code)).collect();
    found.retain(|attribute| attribute.details.level == level);
    found.sort_by_key(|attribute| attribute.details.position);
    found
}

fn name_of(attribute: &Attribute) -> String {
    format!("attr.{}", attribute.details.code)
}

pub fn label_of(attribute: &Attribute, locale: &Locale) -> String {
    attribute.details.name.words(locale, locale).to_owned()
}

/// A field for each attribute, before it is filled.
pub fn fields(attributes: &[Attribute], locale: &Locale) -> Vec<Field> {
    attributes.iter().map(|attribute| field(attribute, &name_of(attribute), locale)).collect()
}

pub fn field(attribute: &Attribute, name: &str, locale: &Locale) -> Field {
    let label = label_of(attribute, locale);
    let field = match &attribute.details.kind {
        AttributeKind::Choice { values } => {
            let choice =
                |choice: &catalog::Choice| Choice::new(&choice.code, choice.label.words(locale, locale));
            let choices = std::iter::once(Choice::new("", "Not said")).chain(values.iter().map(choice));
            Field::select(name, label, choices.collect())
        }
        AttributeKind::Number { unit, .. } => {
            Field::number(name, label).unit(unit.map_or("", |unit| unit.as_str()))
        }
        AttributeKind::Boolean => {
            let choices =
                vec![Choice::new("", "Not said"), Choice::new("yes", "Yes"), Choice::new("no", "No")];
            Field::select(name, label, choices)
        }
        AttributeKind::Text => Field::text(name, label),
    };
    field.optional().short()
}

/// Puts a record's values into the form.
pub fn write(
    typed: &mut Typed,
    attributes: &[Attribute],
    values: &BTreeMap<Code, AttributeValue>,
    locale: &Locale,
) {
    for attribute in attributes {
        let Some(value) = values.get(&attribute.details.code) else { continue };
        typed.set(name_of(attribute), text_of(attribute, value, locale));
    }
}

/// Reads the values back. What the form does not show (of another type, text in other languages) stays.
pub fn read(
    check: &mut Check<'_>,
    attributes: &[Attribute],
    before: &BTreeMap<Code, AttributeValue>,
    locale: &Locale,
) -> BTreeMap<Code, AttributeValue> {
    let mut values = BTreeMap::new();
    for attribute in attributes {
        let code = &attribute.details.code;
        let parsed =
            check.optional(&name_of(attribute), |text| parse(attribute, text, before.get(code), locale));
        if let Some(Some(value)) = parsed {
            values.insert(code.clone(), value);
        }
    }
    values
}

/// A value as people write it.
pub fn text_of(attribute: &Attribute, value: &AttributeValue, locale: &Locale) -> String {
    match (value, &attribute.details.kind) {
        (AttributeValue::Choice(code), _) => code.to_string(),
        (AttributeValue::Number(number), AttributeKind::Number { decimals, .. }) => {
            typed_decimal(*number, *decimals)
        }
        (AttributeValue::Number(number), _) => number.to_string(),
        (AttributeValue::Boolean(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
        (AttributeValue::Text(text), _) => text.words(locale, locale).to_owned(),
    }
}

/// # Errors
/// Words on how to write it.
pub fn parse(
    attribute: &Attribute,
    text: &str,
    before: Option<&AttributeValue>,
    locale: &Locale,
) -> Result<AttributeValue, String> {
    match &attribute.details.kind {
        AttributeKind::Choice { values } => {
            let known = values.iter().find(|choice| choice.code.as_str() == text);
            known.map(|choice| AttributeValue::Choice(choice.code.clone())).ok_or_else(|| {
                let offered: Vec<&str> = values.iter().map(|choice| choice.code.as_str()).collect();
                format!("Use one of {}", offered.join(", "))
            })
        }
        AttributeKind::Number { decimals, .. } => parse_decimal(text, *decimals).map(AttributeValue::Number),
        AttributeKind::Boolean => match text {
            "yes" => Ok(AttributeValue::Boolean(true)),
            "no" => Ok(AttributeValue::Boolean(false)),
            _ => Err("Write yes or no".to_owned()),
        },
        AttributeKind::Text => {
            let others = match before {
                Some(AttributeValue::Text(text)) => text.clone(),
                _ => Text::default(),
            };
            let mut words = others;
            words.set(locale.clone(), text);
            Ok(AttributeValue::Text(words))
        }
    }
}
