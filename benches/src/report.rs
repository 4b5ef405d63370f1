//! What a run came to, and the table that is shown of it.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Longest latency that is told apart from longer ones: two minutes, in microseconds.
const LATENCY_MAX_US: u64 = 120_000_000;

/// Latencies and errors of one client, added up over all.
pub struct Tally {
    pub latencies: Histogram<u64>,
    pub errors: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Tally {
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
        Tally { latencies: latencies.expect("the bounds are known to be good"), errors: BTreeMap::new() }
    }
}

impl Tally {
    pub fn ok(&mut self, took: Duration) {
        self.latencies.saturating_record(took.as_micros() as u64);
    }

    pub fn failed(&mut self, why: impl Into<String>) {
        *self.errors.entry(why.into()).or_default() += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        self.latencies.add(&other.latencies).expect("all tallies have one shape");
        for (why, count) in &other.errors {
            *self.errors.entry(why.clone()).or_default() += count;
        }
    }

    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// The q-th quantile in milliseconds.
    pub fn quantile_ms(&self, q: f64) -> f64 {
        self.latencies.value_at_quantile(q) as f64 / 1_000.0
    }
}

/// A finished measurement.
pub struct Figure {
    pub name: String,
    pub tally: Tally,
    pub elapsed: Duration,
    /// Requests that one counted operation is made of.
    pub requests: u32,
    /// Processor time of this process meanwhile.
    pub client: Duration,
    /// Processor time of the measured process meanwhile, where it is not this one.
    pub server: Option<Duration>,
}

impl Figure {
    pub fn per_second(&self) -> f64 {
        self.tally.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub fn ratio_to(&self, floor: &Figure) -> f64 {
        self.per_second() / floor.per_second()
    }

    /// Processor time of the measured process for one request, in milliseconds.
    pub fn server_ms(&self) -> Option<f64> {
        let requests = self.tally.latencies.len() * u64::from(self.requests);
        self.server.filter(|_| requests > 0).map(|time| time.as_secs_f64() * 1_000.0 / requests as f64)
    }

    /// One line for whoever watches, with the ratio to a floor if there is one.
    pub fn line(&self, floor: Option<&Figure>) -> String {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|q| self.tally.quantile_ms(q));
        let server = self.server_ms().map_or(String::new(), |ms| format!("  node {ms:.3} ms/request"));
        let client = self.client.as_secs_f64() / self.elapsed.as_secs_f64();
        let mut line = format!(
            "{:<30} {:>8.0}/s  p50 {p50:>7.2}  p95 {p95:>7.2}  p99 {p99:>7.2} ms{server}  client {client:.2} cores",
            self.name,
            self.per_second(),
        );
        if let Some(floor) = floor {
            let _ = write!(line, "  {:.2} of {}", self.ratio_to(floor), floor.name);
        }
        line.push_str(&self.errors_in_words());
        line
    }

    /// Empty if there were none: a figure with refusals in it measured something else.
    fn errors_in_words(&self) -> String {
        let mut words = String::new();
        if self.tally.error_count() > 0 {
            let _ = write!(words, "\n    NOT A FIGURE: {} requests failed", self.tally.error_count());
        }
        for (why, count) in self.tally.errors.iter().take(5) {
            let _ = write!(words, "\n    {count} × {why}");
        }
        words
    }
}

/// The figure in the middle of several, by throughput; one with errors is never hidden by the others.
pub fn median(mut figures: Vec<Figure>) -> Figure {
    if let Some(failed) = figures.iter().position(|figure| figure.tally.error_count() > 0) {
        return figures.swap_remove(failed);
    }
    figures.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
    figures.swap_remove(figures.len() / 2)
}

/// Processor time of a process so far, from the kernel's own count.
pub fn processor_time(process: Option<u32>) -> Duration {
    let process = process.map_or("self".to_owned(), |id| id.to_string());
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Fields after the name, which is in brackets and may hold spaces; 14 and 15 of the whole line.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|&field| fields.get(field)?.parse::<u64>().ok()).sum();
    // The kernel counts in hundredths of a second for programs, whatever it does inside.
    Duration::from_millis(ticks * 10)
}

/// Rows beside their goals, as Markdown.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 5]>,
}

impl Table {
    /// `held` is `None` where there is no goal, or where the measurement was spoiled.
    pub fn row(&mut self, what: &str, measured: String, floor: String, goal: &str, held: Option<bool>) {
        let verdict = match (held, goal) {
            (Some(true), _) => "yes",
            (Some(false), _) => "**no**",
            (None, "–") => "–",
            (None, _) => "not measured",
        };
        self.rows.push([what.to_owned(), measured, floor, goal.to_owned(), verdict.to_owned()]);
    }

    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| what | measured | floor in the same run | to hold | held |\n|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(milliseconds: &[u64], errors: u64) -> Figure {
        let mut tally = Tally::default();
        milliseconds.iter().for_each(|ms| tally.ok(Duration::from_millis(*ms)));
        (0..errors).for_each(|_| tally.failed("409"));
        Figure {
            name: "orders".into(),
            tally,
            elapsed: Duration::from_secs(2),
            requests: 6,
            client: Duration::from_secs(1),
            server: Some(Duration::from_millis(600)),
        }
    }

    #[test]
    fn latencies_keep_their_values_when_clients_are_added_up() {
        let mut all = Tally::default();
        all.add(&figure(&[3, 250], 0).tally);
        all.add(&figure(&[9_000], 0).tally);
        assert_eq!(all.latencies.len(), 3);
        assert!((all.quantile_ms(0.5) - 250.0).abs() < 1.0, "{}", all.quantile_ms(0.5));
        assert!((all.quantile_ms(0.99) - 9_000.0).abs() < 10.0, "{}", all.quantile_ms(0.99));
    }

    #[test]
    fn a_line_says_when_it_measured_refusals() {
        assert!(!figure(&[1], 0).line(None).contains("NOT A FIGURE"));
        assert!(figure(&[1], 2).line(None).contains("NOT A FIGURE: 2 requests failed\n    2 × 409"));
        assert_eq!(
            median(vec![figure(&[1; 9], 0), figure(&[1; 9], 0), figure(&[1], 1)]).tally.error_count(),
            1
        );
    }

    #[test]
    fn processor_time_is_spread_over_requests() {
        assert_eq!(figure(&[1; 10], 0).server_ms(), Some(10.0));
        assert_eq!(figure(&[1; 10], 0).per_second(), 5.0);
    }
}
