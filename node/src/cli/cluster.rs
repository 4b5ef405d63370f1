//! `gearify cluster`, `gearify join` and `gearify node`.

use super::{ConfigArgs, TenantMoveArgs, block_on, say, settings};
use anyhow::Context;
use clap::{Args, Subcommand};
use gearify_commerce::Shard;
use gearify_commerce::placement::{VOTERS, VOTERS_MAX};
use gearify_config::Settings;
use gearify_node::backup::{self, Object, Target};
use gearify_node::cluster::{self, ClusterDir, ClusterStatus, Desk, GoesOn, JoinToken, Moving, NodeStatus};
use gearify_node::cluster::{RecoveredRegion, RecoveredShard, TOKEN_VALID};
use gearify_node::runtime::{master_key, peer_address};
use gearify_node::state::{GroupKey, group_id, group_name};
use gearify_node::vault::NodeVault;
use gearify_replication::net::PeerName;
use gearify_replication::{NodeId, Recovered};
use gearify_storage::DirLock;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Subcommand, Debug)]
pub enum ClusterCommand {
    /// Makes this node, which must not be running, the first of a cluster, and prints a join token.
    Init(InitArgs),
    /// Prints a token with which one node can join once.
    Token(TokenArgs),
    /// After a majority is lost for good: this node, which must not be running, goes on alone with what it has. As
    /// a new cluster that others join anew; or in one group of its region, within its cluster.
    Recover(RecoverArgs),
    /// Shows nodes and groups as this running node sees them.
    Status(StatusArgs),
}

/// How a region is divided.
#[derive(Args, Debug)]
pub struct DivisionArgs {
    /// Groups over which the region's shops are divided, each with a log of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,
    /// Nodes on which each of them is, as far as there are so many: 3 survive the loss of one, 5 that of two.
    #[arg(long, default_value_t = VOTERS, value_parser = voters)]
    voters: u8,
}

impl DivisionArgs {
    fn division(&self) -> cluster::Division {
        cluster::Division { shards: self.shards, voters: self.voters }
    }
}

fn voters(text: &str) -> Result<u8, String> {
    let voters = text.parse().ok().filter(|voters| [VOTERS, VOTERS_MAX].contains(voters));
    voters.ok_or_else(|| format!("{VOTERS} or {VOTERS_MAX}"))
}

#[derive(Args, Debug)]
pub struct InitArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Begins the cluster's name.
    #[arg(long, default_value = "gearify")]
    name: String,
    #[command(flatten)]
    division: DivisionArgs,
}

#[derive(Args, Debug)]
pub struct TokenArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Minutes within which it must be used.
    #[arg(long, default_value_t = TOKEN_VALID.as_secs() / 60, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
}

#[derive(Args, Debug)]
pub struct RecoverArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Whatever only the lost nodes had acknowledged is gone.
    #[arg(long)]
    accept_loss: bool,
    /// Only this shard of the region, whose lost voters are removed from the cluster.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..64))]
    shard: Option<u16>,
}

#[derive(Args, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints everything as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub struct JoinArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// As `gearify cluster token` printed it.
    token: String,
    /// The peer address of any node of the cluster.
    address: String,
}

#[derive(Subcommand, Debug)]
pub enum RegionCommand {
    /// Makes room for a new region and prints a token with which its first node can join.
    Add(RegionAddArgs),
}

#[derive(Args, Debug)]
pub struct RegionAddArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The new region, as its nodes have it in node.region.
    region: String,
    /// Where shoppers will reach it, like https://south.shops.example.
    #[arg(long, default_value = "")]
    public: String,
    #[command(flatten)]
    division: DivisionArgs,
    /// Minutes within which the token must be used.
    #[arg(long, default_value_t = TOKEN_VALID.as_secs() / 60, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
}

#[derive(Subcommand, Debug)]
pub enum NodeCommand {
    /// Makes a node lead nothing, before it is stopped for a while.
    Drain(DrainArgs),
    /// Takes a node out of the cluster for good. Its number is never used again.
    Remove(NodeArgs),
    /// Prints a token with which a new node takes the place of this one, lost or not, under a new number.
    Replace(NodeArgs),
}

