//! Every setting there is: its name, type, default, range and help, each once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::declare::{Section as _, settings};
use crate::error::{ConfigError, Origin};
use crate::layers::Layers;
use crate::value::{
    ArchiveUrl, BaseUrl, ByteSize, HostName, IpRange, LogFilter, LogFormat, Mode, RegionName, Secret,
};
use crate::{check, print};

/// The settings of one node, checked as a whole. Reads like the [`Tree`] it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    tree: Tree,
    /// Where each value was written; keys with their default are absent.
    origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Defaults, overridden by the file, by variables `GEARIFY_SECTION__KEY`, by `(path, value)` options of
    /// the command line. Of the environment only names starting with `GEARIFY_` are looked at (and not
    /// `GEARIFY_CONFIG`, with which the command line finds the file); `std::env::vars_os()` fits.
    ///
    /// # Errors
    /// The file cannot be read or is not TOML, or else every unknown key, wrong value, contradiction and
    /// setting that production refuses.
    pub fn resolve<K, V>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (K, V)>,
        command_line: &[(String, String)],
    ) -> Result<Settings, ConfigError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let mut layers = Layers::new(print::items());
        if let Some(file) = file {
            let text = std::fs::read_to_string(file)
                .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
            layers.add_file(file, &text)?;
        }
        layers.add_environment(environment.into_iter().map(|(name, value)| (name.into(), value.into())));
        layers.add_command_line(command_line);
        let tree = Tree::read("", &mut layers);
        check::check(&tree, &mut layers);
        if layers.problems.is_empty() {
            Ok(Settings { tree, origins: layers.origins })
        } else {
            // In the order in which the reader meets them: nowhere, line by line, variables, options.
            layers.problems.sort_by(|a, b| a.origin.cmp(&b.origin));
            Err(ConfigError::Invalid(layers.problems))
        }
    }

    /// The effective settings as TOML; a comment on each says where it was written. Secrets are masked.
    pub fn print(&self) -> String {
        print::effective(&self.tree, &self.origins)
    }

    /// A settings file that explains every key; `config/examples/gearify.toml` is this text.
    pub fn example() -> String {
        print::example(&Settings::default().tree)
    }

    /// Where the value of a key was written.
    pub fn origin(&self, path: &str) -> &Origin {
        self.origins.get(path).unwrap_or(&Origin::Default)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let nothing: [(OsString, OsString); 0] = [];
        Settings::resolve(None, nothing, &[]).expect("the defaults are valid; a test resolves them")
    }
}

impl Deref for Settings {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        &self.tree
    }
}

