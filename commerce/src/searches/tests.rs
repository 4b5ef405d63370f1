//! What is counted, how long, and what never is.

use super::*;
use crate::harness::Harness;
use crate::time::DAY_MS;

fn term(text: &str) -> Term {
    Term::parse(text).unwrap_or_else(|| panic!("{text:?} is a term"))
}

fn report(shop: &mut Harness, terms: &[(&str, u32)]) {
    let terms = terms.iter().map(|(text, times)| Missed { term: term(text), times: *times }).collect();
    shop.run(Command::CountMissed { terms });
}

fn seen(shop: &Harness, days: u32) -> Vec<(String, u32)> {
    let missed = missed(&shop.view(), shop.at, days);
    missed.into_iter().map(|missed| (missed.term.as_str().to_owned(), missed.times)).collect()
}

fn expected(terms: &[(&str, u32)]) -> Vec<(String, u32)> {
    terms.iter().map(|(text, times)| ((*text).to_owned(), *times)).collect()
}

#[test]
fn counts_add_up_over_the_days_that_are_asked_for() {
    let mut shop = Harness::site();
    report(&mut shop, &[("boundary rope", 2), ("Sight  Screen", 1)]);
    report(&mut shop, &[("boundary rope", 1)]);
    shop.pass(DAY_MS);
    report(&mut shop, &[("sight screen", 4)]);
    assert_eq!(seen(&shop, 1), expected(&[("sight screen", 4)]));
    assert_eq!(seen(&shop, 2), expected(&[("sight screen", 5), ("boundary rope", 3)]));
    let other = shop.switch(crate::TenantId::from_bits(0x72));
    assert_eq!(seen(other, 9), [], "another shop's searches are its own");
}

#[test]
fn a_day_keeps_its_first_hundred_terms_and_thirty_days_are_kept() {
    let mut shop = Harness::site();
    let names: Vec<String> = (0..TERMS_A_DAY_MAX).map(|n| format!("thing {n}")).collect();
    let many: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    report(&mut shop, &many);
    report(&mut shop, &[("one more", 9), ("thing 7", 2)]);
    let after = seen(&shop, 1);
    assert_eq!((after.len(), &after[0]), (TERMS_A_DAY_MAX, &("thing 7".to_owned(), 3)));
    shop.pass(i64::from(DAYS_KEPT - 1) * DAY_MS);
    report(&mut shop, &[("late", 1)]);
    assert_eq!(seen(&shop, DAYS_KEPT).len(), TERMS_A_DAY_MAX + 1);
    shop.pass(DAY_MS);
    report(&mut shop, &[("later", 1)]);
    assert_eq!(seen(&shop, 2 * DAYS_KEPT), expected(&[("late", 1), ("later", 1)]));
}

#[test]
fn what_may_be_about_a_person_is_no_term() {
    let asked = [
        ("  English   WILLOW ", Some("english willow")),
        ("SG-Test 2025", Some("sg-test 2025")),
        ("क्रिकेट बल्ला", Some("क्रिकेट बल्ला")),
        ("", None),
        (" \u{a0} ", None),
        ("asha@example.com", None),
        ("07700 900123", None),
        ("0161-496-0000", None),
        ("(0161) 496.0000", None),
        ("०७७०० ९००१२३", None),
        ("4111 1111 1111 1111", None),
        ("who sells the best bat for my son", None),
        ("bat\u{7}", None),
    ];
    for (text, is) in asked {
        assert_eq!(Term::parse(text).as_ref().map(Term::as_str), is, "{text:?}");
    }
    let long = "b".repeat(Term::CHARS_MAX + 1);
    assert_eq!(Term::parse(&long), None);
    assert!(Term::parse(&long[1..]).is_some());
}
