//! Counts and times of one route, under handles kept from its first answer on.

use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::RwLock;
use std::time::Duration;

pub struct Meter {
    method: &'static str,
    route: &'static str,
    /// A route answers with a handful of statuses.
    by_status: RwLock<Vec<(StatusCode, Counter, Histogram)>>,
}

impl Meter {
    pub fn new(method: &'static str, route: &'static str) -> Meter {
        Meter { method, route, by_status: RwLock::new(Vec::new()) }
    }

    pub fn record(&self, status: StatusCode, elapsed: Duration) {
        let known = self.by_status.read();
        if let Some((_, count, time)) = known.iter().find(|(known, _, _)| *known == status) {
            count.increment(1);
            time.record(elapsed);
            return;
        }
        drop(known);
        let (method, route, code) = (self.method, self.route, status.as_str().to_owned());
        let count =
            counter!("http_requests_total", "method" => method, "route" => route, "status" => code.clone());
        let time = histogram!("http_request_duration_seconds", "method" => method, "route" => route, "status" => code);
        count.increment(1);
        time.record(elapsed);
        self.by_status.write().push((status, count, time));
    }
}
