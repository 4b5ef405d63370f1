//! What is wrong with a form, in words for the person who sent it, and how values are read from it.

use super::typed::Typed;
use super::words::parse_money;
use crate::problem::{Kind, Problem};
use gearify_commerce::{Currency, Locale, Text};
use std::collections::BTreeMap;
use std::fmt::Display;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wrong {
    /// About the form as a whole, with what to do.
    pub form: Option<String>,
    /// By the name of the field.
    pub fields: BTreeMap<String, String>,
    /// The record stands at this revision now, not at the one that was edited.
    pub stands_at: Option<u64>,
}

impl Wrong {
    pub fn saying(words: impl Into<String>) -> Wrong {
        Wrong { form: Some(words.into()), ..Wrong::default() }
    }

    pub fn field(name: impl Into<String>, words: impl Display) -> Wrong {
        let fields = BTreeMap::from([(name.into(), words.to_string())]);
        Wrong { fields, ..Wrong::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.form.is_none() && self.fields.is_empty()
    }

    /// What a refusal means for the form. `rename` tells which field a pointer (`name/en`) is about.
    ///
    /// # Errors
    /// The problem itself if it is none of the form's: nobody there, not allowed, a fault of the node.
    pub fn of(problem: Problem, rename: impl Fn(&str) -> Option<String>) -> Result<Wrong, Problem> {
        let kind = problem.kind();
        let passes = matches!(
            kind,
            Kind::Unauthorized | Kind::InvalidToken | Kind::Forbidden | Kind::CrossSite | Kind::NotFound
        );
        // What was typed is kept while the region is cut off.
        let waits = kind == Kind::RegionReadOnly;
        if passes || (problem.status().is_server_error() && !waits) {
            return Err(problem);
        }
        let mut wrong = Wrong::default();
        let mut elsewhere = Vec::new();
        for error in problem.errors() {
            let pointer = error.pointer.trim_start_matches('/');
            match rename(pointer) {
                Some(field) => {
                    wrong.fields.entry(field).or_insert_with(|| sentence(&error.detail));
                }
                None => elsewhere.push(format!("{}: {}", pointer.replace(['/', '_'], " "), error.detail)),
            }
        }
        wrong.form = match kind {
            Kind::PreconditionFailed => {
                wrong.stands_at = problem.member_value("revision").and_then(|value| value.as_u64());
                Some(CHANGED_MEANWHILE.to_owned())
            }
            Kind::KeyReused => {
                Some("This form was sent before with other values. Check them and send it again.".to_owned())
            }
            Kind::Validation if elsewhere.is_empty() => None,
            Kind::Validation => Some(sentence(&elsewhere.join("; "))),
            _ => Some(problem.detail_text().unwrap_or(kind.meaning()).to_owned()),
        };
        if wrong.is_empty() {
            wrong.form = Some(kind.meaning().to_owned());
        }
        Ok(wrong)
    }
}

const CHANGED_MEANWHILE: &str = "Somebody saved this while you were editing. Your text is kept below. Open the page in \
    another tab to see theirs, or save again to put yours in its place.";

/// Words as a sentence: a capital first, one full stop.
pub fn sentence(words: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Reads values from a form and gathers what is wrong with them, so that a person sees all of it at once.
pub struct Check<'t> {
    typed: &'t Typed,
    wrong: Wrong,
}

impl<'t> Check<'t> {
    pub fn new(typed: &'t Typed) -> Check<'t> {
        Check { typed, wrong: Wrong::default() }
    }

    pub fn typed(&self) -> &'t Typed {
        self.typed
    }

    pub fn fault(&mut self, name: impl Into<String>, words: impl Display) {
        self.wrong.fields.entry(name.into()).or_insert_with(|| sentence(&words.to_string()));
    }

    /// A value that must be there.
    pub fn value<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.typed.trimmed(name);
        if text.is_empty() {
            self.fault(name, "Fill this in");
            return None;
        }
        parse(text).map_err(|error| self.fault(name, error)).ok()
    }

