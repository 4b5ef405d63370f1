//! One running process: settings in, a serving node out, and a graceful end.

use crate::backup::{self, ArchiveError, Archiver, Backups, Maker, Options, Target};
use crate::blobs::NodeBlobs;
use crate::cluster::{LONE_LOG_NAME, Member, MemberError, MemberOptions};
use crate::control;
use crate::core::{Core, CoreError, CoreOptions, RegionPart};
use crate::footing;
use crate::forward::NoForward;
use crate::health::NodeHealth;
use crate::moving;
use crate::operations;
use crate::projectors::lists::ShardedLists;
use crate::providers::Providers;
use crate::rebuild;
use crate::room::{self, Disk, FREE_BYTES_MIN, RoomLimits};
use crate::scheduler;
use crate::snapshot::NoPeers;
use crate::telemetry::Metrics;
use crate::tls::{Tls, TlsError, TlsFiles};
use crate::upgrade;
use crate::vault::NodeVault;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::{StateVersion, version};
use gearify_config::{Mode, Settings, Tree};
use gearify_replication::{GroupId, GroupOptions, NodeId, Page, Source, Timers};
use gearify_storage::seal::{KeyFileError, MasterKey, SystemRandom};
use gearify_web::auth::{KeysError, SigningKey, StaticKeys};
use gearify_web::ports_regions::OneRegion;
use gearify_web::{AppState, Parts, Rates, SystemClock};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A sole voter elects itself at once; more than this means that something is wrong.
const LEADER_WAIT: Duration = Duration::from_secs(15);
/// Counts of searches without results may be lost for so long; a shop is told of them by one small command.
const SEARCHES_REPORTED_EVERY: Duration = Duration::from_secs(60);

/// Why the process does not come up: one line each.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error("{what} can't listen on {address}")]
    Listen { what: &'static str, address: SocketAddr, source: io::Error },
    #[error("the data directory {path} can't be used")]
    DataDir { path: String, source: io::Error },
    #[error("the disk of {path} is full: {free} bytes are free, at least {FREE_BYTES_MIN} are needed")]
    DiskFull { path: String, free: u64 },
    #[error("the master key can't be used: {0}")]
    MasterKey(#[from] KeyFileError),
    #[error("the session key can't be used: {0}")]
    SessionKey(String),
    #[error("sessions can't be signed: {0}")]
    Keys(#[from] KeysError),
    #[error("listen.tls can't be used: {0}")]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Member(#[from] MemberError),
    #[error(
        "this node belongs to a cluster: while it runs, ask it; work on its files alone would part it from the others"
    )]
    NotAlone,
    #[error("payment providers can't be set up: {0}")]
    Providers(String),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// A node that serves.
pub struct NodeRuntime {
    core: Core,
    member: Option<Arc<Member>>,
    pub public: SocketAddr,
    pub operations: SocketAddr,
    /// Where plain HTTP is sent on to https, if it is.
    pub redirect: Option<SocketAddr>,
    stop: CancellationToken,
    servers: Vec<JoinHandle<()>>,
    drain: Duration,
}

/// The newest versions of the groups' rules that a program knows.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Of the shops' groups.
    pub shops: StateVersion,
    /// Of the cluster's roster.
    pub roster: StateVersion,
}

impl Default for Known {
    fn default() -> Known {
        Known { shops: version::NEWEST, roster: version::NEWEST }
    }
}

impl NodeRuntime {
    /// Opens the data directory, binds both addresses and serves. `metrics` is the process's own, if it
    /// keeps any.
    ///
    /// # Errors
    /// Everything that a person has to change before the node can run, in one line.
    pub async fn start(settings: &Settings, metrics: Option<Metrics>) -> Result<NodeRuntime, StartError> {
        NodeRuntime::start_knowing(Known::default(), settings, metrics).await
    }

