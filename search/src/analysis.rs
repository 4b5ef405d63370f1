//! From text to words: the same path for what is indexed and for what is asked.
//!
//! Words are found by the Unicode rules for word boundaries, so that Devanagari conjuncts, "2.9"
//! and "T20" stay whole, and then folded: compatibility forms and case are levelled, accents fall
//! off Latin letters ("Größe" and "grosse" meet), spelling variants of Hindi (nukta, chandrabindu,
//! joiners, digits) too; other scripts keep their marks. Folding does not depend on the language.
//!
//! Stemming does: a [`Language`] has a stemmer and stop words where Tantivy has them; Hindi has
//! stop words of its own and no stemmer; all other locales share the language `other`, which has
//! neither. A locale's language is its first subtag.

use std::sync::LazyLock;

use tantivy::tokenizer::{
    Language as Algorithm, RawTokenizer, Stemmer, StopWordFilter, TokenFilter, TokenStream, Tokenizer,
};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut here, in what is indexed and in what is asked alike.
pub const WORD_CHARS_MAX: usize = 40;
/// The longest beginning of a word that is indexed for search as you type.
pub const PREFIX_CHARS_MAX: usize = 12;

/// One of [`LANGUAGES`], by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Language(pub usize);

struct Entry {
    code: &'static str,
    stemmer: Option<Algorithm>,
}

const fn stemmed(code: &'static str, stemmer: Algorithm) -> Entry {
    Entry { code, stemmer: Some(stemmer) }
}

/// Their codes name fields of the index, so this table is part of its format.
static LANGUAGES: [Entry; 20] = [
    stemmed("en", Algorithm::English),
    Entry { code: "hi", stemmer: None },
    stemmed("ar", Algorithm::Arabic),
    stemmed("da", Algorithm::Danish),
    stemmed("de", Algorithm::German),
    stemmed("el", Algorithm::Greek),
    stemmed("es", Algorithm::Spanish),
    stemmed("fi", Algorithm::Finnish),
    stemmed("fr", Algorithm::French),
    stemmed("hu", Algorithm::Hungarian),
    stemmed("it", Algorithm::Italian),
    stemmed("nl", Algorithm::Dutch),
    stemmed("no", Algorithm::Norwegian),
    stemmed("pt", Algorithm::Portuguese),
    stemmed("ro", Algorithm::Romanian),
    stemmed("ru", Algorithm::Russian),
    stemmed("sv", Algorithm::Swedish),
    stemmed("ta", Algorithm::Tamil),
    stemmed("tr", Algorithm::Turkish),
    Entry { code: "other", stemmer: None },
];

static STOP_WORDS: LazyLock<Vec<Option<StopWordFilter>>> = LazyLock::new(|| {
    let of = |entry: &Entry| match entry.stemmer {
        Some(algorithm) => StopWordFilter::new(algorithm),
        None if entry.code == "hi" => {
            Some(StopWordFilter::remove(HINDI_STOP_WORDS.iter().map(|word| fold(word))))
        }
        None => None,
    };
    LANGUAGES.iter().map(of).collect()
});

/// Postpositions, conjunctions and forms of "to be".
const HINDI_STOP_WORDS: [&str; 24] = [
    "का",
    "की",
    "के",
    "को",
    "में",
    "से",
    "पर",
    "ने",
    "और",
    "या",
    "है",
    "हैं",
    "था",
    "थी",
    "थे",
    "यह",
    "वह",
    "ये",
    "वे",
    "एक",
    "लिए",
    "साथ",
    "तक",
    "भी",
];

impl Language {
    pub fn all() -> impl Iterator<Item = Language> {
        (0..LANGUAGES.len()).map(Language)
    }

    pub fn of_locale(locale: &str) -> Language {
        let tag = locale.split(['-', '_']).next().unwrap_or_default();
        let code = if matches!(tag, "nb" | "nn") { "no" } else { tag };
        let known = LANGUAGES.iter().position(|entry| entry.code.eq_ignore_ascii_case(code));
        Language(known.unwrap_or(LANGUAGES.len() - 1))
    }

    pub fn code(self) -> &'static str {
        LANGUAGES[self.0].code
    }

    /// The stem of a folded word, or `None` if the language searches without it.
    pub fn stem(self, word: &str) -> Option<String> {
        if self.is_stop_word(word) {
            return None;
        }
        let Some(algorithm) = LANGUAGES[self.0].stemmer else { return Some(word.to_owned()) };
        let mut tokenizer = Stemmer::new(algorithm).transform(RawTokenizer::default());
        let mut stream = tokenizer.token_stream(word);
        stream.advance().then(|| stream.token().text.clone())
    }

    pub fn is_stop_word(self, word: &str) -> bool {
        STOP_WORDS[self.0].as_ref().is_some_and(|filter| {
            let mut tokenizer = filter.clone().transform(RawTokenizer::default());
            let mut stream = tokenizer.token_stream(word);
            !stream.advance()
        })
    }
}

/// The folded words of a text, in order.
pub fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(folded_word).filter(|word| !word.is_empty()).collect()
}

fn folded_word(word: &str) -> String {
    let mut folded = fold(word).replace('\u{2019}', "'");
    if folded.ends_with("'s") {
        folded.truncate(folded.len() - 2);
    }
    folded.chars().filter(|c| *c != '\'').take(WORD_CHARS_MAX).collect()
}

