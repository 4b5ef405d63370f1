//! Matching text: which products have the words, and how well.
//!
//! Every word has to be found, in the stems of the name or of the other texts, in any of the
//! query's languages. The last one, if nothing follows it and hardly any product has it as it
//! stands, may be the beginning of a word: "glo" finds gloves, while "pad" does not find paddles.
//! A whole SKU is found by itself.
//!
//! Only if that finds fewer than [`TOO_FEW`] products are words that hardly anybody uses, and that
//! begin none, taken for similar and more frequent ones of the shop's own vocabulary: one typing
//! mistake from four letters on, two from eight, the first letter fixed. Only if still nothing is
//! found, some of the words are enough.
//!
//! What a filter leaves of the matches has no part in this, so that ticking a box never changes
//! how the words are read.

use std::collections::BTreeSet;

use tantivy::query::{BooleanQuery, BoostQuery, EnableScoring, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{TantivyError, Term};
use unicode_normalization::char::is_combining_mark;

use crate::analysis::{Language, prefix_key, sku_key, typing_distance, words};
use crate::engine::{DELETED, View, tagged};
use crate::query::Matching;
use crate::synonyms::Synonyms;

const TOO_FEW: usize = 3;
/// Words of a query that count; nobody types more, and each costs.
const WORDS_MAX: usize = 12;
/// Similar words tried for one word, the nearest and most frequent ones.
const CORRECTIONS_MAX: usize = 8;
/// Vocabulary compared with one word, per segment and language: bounds the work for a strange index.
const VOCABULARY_MAX: usize = 50_000;

const NAME_BOOST: f32 = 4.0;
const BODY_BOOST: f32 = 1.0;
const PREFIX_BOOST: f32 = 1.0;
const SKU_BOOST: f32 = 50.0;
const FALLBACK_BOOST: f32 = 0.6;
const SYNONYM_BOOST: f32 = 0.7;
const CORRECTION_BOOST: f32 = 0.4;

pub struct Matches {
    /// Product number and score, each number once; scores are 0 if none were asked for.
    pub products: Vec<(u32, f32)>,
    pub matching: Matching,
}

/// `None` if the text has no words, so that everything matches.
pub fn find(
    view: &View,
    text: &str,
    locales: &[String],
    synonyms: Option<&Synonyms>,
    scored: bool,
) -> Result<Option<Matches>, TantivyError> {
    let asked = Asked::new(view, text, locales, synonyms);
    if asked.phrases.is_empty() {
        return Ok(None);
    }
    let exact = asked.run(asked.all(Reading::AsWritten)?, scored)?;
    if exact.len() >= TOO_FEW || asked.sku()?.is_some() {
        return Ok(Some(Matches { products: exact, matching: Matching::Exact }));
    }
    let corrected = asked.run(asked.all(Reading::Similar)?, scored)?;
    if corrected.len() > exact.len() {
        return Ok(Some(Matches { products: corrected, matching: Matching::Corrected }));
    }
    if exact.is_empty() && asked.phrases.len() > 1 {
        let partial = asked.run(asked.any()?, scored)?;
        return Ok(Some(Matches { products: partial, matching: Matching::Partial }));
    }
    Ok(Some(Matches { products: exact, matching: Matching::Exact }))
}

/// The products with every word of an unfinished text, as written; for suggestions.
pub fn begin_with(view: &View, text: &str, locales: &[String]) -> Result<Vec<(u32, f32)>, TantivyError> {
    let asked = Asked::new(view, text, locales, None);
    if asked.phrases.is_empty() {
        return Ok(Vec::new());
    }
    asked.run(asked.all(Reading::Unfinished)?, true)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Finished words; the last one as a beginning only if hardly anybody uses it as a word.
    AsWritten,
    /// The last word is one that goes on.
    Unfinished,
    /// Words that hardly anybody uses stand for similar ones.
    Similar,
}

type Clause = Option<Box<dyn Query>>;

struct Asked<'v> {
    view: &'v View,
    /// Of the locales, in order.
    languages: Vec<Language>,
    phrases: Vec<Phrase>,
    sku: String,
}

/// A word, or several that have synonyms together.
struct Phrase {
    words: Vec<String>,
    alternatives: Vec<Vec<String>>,
    /// Whether its last word may go on.
    unfinished: bool,
}

