//! `gearify backup` and `gearify restore`.

use super::{ConfigArgs, block_on, doctor, say, settings};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gearify_commerce::Timestamp;
use gearify_commerce::placement::{SHARDS_MAX, Shard};
use gearify_config::Settings;
use gearify_node::backup::{self, Archive, Moment, Object, Restored, Target};
use gearify_node::control::{self, Answer, Question};
use gearify_node::core::Core;
use gearify_node::doctor::{contents, examine};
use gearify_node::runtime::{maker, options_for};
use gearify_node::state::{GroupKey, group_id, group_name};
use gearify_node::tenant_restore::{self, ImportShop};
use gearify_node::vault::NodeVault;
use gearify_storage::seal::MasterKey;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const LEADER_WAIT: Duration = Duration::from_secs(60);

#[derive(Subcommand, Debug)]
pub enum BackupCommand {
    /// Has the running node make a backup of every group.
    Now(ConfigArgs),
    /// Shows what can be restored.
    List(ArchiveArgs),
    /// Restores the newest backup to a scratch directory and looks everything over.
    Verify(ArchiveArgs),
}

#[derive(Args, Debug)]
pub struct ArchiveArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The archive's name, if the target has several.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The number of the region whose shops' sales are meant; the first is 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    region: u16,
}

#[derive(Args, Debug)]
pub struct RestoreArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// A time such as 2026-05-01T12:00:00Z, or a position such as region-0:1234. The newest if not given.
    #[arg(long, value_name = "POSITION|TIME")]
    to: Option<String>,
    /// The new node's data directory, which must be missing or empty.
    #[arg(long, value_name = "DIR", required_unless_present = "tenant", conflicts_with = "tenant")]
    into: Option<PathBuf>,
    /// Brings this shop (its name or id) into the node that runs, instead of making a node.
    #[arg(long, value_name = "SHOP", requires = "place")]
    tenant: Option<String>,
    /// As another shop of this name, suspended and without hosts.
    #[arg(long = "as", value_name = "SLUG", requires = "tenant", group = "place")]
    copy_named: Option<String>,
    /// Over itself. It must be suspended.
    #[arg(long, requires = "tenant", group = "place")]
    over: bool,
}

pub fn run(command: BackupCommand) -> anyhow::Result<ExitCode> {
    match command {
        BackupCommand::Now(config) => now(&settings(&config)?),
        BackupCommand::List(arguments) => list(&arguments),
        BackupCommand::Verify(arguments) => verify(&arguments),
    }
}

fn now(settings: &Settings) -> anyhow::Result<ExitCode> {
    let answer = block_on(async { Ok(control::ask(&settings.node.data_dir, &Question::BackUp).await?) })?;
    let Answer::BackedUp(made) = answer else { bail!("the node answered something else") };
    let mut out = String::new();
    for made in made {
        let _ = writeln!(out, "{:<14}entry {:>10}  {:>8} KiB", made.group, made.index, made.bytes >> 10);
    }
    say(out.trim_end())
}

/// An archive, and what is needed to make a node of it.
struct Found {
    settings: Settings,
    vault: Arc<NodeVault>,
    archive: Archive,
    region: u16,
}

async fn find(arguments: &ArchiveArgs) -> anyhow::Result<Found> {
    let settings = settings(&arguments.config)?;
    let place = backup::place(&settings.backup).context("backup.target is not set")?;
    let target = Target::open(&place)?;
    let mut names = target.clusters().await?;
    let own = backup::known_cluster_of(&settings.node.data_dir)?;
    let name = match arguments.cluster.clone().or(own.filter(|own| names.contains(own))) {
        Some(name) => name,
        None if names.len() == 1 => names.remove(0),
        None if names.is_empty() => bail!("there is no archive at the target"),
        None => bail!("which archive? --cluster one of: {}", names.join(", ")),
    };
    // Never a new one: no archive would be sealed with it.
    let key = settings.keys.master_key_file.clone();
    let key = MasterKey::load(&key.unwrap_or_else(|| settings.node.data_dir.join("master.key")))?;
    let vault = Arc::new(NodeVault::new(key));
    let archive = target.archive(&name, &vault);
    Ok(Found { settings, vault, archive, region: arguments.region })
}