    /// As [`NodeRuntime::start`], as a program that knows no newer rules than these.
    pub async fn start_knowing(
        known: Known,
        settings: &Settings,
        metrics: Option<Metrics>,
    ) -> Result<NodeRuntime, StartError> {
        let tls = tls_files(settings).map(Tls::open).transpose()?;
        // Ports first: the second of two processes should say so before it looks at the disk.
        let public = bind("the shop", settings.listen.public).await?;
        let operations = bind("operations", settings.listen.operations).await?;
        let redirect = match settings.listen.redirect {
            Some(address) => Some(bind("the redirect to https", address).await?),
            None => None,
        };
        let local = |listener: &TcpListener| listener.local_addr();
        let address_failed =
            |source| StartError::Listen { what: "the shop", address: settings.listen.public, source };
        let (public_at, operations_at) =
            (local(&public).map_err(address_failed)?, local(&operations).map_err(address_failed)?);
        prepare_data_dir(&settings.node.data_dir)?;
        let vault = Arc::new(NodeVault::new(master_key(settings)?));
        let keys = StaticKeys::new(SigningKey::from_seed(&session_seed(settings, &vault)?)?);
        let mut providers = Providers::new(settings, operations_at).map_err(StartError::Providers)?;
        if backup::is_restored(&settings.node.data_dir) {
            providers.distrust_older_than(crate::backend::now());
        }
        let providers = Arc::new(providers);
        let member = open_member(settings, &vault, known.roster)?;
        let mut options = core_options(settings, vault, providers.clone());
        options.looks_through = true;
        options.newest = known.shops;
        let peers = match &member {
            Some(member) => {
                take_place(&mut options, member)?;
                Some(bind("peers", settings.cluster.listen).await?)
            }
            None => None,
        };
        let group_options = options.group_options.clone();
        let core = Core::start(options).await?;
        if let (Some(member), Some(peers)) = (&member, peers) {
            member.start(&core, peers, group_options).await?;
        }
        match core.wait_for_leaders(LEADER_WAIT).await {
            // The others may be on their way; until then this node says that it is not ready.
            Err(error @ CoreError::NoLeader { .. }) if member.is_some() => tracing::warn!(%error, "waiting"),
            waited => waited?,
        }

        let stop = CancellationToken::new();
        let disk = Arc::new(Disk::new(&settings.node.data_dir, room_limits(settings)));
        // Before the first request: what does not fit must not be let in meanwhile.
        if let Err(error) = disk.look() {
            tracing::warn!(%error, "the reserve can't be kept");
        }
        let foreign = settings.limits.foreign_pictures_bytes.bytes();
        let blobs = NodeBlobs::new(core.blobs.clone(), core.backend().clone(), member.clone(), foreign);
        let (backups, mut servers) = keep_archive(settings, &core, member.clone(), &stop)?;
        let lag = backups.as_ref().map(|backups| backups.lag.clone());
        let desk = control::Desk { backups, backend: core.backend().clone(), blobs: blobs.clone() };
        match control::serve(&settings.node.data_dir, desk, stop.clone()) {
            Ok(listening) => servers.push(listening),
            // A directory whose name is too long for a socket: everything else works.
            Err(error) => {
                tracing::warn!(%error, "no control socket: `gearify backup now` can't reach this node")
            }
        }
        let health = NodeHealth::new(&core, disk.clone(), member.clone()).archived(lag);
        let health = Arc::new(health);
        let web = web_settings(settings);
        let state = AppState::new(Parts {
            backend: core.backend().clone(),
            blobs: Arc::new(blobs.clone()),
            search: Arc::new(core.search.clone()),
            lists: Arc::new(ShardedLists(core.shards.clone())),
            keys: Arc::new(keys),
            clock: Arc::new(SystemClock),
            health: health.clone(),
            regions: match &member {
                Some(member) => member.clone(),
                None => Arc::new(OneRegion(settings.node.region.as_str().to_owned())),
            },
            settings: web.clone(),
        });
        let serve = |what: &'static str, listener, tls, app| {
            let (token, web) = (stop.clone(), web.clone());
            tokio::spawn(async move {
                if let Err(error) =
                    gearify_web::server::serve(listener, tls, app, &web, token.cancelled()).await
                {
                    tracing::error!(%error, "the listener of {what} ended");
                }
            })
        };
        servers.push(tokio::spawn(report_searches(state.clone(), stop.clone())));
        let app = gearify_web::app(state);
        if let Some(member) = &member {
            member.serve_web(app.clone());
        }
        servers.push(serve("the shop", public, tls.as_ref().map(Tls::acceptor), app));
        let redirect_at = redirect.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(listener) = redirect {
            let app = gearify_web::server::to_https(public_at.port());
            servers.push(serve("the redirect to https", listener, None, app));
        }
        if let Some(tls) = tls {
            servers.push(tokio::spawn(tls.keep(stop.clone())));
        }
        let router = operations::router(health, metrics.clone(), core.backend().clone());
        let token = stop.clone();
        servers.push(tokio::spawn(async move {
            let served =
                axum::serve(operations, router).with_graceful_shutdown(token.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the operations listener ended");
            }
        }));
        servers.push(tokio::spawn(blobs.tend(core.states.clone(), stop.clone())));
        servers.push(tokio::spawn(footing::watch(
            core.backend().clone(),
            disk,
            member.clone(),
            stop.clone(),
        )));
        servers.push(tokio::spawn(rebuild::tend(core.backend().clone(), stop.clone())));
        servers.push(tokio::spawn(scheduler::run(core.backend().clone(), stop.clone())));
        servers.push(tokio::spawn(moving::run(core.backend().clone(), stop.clone())));
        servers.push(tokio::spawn(upgrade::run(
            core.backend().clone(),
            member.clone(),
            known.shops,
            stop.clone(),
        )));
        servers.push(tokio::spawn(crate::providers::run(core.backend().clone(), providers, stop.clone())));
        if let Some(metrics) = metrics {
            let token = stop.clone();
            servers.push(tokio::spawn(async move {
                tokio::select! {
                    () = metrics.keep() => {}
                    () = token.cancelled() => {}
                }
            }));
        }
        tracing::info!(public = %public_at, operations = %operations_at, "serving");
        let drain = settings.limits.drain_timeout + Duration::from_secs(1);
        let (public, operations, redirect) = (public_at, operations_at, redirect_at);
        Ok(NodeRuntime { core, member, public, operations, redirect, stop, servers, drain })
    }

    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Hands leadership on, finishes requests in work, then stops groups and threads.
    pub async fn stop(self) {
        if let Some(member) = &self.member {
            member.resign().await;
        }
        self.stop.cancel();
        for server in self.servers {
            let handle = server.abort_handle();
            if tokio::time::timeout(self.drain, server).await.is_err() {
                handle.abort();
            }
        }
        if let Some(member) = &self.member {
            member.stop();
        }
        self.core.stop().await;
    }
}

