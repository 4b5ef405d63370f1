//! The types a setting can have: each is parsed by one fallible door and prints back to what it parsed.
//!
//! Reasons returned from here say what is expected and never repeat the value, so that a mistyped secret
//! stays out of messages; the caller adds the value where it may be shown.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// A value as a settings file states it, before it has a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Bool(bool),
    List(Vec<Value>),
    /// Something no key accepts (a float, a date, an inline table in a list), by its TOML name.
    Other(&'static str),
}

/// Something a key can hold.
pub(crate) trait Setting: Sized + Clone + PartialEq {
    /// What is expected, as it follows "expected": `a duration like "30s"`.
    const EXPECTED: &'static str;
    /// Secret values are masked wherever they would be shown.
    const SECRET: bool = false;

    /// Parses what an environment variable or a command-line option holds.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Parses a value of the settings file: text unless the type says otherwise.
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Self::from_text(text),
            _ => Err(expected(Self::EXPECTED)),
        }
    }

    /// The value as TOML; `None` for an optional one that is not set.
    fn to_toml(&self) -> Option<String>;
}

fn expected(what: &str) -> String {
    format!("expected {what}")
}

/// Text in TOML's basic string form.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| expected(Self::EXPECTED))
    }

    fn from_value(value: &Value) -> Result<bool, String> {
        match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(expected(Self::EXPECTED)),
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            const EXPECTED: &'static str = "a whole number";

            fn from_text(text: &str) -> Result<$number, String> {
                text.parse().map_err(|_| expected(Self::EXPECTED))
            }

            fn from_value(value: &Value) -> Result<$number, String> {
                match value {
                    Value::Integer(value) => {
                        <$number>::try_from(*value).map_err(|_| expected(Self::EXPECTED))
                    }
                    _ => Err(expected(Self::EXPECTED)),
                }
            }

            fn to_toml(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}
whole_numbers!(u32, u64, usize);

impl Setting for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn from_text(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') { Err(expected(Self::EXPECTED)) } else { Ok(text.into()) }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Setting for SocketAddr {
    const EXPECTED: &'static str = "an IP address with a port like \"127.0.0.1:8080\" or \"[::1]:8080\"";

    fn from_text(text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| expected(Self::EXPECTED))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl<T: Setting> Setting for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const SECRET: bool = T::SECRET;

    /// Empty text unsets, so that a variable can take back what a file sets.
    fn from_text(text: &str) -> Result<Option<T>, String> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }

    fn from_value(value: &Value) -> Result<Option<T>, String> {
        match value {
            Value::Text(text) if text.is_empty() => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(T::to_toml)
    }
}

impl<T: Setting> Setting for Vec<T> {
    const EXPECTED: &'static str = "a list (separated by commas outside the settings file)";
    const SECRET: bool = T::SECRET;

    fn from_text(text: &str) -> Result<Vec<T>, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::from_text).collect()
    }

    fn from_value(value: &Value) -> Result<Vec<T>, String> {
        match value {
            Value::List(values) => values.iter().map(T::from_value).collect(),
            _ => Err(expected("a list in square brackets")),
        }
    }

    fn to_toml(&self) -> Option<String> {
        let parts: Vec<String> = self.iter().filter_map(T::to_toml).collect();
        Some(format!("[{}]", parts.join(", ")))
    }
}

const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration with its unit (ms, s, m, h or d) like \"30s\"";

    fn from_text(text: &str) -> Result<Duration, String> {
        amount_with_unit(text, &DURATION_UNITS)
            .map(Duration::from_millis)
            .ok_or_else(|| expected(Self::EXPECTED))
    }

    fn to_toml(&self) -> Option<String> {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        Some(quoted(&in_largest_unit(millis, &DURATION_UNITS)))
    }
}

