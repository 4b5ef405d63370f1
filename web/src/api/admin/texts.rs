//! Merchants' words by language, and the typed values of attributes, as bodies write them.

use crate::problem::Faults;
use gearify_commerce::catalog::{self, AttributeKind, AttributeValue};
use gearify_commerce::code::Code;
use gearify_commerce::{Locale, ReadScope, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// `{"en-GB": "Bat", "hi-IN": "बल्ला"}`; one text alone is in the shop's own language.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Words {
    One(String),
    ByLocale(BTreeMap<String, String>),
}

impl Default for Words {
    fn default() -> Words {
        Words::ByLocale(BTreeMap::new())
    }
}

impl Words {
    pub fn of(text: &Text) -> Words {
        Words::ByLocale(text.iter().map(|(locale, words)| (locale.to_string(), words.to_owned())).collect())
    }

    pub fn parse(&self, at: &str, default: &Locale, faults: &mut Faults) -> Text {
        match self {
            Words::One(words) => Text::new(default.clone(), words.trim()),
            Words::ByLocale(by_locale) => {
                let words = by_locale.iter().filter_map(|(locale, words)| {
                    let locale = faults.take(format!("{at}/{locale}"), Locale::parse(locale))?;
                    Some((locale, words.trim().to_owned()))
                });
                words.collect()
            }
        }
    }
}

/// Values by attribute code.
pub type Attributes = BTreeMap<String, Value>;

/// Attributes as a body writes them: choices as their code, decimals as text.
pub fn write_attributes(view: &ReadScope<'_>, values: &BTreeMap<Code, AttributeValue>) -> Attributes {
    let write = |(code, value): (&Code, &AttributeValue)| {
        let value = match value {
            AttributeValue::Choice(choice) => choice.as_str().into(),
            AttributeValue::Number(number) => write_number(*number, decimals(view, code)),
            AttributeValue::Boolean(yes) => (*yes).into(),
            AttributeValue::Text(text) => serde_json::to_value(Words::of(text)).unwrap_or_default(),
        };
        (code.to_string(), value)
    };
    values.iter().map(write).collect()
}

fn decimals(view: &ReadScope<'_>, code: &Code) -> u8 {
    match catalog::attribute(view, code).map(|attribute| attribute.details.kind) {
        Some(AttributeKind::Number { decimals, .. }) => decimals,
        _ => 0,
    }
}

fn write_number(number: i64, decimals: u8) -> Value {
    if decimals == 0 {
        return number.into();
    }
    let one = 10i64.saturating_pow(decimals.into());
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}.{:0width$}", (number / one).abs(), (number % one).abs(), width = decimals.into()).into()
}

/// Reads attributes by their definitions.
pub fn parse_attributes(
    view: &ReadScope<'_>,
    at: &str,
    values: &Attributes,
    default: &Locale,
    faults: &mut Faults,
) -> BTreeMap<Code, AttributeValue> {
    let mut parsed = BTreeMap::new();
    for (name, value) in values {
        let place = format!("{at}/{name}");
        let Some(code) = faults.take(place.clone(), Code::parse(name)) else { continue };
        let Some(attribute) = catalog::attribute(view, &code) else {
            faults.add(place, "is not an attribute of this shop");
            continue;
        };
        let value = parse_value(&attribute.details.kind, value, &place, default, faults);
        if let Some(value) = value {
            parsed.insert(code, value);
        }
    }
    parsed
}

fn parse_value(
    kind: &AttributeKind,
    value: &Value,
    at: &str,
    default: &Locale,
    faults: &mut Faults,
) -> Option<AttributeValue> {
    let wrong = |faults: &mut Faults, detail: &str| {
        faults.add(at, detail);
        None
    };
    match (kind, value) {
        (AttributeKind::Choice { .. }, Value::String(code)) => {
            faults.take(at, Code::parse(code)).map(AttributeValue::Choice)
        }
        (AttributeKind::Choice { .. }, _) => wrong(faults, "must be the code of a choice"),
        (AttributeKind::Number { decimals, unit }, value) => match parse_number(value, *decimals) {
            // What is measured is never less than nothing.
            Some(number) if number < 0 && unit.is_some() => wrong(faults, "must not be negative"),
            Some(number) if number.unsigned_abs() > NUMBER_MAX => wrong(faults, "is too large"),
            Some(number) => Some(AttributeValue::Number(number)),
            None if *decimals == 0 => wrong(faults, "must be a whole number"),
            None => wrong(faults, &format!("must be a number with at most {decimals} decimals")),
        },
        (AttributeKind::Boolean, Value::Bool(yes)) => Some(AttributeValue::Boolean(*yes)),
        (AttributeKind::Boolean, _) => wrong(faults, "must be true or false"),
        (AttributeKind::Text, value) => match serde_json::from_value::<Words>(value.clone()) {
            Ok(words) => Some(AttributeValue::Text(words.parse(at, default, faults))),
            Err(_) => wrong(faults, "must be text, or texts by language"),
        },
    }
}

/// Beyond it a script's number can't be told from its neighbour. Source: ECMA-262, `Number.MAX_SAFE_INTEGER`.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// A number of `10^-decimals` units; digits, never a float, so that nothing is rounded.
fn parse_number(value: &Value, decimals: u8) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.as_str()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > decimals.into() {
        return None;
    }
    let scaled = format!("{whole}{part:0<width$}", width = decimals.into());
    scaled.parse::<i64>().ok().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_without_rounding() {
        let check =
            |value: Value, decimals, number| assert_eq!(parse_number(&value, decimals), number, "{value}");
        check(json!(1150), 0, Some(1150));
        check(json!("2.5"), 1, Some(25));
        check(json!(2.5), 1, Some(25));
        check(json!("-3"), 2, Some(-300));
        check(json!("2.55"), 1, None);
        check(json!("1e3"), 0, None);
        check(json!("99999999999999999999"), 0, None);
        assert_eq!(write_number(-25, 1), json!("-2.5"));
        assert_eq!(write_number(25, 0), json!(25));
    }
}