impl Found {
    async fn restore(&self, moment: Moment, dir: &Path) -> anyhow::Result<Restored> {
        let options = |dir: &Path| options_for(&self.settings, &self.vault, dir);
        let maker = maker(&self.settings, &self.vault, self.region, &options);
        Ok(backup::restore(&self.archive, moment, dir, &maker).await?)
    }

    /// The node in a directory, serving nobody.
    async fn open(&self, dir: &Path) -> anyhow::Result<Core> {
        let core = Core::start(options_for(&self.settings, &self.vault, dir)).await?;
        core.wait_for_leaders(LEADER_WAIT).await?;
        Ok(core)
    }
}

fn list(arguments: &ArchiveArgs) -> anyhow::Result<ExitCode> {
    let (name, objects) = block_on(async {
        let found = find(arguments).await?;
        Ok((found.archive.cluster().to_owned(), found.archive.list(None).await?))
    })?;
    let names: BTreeMap<u16, &str> =
        all_groups().map(|key| (group_id(key, arguments.region).0, group_name(key))).collect();
    let mut out =
        format!("archive {name}\n\n{:<14}{:>12}  {:<26}{:<10}\n", "group", "entry", "made", "verified");
    let proven: Vec<(u16, u64, i64)> = objects.iter().filter_map(verified).collect();
    let mut ends: BTreeMap<u16, (u64, i64)> = BTreeMap::new();
    for object in &objects {
        match object {
            Object::Backup { group, index, at_ms } if names.contains_key(group) => {
                let word = if proven.contains(&(*group, *index, *at_ms)) { "yes" } else { "no" };
                let _ = writeln!(out, "{:<14}{index:>12}  {:<26}{word}", names[group], time(*at_ms));
            }
            Object::Log { group, last, until_ms, .. } if names.contains_key(group) => {
                let end = ends.entry(*group).or_default();
                *end = (*end).max((*last, *until_ms));
            }
            _ => {}
        }
    }
    let _ = writeln!(out, "\n{:<14}{:>12}  last archived entry", "group", "entry");
    for (group, (last, until_ms)) in ends {
        let _ = writeln!(out, "{:<14}{last:>12}  {}", names[&group], time(until_ms));
    }
    say(out.trim_end())
}

fn verified(object: &Object) -> Option<(u16, u64, i64)> {
    match object {
        Object::Verified { group, index, at_ms } => Some((*group, *index, *at_ms)),
        _ => None,
    }
}

fn time(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| "-".to_owned(), |at| format!("{at:.0}"))
}