    /// A value that may be left out: `Some(None)` then.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let text = self.typed.trimmed(name);
        if text.is_empty() {
            return Some(None);
        }
        parse(text).map_err(|error| self.fault(name, error)).ok().map(Some)
    }

    /// One of a list that the form offered.
    pub fn choice<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.value(name, |text| parse(text).ok_or("Choose one of these"))
    }

    pub fn integer<T: TryFrom<i64>>(&mut self, name: &str, least: i64, most: i64) -> Option<T> {
        self.value(name, |text| read_integer(text, least, most))
    }

    pub fn optional_integer<T: TryFrom<i64>>(
        &mut self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Option<Option<T>> {
        self.optional(name, |text| read_integer(text, least, most))
    }

    pub fn optional_money(&mut self, name: &str, currency: Currency) -> Option<Option<i64>> {
        self.optional(name, |text| parse_money(text, currency))
    }

    /// Words in each of the shop's languages, from `name.en-GB`, `name.hi-IN` …; what the record has in
    /// other languages stays.
    pub fn words<'l>(
        &self,
        name: &str,
        locales: impl Iterator<Item = &'l Locale>,
        before: Option<&Text>,
    ) -> Text {
        let locales: Vec<&Locale> = locales.collect();
        let kept = before.into_iter().flat_map(Text::iter).filter(|(locale, _)| !locales.contains(locale));
        let kept = kept.map(|(locale, words)| (locale.clone(), words.to_owned()));
        let typed = locales.iter().filter_map(|locale| {
            let words = normal_lines(self.typed.get(&format!("{name}.{locale}")));
            (!words.is_empty()).then(|| ((*locale).clone(), words))
        });
        kept.chain(typed).collect()
    }

    /// # Errors
    /// Everything that was found wrong.
    pub fn done<T>(self, value: Option<T>) -> Result<T, Wrong> {
        match value {
            Some(value) if self.wrong.is_empty() => Ok(value),
            _ if self.wrong.is_empty() => Err(Wrong::saying("Something is missing.")),
            _ => Err(self.wrong),
        }
    }
}

/// Browsers send line ends as CR LF; records hold LF.
pub fn normal_lines(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

fn read_integer<T: TryFrom<i64>>(text: &str, least: i64, most: i64) -> Result<T, String> {
    let bounds = || format!("Write a whole number from {least} to {most}");
    let value: i64 = text.replace(',', "").parse().map_err(|_| bounds())?;
    if !(least..=most).contains(&value) {
        return Err(bounds());
    }
    T::try_from(value).map_err(|_| bounds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut typed = Typed::default();
        typed.set("pieces", "many");
        typed.set("price", "12,5");
        let mut check = Check::new(&typed);
        let name = check.value("name", |text| Ok::<_, String>(text.to_owned()));
        let pieces: Option<u32> = check.integer("pieces", 1, 9);
        let price = check.optional_money("price", Currency::GBP);
        assert_eq!((name, pieces, price), (None, None, None));
        let wrong = check.done(Some(())).unwrap_err();
        assert_eq!(wrong.fields.len(), 3);
        assert_eq!(wrong.fields["pieces"], "Write a whole number from 1 to 9.");
    }

    #[test]
    fn words_of_other_languages_stay() {
        let locale = |text| Locale::parse(text).unwrap();
        let before: Text =
            [(locale("en-GB"), "old".to_owned()), (locale("fr"), "vieux".to_owned())].into_iter().collect();
        let mut typed = Typed::default();
        typed.set("name.en-GB", " new \r\n line ");
        let locales = [locale("en-GB"), locale("hi-IN")];
        let words = Check::new(&typed).words("name", locales.iter(), Some(&before));
        let found: Vec<_> =
            words.iter().map(|(locale, words)| (locale.to_string(), words.to_owned())).collect();
        assert_eq!(
            found,
            [("en-GB".to_owned(), "new \n line".to_owned()), ("fr".to_owned(), "vieux".to_owned())]
        );
    }

    #[test]
    fn refusals_find_their_field() {
        let rename = |pointer: &str| (pointer == "name").then(|| "name.en-GB".to_owned());
        let wrong = Wrong::of(Problem::invalid("/name", "must not be empty"), rename).unwrap();
        assert_eq!(wrong.fields["name.en-GB"], "Must not be empty.");
        assert_eq!(wrong.form, None);
        let wrong = Wrong::of(Problem::invalid("/media", "is too large"), rename).unwrap();
        assert_eq!(wrong.form.as_deref(), Some("Media: is too large."));
        assert!(Wrong::of(Problem::not_found("order"), rename).is_err());
        let stale = Problem::new(Kind::PreconditionFailed).member("revision", 7u64);
        assert_eq!(Wrong::of(stale, rename).unwrap().stands_at, Some(7));
    }

    #[test]
    fn a_form_that_has_to_wait_for_other_regions_says_so_and_keeps_what_was_typed() {
        let waits = Wrong::of(Problem::new(Kind::RegionReadOnly).retry_after(5), |_| None);
        let words = waits.expect("it is the form's").form.unwrap_or_default();
        assert!(words.contains("cut off from the others"), "{words}");
        assert!(Wrong::of(Problem::new(Kind::Unavailable), |_| None).is_err());
    }
}
