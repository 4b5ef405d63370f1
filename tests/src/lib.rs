//! The scenario language and the harnesses it runs on.
//!
//! A scenario is a story about shoppers and a shop: who puts what in a cart, who pays how, what the
//! owner does, how time passes. The same story runs on pure apply, on three nodes in one process and,
//! through its own vocabulary of requests, over HTTP against the real binary. After every story the
//! audit counts pieces, money and promises.

pub mod acts;
pub mod archives;
pub mod audit;
pub mod buyers;
pub mod chaos;
pub mod cluster;
pub mod crashing;
pub mod files;
pub mod http;
pub mod market;
pub mod over_http;
pub mod owner;
pub mod process;
pub mod pure;
pub mod scenario;
pub mod scrape;
pub mod shop;
pub mod sim;
pub mod stage;
pub mod telling;

pub use acts::{Act, Shopper};
pub use cluster::Cluster;
pub use over_http::OverHttp;
pub use pure::Pure;
pub use scenario::Scenario;
pub use stage::Stage;
pub use telling::Telling;
