//! Suggestions while somebody types: names that have the words so far.

use tantivy::TantivyError;

use crate::analysis::words;
use crate::catalog::locale_chain;
use crate::columns::Columns;
use crate::document::CATEGORY;
use crate::engine::View;
use crate::query::{LIMIT_MAX, Suggestion, SuggestionKind};
use crate::shelves::Shelves;
use crate::text::begin_with;

/// Of the places there are, categories take at most one in so many.
const CATEGORY_SHARE: usize = 3;

pub fn suggest(
    view: &View,
    columns: &Columns,
    shelves: &Shelves,
    prefix: &str,
    locales: &[String],
    limit: usize,
) -> Result<Vec<Suggestion>, TantivyError> {
    let limit = limit.min(LIMIT_MAX);
    let (first, fallbacks) = match locales.split_first() {
        Some((first, fallbacks)) => (first.as_str(), fallbacks),
        None => ("en", locales),
    };
    let locales = locale_chain(first, fallbacks);
    let mut suggestions = categories(view, shelves, prefix, &locales);
    suggestions.truncate(limit.div_ceil(CATEGORY_SHARE));

    let columns = columns.read();
    let popularity =
        |number: u32| columns.popularity(number).unwrap_or_else(|| view.catalog.popularity(number));
    let mut products: Vec<(u64, u32)> = begin_with(view, prefix, &locales)?
        .into_iter()
        .map(|(number, _)| (u64::MAX - popularity(number), number))
        .collect();
    let wanted = limit - suggestions.len();
    if products.len() > wanted && wanted > 0 {
        products.select_nth_unstable(wanted - 1);
    }
    products.truncate(wanted);
    products.sort_unstable();
    for (_, number) in products {
        let Some(row) = view.catalog.row(number) else { continue };
        suggestions.push(Suggestion {
            kind: SuggestionKind::Product { number, id: row.id.clone(), stored: row.stored.clone() },
            text: row.name(&locales).to_owned(),
        });
    }
    Ok(suggestions)
}

/// Categories with products whose name has all words, the last one as a beginning; those with most
/// products first.
fn categories(view: &View, shelves: &Shelves, prefix: &str, locales: &[String]) -> Vec<Suggestion> {
    let asked = words(prefix);
    let Some((unfinished, finished)) = asked.split_last() else { return Vec::new() };
    let Some(paths) = view.catalog.terms().get(CATEGORY) else { return Vec::new() };
    let mut found = Vec::new();
    for (path, numbers) in paths {
        let Some(texts) = shelves.name_of(path) else { continue };
        let name = locales.iter().find_map(|locale| texts.get(locale)).or_else(|| texts.values().next());
        let Some(name) = name else { continue };
        let words = words(name);
        let begins = words.iter().any(|word| word.starts_with(unfinished.as_str()));
        if begins && finished.iter().all(|word| words.contains(word)) {
            found.push((usize::MAX - numbers.len(), path, name));
        }
    }
    found.sort();
    let suggestion = |(_, path, name): (usize, &String, &String)| Suggestion {
        kind: SuggestionKind::Category { path: path.clone() },
        text: name.clone(),
    };
    found.into_iter().map(suggestion).collect()
}