#[derive(Args, Debug)]
pub struct NodeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Number of the node, as in `gearify cluster status`.
    node: u64,
}

#[derive(Args, Debug)]
pub struct DrainArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// Lets it lead again.
    #[arg(long)]
    undo: bool,
}

pub fn run(command: ClusterCommand) -> anyhow::Result<ExitCode> {
    match command {
        ClusterCommand::Init(arguments) => init(&arguments),
        ClusterCommand::Token(arguments) => {
            let settings = settings(&arguments.config)?;
            let valid = Duration::from_secs(arguments.minutes * 60);
            let desk = desk(&settings)?;
            say(&block_on(async { Ok(desk.new_token(valid).await?) })?)
        }
        ClusterCommand::Recover(arguments) => recover(&arguments),
        ClusterCommand::Status(arguments) => {
            let settings = settings(&arguments.config)?;
            let desk = desk(&settings)?;
            let status = block_on(async { Ok(desk.status().await?) })?;
            if arguments.json { say(&serde_json::to_string_pretty(&status)?) } else { say(&table(&status)) }
        }
    }
}

fn init(arguments: &InitArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let data_dir = &settings.node.data_dir;
    std::fs::create_dir_all(data_dir).context("the data directory can't be made")?;
    let _lock = DirLock::acquire(data_dir)?;
    let vault = NodeVault::new(master_key(&settings)?);
    let (region, address) = (settings.node.region.as_str(), peer_address(&settings).to_string());
    let valid = settings.cluster.certificate_lifetime;
    let founded =
        cluster::found(data_dir, &vault, &arguments.name, region, settings.node.id, &address, valid)?;
    cluster::begin_divided(data_dir, arguments.division.division())?;
    say(&format!(
        "cluster {} begins with node {}. Start it with `gearify serve`, then let another node join within an \
         hour:\n\n  gearify join {} {address}\n\nEvery node needs the same master key.",
        founded.cluster, founded.node, founded.token
    ))
}

fn recover(arguments: &RecoverArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        arguments.accept_loss,
        "orders, payments and changes that only the lost nodes had acknowledged will be gone, and nobody can tell \
         which. Wait for the nodes if they can come back. If not: take this on the surviving node that applied \
         most, see that no other one ever starts again, and say --accept-loss"
    );
    let settings = settings(&arguments.config)?;
    let data_dir = &settings.node.data_dir;
    let _lock = DirLock::acquire(data_dir)?;
    let vault = NodeVault::new(master_key(&settings)?);
    if let Some(shard) = arguments.shard.map(Shard) {
        return recover_shard(&settings, &vault, shard);
    }
    let (address, valid) = (peer_address(&settings).to_string(), settings.cluster.certificate_lifetime);
    let RecoveredRegion { founded, before, groups } = cluster::recover(data_dir, &vault, &address, valid)?;
    let mut told = format!("node {} goes on alone as cluster {}, with\n\n", founded.node, founded.cluster);
    let (here, anew): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.recovered.last.is_some());
    for group in here {
        let _ = writeln!(told, "  {}", words_of_group(group));
    }
    let _ = writeln!(told, "\nEntries after those are lost.");
    for group in anew {
        let _ = writeln!(
            told,
            "\nNothing of {} was on this node: it begins anew, and all that its shops had sold is lost here. Its \
             shops: {}. Bring each back, if there is an archive: gearify restore --cluster {before} --tenant SHOP --over",
            name_of(group),
            shops_of(group)
        );
    }
    let _ = write!(
        told,
        "\nStart it with `gearify serve`; others join with empty data directories:\n\n  gearify join {} {address}",
        founded.token
    );
    say(&told)
}

