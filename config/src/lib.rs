//! One typed settings tree, parsed once and passed by value.
//!
//! Contract: [`Settings::resolve`] takes defaults < TOML file < environment < command line and either
//! returns a tree in which every value is in range and fits the others, or *all* problems it found, each
//! with the key and the place it was written at. Apart from the settings file itself nothing is opened,
//! bound or created here; whoever holds a [`Settings`] need not check a value again.
//!
//! Every key is declared once, in `settings.rs`, with its type, default, range and help. The parser, the
//! environment names, [`Settings::print`] and the documented example file all come from that declaration.
//!
//! ```
//! use gearify_config::Settings;
//!
//! let command_line = [("listen.public".to_owned(), "127.0.0.1:8088".to_owned())];
//! let environment = [("GEARIFY_WEB__REQUEST_TIMEOUT", "20s")];
//! let settings = Settings::resolve(None, environment, &command_line)?;
//! assert_eq!(settings.listen.public.port(), 8088);
//! assert_eq!(settings.web.request_timeout.as_secs(), 20);
//! # Ok::<(), gearify_config::ConfigError>(())
//! ```

mod check;
mod declare;
mod error;
mod layers;
mod nearest;
mod print;
mod settings;
mod value;

#[cfg(test)]
mod tests;

pub use error::{ConfigError, Origin, Problem};
pub use settings::{
    Backup, Hosts, Keys, Limits, Listen, Node, Payments, Rates, Replication, S3, Settings, Storage,
    Telemetry, TestPayments, Tls, Tree, Web,
};
pub use value::{
    ArchiveUrl, BaseUrl, ByteSize, HostName, IpRange, LogFilter, LogFormat, Mode, RegionName, Secret,
};
