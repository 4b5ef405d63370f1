//! The layers a value can come from, flattened to full paths, and what was found wrong while reading them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::declare::{Item, Key};
use crate::error::{ConfigError, Origin, Problem};
use crate::nearest::nearest;
use crate::value::{Setting, Value, quoted};

/// Every variable that starts like this must name a key …
const VARIABLE_PREFIX: &str = "GEARIFY_";
/// … except this one, which the command line reads: the path of the settings file.
const FILE_VARIABLE: &str = "GEARIFY_CONFIG";

/// A value that somebody wrote, before it has a type.
#[derive(Debug, Clone)]
struct Written {
    value: RawValue,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum RawValue {
    /// From the settings file, where TOML already tells text from numbers.
    Toml(Value),
    /// From the environment or the command line, where everything is text.
    Text(String),
}

/// All layers above the defaults, from weakest to strongest per key, and the problems met so far.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    keys: BTreeMap<String, Key>,
    sections: BTreeSet<String>,
    written: BTreeMap<String, Vec<Written>>,
    /// Where the value that `take` gave out came from; keys with their default are absent.
    pub origins: BTreeMap<String, Origin>,
    pub problems: Vec<Problem>,
    /// Keys whose value is wrong, so that nothing is concluded from the default that stands in for it.
    pub failed: BTreeSet<String>,
}

impl Layers {
    pub fn new(items: Vec<Item>) -> Layers {
        let mut layers = Layers::default();
        for item in items {
            match item {
                Item::Section { path, .. } => drop(layers.sections.insert(path)),
                Item::Key(key) => drop(layers.keys.insert(key.path.clone(), key)),
            }
        }
        layers
    }

    /// Adds the settings file. Unknown keys are noted; only a file that is no TOML at all is an error.
    pub fn add_file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let line_of = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            file: file.to_owned(),
            line: line_of(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        let place = FilePlace { file: file.to_owned(), line_of: &line_of };
        self.add_table("", table.get_ref(), &place);
        Ok(())
    }

    fn add_table(&mut self, prefix: &str, table: &DeTable<'_>, place: &FilePlace<'_>) {
        for (name, value) in table {
            let path = crate::declare::join(prefix, name.get_ref());
            let origin = place.at(name);
            match value.get_ref() {
                DeValue::Table(inner) if self.sections.contains(&path) => {
                    self.add_table(&path, inner, place);
                }
                _ if self.sections.contains(&path) => {
                    self.problem(&path, origin, format!("is a section, write [{path}] and its keys below"));
                }
                inner => self.add(path, RawValue::Toml(plain(inner)), origin),
            }
        }
    }

    /// Adds the variables that start with `GEARIFY_`; all others are somebody else's.
    pub fn add_environment(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
        let ours = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        // Sorted, so that messages do not depend on the order of the environment.
        let ours: BTreeMap<String, OsString> = ours.collect();
        for (variable, value) in ours {
            let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
            if variable == FILE_VARIABLE {
                continue;
            }
            let path = name.to_ascii_lowercase().replace("__", ".");
            let origin = Origin::Environment { variable };
            match value.into_string() {
                Ok(text) => self.add(path, RawValue::Text(text), origin),
                Err(_) => self.problem(&path, origin, "is not valid UTF-8".to_owned()),
            }
        }
    }

    pub fn add_command_line(&mut self, options: &[(String, String)]) {
        for (path, text) in options {
            self.add(path.clone(), RawValue::Text(text.clone()), Origin::CommandLine);
        }
    }

    fn add(&mut self, path: String, value: RawValue, origin: Origin) {
        if self.keys.contains_key(&path) {
            self.written.entry(path).or_default().push(Written { value, origin });
            return;
        }
        let what = if self.sections.contains(&path) {
            format!("is a section; the nearest key in it is {}", self.nearest_key(&path))
        } else {
            let nearest = self.nearest_key(&path);
            match &origin {
                Origin::Environment { .. } => format!("unknown key; nearest is {}", variable_of(&nearest)),
                _ => format!("unknown key; nearest is {nearest}"),
            }
        };
        self.problem(&path, origin, what);
    }

    fn nearest_key(&self, path: &str) -> String {
        nearest(path, self.keys.keys().map(String::as_str)).unwrap_or_default().to_owned()
    }

    /// The strongest value written for `path`, else its default. Weaker values are checked all the same:
    /// a wrong one would otherwise wait for the day the stronger one goes.
    pub fn take<T: Setting>(
        &mut self,
        path: &str,
        default: &str,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> T {
        let mut taken =
            T::from_text(default).expect("defaults in the declaration parse; a test reads them all");
        for written in self.written.remove(path).unwrap_or_default() {
            let parsed = match &written.value {
                RawValue::Toml(value) => T::from_value(value),
                RawValue::Text(text) => T::from_text(text),
            };
            match parsed.and_then(|value| check(&value).map(|()| value)) {
                Ok(value) => {
                    taken = value;
                    self.origins.insert(path.to_owned(), written.origin);
                }
                Err(reason) => {
                    let what =
                        if T::SECRET { reason } else { format!("{}: {reason}", written.value.shown()) };
                    self.problem(path, written.origin, what);
                }
            }
        }
        taken
    }

    pub fn problem(&mut self, path: &str, origin: Origin, what: String) {
        self.failed.insert(path.to_owned());
        self.problems.push(Problem { key: path.to_owned(), origin, what });
    }
}

impl RawValue {
    fn shown(&self) -> String {
        match self {
            RawValue::Text(text) => quoted(text),
            RawValue::Toml(value) => shown(value),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(values) => {
            let parts: Vec<String> = values.iter().map(shown).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Other(kind) => format!("a {kind}"),
    }
}

fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix())
                .map_or(Value::Other("number too large"), Value::Integer)
        }
        DeValue::Array(values) => Value::List(values.iter().map(|value| plain(value.get_ref())).collect()),
        DeValue::Float(_) => Value::Other("number with a fraction"),
        DeValue::Datetime(_) => Value::Other("date or time"),
        DeValue::Table(_) => Value::Other("table"),
    }
}

/// The environment variable of a key: `listen.public` is `GEARIFY_LISTEN__PUBLIC`.
fn variable_of(path: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

struct FilePlace<'t> {
    file: PathBuf,
    line_of: &'t dyn Fn(usize) -> usize,
}

impl FilePlace<'_> {
    fn at<T>(&self, spanned: &Spanned<T>) -> Origin {
        Origin::File { file: self.file.clone(), line: (self.line_of)(spanned.span().start) }
    }
}