/// Tells shops what was sought in them and not found, until the node stops.
async fn report_searches(state: gearify_web::app::AppState, stop: CancellationToken) {
    let reporting = async {
        loop {
            tokio::time::sleep(SEARCHES_REPORTED_EVERY).await;
            gearify_web::sought::report(&state).await;
        }
    };
    tokio::select! {
        () = reporting => {}
        // Also in the middle of a report: no leader may be there to take it.
        () = stop.cancelled() => {}
    }
}

/// Begins to keep the archive, if one is to be kept.
fn keep_archive(
    settings: &Settings,
    core: &Core,
    member: Option<Arc<Member>>,
    stop: &CancellationToken,
) -> Result<(Option<Backups>, Vec<JoinHandle<()>>), StartError> {
    let Some(place) = backup::place(&settings.backup) else { return Ok((None, Vec::new())) };
    let data_dir = &settings.node.data_dir;
    let path = data_dir.display().to_string();
    let cluster = backup::cluster_of(data_dir).map_err(|source| StartError::DataDir { path, source })?;
    let archive = Target::open(&place)?.archive(&cluster, &core.vault);
    let options = Options {
        interval: settings.backup.interval,
        rules: backup::rules(&settings.backup),
        master_key: core.vault.fingerprint(),
        settings: settings.print(),
        scratch: data_dir.join("archiving"),
    };
    let archiver = Archiver::new(archive, core, member, Arc::new(SystemClock), options);
    let (backups, running) = archiver.start(stop);
    Ok((Some(backups), running))
}