/// A number of bytes, written with a binary (`KiB`) or decimal (`kB`) unit, or `B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const BYTE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl ByteSize {
    pub const fn from_bytes(bytes: u64) -> ByteSize {
        ByteSize(bytes)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The size as a length in memory; more than the address space holds becomes all of it.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_largest_unit(self.0, &BYTE_UNITS))
    }
}

impl Setting for ByteSize {
    const EXPECTED: &'static str = "a size with its unit (B, KiB, MiB, GiB, kB, MB or GB) like \"64MiB\"";

    fn from_text(text: &str) -> Result<ByteSize, String> {
        amount_with_unit(text, &BYTE_UNITS).map(ByteSize).ok_or_else(|| expected(Self::EXPECTED))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// `"30 s"` or `"30s"` as a count of the smallest unit; no sign, no fraction, no overflow, no bare number.
fn amount_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let amount: u64 = digits.parse().ok()?;
    let unit = unit.trim_start_matches(' ');
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    amount.checked_mul(*factor)
}

fn in_largest_unit(amount: u64, units: &[(&str, u64)]) -> String {
    let (smallest, _) = units[units.len() - 1];
    let fits = |(_, factor): &&(&str, u64)| amount != 0 && amount.is_multiple_of(*factor);
    match units.iter().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", amount / factor),
        None => format!("{amount}{smallest}"),
    }
}

/// Text that must not be shown: `Debug` and every printed form mask it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Shorter ones could be guessed by trying.
const SECRET_BYTES_MIN: usize = 16;

impl Secret {
    /// # Errors
    /// The reason, when the text is shorter than 16 bytes.
    pub fn parse(text: &str) -> Result<Secret, String> {
        Secret::from_text(text)
    }

    /// The text itself; for computing with, not for showing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Setting for Secret {
    const EXPECTED: &'static str = "a secret of at least 16 bytes";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Result<Secret, String> {
        if text.len() < SECRET_BYTES_MIN {
            Err(expected(Self::EXPECTED))
        } else {
            Ok(Secret(text.to_owned()))
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted("***"))
    }
}

/// An `http` or `https` address with a host, without user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Setting for BaseUrl {
    const EXPECTED: &'static str = "an http or https address like \"http://127.0.0.1:8099\"";

    fn from_text(text: &str) -> Result<BaseUrl, String> {
        let url = Url::parse(text).map_err(|_| expected(Self::EXPECTED))?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let usable = matches!(url.scheme(), "http" | "https") && url.has_host() && plain;
        if usable { Ok(BaseUrl(url)) } else { Err(expected(Self::EXPECTED)) }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(self.0.as_str().trim_end_matches('/')))
    }
}

/// Where archives are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveUrl {
    Directory(PathBuf),
    /// A bucket of an S3-compatible store; names in it begin with `prefix`, which may be empty.
    Bucket {
        bucket: String,
        prefix: String,
    },
}

impl Setting for ArchiveUrl {
    const EXPECTED: &'static str =
        "a directory like \"file:///var/backups\" or a bucket like \"s3://bucket/prefix\"";

    fn from_text(text: &str) -> Result<ArchiveUrl, String> {
        let url = Url::parse(text).map_err(|_| expected(Self::EXPECTED))?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match (url.scheme(), url.host_str()) {
            ("file", None | Some("")) if is_plain => {
                url.to_file_path().map(ArchiveUrl::Directory).map_err(|()| expected(Self::EXPECTED))
            }
            ("s3", Some(bucket)) if is_plain && !bucket.is_empty() => Ok(ArchiveUrl::Bucket {
                bucket: bucket.to_owned(),
                prefix: url.path().trim_matches('/').to_owned(),
            }),
            _ => Err(expected(Self::EXPECTED)),
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&match self {
            ArchiveUrl::Directory(dir) => format!("file://{}", dir.display()),
            ArchiveUrl::Bucket { bucket, prefix } if prefix.is_empty() => format!("s3://{bucket}"),
            ArchiveUrl::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        }))
    }
}

