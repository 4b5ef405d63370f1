//! One shop out of an archive and into a cluster that runs: as another shop, or over itself.
//!
//! The archive is restored to a node of its own in a scratch directory; the shop's bundles are written there as
//! files, one for each group, beside its pictures. The running node takes them in: pictures first, then what
//! the shop is, shows and sells, as entries of its groups' logs. The shop is suspended before, during and
//! after it; the operator opens it once they have looked at it.

use crate::backend::{GroupHandle, NodeBackend};
use crate::blobs::NodeBlobs;
use crate::bundle::{self, BundleError, ImportError, Place, Submitting, blobs_of, import, of_group};
use crate::core::Core;
use gearify_commerce::tenants::{self, Status};
use gearify_commerce::{GroupKind, ReadScope, Site, Slug, TenantId, ids, version};
use gearify_web::ports::Blobs;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

/// The parts of a shop, in the order in which they arrive: what is told apart by the world before what is sealed
/// under keys that only the world knows of.
const PARTS: [(GroupKind, Site); 3] =
    [(GroupKind::World, Site::NONE), (GroupKind::Catalogue, Site::NONE), (GroupKind::Region, Site::FIRST)];

/// A shop's bundles on this machine's disk, and what they shall be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportShop {
    /// The directory that [`write_out`] filled.
    pub dir: PathBuf,
    pub tenant: String,
    /// The name of the copy; `None`: over the shop itself.
    pub copy_named: Option<String>,
}

/// A shop that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub tenant: String,
    pub rows: u64,
    pub events: u64,
    pub pictures: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    #[error("there is no shop {tenant} at that moment")]
    UnknownShop { tenant: String },
    #[error("{0} is not the name or the id of a shop")]
    Name(String),
    #[error("the shop {slug} sells: suspend it first")]
    Sells { slug: String },
    #[error("the name {slug} is taken")]
    NameTaken { slug: String },
    #[error("no shard takes it: {0}")]
    Unplaced(String),
    #[error("{what}: {error}")]
    Bundle { what: &'static str, error: BundleError },
    #[error("{what}: {error}")]
    Import { what: &'static str, error: ImportError },
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

/// The shop of that slug or id.
pub fn find(backend: &NodeBackend, name: &str) -> Result<TenantId, ShopError> {
    let world = backend.state(GroupKind::World);
    let platform = ReadScope::new(&**world, TenantId::PLATFORM, Site::NONE);
    let by_slug = Slug::parse(name).ok().and_then(|slug| tenants::by_slug(&platform, &slug));
    let tenant = by_slug.or_else(|| TenantId::parse(name).ok());
    tenant.ok_or_else(|| ShopError::Name(name.to_owned()))
}

/// Writes a shop's bundles and pictures into `dir`. Blocks on the disk.
pub fn write_out(core: &Core, tenant: TenantId, dir: &Path) -> Result<(), ShopError> {
    let backend = core.backend();
    let (world, catalogue) = (backend.state(GroupKind::World), backend.state(GroupKind::Catalogue));
    let view = ReadScope::new(&**world, tenant, Site::NONE);
    if tenants::get(&view).is_none() {
        return Err(ShopError::UnknownShop { tenant: tenant.to_string() });
    }
    let keys_of = tenants::keys_of(&view, tenant);
    let pictures = blobs_of(&**world, &**catalogue, tenant);
    std::fs::create_dir_all(dir.join("pictures"))?;
    for (kind, site) in PARTS {
        let what = crate::state::group_name(kind);
        let out = BufWriter::new(File::create(file_of(dir, kind))?);
        let named = if kind == GroupKind::Catalogue { pictures.clone() } else { Vec::new() };
        of_group(home(backend, kind, (tenant, site)), (tenant, site), keys_of, named, out)
            .map_err(|error| ShopError::Bundle { what, error })?;
    }
    for hash in pictures {
        // One that the archive does not have is missing in the shop too, until it is uploaded again.
        if let Ok(bytes) = core.blobs.get(hash) {
            std::fs::write(dir.join("pictures").join(hash.to_string()), bytes)?;
        }
    }
    Ok(())
}

/// Takes a shop in that [`write_out`] wrote.
pub async fn take_in(
    backend: &NodeBackend,
    blobs: &NodeBlobs,
    shop: &ImportShop,
) -> Result<Arrival, ShopError> {
    let tenant = TenantId::parse(&shop.tenant).map_err(|_| ShopError::Name(shop.tenant.clone()))?;
    let copy_named = shop.copy_named.as_ref();
    let copy_named = copy_named.map(|name| Slug::parse(name).map_err(|_| ShopError::Name(name.clone())));
    let copy_named = copy_named.transpose()?;
    let into = match &copy_named {
        Some(_) => TenantId::from_bits(ids::uuid_v7(crate::backend::now(), rand::random())),
        None => tenant,
    };
    may_arrive(backend, into, copy_named.as_ref())?;
    let placed = backend.place_now(into, Site::FIRST).await;
    placed.map_err(|error| ShopError::Unplaced(error.to_string()))?;
    for (kind, _) in PARTS {
        let what = crate::state::group_name(kind);
        let checked = bundle::check(BufReader::new(File::open(file_of(&shop.dir, kind))?));
        checked.map_err(|error| ShopError::Bundle { what, error })?;
    }
    let mut arrival = Arrival { tenant: into.to_string(), rows: 0, events: 0, pictures: 0 };
    for entry in std::fs::read_dir(shop.dir.join("pictures"))? {
        let bytes = std::fs::read(entry?.path())?;
        blobs.put(bytes.into()).await?;
        arrival.pictures += 1;
    }
    for (kind, site) in PARTS {
        let what = crate::state::group_name(kind);
        let place = Place {
            copy_named: copy_named.clone(),
            status: Some(Status::Suspended),
            ..Place::new(into, site, version::of(&*home(backend, kind, (into, site)).state))
        };
        let path = file_of(&shop.dir, kind);
        let open = || File::open(&path).map(BufReader::new);
        let mut destination = Submitting::new(backend, into, site);
        let summary = import(open, &place, &mut destination).await;
        let summary = summary.map_err(|error| ShopError::Import { what, error })?;
        arrival.rows += summary.rows;
        arrival.events += summary.events;
    }
    Ok(arrival)
}

/// The group that keeps this part of a shop; of a region, its first shard where the shop's own is not here.
fn home(backend: &NodeBackend, kind: GroupKind, (tenant, site): (TenantId, Site)) -> &GroupHandle {
    let shard = match kind {
        GroupKind::Region => backend.shards().serving(tenant, site),
        GroupKind::World | GroupKind::Catalogue => None,
    };
    shard.map_or_else(|| backend.group(kind), |parts| &parts.handle)
}

fn may_arrive(backend: &NodeBackend, into: TenantId, copy_named: Option<&Slug>) -> Result<(), ShopError> {
    let world = backend.state(GroupKind::World);
    let view = ReadScope::new(&**world, into, Site::NONE);
    if let Some(slug) = copy_named
        && tenants::by_slug(&view, slug).is_some()
    {
        return Err(ShopError::NameTaken { slug: slug.to_string() });
    }
    match tenants::get(&view) {
        Some(tenant) if tenant.status == Status::Active => {
            Err(ShopError::Sells { slug: tenant.slug.to_string() })
        }
        _ => Ok(()),
    }
}

fn file_of(dir: &Path, kind: GroupKind) -> PathBuf {
    dir.join(format!("{}.bundle", crate::state::group_name(kind)))
}