/// How a node is made from an archive with these settings. `options` is [`options_for`] of them.
pub fn maker<'m>(
    settings: &Settings,
    vault: &NodeVault,
    region: u16,
    options: &'m (dyn Fn(&Path) -> CoreOptions + Sync),
) -> Maker<'m> {
    Maker {
        region,
        node: NodeId(settings.node.id),
        log_name: LONE_LOG_NAME.into(),
        master_key: vault.fingerprint(),
        sled_cache_bytes: settings.storage.sled_cache.bytes(),
        event_file_bytes: settings.storage.event_file_bytes.bytes(),
        blob_bytes_max: settings.web.upload_bytes_max.bytes(),
        options,
    }
}

/// How a node with these settings runs alone on some directory, and serves nobody.
pub fn options_for(settings: &Settings, vault: &Arc<NodeVault>, data_dir: &Path) -> CoreOptions {
    let mut options = core_options(settings, vault.clone(), Arc::new(Providers::none()));
    options.data_dir = data_dir.to_owned();
    options
}

/// Where others reach this node.
pub fn peer_address(settings: &Settings) -> SocketAddr {
    settings.cluster.advertise.unwrap_or(settings.cluster.listen)
}

fn open_member(
    settings: &Settings,
    vault: &Arc<NodeVault>,
    newest: StateVersion,
) -> Result<Option<Arc<Member>>, MemberError> {
    Member::open(MemberOptions {
        newest,
        data_dir: &settings.node.data_dir,
        region: settings.node.region.as_str(),
        address: peer_address(settings).to_string(),
        vault: vault.clone(),
        certificate_valid: settings.cluster.certificate_lifetime,
        on_fatal: Arc::new(end_process),
    })
}

/// Makes the core a part of the cluster.
fn take_place(options: &mut CoreOptions, member: &Arc<Member>) -> Result<(), MemberError> {
    options.node = member.node();
    options.cluster = member.log_name();
    options.transport = Arc::new(member.net().clone());
    options.forward = member.clone();
    options.peers = member.clone();
    options.found = member.founds()?;
    options.part = member.region_part();
    Ok(())
}

/// A node's files and groups without listeners, for work on a node that does not run.
pub async fn open_core(settings: &Settings) -> Result<Core, StartError> {
    prepare_data_dir(&settings.node.data_dir)?;
    let vault = Arc::new(NodeVault::new(master_key(settings)?));
    let mut options = core_options(settings, vault.clone(), Arc::new(Providers::none()));
    if let Some(member) = open_member(settings, &vault, version::NEWEST)? {
        // Its log may be opened by itself as long as nobody has joined it.
        if !member.is_alone() {
            return Err(StartError::NotAlone);
        }
        options.node = member.node();
        options.cluster = member.log_name();
        options.found = member.founds()?;
        options.part.region = member.region_number();
    }
    let core = Core::start(options).await?;
    core.wait_for_leaders(LEADER_WAIT).await?;
    Ok(core)
}

/// A node's files, opened to be looked at. One of several does not vote and changes nothing that the others
/// could hear of; it applies what it knows to be committed, and what comes after waits for them.
pub async fn open_to_look(settings: &Settings) -> Result<Core, StartError> {
    prepare_data_dir(&settings.node.data_dir)?;
    let vault = Arc::new(NodeVault::new(master_key(settings)?));
    let member = open_member(settings, &vault, version::NEWEST)?;
    let Some(member) = member.filter(|member| !member.is_alone()) else { return open_core(settings).await };
    let mut options = core_options(settings, vault, Arc::new(Providers::none()));
    take_place(&mut options, &member)?;
    options.transport = Arc::new(gearify_replication::transport::NoTransport);
    options.forward = Arc::new(NoForward);
    options.peers = Arc::new(NoPeers);
    options.group_options.stands = false;
    options.found = false;
    options.part.founds = false;
    options.part.recall = None;
    options.part.observe = options.part.observe.map(|_| Arc::new(Nobody) as Arc<dyn Source>);
    let core = Core::start(options).await?;
    core.wait_until_known_is_applied(LEADER_WAIT).await?;
    Ok(core)
}

