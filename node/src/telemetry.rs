//! Logs and metrics of the process.
//!
//! Logs go to standard error: lines for people on a terminal, JSON otherwise. No personal data ever reaches
//! a log line; what a record names is a tenant, an id or a count. Metrics are kept in the process and
//! rendered on demand in Prometheus' text form; who may read them is the operations listener's matter.
//!
//! All names of metrics stand in [`names`] and are described in one table, from which also the help texts
//! and buckets come. A name that is used elsewhere but missing there would be rendered without help.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use gearify_config::LogFormat;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use parking_lot::RwLock;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("telemetry.level is not a log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logs are already set up in this process")]
    LogsTwice,
    #[error("metrics are already set up in this process")]
    MetricsTwice,
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Starts logging to standard error as the settings say, panics included. Once per process.
pub fn start_logs(telemetry: &gearify_config::Telemetry) -> Result<(), TelemetryError> {
    let human = match telemetry.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let form = if human { Form::Human { colours: std::io::stderr().is_terminal() } } else { Form::Json };
    let subscriber = subscriber(form, telemetry.level.as_str(), std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::LogsTwice)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(place, %backtrace, "panic: {}", panic.payload_as_str().unwrap_or("no message"));
    }));
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Human { colours: bool },
    Json,
}

fn subscriber<W>(
    form: Form,
    filter: &str,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(filter)?).with_writer(writer);
    Ok(match form {
        Form::Human { colours } => Box::new(builder.with_ansi(colours).with_target(false).finish()),
        Form::Json => Box::new(builder.json().flatten_event(true).with_current_span(true).finish()),
    })
}

/// Names of the metrics, with the labels each carries.
pub mod names {
    /// Transitions of orders; labels `tenant_id`, `status` (the state entered).
    pub const ORDERS: &str = "gearify_orders_total";
    /// Money captured, in minor units; labels `tenant_id`, `currency`.
    pub const REVENUE: &str = "gearify_revenue_minor_total";
    /// Carts; label `outcome`: `created`, `ordered`, `abandoned`, `expired`.
    pub const CARTS: &str = "gearify_carts_total";
    /// Calls to payment providers; label `gateway`.
    pub const PAYMENT_DURATION: &str = "gearify_payment_duration_seconds";
    /// 1 while a provider's circuit breaker lets calls through; label `gateway`.
    pub const PAYMENT_PROVIDER_UP: &str = "gearify_payment_provider_up";
    /// Look-ups in caches; labels `cache`, `result` (`hit` or `miss`).
    pub const CACHE_REQUESTS: &str = "gearify_cache_requests_total";
    /// Entries committed but not yet projected; labels `projector`, `group`.
    pub const PROJECTOR_LAG: &str = "gearify_projector_lag_entries";
    /// Projecting one batch of events; label `projector`.
    pub const EVENT_PROCESSING: &str = "gearify_event_processing_seconds";
    /// 1 on the node that leads; label `group`, like all of the replicated groups.
    pub const RAFT_LEADER: &str = "gearify_raft_leader";
    pub const RAFT_TERM: &str = "gearify_raft_term";
    /// Log indexes on this node.
    pub const RAFT_COMMITTED: &str = "gearify_raft_committed_index";
    pub const RAFT_APPLIED: &str = "gearify_raft_applied_index";
    pub const RAFT_SNAPSHOT: &str = "gearify_raft_snapshot_index";
    pub const RAFT_PURGED: &str = "gearify_raft_purged_index";
    /// Entries a member is behind, as its leader knows it; labels `group`, `node`.
    pub const RAFT_LAG: &str = "gearify_raft_member_lag_entries";
    /// Size of a group's state on this node.
    pub const STATE_BYTES: &str = "gearify_state_bytes";
    /// Size of the node's raft log.
    pub const LOG_BYTES: &str = "gearify_log_bytes";
    /// Space left where the node keeps its files.
    pub const DISK_FREE_BYTES: &str = "gearify_disk_free_bytes";
    /// 0 while there is ample room, 1 when little is left, 2 when nothing new is taken in.
    pub const DISK_ROOM: &str = "gearify_disk_room";
    /// How far this node's clock is ahead of the median of the nodes it shares groups with.
    pub const CLOCK_OFFSET: &str = "gearify_clock_offset_seconds";
    /// Pictures the shops name whose bytes are not on this node yet.
    pub const BLOBS_MISSING: &str = "gearify_blobs_missing";
    /// How long an applied entry has waited to be archived, per group that this node leads: what would be
    /// lost with the whole region.
    pub const BACKUP_LAG: &str = "gearify_backup_lag_seconds";
    /// Connections and orders of other nodes that were refused; label `reason`.
    pub const PEER_REFUSED: &str = "gearify_peer_refused_total";
    /// Connections to other nodes that did not come about.
    pub const PEER_CONNECT_FAILURES: &str = "gearify_peer_connect_failures_total";
    /// What went to other nodes; labels `frame`, `group`.
    pub const PEER_SENT_FRAMES: &str = "gearify_peer_sent_frames_total";
    pub const PEER_SENT_BYTES: &str = "gearify_peer_sent_bytes_total";
    /// Requests answered; labels `method`, `route` (the template), `status`.
    pub const HTTP_REQUESTS: &str = "http_requests_total";
    /// From a request's first byte to its answer's; labels as of [`HTTP_REQUESTS`].
    pub const HTTP_DURATION: &str = "http_request_duration_seconds";
}

enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

struct Description {
    name: &'static str,
    kind: Kind,
    unit: metrics::Unit,
    help: &'static str,
}

const WEB_SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Up to the 10 s a provider has for a call and the retries after it.
const PROVIDER_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0];
const PROJECTOR_SECONDS: &[f64] =
    &[0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

const DESCRIPTIONS: [Description; 28] = [
    describe(names::ORDERS, Kind::Counter, metrics::Unit::Count, "Orders by the status they entered."),
    describe(
        names::REVENUE,
        Kind::Counter,
        metrics::Unit::Count,
        "Money captured, in minor units of the currency.",
    ),
    describe(names::CARTS, Kind::Counter, metrics::Unit::Count, "Carts by what became of them."),
    describe(
        names::PAYMENT_DURATION,
        Kind::Histogram(PROVIDER_SECONDS),
        metrics::Unit::Seconds,
        "Time a payment provider took to answer a call.",
    ),
    describe(
        names::PAYMENT_PROVIDER_UP,
        Kind::Gauge,
        metrics::Unit::Count,
        "Whether calls to a payment provider are let through (1) or held back after failures (0).",
    ),
    describe(
        names::CACHE_REQUESTS,
        Kind::Counter,
        metrics::Unit::Count,
        "Look-ups in caches by whether they hit.",
    ),
    describe(
        names::PROJECTOR_LAG,
        Kind::Gauge,
        metrics::Unit::Count,
        "Log entries committed but not yet seen by a projector.",
    ),
    describe(
        names::EVENT_PROCESSING,
        Kind::Histogram(PROJECTOR_SECONDS),
        metrics::Unit::Seconds,
        "Time a projector took for one batch of events.",
    ),
    describe(
        names::RAFT_LEADER,
        Kind::Gauge,
        metrics::Unit::Count,
        "Whether this node leads the group (1) or not (0).",
    ),
    describe(names::RAFT_TERM, Kind::Gauge, metrics::Unit::Count, "Term of the group."),
    describe(
        names::RAFT_COMMITTED,
        Kind::Gauge,
        metrics::Unit::Count,
        "Last committed log entry known here.",
    ),
    describe(names::RAFT_APPLIED, Kind::Gauge, metrics::Unit::Count, "Last log entry applied here."),
    describe(
        names::RAFT_SNAPSHOT,
        Kind::Gauge,
        metrics::Unit::Count,
        "Last log entry the newest snapshot covers.",
    ),
    describe(
        names::RAFT_PURGED,
        Kind::Gauge,
        metrics::Unit::Count,
        "Last log entry that is gone; a member further behind is given a snapshot.",
    ),
    describe(
        names::RAFT_LAG,
        Kind::Gauge,
        metrics::Unit::Count,
        "Log entries a member of the group is behind its leader.",
    ),
    describe(
        names::STATE_BYTES,
        Kind::Gauge,
        metrics::Unit::Bytes,
        "Size of the group's state on this node.",
    ),
    describe(names::LOG_BYTES, Kind::Gauge, metrics::Unit::Bytes, "Size of the node's log."),
    describe(names::DISK_FREE_BYTES, Kind::Gauge, metrics::Unit::Bytes, "Space left for the node's files."),
    describe(
        names::DISK_ROOM,
        Kind::Gauge,
        metrics::Unit::Count,
        "Room on the disk: ample (0), little (1), nothing new is taken in (2).",
    ),
    describe(
        names::CLOCK_OFFSET,
        Kind::Gauge,
        metrics::Unit::Seconds,
        "How far this node's clock is ahead of the median of the nodes it shares groups with.",
    ),
    describe(
        names::BLOBS_MISSING,
        Kind::Gauge,
        metrics::Unit::Count,
        "Pictures named by shops whose bytes are not on this node yet.",
    ),
    describe(
        names::BACKUP_LAG,
        Kind::Gauge,
        metrics::Unit::Seconds,
        "How long the oldest entry has waited to be archived.",
    ),
    describe(
        names::PEER_REFUSED,
        Kind::Counter,
        metrics::Unit::Count,
        "Connections and orders of other nodes that were refused.",
    ),
    describe(
        names::PEER_CONNECT_FAILURES,
        Kind::Counter,
        metrics::Unit::Count,
        "Connections to other nodes that did not come about.",
    ),
    describe(
        names::PEER_SENT_FRAMES,
        Kind::Counter,
        metrics::Unit::Count,
        "Frames sent to other nodes, by kind and group.",
    ),
    describe(
        names::PEER_SENT_BYTES,
        Kind::Counter,
        metrics::Unit::Bytes,
        "Bytes sent to other nodes, by kind of frame and group.",
    ),
    describe(names::HTTP_REQUESTS, Kind::Counter, metrics::Unit::Count, "Requests answered."),
    describe(
        names::HTTP_DURATION,
        Kind::Histogram(WEB_SECONDS),
        metrics::Unit::Seconds,
        "Time from a request's arrival to its answer.",
    ),
];

const fn describe(name: &'static str, kind: Kind, unit: metrics::Unit, help: &'static str) -> Description {
    Description { name, kind, unit, help }
}

/// The metrics of this process, ready to be rendered. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// Samples of histograms wait in memory until they are sorted into buckets this often.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

impl Metrics {
    /// Collects what `metrics::counter!` and its like record from now on. Once per process.
    pub fn start() -> Result<Metrics, TelemetryError> {
        let recorder = recorder()?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::MetricsTwice)?;
        describe_all();
        Ok(Metrics { handle })
    }

    /// The exposition in Prometheus' text form, version 0.0.4.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Keeps memory bounded between two scrapes. Runs until it is dropped or aborted.
    pub async fn keep(self) {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            self.handle.run_upkeep();
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn recorder() -> Result<PrometheusRecorder, TelemetryError> {
    let mut builder = PrometheusBuilder::new();
    for description in &DESCRIPTIONS {
        if let Kind::Histogram(buckets) = description.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(description.name.to_owned()), buckets)?;
        }
    }
    Ok(builder.build_recorder())
}