impl<'v> Asked<'v> {
    fn new(view: &'v View, text: &str, locales: &[String], synonyms: Option<&Synonyms>) -> Asked<'v> {
        let mut languages: Vec<Language> = Vec::new();
        for language in locales.iter().map(|locale| Language::of_locale(locale)) {
            if !languages.contains(&language) {
                languages.push(language);
            }
        }
        let mut words = words(text);
        words.truncate(WORDS_MAX);
        let meaning: Vec<String> =
            words.iter().filter(|word| !is_filler(word, &languages)).cloned().collect();
        // A text of nothing but "for the" is looked up as it is, by beginnings.
        let words = if meaning.is_empty() { words } else { meaning };
        let open_end = text.chars().next_back().is_some_and(|c| c.is_alphanumeric() || is_combining_mark(c));
        let phrases = phrases(&words, synonyms, open_end);
        Asked { view, languages, phrases, sku: sku_key(text) }
    }

    /// Every phrase, or the SKU.
    fn all(&self, reading: Reading) -> Result<Clause, TantivyError> {
        let mut clauses = Vec::new();
        for phrase in &self.phrases {
            match self.phrase(phrase, reading)? {
                Some(clause) => clauses.push(clause),
                None => return self.sku(),
            }
        }
        Ok(either([all_of(clauses), self.sku()?].into_iter().flatten().collect()))
    }

    /// At least one phrase; more of them score higher.
    fn any(&self) -> Result<Clause, TantivyError> {
        let mut clauses = Vec::new();
        for phrase in &self.phrases {
            clauses.extend(self.phrase(phrase, Reading::Similar)?);
        }
        Ok(either(clauses))
    }

    fn sku(&self) -> Result<Clause, TantivyError> {
        if self.sku.is_empty() {
            return Ok(None);
        }
        let (clause, _) = self.term(self.view.fields.sku, &self.sku, SKU_BOOST)?;
        Ok(clause)
    }

    fn phrase(&self, phrase: &Phrase, reading: Reading) -> Result<Clause, TantivyError> {
        let mut choices = Vec::new();
        choices.extend(self.sequence(&phrase.words, phrase.unfinished, reading, 1.0)?);
        for alternative in &phrase.alternatives {
            choices.extend(self.sequence(alternative, false, Reading::AsWritten, SYNONYM_BOOST)?);
        }
        Ok(either(choices))
    }

    fn sequence(
        &self,
        words: &[String],
        unfinished: bool,
        reading: Reading,
        boost: f32,
    ) -> Result<Clause, TantivyError> {
        let mut clauses = Vec::new();
        for (place, word) in words.iter().enumerate() {
            let open_end = unfinished && place + 1 == words.len();
            match self.word(word, open_end, reading, boost)? {
                Some(clause) => clauses.push(clause),
                None => return Ok(None),
            }
        }
        Ok(all_of(clauses))
    }

    fn word(&self, word: &str, open_end: bool, reading: Reading, boost: f32) -> Result<Clause, TantivyError> {
        let (mut choices, used) = self.spelling(word, boost)?;
        let is_rare = used < TOO_FEW as u64;
        let goes_on = open_end && (is_rare || reading == Reading::Unfinished);
        let mut begins = 0;
        if goes_on || (is_rare && reading == Reading::Similar) || self.is_filler(word) {
            for language in &self.languages {
                let prefix = tagged(*language, prefix_key(word));
                let (clause, frequency) =
                    self.term(self.view.fields.prefix, &prefix, PREFIX_BOOST * boost)?;
                choices.extend(clause);
                begins += frequency;
            }
        }
        if is_rare && reading == Reading::Similar && !(goes_on && begins > 0) {
            for (similar, distance) in self.similar_words(word, used)? {
                let boost = boost * CORRECTION_BOOST / distance as f32;
                choices.extend(self.spelling(&similar, boost)?.0);
            }
        }
        Ok(either(choices))
    }

    /// A finished word in all languages, and in how many products' texts it stands.
    fn spelling(&self, word: &str, boost: f32) -> Result<(Vec<Box<dyn Query>>, u64), TantivyError> {
        let mut choices = Vec::new();
        let mut used = 0;
        for (place, language) in self.languages.iter().enumerate() {
            let Some(stem) = language.stem(word) else { continue };
            let boost = boost * if place == 0 { 1.0 } else { FALLBACK_BOOST };
            let fields = &self.view.fields;
            for (field, weight) in
                [(fields.name[language.0], NAME_BOOST), (fields.body[language.0], BODY_BOOST)]
            {
                let (clause, frequency) = self.term(field, &stem, weight * boost)?;
                choices.extend(clause);
                used = used.max(frequency);
            }
        }
        Ok((choices, used))
    }

    /// A term, unless no document has it, and in how many it is.
    fn term(&self, field: Field, text: &str, boost: f32) -> Result<(Clause, u64), TantivyError> {
        let term = Term::from_field_text(field, text);
        let frequency = self.view.searcher.doc_freq(&term)?;
        if frequency == 0 {
            return Ok((None, 0));
        }
        let query = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
        Ok((Some(Box::new(BoostQuery::new(query, boost))), frequency))
    }

    /// Words of the vocabulary that may have been meant, nearest first, with their distance; only
    /// those in more than `used` products.
    fn similar_words(&self, word: &str, used: u64) -> Result<Vec<(String, usize)>, TantivyError> {
        let letters: Vec<char> = word.chars().collect();
        let mistakes_max = match letters.len() {
            0..4 => return Ok(Vec::new()),
            4..8 => 1,
            _ => 2,
        };
        // Ordered by distance, then frequency (the most frequent first), then alphabet.
        let mut found: BTreeSet<(usize, u64, String)> = BTreeSet::new();
        for language in &self.languages {
            let start = tagged(*language, letters.first().map_or("", |_| first_letter(word)));
            let word_start = start.len() - first_letter(word).len();
            for segment in self.view.searcher.segment_readers() {
                let index = segment.inverted_index(self.view.fields.words)?;
                let mut vocabulary = index.terms().range().ge(start.as_bytes()).into_stream()?;
                let mut compared = 0;
                while vocabulary.advance() && vocabulary.key().starts_with(start.as_bytes()) {
                    compared += 1;
                    if compared > VOCABULARY_MAX {
                        break;
                    }
                    let Ok(candidate) = std::str::from_utf8(&vocabulary.key()[word_start..]) else {
                        continue;
                    };
                    let candidate_letters: Vec<char> = candidate.chars().collect();
                    let Some(distance) = typing_distance(&letters, &candidate_letters, mistakes_max) else {
                        continue;
                    };
                    let frequency = u64::from(vocabulary.value().doc_freq);
                    if distance > 0 && frequency > used {
                        let rarity = u64::MAX - frequency;
                        found.insert((distance, rarity, candidate.to_owned()));
                    }
                }
            }
        }
        let mut similar: Vec<(String, usize)> = Vec::new();
        for (distance, _, candidate) in found {
            if similar.len() < CORRECTIONS_MAX && !similar.iter().any(|(known, _)| *known == candidate) {
                similar.push((candidate, distance));
            }
        }
        Ok(similar)
    }

    fn is_filler(&self, word: &str) -> bool {
        is_filler(word, &self.languages)
    }

    fn run(&self, clause: Clause, scored: bool) -> Result<Vec<(u32, f32)>, TantivyError> {
        let Some(query) = clause else { return Ok(Vec::new()) };
        let searcher = &self.view.searcher;
        let scoring = match scored {
            true => EnableScoring::enabled_from_searcher(searcher),
            false => EnableScoring::disabled_from_searcher(searcher),
        };
        let weight = query.weight(scoring)?;
        let mut products = Vec::new();
        for (segment, numbers) in searcher.segment_readers().iter().zip(&self.view.segments) {
            let mut take = |doc: u32, score: f32| {
                let number = numbers[doc as usize];
                if number != DELETED {
                    products.push((number, score));
                }
            };
            if scored {
                weight.for_each(segment, &mut take)?;
            } else {
                weight.for_each_no_score(segment, &mut |docs| docs.iter().for_each(|doc| take(*doc, 0.0)))?;
            }
        }
        Ok(products)
    }
}

fn phrases(words: &[String], synonyms: Option<&Synonyms>, open_end: bool) -> Vec<Phrase> {
    let mut phrases = Vec::new();
    let mut rest = words;
    while !rest.is_empty() {
        let known = synonyms.and_then(|synonyms| synonyms.at_start_of(rest));
        let (length, alternatives) = known.unwrap_or((1, &[]));
        let (words, after) = rest.split_at(length);
        phrases.push(Phrase {
            words: words.to_vec(),
            alternatives: alternatives.to_vec(),
            unfinished: open_end && after.is_empty(),
        });
        rest = after;
    }
    phrases
}

/// A word that no language searches by.
fn is_filler(word: &str, languages: &[Language]) -> bool {
    languages.iter().all(|language| language.is_stop_word(word))
}

fn first_letter(word: &str) -> &str {
    word.chars().next().map_or("", |letter| &word[..letter.len_utf8()])
}

fn all_of(mut clauses: Vec<Box<dyn Query>>) -> Clause {
    if clauses.len() <= 1 {
        return clauses.pop();
    }
    Some(Box::new(BooleanQuery::new(clauses.into_iter().map(|clause| (Occur::Must, clause)).collect())))
}

fn either(mut clauses: Vec<Box<dyn Query>>) -> Clause {
    if clauses.len() <= 1 {
        return clauses.pop();
    }
    Some(Box::new(BooleanQuery::new(clauses.into_iter().map(|clause| (Occur::Should, clause)).collect())))
}
