//! One tenant's Tantivy index on disk: its fields, how a document becomes terms, and opening it.
//!
//! Fields: for each language the stems of names (`name_en`) and of everything else that is text
//! (`body_en`); unstemmed folded words (`words`: the vocabulary that typing mistakes are compared
//! with) and beginnings of words (`prefix`: search as you type), both with the language's code in
//! front of each term; SKUs; the product number; and the record the catalog is built from.
//!
//! Invariant: a document's number is unique among live documents; a put deletes its predecessor in
//! the same commit. The position stands in the commit's payload, so text and position are one
//! atomic step.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing,
    TextOptions, Value,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use crate::analysis::{Language, prefixes, sku_key, words};
use crate::catalog::{Catalog, RowChange};
use crate::document::{AttributeValue, Change, Document, Record};

/// Part of every index directory's name; an index of another format is set aside and rebuilt.
/// Raise it when fields, [`Record`] or the analysis of words change.
pub const FORMAT: u32 = 2;

/// Records decoded at once when an index opens.
const BATCH_RECORDS: usize = 8_192;

/// Between the language's code and the word in `words` and `prefix`.
const TAG_END: char = '\u{1f}';

#[derive(Clone)]
pub struct Fields {
    pub number: Field,
    record: Field,
    pub sku: Field,
    pub words: Field,
    pub prefix: Field,
    /// By language.
    pub name: Vec<Field>,
    pub body: Vec<Field>,
}

/// Why an index could not be used.
#[derive(Debug)]
pub enum Fault {
    /// What is on disk is not (or no longer) an index of ours: worth setting aside.
    Damaged(String),
    /// The machine failed, not the index: worth trying again.
    Failed(TantivyError),
}

impl From<TantivyError> for Fault {
    fn from(error: TantivyError) -> Fault {
        match machine_failed(&error) {
            true => Fault::Failed(error),
            false => Fault::Damaged(error.to_string()),
        }
    }
}

/// Too many open files, no memory, no permission, no space: says nothing about the files' content.
fn machine_failed(error: &TantivyError) -> bool {
    use std::io::ErrorKind;
    use tantivy::directory::error::{OpenDirectoryError, OpenReadError};
    let damage = |kind: ErrorKind| {
        matches!(kind, ErrorKind::NotFound | ErrorKind::UnexpectedEof | ErrorKind::InvalidData)
    };
    match error {
        TantivyError::IoError(io) => !damage(io.kind()),
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => !damage(io_error.kind()),
        TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error, .. }) => {
            !damage(io_error.kind())
        }
        TantivyError::LockFailure(..) | TantivyError::SystemError(_) => true,
        _ => false,
    }
}

/// The state of one commit: text in Tantivy and products in memory, which belong together.
pub struct View {
    pub searcher: Searcher,
    /// Per segment, by Tantivy's document id: the product number, [`DELETED`] if it is gone.
    pub segments: Vec<Vec<u32>>,
    pub catalog: Catalog,
    pub position: u64,
    pub fields: Fields,
}

pub const DELETED: u32 = u32::MAX;

/// An index directory that is open for reading.
pub struct Engine {
    pub index: Index,
    reader: IndexReader,
    fields: Fields,
}

impl Engine {
    pub fn create(dir: &Path) -> Result<Engine, Fault> {
        let (schema, _) = schema();
        Engine::over(Index::create_in_dir(dir, schema)?)
    }

    /// Reads every file once and compares its check sum.
    pub fn open(dir: &Path) -> Result<Engine, Fault> {
        let index = Index::open_in_dir(dir)?;
        if index.schema() != schema().0 {
            return Err(Fault::Damaged("its fields are of another format".to_owned()));
        }
        let damaged = index.validate_checksum()?;
        if let Some(file) = damaged.iter().next() {
            return Err(Fault::Damaged(format!("the check sum of {} does not match", file.display())));
        }
        Engine::over(index)
    }

