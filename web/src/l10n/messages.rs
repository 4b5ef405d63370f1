//! The messages: declared here once, worded in `locales/<language>.toml`.
//!
//! A phrase is fixed, a sentence has named places to fill, a counted message chooses its wording by
//! a number. The files are embedded and read once; a page is worded without touching the disk.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use super::{Language, Locale};

/// Words in one locale. Cheap to copy; templates call it `t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    locale: Locale,
}

impl Text {
    pub(super) fn new(locale: Locale) -> Text {
        Text { locale }
    }

    pub fn locale(self) -> Locale {
        self.locale
    }
}

/// Declares every message with the arguments its wording may name.
macro_rules! messages {
    (
        phrases { $($phrase:ident)* }
        sentences { $($sentence:ident($($argument:ident),+))* }
        counted { $($counted:ident($($extra:ident),*))* }
    ) => {
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, reason = "named as in the language files")]
        enum Key { $($phrase,)* $($sentence,)* $($counted,)* }

        /// Name and arguments of each message, in the order of `Key`.
        const DECLARED: &[Declared] = &[
            $(Declared { name: stringify!($phrase), arguments: &[], counted: false },)*
            $(Declared { name: stringify!($sentence), arguments: &[$(stringify!($argument)),+], counted: false },)*
            $(Declared { name: stringify!($counted), arguments: &["count", $(stringify!($extra)),*], counted: true },)*
        ];

        impl Text {
            $(pub fn $phrase(self) -> &'static str {
                self.wording(Key::$phrase).phrase()
            })*
            $(pub fn $sentence(self, $($argument: impl Display),+) -> String {
                self.wording(Key::$sentence).fill(&[$(&$argument),+])
            })*
            $(pub fn $counted(self, count: u64 $(, $extra: impl Display)*) -> String {
                let shown = self.locale.integer(i64::try_from(count).unwrap_or(i64::MAX));
                self.wording(Key::$counted).fill_counted(plural(self.locale.language(), count), &[&shown $(, &$extra)*])
            })*
        }
    };
}

include!("keys.rs");

struct Declared {
    name: &'static str,
    arguments: &'static [&'static str],
    counted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plural {
    One,
    Other,
}

/// CLDR's cardinal rule of the language, for whole numbers.
fn plural(language: Language, count: u64) -> Plural {
    match (language, count) {
        (Language::English, 1) | (Language::Hindi, 0 | 1) => Plural::One,
        (Language::English | Language::Hindi, _) => Plural::Other,
    }
}

/// Text with places: literal pieces and numbers of arguments.
#[derive(Debug)]
struct Pattern(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Literal(String),
    Argument(usize),
}

impl Pattern {
    /// Reads `{name}` places; a name that is not declared is an error.
    fn parse(source: &str, arguments: &[&str]) -> Result<Pattern, String> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map(|at| open + at).ok_or("a { without its }")?;
            let name = &rest[open + 1..close];
            let index = arguments
                .iter()
                .position(|argument| *argument == name)
                .ok_or_else(|| format!("{{{name}}} is not an argument of this message"))?;
            if open > 0 {
                pieces.push(Piece::Literal(rest[..open].to_owned()));
            }
            pieces.push(Piece::Argument(index));
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Pattern(pieces))
    }

    fn fill(&self, arguments: &[&dyn Display]) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Argument(index) => {
                    write!(text, "{}", arguments[*index]).expect("writing to a String cannot fail");
                }
            }
        }
        text
    }

    fn mentions(&self, argument: usize) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Argument(index) if *index == argument))
    }
}

#[derive(Debug)]
enum Wording {
    Phrase(String),
    Sentence(Pattern),
    Counted { one: Pattern, other: Pattern },
}

impl Wording {
    fn phrase(&self) -> &str {
        match self {
            Wording::Phrase(text) => text,
            _ => unreachable!("a phrase is declared and loaded as one"),
        }
    }

    fn fill(&self, arguments: &[&dyn Display]) -> String {
        match self {
            Wording::Sentence(pattern) => pattern.fill(arguments),
            _ => unreachable!("a sentence is declared and loaded as one"),
        }
    }

    fn fill_counted(&self, form: Plural, arguments: &[&dyn Display]) -> String {
        match (self, form) {
            (Wording::Counted { one, .. }, Plural::One) => one.fill(arguments),
            (Wording::Counted { other, .. }, Plural::Other) => other.fill(arguments),
            _ => unreachable!("a counted message is declared and loaded as one"),
        }
    }
}