/// A host name in lower case, without port: letters, digits, hyphens and dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for HostName {
    const EXPECTED: &'static str = "a host name in lower case, without port, like \"shops.example\"";

    fn from_text(text: &str) -> Result<HostName, String> {
        let host = text.len() <= 253 && text.split('.').all(|part| is_label(part, 63));
        if host { Ok(HostName(text.to_owned())) } else { Err(expected(Self::EXPECTED)) }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

/// The name of a region: 1 to 32 lower-case letters, digits and inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionName(String);

impl RegionName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for RegionName {
    const EXPECTED: &'static str = "1 to 32 lower-case letters, digits and inner hyphens, like \"eu-west\"";

    fn from_text(text: &str) -> Result<RegionName, String> {
        if is_label(text, 32) { Ok(RegionName(text.to_owned())) } else { Err(expected(Self::EXPECTED)) }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

fn is_label(text: &str, bytes_max: usize) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= bytes_max
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// An address range in CIDR form; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    address: IpAddr,
    prefix_bits: u32,
}

impl IpRange {
    /// Whether the address lies in the range. An IPv4 address mapped into IPv6 counts as the IPv4 one.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (range, address) = (self.address.to_canonical(), address.to_canonical());
        match (range, address) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                let differing = u32::from(range) ^ u32::from(address);
                differing.leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                let differing = u128::from(range) ^ u128::from(address);
                differing.leading_zeros() >= self.prefix_bits
            }
            _ => false,
        }
    }

    /// Whether the range trusts everybody.
    pub(crate) fn is_everything(&self) -> bool {
        self.prefix_bits == 0
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl Setting for IpRange {
    const EXPECTED: &'static str = "an address or address range like \"10.0.0.0/8\" or \"::1\"";

    fn from_text(text: &str) -> Result<IpRange, String> {
        let refuse = || expected(Self::EXPECTED);
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| refuse())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.unwrap_or(bits_max);
        if prefix_bits > bits_max {
            return Err(refuse());
        }
        Ok(IpRange { address, prefix_bits })
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// Which records are logged: a level, or comma-separated `target=level` with at most one bare level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for LogFilter {
    const EXPECTED: &'static str =
        "a level (off, error, warn, info, debug or trace) or a list like \"info,openraft=warn\"";

    fn from_text(text: &str) -> Result<LogFilter, String> {
        let is_level = |text: &str| matches!(text, "off" | "error" | "warn" | "info" | "debug" | "trace");
        let is_target = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        };
        let is_directive = |part: &str| match part.split_once('=') {
            Some((target, level)) => is_target(target) && is_level(level),
            None => is_level(part),
        };
        let bare_levels = text.split(',').filter(|part| !part.contains('=')).count();
        if text.split(',').all(is_directive) && bare_levels <= 1 {
            Ok(LogFilter(text.to_owned()))
        } else {
            Err(expected(Self::EXPECTED))
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

macro_rules! choices {
    ($(#[$meta:meta])* pub enum $name:ident: $expected:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl Setting for $name {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Result<$name, String> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err(expected(Self::EXPECTED)),
                }
            }

            fn to_toml(&self) -> Option<String> {
                Some(quoted(self.as_str()))
            }
        }
    };
}

choices! {
    /// How strict the node is about settings that would be unsafe where real shoppers buy.
    pub enum Mode: "\"development\" or \"production\"" {
        Development = "development",
        Production = "production",
    }
}

choices! {
    /// The form of log lines.
    pub enum LogFormat: "\"auto\", \"human\" or \"json\"" {
        /// Human where standard error is a terminal, JSON otherwise.
        Auto = "auto",
        Human = "human",
        Json = "json",
    }
}

/// Whether an address can be reached from this machine only.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether an address belongs to a private network (RFC 1918, RFC 4193) or a link.
pub(crate) fn is_private(address: IpAddr) -> bool {
    let is_private_v4 = |v4: Ipv4Addr| v4.is_private() || v4.is_link_local();
    match address.to_canonical() {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