    fn over(index: Index) -> Result<Engine, Fault> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Engine { index, reader, fields: schema().1 })
    }

    /// One indexing and one merging thread: several tenants share two cores with the shops.
    pub fn writer(&self, memory_bytes: usize) -> Result<IndexWriter, TantivyError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(memory_bytes)
            .build();
        let writer = self.index.writer_with_options(options)?;
        let mut merging = LogMergePolicy::default();
        merging.set_min_num_segments(6);
        merging.set_del_docs_ratio_before_merge(0.3);
        writer.set_merge_policy(Box::new(merging));
        // A commit that a full disk broke off leaves files whose names the next one would take again.
        writer.garbage_collect_files().wait()?;
        Ok(writer)
    }

    /// The view of what is committed, everything read from disk.
    pub fn load(&self) -> Result<View, Fault> {
        self.reader.reload()?;
        let searcher = self.reader.searcher();
        let mut catalog = Catalog::default();
        self.for_each_batch(&searcher, |batch| catalog = catalog.with(batch))?;
        self.view(searcher, catalog)
    }

    /// The view after a commit of `changes` on top of `before`.
    pub fn follow(&self, before: &View, changes: Vec<RowChange>) -> Result<View, Fault> {
        self.reader.reload()?;
        self.view(self.reader.searcher(), before.catalog.with(changes))
    }

    fn view(&self, searcher: Searcher, catalog: Catalog) -> Result<View, Fault> {
        let mut segments = Vec::new();
        for segment in searcher.segment_readers() {
            let column = segment.fast_fields().u64("number")?;
            let number = |doc| match segment.is_deleted(doc) {
                true => DELETED,
                false => column.first(doc).and_then(|number| u32::try_from(number).ok()).unwrap_or(DELETED),
            };
            segments.push((0..segment.max_doc()).map(number).collect());
        }
        let position = self.position()?;
        Ok(View { searcher, segments, catalog, position, fields: self.fields.clone() })
    }

    /// 0 before the first commit.
    fn position(&self) -> Result<u64, Fault> {
        match self.index.load_metas()?.payload {
            None => Ok(0),
            Some(payload) => {
                payload.parse().map_err(|_| Fault::Damaged(format!("its position reads {payload:?}")))
            }
        }
    }

    /// All records, some thousands at a time: decoded ones take several times the catalog's space.
    fn for_each_batch(&self, searcher: &Searcher, mut take: impl FnMut(Vec<RowChange>)) -> Result<(), Fault> {
        let mut batch = Vec::new();
        for segment in searcher.segment_readers() {
            let store = segment.get_store_reader(1).map_err(TantivyError::from)?;
            for document in store.iter::<TantivyDocument>(segment.alive_bitset()) {
                batch.push(RowChange::Put(Box::new(self.record(&document?)?)));
                if batch.len() == BATCH_RECORDS {
                    take(std::mem::take(&mut batch));
                }
            }
        }
        take(batch);
        Ok(())
    }

    fn record(&self, document: &TantivyDocument) -> Result<Record, Fault> {
        let bytes = document.get_first(self.fields.record).and_then(|value| value.as_bytes());
        postcard::from_bytes(bytes.unwrap_or_default())
            .map_err(|error| Fault::Damaged(format!("a record is unreadable: {error}")))
    }

    /// Queues a change; it is seen after the next commit.
    pub fn write(&self, writer: &IndexWriter, change: &Change) -> Result<RowChange, TantivyError> {
        writer.delete_term(Term::from_field_u64(self.fields.number, u64::from(change.number())));
        match change {
            Change::Put(document) => self.add(writer, document),
            Change::Delete(number) => Ok(RowChange::Delete(*number)),
        }
    }

    /// Queues a document whose number is known to be new.
    pub fn add(&self, writer: &IndexWriter, document: &Document) -> Result<RowChange, TantivyError> {
        let record = Record::of(document);
        writer.add_document(self.fields.document(document, &record))?;
        Ok(RowChange::Put(Box::new(record)))
    }
}

/// Commits what was queued, with its position.
pub fn commit(writer: &mut IndexWriter, position: u64) -> Result<(), TantivyError> {
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&position.to_string());
    prepared.commit()?;
    Ok(())
}

fn schema() -> (Schema, Fields) {
    let text = |option: IndexRecordOption, fieldnorms: bool| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("raw") // never used: words come tokenized
            .set_index_option(option)
            .set_fieldnorms(fieldnorms);
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut builder = Schema::builder();
    let number = builder.add_u64_field("number", NumericOptions::default() | INDEXED | FAST);
    let record = builder.add_bytes_field("record", BytesOptions::default().set_stored());
    let sku = builder.add_text_field("sku", text(IndexRecordOption::Basic, false));
    let words = builder.add_text_field("words", text(IndexRecordOption::Basic, false));
    let prefix = builder.add_text_field("prefix", text(IndexRecordOption::Basic, false));
    let mut per_language = |what: &str| {
        let options = text(IndexRecordOption::WithFreqs, true);
        let mut field = |language: Language| {
            builder.add_text_field(&format!("{what}_{}", language.code()), options.clone())
        };
        Language::all().map(&mut field).collect::<Vec<Field>>()
    };
    let (name, body) = (per_language("name"), per_language("body"));
    (builder.build(), Fields { number, record, sku, words, prefix, name, body })
}

