//! Given these events, this command.
