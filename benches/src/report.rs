//! What a run came to.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Latencies and errors of one client, added up over all.
pub struct Tally {
    pub latencies: Histogram<u64>,
    pub errors: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            latencies: Histogram::new(3).expect("three digits are a known precision"),
            errors: BTreeMap::new(),
        }
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
    /// Processor time of this process, as a share of one core.
    pub client_share: f64,
}

impl Figure {
    pub fn per_second(&self) -> f64 {
        self.tally.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// One line, with the ratio to a floor if there is one.
    pub fn line(&self, floor: Option<&Figure>) -> String {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|q| self.tally.quantile_ms(q));
        let errors: u64 = self.tally.errors.values().sum();
        let ratio = floor.map_or(String::new(), |floor| {
            format!("  {:.2} of {}", self.per_second() / floor.per_second(), floor.name)
        });
        let mut line = format!(
            "{:<28} {:>9.0}/s  p50 {p50:>7.2}  p95 {p95:>7.2}  p99 {p99:>7.2} ms  errors {errors}  client {:.2} cores{ratio}",
            self.name,
            self.per_second(),
            self.client_share,
        );
        for (why, count) in &self.tally.errors {
            line.push_str(&format!("\n    {count} × {why}"));
        }
        line
    }
}

/// The figure in the middle of several, by throughput.
pub fn median(mut figures: Vec<Figure>) -> Figure {
    figures.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
    figures.swap_remove(figures.len() / 2)
}

/// Processor time of this process so far, from the kernel's own count.
pub fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields after the name, which is in brackets and may hold spaces; 14 and 15 of the whole line.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|&field| fields.get(field)?.parse::<u64>().ok()).sum();
    // The kernel counts in hundredths of a second for programs, whatever it does inside.
    Duration::from_millis(ticks * 10)
}