fn recover_shard(settings: &Settings, vault: &NodeVault, shard: Shard) -> anyhow::Result<ExitCode> {
    let archived = archived(settings, vault, shard);
    let archived = archived.context("the archive can't be asked how far it goes; it must be within reach")?;
    let RecoveredShard { node, lost, group } =
        cluster::recover_shard(&settings.node.data_dir, vault, shard, archived)?;
    let lost: Vec<String> = lost.iter().map(u64::to_string).collect();
    let mut told = format!(
        "node {node} goes on alone in {shard}, with\n\n  {}\n\nWhat the removed voters ({}) had acknowledged after \
         those is lost. Its shops: {}.\n\nStart it with `gearify serve`; other nodes of the region then vote in the \
         shard by themselves.",
        words_of_group(&group),
        lost.join(", "),
        shops_of(&group)
    );
    let last = group.recovered.last.unwrap_or(0);
    if archived > last {
        let _ = write!(
            told,
            "\n\nThe archive has entries up to {archived}, more than this node: how its shops were by then is seen \
             with `gearify restore --tenant SHOP --to {}:{archived} --as NAME`. Take `gearify backup now` once it runs.",
            name_of(&group)
        );
    }
    say(&told)
}

/// The last entry of a shard that is in the archive; 0 if there is none, or no archive.
fn archived(settings: &Settings, vault: &NodeVault, shard: Shard) -> anyhow::Result<u64> {
    let Some(place) = backup::place(&settings.backup) else { return Ok(0) };
    let Some(identity) = ClusterDir::of(&settings.node.data_dir).identity()? else { return Ok(0) };
    let group = group_id(GroupKey::Region(shard), identity.region_number).0;
    let archive = Target::open(&place)?.archive(&identity.cluster, vault);
    let objects = block_on(async { Ok(archive.list(Some(&Object::logs_of(group))).await?) })?;
    let lasts = objects.into_iter().filter_map(|object| match object {
        Object::Log { last, .. } => Some(last),
        _ => None,
    });
    Ok(lasts.max().unwrap_or(0))
}

fn name_of(group: &GoesOn) -> &'static str {
    group.key.map_or(cluster::CLUSTER_GROUP_NAME, group_name)
}

fn words_of_group(group: &GoesOn) -> String {
    let Recovered { last, committed, .. } = group.recovered;
    let last = last.unwrap_or(0);
    let old = match group.was_elsewhere {
        true => "; it was placed on other nodes, so this may be far behind",
        false => "",
    };
    format!("{}: entries up to {last}, known to be committed up to {committed}{old}", name_of(group))
}

fn shops_of(group: &GoesOn) -> String {
    if group.shops.is_empty() { "none that this node knows".to_owned() } else { group.shops.join(", ") }
}

pub fn join(arguments: &JoinArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let token: JoinToken = arguments.token.parse()?;
    let data_dir = &settings.node.data_dir;
    std::fs::create_dir_all(data_dir).context("the data directory can't be made")?;
    let _lock = DirLock::acquire(data_dir)?;
    let vault = NodeVault::new(master_key(&settings)?);
    let own = peer_address(&settings).to_string();
    let joined = block_on(async {
        let region = settings.node.region.as_str();
        Ok(cluster::join(data_dir, &vault, &token, &arguments.address, region, &own).await?)
    })?;
    say(&format!(
        "this is node {} of cluster {} now; start it with `gearify serve`",
        joined.node, joined.cluster
    ))
}

pub fn region(command: RegionCommand) -> anyhow::Result<ExitCode> {
    let RegionCommand::Add(RegionAddArgs { config, region, public, division, minutes }) = command;
    let settings = settings(&config)?;
    let name = PeerName::new("any", &region, NodeId(0));
    name.context("a region has a name like eu-west")?;
    anyhow::ensure!(region.len() <= 32, "a region's name has at most 32 letters");
    let is_url = public.starts_with("https://") || public.starts_with("http://");
    anyhow::ensure!(public.is_empty() || is_url, "--public is not a URL like https://south.shops.example");
    let valid = Duration::from_secs(minutes * 60);
    let desk = desk(&settings)?;
    let added = desk.add_region(&region, public.trim_end_matches('/'), division.division(), valid);
    let token = block_on(async { Ok(added.await?) })?;
    let address = peer_address(&settings);
    say(&format!(
        "region {region} may begin. On its first node, with node.region = \"{region}\" and the cluster's master \
         key:\n\n  gearify join {token} {address}\n\nMore of its nodes join with tokens of `gearify cluster token`."
    ))
}

