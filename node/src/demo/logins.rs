//! Who may sign in at the demo, and what of it has been made.

use crate::writer::WriteError;
use gearify_commerce::{TenantId, ids};
use gearify_config::Secret;
use gearify_storage::seal::{Random, SystemRandom};
use gearify_web::auth::Passwords;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::range::{SHOPS, Shop};

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{path} is not a demo's login file: {source}")]
    Damaged { path: String, source: serde_json::Error },
    #[error("the summary can't be written: {0}")]
    Json(serde_json::Error),
    #[error("the demo shops can't be made: {0}")]
    Write(#[from] WriteError),
    #[error("the demo data is wrong: {0}")]
    Data(String),
    #[error("the pictures can't be kept: {0}")]
    Blobs(#[from] gearify_storage::BlobError),
    #[error("a password can't be hashed")]
    Password,
}

/// What is printed, and written for programs.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub operator: OperatorLogin,
    pub shops: Vec<ShopLogin>,
}

#[derive(Clone, Debug, Serialize)]
pub struct OperatorLogin {
    pub url: String,
    #[serde(flatten)]
    pub login: Login,
}

#[derive(Clone, Debug, Serialize)]
pub struct ShopLogin {
    pub slug: String,
    pub host: String,
    pub url: String,
    pub currency: String,
    pub owner: Login,
    pub customer: Login,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub email: String,
    pub password: String,
}

/// The demo's own file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    webhook_secret: String,
    operator: Login,
    shops: BTreeMap<String, KeptShop>,
    /// Names of what has been made whole.
    done: BTreeSet<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptShop {
    tenant: String,
    owner: Login,
    customer: Login,
}

pub struct Demo {
    dir: PathBuf,
    kept: Kept,
}

impl Demo {
    pub fn load_or_create(data: &Path) -> Result<Demo, DemoError> {
        let dir = data.join("demo");
        let file = dir.join(FILE);
        let failed = |source| DemoError::File { path: file.display().to_string(), source };
        std::fs::create_dir_all(&dir).map_err(failed)?;
        match std::fs::read(&file) {
            Ok(bytes) => {
                let damaged = |source| DemoError::Damaged { path: file.display().to_string(), source };
                Ok(Demo { kept: serde_json::from_slice(&bytes).map_err(damaged)?, dir })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let demo = Demo { dir, kept: fresh() };
                demo.save()?;
                Ok(demo)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Where the demo keeps its own files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn webhook_secret(&self) -> Secret {
        Secret::parse(&self.kept.webhook_secret).expect("the demo makes a long secret of letters and digits")
    }

    pub fn operator(&self) -> &Login {
        &self.kept.operator
    }

    /// The shop's tenant, its owner and its customer.
    pub fn shop(&self, shop: &Shop) -> Result<(TenantId, Login, Login), DemoError> {
        let wrong = || DemoError::Data(format!("the login file does not know {}", shop.slug));
        let kept = self.kept.shops.get(shop.slug).ok_or_else(wrong)?;
        let tenant = TenantId::parse(&kept.tenant).map_err(|_| wrong())?;
        Ok((tenant, kept.owner.clone(), kept.customer.clone()))
    }

    pub fn is_done(&self, what: &str) -> bool {
        self.kept.done.contains(what)
    }

    pub fn done(&mut self, what: &str) -> Result<(), DemoError> {
        self.kept.done.insert(what.to_owned());
        self.save()
    }

    pub fn summary(&self, public: SocketAddr) -> Summary {
        let port = public.port();
        let shops = SHOPS.iter().filter_map(|shop| {
            let kept = self.kept.shops.get(shop.slug)?;
            let host = format!("{}.localhost", shop.slug);
            Some(ShopLogin {
                slug: shop.slug.to_owned(),
                url: format!("http://{host}:{port}/"),
                host,
                currency: shop.currency.to_owned(),
                owner: kept.owner.clone(),
                customer: kept.customer.clone(),
            })
        });
        let operator =
            OperatorLogin { url: format!("http://localhost:{port}/"), login: self.kept.operator.clone() };
        Summary { operator, shops: shops.collect() }
    }

    fn save(&self) -> Result<(), DemoError> {
        let bytes = serde_json::to_vec_pretty(&self.kept).map_err(DemoError::Json)?;
        write_private(&self.dir.join(FILE), &bytes)
    }
}

const FILE: &str = "logins.json";

fn fresh() -> Kept {
    let login = |name: &str| Login { email: name.to_owned(), password: fresh_password() };
    let shops = SHOPS.iter().map(|shop| {
        let kept = KeptShop {
            tenant: TenantId::from_bits(ids::uuid_v7(crate::backend::now(), rand::random())).to_string(),
            owner: login(&format!("owner@{}.example", shop.slug)),
            customer: login(&format!("shopper@{}.example", shop.slug)),
        };
        (shop.slug.to_owned(), kept)
    });
    Kept {
        webhook_secret: format!("{}{}", fresh_password(), fresh_password()).replace('-', ""),
        operator: login("operator@platform.example"),
        shops: shops.collect(),
        done: BTreeSet::new(),
    }
}

/// Four groups of four from letters and digits that look like no other: 79 bits.
fn fresh_password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 64];
    SystemRandom.fill(&mut bytes).expect("without randomness no password is made");
    // Bytes beyond the last whole round of the alphabet would favour its beginning.
    let fair = bytes.iter().filter(|byte| usize::from(**byte) < LETTERS.len() * 8);
    let letters: Vec<char> =
        fair.map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()] as char).take(16).collect();
    assert_eq!(letters.len(), 16, "64 bytes hold 16 fair letters");
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

pub async fn hashed(passwords: &Passwords, password: &str) -> Result<String, DemoError> {
    passwords.hash(password.to_owned()).await.map_err(|_| DemoError::Password)
}

/// Writes a file that only its owner can read; a reader sees the old bytes or the new ones.
pub fn write_private(file: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    let written = (|| {
        let mut open =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        open.write_all(bytes)?;
        open.sync_all()?;
        std::fs::rename(&temporary, file)
    })();
    written.map_err(|source| DemoError::File { path: file.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn logins_are_made_once_and_only_their_owner_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut demo = Demo::load_or_create(dir.path()).unwrap();
        demo.done("operator").unwrap();
        let again = Demo::load_or_create(dir.path()).unwrap();
        assert_eq!(again.operator(), demo.operator());
        assert!(again.is_done("operator") && !again.is_done("willow/0"));
        let mode = std::fs::metadata(dir.path().join("demo").join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let another = Demo::load_or_create(&dir.path().join("another")).unwrap();
        assert_ne!(another.operator().password, demo.operator().password);
    }

    #[test]
    fn the_summary_has_the_promised_shape() {
        let dir = tempfile::tempdir().unwrap();
        let demo = Demo::load_or_create(dir.path()).unwrap();
        let summary = serde_json::to_value(demo.summary(SocketAddr::from(([127, 0, 0, 1], 8080)))).unwrap();
        assert_eq!(summary["shops"][0]["url"], "http://willow.localhost:8080/");
        assert_eq!(summary["shops"][2]["currency"], "INR");
        assert_eq!(summary["operator"]["email"], "operator@platform.example");
        assert!(summary["shops"][1]["customer"]["password"].as_str().unwrap().len() == 19);
    }
}
