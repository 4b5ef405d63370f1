//! What the settings say of the archive, and whose it is.

use super::{Place, Rules};
use crate::cluster::ClusterDir;
use gearify_config::{ArchiveUrl, Backup};
use gearify_storage::disk::write_durably;
use std::io;
use std::path::Path;

/// Names the archive of a node that belongs to no cluster.
const FILE: &str = "ARCHIVE";

/// Where the archives are; `None` if none is kept.
pub fn place(settings: &Backup) -> Option<Place> {
    Some(match settings.target.clone()? {
        ArchiveUrl::Directory(dir) => Place::Directory(dir),
        ArchiveUrl::Bucket { bucket, prefix } => {
            let s3 = &settings.s3;
            let key = s3.access_key_id.as_ref().zip(s3.secret_access_key.as_ref());
            Place::S3 {
                bucket,
                prefix,
                endpoint: s3.endpoint.as_ref()?.as_str().trim_end_matches('/').to_owned(),
                region: s3.region.as_str().to_owned(),
                key: key.map(|(id, secret)| (id.expose().to_owned(), secret.expose().to_owned())),
            }
        }
    })
}

pub fn rules(backup: &Backup) -> Rules {
    Rules { positions_ms: backup.keep_positions.as_millis() as i64, ..Rules::default() }
}

/// The name under which this node's archive is kept: that of its cluster, else one of its own, made when it
/// is first asked for.
pub fn cluster_of(data_dir: &Path) -> io::Result<String> {
    if let Some(known) = known_cluster_of(data_dir)? {
        return Ok(known);
    }
    let name = format!("alone-{:016x}", rand::random::<u64>());
    write_durably(&data_dir.join(FILE), name.as_bytes())?;
    Ok(name)
}

/// As [`cluster_of`]; `None` before an archive was kept of a node that is alone.
pub fn known_cluster_of(data_dir: &Path) -> io::Result<Option<String>> {
    let identity = ClusterDir::of(data_dir).identity().map_err(io::Error::other)?;
    if let Some(identity) = identity {
        return Ok(Some(identity.cluster));
    }
    match std::fs::read_to_string(data_dir.join(FILE)) {
        Ok(name) => Ok(Some(name.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