/// Letters as they are compared; see the head of this file.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let mut after_latin = false;
    for c in text.nfkd() {
        if is_combining_mark(c) {
            match c {
                _ if after_latin => {}
                '\u{093C}' => {}                       // nukta
                '\u{0901}' => folded.push('\u{0902}'), // chandrabindu as anusvara
                _ => folded.push(c),
            }
            continue;
        }
        match c {
            '\u{200C}' | '\u{200D}' | '\u{00AD}' => continue, // joiners, soft hyphen
            '\'' | '\u{2019}' => {}                           // left out of words later on
            _ => after_latin = is_latin(c),
        }
        match c {
            '०'..='९' => folded.push(char::from(b'0' + (u32::from(c) - u32::from('०')) as u8)),
            _ => c.to_lowercase().for_each(|lower| push_folded(&mut folded, lower)),
        }
    }
    folded.nfc().collect()
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || ('\u{00C0}'..='\u{024F}').contains(&c)
        || ('\u{1E00}'..='\u{1EFF}').contains(&c)
}

/// Latin letters that Unicode does not take apart.
fn push_folded(folded: &mut String, c: char) {
    match c {
        'ß' => folded.push_str("ss"),
        'æ' => folded.push_str("ae"),
        'œ' => folded.push_str("oe"),
        'þ' => folded.push_str("th"),
        'ø' => folded.push('o'),
        'đ' | 'ð' => folded.push('d'),
        'ł' => folded.push('l'),
        'ı' => folded.push('i'),
        _ => folded.push(c),
    }
}

/// A SKU as it is compared: letters and digits only.
pub fn sku_key(sku: &str) -> String {
    fold(sku).chars().filter(|c| c.is_alphanumeric()).take(4 * WORD_CHARS_MAX).collect()
}

/// The beginnings of a word that find it while it is being typed, shortest first.
pub fn prefixes(word: &str) -> impl Iterator<Item = &str> {
    word.char_indices().take(PREFIX_CHARS_MAX).map(|(start, c)| &word[..start + c.len_utf8()])
}

/// The longest indexed beginning of a word.
pub fn prefix_key(word: &str) -> &str {
    prefixes(word).last().unwrap_or_default()
}

/// How many letters must be inserted, left out, replaced or swapped with their neighbour to make
/// one word of the other, or `None` if more than `max`. The first letter must be the same.
pub fn typing_distance(a: &[char], b: &[char], max: usize) -> Option<usize> {
    if a.first() != b.first() || a.len().abs_diff(b.len()) > max {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        if row.iter().all(|distance| *distance > max) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    Some(last[b.len()]).filter(|distance| *distance <= max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_words(text: &str, expected: &[&str]) {
        assert_eq!(words(text), expected, "{text}");
    }

    #[test]
    fn words_of_many_scripts_stay_whole_and_fold() {
        check_words("Gray-Nicolls' T20 bat, 2.9 lb", &["gray", "nicolls", "t20", "bat", "2.9", "lb"]);
        check_words("Players’ Kashmir's", &["players", "kashmir"]);
        check_words("GRÖSSE größe", &["grosse", "grosse"]);
        check_words("café Łódź İstanbul", &["cafe", "lodz", "istanbul"]);
        check_words("क्रिकेट बल्ला", &["क्रिकेट", "बल्ला"]);
        check_words("गेंद गेँद ज़ोर जोर १२", &["गेंद", "गेंद", "जोर", "जोर", "12"]);
        check_words("¿?! — …", &[]);
    }

    #[test]
    fn languages_stem_where_they_can() {
        let english = Language::of_locale("en-GB");
        assert_eq!(english.stem("bats"), english.stem("bat"));
        assert_eq!(english.stem("gloves"), english.stem("glove"));
        assert_eq!(english.stem("the"), None);
        let hindi = Language::of_locale("hi-IN");
        assert_eq!(hindi.stem("बल्ले").as_deref(), Some("बल्ले"));
        assert_eq!(hindi.stem(&fold("में")), None);
        assert_eq!(Language::of_locale("xx").code(), "other");
        assert_eq!(Language::of_locale("nb-NO").code(), "no");
    }

    fn check_distance(a: &str, b: &str, max: usize, expected: Option<usize>) {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        assert_eq!(typing_distance(&a, &b, max), expected, "{a:?} {b:?}");
        assert_eq!(typing_distance(&b, &a, max), expected, "{b:?} {a:?}");
    }

    #[test]
    fn typing_mistakes_are_counted_as_a_hand_makes_them() {
        check_distance("helmat", "helmet", 1, Some(1));
        check_distance("hemlet", "helmet", 1, Some(1));
        check_distance("helmt", "helmet", 1, Some(1));
        check_distance("helmets", "helmet", 1, Some(1));
        check_distance("jelmet", "helmet", 1, None);
        check_distance("wiketkeping", "wicketkeeping", 2, Some(2));
        check_distance("wiketkeping", "wicketkeeping", 1, None);
        check_distance("", "helmet", 2, None);
    }

    /// Found by the property below: marks behind what is left out belong to the letter before it.
    #[test]
    fn marks_behind_apostrophes_and_joiners_fold_with_their_letter() {
        for text in ["a'\u{0301}b", "a\u{2019}\u{0301}b", "a\u{200D}\u{0301}b", "a'\u{10a05}b"] {
            assert_eq!(words(text), ["ab"], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_folds_to_what_folds_no_further(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(word.chars().count() <= WORD_CHARS_MAX);
                prop_assert_eq!(&fold(&word), &word);
                prop_assert!(word.starts_with(prefix_key(&word)));
                for language in Language::all() {
                    language.stem(&word);
                }
            }
        }
    }
}