fn verify(arguments: &ArchiveArgs) -> anyhow::Result<ExitCode> {
    let findings = block_on(async {
        let found = find(arguments).await?;
        let scratch = scratch(&found.settings)?;
        let dir = scratch.0.join("node");
        let restored = found.restore(Moment::Newest, &dir).await?;
        let core = found.open(&dir).await?;
        let projected = contents(&core).await;
        let findings = examine(&core, true, |_| true);
        core.stop().await;
        projected?;
        if findings.iter().all(|finding| finding.ok) {
            for mark in restored.groups.iter().filter_map(|group| mark(group.base.as_ref()?)) {
                found.archive.put(&mark, &[]).await?;
            }
        }
        Ok(findings)
    })?;
    doctor::print(&findings, false)?;
    let all_well = findings.iter().all(|finding| finding.ok);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says of a backup that it was restored.
fn mark(backup: &Object) -> Option<Object> {
    match *backup {
        Object::Backup { group, index, at_ms } => Some(Object::Verified { group, index, at_ms }),
        _ => None,
    }
}

pub fn restore(arguments: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let moment = arguments.to.as_deref().map_or(Ok(Moment::Newest), parse_moment)?;
    match (&arguments.tenant, &arguments.into) {
        (Some(shop), _) => restore_shop(arguments, shop, moment),
        (None, Some(dir)) => restore_node(arguments, dir, moment),
        (None, None) => bail!("--into DIR or --tenant SHOP"),
    }
}

fn restore_node(arguments: &RestoreArgs, dir: &Path, moment: Moment) -> anyhow::Result<ExitCode> {
    let restored = block_on(async { find(&arguments.archive).await?.restore(moment, dir).await })?;
    let mut out = String::new();
    for group in &restored.groups {
        let hash: String = group.state_hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(out, "{:<14}entry {:>10}  state {hash}", group.group, group.index);
    }
    let _ = write!(
        out,
        "{} pictures; {} people erased since then were erased again.\n\nThe node in {} belongs to no cluster. Start \
         it with `gearify serve --set node.data_dir={}`; before others join it, `gearify cluster init`.",
        restored.blobs,
        restored.erased,
        dir.display(),
        dir.display()
    );
    say(&out)
}

fn restore_shop(arguments: &RestoreArgs, shop: &str, moment: Moment) -> anyhow::Result<ExitCode> {
    let answer = block_on(async {
        let found = find(&arguments.archive).await?;
        let scratch = scratch(&found.settings)?;
        let (dir, files) = (scratch.0.join("node"), scratch.0.join("shop"));
        found.restore(moment, &dir).await?;
        let core = found.open(&dir).await?;
        let (core, files, tenant) = {
            let tenant = tenant_restore::find(core.backend(), shop)?;
            let written = tokio::task::spawn_blocking(move || {
                let written = tenant_restore::write_out(&core, tenant, &files);
                (core, written.map(|()| files))
            });
            let (core, written) = written.await?;
            match written {
                Ok(files) => (core, files, tenant),
                Err(error) => {
                    core.stop().await;
                    return Err(error.into());
                }
            }
        };
        core.stop().await;
        let import =
            ImportShop { dir: files, tenant: tenant.to_string(), copy_named: arguments.copy_named.clone() };
        Ok(control::ask(&found.settings.node.data_dir, &Question::Import(import)).await?)
    })?;
    let Answer::Imported(arrival) = answer else { bail!("the node answered something else") };
    say(&format!(
        "{}: {} rows, {} events, {} pictures. It is suspended; open it in the operator's console.",
        arrival.tenant, arrival.rows, arrival.events, arrival.pictures
    ))
}

/// A directory in the node's own that goes with this value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn scratch(settings: &Settings) -> anyhow::Result<Scratch> {
    // As much room is needed as the node itself takes, so: on its disk.
    let data_dir = std::path::absolute(&settings.node.data_dir)?;
    let path = data_dir.join("scratch").join(format!("{:08x}", rand::random::<u32>()));
    std::fs::create_dir_all(&path).with_context(|| format!("{} can't be made", path.display()))?;
    Ok(Scratch(path))
}

/// Every group that a region may have.
fn all_groups() -> impl Iterator<Item = GroupKey> {
    let shards = (0..SHARDS_MAX).map(|number| GroupKey::Region(Shard(number)));
    [GroupKey::World, GroupKey::Catalogue].into_iter().chain(shards)
}

/// `2026-05-01T12:00:00Z`, or `region-0:1234`.
fn parse_moment(text: &str) -> anyhow::Result<Moment> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Moment::Time(Timestamp::from_millis(at.as_millisecond())));
    }
    let position = text.rsplit_once(':').and_then(|(name, index)| {
        let group = all_groups().find(|key| group_name(*key) == name)?;
        Some(Moment::Position { group, index: index.parse().ok()? })
    });
    position.with_context(|| {
        format!(
            "{text} is neither a time like 2026-05-01T12:00:00Z nor a position GROUP:ENTRY of world, catalogue-0 or \
             region-0"
        )
    })
}
