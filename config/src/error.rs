//! What can be wrong with settings, and where it was written.

use std::fmt;
use std::path::PathBuf;

/// Why no settings could be made. [`ConfigError::Invalid`] lists every problem, not only the first.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the settings file {}: {source}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}:{line}: not valid TOML: {message}", file.display())]
    Syntax { file: PathBuf, line: usize, message: String },
    #[error("{}", Problem::list(.0))]
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// The problems of single keys; empty when the file could not be read or parsed at all.
    pub fn problems(&self) -> &[Problem] {
        match self {
            ConfigError::Invalid(problems) => problems,
            ConfigError::Unreadable { .. } | ConfigError::Syntax { .. } => &[],
        }
    }
}

/// One thing that is wrong with one key. Values of secret keys never appear in `what`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The full path, `listen.tls.certificate`.
    pub key: String,
    pub origin: Origin,
    pub what: String,
}

impl Problem {
    fn list(problems: &[Problem]) -> String {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => write!(f, "{}: {}", self.key, self.what),
            origin => write!(f, "{origin}: {}: {}", self.key, self.what),
        }
    }
}

/// Where a value comes from; the later variants win over the earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Default,
    File { file: PathBuf, line: usize },
    Environment { variable: String },
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { file, line } => write!(f, "{}:{line}", file.display()),
            Origin::Environment { variable } => write!(f, "environment {variable}"),
            Origin::CommandLine => f.write_str("command line"),
        }
    }
}