/// How often it is asked how far a move is, and how often a node that does not answer.
const MOVE_PAUSE: Duration = Duration::from_millis(200);
const SILENCES_MAX: u32 = 25;

pub fn move_shop(arguments: &TenantMoveArgs) -> anyhow::Result<ExitCode> {
    let TenantMoveArgs { config, slug, shard, wait } = arguments;
    let settings = settings(config)?;
    let (desk, to) = (desk(&settings)?, Shard(*shard));
    block_on(async {
        let until = Instant::now() + Duration::from_secs(*wait);
        let mut place = desk.move_shop(slug, to).await?;
        let (mut told, mut silences) = (None, 0);
        while place.moving.is_some() || place.shard != Some(to) {
            if place.moving != told {
                eprintln!("{slug}: {}", words_of(place.moving));
                told = place.moving;
            }
            anyhow::ensure!(Instant::now() < until, "{slug} is not in {to} yet; the move goes on by itself");
            tokio::time::sleep(MOVE_PAUSE).await;
            match desk.shop_place(slug).await {
                Ok(now) => (place, silences) = (now, 0),
                // The node may be busy for a moment; the move is not its alone.
                Err(_) if silences < SILENCES_MAX => silences += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    })?;
    say(&format!("{slug} is in {to} now"))
}

fn words_of(moving: Option<Moving>) -> &'static str {
    match moving {
        Some(Moving::Intended) => "waiting for the node that leads its shard",
        Some(Moving::Copying) => "copying while it sells",
        Some(Moving::Opening) => "there, but for the last step",
        None => "not on its way yet",
    }
}

pub fn node(command: NodeCommand) -> anyhow::Result<ExitCode> {
    match command {
        NodeCommand::Drain(DrainArgs { node: NodeArgs { config, node }, undo }) => {
            let settings = settings(&config)?;
            let desk = desk(&settings)?;
            block_on(async { Ok(desk.drain(node, undo).await?) })?;
            say(&match undo {
                false => format!("node {node} hands over what it leads; it says that it is not ready"),
                true => format!("node {node} may lead again"),
            })
        }
        NodeCommand::Remove(NodeArgs { config, node }) => {
            let settings = settings(&config)?;
            let desk = desk(&settings)?;
            block_on(async { Ok(desk.remove(node).await?) })?;
            say(&format!("node {node} is removed and will end"))
        }
        NodeCommand::Replace(NodeArgs { config, node }) => {
            let settings = settings(&config)?;
            let desk = desk(&settings)?;
            let token = block_on(async { Ok(desk.replace(node, TOKEN_VALID).await?) })?;
            let address = peer_address(&settings);
            say(&format!(
                "node {node} will be replaced. Within an hour, on the machine that takes its place:\n\n  gearify \
                 join {token} {address}\n\nand start it with `gearify serve`. Node {node} is removed for good once \
                 the new one votes in its place."
            ))
        }
    }
}

fn desk(settings: &Settings) -> anyhow::Result<Desk<'_>> {
    let vault = NodeVault::new(master_key(settings)?);
    Ok(Desk { data_dir: &settings.node.data_dir, address: own_listener(settings), vault })
}

