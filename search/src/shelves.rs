//! What a shop's categories are called, and which of them a text names.
//!
//! Who types "bat" means the shelf of bats, not the bat mallet whose short name happens to match best:
//! a text that is the whole name of a category, in any of the query's languages, or the last part of
//! its path, prefers that category's products. Suggestions offer the names, too.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::{Language, words};
use crate::bits::Bits;
use crate::document::{CATEGORY, Texts};
use crate::engine::View;

/// A text's words without their endings and order.
type Stems = BTreeSet<String>;

#[derive(Debug, Default)]
pub struct Shelves {
    names: BTreeMap<String, Texts>,
    paths: BTreeMap<(Language, Stems), Vec<String>>,
}

impl Shelves {
    /// Of the names by path.
    pub fn new(names: BTreeMap<String, Texts>) -> Shelves {
        let mut paths: BTreeMap<(Language, Stems), Vec<String>> = BTreeMap::new();
        for (path, texts) in &names {
            let slug = path.rsplit('/').next().unwrap_or(path);
            for (locale, name) in texts {
                let language = Language::of_locale(locale);
                let known = BTreeSet::from([stems(language, name), stems(language, slug)]);
                for stems in known.into_iter().filter(|stems| !stems.is_empty()) {
                    paths.entry((language, stems)).or_default().push(path.clone());
                }
            }
        }
        Shelves { names, paths }
    }

    pub fn name_of(&self, path: &str) -> Option<&Texts> {
        self.names.get(path)
    }

    /// Products of the categories that the text names; `None` if it names none.
    pub fn named_by(&self, view: &View, text: &str, locales: &[String]) -> Option<Bits> {
        let shelf = view.catalog.terms().get(CATEGORY)?;
        let languages: BTreeSet<Language> =
            locales.iter().map(|locale| Language::of_locale(locale)).collect();
        let mut named = None;
        for language in languages {
            let paths = self.paths.get(&(language, stems(language, text)));
            for numbers in paths.into_iter().flatten().filter_map(|path| shelf.get(path)) {
                numbers.add_to(named.get_or_insert_with(|| Bits::new(view.catalog.len())));
            }
        }
        named
    }
}

fn stems(language: Language, text: &str) -> Stems {
    words(text).iter().filter_map(|word| language.stem(word)).collect()
}