fn describe_all() {
    for Description { name, kind, unit, help } in &DESCRIPTIONS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *unit, *help),
            Kind::Gauge => metrics::describe_gauge!(*name, *unit, *help),
            Kind::Histogram(_) => metrics::describe_histogram!(*name, *unit, *help),
        }
    }
}

/// What tenants beyond the first so many are called on metrics.
const OTHER_TENANTS: &str = "other";

/// Gives the first tenants seen a label of their own and counts the rest together, so that the number of
/// time series is bounded whatever the number of shops.
#[derive(Debug)]
pub struct TenantLabels {
    tenants_max: usize,
    labels: RwLock<BTreeSet<Arc<str>>>,
    other: Arc<str>,
}

impl TenantLabels {
    pub fn new(tenants_max: usize) -> TenantLabels {
        TenantLabels { tenants_max, labels: RwLock::default(), other: OTHER_TENANTS.into() }
    }

    /// The value of the label `tenant_id` for the tenant with this slug: always the same for one tenant.
    pub fn label(&self, slug: &str) -> Arc<str> {
        if let Some(label) = self.known(slug) {
            return label;
        }
        let mut labels = self.labels.write();
        if let Some(label) = labels.get(slug) {
            return label.clone();
        }
        if labels.len() >= self.tenants_max {
            return self.other.clone();
        }
        let label: Arc<str> = slug.into();
        labels.insert(label.clone());
        label
    }

    /// The label without taking the write lock: the tenant's own, or `other` once all are given out.
    fn known(&self, slug: &str) -> Option<Arc<str>> {
        let labels = self.labels.read();
        let own = labels.get(slug).cloned();
        own.or_else(|| (labels.len() >= self.tenants_max).then(|| self.other.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A log that keeps what is written.
    #[derive(Clone, Default)]
    struct Page(Arc<parking_lot::Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).expect("logs are UTF-8")
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(form: Form, filter: &str) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(form, filter, move || writer.clone()).expect("a valid filter");
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", request_id = "r-1");
            let _entered = span.enter();
            tracing::info!(order = "order_1", "placed");
            tracing::debug!("unimportant");
        });
        page.text()
    }