/// One entry of a language file.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Source {
    Plain(String),
    Counted { one: String, other: String },
}

fn source_of(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../locales/en.toml"),
        Language::Hindi => include_str!("../../locales/hi.toml"),
    }
}

/// All wordings of a language in the order of `Key`, or what is wrong with its file.
fn load(language: Language) -> Result<Vec<Wording>, Vec<String>> {
    let mut sources: BTreeMap<String, Source> =
        toml::from_str(source_of(language)).map_err(|error| vec![error.to_string()])?;
    let mut problems = Vec::new();
    let mut wordings = Vec::with_capacity(DECLARED.len());
    for declared in DECLARED {
        match sources
            .remove(declared.name)
            .ok_or_else(|| "is missing".to_owned())
            .and_then(|source| word(declared, source))
        {
            Ok(wording) => wordings.push(wording),
            Err(problem) => problems.push(format!("{}: {problem}", declared.name)),
        }
    }
    problems.extend(sources.into_keys().map(|name| format!("{name}: is not declared")));
    if problems.is_empty() { Ok(wordings) } else { Err(problems) }
}

fn word(declared: &Declared, source: Source) -> Result<Wording, String> {
    let pattern = |text: &str| Pattern::parse(text, declared.arguments);
    match (source, declared.counted) {
        (Source::Plain(text), false) if declared.arguments.is_empty() => Ok(Wording::Phrase(text)),
        (Source::Plain(text), false) => {
            let pattern = pattern(&text)?;
            match (0..declared.arguments.len()).find(|index| !pattern.mentions(*index)) {
                Some(index) => Err(format!("never says {{{}}}", declared.arguments[index])),
                None => Ok(Wording::Sentence(pattern)),
            }
        }
        (Source::Counted { one, other }, true) => {
            Ok(Wording::Counted { one: pattern(&one)?, other: pattern(&other)? })
        }
        (Source::Plain(_), true) => Err("needs its forms `one` and `other`".to_owned()),
        (Source::Counted { .. }, false) => Err("is not counted".to_owned()),
    }
}

impl Text {
    fn wording(self, key: Key) -> &'static Wording {
        static ENGLISH: LazyLock<Vec<Wording>> = LazyLock::new(|| loaded(Language::English));
        static HINDI: LazyLock<Vec<Wording>> = LazyLock::new(|| loaded(Language::Hindi));
        let wordings = match self.locale.language() {
            Language::English => &ENGLISH,
            Language::Hindi => &HINDI,
        };
        &wordings[key as usize]
    }
}

fn loaded(language: Language) -> Vec<Wording> {
    load(language).expect("the embedded language files are complete: a test holds them to it")
}

/// What is wrong with the language files: missing, unknown or ill-formed messages. Empty when all is well.
pub fn catalogue_problems() -> Vec<String> {
    Language::ALL
        .into_iter()
        .flat_map(|language| {
            let problems = load(language).err().unwrap_or_default();
            problems.into_iter().map(move |problem| format!("{}.toml: {problem}", language.code()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_exactly_the_declared_messages() {
        assert_eq!(catalogue_problems(), Vec::<String>::new());
    }

    #[test]
    fn a_pattern_refuses_what_is_not_declared() {
        assert!(Pattern::parse("{name} and {other}", &["name"]).is_err());
        assert!(Pattern::parse("{name", &["name"]).is_err());
        let pattern = Pattern::parse("to {name}, {name}!", &["name"]).unwrap();
        assert_eq!(pattern.fill(&[&"Ada"]), "to Ada, Ada!");
    }

    #[test]
    fn a_message_with_a_missing_place_is_found() {
        let declared = Declared { name: "x", arguments: &["order"], counted: false };
        assert!(word(&declared, Source::Plain("no place".to_owned())).is_err());
        assert!(word(&declared, Source::Plain("order {order}".to_owned())).is_ok());
        assert!(word(&declared, Source::Counted { one: String::new(), other: String::new() }).is_err());
    }

    #[test]
    fn numbers_choose_the_wording_of_their_language() {
        assert_eq!(Locale::EN_GB.text().items(0), "0 items");
        assert_eq!(Locale::EN_GB.text().items(1), "1 item");
        assert_eq!(Locale::EN_GB.text().items(1_200), "1,200 items");
        assert_eq!(plural(Language::Hindi, 0), Plural::One);
        assert_eq!(plural(Language::Hindi, 2), Plural::Other);
    }
}
