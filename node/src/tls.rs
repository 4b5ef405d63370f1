//! TLS on the public listener: certificate and key from files, exchanged while the node runs.
//!
//! The files are read at the start, again on SIGHUP, and again when they were seen to have changed. A
//! connection keeps the certificate it began with. Files that can't be used after the start are reported and
//! the certificate that was good stays in use: a renewal gone wrong must not close the shop.

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at. Renewals come weeks before the old certificate ends.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Why certificate and key can't be used: one line each.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{file} can't be read: {source}")]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{file} holds no certificate in PEM")]
    NoCertificate { file: PathBuf },
    #[error("{file} holds no private key in PEM")]
    NoKey { file: PathBuf },
    #[error("{file} is not valid PEM: {source}")]
    NotPem { file: PathBuf, source: pem::Error },
    #[error("the key of {key} does not fit the certificate of {certificate}: {source}")]
    Unfit { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("TLS can't be set up: {0}")]
    SetUp(rustls::Error),
    #[error("SIGHUP can't be listened for: {0}")]
    Signal(io::Error),
}

/// Where a certificate chain and its key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TlsFiles {
    /// What tells that a file was exchanged: when it was written, and how long it is.
    fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.certificate, &self.key].map(|file| {
            let seen = fs::metadata(file).ok()?;
            Some((seen.modified().ok()?, seen.len()))
        })
    }

    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let TlsFiles { certificate, key } = self;
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| TlsError::NotPem { file: certificate.clone(), source })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { file: certificate.clone() });
        }
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|source| match source {
            pem::Error::NoItemsFound => TlsError::NoKey { file: key.clone() },
            source => TlsError::NotPem { file: key.clone(), source },
        })?;
        CertifiedKey::from_der(chain, secret, provider).map_err(|source| TlsError::Unfit {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| TlsError::Unreadable { file: file.to_owned(), source })
}

/// The certificate in use.
#[derive(Debug)]
struct Certificate(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// TLS as the node offers it.
pub struct Tls {
    files: TlsFiles,
    provider: CryptoProvider,
    certificate: Arc<Certificate>,
    acceptor: TlsAcceptor,
    seen: [Option<(SystemTime, u64)>; 2],
    hang_ups: Signal,
}

impl Tls {
    /// Reads the files; SIGHUP is listened for from here on.
    ///
    /// # Errors
    /// Everything a person has to change before TLS can be offered.
    pub fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let provider = crypto::ring::default_provider();
        let seen = files.stamps();
        let certificate = Arc::new(Certificate(ArcSwap::from_pointee(files.load(&provider)?)));
        // TLS 1.2 and 1.3, which is all that rustls speaks.
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider.clone()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::SetUp)?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let hang_ups = signal(SignalKind::hangup()).map_err(TlsError::Signal)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Tls { files, provider, certificate, acceptor, seen, hang_ups })
    }

    /// What begins connections; it follows every exchange of the certificate.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Exchanges the certificate on SIGHUP and when the files change, until `stop`.
    pub async fn keep(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            let asked = tokio::select! {
                hang_up = self.hang_ups.recv() => hang_up.is_some(),
                _ = look.tick() => false,
                () = stop.cancelled() => return,
            };
            let stamps = self.files.stamps();
            if asked || stamps != self.seen {
                self.seen = stamps;
                self.reload();
            }
        }
    }

    fn reload(&self) {
        match self.files.load(&self.provider) {
            Ok(fresh) => {
                self.certificate.0.store(Arc::new(fresh));
                tracing::info!("the certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the certificate in use stays"),
        }
    }
}