/// A word of `words` or `prefix`, as it is indexed.
pub fn tagged(language: Language, word: &str) -> String {
    format!("{}{TAG_END}{word}", language.code())
}

/// The words of one document in one language.
#[derive(Default)]
struct Texts {
    name: Vec<String>,
    keywords: Vec<String>,
    description: Vec<String>,
}

impl Fields {
    fn document(&self, document: &Document, record: &Record) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        out.add_u64(self.number, u64::from(document.number));
        let bytes = postcard::to_allocvec(record).expect("a record has no shape postcard refuses");
        out.add_bytes(self.record, &bytes);
        let skus: BTreeSet<String> = document.skus.iter().map(|sku| sku_key(sku)).collect();
        self.add_words(&mut out, self.sku, skus.into_iter().filter(|sku| !sku.is_empty()));

        let codes = code_words(document);
        let mut all_words = BTreeSet::new();
        let mut all_prefixes = BTreeSet::new();
        for (language, texts) in texts_by_language(document) {
            let stems = |words: &[String]| -> Vec<String> {
                words.iter().filter_map(|word| language.stem(word)).collect()
            };
            self.add_words(&mut out, self.name[language.0], stems(&texts.name));
            let body = [texts.keywords.as_slice(), &codes, &texts.description].map(stems).concat();
            self.add_words(&mut out, self.body[language.0], body);
            for word in texts.name.iter().chain(&texts.keywords).chain(&codes) {
                all_prefixes.extend(prefixes(word).map(|prefix| tagged(language, prefix)));
                all_words.insert(tagged(language, word));
            }
            all_words.extend(texts.description.iter().map(|word| tagged(language, word)));
        }
        self.add_words(&mut out, self.words, all_words);
        self.add_words(&mut out, self.prefix, all_prefixes);
        out
    }

    fn add_words(&self, out: &mut TantivyDocument, field: Field, words: impl IntoIterator<Item = String>) {
        let tokens: Vec<Token> = words
            .into_iter()
            .enumerate()
            .map(|(position, text)| Token { position, text, ..Token::default() })
            .collect();
        if !tokens.is_empty() {
            out.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens });
        }
    }
}

/// Several locales of one language (`en-GB`, `en-AU`) are one text; what they say alike counts once.
fn texts_by_language(document: &Document) -> Vec<(Language, Texts)> {
    let locales: BTreeSet<&String> =
        document.name.keys().chain(document.keywords.keys()).chain(document.description.keys()).collect();
    let mut by_language: Vec<(Language, Vec<&String>)> = Vec::new();
    for locale in locales {
        let language = Language::of_locale(locale);
        match by_language.iter_mut().find(|(known, _)| *known == language) {
            Some((_, locales)) => locales.push(locale),
            None => by_language.push((language, vec![locale])),
        }
    }
    let gather = |texts: &crate::document::Texts, locales: &[&String]| {
        let distinct: BTreeSet<&String> = locales.iter().filter_map(|locale| texts.get(*locale)).collect();
        distinct.into_iter().flat_map(|text| words(text)).collect()
    };
    let texts = |locales: Vec<&String>| Texts {
        name: gather(&document.name, &locales),
        keywords: gather(&document.keywords, &locales),
        description: gather(&document.description, &locales),
    };
    by_language.into_iter().map(|(language, locales)| (language, texts(locales))).collect()
}

/// Brand, categories and attribute terms are found as text in every language the document has.
fn code_words(document: &Document) -> Vec<String> {
    let terms = document.attributes.values().flatten().filter_map(|value| match value {
        AttributeValue::Term(term) => Some(term),
        AttributeValue::Number { .. } => None,
    });
    let mut seen = BTreeSet::new();
    let codes = document.brand.iter().chain(&document.categories).chain(terms);
    // Codes are often written with underscores, which Unicode counts as part of a word.
    let all = codes.flat_map(|code| words(&code.replace('_', " ")));
    all.filter(|word| seen.insert(word.clone())).collect()
}

/// Shared by queries; the next commit publishes another.
pub type SharedView = Arc<View>;
