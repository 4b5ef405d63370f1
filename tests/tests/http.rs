//! Promises of the interface, asked of the real binary: the last balls, keys that come again, what lapses, and
//! what must not be found on its disk.

#[path = "http/expiry.rs"]
mod expiry;
#[path = "http/flash_sale.rs"]
mod flash_sale;
#[path = "http/keys.rs"]
mod keys;
#[path = "http/personal.rs"]
mod personal;