/// Where this machine reaches its own node.
fn own_listener(settings: &Settings) -> SocketAddr {
    let mut address = settings.cluster.listen;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn table(status: &ClusterStatus) -> String {
    let mut out = format!("cluster {}, as node {} sees it\n\n", status.cluster, status.asked);
    let _ = writeln!(
        out,
        "{:<6}{:<12}{:<24}{:<10}{:<12}{:>10}{:>10}",
        "node", "region", "address", "state", "answers", "log MiB", "state MiB"
    );
    for node in &status.nodes {
        let state = format!("{:?}", node.state).to_lowercase();
        let NodeStatus { node, region, address, report, .. } = node;
        let (answers, log, size) = match report {
            Some(report) => ("yes", mib(report.log_bytes), mib(report.state_bytes)),
            None => ("no", "-".to_owned(), "-".to_owned()),
        };
        let _ =
            writeln!(out, "{node:<6}{region:<12}{address:<24}{state:<10}{answers:<12}{log:>10}{size:>10}");
    }
    let _ = writeln!(
        out,
        "\n{:<14}{:<6}{:<9}{:>8}{:>12}{:>12}{:>8}{:>12}{:>7}",
        "group", "node", "role", "term", "last entry", "applied", "lag", "snapshot", "rules"
    );
    for (group, node, role, report) in rows(status) {
        let last = furthest(status, group);
        let snapshot = report.snapshot.map_or("-".to_owned(), |index| index.to_string());
        let rules = report.version.map_or("-".to_owned(), |version| version.to_string());
        let (lag, changing) =
            (last.saturating_sub(report.applied), if report.is_changing { " (changing)" } else { "" });
        let _ = writeln!(
            out,
            "{group:<14}{node:<6}{role:<9}{:>8}{:>12}{:>12}{lag:>8}{snapshot:>12}{rules:>7}{changing}",
            report.term, report.last_log, report.applied
        );
    }
    out
}

fn mib(bytes: u64) -> String {
    (bytes >> 20).to_string()
}

type GroupRow<'s> = (&'s str, u64, &'static str, &'s cluster::GroupReport);

fn rows(status: &ClusterStatus) -> Vec<GroupRow<'_>> {
    let mut rows: Vec<GroupRow<'_>> = Vec::new();
    for node in &status.nodes {
        for (name, report) in node.report.iter().flat_map(|report| &report.groups) {
            let role = match () {
                () if report.leader == Some(node.node) => "leader",
                () if report.voters.contains(&node.node) => "voter",
                () if report.learners.contains(&node.node) => "learner",
                () if report.is_observer => "observer",
                () => "-",
            };
            rows.push((name, node.node, role, report));
        }
    }
    rows.sort_by_key(|(group, node, ..)| (*group, *node));
    rows
}

fn furthest(status: &ClusterStatus, group: &str) -> u64 {
    let reports = status.nodes.iter().filter_map(|node| node.report.as_ref());
    reports.filter_map(|report| report.groups.get(group)).map(|report| report.committed).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_says_who_leads_who_lags_and_who_is_silent() {
        let group = |leader: u64, applied: u64, voters: &[u64]| {
            json!({
                "leader": leader, "term": 4, "last_log": applied, "committed": applied, "applied": applied,
                "snapshot": null, "voters": voters, "learners": [], "is_changing": applied < 90,
                "is_observer": voters.is_empty(), "version": 4,
            })
        };
        let report = |groups| {
            json!({
                "version": "0.1.0", "now_ms": 0, "certificate_until": 0, "log_bytes": 3 << 20,
                "state_bytes": 5 << 20, "free_bytes": 0, "newest": 4, "groups": groups,
            })
        };
        let node = |node: u64, region: &str, report| {
            let address = format!("127.0.0.1:710{node}");
            json!({ "node": node, "region": region, "address": address, "state": "active", "report": report })
        };
        let first = json!({ "region-0": group(1, 90, &[1, 2]), "world": group(1, 7, &[1]) });
        let second = json!({ "region-0": group(1, 80, &[1, 2]) });
        let nodes = [
            node(1, "home", report(first)),
            node(2, "home", report(second)),
            node(3, "south", report(json!({ "world": group(1, 7, &[]) }))),
            node(4, "south", json!(null)),
        ];
        let status = json!({ "cluster": "c1", "asked": 2, "nodes": nodes });
        let status: ClusterStatus = serde_json::from_value(status).expect("a status");
        let rows: Vec<String> = table(&status)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(
            rows,
            [
                "cluster c1, as node 2 sees it",
                "node region address state answers log MiB state MiB",
                "1 home 127.0.0.1:7101 active yes 3 5",
                "2 home 127.0.0.1:7102 active yes 3 5",
                "3 south 127.0.0.1:7103 active yes 3 5",
                "4 south 127.0.0.1:7104 active no - -",
                "group node role term last entry applied lag snapshot rules",
                "region-0 1 leader 4 90 90 0 - 4",
                "region-0 2 voter 4 80 80 10 - 4 (changing)",
                "world 1 leader 4 7 7 0 - 4 (changing)",
                "world 3 observer 4 7 7 0 - 4 (changing)",
            ]
        );
    }
}