/// Where a node that is only looked at reads the groups of other regions: it asks nobody.
struct Nobody;

impl Source for Nobody {
    fn page(&self, _: GroupId, _: u64) -> BoxFuture<'_, Result<(NodeId, Page), String>> {
        async { Err("nobody is asked".to_owned()) }.boxed()
    }

    fn part(&self, _: NodeId, _: GroupId, _: [u8; 32], _: u64) -> BoxFuture<'_, Result<Bytes, String>> {
        async { Err("nobody is asked".to_owned()) }.boxed()
    }
}

/// Resolves when the process is asked to end: SIGTERM or Ctrl-C. It listens from the call on, not from the
/// first poll, so that a node told to stop while it starts stops in order.
pub fn asked_to_end() -> impl Future<Output = io::Result<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (mut terminate, mut interrupt) = (terminate?, interrupt?);
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    }
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { what, address, source })
}

fn prepare_data_dir(dir: &Path) -> Result<(), StartError> {
    let path = dir.display().to_string();
    let failed = |source| StartError::DataDir { path: path.clone(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let some = room::require_some(dir).map_err(failed)?;
    some.map_err(|free| StartError::DiskFull { path, free })
}

/// The key from the settings' file; a development node without one makes its own.
pub fn master_key(settings: &Settings) -> Result<MasterKey, KeyFileError> {
    match &settings.keys.master_key_file {
        Some(file) => MasterKey::load(file),
        None => MasterKey::load_or_create(&settings.node.data_dir.join("master.key"), &SystemRandom),
    }
}

/// The seed of the key that signs sessions: of the settings' file, else drawn from the master key.
fn session_seed(settings: &Settings, vault: &NodeVault) -> Result<[u8; 32], StartError> {
    let Some(file) = &settings.web.session_secret_file else {
        let key = vault.purpose_key("sessions");
        let halves = [key.keyed_hash("seed", &[0]), key.keyed_hash("seed", &[1])];
        let mut seed = [0; 32];
        seed.copy_from_slice(&halves.concat());
        return Ok(seed);
    };
    let unusable = |what: String| StartError::SessionKey(format!("{}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let hash = blake3::Hash::from_hex(text.trim())
        .map_err(|_| unusable("it is not 64 hexadecimal digits".into()))?;
    Ok(*hash.as_bytes())
}

fn core_options(settings: &Settings, vault: Arc<NodeVault>, providers: Arc<Providers>) -> CoreOptions {
    let storage = &settings.storage;
    CoreOptions {
        data_dir: settings.node.data_dir.clone(),
        node: NodeId(settings.node.id),
        cluster: LONE_LOG_NAME.into(),
        vault,
        sled_cache_bytes: storage.sled_cache.bytes(),
        event_file_bytes: storage.event_file_bytes.bytes(),
        log_cache_bytes: storage.log_cache.as_usize(),
        blob_bytes_max: settings.web.upload_bytes_max.bytes(),
        tenant_label_max: settings.telemetry.tenant_label_max,
        group_options: group_options(settings),
        transport: Arc::new(gearify_replication::transport::NoTransport),
        forward: Arc::new(NoForward),
        peers: Arc::new(NoPeers),
        providers,
        clock: Arc::new(SystemClock),
        on_fatal: Arc::new(end_process),
        looks_through: false,
        found: true,
        part: RegionPart::default(),
        newest: version::NEWEST,
    }
}

fn tls_files(settings: &Settings) -> Option<TlsFiles> {
    let tls = &settings.listen.tls;
    let (certificate, key) = (tls.certificate.clone()?, tls.key.clone()?);
    Some(TlsFiles { certificate, key })
}

fn group_options(tree: &Tree) -> GroupOptions {
    let replication = &tree.replication;
    GroupOptions {
        timers: Timers {
            heartbeat: replication.heartbeat_interval,
            election_min: replication.election_timeout_min,
            election_max: replication.election_timeout_max,
            snapshot_transfer: replication.snapshot_timeout,
            // It must outlast an election, however long one may take here.
            quorum_probe: Timers::lan().quorum_probe.max(replication.election_timeout_max * 5 / 2),
            ..Timers::lan()
        },
        snapshot_log_bytes: replication.snapshot_log_bytes.bytes(),
        keep_entries: replication.keep_entries,
        // The log is never much longer than what is to be kept of it.
        purge_entries: GroupOptions::default().purge_entries.min(replication.keep_entries.max(1)),
        snapshot_state_percent: replication.snapshot_state_percent,
        entry_commands: replication.entry_commands_max,
        queue_commands: replication.queue_commands_max,
        ..GroupOptions::default()
    }
}

fn room_limits(tree: &Tree) -> RoomLimits {
    let storage = &tree.storage;
    RoomLimits {
        low_percent: storage.disk_low_percent,
        full_percent: storage.disk_full_percent,
        reserve_bytes: storage.disk_reserve.bytes(),
    }
}

fn web_settings(settings: &Settings) -> gearify_web::Settings {
    let (web, limits) = (&settings.web, &settings.limits);
    let proxies = web.trusted_proxies.clone();
    gearify_web::Settings {
        production: settings.mode == Mode::Production,
        tls: settings.listen.behind_tls_proxy || tls_files(settings).is_some(),
        operator_host: settings.hosts.operator_host.as_str().to_owned(),
        body_bytes_max: web.body_bytes_max.as_usize(),
        upload_bytes_max: web.upload_bytes_max.as_usize(),
        import_bytes_max: web.import_bytes_max.as_usize(),
        request_timeout: web.request_timeout,
        header_timeout: web.header_timeout,
        connections_max: limits.connections_max,
        concurrent_requests_max: limits.concurrent_requests_max,
        waiting_reads_max: limits.waiting_reads_max,
        waiting_read_timeout: limits.waiting_read_timeout,
        drain_timeout: limits.drain_timeout,
        rates: Rates {
            enabled: web.rates.enabled,
            reads_per_second: web.rates.reads_per_second,
            writes_per_second: web.rates.writes_per_second,
            sign_ins_per_minute: web.rates.sign_ins_per_minute,
            burst_seconds: web.rates.burst_seconds,
        },
        trusted_proxy: Arc::new(move |address| proxies.iter().any(|range| range.contains(address))),
        ..gearify_web::Settings::default()
    }
}

/// After a failed write nothing may run on, not even a drain: what the disk holds is unknown.
#[expect(clippy::disallowed_methods, reason = "draining would write, and writing is what failed")]
fn end_process(reason: &str) {
    tracing::error!(reason, "the node can't go on");
    eprintln!("gearify: {reason}");
    std::process::exit(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a group asks of its timers, or it does not start.
    #[test]
    fn whatever_election_times_the_settings_allow_the_quorum_probe_outlasts_two() {
        for (min, max) in [("500ms", "1s"), ("700ms", "1400ms"), ("60s", "120s")] {
            let set = |key: &str, value: &str| (format!("replication.{key}"), value.to_owned());
            let options = [set("election_timeout_min", min), set("election_timeout_max", max)];
            let settings = Settings::resolve(None, std::iter::empty::<(String, String)>(), &options);
            let timers = group_options(&settings.expect("settings in range")).timers;
            assert!(timers.quorum_probe >= timers.election_max * 2, "{min} to {max}: {timers:?}");
        }
    }
}
