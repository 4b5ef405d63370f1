//! Countries to choose from, by name.

use super::typed::Typed;
use super::view::Field;
use super::view::form::Choice;
use crate::l10n::Locale;
use crate::storefront::places::countries;

/// A country as a choice by name. One that stands there already is offered whatever it is.
pub fn country_field(name: &str, label: &str, typed: &Typed) -> Field {
    let now = typed.get(name).trim();
    let mut choices: Vec<Choice> = Vec::new();
    if now.is_empty() {
        choices.push(Choice::new("", "Choose"));
    }
    let known = countries(Locale::EN_GB);
    choices.extend(known.iter().map(|(code, name)| Choice::new(code, *name)));
    if !now.is_empty() && known.iter().all(|(code, _)| *code != now) {
        choices.push(Choice::new(now, now));
    }
    Field::select(name, label, choices).short()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::view::FieldKind;

    fn codes(typed: &Typed) -> Vec<String> {
        match country_field("country", "Country", typed).kind {
            FieldKind::Select(choices) => choices.into_iter().map(|choice| choice.value).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_country_is_chosen_by_name_and_none_that_is_there_is_lost() {
        let mut typed = Typed::default();
        assert_eq!(codes(&typed)[..2], ["", "AF"], "nothing is chosen for anybody");
        typed.set("country", "GB");
        assert_eq!(codes(&typed)[0], "AF");
        typed.set("country", "TV");
        assert_eq!(codes(&typed).last().unwrap(), "TV");
    }
}