settings! {
    /// Settings of a Gearify node.
    pub struct Tree {
        /// "development" allows what helps while building: test payments, plain HTTP.
        /// "production" refuses every setting that would be unsafe where real shoppers buy.
        mode: Mode = "development",
    } {
        node: Node,
        listen: Listen,
        hosts: Hosts,
        keys: Keys,
        storage: Storage,
        backup: Backup,
        cluster: Cluster,
        replication: Replication,
        web: Web,
        payments: Payments,
        telemetry: Telemetry,
        limits: Limits,
    }

    /// Which node this is and where it keeps its files.
    pub struct Node {
        /// Number of this node, unique in the world and never used again for another node. A node that
        /// joined a cluster has the number it was given there, whatever stands here.
        id: u64 = "1" in "1"..="65535",
        /// Region the node sells in.
        region: RegionName = "home",
        /// Directory of everything the node stores; one process at a time. Relative to the working directory.
        data_dir: PathBuf = "data",
    } {}

    /// Addresses the node answers on.
    pub struct Listen {
        /// Shops, their API and the consoles.
        public: SocketAddr = "127.0.0.1:8080",
        /// Health and metrics. There is no login on it: keep it on a loopback or private address.
        operations: SocketAddr = "127.0.0.1:9090",
        /// Set to true where a proxy in front ends TLS, so that plain HTTP on `public` is meant.
        /// In production it needs web.trusted_proxies.
        behind_tls_proxy: bool = "false",
        /// Plain HTTP beside TLS on `public`: every request there is sent on to its https address.
        redirect: Option<SocketAddr> = "" like "0.0.0.0:80",
    } {
        tls: Tls,
    }

    /// TLS (1.2 and 1.3) on the public address: both files, or neither for plain HTTP. They are read again
    /// when they change and on SIGHUP.
    pub struct Tls {
        /// Certificate chain, PEM, the node's own certificate first.
        certificate: Option<PathBuf> = "" like "/etc/gearify/tls/certificate.pem",
        /// Private key of that certificate, PEM.
        key: Option<PathBuf> = "" like "/etc/gearify/tls/key.pem",
    } {}

    /// Which host names mean what. Shops bring their own, this is what is left.
    pub struct Hosts {
        /// Host of the operator's API and console; it never belongs to a shop.
        operator_host: HostName = "localhost",
    } {}

    /// Where the node's own secrets lie. Files hold them, so that they stay out of this one.
    pub struct Keys {
        /// File with the master key that wraps every tenant's key: 32 bytes as 64 hexadecimal digits.
        /// Not set, a development node makes one in its data directory.
        master_key_file: Option<PathBuf> = "" like "/etc/gearify/master.key",
    } {}

    /// Memory and file sizes of what the node stores.
    pub struct Storage {
        /// Page cache of each group's state.
        sled_cache: ByteSize = "64MiB" in "1MiB"..="64GiB",
        /// A file of the event store is closed when it has grown this large.
        event_file_bytes: ByteSize = "256MiB" in "1MiB"..="16GiB",
        /// Recent log entries kept in memory, so that followers are fed without reading the disk.
        log_cache: ByteSize = "64MiB" in "1MiB"..="16GiB",
        /// With less of the disk free, in percent, the node warns.
        disk_low_percent: u64 = "10" in "1"..="99",
        /// With less free, in percent, on any node that keeps the same, nothing is taken in that asks for more
        /// to be kept; payments, cancellations, refunds and deletions go on.
        disk_full_percent: u64 = "5" in "1"..="98",
        /// Room kept for those and for snapshots, and given back once there is room again; of a small disk at
        /// most a fiftieth.
        disk_reserve: ByteSize = "64MiB" in "1MiB"..="16GiB",
    } {}

    /// An archive outside of this machine, from which any moment of the last weeks can be restored. It is
    /// sealed under the master key, which is not in it: keep that key elsewhere.
    pub struct Backup {
        /// Where the archive is kept: a directory like "file:///var/backups/gearify", or a bucket like
        /// "s3://bucket/prefix". All nodes of a cluster need the same. Not set, no archive is kept.
        target: Option<ArchiveUrl> = "" like "file:///var/backups/gearify",
        /// From one backup of the state to the next. Entries are archived every second in between.
        interval: Duration = "1h" in "1m"..="7d",
        /// Any moment of this time can be restored.
        keep_positions: Duration = "35d" in "1d"..="400d",
    } {
        s3: S3,
    }

    /// How the bucket is reached: by plain HTTP, in a private network or through a proxy on this machine that
    /// speaks TLS. What passes is sealed and signed.
    pub struct S3 {
        /// Where the store, or the proxy before it, answers.
        endpoint: Option<BaseUrl> = "" like "http://10.0.0.20:9000",
        /// The region that requests are signed for.
        region: RegionName = "us-east-1",
        /// Names the key.
        access_key_id: Option<Secret> = "" like "at-least-16-bytes",
        /// The key.
        secret_access_key: Option<Secret> = "" like "at-least-16-bytes",
    } {}

    /// How nodes of one cluster reach each other. Without `gearify cluster init` or `gearify join` a node is
    /// alone and this is not used.
    pub struct Cluster {
        /// Where peers are answered. Only nodes with a certificate of the cluster's own authority get past
        /// the handshake; still, keep it on a private network.
        listen: SocketAddr = "127.0.0.1:7400",
        /// The address others use for this node, where it is not the one it listens on.
        advertise: Option<SocketAddr> = "" like "10.0.0.11:7400",
        /// How long a node's certificate holds. It is renewed when a third of this is left; a node that was
        /// away for longer than that third may have to be replaced.
        certificate_lifetime: Duration = "30d" in "10s"..="400d",
    } {}

    /// How the nodes of a group agree.
    pub struct Replication {
        /// The leader says that it is there this often; also the time it gives a follower to answer.
        /// It must exceed the way there and back plus a slow disk's sync.
        heartbeat_interval: Duration = "100ms" in "10ms"..="10s",
        /// A follower that hears nothing stands for election after a random time from this …
        election_timeout_min: Duration = "500ms" in "50ms"..="60s",
        /// … to this.
        election_timeout_max: Duration = "1s" in "60ms"..="120s",
        /// How long sending one snapshot may take.
        snapshot_timeout: Duration = "5m" in "1s"..="1h",
        /// At most so many commands share one log entry.
        entry_commands_max: usize = "256" in "1"..="4096",
        /// Commands that may wait for an entry; the next one is told to come back later.
        queue_commands_max: usize = "4096" in "16"..="1000000",
        /// A snapshot is made when the log has grown by this much since the last one …
        snapshot_log_bytes: ByteSize = "1GiB" in "64KiB"..="64GiB",
        /// … and by this part of the last one's size, in percent.
        snapshot_state_percent: u64 = "50" in "0"..="1000",
        /// Entries that a snapshot covers and that stay in the log all the same, so that a node that was
        /// away for a moment catches up by entries.
        keep_entries: u64 = "10000" in "0"..="10000000",
    } {}

    /// What a request may ask of the node.
    pub struct Web {
        /// Largest JSON or form body.
        body_bytes_max: ByteSize = "1MiB" in "16KiB"..="64MiB",
        /// Largest picture that can be uploaded.
        upload_bytes_max: ByteSize = "20MiB" in "64KiB"..="256MiB",
        /// Largest file that can be imported.
        import_bytes_max: ByteSize = "64MiB" in "64KiB"..="1GiB",
        /// A request is answered within this time, if need be by saying that it took too long.
        request_timeout: Duration = "30s" in "1s"..="10m",
        /// A connection must have sent its request's headers within this time.
        header_timeout: Duration = "10s" in "1s"..="1m",
        /// File with the key that signs sessions and form tokens: 32 bytes as 64 hexadecimal digits.
        /// Not set, a development node makes one in its data directory.
        session_secret_file: Option<PathBuf> = "" like "/etc/gearify/session.key",
        /// Proxies whose Forwarded and X-Forwarded-* headers are believed.
        trusted_proxies: Vec<IpRange> = "" like "10.0.0.0/8",
    } {
        rates: Rates,
    }

    /// How often one caller may ask, by kind of request; more is answered with 429.
    pub struct Rates {
        /// Whether the rates below are enforced.
        enabled: bool = "true",
        /// Reads a second.
        reads_per_second: u32 = "100" in "1"..="1000000",
        /// Writes a second.
        writes_per_second: u32 = "20" in "1"..="1000000",
        /// Attempts a minute to sign in, register or reset a password.
        sign_ins_per_minute: u32 = "10" in "1"..="1000000",
        /// So many seconds' worth may be asked for at once after a pause.
        burst_seconds: u32 = "5" in "1"..="60",
    } {}

    /// Payment providers.
    pub struct Payments {
    } {
        test: TestPayments,
    }

    /// The test provider: a counterparty that moves no money. Refused in production.
    pub struct TestPayments {
        /// Whether shops may offer it.
        enabled: bool = "false",
        /// Where it answers.
        url: BaseUrl = "http://127.0.0.1:8099",
        /// Signs its events; needed when it is enabled.
        webhook_secret: Option<Secret> = "" like "at-least-16-bytes",
    } {}

    /// Logs and metrics.
    pub struct Telemetry {
        /// Form of log lines: "human", "json", or "auto" for human on a terminal and JSON otherwise.
        log_format: LogFormat = "auto",
        /// Which records are logged.
        level: LogFilter = "info,openraft=error" like "debug,openraft=warn",
        /// So many shops get their own label on metrics; the rest are counted together as "other".
        tenant_label_max: usize = "50" in "0"..="10000",
    } {}

    /// Bounds that keep an overloaded node answering.
    pub struct Limits {
        /// Connections open at a time.
        connections_max: usize = "8192" in "16"..="1000000",
        /// Requests in work at a time; more are told to come back later.
        concurrent_requests_max: usize = "1024" in "8"..="1000000",
        /// Reads that may wait for the node to catch up with a write.
        waiting_reads_max: usize = "64" in "1"..="100000",
        /// How long such a read waits.
        waiting_read_timeout: Duration = "2s" in "10ms"..="30s",
        /// Pictures of shops that another region sells for, kept here until they are asked for again.
        foreign_pictures_bytes: ByteSize = "1GiB" in "1B"..="16384GiB",
        /// After the signal to stop, requests in work get this long to finish.
        drain_timeout: Duration = "20s" in "0s"..="10m",
    } {}
}
