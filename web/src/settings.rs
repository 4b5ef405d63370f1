//! What the node decides for the web: limits, times and addresses. Plain values, checked by `config`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct Settings {
    /// Refuses what is only good for building: the test provider's webhook.
    pub production: bool,
    /// Requests arrive over TLS, here or at a proxy: links are `https`, browsers are told to insist.
    pub tls: bool,
    /// The operator's host; it never belongs to a shop.
    pub operator_host: String,
    /// Largest JSON or form body, picture and import file, in bytes.
    pub body_bytes_max: usize,
    pub upload_bytes_max: usize,
    pub import_bytes_max: usize,
    /// A request is answered within this time, if need be by saying that it took too long.
    pub request_timeout: Duration,
    /// A connection must have sent a request's headers within this time.
    pub header_timeout: Duration,
    pub connections_max: usize,
    /// Requests in work at a time; more are told to come back later.
    pub concurrent_requests_max: usize,
    /// Reads that may wait for the node to catch up with a write, and how long.
    pub waiting_reads_max: usize,
    pub waiting_read_timeout: Duration,
    /// After the signal to stop, requests in work get this long to finish.
    pub drain_timeout: Duration,
    /// How long placing an order waits for the payment's outcome before it answers "pending".
    pub settle_timeout: Duration,
    pub rates: Rates,
    /// Whether an address is a proxy whose `X-Forwarded-For` is believed.
    pub trusted_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Distinguishes clusters in position tokens.
    pub cluster_epoch: u32,
    /// Bodies kept of catalogue answers, in bytes.
    pub answer_cache_bytes: u64,
}

/// How often one caller may ask, by kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub enabled: bool,
    pub reads_per_second: u32,
    pub writes_per_second: u32,
    pub sign_ins_per_minute: u32,
    /// So many seconds' worth may be asked for at once after a pause.
    pub burst_seconds: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            production: false,
            tls: false,
            operator_host: "localhost".into(),
            body_bytes_max: 1 << 20,
            upload_bytes_max: 20 << 20,
            import_bytes_max: 64 << 20,
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            connections_max: 8_192,
            concurrent_requests_max: 1_024,
            waiting_reads_max: 64,
            waiting_read_timeout: Duration::from_secs(2),
            drain_timeout: Duration::from_secs(20),
            settle_timeout: Duration::from_secs(5),
            rates: Rates::default(),
            trusted_proxy: Arc::new(|_| false),
            cluster_epoch: 1,
            answer_cache_bytes: 32 << 20,
        }
    }
}

impl Default for Rates {
    fn default() -> Rates {
        Rates {
            enabled: true,
            reads_per_second: 100,
            writes_per_second: 20,
            sign_ins_per_minute: 10,
            burst_seconds: 5,
        }
    }
}
