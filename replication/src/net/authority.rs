//! The cluster's own certificates: one authority, made by the first node, and one key per node.
//!
//! Keys are Ed25519. A node's key never leaves it: it sends the public half and the authority signs
//! what that node may call itself. Certificates are valid for both ends of a connection.

use super::name::{PeerName, any_node_of};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use ring::signature::{ED25519, UnparsedPublicKey};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A certificate is already valid this long before it is made: clocks differ.
const BACKDATED: Duration = Duration::from_secs(3600);
/// The authority outlives every cluster; its key is what is guarded.
const AUTHORITY_VALID: Duration = Duration::from_secs(50 * 365 * 24 * 3600);
pub const PUBLIC_KEY_BYTES: usize = 32;

/// Why a key or certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("a key or certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("{0} is not a point in time a certificate can hold")]
    Time(u64),
    #[error("this is not an Ed25519 public key")]
    PublicKey,
    #[error("the proof that the key is held is wrong")]
    Proof,
}

/// A node's own key.
pub struct NodeKey(KeyPair);

impl NodeKey {
    pub fn generate() -> Result<NodeKey, AuthorityError> {
        Ok(NodeKey(KeyPair::generate_for(&PKCS_ED25519)?))
    }

    /// The key as kept in a file that only this node reads.
    pub fn to_pkcs8(&self) -> Vec<u8> {
        self.0.serialize_der()
    }

    /// # Errors
    /// If the bytes are not what [`NodeKey::to_pkcs8`] gave.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<NodeKey, AuthorityError> {
        Ok(NodeKey(KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(bytes), &PKCS_ED25519)?))
    }

    pub fn public(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.0.public_key_raw().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// Shows that the private half is held, for one message.
    pub fn prove(&self, message: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        Ok(rcgen::SigningKey::sign(&self.0, message)?)
    }
}

/// # Errors
/// [`AuthorityError::Proof`] if the holder of the key did not sign this message.
pub fn check_proof(public: &[u8], message: &[u8], proof: &[u8]) -> Result<(), AuthorityError> {
    UnparsedPublicKey::new(&ED25519, public).verify(message, proof).map_err(|_| AuthorityError::Proof)
}

/// A certificate with the moment until which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    pub certificate: Vec<u8>,
    /// Seconds since 1970.
    pub valid_until: u64,
}

/// Signs the certificates of one cluster.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    cluster: String,
    certificate: Vec<u8>,
}

impl Authority {
    /// A new authority, for the first node of a cluster.
    pub fn generate(cluster: &str) -> Result<Authority, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let params = authority_params(cluster)?;
        let certificate = params.self_signed(&key)?.der().to_vec();
        Ok(Authority { issuer: Issuer::new(params, key), cluster: cluster.to_owned(), certificate })
    }

    /// The authority again, from its certificate and [`Authority::key_pkcs8`].
    pub fn from_parts(cluster: &str, certificate: Vec<u8>, key: &[u8]) -> Result<Authority, AuthorityError> {
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(key), &PKCS_ED25519)?;
        Ok(Authority {
            issuer: Issuer::new(authority_params(cluster)?, key),
            cluster: cluster.to_owned(),
            certificate,
        })
    }

    /// The public half of its key: with the cluster's name all that is needed to know its signatures.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.issuer.key().public_key_raw().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// What every node trusts.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The secret of the cluster. Seal it before it touches disk or wire.
    pub fn key_pkcs8(&self) -> Vec<u8> {
        self.issuer.key().serialize_der()
    }

    /// A certificate for the holder of a key, from now on.
    ///
    /// # Errors
    /// If the key is none, or the name is of another cluster.
    pub fn issue(
        &self,
        name: &PeerName,
        public_key: &[u8],
        now: SystemTime,
        valid: Duration,
    ) -> Result<Issued, AuthorityError> {
        if public_key.len() != PUBLIC_KEY_BYTES || name.cluster() != self.cluster {
            return Err(AuthorityError::PublicKey);
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let until = now + valid;
        let mut params = CertificateParams::new(vec![name.dns(), any_node_of(name.cluster())])?;
        params.not_before = at(now.saturating_sub(BACKDATED))?;
        params.not_after = at(until)?;
        params.distinguished_name.push(DnType::CommonName, name.dns());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&RawKey(public_key), &self.issuer)?;
        Ok(Issued { certificate: certificate.der().to_vec(), valid_until: until.as_secs() })
    }
}

/// Something to trust in the place of an authority's certificate, for one who knows its key only. Whom one
/// trusts needs nobody's signature, so this one is anybody's.
///
/// # Errors
/// If the key is none.
pub fn anchor(cluster: &str, public_key: &[u8]) -> Result<Vec<u8>, AuthorityError> {
    if public_key.len() != PUBLIC_KEY_BYTES {
        return Err(AuthorityError::PublicKey);
    }
    let params = authority_params(cluster)?;
    let anybody = Issuer::from_params(&params, KeyPair::generate_for(&PKCS_ED25519)?);
    Ok(params.signed_by(&RawKey(public_key), &anybody)?.der().to_vec())
}

fn authority_params(cluster: &str) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    params.not_before = at(Duration::ZERO)?;
    // From a fixed moment, so that the same parameters can be made again from the name alone.
    params.not_after = at(Duration::from_secs(1_750_000_000) + AUTHORITY_VALID)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("gearify cluster {cluster}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

struct RawKey<'k>(&'k [u8]);

impl PublicKeyData for RawKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

/// Names of an end's certificate that rustls has verified already.
pub(crate) fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    match webpki::EndEntityCert::try_from(certificate) {
        Ok(certificate) => certificate.valid_dns_names().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}

fn at(since_1970: Duration) -> Result<time::OffsetDateTime, AuthorityError> {
    const YEAR_9999: u64 = 253_370_764_800;
    let seconds = since_1970.as_secs();
    if seconds >= YEAR_9999 {
        return Err(AuthorityError::Time(seconds));
    }
    Ok(date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds))
}