    #[test]
    fn json_lines_carry_message_fields_and_the_request_id() {
        let text = logged(Form::Json, "info");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
        assert_eq!(lines.len(), 1, "the debug record is filtered out: {text}");
        assert_eq!(lines[0]["message"], "placed");
        assert_eq!(lines[0]["order"], "order_1");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["span"]["request_id"], "r-1");
        assert!(lines[0]["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
    }

    #[test]
    fn human_lines_are_one_line_each_and_the_filter_is_obeyed() {
        let text = logged(Form::Human { colours: false }, "debug");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("placed") && text.contains("order=\"order_1\""), "{text}");
        assert_eq!(logged(Form::Human { colours: false }, "off"), "");
        assert!(matches!(subscriber(Form::Json, "a=b=c", std::io::sink), Err(TelemetryError::Filter(_))));
    }

    /// Everything recorded once, rendered.
    fn rendered() -> String {
        let recorder = recorder().expect("the buckets are valid");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe_all();
            for Description { name, kind, .. } in &DESCRIPTIONS {
                match kind {
                    Kind::Counter => metrics::counter!(*name, "tenant_id" => "willow").increment(1),
                    Kind::Gauge => metrics::gauge!(*name, "gateway" => "test").set(1.0),
                    Kind::Histogram(_) => metrics::histogram!(*name, "gateway" => "test").record(0.02),
                }
            }
        });
        handle.render()
    }

    #[test]
    fn every_metric_is_rendered_with_help_type_and_value() {
        let page = rendered();
        for Description { name, kind, .. } in &DESCRIPTIONS {
            let (word, sample) = match kind {
                Kind::Counter => ("counter", format!("{name}{{tenant_id=\"willow\"}} 1")),
                Kind::Gauge => ("gauge", format!("{name}{{gateway=\"test\"}} 1")),
                Kind::Histogram(_) => {
                    ("histogram", format!("{name}_bucket{{gateway=\"test\",le=\"0.025\"}} 1"))
                }
            };
            assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help:\n{page}");
            assert!(page.contains(&format!("# TYPE {name} {word}\n")), "{name} has no type:\n{page}");
            assert!(page.contains(&sample), "{name} has no sample like {sample}:\n{page}");
        }
    }

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for Description { name, kind, unit, help } in &DESCRIPTIONS {
            let well_formed = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(well_formed, "{name}");
            assert!(help.ends_with('.'), "{name}");
            assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"), "{name}");
            assert_eq!(*unit == metrics::Unit::Seconds, name.ends_with("_seconds"), "{name}");
            if let Kind::Histogram(buckets) = kind {
                assert!(buckets.is_sorted_by(|a, b| a < b), "{name}");
            }
        }
    }

    #[test]
    fn alerts_and_the_console_page_ask_for_metrics_that_exist() {
        let files = [
            include_str!("../../config/observability/alerts.yml"),
            include_str!("../../config/observability/consoles/gearify.html"),
        ];
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        let words = files.iter().flat_map(|file| file.split(|c| !is_name(c)));
        let asked: BTreeSet<&str> = words
            .filter(|word| word.starts_with("gearify_") || word.starts_with("http_"))
            .map(|word| word.trim_end_matches("_bucket").trim_end_matches("_count"))
            .collect();
        let known: BTreeSet<&str> = DESCRIPTIONS.iter().map(|description| description.name).collect();
        assert_eq!(asked.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(asked.len() >= 8, "{asked:?}");
    }

    #[test]
    fn the_first_tenants_keep_their_name_and_the_rest_are_others() {
        let labels = TenantLabels::new(2);
        let label = |slug| labels.label(slug).to_string();
        assert_eq!([label("willow"), label("maidan"), label("boundary")], ["willow", "maidan", "other"]);
        assert_eq!([label("maidan"), label("willow"), label("boundary")], ["maidan", "willow", "other"]);
        assert_eq!(TenantLabels::new(0).label("willow").as_ref(), "other");
    }

    #[test]
    fn racing_threads_never_give_out_more_labels_than_allowed() {
        let labels = TenantLabels::new(10);
        let seen: BTreeSet<Arc<str>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| (0..100).map(|n| labels.label(&format!("shop-{n}"))).collect::<Vec<_>>())
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(seen.len(), 11, "ten tenants and the others: {seen:?}");
    }
}
